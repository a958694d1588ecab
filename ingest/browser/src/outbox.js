// Brings events to the API so that none is lost: each is kept before it is sent, dropped only when it is answered, and
// until then sent again with growing pauses and from later pages. Repeats are harmless: the server counts once.

import { api, say } from './settings.js';
import { drop, keep, kept } from './storage.js';
import { permission } from './visitor.js';

// A time, or an event before it.
export const wait = (time, event) =>
  new Promise((resolve) => {
    setTimeout(resolve, time);
    addEventListener(event, resolve);
  });

// The body goes as text, which needs no preflight, and outlives the page. `success` is our own word for it that the event
// is safe: a hotel's login page is a 200 too. `again` means that another try on this page is worth it.
export const send = async (path, body) => {
  const reply = { again: true, error: 'no answer', warnings: [], eventId: null, pause: 0 };
  try {
    const response = await fetch(api + path, {
      method: 'POST',
      body: JSON.stringify(body),
      keepalive: true,
      credentials: 'same-origin',
    });
    const { status, ok, headers } = response;
    reply.error = status;
    reply.pause = headers.get('Retry-After') * 1e3 || 0;
    reply.eventId = headers.get('X-Event-Id');
    const answer = await response.json().catch(() => ({}));
    reply.again = ok ? answer.success == null : /5..|408|429/.test(status);
    Object.assign(reply, { error: answer.message }, answer);
  } catch (failed) {}
  say(
    path + (reply.success
      ? ' recorded: ' + [reply.message || reply.click_id, reply.eventId, ...reply.warnings]
      : ' not recorded: ' + reply.error + (reply.again ? '. Kept' : '')),
  );
  return reply;
};

// What a call from the page resolves to.
export const result = ({ success, eventId, warnings, error }, queued) => ({
  success: !!success,
  queued: !success && !!queued,
  eventId,
  warnings: success ? warnings : [error],
});

// `life` is for how long it is worth sending; `waits` is up to `prepare`.
export const put = (name, life, body, waits) => keep(name, JSON.stringify({ end: Date.now() + life, body, waits }));

// Sends what is kept under that name, until it is answered or something else is kept there: by a newer call, by another
// tab, or nothing because consent is gone. `prepare` completes the event and makes path and body, `report` hears of every
// attempt and says whether to drop it.
export const deliver = async (name, prepare, report) => {
  let text = kept(name);
  const event = JSON.parse(text);
  if (event.end < Date.now()) drop(name);
  // Growing by chance, so that not all browsers come back at once.
  for (let pause = 1e3; kept(name) === text; pause *= 1.5 + Math.random()) {
    await permission();
    const request = await prepare(event);
    if (kept(name) === text) keep(name, (text = JSON.stringify(event)));
    const reply = await send(...request);
    if (report(reply, event.body) && kept(name) === text) drop(name);
    if (!reply.again) return;
    await wait(Math.max(pause, reply.pause), 'online');
  }
};
