//! One lane: gather deliveries, apply them, acknowledge, count. The only place that acknowledges.
//!
//! A message that came again is applied alone and with care. Lanes of their own empty what the broker set aside or
//! could not route.
//!
//! The database away means wait and keep the messages; after a while they are given back to the broker, which would
//! otherwise take the channel for dead, and the lane subscribes again when the database answers.

use crate::batch::{Gathered, given_up};
use crate::careful::{self, Care};
use crate::outcomes;
use crate::split::apply_apart;
use crate::waiting::Hand;
use domain::outcome::Outcome;
use queue::{ConsumeError, Consumer, Delivery, Queue, SourceQueue};
use runtime::backoff::Backoff;
use std::collections::HashSet;
use std::time::{Duration, Instant};
use store::batch::Batch;
use store::{Session, Store, StoreError};
use tokio_util::sync::CancellationToken;

/// The bounds of one lane.
#[derive(Debug, Clone, Copy)]
pub struct LaneSettings {
    /// Events in one batch at most, but for the last pack that is added.
    pub batch_events: usize,
    /// Messages that the broker may hand over before the first is acknowledged.
    pub prefetch: u16,
    /// How long a batch is held while the database is away, before it is given back. Below the broker's own limit.
    pub hold_limit: Duration,
}

impl Default for LaneSettings {
    fn default() -> Self {
        LaneSettings { batch_events: 2_000, prefetch: 64, hold_limit: Duration::from_secs(240) }
    }
}

/// How long after a lost subscription messages that come again are taken as if they came for the first time. A worker
/// that lives to see the loss did not die of them.
const FORGIVENESS: Duration = Duration::from_secs(10);

const MIN_PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// What became of a batch that was held.
enum Held {
    Applied(Vec<Outcome>),
    GiveBack,
    Stopping,
}

/// What a lane takes its messages from, and how.
struct Intake {
    source: SourceQueue,
    consumer: Consumer,
    /// A delivery that must not share a batch with those before it.
    next: Option<Delivery>,
    batch_events: usize,
    /// Until then a message that comes again comes because the broker was lost, not because somebody died.
    forgiving_until: Option<Instant>,
}

/// Runs until `stop`; then what is in hand is finished, and what is not begun is given back.
pub(crate) async fn run(
    queue: Queue,
    source: SourceQueue,
    store: Store,
    settings: LaneSettings,
    hand: Hand,
    stop: CancellationToken,
) {
    let consumer = queue.consumer_of(source, settings.prefetch);
    let batch_events = settings.batch_events;
    let mut intake = Intake { source, consumer, next: None, batch_events, forgiving_until: None };
    let mut session = store.session();
    let since = Instant::now();
    loop {
        let gathered = match intake.gather(&stop).await {
            Ok(Some(gathered)) => gathered,
            Ok(None) | Err(ConsumeError::Closed) => break,
            Err(ConsumeError::Lost(reason)) => {
                tracing::warn!(%reason, "the subscription was lost and is made again");
                intake.next = None;
                intake.forgiving_until = Some(Instant::now() + FORGIVENESS);
                continue;
            }
        };
        hand.holds(&gathered);
        let mut work = Work { source, session: &mut session, store: &store, stop: &stop, since };
        let began = Instant::now();
        match work.hold(&gathered, Some(settings.hold_limit)).await {
            Held::Applied(fates) => settle(&mut intake, &gathered, &fates, began.elapsed()).await,
            Held::GiveBack => {
                intake.consumer.give_back().await;
                intake.next = None;
                // Applying the batch is the proof that the next one can be: an answer to a lesser question is not.
                if let Held::Stopping = work.hold(&gathered, None).await {
                    break;
                }
            }
            Held::Stopping => break,
        }
        hand.lets_go();
    }
    intake.consumer.close().await;
}

