// Reads, writes and removes first-party cookies, with consent only. Throws nowhere: some pages refuse cookies.

import { attempt } from './storage.js';

// Nothing when it is absent, or not escaped.
export const cookie = (name) =>
  attempt(() => decodeURIComponent(('; ' + document.cookie).split('; ' + name + '=')[1].split(';')[0]));

// Sets it on the broadest domain where it can be read afterwards, and gives that domain. An empty one stands for the host
// itself. What is a public suffix only the browser knows: it refuses. A cookie that an earlier tracker has set on the host
// alone is in the way, and set too. For no seconds it is removed: it can be read on none.
export const setCookie = (name, seconds, value) => {
  const labels = location.hostname.split('.');
  const domains = labels.map((_, place) => labels.slice(-2 - place).join('.')).concat('');
  return domains.find((domain) => {
    const text = value || domain;
    attempt(() => {
      document.cookie =
        name + '=' + encodeURIComponent(text) + ';path=/;samesite=lax;max-age=' + seconds + ';domain=' + domain +
        (location.protocol === 'https:' ? ';secure' : '');
    });
    return cookie(name) === text;
  });
};
