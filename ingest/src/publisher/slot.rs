//! One slot: takes what waits, publishes it as a pack, has its requests answered, and pauses when the queue fails it.

use super::answering::Answering;
use super::buffer::{Buffer, Waiting};
use super::ledger::Ledger;
use crate::meters::{Kind, Meters};
use crate::refusal::Refusal;
use domain::pack::PackWriter;
use queue::{Message, PublishError, PublishingChannel};
use runtime::backoff::Backoff;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Pauses after a failure. They bound how fast the list of unconfirmed packs can grow while the queue refuses; while
/// all slots pause, requests are refused at once.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Slot {
    channel: PublishingChannel,
    buffer: Arc<Buffer>,
    meters: Arc<Meters>,
    working: Arc<AtomicUsize>,
    answering: Answering,
    ledger: Ledger,
    backoff: Backoff,
}

/// Whether every slot pauses.
pub(super) fn none_works(working: &AtomicUsize) -> bool {
    working.load(Ordering::Relaxed) == 0
}

impl Slot {
    pub(super) fn new(
        channel: PublishingChannel,
        buffer: Arc<Buffer>,
        meters: Arc<Meters>,
        working: Arc<AtomicUsize>,
        answering: Answering,
    ) -> Self {
        let ledger = Ledger::new(Uuid::new_v4());
        let backoff = Backoff::new(SHORTEST_PAUSE, LONGEST_PAUSE);
        Slot { channel, buffer, meters, working, answering, ledger, backoff }
    }

    /// Until the buffer is closed and empty.
    pub(super) async fn run(mut self) {
        while let Some(pack) = self.buffer.take().await {
            if self.publish(pack).await {
                self.backoff.reset();
            } else {
                self.working.fetch_sub(1, Ordering::Relaxed);
                tokio::time::sleep(self.backoff.next()).await;
                self.working.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// The publish is always driven to its end: a confirm that nobody awaits could answer the next pack.
    async fn publish(&mut self, mut pack: Vec<Waiting>) -> bool {
        let header = self.ledger.next();
        let mut writer = PackWriter::new(&header);
        // The buffer has measured that all fit; a request of one that did not would be told that nobody knows.
        pack.retain(|waiting| waiting.records().iter().all(|record| writer.push(record)));
        let events = writer.events();
        let message = Message { id: Uuid::new_v4(), body: writer.finish(), events, traceparent: None };
        let (bytes, begun) = (message.body.len(), Instant::now());
        let published = self.channel.publish(message).await;
        self.meters.published(events, bytes, &published, begun.elapsed());
        let answer = match &published {
            Ok(()) => {
                self.ledger.confirmed(&header, events);
                self.count(&pack);
                Ok(())
            }
            Err(error) => {
                tracing::warn!(%error, events, "a pack was not confirmed");
                self.ledger.failed(&header, events);
                Err(refusal(error))
            }
        };
        self.answering.tell(pack, answer);
        published.is_ok()
    }

    fn count(&self, pack: &[Waiting]) {
        for kind in Kind::ALL {
            let own = pack.iter().filter(|waiting| waiting.kind == kind);
            self.meters.accepted(kind, own.map(|waiting| waiting.records().len() as u64).sum());
        }
    }
}

fn refusal(error: &PublishError) -> Refusal {
    match error {
        PublishError::NotAccepted(_) => Refusal::QueueAway,
        PublishError::Unknown(_) => Refusal::Unconfirmed,
    }
}
