//! Small sets of events in which everything collides, made from a number; and ways to deliver them.
//!
//! Few keys, few clicks and two programs, so that each rule of the merge meets the others. The same seed always
//! gives the same set. Made for the tests of the core and of both stores; never used in production.

mod tally;

use crate::click_id::ClickId;
use crate::event::{ClickEvent, Detail, Event, LeadEvent, Source};
use crate::event_id::EventId;
use crate::identity::CustomerKey;
use crate::program::{AttributionModel, LeadAuth, LinkId, PartnerId, ProgramId, Terms};
use crate::scenario::{DAY, MINUTE, OTHER_PROGRAM, PROGRAM, SECOND, click_id, email_mark, moment};
use crate::timestamp::Timestamp;
pub use tally::{Row, Rule, Tally};

/// The first is everybody's favourite, so that some customers have many leads.
const KEYS: [&str; 5] = ["usr_1", "usr_1", "usr_2", "USR_1", "é"];
const LEAD_TIMES: [i64; 5] = [0, 0, 1, 3 * SECOND, MINUTE];
/// From a lead's time to a click's: at and beside the edges of the windows and of the tolerance.
const CLICK_OFFSETS: [i64; 12] = [
    -60 * DAY - 1,
    -60 * DAY,
    -DAY - 1,
    -DAY,
    -DAY / 2,
    -10 * MINUTE,
    -10 * MINUTE,
    -1,
    0,
    5 * SECOND,
    5 * SECOND + 1,
    10 * MINUTE,
];

/// A set of events, each of them possible, in no particular order.
pub fn universe(seed: u64) -> Vec<Event> {
    let mut rng = SplitMix64::new(seed);
    let clicks = [clicks_of(PROGRAM, &mut rng), clicks_of(OTHER_PROGRAM, &mut rng)];
    let arrived = clicks.iter().flatten().filter(|_| rng.chance(75)).cloned().map(Event::Click);
    let mut events: Vec<Event> = arrived.collect();
    let [mut own, mut others] = clicks.map(|made| made.iter().map(|event| event.click).collect::<Vec<_>>());
    for _ in 0..=rng.below(10) {
        events.push(Event::Lead(lead(PROGRAM, &own, &others, &mut rng)));
        if rng.chance(25) {
            std::mem::swap(&mut own, &mut others);
            events.push(Event::Lead(lead(OTHER_PROGRAM, &own, &others, &mut rng)));
            std::mem::swap(&mut own, &mut others);
        }
    }
    events
}

/// The events in a random order, cut at `cuts` places; of a hundred events, `redelivered` come a second time.
pub fn deliveries(seed: u64, events: &[Event], cuts: usize, redelivered: u64) -> Vec<Vec<Event>> {
    let mut rng = SplitMix64::new(seed);
    let again = events.iter().filter(|_| rng.chance(redelivered));
    let mut rest: Vec<Event> = events.iter().chain(again).cloned().collect();
    for last in (1..rest.len()).rev() {
        rest.swap(last, rng.below(last as u64 + 1) as usize);
    }
    let mut places: Vec<usize> = (0..cuts).map(|_| rng.below(rest.len() as u64 + 1) as usize).collect();
    places.sort_unstable();
    let mut batches: Vec<Vec<Event>> = places.into_iter().rev().map(|place| rest.split_off(place)).collect();
    batches.push(rest);
    batches.reverse();
    batches.retain(|batch| !batch.is_empty());
    batches
}

fn clicks_of(program: ProgramId, rng: &mut SplitMix64) -> Vec<ClickEvent> {
    let count = 4 + rng.below(3);
    let mut clicks: Vec<ClickEvent> = Vec::new();
    for _ in 0..count {
        let test = rng.chance(20);
        let number = if test && rng.chance(30) { 0 } else { 1 + rng.below(3) as i64 };
        let at = moment(rng.pick(LEAD_TIMES) + rng.pick(CLICK_OFFSETS));
        let replaces = rng.pick_from(&clicks).filter(|_| rng.chance(20)).map(|event| event.click.event);
        clicks.push(ClickEvent {
            click: click_id(program, PartnerId::new(number), test, at, rng.next()),
            link: LinkId::new(number * 10),
            bot: rng.chance(15),
            replaces,
            detail: Detail(None),
        });
    }
    clicks
}

