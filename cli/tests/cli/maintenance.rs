//! What `affitor up` forgets by itself.

use crate::support::{LONG, Up, demo};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const KEPT: usize = 10;
const SENT: usize = 15;

/// What the API says of an event, once it has been processed: 200, or 404 when it is gone.
async fn status(base_url: &str, key: &str, event: &str) -> u16 {
    let request = reqwest::Client::new().get(format!("{base_url}/api/v1/events/{event}"));
    request.bearer_auth(key).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn the_oldest_test_events_are_forgotten_and_counted() {
    let room = tempfile::tempdir().unwrap();
    let settings = room.path().join("settings.toml");
    std::fs::write(&settings, format!("[worker]\ntest_events_kept = {KEPT}\nmaintenance_interval_ms = 1000\n"))
        .unwrap();
    let data = room.path().join("data");
    let up = Up::start(&data, &["--config", settings.to_str().unwrap()]).await;
    let (base_url, demo) = (up.base_url(), demo(&data));
    let key = demo["api_key"].as_str().unwrap();
    let client = reqwest::Client::new();
    let mut sent = Vec::new();
    for number in 0..SENT {
        let lead = json!({"customer_key": format!("usr_{number}"), "additional_data": {"test_mode": true}});
        let answer = client.post(format!("{base_url}/api/v1/track/lead")).bearer_auth(key).json(&lead).send().await;
        sent.push(answer.unwrap().headers()["x-event-id"].to_str().unwrap().to_owned());
    }
    let metric = format!("affitor_worker_test_events_forgotten_total {}", SENT - KEPT);
    let began = Instant::now();
    while !reqwest::get(up.metrics_url()).await.unwrap().text().await.unwrap().contains(&metric) {
        assert!(began.elapsed() < LONG, "{metric} is not reached");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for (number, event) in sent.iter().enumerate() {
        let expected = if number < SENT - KEPT { 404 } else { 200 };
        assert_eq!(status(&base_url, key, event).await, expected, "{number}");
    }
    let audit: Value = crate::commands::as_json(&data, "audit").await;
    assert_eq!((&audit["verdict"], &audit["forgotten_tests"]), (&json!("balanced"), &json!(SENT - KEPT)));
}
