//! What can go wrong with a queue, named after what the caller has to do about it.

/// Why a message was not confirmed. The difference decides what a client may be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The message is surely not in the queue: send it again.
    #[error("the queue did not accept the message: {0}")]
    NotAccepted(String),
    /// The message may be in the queue or not: send it again, and count on it being there twice.
    #[error("it is unknown whether the queue has the message: {0}")]
    Unknown(String),
}

/// Why a consumer has nothing to give.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConsumeError {
    /// Everything delivered and not yet acknowledged will be delivered again. Forget it and call
    /// [`next`](crate::Consumer::next), which subscribes anew.
    #[error("the subscription was lost, unacknowledged messages will come again: {0}")]
    Lost(String),
    /// The queue was closed or the consumer stopped by this process; no message will come any more.
    #[error("the queue is closed")]
    Closed,
}

/// Why a queue could not be opened at all. A broker that is away is not among the reasons.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A setting cannot be right; the text says which and what is expected.
    #[error("{0}")]
    Settings(String),
    /// The embedded queue's table cannot be created or read.
    #[error("the embedded queue's table cannot be opened, check the data directory: {0}")]
    Table(#[from] sqlx::Error),
}

/// The number of waiting messages cannot be told now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the number of waiting messages is not known: {0}")]
pub struct DepthError(pub(crate) String);
