// "/" leads to the search, wherever one is; "Esc" leads back from a hit to the field.
(function () {
  "use strict";
  document.addEventListener("keydown", function (event) {
    var at = event.target;
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName) || at.isContentEditable) return;
    var field = document.getElementById("q");
    var place = document.querySelector('.navigation a[href="/"]');
    if (field) {
      event.preventDefault();
      field.focus();
      field.select();
    } else if (place) {
      event.preventDefault();
      location.assign(place.href);
    }
  });
  var summary = document.querySelector(".error-summary");
  if (summary) summary.focus();
})();
