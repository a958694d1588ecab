//! Whether the policies of `deploy/rabbitmq/policies.sh` are on the broker. A client cannot read policies, so one of them
//! is seen by what it does: it lets a queue of a certain name expire. That one is set last.
//!
//! Publishes nothing, so that an alarm of the broker cannot block the connection. Called by `mod.rs` only.

use std::sync::Arc;
use std::time::Duration;

use lapin::ErrorKind;
use lapin::options::{QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use tokio::time::{sleep, timeout};

use super::link::Link;
use super::pause::Pause;
use super::supervisor::Side;
use super::topology::{self, TopologyNames};
use crate::Policies;

/// How long the queue is left alone before each look. A look begins its time anew; the script gives it 50 ms.
const LOOKS: [Duration; 3] = [Duration::from_millis(200), Duration::from_millis(500), Duration::from_secs(1)];
const DEADLINE: Duration = Duration::from_secs(5);
/// How often a broker is asked that does not tell.
const ATTEMPTS: usize = 5;
const NOT_FOUND: u16 = 404;

/// Asks within a few seconds.
pub(super) async fn ask(link: &Arc<Link>, names: &TopologyNames) -> Policies {
    match timeout(DEADLINE, seen(link, &names.probe())).await {
        Ok(Ok(true)) => Policies::InForce,
        Ok(Ok(false)) => Policies::Missing,
        Ok(Err(error)) => Policies::Unknown(error.to_string()),
        Err(_) => Policies::Unknown("RabbitMQ did not answer in time".to_owned()),
    }
}

/// Asks as soon as the broker is there, and again if it does not tell.
pub(super) async fn warn_if_missing(mut side: Side, names: TopologyNames) {
    let mut pause = Pause::default();
    for _ in 0..ATTEMPTS {
        let Some(link) = side.next_link().await else { return };
        match ask(&link, &names).await {
            Policies::InForce => return tracing::info!("the broker has the queues' policies"),
            Policies::Missing => {
                tracing::warn!(
                    prefix = names.prefix(),
                    "the broker lacks the queues' policies, or has old ones: a long outage can fill its disk, and a \
                     message that kills its workers is delivered for ever; run deploy/rabbitmq/policies.sh"
                );
                return;
            }
            Policies::Unknown(reason) => tracing::debug!(reason, "the queues' policies cannot be seen yet"),
        }
        sleep(pause.next()).await;
    }
    tracing::warn!("whether the broker has the queues' policies could not be seen; `affitor doctor` says why");
}

async fn seen(link: &Arc<Link>, name: &str) -> lapin::Result<bool> {
    let channel = link.channel().await?;
    // Nobody else's, and gone with the connection at the latest.
    let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
    channel.amqp().queue_declare(name.into(), options, FieldTable::default()).await?;
    for pause in LOOKS {
        sleep(pause).await;
        match topology::waiting(channel.amqp(), name).await {
            Ok(_) => {}
            Err(error) if is_not_found(&error) => return Ok(true),
            Err(error) => return Err(error),
        }
    }
    channel.amqp().queue_delete(name.into(), QueueDeleteOptions::default()).await?;
    Ok(false)
}

fn is_not_found(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(refusal) if refusal.get_id() == NOT_FOUND)
}
