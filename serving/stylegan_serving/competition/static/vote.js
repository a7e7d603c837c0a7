// 1, 2 and 0 vote for the first, the second, and a tie.
'use strict';
const ballot = document.getElementById('ballot');
document.addEventListener('keydown', (event) => {
  if (!ballot || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest('input, select, textarea')) return;
  const winner = { 1: 'first', 2: 'second', 0: 'tie' }[event.key];
  if (winner) ballot.querySelector(`button[value=${winner}]`).click();
});
