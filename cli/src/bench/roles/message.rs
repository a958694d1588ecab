//! The usual service with a queue: one persistent message per lead on a quorum queue, answered when it is confirmed.
//!
//! Written well: checked and encoded as the product does, confirms awaited by their requests at the same time, and each
//! channel in the hands of one task, since confirms of tasks that share a channel get mixed up.

use super::baseline::{LEAD, failed, serve_until_stopped, taken, whole};
use crate::bench::words::cannot;
use crate::failure::Failure;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{Response, StatusCode};
use axum::routing::post;
use domain::event::Source;
use domain::keyring::Keyring;
use domain::pack::encode_record;
use domain::program::Terms;
use domain::request::LeadRequest;
use domain::{ApiKey, ClickId, Event, EventId, LeadEvent, ProgramId, Timestamp};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use lapin::{Confirmation, PublisherConfirm};
use runtime::config::Settings;
use runtime::secret::Secrets;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, oneshot};

/// Many confirms in flight on one channel cost more than linearly.
const CHANNELS: usize = 4;
const WAITING: usize = 1_024;
const PERSISTENT: u8 = 2;

type Message = (Vec<u8>, oneshot::Sender<Option<PublisherConfirm>>);

struct Service {
    channels: Vec<mpsc::Sender<Message>>,
    count: AtomicU64,
    chance: RandomState,
    secrets: Secrets,
    key: [u8; 32],
    program: ProgramId,
}

pub(super) async fn run(settings: &Settings, queue: &str, key: &str) -> Result<(), Failure> {
    let connected = Connection::connect(settings.queue.amqp_url.expose(), ConnectionProperties::default()).await;
    let connection = connected.map_err(cannot("no broker"))?;
    let mut channels = Vec::new();
    for _ in 0..CHANNELS {
        let channel = open(&connection, queue).await.map_err(cannot("no channel"))?;
        let (sender, messages) = mpsc::channel(WAITING);
        tokio::spawn(publish_all(channel, queue.to_owned(), messages));
        channels.push(sender);
    }
    let key = ApiKey::parse(key).map_err(|_| Failure::Usage("this role needs a key".to_owned()))?.digest();
    let program = ProgramId::new(1).ok_or_else(|| Failure::Usage("1 is no program".to_owned()))?;
    let secrets = settings.secrets.parse().map_err(Failure::Settings)?;
    let (count, chance) = (AtomicU64::new(0), RandomState::new());
    let service = Arc::new(Service { channels, count, chance, secrets, key, program });
    serve_until_stopped(settings, Router::new().route(LEAD, post(take)).with_state(service)).await
}

async fn open(connection: &Connection, queue: &str) -> lapin::Result<Channel> {
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(queue.into(), durable, arguments).await?;
    Ok(channel)
}

/// Publishes one after the other and hands the confirms to whoever waits for them.
async fn publish_all(channel: Channel, queue: String, mut messages: mpsc::Receiver<Message>) {
    let properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
    while let Some((body, reply)) = messages.recv().await {
        let options = BasicPublishOptions::default();
        let sent = channel.basic_publish("".into(), queue.as_str().into(), options, &body, properties.clone()).await;
        // A request that is gone needs no confirm.
        let _gone = reply.send(sent.ok());
    }
}

async fn take(State(service): State<Arc<Service>>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let token = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if !token.and_then(|token| ApiKey::parse(token).ok()).is_some_and(|key| key.has_digest(&service.key)) {
        return failed(StatusCode::UNAUTHORIZED);
    }
    let body = whole(body).await.unwrap_or_default();
    let ordinal = service.count.fetch_add(1, Ordering::Relaxed);
    let entropy = service.chance.hash_one(ordinal);
    let Some(record) = record(&body, &service.secrets, service.program, entropy) else {
        return failed(StatusCode::BAD_REQUEST);
    };
    let channel = &service.channels[ordinal as usize % service.channels.len()];
    if confirmed(channel, record).await { taken() } else { failed(StatusCode::SERVICE_UNAVAILABLE) }
}

async fn confirmed(channel: &mpsc::Sender<Message>, record: Vec<u8>) -> bool {
    let (reply, sent) = oneshot::channel();
    if channel.send((record, reply)).await.is_err() {
        return false;
    }
    let Ok(Some(confirm)) = sent.await else { return false };
    matches!(confirm.await, Ok(Confirmation::Ack(None)))
}

fn record(body: &[u8], secrets: &Secrets, program: ProgramId, entropy: u64) -> Option<Vec<u8>> {
    let request = LeadRequest::parse(body, &secrets.email).ok()?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    let lead = LeadEvent {
        id: EventId::mint(Timestamp::from_micros(i64::try_from(since.as_micros()).ok()?), entropy),
        program,
        test: false,
        source: Source::Server,
        terms: Terms::default(),
        click: genuine(request.click_id.as_deref(), &secrets.click),
        customer_key: request.customer_key,
        click_ids: Vec::new(),
        foreign_click: false,
        email: request.email,
        detail: request.details.render(),
    };
    encode_record(&Event::Lead(lead)).ok()
}

fn genuine(text: Option<&str>, secrets: &Keyring) -> Option<ClickId> {
    ClickId::verify(text?, secrets)
}
