//! The embedded queue: a table in SQLite, with the claims of consumers kept in memory.
//!
//! For one process on one host. Every database future runs in a task of its own that nobody
//! aborts: a caller that stops waiting must not leave the one writing connection half used.
//! Called by `queue.rs` only.

mod claims;
mod consuming;
mod publishing;
mod table;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::SqlitePool;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::{OpenError, PublishError, Readiness, SourceQueue};
use claims::Claims;

pub(crate) use consuming::Consumer;
pub(crate) use publishing::PublishingChannel;

/// At a start after a crash the oldest rows count as redelivered, so that a message which brought
/// the process down is taken with care. More than all lanes together are meant to hold.
const SUSPECTS: usize = 256;

/// For the mark that everything begun was settled.
const CLOSE_DEADLINE: Duration = Duration::from_secs(2);

/// The embedded queue's tunables.
#[derive(Debug, Clone)]
pub struct EmbeddedSettings {
    /// How many messages may be in the table before new ones are refused; at least 1.
    /// Bounds the disk: a message is a pack of up to 1 MiB.
    pub max_waiting_messages: u64,
    /// How long publishing waits for the commit before the outcome is called unknown.
    pub publish_deadline: Duration,
}

impl Default for EmbeddedSettings {
    fn default() -> Self {
        Self { max_waiting_messages: 100_000, publish_deadline: Duration::from_secs(5) }
    }
}

#[derive(Clone)]
pub(crate) struct Embedded(Arc<Shared>);

struct Shared {
    writer: SqlitePool,
    settings: EmbeddedSettings,
    claims: Mutex<Claims>,
    /// Something waits, or the queue was closed.
    changed: Notify,
    readiness: watch::Sender<Readiness>,
    closed: AtomicBool,
}

impl Embedded {
    pub(crate) async fn open(writer: SqlitePool, settings: EmbeddedSettings) -> Result<Self, OpenError> {
        table::create(&writer).await?;
        let suspects = if table::take_mark(&writer).await? { 0 } else { SUSPECTS };
        let found = table::ids(&writer).await?;
        let shared = Shared {
            writer,
            settings,
            claims: Mutex::new(Claims::found(found, suspects)),
            changed: Notify::new(),
            readiness: watch::Sender::new(Readiness::Ready),
            closed: AtomicBool::new(false),
        };
        shared.tell_readiness();
        Ok(Self(Arc::new(shared)))
    }

    pub(crate) fn readiness(&self) -> watch::Receiver<Readiness> {
        self.0.readiness.subscribe()
    }

    pub(crate) fn publishing_channel(&self) -> PublishingChannel {
        PublishingChannel::new(Arc::clone(&self.0))
    }

    pub(crate) fn consumer(&self, source: SourceQueue, prefetch: u16) -> Consumer {
        let prefetch = match source {
            SourceQueue::Events => usize::from(prefetch),
            // Nothing is ever dead or unrouted here: such a consumer may wait, and takes nothing.
            SourceQueue::Dead | SourceQueue::Unrouted => 0,
        };
        Consumer::new(Arc::clone(&self.0), source, prefetch)
    }

    pub(crate) fn depth(&self, source: SourceQueue) -> u64 {
        match source {
            SourceQueue::Events => self.0.claims().waiting(),
            SourceQueue::Dead | SourceQueue::Unrouted => 0,
        }
    }

    /// Leaves a mark if everything begun is settled: then the next start suspects nothing.
    pub(crate) async fn close(&self) {
        self.0.closed.store(true, Ordering::SeqCst);
        self.0.tell_readiness();
        self.0.changed.notify_waiters();
        if !self.0.claims().are_settled() {
            return;
        }
        let writer = self.0.writer.clone();
        let marking = tokio::spawn(async move { table::mark(&writer).await });
        if !matches!(timeout(CLOSE_DEADLINE, marking).await, Ok(Ok(Ok(())))) {
            tracing::warn!("the end of the embedded queue was not noted, the next start takes some messages with care");
        }
    }
}

impl Shared {
    fn claims(&self) -> MutexGuard<'_, Claims> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    fn refusal(&self, rows: u64) -> Option<String> {
        let most = self.settings.max_waiting_messages;
        if self.is_closed() {
            Some("the queue is closed".to_owned())
        } else if rows >= most {
            Some(format!("the queue is full: {most} messages wait, start or check the worker"))
        } else {
            None
        }
    }

    /// Looks and tells under one lock, so that an older look never overwrites a newer one.
    fn tell_readiness(&self) {
        self.readiness.send_if_modified(|told| {
            let rows = self.claims().rows();
            let now = self.refusal(rows).map_or(Readiness::Ready, Readiness::NotReady);
            let changed = *told != now;
            *told = now;
            changed
        });
    }

    /// Makes room for a row, or says why there is none.
    fn admit(&self) -> Result<(), PublishError> {
        let refusal = {
            let mut claims = self.claims();
            let refusal = self.refusal(claims.rows());
            if refusal.is_none() {
                claims.reserve();
            }
            refusal
        };
        self.tell_readiness();
        refusal.map_or(Ok(()), |reason| Err(PublishError::NotAccepted(reason)))
    }
}
