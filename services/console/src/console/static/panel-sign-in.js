// In the CRM's frame: who has signed in in another window is let in here as soon as they come back.
(function () {
  "use strict";
  function look() {
    fetch("/session", { credentials: "same-origin", cache: "no-store" })
      .then(function (answer) { if (answer.status === 204) location.reload(); })
      .catch(function () {});
  }
  window.addEventListener("focus", look);
  document.addEventListener("visibilitychange", function () { if (!document.hidden) look(); });
})();
