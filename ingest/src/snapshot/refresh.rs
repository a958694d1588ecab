//! The one task that reads programs, links and keys from the store: at intervals, and at once when somebody asks.

use super::disk;
use super::known::Known;
use super::patience::Patience;
use super::{Refreshed, Snapshots};
use runtime::health::Check;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use store::{Snapshot, Store, StoreError};
use tokio_util::sync::CancellationToken;

/// Keeps [`Snapshots`] fresh.
pub(crate) struct Refresher {
    store: Store,
    snapshots: Snapshots,
    directory: PathBuf,
    interval: Duration,
    check: Check,
    /// What the store itself has told. What was found on disk does not count: the store may be another one by now,
    /// or restored to an earlier day.
    told: Option<Arc<Known>>,
    found_on_disk: bool,
    is_away: bool,
}

impl Refresher {
    /// Takes over what the last process left on disk.
    ///
    /// # Errors
    /// The directory cannot be made or written.
    pub(crate) async fn load(
        store: Store,
        snapshots: Snapshots,
        directory: PathBuf,
        interval: Duration,
        check: Check,
    ) -> io::Result<Self> {
        let path = directory.clone();
        let left = tokio::task::spawn_blocking(move || {
            disk::prepare(&path)?;
            Ok::<_, io::Error>(disk::load(&path))
        });
        let left = left.await.map_err(io::Error::other)??;
        let found_on_disk = left.is_some();
        if let Some(left) = left {
            tracing::info!(version = left.version, "programs read from disk until the database answers");
            snapshots.0.known.store(Arc::new(Known::default().with(left)));
            check.ready();
        }
        Ok(Refresher { store, snapshots, directory, interval, check, told: None, found_on_disk, is_away: false })
    }

    /// Refreshes until `stop`. A read that is under way then is left to end by itself, never dropped.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut patience = Patience::default();
        loop {
            let answers = self.snapshots.0.asked.load(Ordering::SeqCst);
            let since = self.told.as_ref().map(|told| told.version);
            let reading = tokio::spawn(read(self.store.clone(), since));
            let read = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                read = patience.wait_for(reading) => read,
            };
            let worked = self.take(read).await;
            self.snapshots.0.refreshed.send_replace(Refreshed { answers, worked });
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.snapshots.0.wanted.notified() => {}
                () = tokio::time::sleep(self.interval) => {}
            }
        }
    }

    async fn take(&mut self, read: Result<Read, StoreError>) -> bool {
        let was_away = std::mem::replace(&mut self.is_away, read.is_err());
        match read {
            Ok(read) => {
                if was_away {
                    tracing::info!("the database answers again");
                }
                self.apply(read).await;
                self.check.ready();
                true
            }
            Err(error) => {
                if !was_away {
                    tracing::warn!(%error, "programs cannot be read; the last known ones stay in use");
                }
                if self.told.is_none() && !self.found_on_disk {
                    self.check.not_ready("no programs loaded yet: the database cannot be read");
                }
                false
            }
        }
    }

    async fn apply(&mut self, read: Read) {
        let told = match (read, &self.told) {
            (Read::Changes(changes), Some(told)) if changes.version == told.version => return,
            (Read::Changes(changes), Some(told)) => told.with(changes),
            (Read::Changes(all) | Read::All(all), _) => Known::default().with(all),
        };
        let told = Arc::new(told);
        self.told = Some(Arc::clone(&told));
        self.snapshots.0.known.store(Arc::clone(&told));
        let directory = self.directory.clone();
        let saved = tokio::task::spawn_blocking(move || disk::save(&directory, &told.snapshot())).await;
        if let Err(error) = saved.unwrap_or_else(|gone| Err(io::Error::other(gone))) {
            tracing::warn!(%error, "programs could not be kept on disk: the next start needs the database");
        }
    }
}

enum Read {
    All(Snapshot),
    Changes(Snapshot),
}

/// What changed since a version. A version that went back means that the store is not the one it was: all is read.
async fn read(store: Store, since: Option<i64>) -> Result<Read, StoreError> {
    let Some(since) = since else { return store.snapshot_since(0).await.map(Read::All) };
    let changes = store.snapshot_since(since).await?;
    if changes.version < since { store.snapshot_since(0).await.map(Read::All) } else { Ok(Read::Changes(changes)) }
}
