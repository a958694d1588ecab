// Who the visitor is: the click id that counts, those before it, the landing address, the session, the consent.
// Sends nothing.

import { cookie, removeCookie, setCookie } from './cookies.js';
import { allow, consent } from './settings.js';
import { attempt, drop, keep, kept, names } from './storage.js';

const CLICK = 'affitor_click_id';
const OLD_CLICK = 'customer_code';
const ADDRESS = 'affitor_aff_url';
const CLICKS = 'affitor_clicks';
const MOST_CLICKS = 20;

// The last clicks with the end of their life, the newest last.
const clicks = () => JSON.parse(kept(CLICKS) || '[]').filter((click) => click[1] > Date.now());

export const clickIds = () => clicks().map((click) => click[0]);

// The cookie first: another subdomain may have a newer one. Without cookies, what the storage has.
export const clickId = () => cookie(CLICK) || clickIds().pop() || null;

export const affiliateUrl = () => cookie(ADDRESS) || null;

export const remember = (id, address, days) => {
  const seconds = days * 86400;
  const others = clicks().filter((click) => click[0] !== id);
  keep(CLICKS, JSON.stringify(others.concat([[id, Date.now() + seconds * 1e3]]).slice(-MOST_CLICKS)));
  // One that is there already is left alone: the server may have set it, and Safari keeps that one longer.
  if (cookie(CLICK) !== id) setCookie(CLICK, seconds, id);
  setCookie(OLD_CLICK, seconds, id);
  setCookie(ADDRESS, seconds, address);
};

// One id for all pages of a tab.
export const session = () =>
  attempt(() => (sessionStorage.affitor_session = sessionStorage.affitor_session || '' + Math.random()));

let waiting = [];

// Comes with the consent; without it never.
export const permission = () => consent || new Promise((resolve) => waiting.push(resolve));

export const setConsent = (given) => {
  // Also to forget what an earlier visit has stored.
  allow(true);
  if (given) {
    // What waited in memory is stored.
    names('affitor').forEach((name) => keep(name, kept(name)));
    waiting.forEach((resume) => resume());
  } else {
    [CLICK, OLD_CLICK, ADDRESS].forEach(removeCookie);
    names('affitor').forEach(drop);
    attempt(() => delete sessionStorage.affitor_session);
    allow(false);
  }
  waiting = [];
};
