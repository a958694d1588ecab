//! `POST /api/v1/track/lead` in server mode, and what every answer has.

use reqwest::Method;
use serde_json::json;
use tests::{Answer, Client, Pipeline, VISIBLE, eventually};

on_both_shapes! {
    a_lead_after_a_click_is_attributed_to_the_partner
    a_second_lead_of_a_customer_is_kept_as_a_duplicate
    a_lead_with_only_a_click_id_and_one_with_a_key_are_one_customer
    two_keys_on_one_click_are_two_customers_and_the_second_is_flagged
    a_customer_key_may_be_a_number
    small_faults_cost_a_warning_and_no_lead
    a_body_of_plain_text_is_read_as_json_without_a_key_only
    every_answer_has_a_request_id_and_no_odd_one_is_taken_over
    a_path_or_method_that_is_not_there_is_said_in_json
    the_contract_can_be_read_from_the_server
}

async fn a_lead_after_a_click_is_attributed_to_the_partner(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let click_id = client.click_id(&program.code).await;
    let body = json!({
        "click_id": click_id, "customer_key": "usr_abc123", "email": "User@Example.com", "session_id": "s1",
        "page_url": "https://shop.example/signup", "program_id": program.id.to_string(), "click_ids": [click_id],
        "additional_data": {"plan": "pro"},
    });
    let answer = client.send_lead(&program, &body).await;
    let expected = json!({"success": true, "message": "Lead tracked successfully"});
    assert_eq!((answer.status, answer.json()), (200, expected));

    let event = client.recorded(&program, &answer.event_id()).await;
    assert_eq!(
        (&event["type"], &event["state"], &event["reason"]),
        (&json!("lead"), &json!("recorded"), &json!("attributed"))
    );
    // The click travels beside the lead: whichever comes later completes the customer.
    let customer = eventually(VISIBLE, || async {
        let customer = client.customer(&program, "usr_abc123").await.json();
        if customer["events_total"] == 2 { Ok(customer) } else { Err(customer.to_string()) }
    })
    .await;
    assert_eq!((&customer["status"], &customer["attributed"]), (&json!("lead"), &json!(true)));
    assert_eq!((&customer["partner_code"], &customer["click_id"]), (&json!(program.code), &json!(click_id)));
    assert_eq!((&customer["program_id"], &customer["email_masked"]), (&json!(program.id), &json!("u***@example.com")));
    let types: Vec<_> = customer["events"].as_array().unwrap().iter().map(|event| event["type"].clone()).collect();
    assert_eq!(types, ["click", "lead"]);
}

async fn a_second_lead_of_a_customer_is_kept_as_a_duplicate(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let first = client.send_lead(&program, &json!({"customer_key": "u1"})).await.event_id();
    client.recorded(&program, &first).await;
    let second = client.send_lead(&program, &json!({"customer_key": "u1"})).await;
    assert_eq!((second.status, &second.json()["message"]), (200, &json!("Lead tracked successfully")));
    let shown = client.recorded(&program, &second.event_id()).await;
    assert_eq!((&shown["state"], &shown["duplicate_of"]), (&json!("duplicate"), &json!(first)));
    let customer = client.customer(&program, "u1").await.json();
    let outcomes: Vec<_> =
        customer["events"].as_array().unwrap().iter().map(|event| event["outcome"].clone()).collect();
    assert_eq!(outcomes, ["recorded", "duplicate"]);
}

async fn a_lead_with_only_a_click_id_and_one_with_a_key_are_one_customer(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let click_id = client.click_id(&program.code).await;
    let nameless = client.send_lead(&program, &json!({"click_id": click_id})).await;
    assert_eq!(nameless.status, 200, "{nameless:?}");
    client.recorded(&program, &nameless.event_id()).await;
    let customer = client.customer_after(&program, &json!({"click_id": click_id, "customer_key": "u1"})).await;
    assert_eq!((&customer["attributed"], &customer["click_id"]), (&json!(true), &json!(click_id)));
    let found = client.read(&program, &format!("/api/v1/customers?click_id={click_id}")).await.json();
    let keys: Vec<_> =
        found["customers"].as_array().unwrap().iter().map(|found| found["customer_key"].clone()).collect();
    assert_eq!(keys, ["u1"]);
}

