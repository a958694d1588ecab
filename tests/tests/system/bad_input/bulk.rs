//! Many leads in one request: what takes all of them down, and what only the one that it is about.

use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tests::{Answer, Client, Pipeline, TestProgram};

use super::{Expected, assert_refused};

const NO_LEADS: Expected = (400, "invalid_leads", "leads must be a list of 1 to 1000 leads");
const NO_OBJECT: Expected = (400, "body_not_an_object", "body must be a JSON object");
const BAD_JSON: Expected = (400, "invalid_json", "Invalid JSON body");
const TOO_DEEP: Expected = (400, "too_deep", "");
const TOO_LARGE: Expected = (413, "body_too_large", "The request body must be at most 1 MiB");
const MEDIA_TYPE: Expected = (415, "unsupported_media_type", "");
const NO_KEY: Expected = (401, "invalid_token", "");

const MEBIBYTE: usize = 1 << 20;

on_both_shapes! {
    a_body_that_is_no_list_of_leads_is_refused_whole
    what_stands_beside_the_leads_is_read_as_strictly_as_any_body
    every_fault_of_one_lead_is_its_own
    a_lead_has_at_most_sixteen_kibibytes_and_all_together_one_mebibyte
    bulk_bodies_that_are_made_to_be_slow_are_answered_quickly
    many_leads_need_a_key_and_json
}

fn post(client: &Client) -> RequestBuilder {
    client.request(Method::POST, "/api/v1/track/leads").header("Content-Type", "application/json")
}

async fn send(client: &Client, program: &TestProgram, body: impl Into<Vec<u8>>) -> Answer {
    Answer::to(post(client).bearer_auth(&program.api_key).body(body.into())).await
}

async fn all_refused<const N: usize>(client: &Client, program: &TestProgram, rows: [(&[u8], Expected); N]) {
    for (body, expected) in rows {
        let answer = send(client, program, body).await;
        assert_refused(&answer, expected, &String::from_utf8_lossy(&body[..body.len().min(200)]));
        assert!(answer.json()["results"].is_null(), "{answer:?}");
    }
}

/// The codes of the results, nothing where a lead was taken.
fn codes(answer: &Answer) -> Vec<String> {
    let results = answer.json()["results"].as_array().cloned().unwrap_or_else(|| panic!("no results in {answer:?}"));
    for (index, result) in results.iter().enumerate() {
        assert_eq!(result["index"], index, "{answer:?}");
        assert_eq!(result["event_id"].is_null(), result["code"].is_string(), "{result}");
        assert_eq!(result["error"].is_string(), result["code"].is_string(), "{result}");
    }
    results.iter().map(|result| result["code"].as_str().unwrap_or_default().to_owned()).collect()
}

