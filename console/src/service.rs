//! The console as a process of its own: store, the public port, readiness, stop.

use crate::console::Console;
use crate::route::standalone;
use runtime::config::{Role, Settings};
use runtime::http::{BindError, Seat, bind, readiness_router};
use runtime::process::{Process, ProcessError};
use runtime::watch::watch;
use std::convert::Infallible;
use std::time::Duration;
use store::{PostgresSettings, Store, StoreError};
use thiserror::Error;

/// Why the console did not run, or did not end well.
#[derive(Debug, Error)]
pub enum StartError {
    /// Settings, metrics, signals, or a task that failed.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The public port cannot be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The store's settings cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Serves until SIGTERM.
///
/// # Errors
/// [`StartError`], a sentence that says what to do.
pub async fn run(settings: &Settings) -> Result<(), StartError> {
    let mut process = Process::begin(settings, Role::Console, &settings.console.metrics_listen).await?;
    let secrets = settings.secrets.parse().map_err(ProcessError::Settings)?;
    let listener = bind(&settings.console.listen).await?;
    let store = Store::postgres(postgres_settings(settings)).await?;

    let app = standalone(Console::new(store.clone(), secrets.click)).merge(readiness_router(process.health.clone()));
    process.serve(listener, Seat::here(app), || ());
    let (check, stop, watched) = (process.health.check("store"), process.tasks.stop(), store.clone());
    process.tasks.spawn("store watch", async move {
        let ask = || {
            let store = watched.clone();
            async move { store.usable().await }
        };
        watch("the database", check, stop, ask).await;
        Ok::<_, Infallible>(())
    });
    tracing::info!(listen = %settings.console.listen, "the console is starting");
    let ended = process.run().await;
    store.close().await;
    tracing::info!("the console has stopped");
    Ok(ended?)
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
