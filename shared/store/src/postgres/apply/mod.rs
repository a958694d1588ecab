//! Applies a batch: a fast transaction for events that meet nobody or only their own customer, a slow one for what it
//! leaves over.
//!
//! An event is applied wholly by the fast transaction or left untouched for the slow one. A click for which a crowd
//! waits takes several slow ones: it is stored by the first, and so a stored click is not wholly applied before nobody
//! waits for it. Acknowledge after the last; a crash between any two delivers the batch again, what is there already
//! collides and changes nothing, and who still waits is judged.
//!
//! Locks come in five classes, each taken in bytewise order: click insert, click lock, customer insert, customer lock,
//! lead insert. So nobody waits in a circle, and SQL never compares a time or a reason.

mod fast;
mod fold;
mod ledger;
mod load;
mod rows;
mod write;

use crate::StoreError;
use crate::batch::Batch;
use crate::postgres::OwnConnection;
use domain::event::Event;
use domain::outcome::Outcome;
use fast::Way;

/// How many batches insert row by row from the start after one whose COPY met another worker's customer.
const WARY: u32 = 8;

/// Applies the batch on a connection that no one else uses. After an error the connection must be dropped: it may
/// be inside an aborted transaction, which sqlx would report as committed.
pub(crate) async fn apply(connection: &mut OwnConnection, batch: &Batch) -> Result<Vec<Outcome>, StoreError> {
    let mut outcomes = vec![Outcome::Redelivered; batch.events.len()];
    let left_over = apply_fast(connection, batch, &mut outcomes).await?;
    if left_over.is_empty() {
        return Ok(outcomes);
    }
    let events: Vec<Event> = left_over.iter().map(|position| batch.events[*position].clone()).collect();
    for applied in fold::apply(&mut connection.link, &events, batch).await? {
        outcomes[left_over[applied.position]] = applied.outcome;
    }
    Ok(outcomes)
}

/// Lanes that have met are likely to meet again in their next batches: a COPY that fails has cost more than it saves.
async fn apply_fast(
    connection: &mut OwnConnection,
    batch: &Batch,
    outcomes: &mut [Outcome],
) -> Result<Vec<usize>, StoreError> {
    if connection.wary > 0 {
        connection.wary -= 1;
    } else if let Some(left_over) = fast::apply(&mut connection.link, batch, outcomes, Way::Copy).await? {
        return Ok(left_over);
    } else {
        outcomes.fill(Outcome::Redelivered);
        connection.wary = WARY;
    }
    let left_over = fast::apply(&mut connection.link, batch, outcomes, Way::Insert).await?;
    left_over.ok_or_else(|| StoreError::Busy("an insert that minds conflicts met one".to_owned()))
}
