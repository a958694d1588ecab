//! Test events: taken as real ones are, and seen nowhere among them.

use serde_json::json;
use tests::{Answer, Client, Pipeline};

on_both_shapes! {
    a_test_lead_needs_no_key_and_is_answered_as_documented
    a_test_lead_with_a_key_needs_no_program
    debug_mode_makes_a_test_lead
    a_test_lead_changes_nothing_that_is_real
    a_test_lead_is_attributed_to_a_test_click
}

async fn a_test_lead_needs_no_key_and_is_answered_as_documented(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    for number in [json!(program.id), json!(program.id.to_string())] {
        let body = json!({
            "click_id": "test_lead_001", "customer_key": "test_customer",
            "additional_data": {"test_mode": true, "program_id": number},
        });
        let answer = Answer::to(client.lead().json(&body)).await;
        let event_id = answer.json()["data"]["eventId"].clone();
        let expected = json!({
            "success": true, "message": "Test lead event tracked successfully",
            "data": {"eventId": event_id, "programId": program.id, "test_mode": true},
        });
        assert_eq!((answer.status, answer.json()), (200, expected));
        assert!(event_id.as_u64().expect("an integer") < 1 << 53);
        let shown = client.recorded(&program, &answer.event_id()).await;
        assert_eq!((&shown["test"], &shown["type"]), (&json!(true), &json!("lead")));
    }
}

async fn a_test_lead_with_a_key_needs_no_program(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let answer = client.send_lead(&program, &json!({"additional_data": {"test_mode": true}})).await;
    assert_eq!((answer.status, &answer.json()["data"]["programId"]), (200, &json!(program.id)));
}

async fn debug_mode_makes_a_test_lead(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let body = json!({"program_id": program.id, "customer_key": "u1", "debug_mode": true, "has_attribution": false});
    let answer = Answer::to(client.lead().json(&body)).await;
    assert_eq!((answer.status, &answer.json()["data"]["test_mode"]), (200, &json!(true)));
    client.recorded(&program, &answer.event_id()).await;
    assert_eq!(client.customer(&program, "u1").await.code(), "customer_not_found");
}

async fn a_test_lead_changes_nothing_that_is_real(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let before = client.customer_after(&program, &json!({"customer_key": "u1"})).await;
    let test = json!({"customer_key": "u1", "email": "a@example.com", "additional_data": {"test_mode": true}});
    let answer = client.send_lead(&program, &test).await;
    let shown = client.recorded(&program, &answer.event_id()).await;
    assert_eq!(shown["state"], "recorded", "never a duplicate of a real one");
    assert_eq!(client.customer(&program, "u1").await.json(), before);
}

async fn a_test_lead_is_attributed_to_a_test_click(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let test = json!({"test_mode": true, "program_id": program.id});
    let url = format!("https://shop.example/?aff={}", program.code);
    let click = Answer::to(client.click().json(&json!({"affiliate_url": url, "additional_data": test}))).await;
    client.recorded(&program, &click.event_id()).await;
    let click_id = click.json()["data"]["click_id"].clone();
    assert!(click_id.is_string(), "{click:?}");
    let lead = json!({"click_id": click_id, "customer_key": "u1", "additional_data": test});
    let lead = Answer::to(client.lead().json(&lead)).await;
    let shown = client.recorded(&program, &lead.event_id()).await;
    assert_eq!((&shown["attributed"], &shown["reason"]), (&json!(true), &json!("attributed")), "{shown}");
}
