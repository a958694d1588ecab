//! Consuming on a channel of its own. Any fault ends the subscription whole; the broker then
//! delivers everything unsettled again. Called by `queue.rs` only.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use lapin::message::Delivery as AmqpDelivery;
use lapin::options::{BasicAckOptions, BasicQosOptions};
use lapin::types::AMQPValue;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::Shared;
use super::link::{Channel, Link};
use super::pause::Pause;
use super::supervisor::Side;
use crate::{ConsumeError, Delivery, SourceQueue, Tag, meters};

/// How long a consumer that stops waits for what is on its way, and how long a silence means that nothing is.
const ON_ITS_WAY: Duration = Duration::from_secs(1);
const SILENCE: Duration = Duration::from_millis(100);
/// For the broker to agree that a subscription has ended.
const CANCEL_DEADLINE: Duration = Duration::from_secs(1);

pub(crate) struct Consumer {
    shared: Arc<Shared>,
    side: Side,
    source: SourceQueue,
    prefetch: u16,
    /// Grows with each subscription, so that a tag is never taken for one of another channel.
    subscription: u64,
    /// The last tag acknowledged; to name it again would make the broker close the channel.
    settled: u64,
    /// The last tag that came.
    came: u64,
    /// What came while the consumer was stopping.
    ahead: VecDeque<Delivery>,
    stopped: bool,
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
        let (subscription, settled, came, stopped) = (0, 0, 0, false);
        let (ahead, state) = (VecDeque::new(), State::Idle);
        Self { shared, side, source, prefetch, subscription, settled, came, ahead, stopped, state }
    }

    pub(crate) async fn next(&mut self) -> Result<Delivery, ConsumeError> {
        loop {
            if let Some(delivery) = self.ahead.pop_front() {
                return Ok(delivery);
            }
            match &mut self.state {
                State::Lost(reason) => {
                    let reason = std::mem::take(reason);
                    self.state = State::Idle;
                    return Err(ConsumeError::Lost(reason));
                }
                _ if self.stopped => return Err(ConsumeError::Closed),
                State::Idle => {
                    let subscribing =
                        subscribe(Arc::clone(&self.shared), self.side.clone(), self.source, self.prefetch);
                    self.state = State::Subscribing(Box::pin(subscribing));
                }
                State::Subscribing(_) => self.finish_subscribing().await?,
                State::Subscribed(channel) => {
                    let delivered = channel.delivered().await;
                    self.take_in(delivered);
                }
            }
        }
    }

    pub(crate) fn try_next(&mut self) -> Option<Delivery> {
        if self.ahead.is_empty()
            && let State::Subscribed(channel) = &mut self.state
        {
            let delivered = channel.delivered().now_or_never()?;
            self.take_in(delivered);
        }
        self.ahead.pop_front()
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
        self.end(State::Idle);
        Err(ConsumeError::Lost(failure))
    }

    /// A quorum queue takes back, and marks, what it has sent to a subscription that ends before
    /// the channel has seen it. So the end waits until all has come that may come without another
    /// acknowledgement, or nothing comes any more.
    pub(crate) async fn stop(&mut self) {
        if std::mem::replace(&mut self.stopped, true) {
            return;
        }
        // What a subscription that is just being made is sent would go back marked too.
        let _ = timeout(ON_ITS_WAY, self.finish_subscribing()).await;
        self.fill().await;
        let State::Subscribed(channel) = &mut self.state else { return };
        match timeout(CANCEL_DEADLINE, channel.cancel()).await {
            Ok(Ok(())) => self.take_in_what_is_here(),
            Ok(Err(error)) => self.end(State::Lost(error.to_string())),
            Err(_) => self.end(State::Lost("the subscription could not be ended in time".into())),
        }
    }

    pub(crate) async fn give_back(&mut self) {
        self.ahead.clear();
        if let State::Subscribed(channel) = std::mem::replace(&mut self.state, State::Idle) {
            channel.close().await;
        }
    }

    async fn finish_subscribing(&mut self) -> Result<(), ConsumeError> {
        if let State::Subscribing(subscribing) = &mut self.state {
            let subscribed = subscribing.await;
            self.state = State::Idle;
            self.state = State::Subscribed(Box::new(subscribed?));
            self.subscription += 1;
            (self.settled, self.came) = (0, 0);
        }
        Ok(())
    }

    async fn fill(&mut self) {
        let end = Instant::now() + ON_ITS_WAY;
        while self.came - self.settled < u64::from(self.prefetch)
            && let State::Subscribed(channel) = &mut self.state
        {
            let silence = Instant::now() + SILENCE;
            match timeout_at(silence.min(end), channel.delivered()).await {
                Ok(delivered) => self.take_in(delivered),
                Err(_) => return,
            }
        }
    }

    /// The stream of a subscription that was ended ends too, after what came before.
    fn take_in_what_is_here(&mut self) {
        while let State::Subscribed(channel) = &mut self.state
            && let Some(Some(delivered)) = channel.delivered().now_or_never()
        {
            self.take_in(Some(delivered));
        }
    }

    /// A delivery in our terms, or the end of the subscription.
    fn take_in(&mut self, delivered: Option<lapin::Result<AmqpDelivery>>) {
        match delivered {
            Some(Ok(delivery)) => {
                self.came = delivery.delivery_tag;
                meters::redelivered(self.source).increment(u64::from(delivery.redelivered));
                self.ahead.push_back(understood(delivery, self.subscription));
            }
            Some(Err(error)) => self.end(State::Lost(error.to_string())),
            None => {
                self.end(State::Lost("RabbitMQ ended the subscription, the queue may have been deleted".into()));
            }
        }
    }

    /// What came with the subscription and was not taken comes again.
    fn end(&mut self, state: State) {
        self.ahead.clear();
        self.state = state;
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
