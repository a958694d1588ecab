// What the script tag says: program, debug mode, consent and where the API is. Read once; `affitor.init` and
// `affitor.consent` change it. Stores nothing and sends nothing.

// A module has no current script. What a page holds in itself has no address, and may have no element any more.
const script =
  document.currentScript || document.querySelector('[data-affitor-program-id]') || document.documentElement;
const said = script.dataset;

// The script's own origin, unless a proxy puts the API below a path.
export const api = new URL((said.affitorApi || '') + '/api/v1/track/', script.src || document.baseURI);

export let program = null;
export let debug = said.affitorDebug === 'true';
// False as long as nothing may be stored or sent.
export let consent = said.affitorConsent !== 'required';

// The number stays a text: it may have more digits than a JavaScript number.
export const setProgram = (id) => {
  if (/^[1-9]\d{0,17}$/.test(id)) program = '' + id;
};

export const setDebug = (on) => (debug = on);

export const allow = (given) => (consent = given);

// Says in debug mode, in one line each, what happened and what to do.
export const say = (text) => {
  if (debug) console.log('[Affitor] ' + text);
};

setProgram(said.affitorProgramId);
