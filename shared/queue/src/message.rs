//! What goes into a queue, what comes out, and whether it can take anything now.

use domain::pack::MAX_BYTES;
use uuid::Uuid;

use crate::PublishError;

/// A message to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Told to the broker, so that a person can find the message again; never used to drop one.
    pub id: Uuid,
    /// The pack, at most [`MAX_BYTES`]: bounds what a consumer holds to this times its prefetch, and stays far below
    /// the broker's own limit (16 MiB).
    pub body: Vec<u8>,
    /// How many events the pack holds, for those who look at a queue without decoding it.
    pub events: u32,
    /// W3C trace context of whoever publishes.
    pub traceparent: Option<String>,
}

impl Message {
    pub(crate) fn check_size(&self) -> Result<(), PublishError> {
        if self.body.len() > MAX_BYTES {
            return Err(PublishError::NotAccepted(format!(
                "a pack of {} bytes is over the limit of {MAX_BYTES}, make smaller packs",
                self.body.len()
            )));
        }
        Ok(())
    }
}

/// A message handed to a consumer. It stays in the queue until it is acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// What [`ack_through`](crate::Consumer::ack_through) wants to know.
    pub tag: Tag,
    /// The pack as it was published.
    pub body: Vec<u8>,
    /// True if the message may have been handed to a consumer before.
    pub redelivered: bool,
    /// [`PACK_TYPE`](domain::pack::PACK_TYPE) unless something else published it.
    pub message_type: String,
    /// The publisher's id for the message, if it gave a readable one.
    pub message_id: Option<Uuid>,
    /// W3C trace context of the publisher.
    pub traceparent: Option<String>,
}

/// The place of a delivery in the subscription it came with. A tag from an earlier subscription
/// acknowledges nothing, whatever its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag {
    pub(crate) subscription: u64,
    pub(crate) number: u64,
}

/// Whether a message would be accepted now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// Yes, as far as it was known within the last second.
    Ready,
    /// No, for this reason.
    NotReady(String),
}

/// Whether the broker has the policies that bound its queues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Policies {
    /// All that the shipped script sets, or none is needed: the embedded queue has no broker.
    InForce,
    /// The script was not run for this prefix, or not in its newest form.
    Missing,
    /// It cannot be told now, for this reason.
    Unknown(String),
}

/// The queues one can consume from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceQueue {
    /// What was published.
    Events,
    /// What the broker itself set aside. Always empty with the embedded queue.
    Dead,
    /// What the broker could not route. Always empty with the embedded queue.
    Unrouted,
}

impl SourceQueue {
    /// Every queue.
    pub const ALL: [SourceQueue; 3] = [SourceQueue::Events, SourceQueue::Dead, SourceQueue::Unrouted];

    /// Its name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            SourceQueue::Events => "events",
            SourceQueue::Dead => "dead",
            SourceQueue::Unrouted => "unrouted",
        }
    }
}
