/* Sets light or dark before the first paint, so that nothing flashes; "auto" follows the system. */
"use strict";
(() => {
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const paint = () => {
    const wish = root.dataset.theme;
    root.dataset.bsTheme = wish === "auto" ? (dark.matches ? "dark" : "light") : wish;
    document.dispatchEvent(new CustomEvent("console:theme"));
  };
  dark.addEventListener("change", paint);
  document.addEventListener("console:choose-theme", (event) => {
    root.dataset.theme = event.detail;
    paint();
  });
  paint();
})();
