//! The notes that a lane makes before it applies a message that came again: who died, and of what.
//!
//! A note is committed before the attempt, so that it survives the worker; the batch that ends the attempts removes
//! it in its own transaction. Called by the lane, on its session.

use crate::batch::Attempt;
use crate::{Session, StoreError, postgres, sqlite};
use std::collections::BTreeSet;
use uuid::Uuid;

/// Stands for the whole message where a position is stored.
const WHOLE: i32 = -1;

impl Session {
    /// The note on that message, if an attempt was begun and not ended.
    ///
    /// # Errors
    /// As for [`Session::apply`]: try again later.
    pub async fn attempt(&mut self, message: Uuid) -> Result<Option<Attempt>, StoreError> {
        match self {
            Session::Sqlite(store) => sqlite::attempts::find(store, message).await,
            Session::Postgres(store, own) => {
                let mut connection = postgres::taken(store, own).await?;
                let found = postgres::attempts::find(&mut connection, message).await?;
                *own = Some(connection);
                Ok(found)
            }
        }
    }

    /// Notes that an attempt begins. When this returns, the note is durable.
    ///
    /// # Errors
    /// As for [`Session::apply`]: try again later.
    pub async fn begin_attempt(&mut self, attempt: &Attempt) -> Result<(), StoreError> {
        match self {
            Session::Sqlite(store) => sqlite::attempts::note(store, attempt).await,
            Session::Postgres(store, own) => {
                let mut connection = postgres::taken(store, own).await?;
                postgres::attempts::note(&mut connection, attempt).await?;
                *own = Some(connection);
                Ok(())
            }
        }
    }
}

/// A row of the table: message, holder, begun, fatal.
pub(crate) type AttemptTuple = (Uuid, Uuid, i32, String);

impl Attempt {
    pub(crate) fn from_row((message, holder, begun, fatal): AttemptTuple) -> Self {
        let fatal: BTreeSet<u32> = fatal.split(',').filter_map(|position| position.parse().ok()).collect();
        Attempt { message, holder, begun: u32::try_from(begun).ok(), fatal }
    }

    pub(crate) fn begun_column(&self) -> i32 {
        self.begun.and_then(|position| i32::try_from(position).ok()).unwrap_or(WHOLE)
    }

    pub(crate) fn fatal_column(&self) -> String {
        let positions: Vec<String> = self.fatal.iter().map(u32::to_string).collect();
        positions.join(",")
    }
}
