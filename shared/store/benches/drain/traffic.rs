//! Clicks and leads as a busy installation has them, in the packs in which they would come.

use domain::email::EmailMark;
use domain::event::{ClickEvent, Detail, Event, LeadEvent, Source};
use domain::program::{AttributionModel, LeadAuth, Terms};
use domain::universe::SplitMix64;
use domain::{ClickId, CustomerKey, EventId, LinkId, PartnerId, ProgramId, Timestamp};
use std::collections::BTreeMap;
use store::batch::{Batch, PackEntry};
use uuid::Uuid;

const PROGRAMS: u64 = 10;
const PARTNERS: u64 = 200;
const NEWEST: usize = 100_000;
const BATCH: usize = 2_000;
const PACK: usize = 250;
/// The first click's time; each event is a few microseconds later than the one before.
const BEGIN: i64 = 1_790_000_000_000_000;

/// What a case adds to leads of new customers.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Any click that nobody has named yet, or one of the newest.
    any_click: bool,
    /// Of a hundred leads, how many are a customer's second one.
    duplicates: u64,
    /// How many events later the second one comes.
    apart: u64,
    /// Of a hundred leads, how many come before their click.
    early: u64,
}

const fn case(name: &'static str) -> Case {
    Case { name, any_click: false, duplicates: 0, apart: 300, early: 0 }
}

const FAR: u64 = 6_000;

pub(crate) const CASES: [Case; 10] = [
    case("new, newest clicks"),
    Case { any_click: true, ..case("new, any click") },
    Case { duplicates: 5, ..case("5 % duplicates, near") },
    Case { duplicates: 20, ..case("20 % duplicates, near") },
    Case { duplicates: 50, ..case("50 % duplicates, near") },
    Case { duplicates: 5, apart: FAR, ..case("5 % duplicates, far") },
    Case { duplicates: 20, apart: FAR, ..case("20 % duplicates, far") },
    Case { duplicates: 50, apart: FAR, ..case("50 % duplicates, far") },
    Case { early: 10, ..case("10 % early, near") },
    Case { early: 10, apart: FAR, ..case("10 % early, far") },
];

pub(crate) struct Traffic {
    leads: usize,
    rng: SplitMix64,
    now: i64,
    /// Clicks that no lead has named, oldest first.
    quiet: Vec<ClickId>,
    pack: u64,
}

impl Traffic {
    pub(crate) fn new(leads: usize) -> Traffic {
        Traffic { leads, rng: SplitMix64::new(1), now: BEGIN, quiet: Vec::new(), pack: 0 }
    }

    /// So many clicks, in batches.
    pub(crate) fn clicks(&mut self, count: usize) -> Vec<Batch> {
        let clicks: Vec<ClickEvent> = (0..count).map(|_| self.click()).collect();
        self.quiet.extend(clicks.iter().map(|event| event.click));
        self.batches(clicks.into_iter().map(Event::Click).collect())
    }

    /// Later than every event so far.
    pub(crate) fn mark(&mut self) -> Uuid {
        EventId::mint(self.tick(), 0).uuid()
    }

    /// The clicks that have to be there, and what is measured.
    pub(crate) fn case(&mut self, case: &Case) -> (Vec<Batch>, Vec<Batch>) {
        let before = self.clicks(self.leads);
        let window = if case.any_click { self.quiet.len() } else { NEWEST.min(self.quiet.len()) };
        let first = self.quiet.len() - window;
        let mut clicks = self.draw(first);
        // Later first: what is due at the same place comes in the order in which it was made.
        let mut due: BTreeMap<u64, Vec<Event>> = BTreeMap::new();
        let mut made = 0;
        let mut place = 0;
        while made < self.leads {
            place += 1;
            let early = self.rng.chance(case.early);
            let click = if early { self.click() } else { ClickEvent { click: clicks.pop().unwrap(), ..self.click() } };
            let is_pair = self.rng.below(100) * (100 - case.duplicates) < case.duplicates * 100;
            for lead in self.leads_of(click.click, is_pair && made + 1 < self.leads) {
                let later =
                    if due.entry(place).or_default().is_empty() { 0 } else { 1 + self.rng.below(2 * case.apart) };
                due.entry(place + later).or_default().push(Event::Lead(lead));
                made += 1;
            }
            if early {
                due.entry(place + 1 + self.rng.below(2 * case.apart)).or_default().push(Event::Click(click));
            }
        }
        self.quiet.extend(clicks);
        self.quiet.sort_unstable();
        let events = due.into_values().flatten().collect();
        (before, self.batches(events))
    }

