//! Dead letters for people: what was set aside and why, and giving one up for good.
//!
//! A replay is a batch like any other (`Batch::replayed`), made by `worker`; here is only what it reads, and the note
//! that one was refused. Called by `cli` and `worker`.

pub(crate) mod letter;

pub use letter::{Letter, LetterBody, LetterCursor, LetterFilter};

use crate::{Store, StoreError, postgres, sqlite};
use domain::outcome::DeadLetterReason;
use uuid::Uuid;

impl Store {
    /// Dead letters, the newest first, at most `limit`; after `after`, if it is given.
    ///
    /// # Errors
    /// [`StoreError`] when the database is away or its rows cannot be read.
    pub async fn dead_letters(
        &self,
        filter: LetterFilter,
        after: Option<LetterCursor>,
        limit: u32,
    ) -> Result<Vec<Letter>, StoreError> {
        let rows = match self {
            Store::Postgres(postgres) => postgres::dead_letters::list(postgres, filter, after, limit).await?,
            Store::Sqlite(sqlite) => sqlite::dead_letters::list(sqlite, filter, after, limit).await?,
        };
        rows.into_iter().map(Letter::try_from).collect()
    }

    /// The dead letters of those ids that are there, the newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database is away or its rows cannot be read.
    pub async fn dead_letters_of(&self, ids: &[Uuid]) -> Result<Vec<Letter>, StoreError> {
        let rows = match self {
            Store::Postgres(postgres) => postgres::dead_letters::find(postgres, ids).await?,
            Store::Sqlite(sqlite) => sqlite::dead_letters::find(sqlite, ids).await?,
        };
        rows.into_iter().map(Letter::try_from).collect()
    }

    /// What was set aside under those ids. A body is up to 1 MiB: ask for few at a time.
    ///
    /// # Errors
    /// [`StoreError`] when the database is away.
    pub async fn letter_bodies(&self, ids: &[Uuid]) -> Result<Vec<LetterBody>, StoreError> {
        let rows = match self {
            Store::Postgres(postgres) => postgres::dead_letters::bodies(postgres, ids).await?,
            Store::Sqlite(sqlite) => sqlite::dead_letters::bodies(sqlite, ids).await?,
        };
        Ok(rows.into_iter().map(|(id, body, whole_message)| LetterBody { id, body, whole_message }).collect())
    }

    /// Gives dead letters up for good; what they held is deleted. Returns how many were there.
    ///
    /// # Errors
    /// [`StoreError`] when the database is away or refuses.
    pub async fn discard_letters(&self, ids: &[Uuid]) -> Result<u64, StoreError> {
        match self {
            Store::Postgres(postgres) => postgres::dead_letters::discard(postgres, ids).await,
            Store::Sqlite(sqlite) => sqlite::dead_letters::discard(sqlite, ids).await,
        }
    }

    /// Notes that a replay was refused, and why; the letter stays.
    ///
    /// # Errors
    /// [`StoreError`] when the database is away or refuses.
    pub async fn note_refused_replay(
        &self,
        id: Uuid,
        reason: DeadLetterReason,
        message: &str,
    ) -> Result<(), StoreError> {
        match self {
            Store::Postgres(postgres) => postgres::dead_letters::note(postgres, id, reason, message).await,
            Store::Sqlite(sqlite) => sqlite::dead_letters::note(sqlite, id, reason, message).await,
        }
    }
}
