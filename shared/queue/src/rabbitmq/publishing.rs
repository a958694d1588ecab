//! Publishing on a channel of its own, one message in flight. Called by `queue.rs` only.
//!
//! One message at a time because the client pairs confirms and returns with messages by counting:
//! with more in flight, or with two tasks on one channel, a confirm can answer the wrong message.

use std::sync::Arc;

use domain::pack::PACK_TYPE;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Confirmation};
use tokio::time::{Instant, timeout_at};

use super::Shared;
use super::link::{Channel, Link};
use super::supervisor::Side;
use crate::{Message, PublishError};

/// On disk, not only in memory; also what quorum queues assume.
const PERSISTENT: u8 = 2;

pub(crate) struct PublishingChannel {
    shared: Arc<Shared>,
    side: Side,
    /// Open and with nothing in flight, or none.
    idle: Option<Channel>,
}

impl PublishingChannel {
    pub(super) fn new(shared: Arc<Shared>, side: Side) -> Self {
        Self { shared, side, idle: None }
    }

    pub(crate) async fn publish(&mut self, message: Message) -> Result<(), PublishError> {
        let link = self.side.link().map_err(PublishError::NotAccepted)?;
        let deadline = Instant::now() + self.shared.settings.publish_deadline;
        // Taken out, and put back only with an answer: after a deadline, a fault or a dropped call
        // the channel goes with everything that could still arrive on it.
        let channel = match self.idle.take().filter(|channel| channel.is_open_on(&link)) {
            Some(channel) => channel,
            None => match timeout_at(deadline, open(&link)).await {
                Ok(Ok(channel)) => channel,
                Ok(Err(error)) => return Err(PublishError::NotAccepted(error.to_string())),
                Err(_) => return Err(PublishError::NotAccepted("no channel in time".into())),
            },
        };
        let confirmation = match timeout_at(deadline, self.send(&channel, &message)).await {
            Ok(Ok(confirmation)) => confirmation,
            Ok(Err(error)) => return Err(PublishError::Unknown(error.to_string())),
            Err(_) => return Err(PublishError::Unknown("no confirm in time".into())),
        };
        let outcome = judge(confirmation, &message);
        if !matches!(outcome, Err(PublishError::Unknown(_))) {
            self.idle = Some(channel);
        }
        outcome
    }

    async fn send(&self, channel: &Channel, message: &Message) -> lapin::Result<Confirmation> {
        let names = &self.shared.names;
        // Mandatory: if even the alternate exchange has no queue, the message comes back.
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        channel
            .amqp()
            .basic_publish(
                names.events_exchange.as_str().into(),
                names.events_queue.as_str().into(),
                options,
                &message.body,
                properties(message),
            )
            .await?
            .await
    }
}

async fn open(link: &Arc<Link>) -> lapin::Result<Channel> {
    let channel = link.channel().await?;
    channel.amqp().confirm_select(ConfirmSelectOptions::default()).await?;
    Ok(channel)
}

fn properties(message: &Message) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert("events".into(), AMQPValue::LongUInt(message.events));
    if let Some(traceparent) = &message.traceparent {
        headers.insert("traceparent".into(), AMQPValue::LongString(traceparent.as_str().into()));
    }
    BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_type(PACK_TYPE.into())
        .with_content_type("application/octet-stream".into())
        .with_message_id(message.id.to_string().into())
        .with_headers(headers)
}

/// Only an acknowledgement without a returned message means that a queue has it.
fn judge(confirmation: Confirmation, message: &Message) -> Result<(), PublishError> {
    match confirmation {
        Confirmation::Ack(None) => Ok(()),
        Confirmation::Nack(None) => Err(PublishError::NotAccepted("RabbitMQ refused it, the queue may be full".into())),
        Confirmation::Ack(Some(returned)) | Confirmation::Nack(Some(returned)) => {
            let id = returned.properties.message_id().as_ref().map(|id| id.as_str().to_owned());
            if id == Some(message.id.to_string()) {
                Err(PublishError::NotAccepted("RabbitMQ has no queue for it".into()))
            } else {
                Err(PublishError::Unknown("RabbitMQ returned another message".into()))
            }
        }
        Confirmation::NotRequested => Err(PublishError::Unknown("the channel does not confirm".into())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use uuid::Uuid;

    use super::*;

    fn judged(confirmation: Confirmation) -> Result<(), PublishError> {
        let message = Message { id: Uuid::from_u128(7), body: Vec::new(), events: 0, traceparent: None };
        judge(confirmation, &message)
    }

    #[test]
    fn only_an_acknowledgement_counts_as_published() {
        assert_eq!(judged(Confirmation::Ack(None)), Ok(()));
        assert!(matches!(judged(Confirmation::Nack(None)), Err(PublishError::NotAccepted(_))));
        assert!(matches!(judged(Confirmation::NotRequested), Err(PublishError::Unknown(_))));
    }
}
