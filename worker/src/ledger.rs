//! Watches the ledger: keeps it small, and shows as metrics what is missing. Decides nothing; the rules are the
//! store's. Started by `serve` and by `affitor up`.

use metrics::{describe_gauge, gauge};
use queue::Queue;
use runtime::config::WorkerSettings;
use runtime::lifecycle::Supervisor;
use std::convert::Infallible;
use std::time::Duration;
use store::{Account, PACKS_FOLDED, Store, StoreError};
use tokio_util::sync::CancellationToken;

const MISSING: &str = "affitor_ledger_missing_packs";
const WAITING: &str = "affitor_ledger_waiting_events";
/// So that one look does not keep the database busy for long.
const MOST_FOLDS: usize = 50;

/// How often to look, and what counts as missing.
#[derive(Debug, Clone, Copy)]
pub struct LedgerSettings {
    /// Between two looks.
    pub interval: Duration,
    /// How late a pack may be behind a later one of its run.
    pub grace: Duration,
}

impl From<&WorkerSettings> for LedgerSettings {
    fn from(settings: &WorkerSettings) -> Self {
        LedgerSettings {
            interval: Duration::from_millis(settings.ledger_interval_ms),
            grace: Duration::from_millis(settings.ledger_grace_ms),
        }
    }
}

/// Starts the watch.
pub fn spawn_ledger(supervisor: &mut Supervisor, queue: &Queue, store: &Store, settings: LedgerSettings) {
    describe_gauge!(
        MISSING,
        "Packs that were confirmed and have not arrived, though later ones of their run have and no queue holds them"
    );
    describe_gauge!(WAITING, "Events that were confirmed before a pack that has arrived, and have not arrived");
    gauge!(MISSING).set(0.0);
    gauge!(WAITING).set(0.0);
    let (queue, store, stop) = (queue.clone(), store.clone(), supervisor.stop());
    supervisor.spawn("ledger", async move {
        watch(queue, store, settings, stop).await;
        Ok::<(), Infallible>(())
    });
}

async fn watch(queue: Queue, store: Store, settings: LedgerSettings, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match look(&queue, &store, settings.grace).await {
            Ok((missing, account)) => {
                if missing > 0 {
                    tracing::error!(packs = missing, "packs are missing; `affitor audit` names them");
                }
                gauge!(MISSING).set(missing as f64);
                gauge!(WAITING).set(account.waiting() as f64);
            }
            // The gauges keep what was known last; that the database is away is shown elsewhere.
            Err(error) => tracing::debug!(%error, "the ledger cannot be read"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(settings.interval) => {}
        }
    }
}

async fn look(queue: &Queue, store: &Store, grace: Duration) -> Result<(u64, Account), StoreError> {
    for _ in 0..MOST_FOLDS {
        if store.fold_ledger().await? < PACKS_FOLDED as usize {
            break;
        }
    }
    let account = store.ledger().await?;
    // What waits in a queue may be what is missing; a broker that does not tell may hold it.
    let queued = if account.gaps.is_empty() { 0 } else { queue.depth_of_all().await.unwrap_or(u64::MAX) };
    let missing = account.missing(Some(queued), grace).map(store::Gap::packs).sum();
    Ok((missing, account))
}
