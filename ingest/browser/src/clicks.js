// Reports a visit through a referral link, from the next page if need be. Signups wait for the one under way. Called when
// a page opens and whenever a single-page app changes its address.

import { setCookie } from './cookies.js';
import { deliver, put } from './outbox.js';
import { api, consent, program } from './settings.js';
import { clickId, remember, session } from './visitor.js';

const NAME = 'affitor_landing';
const A_DAY = 864e5;

// The code that this page has already reported.
let seen;
// Settles when the click under way is answered. Nothing when there is none.
let current;
// What this page has reported last.
let landing;

export const underWay = () => current;

// What is behind the path may be a person's: an address, a token.
export const page = () => location.origin + location.pathname;

const prepare = ({ body }) => [
  // What the page's own server needs to set the same cookie as this script. No other host is told.
  'click' + (api.origin === location.origin ? '?cookie_domain=' + setCookie('affitor_try', 1) : ''),
  { ...body, session_id: session(), existing_click_id: clickId() },
];

const report = (reply, { body }, isNewest) => {
  if (reply.click_id) remember(reply, body.affiliate_url, isNewest);
  return reply.isFinal;
};

// Sends the click that is kept, if there is one.
export const resumeClick = () => {
  if (current || !consent) return;
  const own = (current = deliver(NAME, prepare, report).then(() => {
    if (current === own) current = 0;
  }));
};

// Once more when the consent to what was reported is taken back: it waits in memory for the next one.
export const reportLanding = () => {
  if (!landing) return;
  put(NAME, A_DAY, landing);
  current = 0;
  resumeClick();
};

// Reports a code that this page has not reported yet. The first `aff` counts. Going `back` to a page is no click on its
// link, but nothing else reports its code either.
export const look = (back) => {
  const code = new URL(location).searchParams.get('aff');
  if (!code || code === seen) return;
  seen = code;
  if (back) return;
  landing = {
    affiliate_url: page() + location.search,
    referrer_url: document.referrer,
    page_url: page(),
    // Whose pages may read that there is no such link.
    additional_data: { program_id: program },
  };
  reportLanding();
};
