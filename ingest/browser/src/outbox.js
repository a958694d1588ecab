// Brings events to the API so that none is lost: each is kept before it is sent, dropped only when it is answered, and
// until then sent again with growing pauses and from later pages. Repeats are harmless: the server counts once.

import { api, consent, say } from './settings.js';
import { attempt, drop, keep, kept } from './storage.js';

// For one try.
const DEADLINE = 15e3;
const LONGEST_PAUSE = 36e5;

// A time, or an event before it.
export const wait = (time, event) =>
  new Promise((resolve) => {
    setTimeout(resolve, time);
    addEventListener(event, resolve);
  });

// What is known of an event as long as there is no answer.
export const NO_ANSWER = { again: true, error: 'no answer', pause: 0 };

// `success` is our own word for it that the event is safe: a hotel's login page is a 200 too. `again` means that another
// try on this page is worth it, `isFinal` that none ever is.
const read = async (response) => {
  const answer = (await response.json().catch(() => {})) || {};
  const isOurs = answer.success != null;
  return {
    again: response.ok ? !isOurs : /5..|408|429/.test(response.status),
    isFinal: isOurs && /[24]00/.test(response.status),
    error: answer.message || response.status,
    eventId: response.headers.get('x-event-id'),
    pause: response.headers.get('retry-after') * 1e3 || 0,
    ...answer,
  };
};

// The body goes as text, which needs no preflight, and outlives the page.
export const send = async (path, body) => {
  const ask = () => fetch(api + path, { method: 'post', body: JSON.stringify(body), keepalive: true }).then(read);
  const answer = consent && (await Promise.race([ask(), wait(DEADLINE)]).catch(() => {}));
  const reply = answer || NO_ANSWER;
  const fate = reply.success ? 'recorded' : reply.again ? 'kept' : 'refused';
  say([path, fate, reply.error, reply.click_id, reply.eventId, reply.warnings].join(' '));
  return reply;
};

// What a call from the page resolves to.
export const result = (reply, queued = false) => ({
  success: !!reply.success,
  queued: queued && !reply.success,
  eventId: reply.eventId || null,
  warnings: reply.success ? reply.warnings || [] : [reply.error],
});

export const put = (name, life, body, waits) => keep(name, JSON.stringify({ end: Date.now() + life, body, waits }));

// Sends what is kept under that name, until it is answered or something else is kept there: by a newer call, by another
// tab, or nothing because consent is gone. `prepare` completes the event and makes path and body, `report` hears of every
// attempt, and whether the event is still what is kept, and says whether to drop it.
export const deliver = async (name, prepare, report) => {
  let text = kept(name);
  if (!consent) return;
  const event = attempt(() => JSON.parse(text)) || {};
  // All that was put there by a tracker names a page.
  if (!(event.end > Date.now() && event.body && event.body.page_url)) return drop(name);
  const isKept = () => kept(name) === text;
  for (let pause = 1e3; isKept(); pause *= 2) {
    const request = await prepare(event);
    if (isKept()) keep(name, (text = JSON.stringify(event)));
    const reply = await send(...request);
    const still = isKept();
    if (report(reply, event, still) && still) drop(name);
    if (!reply.again && !event.waits) return;
    // By chance, so that not all browsers come back at once.
    await wait(Math.min(Math.max(pause, reply.pause) * (1 + Math.random()), LONGEST_PAUSE), 'online');
  }
};
