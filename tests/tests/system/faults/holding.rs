//! What a worker holds while the database does not take it: never more than so many bytes; and when that lasts longer than
//! a broker would wait for acknowledgements, it gives it back.

use std::time::Duration;

use domain::pack::{self, PackHeader, PackWriter};
use domain::scenario::{click, server};
use lapin::options::{BasicPublishOptions, QueueDeclareOptions};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, types::FieldTable};
use queue::{Queue, RabbitMqSettings, TopologyNames};
use reqwest::Method;
use runtime::{health::Health, lifecycle::Supervisor};
use serde_json::json;
use sqlx::{Executor, PgPool};
use store::batch::Batch;
use tests::{Answer, Client, Pipeline, PrivatePostgres, Servers, VISIBLE, eventually};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use worker::LaneSettings;

use super::MEMORY;

/// Packs of almost a mebibyte, and how many of them a worker with the usual settings is handed.
const LARGE: u32 = 140;
const HANDED: u32 = 128;

/// Waits until the queue has so many messages that nobody holds, and so many subscribers.
async fn shows(channel: &Channel, queue: &str, wanted: (u32, u32)) {
    eventually(VISIBLE, async || {
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let shown = channel.queue_declare(queue.into(), passive, FieldTable::default()).await.unwrap();
        let shown = (shown.message_count(), shown.consumer_count());
        if shown == wanted { Ok(()) } else { Err(format!("{} messages, {} subscribers", shown.0, shown.1)) }
    })
    .await;
}

/// As many leads as fit into a bulk request, each with as much beside it as may be.
fn large_request(number: u32) -> serde_json::Value {
    let beside = json!({"note": "x".repeat(3_900)});
    let lead = |lead| json!({"customer_key": format!("u{number}-{lead}"), "additional_data": beside});
    json!({"leads": (0..250).map(lead).collect::<Vec<_>>()})
}

#[tokio::test]
async fn a_worker_that_is_handed_the_largest_packs_while_the_database_does_not_answer_stays_small() {
    let pipeline = Pipeline::prepared().await;
    let (program, client) = (pipeline.program().await, Client::of(&pipeline));
    let _ingest = pipeline.start("ingest").await;
    let settings = pipeline.settings();
    let database = PgPool::connect(settings.store.database_url.expose()).await.unwrap();
    let mut lock = database.begin().await.unwrap();
    lock.execute("LOCK TABLE packs IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let mut worker = pipeline.start("worker").await;
    for number in 0..LARGE {
        let bulk = client.request(Method::POST, "/api/v1/track/leads").bearer_auth(&program.api_key);
        let answer = Answer::to(bulk.json(&large_request(number))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let amqp_url = settings.queue.amqp_url.expose();
    let broker = Connection::connect(amqp_url, ConnectionProperties::default()).await.unwrap();
    let (channel, names) = (broker.create_channel().await.unwrap(), TopologyNames::new(&settings.queue.name_prefix));
    shows(&channel, &names.events_queue, (LARGE - HANDED, 2)).await;
    let held = worker.peak_memory();
    lock.rollback().await.unwrap();
    shows(&channel, &names.events_queue, (0, 2)).await;
    let applied = worker.peak_memory();
    println!("{HANDED} packs of a mebibyte: memory_mib held {held}, applied {applied}");
    assert!(held <= MEMORY && applied <= MEMORY);
    worker.kill();
    database.close().await;
}

/// The lane runs in the test's own process, since a program's patience is minutes.
#[tokio::test]
async fn what_is_held_while_the_database_is_away_for_long_is_given_back_and_taken_when_it_is_there() {
    let mut postgres = PrivatePostgres::start(&[]).await;
    let pipeline = Pipeline::prepared_on(&Servers::from_env().amqp_url, &postgres.url()).await;
    let (program, client) = (pipeline.program().await, Client::of(&pipeline));
    let _ingest = pipeline.start("ingest").await;
    assert_eq!(client.send_lead(&program, &json!({"customer_key": "u1"})).await.status, 200);
    let settings = &pipeline.settings().queue;
    let (amqp_uri, prefix) = (settings.amqp_url.expose().to_owned(), settings.name_prefix.clone());
    let broker = Connection::connect(&amqp_uri, ConnectionProperties::default()).await.unwrap();
    let (channel, events) = (broker.create_channel().await.unwrap(), TopologyNames::new(&prefix).events_queue);
    shows(&channel, &events, (1, 0)).await;
    let store = pipeline.store().await;
    let queue = Queue::rabbitmq(RabbitMqSettings { amqp_uri, prefix, ..RabbitMqSettings::default() }).await.unwrap();
    postgres.stop_immediately().await;

    let stop = CancellationToken::new();
    let mut supervisor = Supervisor::new(stop.clone());
    let lane = LaneSettings { hold_limit: Duration::from_millis(500), ..LaneSettings::default() };
    worker::spawn_lanes(&mut supervisor, &queue, &store, 1, lane, &Health::new());
    shows(&channel, &events, (0, 1)).await;
    shows(&channel, &events, (1, 0)).await;
    postgres.start_again().await;
    let stored = pipeline.stored().await;
    eventually(VISIBLE, async || match stored.events().await {
        1 => Ok(()),
        events => Err(format!("{events} stored")),
    })
    .await;
    stored.close().await;
    shows(&channel, &events, (0, 1)).await;
    stop.cancel();
    supervisor.run().await.unwrap();
    queue.close().await;
}

/// As if a worker had ended between two of the transactions in which they are judged who wait for one click.
#[tokio::test]
async fn a_stored_click_whose_message_the_broker_gives_up_is_still_found_by_who_waits_for_it() {
    let pipeline = Pipeline::prepared().await;
    pipeline.program().await;
    let store = pipeline.store().await;
    let lead = server(1).key("usr_1").click(&click(1)).event();
    store.session().apply(&Batch { events: vec![lead], ..Batch::default() }).await.unwrap();
    let settings = pipeline.settings();
    let database = PgPool::connect(settings.store.database_url.expose()).await.unwrap();
    database.execute("UPDATE clicks SET recorded_at = now(), link_id = 1").await.unwrap();
    let _ingest = pipeline.start("ingest").await;
    let header = PackHeader { run: Uuid::new_v4(), number: 1, confirmed_before: 0, unconfirmed: vec![] };
    let mut writer = PackWriter::new(&header);
    assert!(writer.push(&pack::encode_record(&click(1).event()).unwrap()));
    let broker = Connection::connect(settings.queue.amqp_url.expose(), ConnectionProperties::default()).await.unwrap();
    let (channel, dead) =
        (broker.create_channel().await.unwrap(), TopologyNames::new(&settings.queue.name_prefix).dead);
    let properties = BasicProperties::default().with_type(pack::PACK_TYPE.into());
    let options = BasicPublishOptions::default();
    channel.basic_publish("".into(), dead.as_str().into(), options, &writer.finish(), properties).await.unwrap();
    shows(&channel, &dead, (1, 0)).await;
    let worker = pipeline.start("worker").await;
    eventually(VISIBLE, async || {
        let counts =
            "SELECT (SELECT count(*) FROM customers WHERE link_id IS NOT NULL), (SELECT count(*) FROM waiters),
            (SELECT count(*) FROM dead_letters), (SELECT count(*) FROM packs) + (SELECT count(*) FROM pack_ranges)";
        let counts: (i64, i64, i64, i64) = sqlx::query_as(counts).fetch_one(&database).await.unwrap();
        if counts == (1, 0, 0, 1) { Ok(()) } else { Err(format!("{counts:?}; {}", worker.output())) }
    })
    .await;
    database.close().await;
}
