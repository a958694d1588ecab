//! The one law, without servers: however a set of events is ordered, cut and repeated, the fold ends in the state that
//! the model reads off the set.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod memory;

use domain::attribution::LeadFacts;
use domain::event::Event;
use domain::examples::examples;
use domain::merge::parties;
use domain::model;
use domain::scenario::{browser, click, server};
use domain::universe::{deliveries, universe};
use memory::Memory;
use std::time::{Duration, Instant};

/// Event sets compared; each in one order and one cut of its own.
const SETS: u64 = 100_000;
const THREADS: u64 = 2;
/// Leads of one customer.
const LEADS: u32 = 100_000;
/// Were each lead held beside each other one, it would take minutes.
const A_MOMENT: Duration = Duration::from_secs(5);

#[test]
fn a_hundred_thousand_event_sets_end_as_the_model_says_in_any_order_cut_and_repetition() {
    let workers: Vec<_> = (0..THREADS)
        .map(|thread| {
            std::thread::spawn(move || {
                let (mut widened, mut joined) = (0, 0);
                for seed in (thread..SETS).step_by(THREADS as usize) {
                    let events = universe(seed);
                    let cuts = 1 + seed as usize % 6;
                    let memory = obeys(&events, &deliveries(seed, &events, cuts, 20), &format!("seed {seed}"));
                    (widened, joined) = (widened + memory.widened, joined + memory.joined);
                }
                (widened, joined)
            })
        })
        .collect();
    let ended = workers.into_iter().map(|worker| worker.join().expect("a set differs, see above"));
    let (widened, joined) = ended.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
    println!(
        "{SETS} event sets; {widened} batches were begun again with more rows locked, {joined} leads joined a customer"
    );
    assert!(widened > 0, "no batch ever needed more rows: the generator no longer covers that");
    assert!(
        joined > SETS as usize / 100,
        "{joined} leads joined a known customer: the generator no longer covers that"
    );
}

#[test]
fn every_example_of_a_rule_holds_whatever_the_order() {
    for example in examples() {
        for seed in 0..50 {
            let cuts = 1 + seed as usize % example.events.len().max(1);
            obeys(&example.events, &deliveries(seed, &example.events, cuts, 30), example.name);
        }
    }
}

/// The waiter is known by a click that the late event does not name: its row is found out only after the first fold.
#[test]
fn a_late_candidate_of_a_lead_known_by_its_click_reaches_the_key_that_owns_the_click() {
    let (crawled, late) = (click(1).bot(), click(2));
    let keyless = browser(1).click(&crawled).candidates([&late]);
    let keyed = browser(2).click(&crawled).key("usr_1");
    let events = [keyless.event(), keyed.event(), crawled.event(), late.event()];
    let each_by_itself = events.clone().map(|event| vec![event]);
    let memory = obeys(&events, &each_by_itself, "in that order");
    assert_eq!(memory.widened, 1, "the late click alone needs more rows than it names");
}

/// Each better than all before it, so that none is in its place when it comes.
#[test]
fn a_hundred_thousand_leads_of_one_customer_cost_no_more_each_than_a_few() {
    let lead = |number| if number % 2 == 0 { server(number) } else { browser(number) };
    let events: Vec<Event> = (1..=LEADS).rev().map(|number| lead(number).key("usr_1").event()).collect();
    let begun = Instant::now();
    let [party] = &parties(&events)[..] else { panic!("they speak of one customer") };
    let stored: Vec<LeadFacts> = party.leads.iter().map(|lead| lead.facts.clone()).collect();
    let echoes = party.echoes_of(&stored);
    assert!(begun.elapsed() < A_MOMENT, "{:?}", begun.elapsed());
    assert_eq!(echoes.iter().filter(|is_echo| **is_echo).count(), LEADS as usize - 1, "all but the best");
}

fn obeys(events: &[Event], batches: &[Vec<Event>], what: &str) -> Memory {
    let mut memory = Memory::default();
    for batch in batches {
        memory.apply(batch);
    }
    let (found, expected) = (memory.customers(), model::world(events).customers);
    for (place, customer) in &expected {
        assert_eq!(found.get(place), Some(customer), "{what}: a customer differs from the model");
    }
    assert_eq!(found.len(), expected.len(), "{what}: there are customers that the model does not know");
    memory
}