impl Intake {
    /// Waits for one message and takes with it what is already here. `None`: stopping.
    async fn gather(&mut self, stop: &CancellationToken) -> Result<Option<Gathered>, ConsumeError> {
        let first = match self.next.take() {
            Some(delivery) => delivery,
            None => tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(None),
                delivery = self.consumer.next() => delivery?,
            },
        };
        if self.is_suspect(&first) || self.source == SourceQueue::Dead {
            return Ok(Some(Gathered::alone(first)));
        }
        let mut gathered = Gathered::default();
        gathered.add(first);
        while gathered.len() < self.batch_events {
            match self.consumer.try_next() {
                Some(delivery) if self.is_suspect(&delivery) => {
                    self.next = Some(delivery);
                    break;
                }
                Some(delivery) => gathered.add(delivery),
                None => break,
            }
        }
        Ok(Some(gathered))
    }

    fn is_suspect(&self, delivery: &Delivery) -> bool {
        delivery.redelivered && self.forgiving_until.is_none_or(|until| Instant::now() > until)
    }
}

/// What a lane needs to apply a batch.
struct Work<'a> {
    source: SourceQueue,
    session: &'a mut Session,
    store: &'a Store,
    stop: &'a CancellationToken,
    since: Instant,
}

impl Work<'_> {
    /// Applies the batch, however often it takes; gives up after `limit` or when told to stop.
    async fn hold(&mut self, gathered: &Gathered, limit: Option<Duration>) -> Held {
        let began = Instant::now();
        let mut backoff = Backoff::new(MIN_PAUSE, MAX_PAUSE);
        loop {
            let error = match self.apply(gathered).await {
                Ok(Some(outcomes)) => return Held::Applied(outcomes),
                Ok(None) => return Held::Stopping,
                Err(error) => error,
            };
            outcomes::held();
            tracing::warn!(%error, events = gathered.len(), "the batch is held and tried again");
            let is_over = limit.is_some_and(|limit| began.elapsed() > limit);
            if !is_over && !self.pause(backoff.next()).await {
                continue;
            }
            self.release(gathered).await;
            return if self.stop.is_cancelled() { Held::Stopping } else { Held::GiveBack };
        }
    }

    /// `None`: told to stop on the way.
    async fn apply(&mut self, gathered: &Gathered) -> Result<Option<Vec<Outcome>>, StoreError> {
        if self.source == SourceQueue::Dead {
            return self.set_aside(&gathered.batch).await.map(Some);
        }
        if let Some(message) = gathered.suspect {
            let since = self.since;
            let mut care = Care { session: self.session, store: self.store, stop: self.stop, since };
            return care.apply(&gathered.batch, message).await;
        }
        match self.session.apply(&gathered.batch).await {
            Err(StoreError::Refused { .. }) => apply_apart(self.session, &gathered.batch).await.map(Some),
            other => other.map(Some),
        }
    }

    async fn set_aside(&mut self, batch: &Batch) -> Result<Vec<Outcome>, StoreError> {
        let mut stored = HashSet::new();
        for event in &batch.events {
            if self.store.event(event.program(), event.id()).await?.is_some() {
                stored.insert(event.id());
            }
        }
        let (closing, outcomes) = given_up(batch, &stored)?;
        self.session.apply(&closing).await?;
        Ok(outcomes)
    }

    /// Whether it was told to stop.
    async fn pause(&self, pause: Duration) -> bool {
        tokio::select! {
            () = self.stop.cancelled() => true,
            () = tokio::time::sleep(pause) => false,
        }
    }

    async fn release(&mut self, gathered: &Gathered) {
        let Some(message) = gathered.suspect else { return };
        if let Err(error) = careful::release(self.session, message).await {
            tracing::warn!(%error, "the note on a message was not taken back; the next worker takes it for a death");
        }
    }
}

async fn settle(intake: &mut Intake, gathered: &Gathered, fates: &[Outcome], took: Duration) {
    let Some(last) = gathered.last else { return };
    match intake.consumer.ack_through(last).await {
        Ok(()) => outcomes::settled(intake.source, gathered, fates, took),
        Err(error) => tracing::warn!(%error, "a stored batch was not acknowledged and will come again"),
    }
}
