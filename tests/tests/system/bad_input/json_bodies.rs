//! Bodies that are no JSON, no object, or JSON that two readers would read differently.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::{Answer, Client, Pipeline};

use super::{BAD_JSON, BAD_KEY, CONTROL, Expected, REQUIRED, all_refused, all_taken, assert_refused, send};

const NO_OBJECT: Expected = (400, "body_not_an_object", "body must be a JSON object");
const TWICE: Expected = (400, "duplicate_member", "");
const TOO_LARGE: Expected = (413, "body_too_large", "");
const MEDIA_TYPE: Expected = (415, "unsupported_media_type", "");

on_both_shapes! {
    what_is_no_json_is_refused
    what_is_no_object_or_names_nobody_is_refused
    members_given_twice_are_refused
    control_characters_and_broken_encodings_are_refused
    null_and_empty_are_absent
    unknown_members_are_ignored
    large_and_deep_bodies_are_refused_quickly
    what_is_not_sent_as_json_in_utf8_is_refused
    a_pair_of_surrogates_is_the_character_itself
}

async fn what_is_no_json_is_refused(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    all_refused(
        &client,
        &program,
        [
            (b"", (400, "invalid_json", "Invalid JSON body")),
            (b"{", BAD_JSON),
            (br#"{"a":}"#, BAD_JSON),
            (br#"{"customer_key":"a""#, BAD_JSON),
            (br#"{"customer_key":"a",}"#, BAD_JSON),
            (br#"{"customer_key":NaN}"#, BAD_JSON),
            (br#"{"customer_key":Infinity}"#, BAD_JSON),
            (br#"{'customer_key':'single'}"#, BAD_JSON),
            (br#"{"customer_key":"a"/* comment */}"#, BAD_JSON),
            (br#"{"customer_key":0x10}"#, BAD_JSON),
            (br#"{"customer_key":01}"#, BAD_JSON),
            (br#"{"customer_key":"a"}{"customer_key":"b"}"#, BAD_JSON),
            (b"{\"customer_key\":\"a\"}\n{\"customer_key\":\"b\"}", BAD_JSON),
            (b"{\"customer_key\":\"a\"}\0", BAD_JSON),
            (b"\xef\xbb\xbf{\"customer_key\":\"a\"}", BAD_JSON),
            (&[b' '; 16_384], BAD_JSON),
        ],
    )
    .await;
}

async fn what_is_no_object_or_names_nobody_is_refused(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    all_refused(
        &client,
        &program,
        [
            (b"null", NO_OBJECT),
            (b"[]", NO_OBJECT),
            (br#""x""#, NO_OBJECT),
            (b"42", NO_OBJECT),
            (b"true", NO_OBJECT),
            (b"{}", REQUIRED),
            (br#"{"click_id":null,"customer_key":null}"#, REQUIRED),
            (br#"{"click_id":"","customer_key":""}"#, REQUIRED),
            (br#"{"click_id":"  ","customer_key":" \t\r\n "}"#, REQUIRED),
            (br#"{"click_ids":[],"customer_key":null}"#, REQUIRED),
            (br#"{"Customer_Key":"a"}"#, REQUIRED),
            (br#"{"customerKey":"a"}"#, REQUIRED),
        ],
    )
    .await;
    let hint = send(&client, &program, r#"{"customerKey":"a"}"#).await.error();
    assert!(hint.ends_with("write customer_key"), "{hint}");
}

async fn members_given_twice_are_refused(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    all_refused(
        &client,
        &program,
        [
            (br#"{"customer_key":"a","customer_key":"b"}"#, (400, "duplicate_member", "customer_key")),
            (br#"{"customer_key":"a","customer_key":"a"}"#, TWICE),
            (br#"{"customer_key":"a","customer\u005fkey":"b"}"#, TWICE),
            (br#"{"customer_key":"a","x":1,"x":1}"#, TWICE),
            (br#"{"customer_key":"a","x":{"y":[{"z":1,"z":2}]}}"#, TWICE),
            (br#"{"customer_key":"a","additional_data":{"test_mode":false,"test_mode":true}}"#, TWICE),
        ],
    )
    .await;
}

async fn control_characters_and_broken_encodings_are_refused(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    all_refused(
        &client,
        &program,
        [
            (br#"{"customer_key":"a\u0000b"}"#, CONTROL),
            (br#"{"customer_key":"a\u0001b"}"#, CONTROL),
            (br#"{"customer_key":"a\u007fb"}"#, CONTROL),
            (br#"{"customer_key":"a\u0085b"}"#, CONTROL),
            (br#"{"customer_key":"a\rb"}"#, CONTROL),
            (br#"{"customer_key":"a\nb"}"#, CONTROL),
            (br#"{"customer_key":"a\tb"}"#, CONTROL),
            (br#"{"customer_key":"x\nlevel=error msg=forged"}"#, CONTROL),
            (b"{\"customer_key\":\"a\0b\"}", BAD_JSON),
            (b"{\"customer_key\":\0}", BAD_JSON),
            (b"{\"customer_key\":\"\xff\"}", BAD_JSON),
            (b"{\"customer_key\":\"\xc0\xaf\"}", BAD_JSON),
            (b"{\"customer_key\":\"\xed\xa0\xbd\xed\xb8\x80\"}", BAD_JSON),
            (br#"{"customer_key":"\ud83d"}"#, BAD_KEY),
            (br#"{"customer_key":"\ude00"}"#, BAD_KEY),
            (br#"{"customer_key":"a","x":"\ud83d"}"#, (400, "invalid_member", "x")),
        ],
    )
    .await;
}

async fn null_and_empty_are_absent(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    all_taken(&client, &program, [
        (r#"{"click_id":null,"customer_key":"u1"}"#, &[]),
        (r#"{"click_id":"","customer_key":"u1"}"#, &[]),
        (r#"{"customer_key":"u1","email":null,"session_id":"","page_url":null,"program_id":"","click_ids":null,"additional_data":null,"debug_mode":null,"has_attribution":""}"#, &[]),
    ])
    .await;
}

async fn unknown_members_are_ignored(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let many: String = (0..1_200).map(|number| format!("\"n{number}\":1,")).collect();
    all_taken(
        &client,
        &program,
        [
            (r#"{"__proto__":{"a":1},"constructor":{"prototype":1},"customer_key":"u1"}"#, &[]),
            (
                r#"{"is_test":true,"received_at":"1970-01-01","auth_rank":0,"test_mode":true,"customer_key":"u1"}"#,
                &["test_mode was ignored"],
            ),
            (&format!(r#"{{{many}"customer_key":"u1"}}"#), &[]),
        ],
    )
    .await;
    let answer =
        send(&client, &program, r#"{"customer_key":"u2","is_test":true,"test_mode":true,"status":"conversion"}"#).await;
    let event = client.recorded(&program, &answer.event_id()).await;
    assert!(event.get("test").is_none(), "{event}");
    assert_eq!(client.customer(&program, "u2").await.json()["status"], "lead");
}

async fn large_and_deep_bodies_are_refused_quickly(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let twice = format!(r#"{{{}"customer_key":"a"}}"#, r#""x":1,"#.repeat(2_000));
    let deep = format!(r#"{{"customer_key":{}"#, "[".repeat(10_000));
    let rows: [(&str, Expected); 4] = [
        (&deep, (400, "too_deep", "")),
        (&twice, TWICE),
        (&format!(r#"{{"customer_key":"{}"}}"#, r"\u0041".repeat(2_700)), BAD_KEY),
        (&format!(r#"{{"customer_key":"a","x":"{}"}}"#, "x".repeat(16_385 - 27)), TOO_LARGE),
    ];
    for (body, expected) in rows {
        let began = Instant::now();
        let answer = send(&client, &program, body.to_owned()).await;
        assert_refused(&answer, expected, &body[..60]);
        // A flood of hashes or a stack of levels would take minutes; this is a busy machine and a build for debugging.
        assert!(began.elapsed() < Duration::from_secs(2), "{:?} for {}", began.elapsed(), &body[..60]);
    }
    let largest = format!(r#"{{"customer_key":"a","x":"{}"}}"#, "x".repeat(16_384 - 27));
    assert_eq!(largest.len(), 16_384);
    assert_eq!(send(&client, &program, largest).await.status, 200);
}

async fn what_is_not_sent_as_json_in_utf8_is_refused(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let body = r#"{"customer_key":"u1"}"#;
    let keyed = || client.lead().bearer_auth(&program.api_key);
    for kind in [
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain",
        "text/html",
        "application/json; charset=iso-8859-1",
        "application/json; charset=utf-16",
    ] {
        assert_refused(&Answer::to(keyed().header("Content-Type", kind).body(body)).await, MEDIA_TYPE, kind);
    }
    assert_refused(&Answer::to(keyed().body(body)).await, MEDIA_TYPE, "no content type");
    let wide: Vec<u8> = body.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_refused(&send(&client, &program, wide).await, MEDIA_TYPE, "UTF-16");
    let wider: Vec<u8> = body.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect();
    assert_refused(&send(&client, &program, wider).await, MEDIA_TYPE, "UTF-32");
    let packed = keyed().header("Content-Type", "application/json").header("Content-Encoding", "gzip").body(body);
    assert_refused(&Answer::to(packed).await, (415, "unsupported_encoding", ""), "gzip");
    for kind in ["application/json; charset=utf-8", "application/vnd.x+json", "Application/JSON"] {
        assert_eq!(Answer::to(keyed().header("Content-Type", kind).body(body)).await.status, 200, "{kind}");
    }
}

async fn a_pair_of_surrogates_is_the_character_itself(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let escaped = send(&client, &program, r#"{"customer_key":"\ud83d\ude00"}"#).await;
    client.recorded(&program, &escaped.event_id()).await;
    let customer = client.customer_after(&program, &json!({"customer_key": "\u{1f600}"})).await;
    assert_eq!((&customer["customer_key"], &customer["events_total"]), (&json!("\u{1f600}"), &json!(2)));
}
