//! Makes events durable: requests put records into one bounded buffer, each free slot takes all of it, publishes it as
//! one pack, and answers every request of the pack when the queue has confirmed.
//!
//! No timer adds delay: while one pack waits for its confirm the next one fills. A slot is one task with one channel
//! of its own, because confirms of tasks that share a channel get mixed up.

mod buffer;
mod ledger;
mod slot;

use crate::meters::{Kind, Meters};
use crate::refusal::Refusal;
use buffer::{Buffer, Waiting};
use queue::{Queue, Readiness};
use runtime::lifecycle::Supervisor;
use slot::Slot;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;
use tokio::sync::watch;

/// Bounds and number of slots.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PublisherSettings {
    pub(crate) slots: usize,
    /// Events that may wait for a slot.
    pub(crate) buffer_events: usize,
    /// How long a request waits for its confirm.
    pub(crate) answer_deadline: Duration,
}

/// Publishes events; clones share buffer and slots.
#[derive(Clone)]
pub(crate) struct Publisher {
    buffer: Arc<Buffer>,
    readiness: watch::Receiver<Readiness>,
    /// Slots that are not pausing after a failure.
    working: Arc<AtomicUsize>,
    answer_deadline: Duration,
}

impl Publisher {
    /// Starts the slots, which end once [`Publisher::finish`] was called and the buffer is empty.
    pub(crate) fn start(
        queue: &Queue,
        settings: PublisherSettings,
        meters: &Arc<Meters>,
        supervisor: &mut Supervisor,
    ) -> Self {
        let buffer = Arc::new(Buffer::new(settings.buffer_events));
        let working = Arc::new(AtomicUsize::new(settings.slots));
        for _ in 0..settings.slots {
            let (buffer, meters, working) = (Arc::clone(&buffer), Arc::clone(meters), Arc::clone(&working));
            let slot = Slot::new(queue.publishing_channel(), buffer, meters, working);
            supervisor.spawn("publisher", async move {
                slot.run().await;
                Ok::<(), Infallible>(())
            });
        }
        Publisher { buffer, readiness: queue.readiness(), working, answer_deadline: settings.answer_deadline }
    }

    /// Returns once the event is durable.
    ///
    /// # Errors
    /// [`Refusal::QueueAway`] or [`Refusal::Overloaded`] when the event is surely not in the queue,
    /// [`Refusal::Unconfirmed`] when nobody knows.
    pub(crate) async fn publish(&self, record: Vec<u8>, kind: Kind) -> Result<(), Refusal> {
        if *self.readiness.borrow() != Readiness::Ready || slot::none_works(&self.working) {
            return Err(Refusal::QueueAway);
        }
        let (waiting, ticket, answer) = Waiting::new(record, kind);
        self.buffer.push(waiting)?;
        match tokio::time::timeout(self.answer_deadline, answer).await {
            Ok(Ok(answer)) => answer,
            // The slot is gone with the pack in its hands.
            Ok(Err(_)) => Err(Refusal::Unconfirmed),
            Err(_) if ticket.claim() => Err(Refusal::QueueAway),
            Err(_) => Err(Refusal::Unconfirmed),
        }
    }

    /// Takes no more events; the slots publish what is waiting and end.
    pub(crate) fn finish(&self) {
        self.buffer.close();
    }
}

#[cfg(test)]
mod tests;
