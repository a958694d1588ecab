//! Publishing into the table: one row, one commit, one answer. Called by `queue.rs` only.

use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{Shared, table};
use crate::{Message, PublishError};

pub(crate) struct PublishingChannel {
    shared: Arc<Shared>,
    /// The write whose outcome nobody may have waited for. Kept so that a database that stands
    /// still collects one message per channel and not one per attempt.
    writing: Option<JoinHandle<Result<(), PublishError>>>,
}

impl PublishingChannel {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, writing: None }
    }

    pub(crate) async fn publish(&mut self, message: Message) -> Result<(), PublishError> {
        if self.writing.as_ref().is_some_and(|writing| !writing.is_finished()) {
            return Err(PublishError::NotAccepted("the write before this one still waits".into()));
        }
        self.shared.admit()?;
        let writing = self.writing.insert(tokio::spawn(write(Arc::clone(&self.shared), message)));
        match timeout(self.shared.settings.publish_deadline, writing).await {
            Ok(Ok(outcome)) => {
                self.writing = None;
                outcome
            }
            Ok(Err(gone)) => {
                self.writing = None;
                Err(PublishError::Unknown(gone.to_string()))
            }
            Err(_) => Err(PublishError::Unknown("the database did not commit in time".into())),
        }
    }
}

async fn write(shared: Arc<Shared>, message: Message) -> Result<(), PublishError> {
    let written = table::insert(&shared.writer, &message).await;
    match &written {
        Ok(id) => {
            shared.claims().written(*id);
            shared.changed.notify_waiters();
        }
        Err(_) => {
            shared.claims().free(1);
            shared.tell_readiness();
        }
    }
    written.map(drop)
}
