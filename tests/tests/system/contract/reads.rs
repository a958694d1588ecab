//! The read API: what was accepted can be seen, by its program and by nobody else.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Client, Pipeline, VISIBLE, eventually};

on_both_shapes! {
    a_customer_has_exactly_the_documented_members
    a_click_without_a_lead_is_a_customer_in_status_click
    the_customers_of_a_click_are_all_who_named_it
    an_event_has_exactly_the_documented_members
    what_is_not_there_is_a_404_with_its_own_code
    a_read_without_the_right_key_is_a_401
    a_key_with_odd_characters_is_found_again
}

fn members(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn sorted<const N: usize>(mut names: [&str; N]) -> Vec<&str> {
    names.sort_unstable();
    names.into()
}

fn is_moment(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    text.len() == 24 && text.ends_with('Z') && text.as_bytes()[19] == b'.' && text.as_bytes()[10] == b'T'
}

async fn a_customer_has_exactly_the_documented_members(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let customer = client.customer_after(&program, &json!({"customer_key": "u1"})).await;
    let expected = [
        "customer_key",
        "program_id",
        "status",
        "attributed",
        "reason",
        "hint",
        "partner_code",
        "click_id",
        "lead_at",
        "provisional",
        "email_masked",
        "flags",
        "events_total",
        "events",
    ];
    let mut given = members(&customer);
    given.sort_unstable();
    assert_eq!(given, sorted(expected));
    assert!(is_moment(&customer["lead_at"]), "{customer}");
    let event = &customer["events"][0];
    let expected = ["event_id", "type", "source", "received_at", "recorded_at", "outcome", "click_id", "duplicate_of"];
    let mut given = members(event);
    given.sort_unstable();
    assert_eq!(given, sorted(expected));
    assert!(is_moment(&event["received_at"]) && is_moment(&event["recorded_at"]), "{event}");
    assert_eq!(
        (&event["type"], &event["source"], &event["outcome"]),
        (&json!("lead"), &json!("server"), &json!("recorded"))
    );
}

async fn a_click_without_a_lead_is_a_customer_in_status_click(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let click = client.open_link(&program.code).await;
    client.recorded(&program, &click.event_id()).await;
    let click_id = click.json()["click_id"].as_str().unwrap().to_owned();
    let found = client.read(&program, &format!("/api/v1/customers?click_id={click_id}")).await;
    assert_eq!(found.status, 200, "{found:?}");
    let customers = found.json()["customers"].as_array().unwrap().clone();
    assert_eq!(customers.len(), 1);
    let customer = &customers[0];
    assert_eq!((&customer["status"], &customer["customer_key"]), (&json!("click"), &json!(null)));
    assert_eq!((&customer["lead_at"], &customer["click_id"]), (&json!(null), &json!(click_id)));
}

async fn the_customers_of_a_click_are_all_who_named_it(pipeline: &Pipeline) {
    let (client, program, other) = (Client::of(pipeline), pipeline.program().await, pipeline.program().await);
    let click_id = client.click_id(&program.code).await;
    for key in ["u1", "u2"] {
        client.customer_after(&program, &json!({"click_id": click_id, "customer_key": key})).await;
    }
    let path = format!("/api/v1/customers?click_id={click_id}");
    let found = client.read(&program, &path).await.json();
    let mut keys: Vec<&str> =
        found["customers"].as_array().unwrap().iter().filter_map(|found| found["customer_key"].as_str()).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["u1", "u2"]);
    assert_eq!(client.read(&other, &path).await.json(), json!({"customers": []}));
    assert_eq!(client.read(&program, "/api/v1/customers?click_id=cust_1_x").await.json(), json!({"customers": []}));
    let missing = client.read(&program, "/api/v1/customers").await;
    assert_eq!((missing.status, missing.code().as_str()), (400, "invalid_click_id"));
}

async fn an_event_has_exactly_the_documented_members(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let answer = client.send_lead(&program, &json!({"customer_key": "u1"})).await;
    let event = client.recorded(&program, &answer.event_id()).await;
    let expected = [
        "event_id",
        "type",
        "state",
        "received_at",
        "recorded_at",
        "customer_key",
        "click_id",
        "attributed",
        "reason",
        "hint",
        "duplicate_of",
    ];
    let mut given = members(&event);
    given.sort_unstable();
    assert_eq!(given, sorted(expected));
    assert_eq!((&event["event_id"], &event["customer_key"]), (&json!(answer.event_id()), &json!("u1")));
    assert!(is_moment(&event["received_at"]) && is_moment(&event["recorded_at"]), "{event}");
}

async fn what_is_not_there_is_a_404_with_its_own_code(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let nobody = client.customer(&program, "nobody").await;
    assert_eq!((nobody.status, nobody.code().as_str()), (404, "customer_not_found"));
    for id in ["0197f0c0-0000-7000-8000-000000000000", "not-an-id"] {
        let never = client.read(&program, &format!("/api/v1/events/{id}")).await;
        assert_eq!((never.status, never.code().as_str()), (404, "not_recorded"), "{id}");
    }
}

async fn a_read_without_the_right_key_is_a_401(pipeline: &Pipeline) {
    let client = Client::at(&pipeline.reads, &pipeline.reads);
    for path in ["/api/v1/customers/u1", "/api/v1/customers?click_id=x", "/api/v1/events/x"] {
        let without = client.request(Method::GET, path);
        let wrong = client.request(Method::GET, path).bearer_auth("wrong");
        for request in [without, wrong] {
            let answer = Answer::to(request).await;
            assert_eq!((answer.status, answer.json()["success"].clone()), (401, json!(false)), "{path}");
            assert!(answer.header("x-request-id").is_some() && !answer.code().is_empty(), "{answer:?}");
        }
    }
}

async fn a_key_with_odd_characters_is_found_again(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let keys = ["a/b", "100%", "a?b#c", "\u{1f600}", "Jane Doe", "' OR 1=1--", "..%2f", "ü"];
    let mut receipts = Vec::new();
    for key in keys {
        receipts.push(client.send_lead(&program, &json!({"customer_key": key})).await.event_id());
    }
    for (key, receipt) in keys.into_iter().zip(receipts) {
        client.recorded(&program, &receipt).await;
        eventually(VISIBLE, || async {
            let answer = client.customer(&program, key).await;
            if answer.json()["customer_key"] == key { Ok(()) } else { Err(format!("{key}: {answer:?}")) }
        })
        .await;
    }
}
