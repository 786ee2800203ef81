// A state that changes by itself: asks for the fragment, at first each second, later every ten, until it is final.
(function () {
  "use strict";
  if (!window.fetch || !window.DOMParser) return;
  document.querySelectorAll("[data-status]").forEach(function (box) {
    var text = box.querySelector("[data-status-text]");
    var again = box.querySelector("[data-status-again]");
    var pause = 1000;
    var until = Date.now() + 30 * 60 * 1000;
    if (!text || text.querySelector("[data-final]")) {
      if (again) again.hidden = true;
      return;
    }
    if (again) again.hidden = true;

    function later() {
      if (Date.now() > until) {
        if (again) again.hidden = false;
        return;
      }
      setTimeout(document.hidden ? later : look, pause);
      pause = Math.min(pause * 1.3, 10000);
    }

    function look() {
      fetch(box.dataset.status, { credentials: "same-origin", cache: "no-store" })
        .then(function (answer) {
          if (answer.status === 401 || answer.status === 403 || answer.status === 404 || answer.status === 410) {
            until = 0;
          }
          return answer.ok ? answer.text() : null;
        })
        .then(function (html) {
          if (html === null) return later();
          var body = new DOMParser().parseFromString(html, "text/html").body;
          if (body.innerHTML.trim() !== text.innerHTML.trim()) {
            text.replaceChildren.apply(text, Array.prototype.slice.call(body.childNodes));
          }
          if (!text.querySelector("[data-final]")) later();
        })
        .catch(later);
    }

    later();
  });
})();
