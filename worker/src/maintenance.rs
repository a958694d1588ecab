//! Keeps the tables from growing without end: now and then the oldest test events are forgotten, piece by piece.
//! Decides nothing; what is kept and how it is removed is the store's. Started by `serve` and by `affitor up`.

use metrics::{counter, describe_counter};
use runtime::config::WorkerSettings;
use runtime::lifecycle::Supervisor;
use std::convert::Infallible;
use std::time::Duration;
use store::{ForgetCursor, Store, StoreError};
use tokio_util::sync::CancellationToken;

const FORGOTTEN: &str = "affitor_worker_test_events_forgotten_total";
/// So that one round does not keep the database busy for long; the next one begins where it ended.
const MOST_PIECES: usize = 100;

/// How often to look, and what is kept.
#[derive(Debug, Clone, Copy)]
pub struct MaintenanceSettings {
    /// Between two rounds.
    pub interval: Duration,
    /// Test events of each program that are kept.
    pub test_events_kept: u32,
}

impl From<&WorkerSettings> for MaintenanceSettings {
    fn from(settings: &WorkerSettings) -> Self {
        MaintenanceSettings {
            interval: Duration::from_millis(settings.maintenance_interval_ms),
            test_events_kept: settings.test_events_kept,
        }
    }
}

/// Starts the task. Several workers may run it: one of them does the work, the others find nothing left.
pub fn spawn_maintenance(supervisor: &mut Supervisor, store: &Store, settings: MaintenanceSettings) {
    describe_counter!(FORGOTTEN, "Test events that were forgotten because newer ones of their program are kept");
    counter!(FORGOTTEN).absolute(0);
    let (store, stop) = (store.clone(), supervisor.stop());
    supervisor.spawn("maintenance", async move {
        run(store, settings, stop).await;
        Ok::<(), Infallible>(())
    });
}

async fn run(store: Store, settings: MaintenanceSettings, stop: CancellationToken) {
    let mut from = None;
    while !stop.is_cancelled() {
        match round(&store, settings.test_events_kept, from, &stop).await {
            Ok(reached) => from = reached,
            Err(error) => tell(&error),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(settings.interval) => {}
        }
    }
}

/// As many pieces as a round may take; says where the next one begins.
async fn round(
    store: &Store,
    keep: u32,
    mut from: Option<ForgetCursor>,
    stop: &CancellationToken,
) -> Result<Option<ForgetCursor>, StoreError> {
    for _ in 0..MOST_PIECES {
        let forgotten = store.forget_tests(keep, from).await?;
        counter!(FORGOTTEN).increment(forgotten.events);
        // Nothing is gone and there is more: somebody else has it in hand.
        let is_stuck = forgotten.events == 0 && forgotten.next == from;
        from = forgotten.next;
        if from.is_none() || is_stuck || stop.is_cancelled() {
            break;
        }
    }
    Ok(from)
}

/// That the database is away is shown elsewhere.
fn tell(error: &StoreError) {
    match error {
        StoreError::Away(_) | StoreError::Busy(_) => tracing::debug!(%error, "maintenance is put off"),
        StoreError::Refused { .. }
        | StoreError::Misconfigured(_)
        | StoreError::NotFound(_)
        | StoreError::Conflict(_)
        | StoreError::Invalid(_) => tracing::warn!(%error, "maintenance is put off"),
    }
}
