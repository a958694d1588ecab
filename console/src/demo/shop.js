// The demo's shop: signs a made-up customer up through the tracker, as any shop would, and shows the journey as it is
// recorded. What it shows comes from the read API of the pipeline that serves the page.

'use strict';

const LOOK_EVERY = 700;
const KEY = 'demo_customer_key';
const CLICKS = 'demo_clicks';

const element = (id) => document.getElementById(id);

// A blocker may keep the tracker out. A shop must work all the same, and so does this one.
const NO_TRACKER = {
  clickId: null,
  affiliateUrl: null,
  signup: async () => ({ success: false, queued: false, warnings: ['something keeps the tracker out of this page'] }),
  consent: () => {},
};
const tracker = window.affitor || NO_TRACKER;

// Only texts get into the page, so nothing that is recorded can be anything else there.
const made = (name, text, kind) => {
  const node = document.createElement(name);
  node.textContent = text;
  if (kind) node.className = kind;
  return node;
};

const newKey = () => {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return 'demo_' + [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
};

// --- the shop ---

const codeOf = (address) => new URL(address || location.origin).searchParams.get('aff');

const signUp = async (key, email) => {
  const told = await tracker.signup(key, email);
  const answer = element('answer');
  answer.hidden = false;
  answer.classList.toggle('kept', !told.success);
  const fate = told.success ? 'affitor has the signup' : `the signup is ${told.queued ? 'kept and sent again' : 'not recorded'}`;
  answer.textContent = `Welcome, ${email}. Your account is ${key}, and ${[fate, ...told.warnings].join(': ')}.`;
  element('again').disabled = false;
  look();
};

element('signup').addEventListener('submit', (event) => {
  event.preventDefault();
  sessionStorage[KEY] = newKey();
  signUp(sessionStorage[KEY], element('email').value);
});

element('again').addEventListener('click', () => signUp(sessionStorage[KEY], element('email').value));
element('again').disabled = !sessionStorage[KEY];

element('forget').addEventListener('click', () => {
  tracker.consent(false);
  sessionStorage.clear();
  location.href = '/demo';
});

// --- the journey ---

const time = (moment) => new Date(moment).toLocaleTimeString(undefined, { hour12: false });

const showLink = () => {
  const code = codeOf(tracker.affiliateUrl);
  for (const link of document.querySelectorAll('.link')) link.classList.toggle('current', link.dataset.code === code);
};

// The clicks of this tab with the codes that they came through, so that an earlier one stays on the page.
const clicks = () => JSON.parse(sessionStorage[CLICKS] || '{}');

// At every look, and not once for each click: the server's cookie with the new click is there a moment before the tracker
// has heard of it and written down through which link it came.
const rememberClick = () => {
  const { clickId, affiliateUrl } = tracker;
  if (clickId) sessionStorage[CLICKS] = JSON.stringify({ ...clicks(), [clickId]: codeOf(affiliateUrl) });
};

const title = (event) => {
  if (event.type === 'click') return `Visit through ${clicks()[event.click_id] || 'a link'}`;
  return event.outcome === 'duplicate' ? 'The same signup again' : 'Signup';
};

const shownEvent = (event) => {
  const item = made('li', '', event.outcome);
  const heading = made('b', title(event));
  heading.append(made('time', time(event.received_at)));
  const delay = new Date(event.recorded_at) - new Date(event.received_at);
  const duplicate = event.outcome === 'duplicate';
  const fate = duplicate ? 'kept as a duplicate: it counts once' : `in the database ${delay} ms after it was received`;
  item.append(heading, made('p', fate), made('code', event.type === 'click' ? event.click_id : event.event_id));
  return item;
};

const verdict = (customer) => {
  if (!customer && tracker.clickId) return ['wait', 'On its way', 'The visit is accepted and not yet recorded.'];
  if (!customer && tracker === NO_TRACKER) return ['wait', 'No tracker', 'Something in this browser keeps it out of the page.'];
  if (!customer) return ['', 'Nothing yet', 'You came without a referral link. Take one, or sign up without.'];
  if (customer.status === 'click') {
    return ['wait', 'A visitor', `Sign up, and it counts for ${clicks()[customer.click_id] || 'the partner'}.`];
  }
  const who = customer.email_masked ? `${customer.customer_key}, ${customer.email_masked}` : customer.customer_key;
  if (customer.attributed) return ['good', `Brought by ${customer.partner_code}`, who];
  return ['wait', 'Brought by nobody', `${customer.reason}: ${customer.hint || who}`];
};

const show = (customers) => {
  const events = new Map(customers.flatMap((customer) => customer.events).map((event) => [event.event_id, event]));
  const ordered = [...events.values()].sort((one, other) => (one.received_at < other.received_at ? -1 : 1));
  element('events').replaceChildren(...ordered.map(shownEvent));
  const own = (customer) => customer.customer_key && customer.customer_key === sessionStorage[KEY];
  const present = (customer) => customer.click_id === tracker.clickId;
  const [kind, headline, detail] = verdict(customers.find(own) || customers.find(present));
  const box = element('verdict');
  if (box.textContent !== headline + detail) {
    box.className = `verdict ${kind}`;
    box.replaceChildren(made('b', headline), made('span', detail));
    element('peek').textContent = headline;
  }
  element('raw').textContent = JSON.stringify({ customers }, null, 2);
};

const look = async () => {
  rememberClick();
  showLink();
  const asked = new URLSearchParams(Object.keys(clicks()).reverse().map((id) => ['click_id', id]));
  if (sessionStorage[KEY]) asked.set('customer_key', sessionStorage[KEY]);
  try {
    const answer = await fetch('/demo/journey?' + asked);
    show((await answer.json()).customers);
    element('live').className = '';
    element('live').textContent = 'live';
  } catch (error) {
    element('live').className = 'away';
    element('live').textContent = 'affitor does not answer';
  }
};

const keepLooking = async () => {
  await look();
  setTimeout(keepLooking, LOOK_EVERY);
};

keepLooking();