async fn two_keys_on_one_click_are_two_customers_and_the_second_is_flagged(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let click_id = client.click_id(&program.code).await;
    client.customer_after(&program, &json!({"click_id": click_id, "customer_key": "u1"})).await;
    let second = client.customer_after(&program, &json!({"click_id": click_id, "customer_key": "u2"})).await;
    assert_eq!((&second["flags"], &second["attributed"]), (&json!(["shared_click"]), &json!(true)));
    assert_eq!(client.customer(&program, "u1").await.json()["flags"], json!([]));
}

async fn a_customer_key_may_be_a_number(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let first = client.customer_after(&program, &json!({"customer_key": 12345})).await;
    let again = client.customer_after(&program, &json!({"customer_key": "12345"})).await;
    assert_eq!((&first["customer_key"], &again["events_total"]), (&json!("12345"), &json!(2)));
}

async fn small_faults_cost_a_warning_and_no_lead(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let body = json!({"customer_key": "u1", "email": "not-an-email", "page_url": "x".repeat(3_000)});
    let answer = client.send_lead(&program, &body).await;
    assert_eq!((answer.status, answer.warnings().len()), (200, 2), "{answer:?}");
    assert!(answer.warnings()[0].starts_with("email was dropped"), "{answer:?}");
    client.recorded(&program, &answer.event_id()).await;
    assert_eq!(client.customer(&program, "u1").await.json()["email_masked"], json!(null));
}

async fn a_body_of_plain_text_is_read_as_json_without_a_key_only(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let body = json!({"click_id": client.click_id(&program.code).await, "customer_key": "u1"}).to_string();
    let beacon = || client.lead().header("Content-Type", "text/plain;charset=UTF-8").body(body.clone());
    assert_eq!(Answer::to(beacon()).await.status, 200);
    for key in [program.api_key.as_str(), "wrong"] {
        let refused = Answer::to(beacon().bearer_auth(key)).await;
        assert_eq!((refused.status, refused.code().as_str()), (415, "unsupported_media_type"));
    }
}

async fn every_answer_has_a_request_id_and_no_odd_one_is_taken_over(pipeline: &Pipeline) {
    let client = Client::of(pipeline);
    for odd in ["", "a b", "<script>", &"x".repeat(10_000)] {
        let requests = [client.lead().body("{"), client.click().body(""), client.request(Method::GET, "/nowhere")];
        for request in requests {
            let answer = Answer::to(request.header("X-Request-Id", odd)).await;
            let id = answer.header("x-request-id").expect("X-Request-Id on every answer");
            assert!(!id.is_empty() && id != odd, "{answer:?}");
        }
    }
    let without = Answer::to(client.lead().body("{")).await;
    assert!(without.header("x-request-id").is_some_and(|id| !id.is_empty()), "{without:?}");
}

async fn a_path_or_method_that_is_not_there_is_said_in_json(pipeline: &Pipeline) {
    let client = Client::of(pipeline);
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        for path in ["/api/v1/track/lead", "/api/v1/track/click"] {
            let answer = Answer::to(client.request(method.clone(), path)).await;
            assert_eq!((answer.status, answer.code().as_str()), (405, "method_not_allowed"), "{method} {path}");
            assert_eq!(answer.header("allow"), Some("POST, OPTIONS"), "{method} {path}");
        }
    }
    let head = Answer::to(client.request(Method::HEAD, "/api/v1/track/lead")).await;
    assert_eq!((head.status, head.header("allow")), (405, Some("POST, OPTIONS")));
    let nowhere = Answer::to(client.request(Method::POST, "/api/v1/track/nothing")).await;
    assert_eq!(
        (nowhere.status, nowhere.json()["success"].clone(), nowhere.code()),
        (404, json!(false), "not_found".into())
    );
}

async fn the_contract_can_be_read_from_the_server(pipeline: &Pipeline) {
    let client = Client::of(pipeline);
    let contract = Answer::to(client.request(Method::GET, "/openapi.json")).await.json();
    for path in ["/api/v1/track/click", "/api/v1/track/lead"] {
        assert!(contract["paths"][path]["post"].is_object(), "{path} in {contract}");
    }
}
