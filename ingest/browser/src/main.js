// Puts `window.affitor` into the page and starts: the click in the address, what earlier pages left, the calls that
// waited in `window.affitorQueue`. Nothing here throws into the page.

import { look, resumeClick } from './clicks.js';
import { result, send } from './outbox.js';
import { debug, program, say, setDebug, setProgram } from './settings.js';
import { resumeSignups, signup } from './signups.js';
import { affiliateUrl, clickId, permission, setConsent } from './visitor.js';

// A promise that resolves, whatever happens.
const safely = (work) =>
  new Promise((resolve) => resolve(work())).catch((error) => {
    say(error);
    return result({ error });
  });

const affitor = {
  loaded: true,
  init: ({ programId, debug: on = debug }) => {
    setProgram(programId);
    setDebug(on);
  },
  signup: (key, email) => safely(() => signup(key, email)),
  trackLead: (lead) =>
    safely(() => signup(lead.customer_key || lead.user_id, lead.email, lead.additional_data)),
  // A visit that is recorded and never counted.
  trackTest: (data) =>
    safely(async () => {
      const additional_data = { program_id: program, ...data, test_mode: true };
      await permission();
      return result(await send('click', { additional_data }));
    }),
  consent: setConsent,
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
  queue.push = (...calls) => calls.forEach((call) => safely(() => affitor[call[0]](...call.slice(1))));
  queue.push(...queue.splice(0));
};

const resume = () => {
  safely(resumeClick);
  safely(resumeSignups);
};

const start = () => {
  safely(() => look(performance.navigation.type > 1 && clickId()));
  resume();
  safely(takeQueue);
};

const begin = () => {
  window.affitor = affitor;
  if (!program) say('Set data-affitor-program-id');
  // A single-page app changes the address without a new page.
  ['pushState', 'replaceState'].forEach((name) => {
    const original = history[name];
    history[name] = (...values) => {
      original.apply(history, values);
      safely(look);
    };
  });
  // Back from the browser's memory: other pages may have left something.
  addEventListener('pageshow', (event) => event.persisted && resume());
  // A page that is only prepared has no visitor yet.
  if (document.prerendering) document.addEventListener('prerenderingchange', start);
  else start();
};

if (!window.affitor || !window.affitor.loaded) safely(begin);
