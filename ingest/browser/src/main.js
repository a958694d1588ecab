// Puts `window.affitor` into the page and starts: the click in the address, what earlier pages left, the calls that
// waited in `window.affitorQueue`. Nothing here throws into the page.

import { look } from './clicks.js';
import { consent, resume } from './consent.js';
import { result, send } from './outbox.js';
import { debug, program, say, setDebug, setProgram } from './settings.js';
import { signup } from './signups.js';
import { affiliateUrl, clickId } from './visitor.js';

// The same with a promise that resolves, whatever happens.
const safe = (work) => (...values) =>
  new Promise((resolve) => resolve(work(...values))).catch((error) => {
    say(error);
    return result({ error });
  });

const affitor = {
  loaded: true,
  init: safe(({ programId, debug: on = debug }) => {
    setProgram(programId);
    setDebug(on);
  }),
  signup: safe(signup),
  trackLead: safe((lead) => signup(lead.customer_key || lead.user_id, lead.email)),
  // A visit that is recorded and never counted.
  trackTest: safe((data) =>
    send('click', { additional_data: { program_id: program, ...data, test_mode: true } }).then(result),
  ),
  consent,
  getClickId: clickId,
  getData: () => ({
    clickId: clickId(),
    programId: affitor.programId,
    hasAttribution: !!clickId(),
    affiliateUrl: affiliateUrl(),
  }),
  get clickId() {
    return clickId();
  },
  get affiliateUrl() {
    return affiliateUrl();
  },
  get hasAffiliateAttribution() {
    return !!clickId();
  },
  get debugMode() {
    return debug;
  },
  get programId() {
    return program && +program;
  },
};

const takeQueue = () => {
  const queue = (window.affitorQueue = window.affitorQueue || []);
  queue.push = (...calls) => calls.forEach(safe(([name, ...values]) => affitor[name](...values)));
  queue.push(...queue.splice(0));
};

const start = () => {
  look((performance.navigation || {}).type > 1 && clickId());
  resume();
  takeQueue();
};

const begin = () => {
  window.affitor = affitor;
  if (!program) say('Set data-affitor-program-id');
  // A single-page app changes the address without a new page.
  ['pushState', 'replaceState'].forEach((name) => {
    const original = history[name];
    history[name] = (...values) => {
      original.apply(history, values);
      look();
    };
  });
  // Back from the browser's memory: other pages may have left something.
  addEventListener('pageshow', (event) => event.persisted && resume());
  // A page that is only prepared has no visitor yet.
  if (document.prerendering) document.addEventListener('prerenderingchange', start);
  else start();
};

if (!(window.affitor || {}).loaded) safe(begin)();
