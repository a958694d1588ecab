//! `affitor up` in one process on RabbitMQ and PostgreSQL.

use serde_json::{Value, json};
use tests::{Answer, Client, Pipeline, START, VISIBLE, eventually, free_port};

#[tokio::test]
async fn the_same_command_runs_on_rabbitmq_and_postgres() {
    let pipeline = Pipeline::prepared().await;
    let settings = pipeline.settings();
    let (listen, metrics) = (format!("127.0.0.1:{}", free_port()), format!("127.0.0.1:{}", free_port()));
    let (amqp, database) = (settings.queue.amqp_url.expose(), settings.store.database_url.expose());
    let data = pipeline.data().display().to_string();
    let arguments = [
        "up",
        "--data",
        &data,
        "--listen",
        &listen,
        "--metrics-listen",
        &metrics,
        "--amqp",
        amqp,
        "--database",
        database,
    ];
    let mut up = pipeline.process("affitor", &arguments, &[]);
    let base = format!("http://{listen}");
    up.wait_for_url(START, &format!("{base}/readyz")).await;

    let facts: Value = serde_json::from_slice(&std::fs::read(pipeline.data().join("demo.json")).unwrap()).unwrap();
    let (key, code) = (facts["api_key"].as_str().unwrap(), facts["partner_code"].as_str().unwrap());
    let client = Client::at(&base, &base);
    let click_id = client.click_id(code).await;
    let lead = client.lead().bearer_auth(key).json(&json!({"click_id": click_id, "customer_key": "u1"}));
    assert_eq!(Answer::to(lead).await.status, 200);
    let customer = eventually(VISIBLE, async || {
        let read = client.request(reqwest::Method::GET, "/api/v1/customers/u1").bearer_auth(key);
        let answer = Answer::to(read).await;
        if answer.json()["attributed"] == true { Ok(answer.json()) } else { Err(format!("{answer:?}")) }
    })
    .await;
    assert_eq!((&customer["partner_code"], &customer["click_id"]), (&json!(code), &json!(click_id)));
    let stored = pipeline.stored().await;
    assert_eq!(stored.events().await, stored.events_in_ledger().await);
    stored.close().await;
}
