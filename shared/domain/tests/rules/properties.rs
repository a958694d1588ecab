//! What must hold of the model for any set of events, and what the generated sets must contain.

use domain::Event;
use domain::examples::examples;
use domain::model::{Realm, World, world};
use domain::outcome::{Reason, Status};
use domain::universe::{Tally, deliveries, universe};
use std::collections::BTreeSet;

const SETS: u64 = 2_000;

#[test]
fn the_state_depends_neither_on_order_nor_on_redelivery() {
    for seed in 0..SETS {
        let events = universe(seed);
        let delivered = deliveries(seed, &events, 3, 40).concat();
        assert_eq!(world(&delivered), world(&events), "seed {seed}");
    }
}

#[test]
fn the_examples_depend_neither_on_order_nor_on_redelivery() {
    for example in examples() {
        for seed in 0..20 {
            let delivered = deliveries(seed, &example.events, 2, 40).concat();
            assert_eq!(world(&delivered).customers, example.customers, "{} delivered by seed {seed}", example.name);
        }
    }
}

#[test]
fn every_example_shows_something_of_its_own() {
    let names: BTreeSet<&str> = examples().iter().map(|example| example.name).collect();
    assert_eq!(names.len(), examples().len());
}

#[test]
fn programs_and_worlds_change_nothing_in_each_other() {
    for seed in 0..SETS {
        let events = universe(seed);
        let whole = world(&events);
        let mut parts = World::default();
        for realm in events.iter().map(realm_of).collect::<BTreeSet<_>>() {
            let own: Vec<Event> = events.iter().filter(|event| realm_of(event) == realm).cloned().collect();
            let part = world(&own);
            parts.customers.extend(part.customers);
            parts.keys.extend(part.keys);
            parts.clicks.extend(part.clicks);
            parts.visitors.extend(part.visitors);
            parts.events.extend(part.events);
        }
        assert_eq!(parts, whole, "seed {seed}");
    }
}

fn realm_of(event: &Event) -> Realm {
    Realm { program: event.program(), test: event.is_test() }
}

#[test]
fn every_lead_belongs_to_one_customer_and_no_event_is_invented() {
    for seed in 0..SETS {
        let events = universe(seed);
        let world = world(&events);
        let leads = events.iter().filter(|event| matches!(event, Event::Lead(_))).map(Event::id);
        let mut held: Vec<_> = world.customers.values().flat_map(|customer| customer.leads.iter().copied()).collect();
        held.sort();
        assert_eq!(held, leads.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>(), "seed {seed}");
        assert!(world.events.keys().copied().eq(events.iter().map(Event::id).collect::<BTreeSet<_>>()), "seed {seed}");
        assert!(world.customers.values().all(|customer| customer.leads.contains(&customer.counted)), "seed {seed}");
    }
}

#[test]
fn only_an_attributed_customer_has_a_link_and_only_a_waiting_one_is_provisional() {
    for seed in 0..SETS {
        for customer in world(&universe(seed)).customers.values() {
            let attributed = customer.reason == Reason::Attributed;
            assert!(attributed || customer.link.is_none(), "seed {seed}");
            assert!(attributed || !customer.click_from_browser, "seed {seed}");
            assert_eq!(customer.reason == Reason::Provisional, customer.status == Status::Click, "seed {seed}");
        }
    }
}

#[test]
fn a_keyed_customers_status_never_goes_back() {
    for seed in 0..SETS {
        let mut known = Vec::new();
        let mut before = World::default();
        for batch in deliveries(seed, &universe(seed), 6, 0) {
            known.extend(batch);
            let after = world(&known);
            for (place, was) in before.customers.iter().filter(|((_, ident), _)| ident.is_keyed()) {
                assert!(after.customers[place].status >= was.status, "seed {seed}");
            }
            before = after;
        }
    }
}

#[test]
fn every_reason_and_every_rule_occurs_in_the_generated_sets() {
    let mut tally = Tally::default();
    for seed in 0..5_000 {
        tally.add(&deliveries(seed, &universe(seed), 4, 15));
    }
    println!("{tally}");
    assert_eq!(tally.missing(), []);
}
