// Hands the session over to the frame in the CRM that opened this window, and closes it.
(function () {
  "use strict";
  if (!window.opener) return;
  window.opener.postMessage({ signedIn: document.getElementById("word").dataset.word }, location.origin);
  setTimeout(function () { window.close(); }, 300);
})();
