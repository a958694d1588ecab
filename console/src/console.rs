//! What every handler works with: the store, the secrets, the known keys, and the patience for a read.

use crate::fault::Fault;
use crate::keys::Keys;
use crate::measure;
use domain::keyring::Keyring;
use std::sync::Arc;
use std::time::Duration;
use store::{Store, StoreError};

/// How long a client waits for the store. The read itself goes on to its own end; see `store`.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);

/// What every handler works with. Cheap to clone; clones share it.
#[derive(Clone)]
pub struct Console(Arc<Shared>);

struct Shared {
    store: Store,
    clicks: Keyring,
    keys: Keys,
}

impl Console {
    /// A console that reads `store` and writes click ids with the secrets that `ingest` signs them with. Makes its
    /// metrics at zero, so the process's recorder should be installed before.
    pub fn new(store: Store, clicks: Keyring) -> Self {
        measure::create_series();
        let keys = Keys::new(store.clone());
        Console(Arc::new(Shared { store, clicks, keys }))
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn clicks(&self) -> &Keyring {
        &self.0.clicks
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.0.keys
    }
}

/// Waits for the store, but not for ever.
///
/// # Errors
/// The store's, and that it did not answer in time.
pub(crate) async fn in_time<T>(read: impl Future<Output = Result<T, StoreError>>) -> Result<T, Fault> {
    match tokio::time::timeout(ANSWER_DEADLINE, read).await {
        Ok(answer) => answer.map_err(Fault::from),
        Err(_) => {
            tracing::warn!("a read was not answered in time");
            Err(Fault::StoreUnavailable)
        }
    }
}
