//! `customer_key`, `click_id` and `click_ids`: what identifies is read exactly or refused.

use serde_json::{Value, json};
use tests::{Client, Pipeline};

use super::{BAD_CLICK_ID, BAD_KEY, CONTROL, Expected, all_refused, all_taken, send};

const NO_STRING: Expected = (400, "invalid_customer_key", "customer_key must be a string");
const PLACEHOLDER: Expected = (400, "placeholder_key", "customer_key is a placeholder");
const BAD_CLICK_IDS: Expected = (400, "invalid_click_ids", "click_ids");

on_both_shapes! {
    keys_of_another_type_are_refused
    keys_of_odd_length_or_direction_are_refused
    whole_numbers_are_kept_digit_by_digit
    keys_are_kept_byte_for_byte
    an_address_as_key_is_taken_with_a_warning
    ascii_white_space_around_a_key_is_trimmed
    placeholders_count_as_absent
    click_ids_of_odd_form_are_refused
    lists_of_click_ids_are_bounded
}

async fn keys_of_another_type_are_refused(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let digits = format!(r#"{{"customer_key":{}}}"#, "9".repeat(400));
    all_refused(
        &client,
        &program,
        [
            (br#"{"customer_key":1.5}"#, NO_STRING),
            (br#"{"customer_key":1e3}"#, NO_STRING),
            (br#"{"customer_key":-0}"#, NO_STRING),
            (br#"{"customer_key":1e400}"#, NO_STRING),
            (digits.as_bytes(), NO_STRING),
            (br#"{"customer_key":true}"#, NO_STRING),
            (br#"{"customer_key":{}}"#, NO_STRING),
            (br#"{"customer_key":[]}"#, NO_STRING),
        ],
    )
    .await;
}

async fn keys_of_odd_length_or_direction_are_refused(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let of = |key: String| json!({"customer_key": key}).to_string();
    let (longest, longer, heavy) = (of("k".repeat(255)), of("k".repeat(256)), of("\u{20ac}".repeat(171)));
    all_taken(&client, &program, [(&longest, &[])]).await;
    all_refused(
        &client,
        &program,
        [
            (longer.as_bytes(), BAD_KEY),
            (heavy.as_bytes(), BAD_KEY),
            (of("a\u{202e}b".into()).as_bytes(), CONTROL),
            (of("a\u{2066}b".into()).as_bytes(), CONTROL),
            (of("a\u{61c}b".into()).as_bytes(), CONTROL),
            (of("a\u{200f}b".into()).as_bytes(), CONTROL),
            (of("a\u{2028}b".into()).as_bytes(), CONTROL),
        ],
    )
    .await;
}

async fn whole_numbers_are_kept_digit_by_digit(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    for number in ["12345", "9007199254740993", "18446744073709551615", "-9223372036854775808"] {
        let receipt = send(&client, &program, format!(r#"{{"customer_key":{number}}}"#)).await.event_id();
        assert_eq!(client.recorded(&program, &receipt).await["customer_key"], number);
        let again = client.customer_after(&program, &json!({"customer_key": number})).await;
        assert_eq!(again["events_total"], 2, "{number} as text is the same customer");
    }
}

async fn keys_are_kept_byte_for_byte(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let keys = [
        "\u{e9}",
        "e\u{301}",
        "USR_1",
        "usr_1",
        "\u{ff55}\u{ff53}\u{ff52}_1",
        "us\u{440}_1",
        "\u{130}",
        "i\u{307}",
        "a\u{a0}b",
        "a\u{200d}b",
        "a\u{200b}b",
        "\u{ffff}",
        "\u{e000}",
        "\u{378}",
        "' OR 1=1--",
        "\"; DROP TABLE leads;--",
        "$1",
        "%s",
        "\\",
        "<script>alert(1)</script>",
        "{{7*7}}",
        "javascript:alert(1)",
        "=cmd|'/C calc'!A0",
        "+1",
        "@SUM",
        "../../etc/passwd",
        "%00",
        "%0d%0aSet-Cookie",
        "jane@localhost",
    ];
    let mut receipts = Vec::new();
    for key in keys {
        let answer = client.send_lead(&program, &json!({"customer_key": key})).await;
        assert_eq!((answer.status, answer.warnings().len()), (200, 0), "{key}: {answer:?}");
        receipts.push(answer.event_id());
    }
    for (key, receipt) in keys.into_iter().zip(receipts) {
        let event = client.recorded(&program, &receipt).await;
        assert_eq!((&event["customer_key"], &event["state"]), (&json!(key), &json!("recorded")), "one customer each");
    }
}

async fn an_address_as_key_is_taken_with_a_warning(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let body = r#"{"customer_key":"jane@example.com"}"#;
    all_taken(&client, &program, [(body, &["customer_key is an email address"])]).await;
}

async fn ascii_white_space_around_a_key_is_trimmed(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let mut customer = Value::Null;
    for key in [" usr_1", "usr_1 ", "usr_1\n", "\t\r\u{c} usr_1"] {
        let receipt = client.send_lead(&program, &json!({"customer_key": key})).await.event_id();
        client.recorded(&program, &receipt).await;
        customer = client.customer(&program, "usr_1").await.json();
    }
    assert_eq!((&customer["customer_key"], &customer["events_total"]), (&json!("usr_1"), &json!(4)));
    let wide = client.customer_after(&program, &json!({"customer_key": "\u{a0}usr_1"})).await;
    assert_eq!((&wide["customer_key"], &wide["events_total"]), (&json!("\u{a0}usr_1"), &json!(1)));
}

async fn placeholders_count_as_absent(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let click_id = client.click_id(&program.code).await;
    let placeholders = [
        "undefined",
        "null",
        "NaN",
        "none",
        "nil",
        "true",
        "false",
        "0",
        "anonymous",
        "guest",
        "unknown",
        "missing-id",
        "not_authenticated",
        "distinct_id",
        "id",
        "email",
        "[object Object]",
        "UNDEFINED",
        " Guest ",
    ];
    for placeholder in placeholders {
        let alone = json!({"customer_key": placeholder}).to_string();
        all_refused(&client, &program, [(alone.as_bytes(), PLACEHOLDER)]).await;
        let with_click = json!({"customer_key": placeholder, "click_id": click_id}).to_string();
        all_taken(&client, &program, [(&with_click, &["customer_key is a placeholder"])]).await;
    }
    all_refused(&client, &program, [(br#"{"customer_key":0}"#, PLACEHOLDER)]).await;
    all_taken(&client, &program, [(r#"{"click_id":"undefined","customer_key":"u1"}"#, &["click_id is a placeholder"])])
        .await;
}

async fn click_ids_of_odd_form_are_refused(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let of = |click_id: Value| json!({"customer_key": "u1", "click_id": click_id}).to_string();
    all_taken(&client, &program, [(&of(json!("x".repeat(128))), &[]), (&of(json!("A.b_c:d-1")), &[])]).await;
    all_refused(
        &client,
        &program,
        [
            (of(json!("x".repeat(129))).as_bytes(), BAD_CLICK_ID),
            (of(json!("a b")).as_bytes(), BAD_CLICK_ID),
            (of(json!("a/b")).as_bytes(), BAD_CLICK_ID),
            (of(json!("\u{e9}")).as_bytes(), BAD_CLICK_ID),
            (of(json!("a\u{0}")).as_bytes(), BAD_CLICK_ID),
            (of(json!(42)).as_bytes(), BAD_CLICK_ID),
            (of(json!(["a"])).as_bytes(), BAD_CLICK_ID),
            (of(json!({})).as_bytes(), BAD_CLICK_ID),
        ],
    )
    .await;
}

async fn lists_of_click_ids_are_bounded(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let of = |click_ids: Value| json!({"customer_key": "u1", "click_ids": click_ids}).to_string();
    let distinct = |count: usize| (0..count).map(|number| json!(format!("c{number}"))).collect::<Vec<Value>>();
    let folded: Vec<Value> = distinct(20).into_iter().chain(distinct(20)).collect();
    all_taken(&client, &program, [(&of(json!(distinct(20))), &[]), (&of(json!(folded)), &[])]).await;
    all_refused(
        &client,
        &program,
        [
            (of(json!(distinct(21))).as_bytes(), BAD_CLICK_IDS),
            (of(json!([["a"]])).as_bytes(), BAD_CLICK_IDS),
            (of(json!([1])).as_bytes(), BAD_CLICK_IDS),
            (of(json!(["x".repeat(129)])).as_bytes(), BAD_CLICK_IDS),
            (of(json!("c1")).as_bytes(), BAD_CLICK_IDS),
            (of(json!({"a": "c1"})).as_bytes(), BAD_CLICK_IDS),
        ],
    )
    .await;
    let huge = of(json!(["x".repeat(1_000_000)]));
    assert_eq!(send(&client, &program, huge).await.status, 413);
}
