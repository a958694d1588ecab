//! The events that wait for a free slot: bounded in number and bytes, taken in the order they came.
//!
//! Each event is claimed exactly once, by the slot that takes it or by the request that gives up on it. So a request
//! that was told `not-accepted` can be sure that its event was never published.

use crate::meters::Kind;
use crate::refusal::Refusal;
use domain::pack::{MAX_BYTES, MAX_EVENTS};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, oneshot};

/// However many events may wait, their records take at most this.
const MAX_BUFFERED_BYTES: usize = 16 << 20;

/// Room in a pack for its header, the list of unconfirmed packs included, and its checksum.
const PACK_OVERHEAD: usize = 2 * 1024;

/// The length before each record.
const RECORD_OVERHEAD: usize = 4;

/// What a request gets to know.
pub(super) type Answer = Result<(), Refusal>;

/// Who may decide what becomes of an event: whoever claims first.
#[derive(Debug, Clone, Default)]
pub(super) struct Ticket(Arc<AtomicBool>);

impl Ticket {
    /// Whether this call was the first.
    pub(super) fn claim(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

/// An event on its way into a pack.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) record: Vec<u8>,
    pub(super) kind: Kind,
    pub(super) answer: oneshot::Sender<Answer>,
    ticket: Ticket,
}

impl Waiting {
    pub(super) fn new(record: Vec<u8>, kind: Kind) -> (Self, Ticket, oneshot::Receiver<Answer>) {
        let (sender, receiver) = oneshot::channel();
        let ticket = Ticket::default();
        (Waiting { record, kind, answer: sender, ticket: ticket.clone() }, ticket, receiver)
    }

    fn size(&self) -> usize {
        self.record.len() + RECORD_OVERHEAD
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
    bytes: usize,
    closed: bool,
}

impl Buffer {
    pub(super) fn new(max_events: usize) -> Self {
        Buffer { queue: Mutex::default(), max_events, filled: Notify::new() }
    }

    /// Adds an event, or says at once that there is no room.
    pub(super) fn push(&self, waiting: Waiting) -> Result<(), Refusal> {
        {
            let mut queue = self.lock();
            let size = waiting.size();
            if queue.closed {
                return Err(Refusal::QueueAway);
            }
            if queue.waiting.len() >= self.max_events || queue.bytes + size > MAX_BUFFERED_BYTES {
                return Err(Refusal::Overloaded);
            }
            queue.bytes += size;
            queue.waiting.push_back(waiting);
        }
        self.filled.notify_one();
        Ok(())
    }

    /// Waits for events and takes all that fit into one pack; `None` once the buffer is closed and empty.
    pub(super) async fn take(&self) -> Option<Vec<Waiting>> {
        loop {
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
        self.lock().waiting.len()
    }

    fn take_now(&self) -> (Vec<Waiting>, bool) {
        let mut queue = self.lock();
        let mut pack = Vec::with_capacity(queue.waiting.len().min(MAX_EVENTS));
        let mut room = MAX_BYTES - PACK_OVERHEAD;
        while pack.len() < MAX_EVENTS
            && let Some(waiting) = queue.waiting.pop_front_if(|waiting| waiting.size() <= room)
        {
            queue.bytes -= waiting.size();
            if waiting.ticket.claim() {
                room -= waiting.size();
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

    fn event(bytes: usize) -> (Waiting, Ticket, oneshot::Receiver<Answer>) {
        Waiting::new(vec![0; bytes], Kind::Lead)
    }

    #[tokio::test]
    async fn a_pack_takes_everything_that_fits() {
        let buffer = Buffer::new(10_000);
        for _ in 0..MAX_EVENTS + 1 {
            buffer.push(event(10).0).unwrap();
        }
        assert_eq!(buffer.take().await.unwrap().len(), MAX_EVENTS);
        assert_eq!(buffer.take().await.unwrap().len(), 1);
        for _ in 0..3 {
            buffer.push(event(MAX_BYTES / 2 - 4_096).0).unwrap();
        }
        assert_eq!(buffer.take().await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_full_buffer_refuses_at_once() {
        let buffer = Buffer::new(2);
        buffer.push(event(1).0).unwrap();
        buffer.push(event(1).0).unwrap();
        assert_eq!(buffer.push(event(1).0), Err(Refusal::Overloaded));
        buffer.take().await.unwrap();
        assert_eq!(buffer.push(event(MAX_BUFFERED_BYTES).0), Err(Refusal::Overloaded));
        buffer.push(event(1).0).unwrap();
    }

    #[tokio::test]
    async fn an_event_that_its_request_has_given_up_is_never_taken() {
        let buffer = Buffer::new(8);
        let (given_up, ticket, _answer) = event(1);
        let (kept, other, _other_answer) = event(2);
        buffer.push(given_up).unwrap();
        buffer.push(kept).unwrap();
        assert!(ticket.claim());
        let pack = buffer.take().await.unwrap();
        assert_eq!(pack.iter().map(|waiting| waiting.record.len()).collect::<Vec<_>>(), [2]);
        assert!(!other.claim(), "the slot was first");
    }

    #[tokio::test]
    async fn a_closed_buffer_gives_what_is_left_and_ends() {
        let buffer = Buffer::new(8);
        buffer.push(event(1).0).unwrap();
        buffer.close();
        assert_eq!(buffer.push(event(1).0), Err(Refusal::QueueAway));
        assert_eq!(buffer.take().await.unwrap().len(), 1);
        assert!(buffer.take().await.is_none());
        assert!(buffer.take().await.is_none(), "every slot hears of it");
    }
}
