// The leaderboard as it moves: whenever it may have changed, its part of the page is fetched anew.
'use strict';
const board = document.querySelector('[data-board]');
let events = null;
let seen = null;

async function renew() {
  const answer = await fetch(window.location.href);
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const fresh = page.querySelector('[data-board]');
  if (!fresh || fresh.innerHTML === board.innerHTML) return;
  const isOpen = board.querySelector('details')?.open;
  const focused = board.contains(document.activeElement);
  if (focused) return; // nobody's place is taken away; the next change, or a reload, brings it
  board.innerHTML = fresh.innerHTML;
  if (isOpen) board.querySelector('details')?.setAttribute('open', '');
  document.querySelector('[data-board-said]').textContent = board.dataset.moved;
}

// A browser keeps six connections to a server: pages that nobody sees must not take them.
function listen() {
  if (document.hidden) {
    events?.close();
    events = null;
  } else if (!events) {
    events = new EventSource(board.dataset.board);
    events.addEventListener('board', (event) => {
      const { version } = JSON.parse(event.data);
      if (seen !== null && version !== seen) renew();
      seen = version;
    });
  }
}

if (board) {
  seen = Number(board.dataset.version);
  document.addEventListener('visibilitychange', listen);
  listen();
}
