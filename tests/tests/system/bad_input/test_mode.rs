//! Test mode as integrators get it wrong.

use serde_json::{Value, json};
use tests::{Answer, Client, Pipeline};

use super::{Expected, REQUIRED, assert_refused};

const NOT_FILLED_IN: Expected = (400, "invalid_program_id", "program_id must be a program number");
const NO_PROGRAM: Expected = (400, "program_id_required", "");
const NO_SUCH_PROGRAM: Expected = (400, "unknown_program", "");

on_both_shapes! {
    a_test_lead_names_a_program_that_is_there
    a_test_lead_with_a_key_names_no_other_program
    test_mode_counts_only_where_it_belongs
}

async fn test_lead(client: &Client, data: Value) -> Answer {
    Answer::to(client.lead().json(&json!({"additional_data": data}))).await
}

async fn a_test_lead_names_a_program_that_is_there(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let not_filled_in = test_lead(&client, json!({"test_mode": true, "program_id": "YOUR_PROGRAM_ID"})).await;
    assert_eq!(
        (not_filled_in.status, not_filled_in.error().contains(NOT_FILLED_IN.2)),
        (400, true),
        "{not_filled_in:?}"
    );
    let missing = test_lead(&client, json!({"test_mode": true})).await;
    assert_refused(&missing, NO_PROGRAM, "no program");
    assert!(missing.error().contains("additional_data.program_id"), "{missing:?}");
    let unknown = test_lead(&client, json!({"test_mode": true, "program_id": 999_999_999})).await;
    assert_refused(&unknown, NO_SUCH_PROGRAM, "an unknown program");
    let known = test_lead(&client, json!({"test_mode": true, "program_id": program.id})).await;
    assert_eq!((known.status, &known.json()["data"]["programId"]), (200, &json!(program.id)));
}

async fn a_test_lead_with_a_key_names_no_other_program(pipeline: &Pipeline) {
    let (client, program, other) = (Client::of(pipeline), pipeline.program().await, pipeline.program().await);
    let mut told = Vec::new();
    for number in [json!(other.id), json!(999_999_999)] {
        let body = json!({"additional_data": {"test_mode": true, "program_id": number}});
        let answer = client.send_lead(&program, &body).await;
        assert_refused(&answer, NO_SUCH_PROGRAM, "another program");
        told.push(answer.body);
    }
    assert_eq!(told[0], told[1], "a program that is not yours looks like one that is not there");
}

async fn test_mode_counts_only_where_it_belongs(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    for body in [
        json!({"test_mode": true, "program_id": program.id}),
        json!({"additional_data": {"deeper": {"test_mode": true}}}),
        json!({"additional_data": {"test_mode": false}}),
    ] {
        assert_refused(&client.send_lead(&program, &body).await, REQUIRED, &body.to_string());
    }
}
