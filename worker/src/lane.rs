//! One lane: gather deliveries (`intake`), apply them, acknowledge, count. The only place that settles.
//!
//! A message that came again is applied alone and with care. Lanes of their own empty what the broker set aside or
//! could not route.
//!
//! The database away means wait and keep the messages; after a while they are given back to the broker, which would
//! otherwise take the channel for dead, and the lane subscribes again when the database answers.
//!
//! Told to stop, a lane finishes what it was handed; what the database has not taken in time is given back.

use crate::batch::{Gathered, given_up};
use crate::careful::{self, Care};
use crate::intake::Intake;
use crate::outcomes;
use crate::split::apply_apart;
use crate::waiting::Hand;
use domain::outcome::Outcome;
use domain::pack;
use queue::{ConsumeError, Queue, SourceQueue};
use runtime::backoff::Backoff;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use store::batch::Batch;
use store::{Session, Store, StoreError};
use tokio_util::sync::CancellationToken;

/// The bounds of one lane.
#[derive(Debug, Clone, Copy)]
pub struct LaneSettings {
    /// Events in one batch at most, but for the last pack that is added.
    pub batch_events: usize,
    /// Messages that the broker may hand to a lane before the first is acknowledged; fewer where all lanes together
    /// would hold too much memory.
    pub prefetch: u16,
    /// How long a batch is held while the database is away, before it is given back. Below the broker's own limit.
    pub hold_limit: Duration,
    /// How long a lane that is told to stop goes on with what it was handed, before the rest is given back. The last
    /// attempt may take the store's lock timeout more, and both together less than a process has to stop.
    pub stop_limit: Duration,
}

impl Default for LaneSettings {
    fn default() -> Self {
        let (hold_limit, stop_limit) = (Duration::from_secs(240), Duration::from_secs(4));
        LaneSettings { batch_events: 2_000, prefetch: 64, hold_limit, stop_limit }
    }
}

/// What all lanes together may have been handed, in bytes, when every message is as long as can be: half of what a process
/// may take. Lengths are not known beforehand, so it is a bound on their number.
const HANDED: usize = 128 << 20;

impl LaneSettings {
    /// The prefetch of each of so many lanes.
    pub(crate) fn handed_to_each_of(&self, lanes: usize) -> u16 {
        let most = HANDED / pack::MAX_BYTES / lanes.max(1);
        self.prefetch.min(u16::try_from(most).unwrap_or(u16::MAX)).max(1)
    }
}

const MIN_PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// How a lane is told to stop.
#[derive(Debug, Clone)]
pub(crate) struct Stop {
    /// Take nothing new.
    pub(crate) asked: CancellationToken,
    /// Let go of what is left.
    pub(crate) out_of_time: CancellationToken,
}

impl Stop {
    /// The time begins when `asked` is cancelled.
    pub(crate) fn within(limit: Duration, asked: CancellationToken) -> Self {
        let stop = Stop { asked, out_of_time: CancellationToken::new() };
        let Stop { asked, out_of_time } = stop.clone();
        tokio::spawn(async move {
            asked.cancelled().await;
            tokio::time::sleep(limit).await;
            out_of_time.cancel();
        });
        stop
    }
}

/// What became of a batch that was held.
enum Held {
    Applied(Vec<Outcome>),
    GiveBack,
    Stopping,
}

/// Runs until told to stop.
pub(crate) async fn run(
    queue: Queue,
    source: SourceQueue,
    store: Store,
    settings: LaneSettings,
    hand: Hand,
    stop: Stop,
) {
    let consumer = queue.consumer_of(source, settings.prefetch);
    let mut intake = Intake::new(source, consumer, settings.batch_events, stop.asked.clone());
    let mut session = store.session();
    let since = Instant::now();
    loop {
        let gathered = match intake.gather().await {
            Ok(gathered) => gathered,
            Err(ConsumeError::Closed) => break,
            Err(ConsumeError::Lost(reason)) => {
                tracing::warn!(%reason, "the subscription was lost and is made again");
                continue;
            }
        };
        hand.holds(&gathered);
        let mut work = Work { source, session: &mut session, store: &store, stop: &stop.out_of_time, since };
        let began = Instant::now();
        match work.hold(&gathered, Some(settings.hold_limit)).await {
            Held::Applied(fates) => settle(&mut intake, source, &gathered, &fates, began.elapsed()).await,
            Held::GiveBack => {
                intake.give_back().await;
                // Nothing is in hand now that would have to be finished.
                work.stop = &stop.asked;
                // Applying the batch is the proof that the next one can be: an answer to a lesser question is not.
                if let Held::Stopping = work.hold(&gathered, None).await {
                    break;
                }
            }
            Held::Stopping => break,
        }
        hand.lets_go();
    }
    intake.close().await;
}

/// What a lane needs to apply a batch.
struct Work<'a> {
    source: SourceQueue,
    session: &'a mut Session,
    store: &'a Store,
    /// When to let go.
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
        self.apply_batch(&gathered.batch).await.map(Some)
    }

    async fn apply_batch(&mut self, batch: &Batch) -> Result<Vec<Outcome>, StoreError> {
        match self.session.apply(batch).await {
            Err(StoreError::Refused { .. }) => apply_apart(self.session, batch).await,
            other => other,
        }
    }

    async fn set_aside(&mut self, batch: &Batch) -> Result<Vec<Outcome>, StoreError> {
        let mut known = HashMap::new();
        for event in &batch.events {
            if let Some(view) = self.store.event(event.program(), event.id()).await? {
                known.insert(event.id(), view.state);
            }
        }
        let (closing, outcomes) = given_up(batch, &known)?;
        self.apply_batch(&closing).await?;
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

async fn settle(intake: &mut Intake, source: SourceQueue, gathered: &Gathered, fates: &[Outcome], took: Duration) {
    let Some(last) = gathered.last else { return };
    match intake.acknowledge(last).await {
        Ok(()) => outcomes::settled(source, gathered, fates, took),
        Err(error) => tracing::warn!(%error, "a stored batch was not acknowledged and will come again"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_lanes_are_handed_fewer_messages_each_and_never_none() {
        let handed = |prefetch, lanes| LaneSettings { prefetch, ..LaneSettings::default() }.handed_to_each_of(lanes);
        assert_eq!([1, 2, 4, 64, 1_000].map(|lanes| handed(64, lanes)), [64, 64, 32, 2, 1]);
        assert_eq!((handed(10_000, 1), handed(1, 2)), (128, 1));
    }
}
