//! What a part says when it cannot work, beyond a server that is away.

use std::time::Duration;

use lapin::{
    Connection, ConnectionProperties,
    options::{QueueDeclareOptions, QueueDeleteOptions},
    types::FieldTable,
};
use queue::TopologyNames;
use reqwest::Method;
use tests::{Answer, Client, Pipeline, Process, START, VISIBLE, eventually, fresh_database};

async fn started(pipeline: &Pipeline, binary: &str, more: &[(&str, &str)]) -> Process {
    let mut process = pipeline.process(binary, &[], more);
    process.wait_for_url(START, &format!("{}/healthz", pipeline.metrics(binary))).await;
    process
}

/// Waits until `/readyz` is a 503 with that in its reasons.
async fn not_ready(pipeline: &Pipeline, binary: &str, text: &str) {
    let base = pipeline.metrics(binary);
    let client = Client::at(&base, &base);
    eventually(VISIBLE, async || {
        let answer = Answer::to(client.request(Method::GET, "/readyz")).await;
        let reasons = answer.json()["reasons"].to_string();
        if answer.status == 503 && reasons.contains(text) { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
}

#[tokio::test]
async fn a_queue_with_other_arguments_is_a_reason_until_it_is_gone() {
    let pipeline = Pipeline::prepared().await;
    let settings = &pipeline.settings().queue;
    let names = TopologyNames::new(&settings.name_prefix);
    let queue = names.events_queue.as_str();
    let broker = Connection::connect(settings.amqp_url.expose(), ConnectionProperties::default()).await.unwrap();
    let channel = broker.create_channel().await.unwrap();
    channel.queue_declare(queue.into(), QueueDeclareOptions::durable(), FieldTable::default()).await.unwrap();
    let mut ingest = started(&pipeline, "ingest", &[]).await;
    not_ready(&pipeline, "ingest", "other arguments").await;
    channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
    ingest.wait_for_url(VISIBLE, &format!("{}/readyz", pipeline.metrics("ingest"))).await;
}

#[tokio::test]
async fn a_database_without_its_schema_is_a_reason_until_it_is_migrated() {
    let (pipeline, empty) = (Pipeline::prepared().await, fresh_database().await);
    let database = [("AFFITOR_STORE__DATABASE_URL", empty.url())];
    let mut worker = started(&pipeline, "worker", &database).await;
    not_ready(&pipeline, "worker", "migrate").await;
    let mut migrate = pipeline.process("worker", &["migrate"], &database);
    assert!(migrate.wait_for_end(START).await.success(), "{}", migrate.output());
    worker.wait_for_url(Duration::from_secs(5), &format!("{}/readyz", pipeline.metrics("worker"))).await;
}
