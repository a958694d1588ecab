//! The id of an accepted event: a UUID v7 whose own bits hold the time it was received, to the microsecond.
//!
//! The 12 bits after the version hold the microseconds within the millisecond (0..=999), so that ids sort by
//! time received and then by chance, which is the order the rules need. The low 53 bits are the number that
//! the protocol's clients know as `eventId`.

use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;
use uuid::Uuid;

const MICROS_SHIFT: u32 = 64;
const RANDOM_BITS: u32 = 62;

/// A UUID v7 given by `ingest` to each accepted event.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "[u8; 16]", into = "[u8; 16]")]
pub struct EventId(Uuid);

/// The bytes or the text are no id of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an event id is a UUID v7 as given in X-Event-Id")]
pub struct NotAnEventId;

impl EventId {
    /// Makes the id of an event received `at`; of `entropy` the low 62 bits are used.
    pub fn mint(at: Timestamp, entropy: u64) -> Self {
        let micros = at.micros().unsigned_abs();
        let (millis, rest) = (micros / 1_000, micros % 1_000);
        let high = (u128::from(millis) << 16) | (0x7 << 12) | u128::from(rest);
        let low = (0b10_u64 << RANDOM_BITS) | (entropy & ((1 << RANDOM_BITS) - 1));
        EventId(Uuid::from_u128((high << MICROS_SHIFT) | u128::from(low)))
    }

    /// Accepts only what [`EventId::mint`] can have made.
    ///
    /// # Errors
    /// When version, variant or the microseconds are not those of our ids.
    pub fn from_uuid(uuid: Uuid) -> Result<Self, NotAnEventId> {
        let bits = uuid.as_u128();
        let is_v7 = (bits >> 76) & 0xf == 0x7;
        let is_rfc = (bits >> RANDOM_BITS) & 0b11 == 0b10;
        let micros = (bits >> MICROS_SHIFT) & 0xfff;
        (is_v7 && is_rfc && micros < 1_000).then_some(EventId(uuid)).ok_or(NotAnEventId)
    }

    /// When `ingest` received the event.
    pub fn received_at(self) -> Timestamp {
        let bits = self.0.as_u128();
        let millis = (bits >> 80) as i64;
        let micros = ((bits >> MICROS_SHIFT) & 0xfff) as i64;
        Timestamp::from_micros(millis * 1_000 + micros)
    }

    /// The number that clients of the protocol know as `eventId`: 53 random bits.
    pub fn number(self) -> u64 {
        self.random_bits() & ((1 << 53) - 1)
    }

    /// The low 62 bits, as given to [`EventId::mint`].
    pub(crate) fn random_bits(self) -> u64 {
        self.0.as_u128() as u64 & ((1 << RANDOM_BITS) - 1)
    }

    /// The id as a plain UUID, for stores.
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl TryFrom<[u8; 16]> for EventId {
    type Error = NotAnEventId;
    fn try_from(bytes: [u8; 16]) -> Result<Self, NotAnEventId> {
        EventId::from_uuid(Uuid::from_bytes(bytes))
    }
}

impl From<EventId> for [u8; 16] {
    fn from(id: EventId) -> Self {
        id.0.into_bytes()
    }
}

impl std::str::FromStr for EventId {
    type Err = NotAnEventId;
    fn from_str(text: &str) -> Result<Self, NotAnEventId> {
        if text.len() != 36 {
            return Err(NotAnEventId);
        }
        EventId::from_uuid(Uuid::try_parse(text).map_err(|_| NotAnEventId)?)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_id_gives_back_its_time_and_sorts_by_it(a in 0..=Timestamp::MAX.micros(), b in 0..=Timestamp::MAX.micros(), x: u64, y: u64) {
            let (first, second) = (Timestamp::from_micros(a), Timestamp::from_micros(b));
            let (one, two) = (EventId::mint(first, x), EventId::mint(second, y));
            prop_assert_eq!(one.received_at(), first);
            prop_assert_eq!(EventId::from_uuid(one.uuid()).unwrap(), one);
            if a != b {
                prop_assert_eq!(one < two, a < b);
            }
            prop_assert!(one.number() < 1 << 53);
        }
    }

    #[test]
    fn other_uuids_are_refused() {
        assert_eq!(EventId::from_uuid(Uuid::nil()), Err(NotAnEventId));
        assert_eq!("0190f3c0-0000-4000-8000-000000000000".parse::<EventId>(), Err(NotAnEventId));
        let micros_out_of_range = Uuid::from_u128(0x0190_f3c0_0000_73e8_8000_0000_0000_0000);
        assert_eq!(EventId::from_uuid(micros_out_of_range), Err(NotAnEventId));
    }
}
