// Small comforts: filters that apply when changed, questions before what cannot be undone, buttons that copy.
'use strict';
for (const form of document.querySelectorAll('form[data-submit-on-change]')) {
  for (const select of form.querySelectorAll('select')) {
    // With the keyboard every arrow press changes a select: those people press the button or Enter.
    let byPointer = false;
    select.addEventListener('pointerdown', () => { byPointer = true; });
    select.addEventListener('keydown', () => { byPointer = false; });
    select.addEventListener('change', () => { if (byPointer) form.requestSubmit(); });
  }
}
for (const form of document.querySelectorAll('form[data-ask]')) {
  form.addEventListener('submit', (event) => { if (!window.confirm(form.dataset.ask)) event.preventDefault(); });
}
for (const button of document.querySelectorAll('[data-copy]')) {
  button.addEventListener('click', async () => {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = button.dataset.copied;
    } catch {
      getSelection().selectAllChildren(source);
    }
  });
}
