//! `affitor up` stopped and killed: what was accepted stays.

use std::time::Duration;

use serde_json::json;
use tests::{Answer, Client, Load, Pipeline, START, Stored, VISIBLE, eventually, up_at};

const STOP: Duration = Duration::from_secs(10);

/// Kills it three times, at a third, a half and two thirds of the load.
#[tokio::test]
async fn every_200_is_stored_exactly_once_after_kills_in_the_middle_of_a_stream() {
    let pipeline = Pipeline::embedded().await;
    let (program, client) = (pipeline.program().await, Client::of(&pipeline));
    let address = pipeline.api.strip_prefix("http://").unwrap().to_owned();
    let load = Load::new(Load::usual() / 3, 16, &pipeline.directory.path().join("books"));
    let nemesis = async {
        let mut running = None;
        for part in [3, 2, 1] {
            let wanted = load.leads() / 4 * (4 - part);
            eventually(Duration::from_secs(120), async || {
                let begun = load.begun();
                if begun >= wanted { Ok(()) } else { Err(format!("{begun} of {wanted} leads begun")) }
            })
            .await;
            drop(running.take());
            pipeline.kill();
            let mut up = up_at(&address, &pipeline.data(), &["--no-demo"]);
            up.wait_for_url(START, &format!("{}/readyz", pipeline.api)).await;
            running = Some(up);
        }
        running
    };
    let ((), _running) = tokio::join!(load.run(&client, &program), nemesis);
    let accepted = load.accepted();
    assert_eq!(accepted.events.len(), load.leads(), "every lead was accepted in the end");
    let stored = pipeline.stored().await;
    println!("{}", eventually(VISIBLE, || accepted.compare(&stored, &program)).await);
    stored.close().await;
}

#[tokio::test]
async fn a_second_start_keeps_everything() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let facts = |data: &std::path::Path| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(data.join("demo.json")).unwrap()).unwrap()
    };
    let (address, mut up) = tests::start_up(&data, &[]).await;
    let first = facts(&data);
    let base = format!("http://{address}");
    let client = Client::at(&base, &base);
    let click_id = client.click_id(first["partner_code"].as_str().unwrap()).await;
    let lead = client.lead().bearer_auth(first["api_key"].as_str().unwrap());
    let lead = Answer::to(lead.json(&json!({"click_id": click_id, "customer_key": "u1"}))).await;
    assert_eq!(lead.status, 200, "{lead:?}");
    // At once: what is accepted and not yet stored must survive too.
    assert_eq!(up.terminate(STOP).await.code(), Some(0), "{}", up.output());

    let (address, _up) = tests::start_up(&data, &[]).await;
    let second = facts(&data);
    for member in ["program_id", "api_key", "partner_code", "second_partner_code", "inactive_code", "other_program"] {
        assert_eq!(first[member], second[member], "{member}");
    }
    let base = format!("http://{address}");
    assert_eq!(second["base_url"], json!(base));
    let reads = Client::at(&base, &base);
    let customer = eventually(VISIBLE, async || {
        let read = reads.request(reqwest::Method::GET, "/api/v1/customers/u1");
        let answer = Answer::to(read.bearer_auth(first["api_key"].as_str().unwrap())).await;
        if answer.status == 200 { Ok(answer.json()) } else { Err(format!("{answer:?}")) }
    })
    .await;
    assert_eq!((&customer["attributed"], &customer["click_id"]), (&json!(true), &json!(click_id)));
    // In browser mode only a genuine click id proves the program.
    let lead = reads.lead().json(&json!({"click_id": click_id, "customer_key": "u2"}));
    assert_eq!(Answer::to(lead).await.status, 200, "click ids from before the restart are still ours");
    let stored = Stored::file(&data.join("affitor.db")).await;
    assert_eq!(stored.dead_letters().await, 0);
    stored.close().await;
}
