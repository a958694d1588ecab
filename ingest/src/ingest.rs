//! What the handlers work with: programs, publisher, secrets, and the way from an event to its confirm.

use crate::limits::Limits;
use crate::meters::{Kind, Meters};
use crate::mint::Mint;
use crate::publisher::{Publisher, PublisherSettings};
use crate::refusal::Refusal;
use crate::seldom::Seldom;
use crate::snapshot::{Refresher, Snapshots};
use domain::Event;
use domain::pack::encode_record;
use domain::timestamp::Span;
use queue::{Queue, Readiness};
use runtime::config::IngestSettings;
use runtime::health::{Check, Health};
use runtime::lifecycle::Supervisor;
use runtime::secret::Secrets;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What an [`Ingest`] is made of.
pub struct Parts<'a> {
    /// Where events become durable.
    pub queue: &'a Queue,
    /// Where programs, links and keys are read.
    pub store: &'a Store,
    /// The secrets of click ids and email digests.
    pub secrets: Secrets,
    /// Bounds, deadlines and the directory for the last known programs.
    pub settings: &'a IngestSettings,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// Learns whether events can be accepted.
    pub health: &'a Health,
}

/// Why it cannot start.
#[derive(Debug, Error)]
#[error(
    "the last known programs cannot be kept in {directory}: {source}; make the directory writable, or set another one as `ingest.state_dir`"
)]
pub struct StateDirError {
    directory: String,
    source: io::Error,
}

/// Accepts clicks and leads on one runtime. Cheap to clone; clones share it.
#[derive(Clone)]
pub struct Ingest(Arc<Own>);

/// What the runtime has for itself.
struct Own {
    publisher: Publisher,
    shared: Arc<Shared>,
}

/// What all runtimes of the process share.
struct Shared {
    snapshots: Snapshots,
    secrets: Secrets,
    mint: Mint,
    meters: Arc<Meters>,
    limits: Limits,
    refusals_log: Seldom,
    body_timeout: Duration,
    click_window: Span,
}

impl Ingest {
    /// Starts the tasks that keep programs fresh and publish events. Does not wait for queue or store: `health` says
    /// when work can be accepted. The metrics' recorder is to be installed before.
    ///
    /// # Errors
    /// [`StateDirError`] when the directory for the last known programs cannot be used.
    pub async fn start(parts: Parts<'_>, supervisor: &mut Supervisor) -> Result<Self, StateDirError> {
        let (queue, settings) = (parts.queue, publishing(parts.settings));
        let shared = Shared::start(parts, supervisor).await?;
        let publisher = Publisher::start(queue, settings, &shared.meters, supervisor, &[Handle::current()]);
        Ok(Ingest(Arc::new(Own { publisher, shared })))
    }

    /// The same for requests on several runtimes: one for each of them.
    ///
    /// # Errors
    /// As [`Ingest::start`].
    pub async fn start_on(
        runtimes: &[Handle],
        parts: Parts<'_>,
        supervisor: &mut Supervisor,
    ) -> Result<Vec<Self>, StateDirError> {
        let (queue, settings) = (parts.queue, publishing(parts.settings));
        let shared = Shared::start(parts, supervisor).await?;
        let first = Publisher::start(queue, settings, &shared.meters, supervisor, runtimes);
        let one = |seat| Ingest(Arc::new(Own { publisher: first.at(seat), shared: Arc::clone(&shared) }));
        Ok((0..runtimes.len()).map(one).collect())
    }

    /// For measuring what the handlers cost by themselves: every event is thrown away and its request answered as if
    /// it were durable.
    #[doc(hidden)]
    pub async fn discarding(parts: Parts<'_>, supervisor: &mut Supervisor) -> Result<Self, StateDirError> {
        let publisher = Publisher::discarding(parts.queue, publishing(parts.settings));
        let shared = Shared::start(parts, supervisor).await?;
        Ok(Ingest(Arc::new(Own { publisher, shared })))
    }

