// The visitor's consent: what waited is stored and sent when it is given; what is stored is removed when it is taken back.
// Also sends what earlier pages have kept, which cannot be read without it.

import { reportLanding, resumeClick } from './clicks.js';
import { allow } from './settings.js';
import { resumeSignups } from './signups.js';
import { drop, keep, kept, names } from './storage.js';
import { forget } from './visitor.js';

export const resume = () => {
  resumeClick();
  resumeSignups();
};

export const consent = (given) => {
  // Also to remove what an earlier visit has stored.
  allow(true);
  names('affitor').forEach((name) => (given ? keep(name, kept(name)) : drop(name)));
  if (given) return resume();
  forget();
  allow(false);
  reportLanding();
};
