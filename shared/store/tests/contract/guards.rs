//! What keeps workers apart on Postgres, part by part: each test stops a worker at the very moment that part is for,
//! so that it fails whenever the part is taken out, not once in a hundred runs.

mod crowd;
mod failure;
mod forgotten;
mod gate;
mod meeting;
mod order;
mod plans;
mod rounds;

use crate::dump;
use crate::stage::Stage;
use domain::event::Event;
use domain::model;
use domain::outcome::Outcome;
use domain::{ClickId, EventId};
use std::collections::BTreeMap;
use store::batch::{Batch, PackEntry};
use store::{Session, StoreError};
use tokio::task::JoinHandle;
use uuid::Uuid;

type Answer = Result<Vec<Outcome>, StoreError>;

fn batch(events: &[Event]) -> Batch {
    Batch { events: events.to_vec(), ..Batch::default() }
}

/// One pack, so that the ledger shows whether the batch was closed.
fn packed(number: u32, events: &[Event]) -> Batch {
    let pack = PackEntry {
        run: Uuid::from_u128(1),
        number: u64::from(number),
        events: events.len() as u32,
        confirmed_before: 0,
        unconfirmed: Vec::new(),
    };
    Batch { packs: vec![pack], ..batch(events) }
}

/// Another worker, with a connection of its own, at work on those events.
fn worker(stage: &Stage, events: &[Event]) -> JoinHandle<Answer> {
    let (session, batch) = (stage.store.session(), batch(events));
    tokio::spawn(async move { apply(session, batch).await.1 })
}

/// The session comes back, to be used again.
fn worker_with(session: Session, batch: Batch) -> JoinHandle<(Session, Answer)> {
    tokio::spawn(apply(session, batch))
}

async fn apply(mut session: Session, batch: Batch) -> (Session, Answer) {
    let answer = session.apply(&batch).await;
    (session, answer)
}

/// Each a batch, one after the other.
async fn apply_each(stage: &Stage, events: &[Event]) {
    let mut session = stage.store.session();
    for event in events {
        session.apply(&batch(std::slice::from_ref(event))).await.unwrap();
    }
}

async fn assert_as_the_model_says(stage: &Stage, events: &[Event]) {
    let clicks: BTreeMap<EventId, ClickId> = events.iter().flat_map(named).map(|click| (click.event, click)).collect();
    let found = dump::customers(stage, &clicks).await;
    let expected = model::world(events).customers;
    for (at, customer) in &expected {
        assert_eq!(found.get(at), Some(customer), "a customer differs from the model");
    }
    assert_eq!(found.len(), expected.len(), "there are customers that the model does not know");
}

fn named(event: &Event) -> Vec<ClickId> {
    match event {
        Event::Click(click) => vec![click.click],
        Event::Lead(lead) => lead.click.iter().chain(&lead.click_ids).copied().collect(),
    }
}
