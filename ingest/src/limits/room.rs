//! The memory that bulk requests in hand may take together. A single event is too small to ask for any.
//!
//! Without it every open connection could hold a whole bulk body. A request that finds no room is refused before a byte
//! of its body is read.

use crate::refusal::Refusal;
use tokio::sync::{Semaphore, SemaphorePermit};

/// In KiB, as all numbers here.
const ROOM: usize = 64 * 1024;

/// What a request takes beside its body: the answer, with a result for each lead.
const ANSWER: u64 = 128;

/// What a body takes whose length is not known before.
const LONGEST_BODY: u64 = 1024;

/// Room for bulk requests.
#[derive(Debug)]
pub(crate) struct Room(Semaphore);

/// One request's part of the room, which it gives back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    _part: SemaphorePermit<'a>,
}

impl Default for Room {
    fn default() -> Self {
        Room(Semaphore::new(ROOM))
    }
}

impl Room {
    /// Room for a request with a body of so many bytes.
    ///
    /// # Errors
    /// [`Refusal::Overloaded`] when there is none now.
    pub(crate) fn enter(&self, announced: Option<u64>) -> Result<Place<'_>, Refusal> {
        let body = announced.map_or(LONGEST_BODY, |bytes| bytes.div_ceil(1024).min(LONGEST_BODY));
        let part = u32::try_from(ANSWER + body).unwrap_or(u32::MAX);
        self.0.try_acquire_many(part).map(|part| Place { _part: part }).map_err(|_| Refusal::Overloaded)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn there_is_room_for_many_small_requests_or_for_some_large_ones() {
        let room = Room::default();
        for (announced, requests) in [(Some(14_000), 461), (Some(1 << 20), 56), (None, 56)] {
            let places: Vec<_> = std::iter::from_fn(|| room.enter(announced).ok()).collect();
            assert_eq!(places.len(), requests, "{announced:?}");
            assert_eq!(room.enter(announced).unwrap_err(), Refusal::Overloaded);
        }
        assert!(room.enter(None).is_ok(), "what was left has given its room back");
    }
}
