//! Opens queues of their own for each test and cleans up behind it.

use std::future::Future;
use std::time::Duration;

use lapin::options::{ExchangeDeleteOptions, QueueDeleteOptions};
use lapin::{Channel, Connection, ConnectionProperties};
use queue::{Consumer, Delivery, EmbeddedSettings, Message, Queue, RabbitMqSettings, Readiness, TopologyNames};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tokio::time::timeout;
use uuid::Uuid;

/// Longer than anything here may take; only a hang reaches it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn amqp_url() -> String {
    std::env::var("TEST_AMQP_URL")
        .expect("TEST_AMQP_URL is not set and this test needs a RabbitMQ: run ./tests/run.sh, which starts one")
}

/// A queue on the broker with names of its own.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) queue: Queue,
    pub(crate) names: TopologyNames,
}

/// Runs a test on RabbitMQ and deletes its exchanges and queues, also when it fails.
pub(crate) async fn on_rabbitmq<T: Future<Output = ()> + Send + 'static>(test: impl FnOnce(Stage) -> T) {
    on_rabbitmq_with(|_| {}, test).await;
}

pub(crate) async fn on_rabbitmq_with<T: Future<Output = ()> + Send + 'static>(
    adjust: impl FnOnce(&mut RabbitMqSettings),
    test: impl FnOnce(Stage) -> T,
) {
    let unique = std::process::id();
    let random = Uuid::from_u128(u128::from(getrandom::u64().unwrap())).simple().to_string();
    let mut settings = RabbitMqSettings {
        amqp_uri: amqp_url(),
        prefix: format!("test-{unique}-{}", &random[16..]),
        ..RabbitMqSettings::default()
    };
    adjust(&mut settings);
    let names = TopologyNames::new(&settings.prefix);
    let queue = Queue::rabbitmq(settings.clone()).await.unwrap();
    let stage = Stage { queue: queue.clone(), names: names.clone() };
    let outcome = tokio::spawn(test(stage)).await;
    queue.close().await;
    let admin = Admin::connect().await;
    for name in [&names.events_queue, &names.unrouted, &names.dead] {
        admin.delete_queue(name).await;
    }
    for name in [&names.events_exchange, &names.unrouted, &names.dead] {
        let (name, options) = (name.as_str().into(), ExchangeDeleteOptions::default());
        admin.channel.exchange_delete(name, options).await.unwrap();
    }
    if let Err(failure) = outcome {
        std::panic::resume_unwind(failure.into_panic());
    }
}

/// What an operator could do to the broker behind the product's back.
pub(crate) struct Admin {
    pub(crate) channel: Channel,
    _connection: Connection,
}

impl Admin {
    pub(crate) async fn connect() -> Self {
        let connection = Connection::connect(&amqp_url(), ConnectionProperties::default()).await.unwrap();
        Self { channel: connection.create_channel().await.unwrap(), _connection: connection }
    }

    pub(crate) async fn delete_queue(&self, name: &str) {
        self.channel.queue_delete(name.into(), QueueDeleteOptions::default()).await.unwrap();
    }
}

/// A database of its own in a temporary directory.
pub(crate) struct Embedded {
    pub(crate) writer: SqlitePool,
    _directory: tempfile::TempDir,
}

impl Embedded {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new()
            .filename(directory.path().join("queue.db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
        Self { writer, _directory: directory }
    }

    /// The directory is gone when this is dropped, the open database is not.
    pub(crate) async fn open(&self) -> Queue {
        self.open_with(EmbeddedSettings::default()).await
    }

    pub(crate) async fn open_with(&self, settings: EmbeddedSettings) -> Queue {
        Queue::embedded(self.writer.clone(), settings).await.unwrap()
    }
}

pub(crate) fn message(number: u32) -> Message {
    Message {
        id: Uuid::from_u128(u128::from(number) + 1),
        body: number.to_be_bytes().to_vec(),
        events: 1,
        traceparent: None,
    }
}

pub(crate) fn number(delivery: &Delivery) -> u32 {
    u32::from_be_bytes(delivery.body.as_slice().try_into().unwrap())
}

/// Waits until the queue accepts messages.
pub(crate) async fn ready(queue: &Queue) {
    told(queue, |readiness| *readiness == Readiness::Ready).await;
}

pub(crate) async fn told(queue: &Queue, expected: impl FnMut(&Readiness) -> bool) -> Readiness {
    let mut readiness = queue.readiness();
    timeout(PATIENCE, readiness.wait_for(expected)).await.expect("readiness").unwrap().clone()
}

pub(crate) fn reason(readiness: Readiness) -> String {
    match readiness {
        Readiness::Ready => panic!("ready"),
        Readiness::NotReady(reason) => reason,
    }
}

pub(crate) async fn publish(queue: &Queue, numbers: impl IntoIterator<Item = u32>) {
    ready(queue).await;
    let mut channel = queue.publishing_channel();
    for number in numbers {
        channel.publish(message(number)).await.unwrap();
    }
}

pub(crate) async fn next(consumer: &mut Consumer) -> Delivery {
    timeout(PATIENCE, consumer.next()).await.expect("a delivery in time").unwrap()
}

/// The next `count` messages' numbers, and the last tag.
pub(crate) async fn take(consumer: &mut Consumer, count: usize) -> (Vec<u32>, queue::Tag) {
    let mut numbers = Vec::new();
    loop {
        let delivery = next(consumer).await;
        numbers.push(number(&delivery));
        if numbers.len() == count {
            return (numbers, delivery.tag);
        }
    }
}

/// The broker's count may lag behind a moment.
pub(crate) async fn depth_becomes(queue: &Queue, expected: u64) {
    let mut last = None;
    let reached = timeout(PATIENCE, async {
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        while last != Some(expected) {
            pause.tick().await;
            last = Some(queue.depth().await.unwrap());
        }
    });
    assert!(reached.await.is_ok(), "expected {expected}, found {last:?}");
}
