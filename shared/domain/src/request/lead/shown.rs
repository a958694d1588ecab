//! What is kept of a lead for people to look at.
#![allow(clippy::unwrap_used)]

use super::tests::read;

#[test]
fn what_is_shown_is_kept_without_addresses_tokens_and_passwords() {
    let body = r#"{"customer_key":"u1","session_id":"s-jane@example.com","page_url":"https://u:p@h/x?token=secret#f",
        "additional_data":{"test_mode":false,"event_name":"signup","who":["Jane <jane@example.com>"],"jane@x.de":1,"n":9007199254740993}}"#;
    let text = read(body, |lead| lead.details.render().0.unwrap());
    assert!(!text.contains("jane@") && !text.contains("secret") && !text.contains("u:p"), "{text}");
    for part in
        [r#""page_url":"https://h/x?token""#, r#""event_name":"signup""#, "j***@example.com", "9007199254740993"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    read(r#"{"customer_key":"u1"}"#, |lead| assert_eq!(lead.details.render().0, None));
}
