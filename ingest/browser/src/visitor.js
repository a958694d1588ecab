// Who the visitor is: the click id that counts, those before it, the landing address, the session.
// Sends nothing.

import { cookie, setCookie } from './cookies.js';
import { attempt, keep, kept } from './storage.js';

const CLICK = 'affitor_click_id';
const OLD_CLICK = 'customer_code';
const ADDRESS = 'affitor_aff_url';
const CLICKS = 'affitor_clicks';
const MOST_CLICKS = 20;

// Whether the server takes it as an identifier. One broken text must not cost a signup.
const isValid = (text) => /^[\w.:-]{1,128}$/.test(text || '');

// The last ones, the newest last.
export const clickIds = () => (kept(CLICKS) || '').split(',').filter(isValid).slice(-MOST_CLICKS);

// The cookie first: another subdomain may have a newer one. Without cookies, what the storage has.
export const clickId = () => [cookie(CLICK), clickIds().pop()].find(isValid) || null;

export const affiliateUrl = () => cookie(ADDRESS) || null;

// The answer to an earlier click may come after that to the newest: then it stands before it.
export const remember = ({ click_id: id, cookie_window_days: days }, address, isNewest) => {
  const seconds = days * 86400;
  const ids = clickIds().filter((other) => other !== id);
  ids.splice(isNewest ? MOST_CLICKS : -1, 0, id);
  keep(CLICKS, ids.join());
  const newest = ids.pop();
  // One that is there already is left alone: the server may have set it, and Safari keeps that one longer. But it has set
  // the earlier one too.
  if ((cookie(CLICK) === id) !== isNewest) setCookie(CLICK, seconds, newest);
  setCookie(OLD_CLICK, seconds, newest);
  if (isNewest) setCookie(ADDRESS, seconds, address);
};

// One id for all pages of a tab.
export const session = () =>
  attempt(() => (sessionStorage.affitor_session = [sessionStorage.affitor_session, '' + Math.random()].find(isValid)));

export const forget = () => {
  [CLICK, OLD_CLICK, ADDRESS].forEach((name) => setCookie(name, 0));
  attempt(() => delete sessionStorage.affitor_session);
};
