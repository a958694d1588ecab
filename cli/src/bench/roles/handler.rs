//! The real handler of leads, whose events go nowhere: the limit that a queue can only come near.

use super::baseline::serve_on_cores;
use crate::failure::Failure;
use crate::store_choice::STORE_FILE;
use ingest::{Ingest, Parts, standalone};
use queue::{EmbeddedSettings, Queue};
use runtime::config::Settings;
use runtime::health::Health;
use runtime::http::HttpLimits;
use runtime::lifecycle::Supervisor;
use runtime::telemetry::install_metrics;
use std::path::Path;
use store::{Store, StoreError};
use tokio_util::sync::CancellationToken;

/// `directory` holds a store with the program of the leads.
pub(super) async fn run(settings: &Settings, directory: &Path) -> Result<(), Failure> {
    install_metrics()?;
    let store = Store::sqlite(&directory.join(STORE_FILE)).await?;
    let no_file = || StoreError::Misconfigured("the embedded queue needs the SQLite file".to_owned());
    let writer = store.sqlite_writer().ok_or_else(no_file)?;
    let queue = Queue::embedded(writer, EmbeddedSettings::default()).await?;
    let mut own = settings.ingest.clone();
    own.state_dir = directory.join("state");
    let parts = Parts {
        queue: &queue,
        store: &store,
        secrets: settings.secrets.parse().map_err(Failure::Settings)?,
        settings: &own,
        body_timeout: HttpLimits::from(&settings.http).body_timeout,
        health: &Health::new(),
    };
    // Its tasks end with the process: there is nothing to finish.
    let mut tasks = Supervisor::new(CancellationToken::new());
    let ingest = Ingest::discarding(parts, &mut tasks).await?;
    serve_on_cores(settings, standalone(ingest)).await
}
