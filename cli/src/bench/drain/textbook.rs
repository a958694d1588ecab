//! The usual worker, as textbooks have it: one message per lead, one row per transaction, an acknowledgement for each.
//!
//! It is spared what the product does besides: it looks up no click, attributes nothing and keeps no account. Run by the
//! bench in a process of its own; its queue is filled by `fill`.

use super::ground::Ground;
use super::product::servers_of;
use crate::bench::child::Child;
use crate::bench::machine::Watch;
use crate::bench::place::Place;
use crate::bench::roles::{Role, with_queue};
use crate::bench::round::Turn;
use crate::bench::words::cannot;
use crate::failure::Failure;
use domain::Ident;
use domain::event::Event;
use domain::identity::CustomerKey;
use domain::pack::{decode_record, encode_record};
use futures_util::TryStreamExt;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
    QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// What tutorials recommend.
const PREFETCH: u16 = 100;
/// Messages that are published before the first of them is confirmed.
const WINDOW: usize = 1_000;
const PERSISTENT: u8 = 2;
const LOOK: Duration = Duration::from_millis(2);
/// Counting costs more than looking at an account.
const LOOK_AT_STORE: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(120);

/// The row of a new customer's lead. What is there already is left as it is.
const INSERT: &str = "/* textbook */
INSERT INTO customers (program_id, ident, customer_key, event_id, class, click, claim, detail, recorded_at, status,
  reason, counted_event, counted_class, email_mask)
VALUES ($1, $2, $3, $4, $5, $6, $6, $7, now(), 1, 1, $4, $5, $8) ON CONFLICT DO NOTHING";

/// Makes the queue and fills it with a message for each event, all of them confirmed.
///
/// # Errors
/// The broker does not take them.
async fn fill(broker: &Connection, queue: &str, events: &[Event]) -> Result<(), Failure> {
    let bodies = events.iter().map(encode_record).collect::<Result<Vec<_>, _>>();
    let bodies = bodies.map_err(cannot("an event cannot be encoded"))?;
    let filled = async {
        let channel = broker.create_channel().await?;
        declare(&channel, queue).await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        for window in bodies.chunks(WINDOW) {
            let mut confirms = Vec::with_capacity(window.len());
            for body in window {
                let properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
                let options = BasicPublishOptions::default();
                confirms.push(channel.basic_publish("".into(), queue.into(), options, body, properties).await?);
            }
            for confirm in confirms {
                confirm.await?;
            }
        }
        channel.close(200, "done".into()).await
    };
    filled.await.map_err(cannot("the textbook's queue cannot be filled"))
}

/// The same kind of queue as the product's. Returns how many messages wait in it.
async fn declare(channel: &Channel, queue: &str) -> lapin::Result<u32> {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    Ok(channel.queue_declare(queue.into(), options, arguments).await?.message_count())
}

/// Drains messages of these leads into that database with so many lanes.
///
/// # Errors
/// The worker ends, or takes far too long.
pub(super) async fn drain(place: &Place, ground: &Ground<'_>, lanes: u32, events: &[Event]) -> Result<Turn, Failure> {
    let servers = place.servers()?;
    let (broker, queue) = (servers.broker().await?, servers.message_queue());
    fill(&broker, &queue, events).await?;
    let watch = servers_of(place)?;
    let mut connection = ground.connect().await?;
    let mut environment = place.environment();
    environment.push(ground.environment());
    environment.push(("AFFITOR_WORKER__LANES".to_owned(), lanes.to_string()));
    environment.extend(with_queue(&queue, &place.key));
    let channel = broker.create_channel().await.map_err(cannot("no channel"))?;
    let waiting = waiting_in(&channel, &queue).await?;
    let (child, (begun, before)) = tokio::try_join!(
        Child::start(Role::Textbook, environment),
        first_taken(&channel, &queue, waiting, watch.clone())
    )?;
    until_stored(&mut connection, events.len()).await?;
    let took = begun.elapsed();
    let mut cpu = vec![("worker", child.process.cpu().unwrap_or_default())];
    cpu.extend(watch.since(&before));
    child.stop().await?;
    broker.close(200, "done".into()).await.map_err(cannot("the connection to the broker does not close"))?;
    Ok(Turn { leads: events.len() as u64, took, cpu, latency: None })
}

/// Waits until the first of so many messages is taken; the moment, and the CPU time up to it.
async fn first_taken(
    channel: &Channel,
    queue: &str,
    waiting: u32,
    watch: Watch,
) -> Result<(Instant, Vec<Option<Duration>>), Failure> {
    while waiting_in(channel, queue).await? >= waiting.max(1) {
        sleep(LOOK).await;
    }
    Ok((Instant::now(), watch.read()))
}

async fn waiting_in(channel: &Channel, queue: &str) -> Result<u32, Failure> {
    declare(channel, queue).await.map_err(cannot("the textbook's queue does not tell what waits"))
}

async fn until_stored(connection: &mut PgConnection, leads: usize) -> Result<(), Failure> {
    let begun = Instant::now();
    loop {
        let stored: i64 = sqlx::query_scalar("SELECT count(*) FROM customers")
            .fetch_one(&mut *connection)
            .await
            .map_err(cannot("customers cannot be counted"))?;
        if stored.unsigned_abs() >= leads as u64 {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            return Err(Failure::Found(format!("the textbook worker has stored {stored} of {leads} leads")));
        }
        sleep(LOOK_AT_STORE).await;
    }
}

/// One lane: runs until the connection to the broker ends.
///
/// # Errors
/// Broker or database fail.
pub(in crate::bench) async fn lane(
    broker: &Connection,
    queue: &str,
    database: &PgConnectOptions,
) -> Result<(), Failure> {
    let mut connection = database.connect().await.map_err(cannot("the database cannot be reached"))?;
    let consumed = async {
        let channel = broker.create_channel().await?;
        declare(&channel, queue).await?;
        channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
        let consuming = BasicConsumeOptions::default();
        channel.basic_consume(queue.into(), "".into(), consuming, FieldTable::default()).await
    };
    let mut deliveries = consumed.await.map_err(cannot("the textbook's queue cannot be consumed"))?;
    while let Some(delivery) = deliveries.try_next().await.map_err(cannot("the textbook's queue is lost"))? {
        store(&mut connection, &delivery.data).await?;
        delivery.ack(BasicAckOptions::default()).await.map_err(cannot("a message cannot be acknowledged"))?;
    }
    Ok(())
}

async fn store(connection: &mut PgConnection, message: &[u8]) -> Result<(), Failure> {
    let event = decode_record(message).map_err(cannot("a message cannot be read"))?;
    let Event::Lead(lead) = event else { return Ok(()) };
    let click = lead.click.map(|click| Ident::of_click(lead.test, click).uuid());
    let insert = sqlx::query(INSERT).bind(lead.program.get()).bind(lead.ident().uuid());
    let insert = insert.bind(lead.customer_key.as_ref().map(CustomerKey::as_str)).bind(lead.id.uuid());
    let insert = insert.bind(lead.class().code()).bind(click).bind(lead.detail.0.as_deref());
    let insert = insert.bind(lead.email.as_ref().map(|email| email.mask.as_str()));
    insert.execute(connection).await.map(drop).map_err(cannot("a lead cannot be stored"))
}
