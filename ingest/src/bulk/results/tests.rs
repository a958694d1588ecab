//! Which results make which answer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::refused::Limit;
use axum::http::StatusCode;
use domain::Timestamp;
use domain::request::FaultCode;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::time::Duration;

const INVALID: Refusal = Refusal::Invalid(FaultCode::IdentityRequired);

fn taken(number: u64) -> Result<Taken, Refused> {
    let id = EventId::mint(Timestamp::from_micros(1_700_000_000_000_000), number);
    Ok(Taken { id, test_of: None, warnings: Vec::new() })
}

fn refused(refusal: Refusal) -> Result<Taken, Refused> {
    Err(refusal.into())
}

fn limited(seconds: u64) -> Result<Taken, Refused> {
    Err(Refused::limited(Limit::Key, Duration::from_secs(seconds)))
}

/// Status, outcome, seconds to wait, and the body.
async fn answered<const N: usize>(
    results: [Result<Taken, Refused>; N],
    answers: Vec<Result<(), Refusal>>,
) -> (StatusCode, Option<String>, Option<String>, Value) {
    let answer = Results(results.into()).answer(answers, &Meters::new(), None);
    let response = match answer {
        Ok(accepted) => accepted.into_response(Default::default()),
        Err(refused) => refused.into_response(Default::default()),
    };
    let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let (status, outcome, retry) = (response.status(), header("x-affitor-outcome"), header("retry-after"));
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, outcome, retry, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn each_lead_has_its_result_in_the_order_sent() {
    let test = Taken { test_of: ProgramId::new(7), warnings: vec![Warning::EmailDropped], ..taken(5).unwrap() };
    let (status, outcome, retry, body) = answered([taken(1), refused(INVALID), Ok(test)], vec![Ok(()); 2]).await;
    assert_eq!((status, outcome, retry), (StatusCode::OK, None, None));
    let id = |number| taken(number).unwrap().id.to_string();
    let expected = json!({"success": true, "accepted": 2, "results": [
        {"index": 0, "event_id": id(1)},
        {"index": 1, "error": "click_id or customer_key is required", "code": "identity_required"},
        {"index": 2, "event_id": id(5), "data": {"eventId": 5, "programId": 7, "test_mode": true},
            "warnings": ["email was dropped: it is not an address"]},
    ]});
    assert_eq!(body, expected);
}

#[tokio::test]
async fn leads_that_are_all_invalid_are_no_refusal_of_the_request() {
    let (status, outcome, retry, body) = answered([refused(INVALID), refused(INVALID)], vec![]).await;
    assert_eq!((status, outcome, retry), (StatusCode::OK, None, None));
    assert_eq!(
        (&body["success"], &body["accepted"], body["results"].as_array().unwrap().len()),
        (&json!(true), &json!(0), 2)
    );
}

#[tokio::test]
async fn what_was_not_confirmed_is_told_beside_what_was() {
    let answers = vec![Ok(()), Err(Refusal::Unconfirmed), Err(Refusal::QueueAway)];
    let results = [taken(1), taken(2), refused(INVALID), taken(3)];
    let (status, outcome, retry, body) = answered(results, answers).await;
    assert_eq!((status, outcome, retry.as_deref()), (StatusCode::OK, None, Some("2")));
    let codes: Vec<&Value> = body["results"].as_array().unwrap().iter().map(|result| &result["code"]).collect();
    assert_eq!(body["accepted"], 1);
    assert_eq!(codes, [&Value::Null, &json!("unconfirmed"), &json!("identity_required"), &json!("queue_unavailable")]);
}

#[tokio::test]
async fn a_request_of_which_nothing_is_durable_by_a_fault_of_ours_fails_whole_and_says_what_is_known() {
    use Refusal::{Overloaded, QueueAway, Unconfirmed};
    for (answers, code, outcome) in [
        (vec![Err(QueueAway); 2], "queue_unavailable", "not-accepted"),
        (vec![Err(Overloaded); 2], "overloaded", "not-accepted"),
        (vec![Err(QueueAway), Err(Unconfirmed)], "unconfirmed", "unknown"),
    ] {
        let results = [taken(1), refused(INVALID), taken(2)];
        let (status, told, retry, body) = answered(results, answers).await;
        assert_eq!((status, told.as_deref()), (StatusCode::SERVICE_UNAVAILABLE, Some(outcome)));
        assert_eq!((retry.as_deref(), &body["code"]), (Some("2"), &json!(code)));
        assert!(body["results"].is_null(), "{body}");
    }
}

#[tokio::test]
async fn the_longest_wait_of_the_refused_is_told() {
    let (status, _, retry, body) = answered([taken(1), limited(3), limited(7)], vec![Ok(())]).await;
    assert_eq!((status, retry.as_deref(), &body["accepted"]), (StatusCode::OK, Some("7"), &json!(1)));
    let (status, _, retry, body) = answered([limited(9), taken(1)], vec![Err(Refusal::QueueAway)]).await;
    assert_eq!((status, retry.as_deref()), (StatusCode::SERVICE_UNAVAILABLE, Some("2")), "{body}");
}
