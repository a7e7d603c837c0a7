// A submission on its way: its events move the bar; at the end the page is loaded anew with its scores.
'use strict';
for (const panel of document.querySelectorAll('[data-live]')) {
  const words = panel.querySelector('[data-words]').dataset;
  const text = panel.querySelector('[data-live-text]');
  const eta = panel.querySelector('[data-live-eta]');
  const bar = panel.querySelector('progress');
  const fill = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const say = (element, sentence) => { if (element.textContent !== sentence) element.textContent = sentence; };
  let source = null;
  const take = (event) => {
    const now = JSON.parse(event.data);
    if (now.state === 'queued') {
      say(text, fill(words.queued, { n: now.queue_position ?? '–' }));
      bar.removeAttribute('value');
    } else if (now.state === 'running') {
      say(text, fill(words.running, { done: now.progress_done, total: now.progress_total || '–' }));
      bar.max = now.progress_total || 1;
      bar.value = now.progress_done;
    } else {
      source.close();
      document.removeEventListener('visibilitychange', listen);
      say(text, words.done);
      window.location.reload();
      return;
    }
    const seconds = now.eta_seconds;
    say(eta, seconds == null ? '' : seconds < 5 ? words.soon : fill(words.eta, { seconds: Math.round(seconds) }));
  };
  // A browser keeps six connections to a server: pages that nobody sees must not take them.
  const listen = () => {
    if (document.hidden) {
      source?.close();
      source = null;
    } else if (!source) {
      source = new EventSource(panel.dataset.live);
      source.addEventListener('status', take);
    }
  };
  document.addEventListener('visibilitychange', listen);
  listen();
}
