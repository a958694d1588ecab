//! Queue and store of `up`: both in one SQLite file, or RabbitMQ and Postgres when they are named.

use crate::failure::Failure;
use crate::store_choice::STORE_FILE;
use queue::{EmbeddedSettings, Queue};
use runtime::config::Settings;
use std::path::Path;
use store::{Store, StoreError};
use worker::servers;

/// One SQLite file has one writer: a second lane would only wait for it.
const EMBEDDED_LANES: usize = 1;

/// An opened and migrated store, and the queue before it.
pub(super) struct Backend {
    pub(super) queue: Queue,
    pub(super) store: Store,
    /// How many lanes the worker is to run.
    pub(super) lanes: usize,
}

impl Backend {
    /// Opens both and brings the schema up to date.
    pub(super) async fn open(settings: &Settings, directory: &Path) -> Result<Self, Failure> {
        if settings.store.database_url.is_empty() {
            Self::embedded(directory).await
        } else {
            Self::servers(settings).await
        }
    }

    /// Ends what is open, the queue first: it may still write to the store's file.
    pub(super) async fn close(self) {
        self.queue.close().await;
        self.store.close().await;
    }

    async fn embedded(directory: &Path) -> Result<Self, Failure> {
        let store = Store::sqlite(&directory.join(STORE_FILE)).await?;
        store.migrate().await?;
        let no_file = || StoreError::Misconfigured("the embedded queue needs the SQLite file".to_owned());
        let writer = store.sqlite_writer().ok_or_else(no_file)?;
        let queue = Queue::embedded(writer, EmbeddedSettings::default()).await?;
        Ok(Backend { queue, store, lanes: EMBEDDED_LANES })
    }

    async fn servers(settings: &Settings) -> Result<Self, Failure> {
        let store = Store::postgres(servers::postgres(settings)).await?;
        store.migrate().await?;
        let queue = Queue::rabbitmq(servers::rabbitmq(settings)).await?;
        queue.warn_of_missing_policies();
        Ok(Backend { queue, store, lanes: settings.worker.lanes })
    }
}
