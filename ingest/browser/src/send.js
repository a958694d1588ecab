// Sends one event to the API and says how it went; never throws. The body goes as text, which needs no preflight, and
// outlives the page. What to do with the answer is the caller's business.

import { settings } from './settings.js';

const DEADLINE = 15000;
const LONGEST_PAUSE = 300000;

// `sent`: the event is safe. `again`: worth another try on this page. Only our own success counts: a hotel's login page
// is a 200 too.
export const send = async (event, body) => {
  const end = new AbortController();
  const timer = setTimeout(() => end.abort(), DEADLINE);
  const reply = { answer: {}, again: true, wait: 0 };
  try {
    const response = await fetch(settings.api + '/api/v1/track/' + event, {
      method: 'POST',
      body: JSON.stringify(body),
      keepalive: true,
      credentials: 'same-origin',
      signal: end.signal,
    });
    const status = response.status;
    reply.error = 'status ' + status;
    reply.again = response.ok || status > 499 || status === 429 || status === 408;
    reply.wait = response.headers.get('Retry-After') * 1000 || 0;
    reply.eventId = response.headers.get('X-Event-Id');
    reply.answer = await response.json();
    reply.error = reply.answer.error || reply.answer.message || reply.error;
    reply.sent = response.ok && reply.answer.success === true;
    reply.again = reply.again && !(response.ok && 'success' in reply.answer);
  } catch (failed) {
    reply.error = reply.error || 'no answer from ' + settings.api;
  }
  clearTimeout(timer);
  return reply;
};

// Grows from one second to five minutes, never shorter than the server asked for; ends when the browser is online again.
export const pause = (tries, wait) =>
  new Promise((resolve) => {
    const grown = 1000 * 2 ** tries * (0.5 + Math.random() / 2);
    setTimeout(resolve, Math.min(Math.max(grown, wait), LONGEST_PAUSE));
    addEventListener('online', resolve, { once: true });
  });
