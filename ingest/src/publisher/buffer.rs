//! The events that wait for a free slot: bounded in number and bytes, taken in the order they came.
//!
//! Events that one request brought together stay together in one pack, so that one answer is for all of them. They are
//! claimed exactly once, by the slot that takes them or by the request that gives up on them. So a request that was told
//! `not-accepted` can be sure that its events were never published.

use crate::meters::Kind;
use crate::refusal::Refusal;
use domain::pack::{MAX_BYTES, MAX_EVENTS};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, oneshot};

/// However many events may wait, their records take at most this.
const MAX_BUFFERED_BYTES: usize = 16 << 20;

/// What the records of one pack may take: there must be room for its header, the list of unconfirmed packs included,
/// and its checksum.
const MAX_PACKED: usize = MAX_BYTES - 2 * 1024;

/// The length before each record.
const RECORD_OVERHEAD: usize = 4;

/// What a request gets to know of its events.
pub(super) type Answer = Result<(), Refusal>;

/// Who may decide what becomes of the events: whoever claims first.
#[derive(Debug, Clone, Default)]
pub(super) struct Ticket(Arc<AtomicBool>);

impl Ticket {
    /// Whether this call was the first.
    pub(super) fn claim(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

/// Events of one kind on their way into one pack, which share their answer.
#[derive(Debug)]
pub(super) struct Waiting {
    records: Records,
    pub(super) kind: Kind,
    pub(super) answer: oneshot::Sender<Answer>,
    /// Which runtime their request lives on.
    pub(super) seat: usize,
    ticket: Ticket,
    /// What they take in a pack, in bytes.
    size: usize,
}

/// A single event needs no list.
#[derive(Debug)]
enum Records {
    One(Vec<u8>),
    Many(Vec<Vec<u8>>),
}

/// The request's side of its waiting events.
#[derive(Debug)]
pub(super) struct Awaited {
    pub(super) ticket: Ticket,
    pub(super) answer: oneshot::Receiver<Answer>,
}

impl Waiting {
    pub(super) fn one(record: Vec<u8>, kind: Kind, seat: usize) -> (Self, Awaited) {
        let size = record.len() + RECORD_OVERHEAD;
        Self::new(Records::One(record), size, kind, seat)
    }

    /// Cut into as few as can each be in one pack. A record is far smaller than a pack.
    pub(super) fn many(records: Vec<Vec<u8>>, kind: Kind, seat: usize) -> Vec<(Self, Awaited)> {
        let mut parts = Vec::with_capacity(1);
        let (mut part, mut size) = (Vec::new(), 0);
        for record in records {
            let more = record.len() + RECORD_OVERHEAD;
            if part.len() == MAX_EVENTS || size + more > MAX_PACKED {
                parts.push(Self::new(Records::Many(std::mem::take(&mut part)), size, kind, seat));
                size = 0;
            }
            size += more;
            part.push(record);
        }
        if !part.is_empty() {
            parts.push(Self::new(Records::Many(part), size, kind, seat));
        }
        parts
    }

    fn new(records: Records, size: usize, kind: Kind, seat: usize) -> (Self, Awaited) {
        let (answer, receiver) = oneshot::channel();
        let ticket = Ticket::default();
        let awaited = Awaited { ticket: ticket.clone(), answer: receiver };
        (Waiting { records, kind, answer, seat, ticket, size }, awaited)
    }

    pub(super) fn records(&self) -> &[Vec<u8>] {
        match &self.records {
            Records::One(record) => std::slice::from_ref(record),
            Records::Many(records) => records,
        }
    }
}

pub(super) struct Buffer {
    queue: Mutex<Queue>,
    max_events: usize,
    filled: Notify,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    events: usize,
    bytes: usize,
    closed: bool,
}

impl Buffer {
    pub(super) fn new(max_events: usize) -> Self {
        Buffer { queue: Mutex::default(), max_events, filled: Notify::new() }
    }

    /// Adds a request's events, or says at once that there is no room for all of them. An empty buffer takes any
    /// request's, however few it may hold.
    pub(super) fn push(&self, parts: impl AsRef<[Waiting]> + IntoIterator<Item = Waiting>) -> Result<(), Refusal> {
        let events: usize = parts.as_ref().iter().map(|part| part.records().len()).sum();
        let bytes: usize = parts.as_ref().iter().map(|part| part.size).sum();
        {
            let mut queue = self.lock();
            if queue.closed {
                return Err(Refusal::QueueAway);
            }
            let has_room = queue.events == 0 || queue.events + events <= self.max_events;
            if !has_room || queue.bytes + bytes > MAX_BUFFERED_BYTES {
                return Err(Refusal::Overloaded);
            }
            queue.events += events;
            queue.bytes += bytes;
            queue.waiting.extend(parts);
        }
        self.filled.notify_one();
        Ok(())
    }

    /// Waits for events and takes all that fit into one pack, in their order; `None` once the buffer is closed and empty.
    pub(super) async fn take(&self) -> Option<Vec<Waiting>> {
        loop {
            // Requests that can be read right now go first and fill the pack: a message costs the broker as much as dozens
            // of events. No time is waited; work that is there is done in another order.
            tokio::task::yield_now().await;
            let (pack, is_over) = self.take_now();
            if !pack.is_empty() {
                return Some(pack);
            }
            if is_over {
                // Another slot may be waiting for the same news.
                self.filled.notify_one();
                return None;
            }
            self.filled.notified().await;
        }
    }

    /// No more events from here on.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
    }

    /// How many events wait, for tests that must know that a request has come this far.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.lock().events
    }

