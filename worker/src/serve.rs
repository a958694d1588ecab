//! Wires the worker's parts in order: settings, telemetry, queue, store, lanes, and the way out.

use crate::lane::{self, LaneSettings, Stop};
use crate::ledger::{LedgerSettings, spawn_ledger};
use crate::maintenance::{MaintenanceSettings, spawn_maintenance};
use crate::waiting::Waiting;
use crate::{outcomes, replay, servers};
use queue::{OpenError, Queue, SourceQueue};
use runtime::config::{Role, Settings};
use runtime::health::Health;
use runtime::lifecycle::Supervisor;
use runtime::process::{Process, ProcessError};
use runtime::watch::watch;
use std::convert::Infallible;
use store::{Store, StoreError};
use thiserror::Error;

/// Why a worker cannot start, or did not end well.
#[derive(Debug, Error)]
pub enum WorkerError {
    /// Settings, metrics, signals, or a part that failed.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The queue's settings.
    #[error(transparent)]
    Queue(#[from] OpenError),
    /// The store's settings, or the migration.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The worker as a process of its own, until it is told to stop.
///
/// # Errors
/// [`WorkerError`], which a person can act on.
pub async fn run(settings: Settings) -> Result<(), WorkerError> {
    let mut process = Process::begin(&settings, Role::Worker, &settings.worker.metrics_listen).await?;
    let queue = Queue::rabbitmq(servers::rabbitmq(&settings)).await?;
    let store = Store::postgres(servers::postgres(&settings)).await?;
    queue.warn_of_missing_policies();
    let lane = LaneSettings {
        batch_events: settings.worker.batch_events,
        prefetch: settings.worker.prefetch,
        ..LaneSettings::default()
    };
    spawn_lanes(&mut process.tasks, &queue, &store, settings.worker.lanes, lane, &process.health);
    spawn_ledger(&mut process.tasks, &queue, &store, LedgerSettings::from(&settings.worker));
    spawn_maintenance(&mut process.tasks, &store, MaintenanceSettings::from(&settings.worker));
    tracing::info!(lanes = settings.worker.lanes, "the worker is starting");
    let ended = process.run().await;
    // Whoever did not finish has used up the time to stop; what it holds goes back with its connection.
    if ended.is_ok() {
        queue.close().await;
        store.close().await;
    }
    tracing::info!("the worker has stopped");
    Ok(ended?)
}

/// Starts the lanes, one each for what the broker set aside or could not route among them, and the readiness check, in
/// a process that has a queue and a store already.
pub fn spawn_lanes(
    supervisor: &mut Supervisor,
    queue: &Queue,
    store: &Store,
    lanes: usize,
    settings: LaneSettings,
    health: &Health,
) {
    outcomes::describe_metrics();
    let handed = settings.handed_to_each_of(lanes);
    let events = std::iter::repeat_n(SourceQueue::Events, lanes);
    let mut waiting = Waiting::default();
    let stop = Stop::within(settings.stop_limit, supervisor.stop());
    for source in events.chain([SourceQueue::Unrouted, SourceQueue::Dead]) {
        let (queue, store, stop) = (queue.clone(), store.clone(), stop.clone());
        let hand = waiting.hand(source);
        // What is seldom there may come in small pieces; what a broker hands over beforehand is held in memory.
        let prefetch = if source == SourceQueue::Events { handed } else { 1 };
        let settings = LaneSettings { prefetch, ..settings };
        supervisor.spawn("lane", async move {
            lane::run(queue, source, store, settings, hand, stop).await;
            Ok::<(), Infallible>(())
        });
    }
    let stop = supervisor.stop();
    supervisor.spawn("age of the oldest event", async move {
        waiting.show(stop).await;
        Ok::<(), Infallible>(())
    });
    let (letters, stop) = (store.clone(), supervisor.stop());
    supervisor.spawn("dead letters", async move {
        replay::run(letters, stop).await;
        Ok::<(), Infallible>(())
    });
    let (store, stop, check) = (store.clone(), supervisor.stop(), health.check("database"));
    supervisor.spawn("database check", async move {
        let ask = || {
            let store = store.clone();
            async move { store.usable().await }
        };
        watch("the database", check, stop, ask).await;
        Ok::<(), Infallible>(())
    });
}

/// Brings the database's schema up to this version.
///
/// # Errors
/// [`WorkerError`], which a person can act on.
pub async fn migrate(settings: Settings) -> Result<(), WorkerError> {
    settings.check(Role::Tool).map_err(ProcessError::Settings)?;
    let store = Store::postgres(servers::postgres(&settings)).await?;
    store.migrate().await?;
    store.close().await;
    Ok(())
}
