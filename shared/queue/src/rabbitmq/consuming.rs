//! Consuming on a channel of its own. Any fault ends the subscription whole; the broker then
//! delivers everything unsettled again. Called by `queue.rs` only.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use lapin::message::Delivery as AmqpDelivery;
use lapin::options::{BasicAckOptions, BasicQosOptions};
use lapin::types::AMQPValue;
use tokio::time::{sleep, timeout};

use super::Shared;
use super::link::{Channel, Link};
use super::pause::Pause;
use super::supervisor::Side;
use crate::{ConsumeError, Delivery, SourceQueue, Tag};

pub(crate) struct Consumer {
    shared: Arc<Shared>,
    side: Side,
    source: SourceQueue,
    prefetch: u16,
    /// Grows with each subscription, so that a tag is never taken for one of another channel.
    subscription: u64,
    /// The last tag acknowledged; to name it again would make the broker close the channel.
    settled: u64,
    state: State,
}

enum State {
    Idle,
    /// Kept here, so that dropping and calling `next` again goes on with it.
    Subscribing(BoxFuture<'static, Result<Channel, ConsumeError>>),
    Subscribed(Box<Channel>),
    /// Found by somebody who could not say it; `next` does.
    Lost(String),
}

impl Consumer {
    pub(super) fn new(shared: Arc<Shared>, side: Side, source: SourceQueue, prefetch: u16) -> Self {
        Self { shared, side, source, prefetch, subscription: 0, settled: 0, state: State::Idle }
    }

    pub(crate) async fn next(&mut self) -> Result<Delivery, ConsumeError> {
        loop {
            match &mut self.state {
                State::Idle => {
                    let subscribing =
                        subscribe(Arc::clone(&self.shared), self.side.clone(), self.source, self.prefetch);
                    self.state = State::Subscribing(Box::pin(subscribing));
                }
                State::Subscribing(subscribing) => {
                    let subscribed = subscribing.await;
                    self.state = State::Idle;
                    self.state = State::Subscribed(Box::new(subscribed?));
                    self.subscription += 1;
                    self.settled = 0;
                }
                State::Subscribed(channel) => {
                    let delivered = channel.delivered().await;
                    match self.understand(delivered) {
                        Ok(delivery) => return Ok(delivery),
                        Err(reason) => self.state = State::Lost(reason),
                    }
                }
                State::Lost(reason) => {
                    let reason = std::mem::take(reason);
                    self.state = State::Idle;
                    return Err(ConsumeError::Lost(reason));
                }
            }
        }
    }

    pub(crate) fn try_next(&mut self) -> Option<Delivery> {
        let State::Subscribed(channel) = &mut self.state else { return None };
        let delivered = channel.delivered().now_or_never()?;
        match self.understand(delivered) {
            Ok(delivery) => Some(delivery),
            Err(reason) => {
                self.state = State::Lost(reason);
                None
            }
        }
    }

    pub(crate) async fn ack_through(&mut self, tag: Tag) -> Result<(), ConsumeError> {
        let State::Subscribed(channel) = &self.state else {
            return Err(ConsumeError::Lost("the subscription has ended".into()));
        };
        if tag.subscription != self.subscription {
            return Err(ConsumeError::Lost("the delivery is from before a fault".into()));
        }
        if tag.number <= self.settled {
            return Ok(());
        }
        let acknowledged = channel.amqp().basic_ack(tag.number, BasicAckOptions { multiple: true });
        let failure = match timeout(self.shared.settings.connect_timeout, acknowledged).await {
            Ok(Ok(())) => {
                self.settled = tag.number;
                return Ok(());
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the acknowledgement could not be sent in time".to_owned(),
        };
        self.state = State::Idle;
        Err(ConsumeError::Lost(failure))
    }

    pub(crate) async fn give_back(&mut self) {
        if let State::Subscribed(channel) = std::mem::replace(&mut self.state, State::Idle) {
            channel.close().await;
        }
    }

    /// A delivery in our terms, or why there will be no more on this subscription.
    fn understand(&self, delivered: Option<lapin::Result<AmqpDelivery>>) -> Result<Delivery, String> {
        match delivered {
            Some(Ok(delivery)) => Ok(understood(delivery, self.subscription)),
            Some(Err(error)) => Err(error.to_string()),
            None => Err("RabbitMQ ended the subscription, the queue may have been deleted".into()),
        }
    }
}

/// Tries until it succeeds or the queue is closed.
async fn subscribe(
    shared: Arc<Shared>,
    mut side: Side,
    source: SourceQueue,
    prefetch: u16,
) -> Result<Channel, ConsumeError> {
    let mut pause = Pause::default();
    let queue = shared.names.queue(source);
    loop {
        let link = side.next_link().await.ok_or(ConsumeError::Closed)?;
        let opening = open(&link, queue, source, prefetch);
        let reason = match timeout(shared.settings.connect_timeout, opening).await {
            Ok(Ok(channel)) => return Ok(channel),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        tracing::warn!(queue, reason, "subscribing failed and is tried again");
        sleep(pause.next()).await;
    }
}

async fn open(link: &Arc<Link>, queue: &str, source: SourceQueue, prefetch: u16) -> lapin::Result<Channel> {
    let mut channel = link.channel().await?;
    // Before the first delivery can come: the client's buffer has no bound of its own.
    channel.amqp().basic_qos(prefetch, BasicQosOptions::default()).await?;
    channel.consume(queue, source).await?;
    Ok(channel)
}

fn understood(delivery: AmqpDelivery, subscription: u64) -> Delivery {
    let properties = &delivery.properties;
    let text = |value: &Option<lapin::types::ShortString>| {
        value.as_ref().map(|text| text.as_str().to_owned()).unwrap_or_default()
    };
    let traceparent = properties.headers().as_ref().and_then(|headers| match headers.inner().get("traceparent") {
        Some(AMQPValue::LongString(value)) => String::from_utf8(value.as_bytes().to_vec()).ok(),
        Some(_) | None => None,
    });
    Delivery {
        tag: Tag { subscription, number: delivery.delivery_tag },
        redelivered: delivery.redelivered,
        message_type: text(properties.kind()),
        message_id: text(properties.message_id()).parse().ok(),
        traceparent,
        body: delivery.data,
    }
}
