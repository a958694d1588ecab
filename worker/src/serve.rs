//! Wires the worker's parts in order: settings, telemetry, queue, store, lanes, and the way out.

use crate::lane::{self, LaneSettings};
use crate::ledger::{LedgerSettings, spawn_ledger};
use crate::waiting::Waiting;
use crate::{outcomes, replay, watch};
use queue::{OpenError, Queue, RabbitMqSettings, SourceQueue};
use runtime::config::{Role, Settings};
use runtime::health::Health;
use runtime::http::{self, HttpLimits};
use runtime::lifecycle::{RunError, Supervisor, stop_on_signals};
use runtime::telemetry;
use std::convert::Infallible;
use std::time::Duration;
use store::{PostgresSettings, Store, StoreError};
use thiserror::Error;

/// Why a worker cannot start, or did not end well.
#[derive(Debug, Error)]
pub enum WorkerError {
    /// Everything that is wrong with the settings.
    #[error("the settings cannot be used:\n  {}", .0.join("\n  "))]
    Settings(Vec<String>),
    /// The metrics' address.
    #[error(transparent)]
    Bind(#[from] http::BindError),
    /// The metrics' recorder.
    #[error(transparent)]
    Metrics(#[from] telemetry::MetricsError),
    /// The queue's settings.
    #[error(transparent)]
    Queue(#[from] OpenError),
    /// The store's settings, or the migration.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system.
    #[error("the system does not let the process listen for signals: {0}")]
    Signals(#[from] std::io::Error),
    /// A part failed while running.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// The worker as a process of its own, until it is told to stop.
///
/// # Errors
/// [`WorkerError`], which a person can act on.
pub async fn run(settings: Settings) -> Result<(), WorkerError> {
    settings.check(Role::Worker).map_err(WorkerError::Settings)?;
    telemetry::init_logs(&settings.log).map_err(|error| WorkerError::Settings(vec![error.to_string()]))?;
    let metrics = telemetry::install_metrics()?;
    let listener = http::bind(&settings.worker.metrics_listen).await?;
    let mut supervisor = Supervisor::new(stop_on_signals()?);
    let queue = Queue::rabbitmq(rabbitmq_settings(&settings)).await?;
    let store = Store::postgres(postgres_settings(&settings)).await?;
    let health = Health::new();
    let ops = http::ops_router(metrics, health.clone());
    let limits = HttpLimits::from(&settings.http);
    let stop = supervisor.stop();
    supervisor.spawn("metrics listener", async move {
        http::serve(listener, ops, limits, stop).await;
        Ok::<(), Infallible>(())
    });
    let lane = LaneSettings {
        batch_events: settings.worker.batch_events,
        prefetch: settings.worker.prefetch,
        ..LaneSettings::default()
    };
    spawn_lanes(&mut supervisor, &queue, &store, settings.worker.lanes, lane, &health);
    spawn_ledger(&mut supervisor, &queue, &store, LedgerSettings::from(&settings.worker));
    tracing::info!(lanes = settings.worker.lanes, "worker started");
    let ended = supervisor.run().await;
    queue.close().await;
    store.close().await;
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
    let events = std::iter::repeat_n(SourceQueue::Events, lanes);
    let mut waiting = Waiting::default();
    for source in events.chain([SourceQueue::Unrouted, SourceQueue::Dead]) {
        let (queue, store, stop) = (queue.clone(), store.clone(), supervisor.stop());
        let hand = waiting.hand(source);
        // What is seldom there may come in small pieces; what a broker hands over beforehand is held in memory.
        let prefetch = if source == SourceQueue::Events { settings.prefetch } else { 1 };
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
        watch::run(store, check, stop).await;
        Ok::<(), Infallible>(())
    });
}

/// Brings the database's schema up to this version.
///
/// # Errors
/// [`WorkerError`], which a person can act on.
pub async fn migrate(settings: Settings) -> Result<(), WorkerError> {
    settings.check(Role::Tool).map_err(WorkerError::Settings)?;
    let store = Store::postgres(postgres_settings(&settings)).await?;
    store.migrate().await?;
    store.close().await;
    Ok(())
}

fn rabbitmq_settings(settings: &Settings) -> RabbitMqSettings {
    RabbitMqSettings {
        amqp_uri: settings.queue.amqp_url.expose().to_owned(),
        prefix: settings.queue.name_prefix.clone(),
        connect_timeout: Duration::from_millis(settings.queue.connect_timeout_ms),
        ..RabbitMqSettings::default()
    }
}

fn postgres_settings(settings: &Settings) -> PostgresSettings {
    let milliseconds = Duration::from_millis;
    PostgresSettings {
        url: settings.store.database_url.expose().to_owned(),
        pool_size: settings.store.max_connections,
        connect_timeout: milliseconds(settings.store.connect_timeout_ms),
        statement_timeout: milliseconds(settings.store.statement_timeout_ms),
        lock_timeout: milliseconds(settings.store.lock_timeout_ms),
        idle_in_transaction_timeout: milliseconds(settings.store.idle_in_transaction_timeout_ms),
    }
}
