//! The members beside the identity: bounded, checked, and never in the way of a lead they need not be.

use serde_json::{Value, json};
use tests::{Client, Pipeline};

use super::{Expected, all_refused, all_taken};

const BAD_DATA: Expected = (400, "invalid_additional_data", "additional_data");
const BAD_SESSION: Expected = (400, "invalid_session_id", "session_id");
const BAD_MEMBER: Expected = (400, "invalid_member", "");
const BAD_PROGRAM: Expected = (400, "invalid_program_id", "program_id must be a program number");

on_both_shapes! {
    additional_data_is_a_small_object
    page_addresses_are_dropped_or_bared
    session_ids_are_bounded
    flags_are_booleans
    program_ids_are_whole_numbers
    all_faults_are_told_at_once
}

fn with(member: &str, value: &Value) -> String {
    json!({"customer_key": "u1", member: value}).to_string()
}

async fn additional_data_is_a_small_object(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let nested = |levels: usize| (1..levels).fold(json!({"a": 1}), |inner, _| json!({"a": inner}));
    let of = |value: Value| with("additional_data", &value);
    all_taken(
        &client,
        &program,
        [
            (&of(nested(5)), &[]),
            (&of(json!({"event_name": "\u{1f389}"})), &[]),
            (&of(json!({"a": "x".repeat(4_000)})), &[]),
            (&of(json!({"test_mode": null, "program_id": null})), &[]),
        ],
    )
    .await;
    for value in [
        json!("text"),
        json!([1]),
        json!({"a": "x".repeat(5 * 1_024)}),
        nested(6),
        json!({"event_name": "x".repeat(10_000)}),
        json!({"event_name": 1}),
        json!({"test_mode": "true"}),
        json!({"test_mode": 1}),
        json!({"a": "b\u{7}"}),
    ] {
        all_refused(&client, &program, [(of(value).as_bytes(), BAD_DATA)]).await;
    }
}

async fn page_addresses_are_dropped_or_bared(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let of = |value: Value| with("page_url", &value);
    all_taken(
        &client,
        &program,
        [
            (&of(json!("javascript:alert(1)")), &[]),
            (&of(json!("https://shop.example/?token=secret-in-query")), &[]),
            (&of(json!("x".repeat(3_000))), &["page_url was dropped"]),
            (&of(json!("https://shop.example/\u{0}")), &["page_url was dropped"]),
        ],
    )
    .await;
    all_refused(&client, &program, [(of(json!(1)).as_bytes(), BAD_MEMBER)]).await;
}

async fn session_ids_are_bounded(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let of = |value: Value| with("session_id", &value);
    all_taken(&client, &program, [(&of(json!("s".repeat(128))), &[])]).await;
    for value in [json!("s".repeat(129)), json!(1), json!("a\u{1}b"), json!([])] {
        all_refused(&client, &program, [(of(value).as_bytes(), BAD_SESSION)]).await;
    }
}

async fn flags_are_booleans(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    all_taken(&client, &program, [(&with("has_attribution", &json!(true)), &[])]).await;
    for member in ["debug_mode", "has_attribution"] {
        for value in [json!("true"), json!(1), json!({})] {
            all_refused(&client, &program, [(with(member, &value).as_bytes(), BAD_MEMBER)]).await;
        }
    }
}

async fn program_ids_are_whole_numbers(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    for value in [json!(program.id), json!(program.id.to_string())] {
        all_taken(&client, &program, [(&with("program_id", &value), &[])]).await;
    }
    for value in [
        "\"YOUR_PROGRAM_ID\"",
        "0",
        "-1",
        "1.0",
        "1e3",
        "\"01\"",
        "\" 1\"",
        "\"+1\"",
        "true",
        "[]",
        "1000000000000000000",
    ] {
        let body = format!(r#"{{"customer_key":"u1","program_id":{value}}}"#);
        all_refused(&client, &program, [(body.as_bytes(), BAD_PROGRAM)]).await;
    }
}

async fn all_faults_are_told_at_once(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let body = br#"{"click_id":1,"customer_key":true,"email":[],"session_id":2}"#;
    let answer = super::send(&client, &program, body).await;
    for member in ["click_id", "customer_key", "email", "session_id"] {
        assert!(answer.error().contains(member), "{member} in {answer:?}");
    }
}
