//! A batch that the database refuses because of one event: halved until the culprit stands alone.
//!
//! The good events go through, the culprit is set aside in the transaction that closes the batch, and only then is
//! anything acknowledged. What was applied on the way and comes again collides with itself.

use crate::batch::set_aside;
use domain::event::Event;
use domain::outcome::{DeadLetterReason, Outcome};
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
    let mut dead_letters = batch.dead_letters.clone();
    let mut parts = vec![(0, batch.events.len())];
    while let Some((from, to)) = parts.pop() {
        let part = Batch { events: batch.events[from..to].to_vec(), ..Batch::default() };
        match try_batch(session, &part).await? {
            Ok(fates) => outcomes[from..to].copy_from_slice(&fates),
            Err(letter) if part.events.len() == 1 => dead_letters.push(letter),
            Err(_) => {
                let middle = from + part.events.len() / 2;
                parts.extend([(from, middle), (middle, to)]);
            }
        }
    }
    let closing = Batch { events: Vec::new(), dead_letters, ..batch.clone() };
    session.apply(&closing).await?;
    Ok(outcomes)
}

/// Applies the batch, or gives back the letter of its first event because the database refuses it.
///
/// # Errors
/// Any error but a refusal of a batch that has events.
pub(crate) async fn try_batch(
    session: &mut Session,
    batch: &Batch,
) -> Result<Result<Vec<Outcome>, DeadLetter>, StoreError> {
    let mut attempt = 1;
    loop {
        match (session.apply(batch).await, batch.events.as_slice()) {
            (Ok(outcomes), _) => return Ok(Ok(outcomes)),
            (Err(StoreError::Refused { .. }), [_]) if attempt < ATTEMPTS => attempt += 1,
            (Err(StoreError::Refused { code, constraint, .. }), [first, ..]) => {
                return Ok(Err(letter(first, &code, constraint.as_deref())?));
            }
            (Err(other), _) => return Err(other),
        }
    }
}

/// The database's own message may hold a value of the event; code and constraint do not.
fn letter(culprit: &Event, code: &str, constraint: Option<&str>) -> Result<DeadLetter, StoreError> {
    set_aside(culprit, DeadLetterReason::RefusedByStore, refusal(code, constraint))
}

/// The sentence about an event that the database refuses.
pub(crate) fn refusal(code: &str, constraint: Option<&str>) -> String {
    let constraint = constraint.map(|name| format!(", constraint {name}")).unwrap_or_default();
    format!("the database refuses the event: {code}{constraint}")
}