    /// To be called when no request is in hand any more: what waits is published, then the publisher's tasks end.
    pub fn finish(&self) {
        self.0.publisher.finish();
    }

    /// Returns once the event is durable.
    pub(crate) async fn publish(&self, event: Event, kind: Kind) -> Result<(), Refusal> {
        self.0.publisher.publish(record(&event)?, kind).await
    }

    /// Returns once it is known of every record what became of it: an answer for each, in their order.
    pub(crate) async fn publish_all(&self, records: Vec<Vec<u8>>, kind: Kind) -> Vec<Result<(), Refusal>> {
        self.0.publisher.publish_all(records, kind).await
    }

    pub(crate) fn snapshots(&self) -> &Snapshots {
        &self.0.shared.snapshots
    }

    pub(crate) fn secrets(&self) -> &Secrets {
        &self.0.shared.secrets
    }

    pub(crate) fn mint(&self) -> &Mint {
        &self.0.shared.mint
    }

    pub(crate) fn meters(&self) -> &Meters {
        &self.0.shared.meters
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.shared.limits
    }

    pub(crate) fn refusals_log(&self) -> &Seldom {
        &self.0.shared.refusals_log
    }

    pub(crate) fn body_timeout(&self) -> Duration {
        self.0.shared.body_timeout
    }

    pub(crate) fn click_window(&self) -> Span {
        self.0.shared.click_window
    }
}

impl Shared {
    async fn start(parts: Parts<'_>, supervisor: &mut Supervisor) -> Result<Arc<Self>, StateDirError> {
        let settings = parts.settings;
        let snapshots = Snapshots::default();
        let refresher = Refresher::load(
            parts.store.clone(),
            snapshots.clone(),
            settings.state_dir.clone(),
            Duration::from_millis(settings.snapshot_refresh_ms),
            parts.health.check("programs"),
        );
        let refresher = refresher.await.map_err(|source| {
            let directory = settings.state_dir.display().to_string();
            StateDirError { directory, source }
        })?;
        let stop = supervisor.stop();
        supervisor.spawn("program refresh", endless(refresher.run(stop.clone())));
        let watching = watch_queue(parts.queue.readiness(), parts.health.check("queue"), stop);
        supervisor.spawn("queue watch", endless(watching));
        let meters = Arc::new(Meters::new());
        let hours = i64::try_from(settings.click_window_hours).unwrap_or(i64::MAX / 3_600_000_000);
        Ok(Arc::new(Shared {
            snapshots,
            secrets: parts.secrets,
            mint: Mint::default(),
            meters,
            limits: Limits::new(settings),
            refusals_log: Seldom::new(),
            body_timeout: parts.body_timeout,
            click_window: Span::seconds(hours * 3_600),
        }))
    }
}

fn publishing(settings: &IngestSettings) -> PublisherSettings {
    PublisherSettings {
        slots: settings.publish_slots,
        buffer_events: settings.buffer_events,
        answer_deadline: Duration::from_millis(settings.answer_deadline_ms),
    }
}

/// The event as it is published. Made by its request and not by the slot, so that all cores encode.
pub(crate) fn record(event: &Event) -> Result<Vec<u8>, Refusal> {
    encode_record(event).map_err(|error| {
        tracing::error!(%error, "an event could not be encoded; please report this");
        Refusal::QueueAway
    })
}

async fn endless(task: impl Future<Output = ()>) -> Result<(), Infallible> {
    task.await;
    Ok(())
}

/// Tells `health` what the queue says of itself.
async fn watch_queue(mut readiness: watch::Receiver<Readiness>, check: Check, stop: CancellationToken) {
    loop {
        let now = readiness.borrow_and_update().clone();
        match now {
            Readiness::Ready => check.ready(),
            Readiness::NotReady(reason) => check.not_ready(reason),
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            changed = readiness.changed() => if changed.is_err() {
                check.not_ready("the queue is closed");
                stop.cancelled().await;
                return;
            }
        }
    }
}
