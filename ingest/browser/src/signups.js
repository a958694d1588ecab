// Sends signups, those of earlier pages too. One is dropped only after a success.

import { page, underWay } from './clicks.js';
import { deliver, put, result, wait } from './outbox.js';
import { consent, debug, program } from './settings.js';
import { names } from './storage.js';
import { clickId, clickIds, session } from './visitor.js';

const START = 'affitor_lead_';
const A_MONTH = 2592e6;
// How long a page waits for its promise, and a signup for the click before it.
const PATIENCE = 5e3;
const CLICK_PATIENCE = 1e4;

const attribution = () => ({ click_id: clickId(), click_ids: clickIds() });

const prepare = async (event) => {
  if (event.waits) {
    // Not for ever, and not when the page is being left.
    await Promise.race([underWay(), wait(CLICK_PATIENCE, 'pagehide')]);
    // What is known now is this signup's click, whatever comes later.
    Object.assign(event.body, attribution());
    event.waits = !!underWay();
  }
  // Asked now: the page may have put it right.
  event.body.program_id = event.body.program_id || program;
  return ['lead', event.body];
};

const report = (settled) => (reply) => {
  settled(result(reply, true));
  return reply.success;
};

export const signup = (key, email, more) => {
  const name = START + key;
  const body = {
    // None becomes a word that the server knows to be none, and warns of.
    customer_key: '' + key,
    email,
    debug_mode: debug,
    page_url: page(),
    session_id: session(),
    additional_data: more,
    ...attribution(),
  };
  put(name, A_MONTH, body, !consent || !!underWay());
  return new Promise((settled) => {
    deliver(name, prepare, report(settled));
    setTimeout(() => settled(result({ error: 'no answer' }, true)), consent && PATIENCE);
  });
};

export const resumeSignups = () => names(START).forEach((name) => deliver(name, prepare, report(() => {})));
