// Runs before anything is painted, so that a chosen theme does not flash. The rest is in src/design/theme.tsx.
(() => {
  try {
    const theme = localStorage.getItem("hashpass.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage is forbidden: the system's theme it is.
  }
})();
