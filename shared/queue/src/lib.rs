//! Moves opaque message bodies ("packs") from those who accept events to those who store them.
//!
//! What is published is durable before [`PublishingChannel::publish`] answers `Ok`; it is delivered
//! at least once, and again until it is acknowledged. Two backends with one meaning: RabbitMQ
//! (`rabbitmq/`) and a table in SQLite (`embedded/`); `tests/contract.rs` runs over both.
//!
//! This crate never looks into a body and knows nothing of the database that events end in. Of `domain` it knows what a
//! pack's type is called and how long one may be. `ingest` publishes, `worker` consumes.

mod embedded;
mod error;
mod message;
mod meters;
mod queue;
mod rabbitmq;

pub use embedded::EmbeddedSettings;
pub use error::{ConsumeError, DepthError, OpenError, PublishError};
pub use message::{Delivery, Message, Policies, Readiness, SourceQueue, Tag};
pub use queue::{Consumer, PublishingChannel, Queue};
pub use rabbitmq::{RabbitMqSettings, TopologyNames};
