// Sends an archive in parts. What has arrived is not sent again: after a lost connection, a pause, or a closed tab.
'use strict';
const form = document.getElementById('upload');
if (form && window.crypto?.subtle) {
  const words = form.querySelector('[data-words]').dataset;
  const parts = {
    box: form.querySelector('[data-progress]'), text: form.querySelector('[data-text]'),
    bar: form.querySelector('progress'), failure: form.querySelector('[data-failure]'),
    send: form.querySelector('button:not([type])'), pause: form.querySelector('[data-pause]'),
  };
  const chunk = Number(form.dataset.chunk);
  const key = `upload:${form.dataset.contest}`;
  let paused = null; // a function that goes on, while paused
  let wantsPause = false;

  const fill = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const wait = (seconds) => new Promise((done) => { setTimeout(done, seconds * 1000); });
  const megabytes = (bytes) => (bytes / 2 ** 20).toFixed(1);
  const remember = (value) => {
    try { value ? localStorage.setItem(key, JSON.stringify(value)) : localStorage.removeItem(key); } catch { /* none */ }
  };
  const remembered = () => { try { return JSON.parse(localStorage.getItem(key)); } catch { return null; } };
  const tell = (sentence, share) => { parts.text.textContent = sentence; parts.bar.value = share * 100; };

  class Refused extends Error {}

  async function ask(method, address, body, headers = {}) {
    const answer = await fetch(address, {
      method, body, headers: { 'X-CSRF-Token': form.dataset.csrf, Accept: 'application/json', ...headers },
    });
    if (answer.ok) return answer;
    let message = `${answer.status}`;
    try { message = (await answer.json()).message ?? message; } catch { /* no JSON: the status must do */ }
    const error = new Refused(message);
    error.status = answer.status;
    throw error;
  }
  const json = (value) => [JSON.stringify(value), { 'Content-Type': 'application/json' }];
  const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  const base64 = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)));

  async function upload(file) {
    tell(words.checking, 0);
    const sha256 = hex(await crypto.subtle.digest('SHA-256', await file.arrayBuffer()));
    let row = await earlier(file, sha256);
    if (row) {
      tell(fill(words.resumed, { done: megabytes(row.received_bytes) }), row.received_bytes / file.size);
    } else {
      const body = json({ filename: file.name, size_bytes: file.size, sha256 });
      row = await (await ask('POST', form.dataset.uploads, ...body)).json();
      remember({ id: row.id, sha256 });
    }
    let offset = row.received_bytes ?? 0;
    let tries = 0;
    while (offset < file.size) {
      if (wantsPause) await new Promise((go) => { paused = go; tell(words.paused, offset / file.size); });
      const part = file.slice(offset, offset + chunk);
      const bytes = await part.arrayBuffer();
      const checksum = base64(await crypto.subtle.digest('SHA-256', bytes));
      try {
        await ask('PATCH', `/api/v1/uploads/${row.id}`, bytes, {
          'Upload-Offset': String(offset), 'Content-Type': 'application/offset+octet-stream',
          'Upload-Checksum': `sha256 ${checksum}`,
        });
        offset += part.size;
        tries = 0;
      } catch (error) {
        // 409: the server has another part than we think; 460: damaged on the way; no status: the line is down.
        if (error.status && ![409, 460, 429, 502, 503, 504].includes(error.status)) throw error;
        if (tries++ >= 8) throw new Error(words.lost);
        tell(words.waiting, offset / file.size);
        await wait(Math.min(20, 2 ** tries / 2));
        offset = await receivedBytes(row.id, offset);
      }
      tell(fill(words.sending, { done: megabytes(offset), total: megabytes(file.size) }), offset / file.size);
    }
    return [row.id, sha256];
  }

  async function earlier(file, sha256) {
    const old = remembered();
    if (!old || old.sha256 !== sha256) return null;
    try { return await (await ask('GET', `/api/v1/uploads/${old.id}`)).json(); } catch { return null; }
  }

  async function receivedBytes(id, otherwise) {
    try { return (await (await ask('GET', `/api/v1/uploads/${id}`)).json()).received_bytes; } catch (error) {
      if (error instanceof Refused && error.status === 404) throw error;
      return otherwise;
    }
  }

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const file = form.archive.files[0];
    parts.failure.hidden = true;
    const maximum = Number(form.dataset.maximum);
    if (file.size > maximum * 2 ** 20) {
      parts.failure.textContent = fill(words.large, { size: megabytes(file.size), maximum });
      parts.failure.hidden = false;
      return;
    }
    parts.send.disabled = true;
    parts.box.hidden = false;
    parts.pause.hidden = false;
    try {
      const [id, sha256] = await upload(file);
      tell(words.done, 1);
      const body = json({
        upload_id: id, sha256, title: form.elements.title.value, note: form.elements.note.value, kind: form.elements.kind.value,
      });
      const made = await (await ask('POST', form.dataset.submissions, ...body)).json();
      remember(null);
      window.location.assign(`/s/${made.id}`);
    } catch (error) {
      parts.failure.textContent = error.message;
      parts.failure.hidden = false;
      parts.box.hidden = true;
      parts.pause.hidden = true;
      parts.send.disabled = false;
    }
  });
  parts.pause.addEventListener('click', () => {
    wantsPause = !wantsPause;
    parts.pause.textContent = wantsPause ? words.resume : words.pause;
    if (!wantsPause && paused) { paused(); paused = null; }
  });
}
