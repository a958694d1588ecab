//! Keys and origins as they arrive when somebody got them wrong.

use domain::{ApiKey, timestamp::Span};
use serde_json::json;
use tests::{Answer, Client, Pipeline, VISIBLE, eventually, key_entropy};

use super::{Expected, assert_refused};

const WRONG: Expected = (401, "invalid_token", "");

on_both_shapes! {
    odd_authorization_headers_are_refused
    the_scheme_is_read_in_any_case
    keys_that_cannot_be_or_are_not_known_are_refused
    a_key_about_to_be_revoked_still_works
    a_key_outside_its_header_proves_nothing
    both_modes_refuse_a_forged_click_that_is_alone
}

async fn odd_authorization_headers_are_refused(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let key = &program.api_key;
    for value in
        ["Bearer ", "Bearer", "", key, &format!("Basic {key}"), &format!("Token {key}"), &format!("Bearer{key}")]
    {
        let lead = client.lead().header("Authorization", value).json(&json!({"customer_key": "u1"}));
        assert_refused(&Answer::to(lead).await, WRONG, value);
    }
}

async fn the_scheme_is_read_in_any_case(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let value = format!("{scheme} {}", program.api_key);
        let lead = client.lead().header("Authorization", value).json(&json!({"customer_key": "u1"}));
        assert_eq!(Answer::to(lead).await.status, 200, "{scheme}");
    }
}

async fn keys_that_cannot_be_or_are_not_known_are_refused(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let key = program.api_key.as_str();
    let last = if key.ends_with('0') { "1" } else { "0" };
    let unknown = ApiKey::mint(key_entropy());
    let tokens = [
        "x".repeat(10_000),
        format!("{} {}", &key[..20], &key[20..]),
        format!("{key},{key}"),
        format!("{}{last}", &key[..key.len() - 1]),
        key[..key.len() - 1].to_owned(),
        key.to_uppercase(),
        "affk_".to_owned(),
        unknown.text().to_owned(),
    ];
    for token in tokens {
        let answer = Answer::to(client.lead().bearer_auth(&token).json(&json!({"customer_key": "u1"}))).await;
        assert_refused(&answer, WRONG, &token[..token.len().min(60)]);
    }
    let bytes = [b"Bearer ".as_slice(), "affk_é".as_bytes()].concat();
    let lead = client.lead().header("Authorization", bytes).json(&json!({"customer_key": "u1"}));
    assert_refused(&Answer::to(lead).await, WRONG, "not ASCII");
}

async fn a_key_about_to_be_revoked_still_works(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let store = pipeline.store().await;
    let (old, plain) = store.create_key(program.id, "old", key_entropy()).await.unwrap();
    store.revoke_key(program.id, &old.key_id, tests::now() + Span::seconds(3_600)).await.unwrap();
    let send = async || Answer::to(client.lead().bearer_auth(plain.text()).json(&json!({"customer_key": "u1"}))).await;
    assert_eq!(send().await.status, 200, "in its overlap with the new one");
    store.revoke_key(program.id, &old.key_id, tests::now()).await.unwrap();
    store.close().await;
    eventually(VISIBLE, async || {
        let answer = send().await;
        if answer.status == 401 { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
}

async fn a_key_outside_its_header_proves_nothing(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let path = format!("/api/v1/track/lead?api_key={}", program.api_key);
    let in_query = client.request(reqwest::Method::POST, &path).json(&json!({"customer_key": "u1"}));
    let in_body = client.lead().json(&json!({"customer_key": "u1", "api_key": program.api_key}));
    for request in [in_query, in_body] {
        assert_refused(&Answer::to(request).await, (401, "proof_missing", ""), "a key in the wrong place");
    }
    let body = json!({"customer_key": "u1", "api_key": "affk_x"});
    assert_eq!(client.send_lead(&program, &body).await.warnings().len(), 1);
}

async fn both_modes_refuse_a_forged_click_that_is_alone(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let forged = json!({"click_id": "cust_42_1714000000000"});
    let keyed = client.send_lead(&program, &forged).await;
    let text = "Customer not found. Provide a valid click_id or customer_key.";
    assert_refused(&keyed, (400, "customer_not_found", text), "with a key");
    assert_refused(&Answer::to(client.lead().json(&forged)).await, (401, "proof_missing", ""), "without one");
}