async fn a_body_that_is_no_list_of_leads_is_refused_whole(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let too_many = json!({"leads": vec![json!({"customer_key": "u1"}); 1_001]}).to_string();
    all_refused(
        &client,
        &program,
        [
            (b"", BAD_JSON),
            (b"{", BAD_JSON),
            (br#"{"leads":[{"customer_key":"u1"},]}"#, BAD_JSON),
            (br#"{"leads":[{"customer_key":"u1"}"#, BAD_JSON),
            (br#"{"leads":[{"customer_key":"u1"},{"customer_key":}]}"#, BAD_JSON),
            (br#"{"leads":[{"customer_key":"u1"}]}{"leads":[]}"#, BAD_JSON),
            (b"{\"customer_key\":\"u1\"}\n{\"customer_key\":\"u2\"}", NO_LEADS),
            (b"{\"leads\":[{\"customer_key\":\"u1\"},{\"customer_key\":\"\xff\"}]}", BAD_JSON),
            (b"{\"leads\":[{\"customer_key\":\"u1\"},{\"customer_key\":\"a\0\"}]}", BAD_JSON),
            (b"\xef\xbb\xbf{\"leads\":[{\"customer_key\":\"u1\"}]}", BAD_JSON),
            (b"null", NO_OBJECT),
            (br#"[{"customer_key":"u1"}]"#, NO_OBJECT),
            (br#""leads""#, NO_OBJECT),
            (b"42", NO_OBJECT),
            (b"{}", NO_LEADS),
            (br#"{"customer_key":"u1"}"#, NO_LEADS),
            (br#"{"Leads":[{"customer_key":"u1"}]}"#, NO_LEADS),
            (br#"{"leads":null}"#, NO_LEADS),
            (br#"{"leads":""}"#, NO_LEADS),
            (br#"{"leads":[]}"#, NO_LEADS),
            (br#"{"leads":{"0":{"customer_key":"u1"}}}"#, NO_LEADS),
            (br#"{"leads":"[]"}"#, NO_LEADS),
            (br#"{"leads":1e400}"#, (400, "invalid_member", "leads holds a number out of range")),
            (too_many.as_bytes(), NO_LEADS),
        ],
    )
    .await;
    assert_eq!(client.customer(&program, "u1").await.status, 404, "nothing of it was taken");
}

async fn what_stands_beside_the_leads_is_read_as_strictly_as_any_body(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let beside = |value: &str| format!(r#"{{"leads":[{{"customer_key":"u1"}}],"x":{value}}}"#);
    let deep = |levels: usize| beside(&format!("{}{}", "[".repeat(levels), "]".repeat(levels)));
    all_refused(
        &client,
        &program,
        [
            (beside(r#"1,"x":2"#).as_bytes(), (400, "duplicate_member", "x is given twice")),
            (beside(r#"{"y":[{"z":1,"z":1}]}"#).as_bytes(), (400, "duplicate_member", "x.y.z is given twice")),
            (beside(r#"1,"leads":[]"#).as_bytes(), (400, "duplicate_member", "leads is given twice")),
            (beside(r#""\ud83d""#).as_bytes(), (400, "invalid_member", "x contains half of a surrogate pair")),
            (deep(16).as_bytes(), TOO_DEEP),
        ],
    )
    .await;
    for body in [deep(15), beside(r#"{"program_id":7,"is_test":true}"#)] {
        assert_eq!(codes(&send(&client, &program, body).await), [""]);
    }
}

async fn every_fault_of_one_lead_is_its_own(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let other = pipeline.program().await;
    let nested = |levels: usize| format!(r#"{{"customer_key":"u1","x":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    let foreign = client.click_id(&other.code).await;
    let rows = [
        (r#"{"customer_key":"u1"}"#.to_owned(), ""),
        ("null".to_owned(), "body_not_an_object"),
        ("[]".to_owned(), "body_not_an_object"),
        (r#"{"customer_key":"a","customer_key":"b"}"#.to_owned(), "duplicate_member"),
        (r#"{"customer_key":"a","x":{"y":1,"y":1}}"#.to_owned(), "duplicate_member"),
        (r#"{"customer_key":"\ud83d"}"#.to_owned(), "invalid_customer_key"),
        (r#"{"customer_key":"a\u0000b"}"#.to_owned(), "invalid_customer_key"),
        (r#"{"customer_key":1e400}"#.to_owned(), "invalid_customer_key"),
        (r#"{"customer_key":1.5}"#.to_owned(), "invalid_customer_key"),
        (nested(15), ""),
        (nested(16), "too_deep"),
        (nested(5_000), "too_deep"),
        ("{}".to_owned(), "identity_required"),
        (r#"{"customer_key":"undefined"}"#.to_owned(), "placeholder_key"),
        (r#"{"customer_key":"u1","email":1}"#.to_owned(), "invalid_email"),
        (r#"{"customer_key":"u1","session_id":1}"#.to_owned(), "invalid_session_id"),
        (r#"{"customer_key":"u1","additional_data":{"test_mode":"true"}}"#.to_owned(), "invalid_additional_data"),
        (r#"{"customer_key":"u1","program_id":"YOUR_PROGRAM_ID"}"#.to_owned(), "invalid_program_id"),
        (format!(r#"{{"customer_key":"u1","program_id":{}}}"#, other.id), "unknown_program"),
        (format!(r#"{{"customer_key":"u1","click_id":"{foreign}"}}"#), "click_of_other_program"),
        (r#"{"click_id":"cust_42_1714000000000"}"#.to_owned(), "customer_not_found"),
        (r#"{"click_id":"a b","customer_key":"u1"}"#.to_owned(), "invalid_click_id"),
        (r#"{"customer_key":12345}"#.to_owned(), ""),
        (r#"{"customer_key":"'; DROP TABLE leads;--","email":"jane@example.com"}"#.to_owned(), ""),
        (r#"{"leads":[{"customer_key":"u1"}]}"#.to_owned(), "identity_required"),
    ];
    let leads: Vec<&str> = rows.iter().map(|(lead, _)| lead.as_str()).collect();
    let answer = send(&client, &program, format!(r#"{{"leads":[{}]}}"#, leads.join(","))).await;
    let expected: Vec<&str> = rows.iter().map(|(_, code)| *code).collect();
    assert_eq!((answer.status, codes(&answer)), (200, expected.iter().map(|code| code.to_string()).collect()));
    assert_eq!(answer.json()["accepted"], expected.iter().filter(|code| code.is_empty()).count());
    for value in ["jane@", "DROP TABLE", "cust_42", "line 1 column", "\u{0}"] {
        assert!(!answer.body.contains(value), "{value} is repeated: {answer:?}");
    }
    for event in answer.json()["results"].as_array().unwrap().iter().filter_map(|result| result["event_id"].as_str()) {
        client.recorded(&program, event).await;
    }
    assert_eq!(client.customer(&other, "u1").await.status, 404);
}

async fn a_lead_has_at_most_sixteen_kibibytes_and_all_together_one_mebibyte(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let sized = |key: &str, bytes: usize| {
        let empty = format!(r#"{{"customer_key":"{key}","x":""}}"#).len();
        format!(r#"{{"customer_key":"{key}","x":"{}"}}"#, "x".repeat(bytes - empty))
    };
    let body = format!(r#"{{"leads":[{},{},{{"customer_key":"u3"}}]}}"#, sized("u1", 16_384), sized("u2", 16_385));
    let answer = send(&client, &program, body).await;
    assert_eq!(codes(&answer), ["", "body_too_large", ""]);
    assert_eq!(answer.json()["results"][1]["error"], "A lead must be at most 16 KiB");

    let leads: Vec<String> = (0..63).map(|number| sized(&format!("k{number}"), 16_384)).collect();
    let full = |bytes: usize| {
        let body = format!(r#"{{"leads":[{}]}}"#, leads.join(","));
        let blank = " ".repeat(bytes - body.len());
        body + &blank
    };
    let answer = send(&client, &program, full(MEBIBYTE)).await;
    assert_eq!((answer.status, &answer.json()["accepted"]), (200, &json!(63)), "{:?}", answer.code());
    assert_refused(&send(&client, &program, full(MEBIBYTE + 1)).await, TOO_LARGE, "1 MiB and a byte");
}

async fn bulk_bodies_that_are_made_to_be_slow_are_answered_quickly(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let many = |text: &str| text.repeat((MEBIBYTE - 100) / text.len());
    let lead = r#"{"leads":[{"customer_key":"u1"}],"x":"#;
    let names: String = (0..90_000).map(|number| format!("\"n{number}\":1,")).collect();
    let rows: [(String, Option<Expected>); 7] = [
        (many("["), Some(TOO_DEEP)),
        (format!(r#"{{"leads":{}"#, many("[")), Some(BAD_JSON)),
        (format!(r#"{{"leads":[{}1]}}"#, many("1,")), Some(NO_LEADS)),
        (format!("{lead}{}", many("[")), Some(TOO_DEEP)),
        (format!("{lead}[{}0]}}", many("[0],")), None),
        (format!("{lead}{{{names}\"end\":1}}}}"), None),
        (format!(r#"{lead}"{}"}}"#, many(r"\u0041")), None),
    ];
    for (body, expected) in rows {
        let (began, shown) = (Instant::now(), body[..60].to_owned());
        let answer = send(&client, &program, body).await;
        match expected {
            Some((status, code, _)) => assert_eq!((answer.status, answer.code().as_str()), (status, code), "{shown}"),
            None => assert_eq!(codes(&answer), [""], "{shown}"),
        }
        // This is a busy machine and a build for debugging; what is not linear would take minutes.
        assert!(began.elapsed() < Duration::from_secs(4), "{:?} for {shown}", began.elapsed());
    }
}

async fn many_leads_need_a_key_and_json(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let body = json!({"leads": [{"customer_key": "u1", "program_id": program.id}]});
    let test: Value = json!({"leads": [{"additional_data": {"test_mode": true, "program_id": program.id}}]});
    let path = format!("/api/v1/track/leads?api_key={}", program.api_key);
    for (request, shown) in [
        (post(&client).body(body.to_string()), "no key"),
        (post(&client).body(test.to_string()), "test mode without a key"),
        (post(&client).header("Origin", "https://shop.example").body(body.to_string()), "a page"),
        (post(&client).bearer_auth("wrong").body(body.to_string()), "a wrong key"),
        (post(&client).bearer_auth("wrong").body("{"), "a wrong key is told first"),
        (client.request(Method::POST, &path).json(&body), "a key in the address"),
        (post(&client).bearer_auth(&program.api_key).bearer_auth(&program.api_key).body("{}"), "two keys"),
    ] {
        assert_refused(&Answer::to(request).await, NO_KEY, shown);
    }
    for kind in ["text/plain", "application/x-ndjson", "application/json; charset=utf-16"] {
        let request = client.request(Method::POST, "/api/v1/track/leads").bearer_auth(&program.api_key);
        let answer = Answer::to(request.header("Content-Type", kind).body(body.to_string())).await;
        assert_refused(&answer, MEDIA_TYPE, kind);
    }
    let with_both = client.request(Method::POST, &path).bearer_auth(&program.api_key).json(&body);
    let warnings = Answer::to(with_both).await.json()["results"][0]["warnings"].clone();
    assert_eq!(warnings, json!(["api_key was ignored: send the key as Authorization: Bearer"]));
}
