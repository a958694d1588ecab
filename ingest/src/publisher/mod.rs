//! Makes events durable: requests put records into one bounded buffer, each free slot takes all of it, publishes it as
//! one pack, and answers every request of the pack when the queue has confirmed.
//!
//! No timer adds delay: while one pack waits for its confirm the next one fills. A slot is one task with one channel
//! of its own, because confirms of tasks that share a channel get mixed up. Requests live on several runtimes, and what
//! a slot has to tell those of one runtime it tells them there, in one go: to wake each from elsewhere costs more.

mod answering;
mod buffer;
mod ledger;
mod slot;

use crate::meters::{Kind, Meters};
use crate::refusal::Refusal;
use answering::Answering;
use buffer::{Awaited, Buffer, Waiting};
use queue::{Queue, Readiness};
use runtime::lifecycle::Supervisor;
use slot::Slot;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;

/// Bounds and number of slots.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PublisherSettings {
    pub(crate) slots: usize,
    /// Events that may wait for a slot.
    pub(crate) buffer_events: usize,
    /// How long a request waits for its confirm.
    pub(crate) answer_deadline: Duration,
}

/// Publishes the events of one runtime's requests; all share buffer and slots.
#[derive(Clone)]
pub(crate) struct Publisher {
    buffer: Arc<Buffer>,
    readiness: watch::Receiver<Readiness>,
    /// Slots that are not pausing after a failure.
    working: Arc<AtomicUsize>,
    answer_deadline: Duration,
    /// Which of the runtimes.
    seat: usize,
    /// Events are thrown away, which is for measuring only.
    discards: bool,
}

impl Publisher {
    /// Starts the slots; the publisher is for requests on the first of the runtimes. The slots end once
    /// [`Publisher::finish`] was called and the buffer is empty.
    pub(crate) fn start(
        queue: &Queue,
        settings: PublisherSettings,
        meters: &Arc<Meters>,
        supervisor: &mut Supervisor,
        runtimes: &[Handle],
    ) -> Self {
        let buffer = Arc::new(Buffer::new(settings.buffer_events));
        let working = Arc::new(AtomicUsize::new(settings.slots));
        let answering = Answering::start(runtimes, supervisor);
        for runtime in runtimes.iter().cycle().take(settings.slots) {
            let (buffer, meters, working) = (Arc::clone(&buffer), Arc::clone(meters), Arc::clone(&working));
            let slot = Slot::new(queue.publishing_channel(), buffer, meters, working, answering.clone());
            let publishing = async move {
                slot.run().await;
                Ok::<(), Infallible>(())
            };
            supervisor.spawn_on("publisher", publishing, runtime);
        }
        let (readiness, answer_deadline) = (queue.readiness(), settings.answer_deadline);
        Publisher { buffer, readiness, working, answer_deadline, seat: 0, discards: false }
    }

    /// The same for requests on another of the runtimes.
    pub(crate) fn at(&self, seat: usize) -> Self {
        Publisher { seat, ..self.clone() }
    }

    /// Without slots: every event counts as durable and is thrown away.
    pub(crate) fn discarding(queue: &Queue, settings: PublisherSettings) -> Self {
        Publisher {
            buffer: Arc::new(Buffer::new(settings.buffer_events)),
            readiness: queue.readiness(),
            working: Arc::default(),
            answer_deadline: settings.answer_deadline,
            seat: 0,
            discards: true,
        }
    }

    /// Returns once the event is durable.
    ///
    /// # Errors
    /// [`Refusal::QueueAway`] or [`Refusal::Overloaded`] when the event is surely not in the queue,
    /// [`Refusal::Unconfirmed`] when nobody knows.
    pub(crate) async fn publish(&self, record: Vec<u8>, kind: Kind) -> Result<(), Refusal> {
        if self.discards {
            return Ok(());
        }
        self.check_works()?;
        let (waiting, awaited) = Waiting::one(record, kind, self.seat);
        self.buffer.push([waiting])?;
        answer(awaited, Instant::now() + self.answer_deadline).await
    }

    /// Returns once it is known of every event whether it is durable: an answer for each, in their order. Those that
    /// travel in one pack, which are all unless they are too many, share their fate; and if there is no room for all,
    /// none is taken.
    pub(crate) async fn publish_all(&self, records: Vec<Vec<u8>>, kind: Kind) -> Vec<Result<(), Refusal>> {
        let events = records.len();
        if self.discards {
            return vec![Ok(()); events];
        }
        let (parts, awaited): (Vec<_>, Vec<_>) = Waiting::many(records, kind, self.seat).into_iter().unzip();
        let sizes: Vec<usize> = parts.iter().map(|part| part.records().len()).collect();
        if let Err(refusal) = self.check_works().and_then(|()| self.buffer.push(parts)) {
            return vec![Err(refusal); events];
        }
        let deadline = Instant::now() + self.answer_deadline;
        let mut answers = Vec::with_capacity(events);
        for (awaited, size) in awaited.into_iter().zip(sizes) {
            let answer = answer(awaited, deadline).await;
            answers.resize(answers.len() + size, answer);
        }
        answers
    }

    fn check_works(&self) -> Result<(), Refusal> {
        let is_away = *self.readiness.borrow() != Readiness::Ready || slot::none_works(&self.working);
        if is_away { Err(Refusal::QueueAway) } else { Ok(()) }
    }

    /// Takes no more events; the slots publish what is waiting and end.
    pub(crate) fn finish(&self) {
        self.buffer.close();
    }
}

async fn answer(awaited: Awaited, deadline: Instant) -> Result<(), Refusal> {
    match tokio::time::timeout_at(deadline, awaited.answer).await {
        Ok(Ok(answer)) => answer,
        // The slot is gone with the pack in its hands.
        Ok(Err(_)) => Err(Refusal::Unconfirmed),
        Err(_) if awaited.ticket.claim() => Err(Refusal::QueueAway),
        Err(_) => Err(Refusal::Unconfirmed),
    }
}

#[cfg(test)]
mod tests;
