//! The worker's metrics: each outcome is counted here and nowhere else.

use crate::batch::Gathered;
use domain::outcome::Outcome;
use metrics::{counter, describe_counter, describe_histogram, histogram};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const OUTCOMES: &str = "affitor_worker_outcomes_total";
const PACKS: &str = "affitor_worker_packs_total";
const HELD: &str = "affitor_worker_batches_held_total";
const BATCH: &str = "affitor_worker_batch_events";
const APPLY: &str = "affitor_worker_apply_seconds";
const LAG: &str = "affitor_worker_lag_seconds";

/// Describes every series and creates it at zero, so that rates and alerts work from the first scrape.
pub fn describe_metrics() {
    describe_counter!(OUTCOMES, "Events by what became of them");
    describe_counter!(PACKS, "Messages acknowledged");
    describe_counter!(HELD, "Times a batch was held because the database was away, busy or not usable");
    describe_histogram!(BATCH, "Events applied together");
    describe_histogram!(APPLY, "Seconds until a batch was durable");
    describe_histogram!(LAG, "Seconds from acceptance to commit of the oldest event of a batch");
    for outcome in Outcome::ALL {
        counter!(OUTCOMES, "outcome" => outcome.name()).absolute(0);
    }
    counter!(PACKS).absolute(0);
    counter!(HELD).absolute(0);
}

/// Counts a batch once, after it was acknowledged.
pub(crate) fn settled(gathered: &Gathered, outcomes: &[Outcome], took: Duration) {
    for outcome in Outcome::ALL {
        let count = outcomes.iter().filter(|fate| *fate == outcome).count();
        counter!(OUTCOMES, "outcome" => outcome.name()).increment(count as u64);
    }
    let unreadable = gathered.batch.dead_letters.len() as u64;
    counter!(OUTCOMES, "outcome" => Outcome::DeadLettered.name()).increment(unreadable);
    counter!(PACKS).increment(gathered.deliveries as u64);
    histogram!(BATCH).record(gathered.len() as f64);
    histogram!(APPLY).record(took.as_secs_f64());
    if let Some(oldest) = gathered.batch.events.iter().map(|event| event.id().received_at()).min() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let accepted = Duration::from_micros(oldest.micros().unsigned_abs());
        histogram!(LAG).record(now.saturating_sub(accepted).as_secs_f64());
    }
}

/// Counts a batch that could not be applied now.
pub(crate) fn held() {
    counter!(HELD).increment(1);
}
