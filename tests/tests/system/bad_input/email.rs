//! The email address: optional, never a reason to lose a lead, never kept.

use serde_json::{Value, json};
use tests::{Client, Pipeline};

use super::{Expected, all_refused, all_taken};

const BAD_EMAIL: Expected = (400, "invalid_email", "email");
const DROPPED: &[&str] = &["email was dropped"];

on_both_shapes! {
    what_is_no_address_is_dropped_with_a_warning
    control_characters_and_other_types_are_refused
    spellings_of_one_address_have_one_digest_and_others_have_their_own
    the_mask_is_all_that_is_shown
}

fn of(email: &Value) -> String {
    json!({"customer_key": "u1", "email": email}).to_string()
}

async fn what_is_no_address_is_dropped_with_a_warning(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let (long, longer) = (format!("{}@example.com", "a".repeat(255)), "a".repeat(10_000));
    for email in ["not-an-email", "@", "a@", "@b.de", long.as_str(), longer.as_str()] {
        all_taken(&client, &program, [(&of(&json!(email)), DROPPED)]).await;
    }
    all_taken(
        &client,
        &program,
        [(&of(&json!("")), &[]), (&of(&Value::Null), &[]), (&of(&json!("a+b@example.com")), &[])],
    )
    .await;
}

async fn control_characters_and_other_types_are_refused(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    for email in
        [json!("a@b.de\r\nBcc:x@y.de"), json!("a\u{0}@b.de"), json!(["a@b.de"]), json!({}), json!(1), json!(true)]
    {
        all_refused(&client, &program, [(of(&email).as_bytes(), BAD_EMAIL)]).await;
    }
}

async fn spellings_of_one_address_have_one_digest_and_others_have_their_own(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let groups = [
        ["user@example.com", "User@Example.COM "],
        ["\u{fc}@ex\u{e4}mple.de", "\u{fc}@xn--exmple-cua.de"],
        ["a+tag@gmail.com", "A+TAG@gmail.com"],
        ["atag@gmail.com", "ATAG@GMAIL.COM"],
        ["a.tag@gmail.com", "A.tag@gmail.com"],
    ];
    for (number, email) in groups.iter().flatten().enumerate() {
        let lead = json!({"customer_key": format!("u{number}"), "email": email});
        client.customer_after(&program, &lead).await;
    }
    let stored = pipeline.stored().await;
    let digests = stored.email_digests(program.id.get()).await;
    stored.close().await;
    assert_eq!(digests.len(), groups.len() * 2);
    for pair in digests.chunks(2) {
        assert!(pair[0].is_some());
        assert_eq!(pair[0], pair[1], "two spellings of one address");
    }
    let distinct: std::collections::BTreeSet<_> = digests.iter().collect();
    assert_eq!(distinct.len(), groups.len(), "no other folding");
}

async fn the_mask_is_all_that_is_shown(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let customer =
        client.customer_after(&program, &json!({"customer_key": "u1", "email": "Jane.Doe@Example.com"})).await;
    assert_eq!(customer["email_masked"], "j***@example.com");
    assert!(!customer.to_string().to_lowercase().contains("jane.doe"), "{customer}");
}
