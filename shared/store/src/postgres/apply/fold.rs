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

/// Applies the events in one transaction and closes the batch.
pub(super) async fn apply(
    connection: &mut PgConnection,
    events: &[Event],
    batch: &Batch,
) -> Result<Vec<Applied>, StoreError> {
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
                let applied = write::write(&mut transaction, events, &scope, changes).await?;
                let set_aside = ledger::close(&mut transaction, batch).await?;
                transaction.commit().await?;
                Transaction::Slow.committed(begun);
                meters::judged(&verdicts);
                meters::set_aside(&set_aside);
                return Ok(applied);
            }
        }
    }
    Err(StoreError::Busy(format!("a batch needed more than {MAX_ROUNDS} rounds of locking")))
}
