//! The queue as the rest of the product sees it: one set of names, two backends behind them.
//!
//! Nothing is decided here; every call goes to `rabbitmq` or `embedded`.

use sqlx::SqlitePool;
use tokio::sync::watch;

use crate::embedded::{self, Embedded, EmbeddedSettings};
use crate::meters;
use crate::rabbitmq::{self, RabbitMq, RabbitMqSettings};
use crate::{
    ConsumeError, Delivery, DepthError, Message, OpenError, Policies, PublishError, Readiness, SourceQueue, Tag,
};

/// A queue of packs. Clones share their connections.
#[derive(Clone)]
pub struct Queue(Backend);

#[derive(Clone)]
enum Backend {
    RabbitMq(RabbitMq),
    Embedded(Embedded),
}

impl Queue {
    /// A queue on RabbitMQ. Returns before anything is connected, so also while the broker is
    /// away: connections are opened when first needed and then kept open by their supervisors.
    ///
    /// # Errors
    /// [`OpenError::Settings`] when the address or the prefix cannot be right.
    pub async fn rabbitmq(settings: RabbitMqSettings) -> Result<Self, OpenError> {
        meters::describe();
        RabbitMq::open(settings).map(|queue| Self(Backend::RabbitMq(queue)))
    }

    /// A queue in a table of the SQLite database that `writer` writes to; makes the table if it is
    /// missing. `writer` has one connection, with WAL and `synchronous=FULL`; it stays the
    /// caller's, and is never held longer than one transaction of one statement. There may be one
    /// such queue per database at a time.
    ///
    /// # Errors
    /// [`OpenError::Table`] when the table cannot be made or read.
    pub async fn embedded(writer: SqlitePool, settings: EmbeddedSettings) -> Result<Self, OpenError> {
        meters::describe();
        Ok(Self(Backend::Embedded(Embedded::open(writer, settings).await?)))
    }

    /// Whether publishing works now; a change is seen within a second. Needs a tokio runtime.
    pub fn readiness(&self) -> watch::Receiver<Readiness> {
        match &self.0 {
            Backend::RabbitMq(queue) => queue.readiness(),
            Backend::Embedded(queue) => queue.readiness(),
        }
    }

    /// A channel of its own to publish on; opened when first used. Needs a tokio runtime.
    pub fn publishing_channel(&self) -> PublishingChannel {
        PublishingChannel(match &self.0 {
            Backend::RabbitMq(queue) => Publishing::RabbitMq(Box::new(queue.publishing_channel())),
            Backend::Embedded(queue) => Publishing::Embedded(queue.publishing_channel()),
        })
    }

    /// A consumer of what was published, holding at most `prefetch` (at least 1) unacknowledged
    /// messages. Needs a tokio runtime.
    pub fn consumer(&self, prefetch: u16) -> Consumer {
        self.consumer_of(SourceQueue::Events, prefetch)
    }

    /// A consumer of any of the queues; otherwise as [`consumer`](Self::consumer).
    pub fn consumer_of(&self, source: SourceQueue, prefetch: u16) -> Consumer {
        let prefetch = prefetch.max(1);
        Consumer(match &self.0 {
            Backend::RabbitMq(queue) => Consuming::RabbitMq(Box::new(queue.consumer(source, prefetch))),
            Backend::Embedded(queue) => Consuming::Embedded(queue.consumer(source, prefetch)),
        })
    }

    /// How many messages wait for a consumer; those in a consumer's hands are not counted.
    ///
    /// # Errors
    /// [`DepthError`] when the broker does not tell within the connect timeout.
    pub async fn depth(&self) -> Result<u64, DepthError> {
        self.depth_of(SourceQueue::Events).await
    }

    /// As [`depth`](Self::depth), of any of the queues.
    ///
    /// # Errors
    /// As [`depth`](Self::depth).
    pub async fn depth_of(&self, source: SourceQueue) -> Result<u64, DepthError> {
        match &self.0 {
            Backend::RabbitMq(queue) => queue.depth(source).await,
            Backend::Embedded(queue) => Ok(queue.depth(source)),
        }
    }

    /// As [`depth`](Self::depth), of all queues together.
    ///
    /// # Errors
    /// As [`depth`](Self::depth).
    pub async fn depth_of_all(&self) -> Result<u64, DepthError> {
        let mut waiting = 0;
        for source in [SourceQueue::Unrouted, SourceQueue::Dead, SourceQueue::Events] {
            waiting += self.depth_of(source).await?;
        }
        Ok(waiting)
    }

