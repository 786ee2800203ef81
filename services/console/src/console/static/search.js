// Finds as one types: posts the form after a short rest and puts the hits in place. The arrows choose, Enter opens.
(function () {
  "use strict";
  var form = document.getElementById("search");
  var field = document.getElementById("q");
  var box = document.getElementById("hits");
  if (!form || !window.fetch || !window.AbortController) return;
  document.querySelectorAll(".with-script").forEach(function (one) { one.hidden = false; });
  var resting = null;
  var asking = null;
  var shown = field.value.trim();
  field.setSelectionRange(field.value.length, field.value.length);

  function hits() {
    return Array.prototype.slice.call(box.querySelectorAll(".hits a"));
  }

  function find() {
    var wanted = field.value.trim();
    if (asking) asking.abort();
    asking = new AbortController();
    var sent = new URLSearchParams(new FormData(form));
    return fetch(form.dataset.hits, { method: "POST", body: sent, credentials: "same-origin", cache: "no-store", signal: asking.signal })
      .then(function (answer) {
        if (answer.status === 401 || answer.status === 403) return location.reload();
        return answer.text().then(function (html) {
          if (wanted !== field.value.trim() || !answer.ok) return;
          var body = new DOMParser().parseFromString(html, "text/html").body;
          box.replaceChildren.apply(box, Array.prototype.slice.call(body.childNodes));
          shown = wanted;
        });
      })
      .catch(function () {});
  }

  field.addEventListener("input", function () {
    clearTimeout(resting);
    resting = setTimeout(find, 120);
  });

  form.addEventListener("submit", function (event) {
    event.preventDefault();
    clearTimeout(resting);
    var ready = shown === field.value.trim() ? Promise.resolve() : find();
    ready.then(function () {
      var first = hits()[0];
      if (first && hits().length === 1) first.click();
      else if (first) first.focus();
    });
  });

  document.addEventListener("keydown", function (event) {
    var all = hits();
    var at = all.indexOf(document.activeElement);
    if (event.key === "Escape" && at >= 0) {
      field.focus();
      field.select();
    } else if (event.key === "ArrowDown" && all.length && (at >= 0 || document.activeElement === field)) {
      event.preventDefault();
      all[Math.min(at + 1, all.length - 1)].focus();
    } else if (event.key === "ArrowUp" && at >= 0) {
      event.preventDefault();
      if (at === 0) field.focus();
      else all[at - 1].focus();
    }
  });
})();
