//! What a lane takes in hand: messages gathered into a batch, those that came again each alone. When the process stops it
//! asks for nothing more and gives out what was handed over already: what goes back to the broker is marked, and whoever
//! takes a marked message takes it for one that may have killed a worker.
//!
//! It applies nothing. Called by `lane`.

use crate::batch::Gathered;
use queue::{ConsumeError, Consumer, Delivery, SourceQueue, Tag};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How long after a lost subscription has been made again messages that come again are taken as if they came for the
/// first time. A worker that lives to see the loss did not die of them.
const FORGIVENESS: Duration = Duration::from_secs(10);

/// Bodies in one batch, but for the last that is added. What is read of them and the statements that store it take several
/// times as much.
const BATCH_BYTES: usize = 4 << 20;

/// What a lane takes its messages from, and how.
pub(crate) struct Intake {
    source: SourceQueue,
    consumer: Consumer,
    /// A delivery that must not share a batch with those before it.
    next: Option<Delivery>,
    batch_events: usize,
    /// The subscription was lost and nothing has come with the new one.
    is_lost: bool,
    /// Until then a message that comes again comes because the broker was lost, not because somebody died.
    forgiving_until: Option<Instant>,
    stop: CancellationToken,
}

impl Intake {
    pub(crate) fn new(source: SourceQueue, consumer: Consumer, batch_events: usize, stop: CancellationToken) -> Self {
        Intake { source, consumer, next: None, batch_events, is_lost: false, forgiving_until: None, stop }
    }

    /// Waits for one message and takes with it what is already here.
    ///
    /// # Errors
    /// As for [`Consumer::next`]; after the stop [`ConsumeError::Closed`], once all that was handed over is taken.
    pub(crate) async fn gather(&mut self) -> Result<Gathered, ConsumeError> {
        let first = match self.next.take() {
            Some(delivery) => delivery,
            None => self.first().await?,
        };
        if self.is_suspect(&first) || self.source == SourceQueue::Dead {
            return Ok(Gathered::alone(first));
        }
        let mut gathered = Gathered::default();
        gathered.add(first);
        while gathered.len() < self.batch_events && gathered.bytes < BATCH_BYTES {
            match self.consumer.try_next() {
                Some(delivery) if self.is_suspect(&delivery) => {
                    self.next = Some(delivery);
                    break;
                }
                Some(delivery) => gathered.add(delivery),
                None => break,
            }
        }
        Ok(gathered)
    }

    /// Acknowledges all that came until then, if it came with the subscription of now.
    ///
    /// # Errors
    /// As for [`Consumer::ack_through`].
    pub(crate) async fn acknowledge(&mut self, last: Tag) -> Result<(), ConsumeError> {
        if self.stop.is_cancelled() {
            // First, since the acknowledgement would bring more.
            self.consumer.stop().await;
        }
        let settled = self.consumer.ack_through(last).await;
        settled.inspect_err(|error| self.note_loss(error))
    }

    /// Returns everything that is not acknowledged. It comes again though nobody died of it.
    pub(crate) async fn give_back(&mut self) {
        self.next = None;
        self.is_lost = true;
        self.consumer.give_back().await;
    }

    /// Says goodbye: what was acknowledged is settled then, all else goes back.
    pub(crate) async fn close(self) {
        self.consumer.close().await;
    }

    async fn first(&mut self) -> Result<Delivery, ConsumeError> {
        let first = tokio::select! {
            biased;
            () = self.stop.cancelled() => {
                self.consumer.stop().await;
                self.consumer.next().await
            }
            first = self.consumer.next() => first,
        };
        if first.is_ok() && std::mem::take(&mut self.is_lost) {
            self.forgiving_until = Some(Instant::now() + FORGIVENESS);
        }
        first.inspect_err(|error| self.note_loss(error))
    }

    /// What came before comes again.
    fn note_loss(&mut self, error: &ConsumeError) {
        if let ConsumeError::Lost(_) = error {
            self.next = None;
            self.is_lost = true;
        }
    }

    fn is_suspect(&self, delivery: &Delivery) -> bool {
        delivery.redelivered && self.forgiving_until.is_none_or(|until| Instant::now() > until)
    }
}
