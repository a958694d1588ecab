//! The whole topology on one screen: what exists on the broker, and why with which option.
//!
//! Declared by whoever connects first, and again by anyone at any time: declaring what is there
//! changes nothing. Called by the supervisor; reads no messages.
//!
//! ```text
//! publish ─► exchange affitor.events ──► queue affitor.events.v1 ─► workers
//!                  │ no binding                 │ the broker gives up on a message
//!                  ▼                            ▼
//!            exchange affitor.unrouted    exchange affitor.dead
//!                  ▼                            ▼
//!            queue affitor.unrouted       queue affitor.dead
//! ```

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ExchangeKind};

use crate::SourceQueue;

/// The names of everything on the broker, made from a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopologyNames {
    /// Where packs are published.
    pub events_exchange: String,
    /// Where packs wait; also their routing key. `v1` is the topology's version, not the pack's.
    pub events_queue: String,
    /// Exchange and queue for what no binding takes.
    pub unrouted: String,
    /// Exchange, routing key and queue for what the broker itself gives up on.
    pub dead: String,
    prefix: String,
}

impl TopologyNames {
    /// Names for a prefix; the product's own is `affitor`.
    pub fn new(prefix: &str) -> Self {
        Self {
            events_exchange: format!("{prefix}.events"),
            events_queue: format!("{prefix}.events.v1"),
            unrouted: format!("{prefix}.unrouted"),
            dead: format!("{prefix}.dead"),
            prefix: prefix.to_owned(),
        }
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// A name of its own for a queue on which only the policies show. The number is that of the script.
    pub(super) fn probe(&self) -> String {
        format!("{}.probe.v1.{:016x}", self.prefix, getrandom::u64().unwrap_or_default())
    }

    pub(super) fn queue(&self, source: SourceQueue) -> &str {
        match source {
            SourceQueue::Events => &self.events_queue,
            SourceQueue::Dead => &self.dead,
            SourceQueue::Unrouted => &self.unrouted,
        }
    }

    /// Declares everything, targets before what points to them.
    pub(super) async fn declare(&self, channel: &Channel) -> lapin::Result<()> {
        // Fanout: whatever the routing key was, an unrouted message must land.
        exchange(channel, &self.unrouted, ExchangeKind::Fanout, &[]).await?;
        queue(channel, &self.unrouted, &[QUORUM]).await?;
        bind(channel, &self.unrouted, &self.unrouted).await?;

        exchange(channel, &self.dead, ExchangeKind::Direct, &[]).await?;
        queue(channel, &self.dead, &[QUORUM]).await?;
        bind(channel, &self.dead, &self.dead).await?;

        // Without the alternate exchange a lost binding would return every pack to its publisher.
        let alternate = ("alternate-exchange", self.unrouted.as_str());
        exchange(channel, &self.events_exchange, ExchangeKind::Direct, &[alternate]).await?;
        let dead_letters = [
            QUORUM,
            ("x-dead-letter-exchange", self.dead.as_str()),
            // Otherwise the original routing key would be kept, and the dead queue miss it.
            ("x-dead-letter-routing-key", self.dead.as_str()),
        ];
        // No length, limit or timeout here: arguments cannot be changed later, policies can.
        queue(channel, &self.events_queue, &dead_letters).await?;
        bind(channel, &self.events_queue, &self.events_exchange).await
    }

    /// Fails if an exchange or a queue that publishing depends on is missing.
    pub(super) async fn check(&self, channel: &Channel) -> lapin::Result<()> {
        let options = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
        let name = self.events_exchange.as_str().into();
        channel.exchange_declare(name, ExchangeKind::Direct, options, FieldTable::default()).await?;
        for name in [&self.events_queue, &self.unrouted, &self.dead] {
            waiting(channel, name).await?;
        }
        Ok(())
    }
}

/// How many messages wait in a queue; an error if there is no such queue.
pub(super) async fn waiting(channel: &Channel, name: &str) -> lapin::Result<u32> {
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let queue = channel.queue_declare(name.into(), options, FieldTable::default()).await?;
    Ok(queue.message_count())
}

/// Quorum also on a single node: only quorum queues are on disk before they confirm.
const QUORUM: (&str, &str) = ("x-queue-type", "quorum");

type Arguments<'a> = &'a [(&'a str, &'a str)];

async fn exchange(channel: &Channel, name: &str, kind: ExchangeKind, arguments: Arguments<'_>) -> lapin::Result<()> {
    // Durable: it must be there again after a restart of the broker.
    let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare(name.into(), kind, options, table(arguments)).await
}

async fn queue(channel: &Channel, name: &str, arguments: Arguments<'_>) -> lapin::Result<()> {
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(name.into(), options, table(arguments)).await.map(drop)
}

/// The routing key is the queue's name, everywhere.
async fn bind(channel: &Channel, queue: &str, exchange: &str) -> lapin::Result<()> {
    let (options, arguments) = (QueueBindOptions::default(), FieldTable::default());
    channel.queue_bind(queue.into(), exchange.into(), queue.into(), options, arguments).await
}

fn table(arguments: Arguments<'_>) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        table.insert((*name).into(), AMQPValue::LongString((*value).into()));
    }
    table
}
