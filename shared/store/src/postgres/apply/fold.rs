//! The slow transaction: locks every row the events touch, lets the domain decide, writes what changed.
//!
//! If the decision needs a row that is not locked, the transaction is rolled back and begun again with the larger
//! set, because locking it now would be out of order.

use super::{ledger, load, write};
use crate::StoreError;
use crate::batch::Batch;
use crate::meters::{self, Transaction};
use domain::event::Event;
use domain::merge::{Applied, Scope, fold};
use sqlx::{Connection, PgConnection};
use std::time::Instant;

/// Each round adds at least one row, and a chain of keyless customers is short; more rounds than this is a fault.
const MAX_ROUNDS: usize = 16;

/// With so many transactions a batch gives way: whoever applies it may have been told to stop meanwhile.
const TRANSACTIONS: usize = 8;

/// Applies the events and closes the batch: in one transaction, unless more customers wait for its clicks than one may
/// judge. Then the clicks come again, each time in a transaction of its own, until nobody waits; a crash in between is
/// mended when the batch comes again.
///
/// # Errors
/// [`StoreError::Busy`] also when some still wait after the last transaction there may be: they are judged when the
/// batch comes again.
pub(super) async fn apply(
    connection: &mut PgConnection,
    events: &[Event],
    batch: &Batch,
) -> Result<Vec<Applied>, StoreError> {
    let (applied, is_closed) = apply_once(connection, events, batch).await?;
    if is_closed {
        return Ok(applied);
    }
    let is_click = |event: &&Event| matches!(event, Event::Click(_));
    let clicks: Vec<Event> = events.iter().filter(is_click).cloned().collect();
    for _ in 1..TRANSACTIONS {
        if apply_once(connection, &clicks, batch).await?.1 {
            return Ok(applied);
        }
    }
    let most = TRANSACTIONS * load::WOKEN_AT_ONCE;
    Err(StoreError::Busy(format!("more than {most} customers wait for a click that came; the rest are judged next")))
}

/// One transaction. Closes the batch if nobody is left who waits for one of the clicks, and says whether it did.
async fn apply_once(
    connection: &mut PgConnection,
    events: &[Event],
    batch: &Batch,
) -> Result<(Vec<Applied>, bool), StoreError> {
    let mut scope = Scope::of(events);
    for _ in 0..MAX_ROUNDS {
        let begun = Instant::now();
        let mut transaction = connection.begin().await?;
        let loaded = load::load(&mut transaction, &scope, events).await?;
        match fold(events, &loaded) {
            Err(wider) => {
                transaction.rollback().await?;
                scope.widen(wider);
            }
            Ok(changes) => {
                let verdicts = meters::verdicts(events, &changes);
                let is_last = changes.woken.len() < load::WOKEN_AT_ONCE;
                let applied = write::write(&mut transaction, events, &scope, changes).await?;
                let mut set_aside = Vec::new();
                if is_last {
                    set_aside = ledger::close(&mut transaction, batch).await?;
                } else {
                    write::prove_alive(&mut transaction).await?;
                }
                transaction.commit().await?;
                Transaction::Slow.committed(begun);
                meters::judged(&verdicts);
                meters::set_aside(&set_aside);
                return Ok((applied, is_last));
            }
        }
    }
    Err(StoreError::Busy(format!("a batch needed more than {MAX_ROUNDS} rounds of locking")))
}
