//! What careless and hostile clients send, and exactly what they get: tables of requests over real HTTP.

mod authentication;
mod bulk;
mod canary;
mod clicks;
mod email;
mod identifiers;
mod json_bodies;
mod members;
mod sockets;
mod test_mode;
mod timing;

use tests::{Answer, Client, TestProgram};

/// What a refusal must be: status, code, and how its sentence begins.
type Expected = (u16, &'static str, &'static str);

const REQUIRED: Expected = (400, "identity_required", "click_id or customer_key is required");
const BAD_JSON: Expected = (400, "invalid_json", "");
const BAD_KEY: Expected = (400, "invalid_customer_key", "");
const CONTROL: Expected = (400, "invalid_customer_key", "customer_key contains control characters");
const BAD_CLICK_ID: Expected = (400, "invalid_click_id", "click_id");

/// Checks that an answer is that refusal, and that it repeats nothing of what was sent.
fn assert_refused(answer: &Answer, (status, code, text): Expected, sent: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{sent}: {answer:?}");
    assert_eq!(answer.json()["success"], false, "{sent}: {answer:?}");
    assert!(!answer.error().is_empty() && answer.error().starts_with(text), "{sent}: {answer:?}");
    assert!(answer.header("x-request-id").is_some() && answer.header("x-event-id").is_none(), "{sent}: {answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"), "{sent}: {answer:?}");
    // Members and limits may be named, values may not.
    for value in ["jane@", "affk_", "DROP TABLE", "<script>", "line 1 column"] {
        assert!(!answer.body.contains(value), "{sent} is repeated: {answer:?}");
    }
}

/// Sends a lead of those bytes with the program's key.
async fn send(client: &Client, program: &TestProgram, body: impl Into<Vec<u8>>) -> Answer {
    let request = client.lead().bearer_auth(&program.api_key).header("Content-Type", "application/json");
    Answer::to(request.body(body.into())).await
}

/// Sends each body and checks that it is refused as it must be.
async fn all_refused<const N: usize>(client: &Client, program: &TestProgram, rows: [(&[u8], Expected); N]) {
    for (body, expected) in rows {
        let answer = send(client, program, body).await;
        assert_refused(&answer, expected, &String::from_utf8_lossy(&body[..body.len().min(200)]));
    }
}

/// Sends each body, which must be taken, and checks the warnings beside the success.
async fn all_taken<const N: usize>(client: &Client, program: &TestProgram, rows: [(&str, &[&str]); N]) {
    for (body, warnings) in rows {
        let answer = send(client, program, body).await;
        let shown = &body[..body.char_indices().nth(200).map_or(body.len(), |(at, _)| at)];
        assert_eq!((answer.status, answer.json()["success"].clone()), (200, true.into()), "{shown}: {answer:?}");
        let given = answer.warnings();
        let alike =
            given.len() == warnings.len() && given.iter().zip(warnings).all(|(given, text)| given.starts_with(text));
        assert!(alike, "{shown}: {given:?} are not {warnings:?}");
    }
}
