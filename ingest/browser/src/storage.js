// Keeps texts by name for the next page; where the browser refuses, for this page only. Until there is consent,
// everything stays in memory. One name holds one thing, because two tabs write at the same time. What is read may be
// broken: other scripts write there too.

import { consent } from './settings.js';

// Only what the storage does not have.
const memory = {};

// With consent only, and nothing when it throws: any access to cookies or storage does where they are refused.
export const attempt = (use) => {
  try {
    if (consent) return use();
  } catch (refused) {}
};

export const keep = (name, text) => {
  memory[name] = text;
  attempt(() => {
    localStorage[name] = text;
    delete memory[name];
  });
};

export const kept = (name) => memory[name] || attempt(() => localStorage[name]);

export const drop = (name) => {
  delete memory[name];
  attempt(() => delete localStorage[name]);
};

// Every name that begins so.
export const names = (start) =>
  Object.keys({ ...memory, ...attempt(() => localStorage) }).filter((name) => name.startsWith(start));
