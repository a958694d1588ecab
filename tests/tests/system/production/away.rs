//! What clients and operators see while a server is away.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Client, Pipeline, Process, START, VISIBLE, eventually, free_port};

/// The longest that a client waits for a lead that cannot be made durable.
const ANSWER: Duration = Duration::from_secs(6);

async fn readiness(base: &str) -> (u16, Value) {
    let client = Client::at(base, base);
    let answer = Answer::to(client.request(Method::GET, "/readyz")).await;
    (answer.status, answer.json())
}

/// Waits until a part is not ready for a reason that contains `text`.
async fn not_ready(base: &str, text: &str) {
    eventually(VISIBLE, async || {
        let (status, body) = readiness(base).await;
        let said = status == 503 && body["ready"] == false && body["reasons"].to_string().contains(text);
        if said { Ok(()) } else { Err(format!("{status} {body}")) }
    })
    .await;
}

async fn started(pipeline: &Pipeline, binary: &str, away: (&str, &str)) -> Process {
    let mut process = pipeline.process(binary, &[], &[away]);
    process.wait_for_url(START, &format!("{}/healthz", pipeline.metrics(binary))).await;
    process
}

#[tokio::test]
async fn ingest_answers_503_and_says_that_nothing_was_accepted_while_the_broker_is_away() {
    let pipeline = Pipeline::prepared().await;
    let (program, client) = (pipeline.program().await, Client::of(&pipeline));
    let broker = format!("amqp://guest:hush@127.0.0.1:{}/%2f", free_port());
    let ingest = started(&pipeline, "ingest", ("AFFITOR_QUEUE__AMQP_URL", &broker)).await;
    not_ready(&pipeline.metrics("ingest"), "queue").await;
    not_ready(&pipeline.api, "queue").await;

    let click = json!({"affiliate_url": format!("https://shop.example/?aff={}", program.code)});
    let lead = json!({"customer_key": "u1"});
    let requests = [client.lead().bearer_auth(&program.api_key).json(&lead), client.click().json(&click)];
    for request in requests {
        let began = Instant::now();
        let answer = Answer::to(request).await;
        assert!(began.elapsed() < ANSWER, "{:?}", began.elapsed());
        assert_eq!((answer.status, answer.json()["success"].clone()), (503, json!(false)), "{answer:?}");
        assert_eq!(answer.header("x-affitor-outcome"), Some("not-accepted"), "{answer:?}");
        let seconds = answer.header("retry-after").and_then(|seconds| seconds.parse::<u32>().ok());
        assert!(seconds.is_some_and(|seconds| seconds >= 1) && answer.header("x-event-id").is_none(), "{answer:?}");
        assert!(!answer.error().is_empty() && !answer.code().is_empty(), "{answer:?}");
    }
    // What needs no queue is answered as ever.
    let refused = Answer::to(client.lead().bearer_auth("wrong").json(&lead)).await;
    assert_eq!(refused.status, 401);
    assert!(!ingest.output().contains("hush"), "{}", ingest.output());
}

#[tokio::test]
async fn an_unknown_key_is_a_503_while_the_store_is_away_and_no_401() {
    let pipeline = Pipeline::prepared().await;
    let (program, client) = (pipeline.program().await, Client::of(&pipeline));
    let database = format!("postgres://postgres:hush@127.0.0.1:{}/none", free_port());
    let ingest = started(&pipeline, "ingest", ("AFFITOR_STORE__DATABASE_URL", &database)).await;
    not_ready(&pipeline.metrics("ingest"), "programs").await;
    let answer = client.send_lead(&program, &json!({"customer_key": "u1"})).await;
    assert_eq!((answer.status, answer.header("x-affitor-outcome")), (503, Some("not-accepted")), "{answer:?}");
    assert!(!ingest.output().contains("hush"), "{}", ingest.output());
}

#[tokio::test]
async fn ingest_starts_from_its_last_snapshot_while_the_database_is_away() {
    let pipeline = Pipeline::prepared().await;
    let (program, client) = (pipeline.program().await, Client::of(&pipeline));
    let mut ingest = pipeline.start("ingest").await;
    assert_eq!(client.send_lead(&program, &json!({"customer_key": "u1"})).await.status, 200);
    ingest.terminate(Duration::from_secs(10)).await;

    let database = format!("postgres://postgres@127.0.0.1:{}/none", free_port());
    let _again = started(&pipeline, "ingest", ("AFFITOR_STORE__DATABASE_URL", &database)).await;
    eventually(VISIBLE, async || {
        let answer = client.send_lead(&program, &json!({"customer_key": "u2"})).await;
        if answer.status == 200 { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
}

#[tokio::test]
async fn a_worker_is_not_ready_while_the_database_is_away() {
    let pipeline = Pipeline::prepared().await;
    let database = format!("postgres://postgres:hush@127.0.0.1:{}/none", free_port());
    let worker = started(&pipeline, "worker", ("AFFITOR_STORE__DATABASE_URL", &database)).await;
    not_ready(&pipeline.metrics("worker"), "database").await;
    assert!(!worker.output().contains("hush"), "{}", worker.output());
}

#[tokio::test]
async fn a_read_is_a_503_while_the_database_is_away() {
    let pipeline = Pipeline::prepared().await;
    let (program, client) = (pipeline.program().await, Client::of(&pipeline));
    let database = format!("postgres://postgres@127.0.0.1:{}/none", free_port());
    let _console = started(&pipeline, "console", ("AFFITOR_STORE__DATABASE_URL", &database)).await;
    not_ready(&pipeline.metrics("console"), "store").await;
    let answer = client.customer(&program, "u1").await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "store_unavailable"), "{answer:?}");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
}
