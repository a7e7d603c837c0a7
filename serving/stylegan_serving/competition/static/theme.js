// Loaded before the page is drawn, so that the chosen theme does not flash; the button comes with the page.
'use strict';
(() => {
  const root = document.documentElement;
  root.classList.add('has-script');
  const read = () => { try { return localStorage.getItem('theme'); } catch { return null; } };
  const chosen = read();
  if (chosen === 'light' || chosen === 'dark') root.dataset.theme = chosen;
  const isDark = () => root.dataset.theme
    ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  document.addEventListener('DOMContentLoaded', () => {
    const tab = document.querySelector('.tabs [aria-current]');
    if (tab) tab.closest('.tabs').scrollLeft = tab.parentElement.offsetLeft - 40; // on a phone the row is wider
    const button = document.getElementById('theme');
    const name = () => { button.textContent = isDark() ? button.dataset.light : button.dataset.dark; };
    name();
    button.addEventListener('click', () => {
      root.dataset.theme = isDark() ? 'light' : 'dark';
      try { localStorage.setItem('theme', root.dataset.theme); } catch { /* private window: for this page only */ }
      name();
    });
  });
})();
