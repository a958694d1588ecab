//! A database that is away for longer than a broker would wait for acknowledgements: what a lane holds it gives back.
//! The lane runs in the test's own process, since a program's patience is minutes.

use std::time::Duration;

use lapin::{Channel, Connection, ConnectionProperties, options::QueueDeclareOptions, types::FieldTable};
use queue::{Queue, RabbitMqSettings, TopologyNames};
use runtime::{health::Health, lifecycle::Supervisor};
use serde_json::json;
use tests::{Client, Pipeline, PrivatePostgres, Servers, VISIBLE, eventually};
use tokio_util::sync::CancellationToken;
use worker::LaneSettings;

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