fn lead(program: ProgramId, own: &[ClickId], others: &[ClickId], rng: &mut SplitMix64) -> LeadEvent {
    let test = rng.chance(20);
    let click = named_click(test, own, rng);
    let must_have_key = !test && click.is_none();
    let has_key = must_have_key || rng.chance(60);
    let key = rng.pick(KEYS);
    LeadEvent {
        id: EventId::mint(lead_time(rng), rng.next()),
        program,
        test,
        source: rng.pick([Source::Server, Source::Browser, Source::Browser]),
        terms: terms(rng),
        customer_key: if has_key { CustomerKey::parse(key).ok() } else { None },
        click,
        click_ids: candidates(click, own, others, rng),
        foreign_click: rng.chance(if click.is_none() { 25 } else { 5 }),
        email: if rng.chance(40) { Some(email_mark(1 + rng.below(3) as u8)) } else { None },
        detail: Detail(None),
    }
}

fn lead_time(rng: &mut SplitMix64) -> Timestamp {
    moment(rng.pick(LEAD_TIMES))
}

/// Mostly of the lead's own world, and mostly one of the first few, so that leads meet.
fn named_click(test: bool, own: &[ClickId], rng: &mut SplitMix64) -> Option<ClickId> {
    let of_its_world: Vec<ClickId> = own.iter().copied().filter(|click| click.is_test() == test).take(3).collect();
    match rng.below(100) {
        0..55 => rng.pick_from(&of_its_world),
        55..70 => rng.pick_from(own),
        _ => None,
    }
}

fn candidates(click: Option<ClickId>, own: &[ClickId], others: &[ClickId], rng: &mut SplitMix64) -> Vec<ClickId> {
    if rng.chance(55) {
        return Vec::new();
    }
    let mut named = Vec::new();
    for _ in 0..=rng.below(3) {
        let from = if rng.chance(75) { own } else { others };
        named.extend(rng.pick_from(from));
    }
    named.sort_unstable();
    named.dedup();
    named.retain(|candidate| Some(*candidate) != click);
    named
}

fn terms(rng: &mut SplitMix64) -> Terms {
    Terms {
        attribution_window_days: rng.pick([0, 1, 60, 60]),
        attribution_model: rng.pick([AttributionModel::LastClick, AttributionModel::FirstClick]),
        lead_auth: rng.pick([LeadAuth::BrowserAllowed, LeadAuth::BrowserAllowed, LeadAuth::ServerRequired]),
    }
}

/// Steele's and Vigna's generator: 64 bits of state, and every seed is a good one.
#[derive(Debug, Clone)]
pub struct SplitMix64(u64);

impl SplitMix64 {
    /// Starts from any number.
    pub fn new(seed: u64) -> Self {
        SplitMix64(seed)
    }

    /// The next 64 bits.
    #[expect(clippy::should_implement_trait, reason = "it never ends, so it needs no Option")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below that bound, which is small against 2^64; 0 when the bound is.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// True in that many of a hundred cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Copy, const N: usize>(&mut self, from: [T; N]) -> T {
        from[self.below(N as u64) as usize]
    }

    fn pick_from<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        from.get(self.below(from.len() as u64) as usize).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_event_is_possible_and_has_its_own_id() {
        for seed in 0..2_000 {
            let events = universe(seed);
            let ids: BTreeSet<EventId> = events.iter().map(Event::id).collect();
            assert_eq!(ids.len(), events.len(), "seed {seed}");
            assert!(events.iter().all(Event::is_possible), "seed {seed}");
        }
    }

    #[test]
    fn deliveries_bring_every_event_at_least_once() {
        for seed in 0..200 {
            let events = universe(seed);
            let batches = deliveries(seed, &events, 3, 30);
            let brought: BTreeSet<EventId> = batches.iter().flatten().map(Event::id).collect();
            assert_eq!(brought, events.iter().map(Event::id).collect(), "seed {seed}");
            assert!(batches.len() <= 4 && batches.iter().all(|batch| !batch.is_empty()));
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_events_and_deliveries() {
        assert_eq!(universe(7), universe(7));
        assert_eq!(deliveries(7, &universe(7), 3, 20), deliveries(7, &universe(7), 3, 20));
        assert_ne!(universe(7), universe(8));
    }
}
