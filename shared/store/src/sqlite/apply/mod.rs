//! Applies a batch in one transaction of the one writer: nobody meets anybody, so there is nothing to lock and only
//! the general way. The decisions are those of the domain, as on Postgres.

mod ledger;
mod load;
mod rows;
mod write;

use crate::StoreError;
use crate::batch::Batch;
use crate::meters::{self, Transaction};
use domain::merge::{Scope, fold};
use domain::outcome::Outcome;
use sqlx::SqlitePool;
use std::time::Instant;

/// A fold can ask for more rows a few times; more than this is a fault.
const MAX_ROUNDS: usize = 16;

/// Applies the batch; `now` is the wall clock in microseconds since the Unix epoch.
pub(crate) async fn apply(writer: &SqlitePool, batch: &Batch, now: i64) -> Result<Vec<Outcome>, StoreError> {
    let mut outcomes = vec![Outcome::Redelivered; batch.events.len()];
    let mut scope = Scope::of(&batch.events);
    let begun = Instant::now();
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await?;
    for _ in 0..MAX_ROUNDS {
        let loaded = load::load(&mut transaction, &scope, &batch.events).await?;
        match fold(&batch.events, &loaded) {
            Err(wider) => scope.widen(wider),
            Ok(changes) => {
                let verdicts = meters::verdicts(&batch.events, &changes);
                for applied in write::write(&mut transaction, &batch.events, &scope, changes, now).await? {
                    outcomes[applied.position] = applied.outcome;
                }
                let set_aside = ledger::close(&mut transaction, batch, now).await?;
                transaction.commit().await?;
                Transaction::Whole.committed(begun);
                meters::judged(&verdicts);
                meters::set_aside(&set_aside);
                return Ok(outcomes);
            }
        }
    }
    Err(StoreError::Busy(format!("a batch needed more than {MAX_ROUNDS} rounds")))
}