    fn take_now(&self) -> (Vec<Waiting>, bool) {
        let mut queue = self.lock();
        let mut pack = Vec::with_capacity(queue.waiting.len().min(MAX_EVENTS));
        let (mut places, mut room) = (MAX_EVENTS, MAX_PACKED);
        let fits = |waiting: &mut Waiting, places, room| waiting.records().len() <= places && waiting.size <= room;
        while let Some(waiting) = queue.waiting.pop_front_if(|waiting| fits(waiting, places, room)) {
            queue.events -= waiting.records().len();
            queue.bytes -= waiting.size;
            if waiting.ticket.claim() {
                places -= waiting.records().len();
                room -= waiting.size;
                pack.push(waiting);
            }
        }
        if !queue.waiting.is_empty() {
            self.filled.notify_one();
        }
        (pack, queue.closed && queue.waiting.is_empty())
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn event(bytes: usize) -> (Waiting, Awaited) {
        Waiting::one(vec![0; bytes], Kind::Lead, 0)
    }

    /// The parts of one request with so many events of so many bytes each.
    fn events(count: usize, bytes: usize) -> Vec<Waiting> {
        Waiting::many(vec![vec![0; bytes]; count], Kind::Lead, 0).into_iter().map(|(part, _)| part).collect()
    }

    fn count(pack: &[Waiting]) -> usize {
        pack.iter().map(|part| part.records().len()).sum()
    }

    #[tokio::test]
    async fn a_pack_takes_everything_that_fits() {
        let buffer = Buffer::new(10_000);
        for _ in 0..MAX_EVENTS + 1 {
            buffer.push([event(10).0]).unwrap();
        }
        assert_eq!(buffer.take().await.unwrap().len(), MAX_EVENTS);
        assert_eq!(buffer.take().await.unwrap().len(), 1);
        for _ in 0..3 {
            buffer.push([event(MAX_BYTES / 2 - 4_096).0]).unwrap();
        }
        assert_eq!(buffer.take().await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn what_came_together_stays_together_unless_it_is_too_much_for_one_pack() {
        let buffer = Buffer::new(10_000);
        for _ in 0..3 {
            buffer.push(events(400, 10)).unwrap();
        }
        buffer.push([event(10).0]).unwrap();
        assert_eq!(count(&buffer.take().await.unwrap()), 800);
        assert_eq!(count(&buffer.take().await.unwrap()), 401);
        buffer.push(events(2_500, 10)).unwrap();
        buffer.push(events(3, MAX_BYTES / 2 - 2_048)).unwrap();
        let mut taken = Vec::new();
        for _ in 0..4 {
            taken.push(count(&buffer.take().await.unwrap()));
        }
        assert_eq!(taken, [1_024, 1_024, 452, 2]);
    }

    #[tokio::test]
    async fn a_full_buffer_refuses_at_once() {
        let buffer = Buffer::new(2);
        buffer.push([event(1).0]).unwrap();
        buffer.push([event(1).0]).unwrap();
        assert_eq!(buffer.push([event(1).0]), Err(Refusal::Overloaded));
        buffer.take().await.unwrap();
        assert_eq!(buffer.push([event(MAX_BUFFERED_BYTES).0]), Err(Refusal::Overloaded));
        buffer.push([event(1).0]).unwrap();
    }

    #[tokio::test]
    async fn of_many_events_all_are_taken_or_none() {
        let buffer = Buffer::new(10);
        buffer.push([event(1).0]).unwrap();
        assert_eq!(buffer.push(events(10, 1)), Err(Refusal::Overloaded));
        buffer.push(events(9, 1)).unwrap();
        assert_eq!(count(&buffer.take().await.unwrap()), 10);
        buffer.push(events(1_000, 1)).unwrap();
        assert_eq!(count(&buffer.take().await.unwrap()), 1_000, "an empty buffer takes what is more than it may hold");
    }

    #[tokio::test]
    async fn an_event_that_its_request_has_given_up_is_never_taken() {
        let buffer = Buffer::new(8);
        let (given_up, request) = event(1);
        let (kept, other) = event(2);
        buffer.push([given_up]).unwrap();
        buffer.push([kept]).unwrap();
        assert!(request.ticket.claim());
        let pack = buffer.take().await.unwrap();
        assert_eq!(pack.iter().map(|waiting| waiting.records()[0].len()).collect::<Vec<_>>(), [2]);
        assert!(!other.ticket.claim(), "the slot was first");
    }

    #[tokio::test]
    async fn a_closed_buffer_gives_what_is_left_and_ends() {
        let buffer = Buffer::new(8);
        buffer.push([event(1).0]).unwrap();
        buffer.close();
        assert_eq!(buffer.push([event(1).0]), Err(Refusal::QueueAway));
        assert_eq!(buffer.take().await.unwrap().len(), 1);
        assert!(buffer.take().await.is_none());
        assert!(buffer.take().await.is_none(), "every slot hears of it");
    }
}
