// Keeps texts by name for the next page; where the browser refuses, for this page only. Until there is consent,
// everything stays in memory. One name holds one thing, because two tabs write at the same time.

import { consent } from './settings.js';

// Only what the storage does not have.
const memory = {};

// Any access throws where cookies are refused.
export const attempt = (use) => {
  try {
    if (consent) return use(localStorage);
  } catch (refused) {}
};

export const keep = (name, text) => {
  memory[name] = text;
  attempt((storage) => {
    storage[name] = text;
    if (storage[name] === text) delete memory[name];
  });
};

export const kept = (name) => memory[name] || attempt((storage) => storage[name]);

export const drop = (name) => {
  delete memory[name];
  attempt((storage) => delete storage[name]);
};

// Every name that begins so.
export const names = (start) =>
  Object.keys(memory)
    .concat(attempt(Object.keys) || [])
    .filter((name) => name.startsWith(start));
