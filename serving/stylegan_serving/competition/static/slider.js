// A line to draw over a result: what lies beneath shows on its left. Pointer, touch, and the slider's own keys.
'use strict';
for (const figure of document.querySelectorAll('[data-reveal]')) {
  const stage = figure.querySelector('.reveal-stage');
  const range = figure.querySelector('input[type=range]');
  const under = figure.querySelector('.reveal-under');
  figure.classList.add('is-live');
  const show = () => stage.style.setProperty('--cut', `${range.value}%`);
  const follow = (event) => {
    const box = stage.getBoundingClientRect();
    range.value = Math.max(0, Math.min(100, ((event.clientX - box.left) / box.width) * 100));
    show();
  };
  range.addEventListener('input', show);
  stage.addEventListener('pointerdown', (event) => {
    event.preventDefault(); // no dragging of the picture itself
    stage.setPointerCapture(event.pointerId);
    follow(event);
  });
  stage.addEventListener('pointermove', (event) => { if (stage.hasPointerCapture(event.pointerId)) follow(event); });
  // The stage keeps the result's shape while another picture, maybe of another shape, lies beneath it.
  const over = figure.querySelector('.reveal-over');
  const fit = () => {
    if (!over.naturalWidth) return;
    under.style.setProperty('aspect-ratio', `${over.naturalWidth} / ${over.naturalHeight}`);
    // A tall picture stays in the window, with its slider.
    figure.style.setProperty('max-width', `min(40rem, ${(76 * over.naturalWidth) / over.naturalHeight}vh)`);
  };
  under.style.setProperty('object-fit', 'cover');
  over.addEventListener('load', fit);
  fit();
  for (const radio of figure.querySelectorAll('input[type=radio]')) {
    radio.addEventListener('change', () => {
      under.src = radio.value;
      under.alt = figure.querySelector(`label[for="${radio.id}"]`).textContent;
    });
    if (radio.checked && radio.value !== under.getAttribute('src')) under.src = radio.value; // kept over a reload
  }
  show();
}
