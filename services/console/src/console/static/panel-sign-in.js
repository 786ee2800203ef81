// In the CRM's frame: takes over the session of the window in which somebody has just signed in.
(function () {
  "use strict";
  function look() {
    return fetch("/session", { credentials: "same-origin", cache: "no-store" })
      .then(function (answer) { if (answer.status === 204) location.reload(); })
      .catch(function () {});
  }
  window.addEventListener("message", function (event) {
    if (event.origin !== location.origin || !event.data || !event.data.signedIn) return;
    fetch("/session", {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ word: event.data.signedIn })
    })
      .then(function (answer) { if (answer.ok) location.reload(); })
      .catch(function () {});
  });
  window.addEventListener("focus", look);
  document.addEventListener("visibilitychange", function () { if (!document.hidden) look(); });
})();
