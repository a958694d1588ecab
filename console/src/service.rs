//! The console as a process of its own: store, ports, readiness, stop.

use crate::console::Console;
use crate::route::standalone;
use runtime::config::Settings;
use runtime::health::{Check, Health};
use runtime::http::{BindError, HttpLimits, bind, ops_router, readiness_router, serve};
use runtime::lifecycle::{RunError, Supervisor, TaskError, stop_on_signals};
use runtime::telemetry::{MetricsError, init_logs, install_metrics};
use std::convert::Infallible;
use std::io;
use std::time::Duration;
use store::{PostgresSettings, Store, StoreError};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

/// Between two looks at the store. Readiness follows within a second.
const WATCH_PERIOD: Duration = Duration::from_millis(300);

/// How long a look may take before the store counts as away.
const WATCH_DEADLINE: Duration = Duration::from_millis(600);

/// Why the console did not run, or did not end well.
#[derive(Debug, Error)]
pub enum StartError {
    /// The secrets cannot be used.
    #[error("{}", .0.join(" "))]
    Secrets(Vec<String>),
    /// The log filter cannot be read.
    #[error("the log filter cannot be read: {0}")]
    Logs(String),
    /// Metrics cannot be collected.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// The store's settings cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A port cannot be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Signals cannot be listened to.
    #[error("signals cannot be listened to: {0}")]
    Signals(#[from] io::Error),
    /// A task failed.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Serves until SIGTERM. `settings` have been checked.
///
/// # Errors
/// [`StartError`], a sentence that says what to do.
pub async fn run(settings: &Settings) -> Result<(), StartError> {
    init_logs(&settings.log).map_err(|error| StartError::Logs(error.to_string()))?;
    let metrics = install_metrics()?;
    let secrets = settings.secrets.parse().map_err(StartError::Secrets)?;
    let store = Store::postgres(postgres_settings(settings)).await?;
    let listener = bind(&settings.console.listen).await?;
    let ops_listener = bind(&settings.console.metrics_listen).await?;

    let stop = stop_on_signals()?;
    let health = Health::new();
    let limits = HttpLimits::from(&settings.http);
    let app = standalone(Console::new(store.clone(), secrets.click)).merge(readiness_router(health.clone()));
    tracing::info!(listen = %settings.console.listen, "the console is starting");

    let mut tasks = Supervisor::new(stop.clone());
    tasks.spawn("store watch", endless(watch(store.clone(), health.check("store"), stop.clone())));
    tasks.spawn("http", endless(serve(listener, app, limits, stop.clone())));
    tasks.spawn("metrics", endless(serve(ops_listener, ops_router(metrics, health.clone()), limits, stop.clone())));
    tasks.spawn("readiness", async move {
        stop.cancelled().await;
        health.stopping();
        Ok::<_, Infallible>(())
    });
    let ended = tasks.run().await;
    store.close().await;
    Ok(ended?)
}

async fn endless(task: impl Future<Output = ()>) -> Result<(), TaskError> {
    task.await;
    Ok(())
}

/// Keeps readiness in step with the store. A look that takes long is waited for, so that there is only ever one.
async fn watch(store: Store, check: Check, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let mut look = tokio::spawn(look(store.clone()));
        let seen = tokio::select! {
            () = stop.cancelled() => return,
            seen = &mut look => seen,
            () = tokio::time::sleep(WATCH_DEADLINE) => {
                check.not_ready("the database does not answer");
                tokio::select! { () = stop.cancelled() => return, seen = look => seen }
            }
        };
        match seen {
            Ok(Ok(true)) => check.ready(),
            Ok(Ok(false)) => check.not_ready("the schema is too old: run `worker migrate`"),
            Ok(Err(error)) => check.not_ready(error.to_string()),
            Err(_) => check.not_ready("the store could not be looked at"),
        }
        tokio::select! { () = stop.cancelled() => return, () = tokio::time::sleep(WATCH_PERIOD) => {} }
    }
}

async fn look(store: Store) -> Result<bool, StoreError> {
    store.ping().await?;
    store.schema_is_current().await
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
