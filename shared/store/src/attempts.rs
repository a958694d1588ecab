//! The notes that a lane makes before it applies a message that came again: who died, and of what.
//!
//! A note is committed before the attempt, so that it survives the worker; the batch that ends the attempts removes
//! it in its own transaction. Called by the lane, on its session.

use crate::batch::Attempt;
use crate::{Session, StoreError, postgres, sqlite};
use uuid::Uuid;

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
                let found = postgres::attempts::find(&mut connection.link, message).await?;
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
            Session::Sqlite(store) => {
                let mut connection = store.writer().acquire().await?;
                sqlite::attempts::note(&mut connection, attempt).await
            }
            Session::Postgres(store, own) => {
                let mut connection = postgres::taken(store, own).await?;
                postgres::attempts::note(&mut connection.link, attempt).await?;
                *own = Some(connection);
                Ok(())
            }
        }
    }
}
