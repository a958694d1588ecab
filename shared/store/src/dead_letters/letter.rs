//! A dead letter as people see it, its place in a list, and its row in either database.

use crate::StoreError;
use domain::outcome::DeadLetterReason;
use domain::{EventId, ProgramId, Timestamp};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// Which dead letters are meant; all of them by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LetterFilter {
    /// Those set aside for this reason.
    pub reason: Option<DeadLetterReason>,
    /// Those of this program, as far as it could be read.
    pub program: Option<ProgramId>,
    /// Those set aside at this moment or later.
    pub since: Option<Timestamp>,
}

/// A place in the list of dead letters: what is listed next was set aside before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LetterCursor {
    pub(crate) recorded_at: i64,
    pub(crate) id: Uuid,
}

/// A dead letter without what was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Digest of the bytes.
    pub id: Uuid,
    /// Why.
    pub reason: DeadLetterReason,
    /// For people; holds nothing of the body.
    pub message: String,
    /// The program, as far as it could be read.
    pub program: Option<ProgramId>,
    /// The event, as far as it could be read.
    pub event: Option<EventId>,
    /// The pack it came in, as far as it could be read: its run and its number.
    pub pack: Option<(Uuid, u64)>,
    /// Whether it is a whole message, not one record.
    pub whole_message: bool,
    /// Its length in bytes.
    pub bytes: u64,
    /// When it was set aside.
    pub recorded_at: Timestamp,
    /// How often a replay was refused.
    pub replays: u32,
    /// The last time that one was.
    pub replayed_at: Option<Timestamp>,
}

/// What was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterBody {
    /// The letter.
    pub id: Uuid,
    /// The record, or the whole message.
    pub body: Vec<u8>,
    /// Whether it is a whole message.
    pub whole_message: bool,
}

impl Letter {
    /// Its own place in the list.
    pub fn cursor(&self) -> LetterCursor {
        LetterCursor { recorded_at: self.recorded_at.micros(), id: self.id }
    }
}

impl fmt::Display for LetterCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.recorded_at, self.id.simple())
    }
}

impl FromStr for LetterCursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (moment, id) = text.split_once('-')?;
            Some(LetterCursor { recorded_at: moment.parse().ok()?, id: id.parse().ok()? })
        };
        read().ok_or("a place in the list is what the page before named as the next one")
    }
}

/// The columns of both databases, in this order; times in microseconds since the Unix epoch.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct LetterRow {
    dead_letter_id: Uuid,
    program_id: Option<i64>,
    event_id: Option<Uuid>,
    reason: i16,
    message: String,
    run: Option<Uuid>,
    number: Option<i64>,
    whole_message: bool,
    bytes: i64,
    recorded_at: i64,
    replays: i32,
    replayed_at: Option<i64>,
}

impl TryFrom<LetterRow> for Letter {
    type Error = StoreError;

    fn try_from(row: LetterRow) -> Result<Self, StoreError> {
        let newer = || StoreError::Misconfigured("a newer version wrote a dead letter: use that version".to_owned());
        Ok(Letter {
            id: row.dead_letter_id,
            reason: DeadLetterReason::from_code(row.reason).ok_or_else(newer)?,
            message: row.message,
            program: row.program_id.and_then(ProgramId::new),
            event: row.event_id.and_then(|event| EventId::from_uuid(event).ok()),
            pack: row.run.zip(row.number.and_then(|number| u64::try_from(number).ok())),
            whole_message: row.whole_message,
            bytes: u64::try_from(row.bytes).unwrap_or_default(),
            recorded_at: Timestamp::from_micros(row.recorded_at),
            replays: u32::try_from(row.replays).unwrap_or_default(),
            replayed_at: row.replayed_at.map(Timestamp::from_micros),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_place_in_the_list_can_be_written_down() {
        let cursor = LetterCursor { recorded_at: 1_795_356_309_123_999, id: Uuid::from_u128(7) };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for text in ["", "7", "x-y", "1795356309123999-"] {
            assert!(text.parse::<LetterCursor>().is_err(), "{text}");
        }
    }
}
