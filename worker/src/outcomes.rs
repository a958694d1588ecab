//! The worker's metrics: each outcome is counted here and nowhere else. What a transaction did is counted by the store,
//! once it is committed.

use crate::batch::Gathered;
use domain::outcome::Outcome;
use metrics::{Gauge, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use queue::SourceQueue;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const OUTCOMES: &str = "affitor_worker_outcomes_total";
const PACKS: &str = "affitor_worker_packs_total";
const HELD: &str = "affitor_worker_batches_held_total";
const BATCH: &str = "affitor_worker_batch_events";
const APPLY: &str = "affitor_worker_apply_seconds";
const LAG: &str = "affitor_worker_lag_seconds";
const WAITING: &str = "affitor_worker_oldest_waiting_seconds";
const LANES: &str = "affitor_worker_lanes";

/// Describes every series and creates it at zero, so that rates and alerts work from the first scrape.
pub fn describe_metrics() {
    describe_counter!(OUTCOMES, "Events by what became of them");
    describe_counter!(PACKS, "Messages acknowledged, by the queue they were taken from");
    describe_counter!(HELD, "Times a batch was held because the database was away, busy or not usable");
    describe_histogram!(BATCH, "Events applied together");
    describe_histogram!(APPLY, "From taking a batch in hand until it is durable");
    describe_histogram!(LAG, "From acceptance to commit, of the oldest event of each batch");
    describe_gauge!(WAITING, "Age of the oldest event that a lane holds and has not committed; 0 when none does");
    describe_gauge!(LANES, "Lanes that are running, by the queue they take messages from");
    for outcome in Outcome::ALL {
        counter!(OUTCOMES, "outcome" => outcome.name()).absolute(0);
    }
    for source in SourceQueue::ALL {
        counter!(PACKS, "queue" => source.name()).absolute(0);
        lanes(source).increment(0.0);
    }
    counter!(HELD).absolute(0);
    gauge!(WAITING).set(0.0);
    for histogram in [BATCH, APPLY, LAG] {
        let _shown = histogram!(histogram);
    }
    store::describe_metrics();
}

/// Counts a batch once, after it was acknowledged.
pub(crate) fn settled(source: SourceQueue, gathered: &Gathered, outcomes: &[Outcome], took: Duration) {
    for outcome in Outcome::ALL {
        let count = outcomes.iter().filter(|fate| *fate == outcome).count();
        counter!(OUTCOMES, "outcome" => outcome.name()).increment(count as u64);
    }
    let unreadable = gathered.batch.dead_letters.len() as u64;
    counter!(OUTCOMES, "outcome" => Outcome::DeadLettered.name()).increment(unreadable);
    counter!(PACKS, "queue" => source.name()).increment(gathered.deliveries as u64);
    histogram!(BATCH).record(gathered.len() as f64);
    histogram!(APPLY).record(took.as_secs_f64());
    if let Some(oldest) = gathered.oldest() {
        histogram!(LAG).record(age(oldest).as_secs_f64());
    }
}

/// Counts a batch that could not be applied now.
pub(crate) fn held() {
    counter!(HELD).increment(1);
}

/// Shows the age of the oldest event in hand.
pub(crate) fn waiting(age: Duration) {
    gauge!(WAITING).set(age.as_secs_f64());
}

/// How many lanes run on a queue.
pub(crate) fn lanes(source: SourceQueue) -> Gauge {
    gauge!(LANES, "queue" => source.name())
}

/// How long ago an event was accepted, from microseconds since the Unix epoch; nothing if the clocks disagree.
pub(crate) fn age(accepted: i64) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(Duration::from_micros(accepted.unsigned_abs()))
}
