// Sends signups, those of earlier pages too. One is dropped only after a success, or when there are too many.

import { page, underWay } from './clicks.js';
import { NO_ANSWER, deliver, put, result, wait } from './outbox.js';
import { consent, debug, program } from './settings.js';
import { drop, names } from './storage.js';
import { clickId, clickIds, session } from './visitor.js';

const START = 'affitor_lead_';
const A_MONTH = 2592e6;
// What is refused today may be taken tomorrow, but not any number.
const MOST_SIGNUPS = 20;
// How long a page waits for its promise, and a signup for the click before it. A click that reaches the server after the
// signup does not count, so that is long.
const PATIENCE = 5e3;
const CLICK_PATIENCE = 6e4;
// 11 days.
const FOR_EVER = 1e9;

const attribution = () => ({ session_id: session(), click_id: clickId(), click_ids: clickIds() });

const prepare = async (event) => {
  if (event.waits) {
    // Not for ever, and not when the page is being left.
    await Promise.race([underWay(), wait(event.waits, 'pagehide')]);
    // What is known now is this signup's click, whatever comes later.
    Object.assign(event.body, attribution());
    // Safe now, but not attributed: it is sent once more when the click is answered.
    event.waits = underWay() && FOR_EVER;
  }
  // The program as it is now: the page may have put it right.
  return ['lead', { program_id: program, ...event.body }];
};

// What this page brings already, by name.
const begun = {};

// Resolves soon, whatever becomes of it.
const bring = (name) =>
  new Promise((settled) => {
    begun[name] = consent;
    deliver(name, prepare, (reply, event) => {
      settled(result(reply, true));
      return reply.success && !event.waits;
    });
    setTimeout(() => settled(result(NO_ANSWER, true)), consent && PATIENCE);
  });

export const signup = (key, email) => {
  // Another email or click of the same customer is another signup: the server merges what they know.
  const name = START + [key, email, clickId()];
  const body = {
    // None becomes a word that the server knows to be none, and warns of.
    customer_key: '' + key,
    email,
    debug_mode: debug,
    page_url: page(),
    ...attribution(),
  };
  names(START).slice(MOST_SIGNUPS).forEach(drop);
  put(name, A_MONTH, body, (!consent || underWay()) && CLICK_PATIENCE);
  return bring(name);
};

export const resumeSignups = () => names(START).forEach((name) => begun[name] || bring(name));
