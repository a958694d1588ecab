//! What the queue counts, on either backend: labels from closed lists, every series there at zero from the start.
//!
//! Called when a queue is opened, by the supervisor of a connection, and by consumers.

use crate::SourceQueue;
use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

const RECONNECTS: &str = "affitor_queue_reconnects_total";
const CONSUMERS: &str = "affitor_queue_consumers";
const REDELIVERED: &str = "affitor_queue_redelivered_total";

/// The two connections of RabbitMQ, by their purpose.
pub(crate) const PUBLISHING: &str = "publishing";
pub(crate) const CONSUMING: &str = "consuming";

/// Describes every series and creates it at zero. The recorder is to be installed before.
pub(crate) fn describe() {
    describe_counter!(
        RECONNECTS,
        "Connections to the broker that were lost after they had been made, by their purpose"
    );
    describe_counter!(
        REDELIVERED,
        "Messages handed over that a consumer may have had before, by the queue they came from"
    );
    describe_gauge!(CONSUMERS, "Subscriptions that are open now, by the queue they take messages from");
    for side in [PUBLISHING, CONSUMING] {
        reconnects(side).increment(0);
    }
    for source in SourceQueue::ALL {
        consumers(source).increment(0.0);
        redelivered(source).increment(0);
    }
}

pub(crate) fn reconnects(side: &'static str) -> Counter {
    counter!(RECONNECTS, "side" => side)
}

pub(crate) fn redelivered(source: SourceQueue) -> Counter {
    counter!(REDELIVERED, "queue" => source.name())
}

fn consumers(source: SourceQueue) -> Gauge {
    gauge!(CONSUMERS, "queue" => source.name())
}

/// An open subscription: counted as long as this lives.
pub(crate) struct Subscribed(Gauge);

impl Subscribed {
    pub(crate) fn to(source: SourceQueue) -> Self {
        let gauge = consumers(source);
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for Subscribed {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
