//! One worker lane's way into the store: a connection of its own, and one batch in flight.
//!
//! Its futures must be driven to their end: a cancelled BEGIN would leave a connection inside an open transaction,
//! and what follows on it would be acknowledged and then vanish. Deadlines are the server's; the one here is for a
//! connection that has gone silent, and drops that connection with everything on it.

use crate::batch::Batch;
use crate::postgres::OwnConnection;
use crate::{Postgres, Sqlite, Store, StoreError, postgres, sqlite};
use domain::outcome::Outcome;
use std::time::{SystemTime, UNIX_EPOCH};

/// Made by [`Store::session`].
#[derive(Debug)]
pub enum Session {
    /// A connection that no one else uses; `None` after an error, until the next batch connects again.
    Postgres(Postgres, Option<OwnConnection>),
    /// The one writer of the file.
    Sqlite(Sqlite),
}

impl Store {
    /// A lane's own session. Connects when the first batch is applied.
    pub fn session(&self) -> Session {
        match self {
            Store::Postgres(postgres) => Session::Postgres(postgres.clone(), None),
            Store::Sqlite(sqlite) => Session::Sqlite(sqlite.clone()),
        }
    }
}

impl Session {
    /// Applies a batch. When this returns, everything in it is durable, exactly once; acknowledge then.
    ///
    /// # Errors
    /// Nothing may be acknowledged. [`StoreError::Refused`]: one event of the batch can never be stored as it is.
    /// Everything else: hold the batch and try again. The connection is dropped in any case.
    pub async fn apply(&mut self, batch: &Batch) -> Result<Vec<Outcome>, StoreError> {
        match self {
            Session::Sqlite(store) => sqlite::apply::apply(store.writer(), batch, now_micros()).await,
            Session::Postgres(store, own) => {
                let mut connection = postgres::taken(store, own).await?;
                let deadline = store.silence();
                let applying = async move {
                    let outcomes = postgres::apply::apply(&mut connection, batch).await?;
                    Ok::<_, StoreError>((outcomes, connection))
                };
                let silent = |_| StoreError::Away(format!("no answer within {} s", deadline.as_secs()));
                let (outcomes, connection) = tokio::time::timeout(deadline, applying).await.map_err(silent)??;
                *own = Some(connection);
                Ok(outcomes)
            }
        }
    }
}

fn now_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
