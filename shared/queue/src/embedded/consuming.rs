//! Consuming from the table: claim rows, read them, delete them once settled. A claim is memory
//! only, so a crash returns everything. Called by `queue.rs` only.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use domain::pack::PACK_TYPE;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::Shared;
use super::table::{self, StoredMessage};
use crate::meters::Subscribed;
use crate::{ConsumeError, Delivery, SourceQueue, Tag, meters};

/// Between a failed read and the next one.
const PAUSE: Duration = Duration::from_millis(200);

pub(crate) struct Consumer {
    shared: Arc<Shared>,
    id: u64,
    prefetch: usize,
    /// Grows with each loss, so that older tags are recognised.
    subscription: u64,
    last_number: u64,
    reading: Option<Reading>,
    /// Read and claimed, not yet handed out.
    ready: VecDeque<(StoredMessage, bool)>,
    /// Handed out and not settled: number and row, oldest first.
    unsettled: VecDeque<(u64, i64)>,
    failed: bool,
    source: SourceQueue,
    /// There until the consumer is stopped.
    counted: Option<Subscribed>,
}

/// Kept in the consumer while `next` is dropped and called again: the rows are already claimed.
struct Reading {
    redelivered: BTreeMap<i64, bool>,
    rows: JoinHandle<Result<Vec<StoredMessage>, sqlx::Error>>,
}

impl Consumer {
    pub(super) fn new(shared: Arc<Shared>, source: SourceQueue, prefetch: usize) -> Self {
        let id = shared.claims().add_consumer();
        Self {
            shared,
            id,
            prefetch,
            subscription: 0,
            last_number: 0,
            reading: None,
            ready: VecDeque::new(),
            unsettled: VecDeque::new(),
            failed: false,
            source,
            counted: Some(Subscribed::to(source)),
        }
    }

    pub(crate) async fn next(&mut self) -> Result<Delivery, ConsumeError> {
        let shared = Arc::clone(&self.shared);
        loop {
            // From here on a change is noticed, also one between the look below and the wait.
            let changed = shared.changed.notified();
            if shared.is_closed() {
                return Err(ConsumeError::Closed);
            }
            if let Some(delivery) = self.try_next() {
                return Ok(delivery);
            }
            if self.is_stopped() {
                return Err(ConsumeError::Closed);
            }
            if self.failed {
                sleep(PAUSE).await;
                self.failed = false;
            }
            self.start_reading();
            match self.reading.as_mut() {
                Some(reading) => {
                    let rows = (&mut reading.rows).await;
                    self.finish_reading(rows.map_err(|gone| gone.to_string()))?;
                }
                None => changed.await,
            }
        }
    }

    pub(crate) fn try_next(&mut self) -> Option<Delivery> {
        let (message, redelivered) = self.ready.pop_front()?;
        self.last_number += 1;
        self.unsettled.push_back((self.last_number, message.id));
        meters::redelivered(self.source).increment(u64::from(redelivered));
        Some(Delivery {
            tag: Tag { subscription: self.subscription, number: self.last_number },
            body: message.body,
            redelivered,
            message_type: PACK_TYPE.to_owned(),
            message_id: message.message_id,
            traceparent: message.traceparent,
        })
    }

    pub(crate) async fn ack_through(&mut self, tag: Tag) -> Result<(), ConsumeError> {
        if tag.subscription != self.subscription {
            return Err(ConsumeError::Lost("the delivery is from before a fault".into()));
        }
        let settled = self.unsettled.partition_point(|(number, _)| *number <= tag.number);
        let ids: Vec<i64> = self.unsettled.drain(..settled).map(|(_, id)| id).collect();
        if ids.is_empty() {
            return Ok(());
        }
        self.shared.claims().take(self.id, &ids);
        let deleted = tokio::spawn(delete(Arc::clone(&self.shared), ids)).await;
        let failure = match deleted {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(gone) => gone.to_string(),
        };
        self.give_back();
        Err(ConsumeError::Lost(failure))
    }

    /// What is claimed is read to its end, and nothing more is claimed.
    pub(crate) async fn stop(&mut self) {
        self.counted = None;
        if let Some(reading) = self.reading.as_mut() {
            let rows = (&mut reading.rows).await;
            if let Err(error) = self.finish_reading(rows.map_err(|gone| gone.to_string())) {
                tracing::warn!(%error, "what was being read is left to others");
            }
        }
    }

    pub(crate) fn give_back(&mut self) {
        self.subscription += 1;
        self.reading = None;
        self.ready.clear();
        self.unsettled.clear();
        self.shared.claims().give_back(self.id);
        self.shared.changed.notify_waiters();
    }

    fn is_stopped(&self) -> bool {
        self.counted.is_none()
    }

    /// Claims what waits, up to the prefetch, and reads it in the background.
    fn start_reading(&mut self) {
        let room = self.prefetch.saturating_sub(self.unsettled.len());
        if self.reading.is_some() || room == 0 {
            return;
        }
        let redelivered = self.shared.claims().claim(self.id, room);
        if redelivered.is_empty() {
            return;
        }
        let ids: Vec<i64> = redelivered.keys().copied().collect();
        let writer = self.shared.writer.clone();
        let rows = tokio::spawn(async move { table::read(&writer, &ids).await });
        self.reading = Some(Reading { redelivered, rows });
    }

    fn finish_reading(
        &mut self,
        rows: Result<Result<Vec<StoredMessage>, sqlx::Error>, String>,
    ) -> Result<(), ConsumeError> {
        let redelivered = self.reading.take().map(|reading| reading.redelivered);
        let failure = match rows {
            Ok(Ok(rows)) => {
                let redelivered = redelivered.unwrap_or_default();
                self.ready.extend(rows.into_iter().map(|row| {
                    let again = redelivered.get(&row.id).copied().unwrap_or_default();
                    (row, again)
                }));
                return Ok(());
            }
            Ok(Err(error)) => error.to_string(),
            Err(gone) => gone,
        };
        self.failed = true;
        self.give_back();
        Err(ConsumeError::Lost(failure))
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// Deletes settled rows; if that fails they wait again, since they are still in the table.
async fn delete(shared: Arc<Shared>, ids: Vec<i64>) -> Result<(), sqlx::Error> {
    let deleted = table::delete(&shared.writer, &ids).await;
    match &deleted {
        Ok(()) => {
            shared.claims().free(ids.len() as u64);
            shared.tell_readiness();
        }
        Err(_) => {
            shared.claims().put_back(ids);
            shared.changed.notify_waiters();
        }
    }
    deleted
}
