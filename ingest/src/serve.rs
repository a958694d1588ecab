//! `ingest` as a process of its own: queue and store, its tasks, the public port, stop; in this order.

use crate::ingest::{Ingest, Parts, StateDirError};
use crate::standalone::standalone;
use queue::{OpenError, Queue, RabbitMqSettings};
use runtime::config::{Role, Settings};
use runtime::http::{BindError, Cores, Seat, bind, readiness_router};
use runtime::process::{Process, ProcessError};
use std::io;
use std::time::Duration;
use store::{PostgresSettings, Store, StoreError};
use thiserror::Error;

/// Why `ingest` did not run, or did not end well.
#[derive(Debug, Error)]
pub enum StartError {
    /// Settings, metrics, signals, or a task that failed.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The threads cannot be had.
    #[error("the system gives the process no thread for each core: {0}")]
    Cores(io::Error),
    /// The public port cannot be had.
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
}

/// Serves until SIGTERM.
///
/// # Errors
/// [`StartError`], a sentence that says what to do.
pub async fn run(settings: &Settings) -> Result<(), StartError> {
    let mut process = Process::begin(settings, Role::Ingest, &settings.ingest.metrics_listen).await?;
    let secrets = settings.secrets.parse().map_err(ProcessError::Settings)?;
    let listener = bind(&settings.ingest.listen).await?;
    let queue = Queue::rabbitmq(rabbitmq_settings(settings)).await?;
    let store = Store::postgres(postgres_settings(settings)).await?;

    let parts = Parts {
        queue: &queue,
        store: &store,
        secrets,
        settings: &settings.ingest,
        body_timeout: process.limits().body_timeout,
        health: &process.health,
    };
    let cores = Cores::start().map_err(StartError::Cores)?;
    let each = Ingest::start_on(cores.handles(), parts, &mut process.tasks).await?;
    queue.warn_of_missing_policies();
    let seats = cores.handles().iter().zip(&each).map(|(core, ingest)| {
        let app = standalone(ingest.clone()).merge(readiness_router(process.health.clone()));
        Seat::new(core.clone(), app)
    });
    process.serve(listener, seats.collect(), move || each.iter().for_each(Ingest::finish));
    tracing::info!(listen = %settings.ingest.listen, "ingest is starting");
    let ended = process.run().await;
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
