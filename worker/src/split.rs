//! A batch that the database refuses because of one event: halved until the culprit stands alone.
//!
//! The good events go through, the culprit is set aside in the transaction that closes the batch, and only then is
//! anything acknowledged. What was applied on the way and comes again collides with itself.

use crate::batch::refused;
use domain::event::Event;
use domain::outcome::Outcome;
use store::batch::{Batch, DeadLetter};
use store::{Session, StoreError};

/// How often an event that stands alone is tried before it is set aside.
const ATTEMPTS: usize = 3;

/// Applies what can be applied of a batch that was refused as a whole.
///
/// # Errors
/// Any error but a refusal: hold the batch and begin again.
pub(crate) async fn apply_apart(session: &mut Session, batch: &Batch) -> Result<Vec<Outcome>, StoreError> {
    let mut outcomes = vec![Outcome::DeadLettered; batch.events.len()];
    let mut set_aside = batch.dead_letters.clone();
    let mut parts = vec![(0, batch.events.len())];
    while let Some((from, to)) = parts.pop() {
        let events = &batch.events[from..to];
        match try_events(session, events).await {
            Ok(fates) => outcomes[from..to].copy_from_slice(&fates),
            Err(StoreError::Refused { code, constraint, .. }) => match events {
                [culprit] => set_aside.push(letter(culprit, &code, constraint.as_deref())),
                _ => {
                    let middle = from + events.len() / 2;
                    parts.extend([(from, middle), (middle, to)]);
                }
            },
            Err(other) => return Err(other),
        }
    }
    let closing = Batch { packs: batch.packs.clone(), events: Vec::new(), dead_letters: set_aside };
    session.apply(&closing).await?;
    Ok(outcomes)
}

async fn try_events(session: &mut Session, events: &[Event]) -> Result<Vec<Outcome>, StoreError> {
    let part = Batch { events: events.to_vec(), ..Batch::default() };
    let mut attempt = 1;
    loop {
        match session.apply(&part).await {
            Err(StoreError::Refused { .. }) if events.len() == 1 && attempt < ATTEMPTS => attempt += 1,
            other => return other,
        }
    }
}

/// The database's own message may hold a value of the event; code and constraint do not.
fn letter(culprit: &Event, code: &str, constraint: Option<&str>) -> DeadLetter {
    let constraint = constraint.map(|name| format!(", constraint {name}")).unwrap_or_default();
    refused(culprit, format!("the database refuses the event: {code}{constraint}"))
}
