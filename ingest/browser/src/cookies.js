// Reads and writes first-party cookies, with consent only. Throws nowhere: some pages refuse cookies.

import { consent } from './settings.js';

const write = (name, value, seconds, domain) => {
  try {
    if (consent) document.cookie =
      name + '=' + encodeURIComponent(value) + ';path=/;samesite=lax;max-age=' + seconds + ';domain=' + domain +
      (location.protocol === 'https:' ? ';secure' : '');
  } catch (refused) {}
};

export const cookie = (name) => {
  let value;
  try {
    value = consent && ('; ' + document.cookie).split('; ' + name + '=')[1].split(';')[0];
    return value && decodeURIComponent(value);
  } catch (absentOrUnescaped) {
    return value;
  }
};

// From the broadest to the host itself, which is what an empty one stands for.
const domains = () => {
  const labels = location.hostname.split('.');
  return labels.map((_, place) => labels.slice(-2 - place).join('.')).concat('');
};

// Sets it on the broadest domain where it can be read afterwards, and gives that domain. What is a public suffix only the
// browser knows: it refuses. A cookie that an earlier tracker has set on the host alone is in the way, and set too.
export const setCookie = (name, seconds, value) =>
  domains().find((domain) => {
    const text = value || domain;
    write(name, text, seconds, domain);
    return cookie(name) === text;
  });

export const removeCookie = (name) => domains().forEach((domain) => write(name, '', 0, domain));