    /// Whether the broker has the policies of `deploy/rabbitmq/policies.sh`. Takes a few seconds when it has not, and
    /// at most the connect timeout more.
    pub async fn policies(&self) -> Policies {
        match &self.0 {
            Backend::RabbitMq(queue) => queue.policies().await,
            Backend::Embedded(_) => Policies::InForce,
        }
    }

    /// Warns in the log when they are missing, as soon as the broker can be asked. Returns at once and changes nothing:
    /// without them everything works until something goes on for long. Needs a tokio runtime.
    pub fn warn_of_missing_policies(&self) {
        match &self.0 {
            Backend::RabbitMq(queue) => queue.warn_of_missing_policies(),
            Backend::Embedded(_) => {}
        }
    }

    /// Ends all publishing and consuming, for every clone, with the closing handshake. Bounded to
    /// a few seconds. Close consumers first: what they have acknowledged is then surely settled.
    pub async fn close(&self) {
        match &self.0 {
            Backend::RabbitMq(queue) => queue.close().await,
            Backend::Embedded(queue) => queue.close().await,
        }
    }
}

/// Publishes one message after the other.
pub struct PublishingChannel(Publishing);

enum Publishing {
    RabbitMq(Box<rabbitmq::PublishingChannel>),
    Embedded(embedded::PublishingChannel),
}

impl PublishingChannel {
    /// Publishes a message; `Ok` means that it is on disk. Answers within the publish deadline.
    /// A dropped call leaves it unknown whether the message is in the queue.
    ///
    /// # Errors
    /// [`PublishError::NotAccepted`], at once when the queue is away, blocked, full or closed;
    /// [`PublishError::Unknown`] when no answer came though something may have been written.
    pub async fn publish(&mut self, message: Message) -> Result<(), PublishError> {
        message.check_size()?;
        match &mut self.0 {
            Publishing::RabbitMq(channel) => channel.publish(message).await,
            Publishing::Embedded(channel) => channel.publish(message).await,
        }
    }
}

/// Takes messages from a queue and settles them in the order in which they came. Dropping it
/// returns what is not settled to the queue.
pub struct Consumer(Consuming);

enum Consuming {
    RabbitMq(Box<rabbitmq::Consumer>),
    Embedded(embedded::Consumer),
}

impl Consumer {
    /// Waits for the next message, subscribing first if need be, for as long as it takes. May be
    /// dropped and called again without losing a message.
    ///
    /// # Errors
    /// [`ConsumeError::Lost`] once after each fault; [`ConsumeError::Closed`] for ever after
    /// [`Queue::close`], and after [`stop`](Self::stop) once what was here is taken.
    pub async fn next(&mut self) -> Result<Delivery, ConsumeError> {
        match &mut self.0 {
            Consuming::RabbitMq(consumer) => consumer.next().await,
            Consuming::Embedded(consumer) => consumer.next().await,
        }
    }

    /// A message that is already here, without waiting.
    pub fn try_next(&mut self) -> Option<Delivery> {
        match &mut self.0 {
            Consuming::RabbitMq(consumer) => consumer.try_next(),
            Consuming::Embedded(consumer) => consumer.try_next(),
        }
    }

    /// Acknowledges this delivery and all that came before it: they are gone from the queue. What
    /// is acknowledged already stays so.
    ///
    /// # Errors
    /// [`ConsumeError::Lost`] when they may come again, also for a tag from before a fault.
    pub async fn ack_through(&mut self, tag: Tag) -> Result<(), ConsumeError> {
        match &mut self.0 {
            Consuming::RabbitMq(consumer) => consumer.ack_through(tag).await,
            Consuming::Embedded(consumer) => consumer.ack_through(tag).await,
        }
    }

    /// Returns everything that is not acknowledged to the queue; [`next`](Self::next) subscribes
    /// again. Bounded to a few seconds.
    pub async fn give_back(&mut self) {
        match &mut self.0 {
            Consuming::RabbitMq(consumer) => consumer.give_back().await,
            Consuming::Embedded(consumer) => consumer.give_back(),
        }
    }

    /// Asks for nothing more. What has been handed over already is still given out and can be
    /// acknowledged; what has not goes to others, unmarked. Better called before an
    /// acknowledgement than after one, which makes room for more. Bounded to a few seconds.
    pub async fn stop(&mut self) {
        match &mut self.0 {
            Consuming::RabbitMq(consumer) => consumer.stop().await,
            Consuming::Embedded(consumer) => consumer.stop().await,
        }
    }

    /// Ends the subscription with a handshake: acknowledgements sent before have then arrived.
    pub async fn close(mut self) {
        self.give_back().await;
    }
}
