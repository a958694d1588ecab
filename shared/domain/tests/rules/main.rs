//! The law's rules as tests: each named example and the properties of the model, on the model.
#![allow(clippy::unwrap_used)]

mod properties;

use domain::examples::{Example, example};
use domain::model::{ModelEvent, world};
use domain::outcome::EventState;
use domain::{Event, EventId};
use std::collections::BTreeMap;

macro_rules! a_test_of_each {
    ($($area:ident { $($name:ident)* })*) => {
        $(mod $area { $(#[test] fn $name() { super::the_model_agrees(stringify!($name)); })* })*
    };
}
domain::for_every_example!(a_test_of_each);

fn the_model_agrees(name: &str) {
    let example = example(name).unwrap();
    assert!(example.events.iter().all(Event::is_possible));
    let world = world(&example.events);
    assert_eq!(world.customers, example.customers);
    assert_eq!(world.events, events_of(&example));
}

/// What the expected customers say of each event: the counted lead is recorded, and the others are its duplicates.
fn events_of(example: &Example) -> BTreeMap<EventId, ModelEvent> {
    let recorded = ModelEvent { state: EventState::Recorded, duplicate_of: None };
    let mut events: BTreeMap<EventId, ModelEvent> = example.events.iter().map(|event| (event.id(), recorded)).collect();
    for customer in example.customers.values() {
        for lead in customer.leads.iter().filter(|lead| **lead != customer.counted) {
            let duplicate = ModelEvent { state: EventState::Duplicate, duplicate_of: Some(customer.counted) };
            events.insert(*lead, duplicate);
        }
    }
    events
}
