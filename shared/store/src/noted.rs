//! What is noted of test events, and what the leads among them name. Used by the statements of both databases.

use crate::facts;
use domain::event::Event;
use std::collections::BTreeSet;
use uuid::Uuid;

/// An event that is noted as a test's: program and id.
pub(crate) type Noted = (i64, Uuid);

/// A lead that was removed: program, the place of its customer, what the rules read of it.
pub(crate) type RemovedLead = (i64, Uuid, Vec<u8>);

/// The test events of a batch, in the order in which they are noted.
pub(crate) fn tests_of(events: &[Event]) -> Vec<Noted> {
    let tests = events.iter().filter(|event| event.is_test());
    let tests: BTreeSet<Noted> = tests.map(|event| (event.program().get(), event.id().uuid())).collect();
    tests.into_iter().collect()
}

/// The places of the customers who sent these leads.
pub(crate) fn customers_of(leads: &[RemovedLead]) -> Vec<(i64, Uuid)> {
    let places: BTreeSet<(i64, Uuid)> = leads.iter().map(|(program, ident, _)| (*program, *ident)).collect();
    places.into_iter().collect()
}

/// The places of the clicks that these leads named, as far as they are as old as the lead. A stub there is of no use any
/// more: if its click still came, it would be forgotten at once. A younger one may be another lead's.
pub(crate) fn named_clicks(leads: &[RemovedLead]) -> Vec<(i64, Uuid)> {
    let named = leads.iter().filter_map(|(program, _, bytes)| Some((*program, facts::decode(bytes).ok()?)));
    let places = named.flat_map(|(program, lead)| {
        let older = lead.clicks().filter(|click| click.program.get() == program && click.event < lead.rank.event);
        older.map(|click| (program, lead.place_of(click).uuid())).collect::<Vec<_>>()
    });
    let places: BTreeSet<(i64, Uuid)> = places.collect();
    places.into_iter().collect()
}
