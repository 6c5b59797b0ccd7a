/* Lists that are worked off: what is ticked is counted, and a filter is asked for when it changes. */
"use strict";
(() => {
  const count = (form) => {
    const boxes = [...form.querySelectorAll("tbody input[type=checkbox]")];
    const ticked = boxes.filter((box) => box.checked).length;
    const all = form.querySelector("[data-check-all]");
    const told = form.querySelector("[data-selected]");
    if (!all) return;
    all.checked = ticked > 0 && ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
    told.textContent = ticked ? told.dataset.some.replace("{n}", ticked) : told.dataset.none;
    form.querySelectorAll("[data-needs-selection]").forEach((button) => { button.disabled = !ticked; });
  };
  document.addEventListener("change", (event) => {
    const form = event.target.closest("[data-selection]");
    if (form) {
      if (event.target.matches("[data-check-all]")) {
        form.querySelectorAll("tbody input[type=checkbox]").forEach((box) => { box.checked = event.target.checked; });
      }
      count(form);
    }
    const filter = event.target.closest("[data-submit-on-change]");
    if (filter) filter.requestSubmit();
  });
  const every = () => document.querySelectorAll("[data-selection]").forEach(count);
  document.addEventListener("console:changed", every);
  every();
})();
