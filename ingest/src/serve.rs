//! `ingest` as a process of its own: settings, ports, queue and store, tasks, stop; in this order.

use crate::ingest::{Ingest, Parts, StateDirError};
use crate::standalone::standalone;
use queue::{OpenError, Queue, RabbitMqSettings};
use runtime::config::{Role, Settings};
use runtime::health::Health;
use runtime::http::{BindError, HttpLimits, bind, ops_router, readiness_router, serve};
use runtime::lifecycle::{RunError, Supervisor, stop_on_signals};
use runtime::telemetry::{MetricsError, init_logs, install_metrics};
use std::convert::Infallible;
use std::io;
use std::time::Duration;
use store::{PostgresSettings, Store, StoreError};
use thiserror::Error;

/// Why `ingest` did not run, or did not end well.
#[derive(Debug, Error)]
pub enum StartError {
    /// The settings cannot work.
    #[error("{}", .0.join("\n"))]
    Settings(Vec<String>),
    /// Metrics cannot be collected.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// A port cannot be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The queue's settings cannot be used.
    #[error(transparent)]
    Queue(#[from] OpenError),
    /// The store's settings cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The directory for the last known programs cannot be used.
    #[error(transparent)]
    StateDir(#[from] StateDirError),
    /// Signals cannot be listened to.
    #[error("signals cannot be listened to: {0}")]
    Signals(#[from] io::Error),
    /// A task failed.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Serves until SIGTERM.
///
/// # Errors
/// [`StartError`], a sentence that says what to do.
pub async fn run(settings: &Settings) -> Result<(), StartError> {
    settings.check(Role::Ingest).map_err(StartError::Settings)?;
    init_logs(&settings.log).map_err(|error| StartError::Settings(vec![error.to_string()]))?;
    let metrics = install_metrics()?;
    let secrets = settings.secrets.parse().map_err(StartError::Settings)?;
    let listener = bind(&settings.ingest.listen).await?;
    let ops_listener = bind(&settings.ingest.metrics_listen).await?;
    let queue = Queue::rabbitmq(rabbitmq_settings(settings)).await?;
    let store = Store::postgres(postgres_settings(settings)).await?;

    let stop = stop_on_signals()?;
    let health = Health::new();
    let limits = HttpLimits::from(&settings.http);
    let mut tasks = Supervisor::new(stop.clone());
    let parts = Parts {
        queue: &queue,
        store: &store,
        secrets,
        settings: &settings.ingest,
        body_timeout: limits.body_timeout,
        health: &health,
    };
    let ingest = Ingest::start(parts, &mut tasks).await?;
    let app = standalone(ingest.clone()).merge(readiness_router(health.clone()));
    let ops = ops_router(metrics, health.clone());
    tracing::info!(listen = %settings.ingest.listen, "ingest is starting");

    let stopped = stop.clone();
    tasks.spawn("http", async move {
        serve(listener, app, limits, stopped).await;
        ingest.finish();
        Ok::<_, Infallible>(())
    });
    let stopped = stop.clone();
    tasks.spawn("metrics", async move {
        serve(ops_listener, ops, limits, stopped).await;
        Ok::<_, Infallible>(())
    });
    tasks.spawn("readiness", async move {
        stop.cancelled().await;
        health.stopping();
        Ok::<_, Infallible>(())
    });
    let ended = tasks.run().await;
    queue.close().await;
    store.close().await;
    tracing::info!("ingest has stopped");
    Ok(ended?)
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
    let store = &settings.store;
    PostgresSettings {
        url: store.database_url.expose().to_owned(),
        connect_timeout: Duration::from_millis(store.connect_timeout_ms),
        statement_timeout: Duration::from_millis(store.statement_timeout_ms),
        lock_timeout: Duration::from_millis(store.lock_timeout_ms),
        idle_in_transaction_timeout: Duration::from_millis(store.idle_in_transaction_timeout_ms),
        pool_size: store.max_connections,
    }
}