    /// Takes the clicks from there on out of the quiet ones, shuffled.
    fn draw(&mut self, first: usize) -> Vec<ClickId> {
        let mut drawn = self.quiet.split_off(first);
        for last in (1..drawn.len()).rev() {
            drawn.swap(last, self.rng.below(last as u64 + 1) as usize);
        }
        drawn
    }

    /// A browser's and a server's, in either order, or the server's alone.
    fn leads_of(&mut self, click: ClickId, is_pair: bool) -> Vec<LeadEvent> {
        let key = format!("usr_{:016x}", self.rng.next());
        let email = EmailMark { pepper: 'a', digest: self.digest(), mask: "j***@example.com".to_owned() };
        let mut lead = |source| LeadEvent {
            id: EventId::mint(self.tick(), self.rng.next()),
            program: click.program,
            test: false,
            source,
            terms: Terms {
                attribution_window_days: 60,
                attribution_model: AttributionModel::LastClick,
                lead_auth: LeadAuth::BrowserAllowed,
            },
            customer_key: CustomerKey::parse(&key).ok(),
            click: Some(click),
            click_ids: Vec::new(),
            foreign_click: false,
            email: Some(email.clone()),
            detail: Detail(Some(r#"{"additional_data":{"plan":"pro","source":"pricing","seats":5}}"#.to_owned())),
        };
        match (is_pair, click.event.number() % 2) {
            (false, _) => vec![lead(Source::Server)],
            (true, 0) => vec![lead(Source::Server), lead(Source::Browser)],
            (true, _) => vec![lead(Source::Browser), lead(Source::Server)],
        }
    }

    fn click(&mut self) -> ClickEvent {
        let number = 1 + self.rng.below(PARTNERS) as i64;
        let program = ProgramId::new(1 + self.rng.below(PROGRAMS) as i64).unwrap();
        let entropy = self.rng.next() >> 9;
        let event = EventId::mint(self.tick(), entropy);
        ClickEvent {
            click: ClickId { event, program, partner: PartnerId::new(number) },
            link: LinkId::new(number),
            bot: false,
            replaces: None,
            detail: Detail(Some(
                r#"{"page_url":"https://shop.example/pricing?aff=jane","page_title":"Pricing","language":"en-GB"}"#
                    .to_owned(),
            )),
        }
    }

    fn digest(&mut self) -> [u8; 32] {
        let mut digest = [0; 32];
        digest.chunks_exact_mut(8).for_each(|part| part.copy_from_slice(&self.rng.next().to_le_bytes()));
        digest
    }

    fn tick(&mut self) -> Timestamp {
        self.now += 3;
        Timestamp::from_micros(self.now)
    }

    fn batches(&mut self, events: Vec<Event>) -> Vec<Batch> {
        let run = Uuid::from_u128(1);
        let mut batches = Vec::new();
        for events in events.chunks(BATCH) {
            let packs = events.chunks(PACK).map(|pack| {
                self.pack += 1;
                let events = pack.len() as u32;
                PackEntry { run, number: self.pack, events, confirmed_before: 0, unconfirmed: Vec::new() }
            });
            batches.push(Batch { packs: packs.collect(), events: events.to_vec(), ..Batch::default() });
        }
        batches
    }
}
