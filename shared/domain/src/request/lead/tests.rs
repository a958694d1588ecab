//! The parser of leads, row by row of what careless and hostile clients send, and against arbitrary bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::request::{FaultCode::*, MAX_DEPTH, sentence};

fn peppers() -> Keyring {
    Keyring::new([('a', [3; 32])]).unwrap()
}

fn refused(body: &[u8]) -> (FaultCode, String) {
    let faults = LeadRequest::parse(body, &peppers()).err().unwrap_or_default().faults;
    let code = faults.first().unwrap_or_else(|| panic!("accepted: {}", String::from_utf8_lossy(body))).code;
    (code, sentence(&faults))
}

pub(super) fn read<T>(body: &str, look: impl FnOnce(LeadRequest<'_>) -> T) -> T {
    match LeadRequest::parse(body.as_bytes(), &peppers()) {
        Ok(lead) => look(lead),
        Err(Faulty { faults, .. }) => panic!("{body}: {faults:?}"),
    }
}

pub(super) fn key(body: &str) -> String {
    read(body, |lead| lead.customer_key.unwrap().as_str().to_owned())
}

pub(super) fn warnings(body: &str) -> Vec<Warning> {
    read(body, |lead| lead.details.warnings)
}

pub(super) fn with_key(value: &str) -> String {
    format!(r#"{{"customer_key":{value}}}"#)
}

#[test]
fn what_is_not_json_is_said_to_be_invalid() {
    let bodies: [&[u8]; 24] = [
        b"",
        b"{",
        br#"{"a":}"#,
        br#"{"customer_key":"a""#,
        br#"{"customer_key":"a",}"#,
        b"{\"customer_key\":\"\0\"}",
        b"{\"customer_key\":\"\xff\"}",
        b"{\"customer_key\":\"\xc0\xaf\"}",
        b"{\"customer_key\":\"\xed\xa0\x80\"}",
        b"\xef\xbb\xbf{\"customer_key\":\"a\"}",
        br#"{"customer_key":NaN}"#,
        br#"{"customer_key":Infinity}"#,
        br#"{'customer_key':'a'}"#,
        br#"{"customer_key":0x10}"#,
        b"{\"customer_key\":\"a\"}// x",
        b"{}{}",
        b"{\"customer_key\":\"a\"}\n{}",
        b"{\"customer_key\":\"a\tb\"}",
        b"{\"unknown\":\"\xff\",\"customer_key\":\"a\"}",
        br#"{"customer_key":"\u12"}"#,
        br#"{"customer_key":"\x41"}"#,
        br#"{"customer_key":01}"#,
        br#"{"customer_key":+1}"#,
        b"                                                               ",
    ];
    for body in bodies {
        assert_eq!(refused(body), (InvalidJson, "Invalid JSON body".to_owned()), "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn a_body_is_an_object() {
    for body in ["null", "[]", "\"x\"", "42", "true", "1.5"] {
        assert_eq!(refused(body.as_bytes()), (NotAnObject, "body must be a JSON object".to_owned()));
    }
}

#[test]
fn a_lead_names_somebody() {
    for body in [
        "{}",
        r#"{"click_id":null,"customer_key":null}"#,
        r#"{"click_id":"","customer_key":""}"#,
        r#"{"click_id":"  ","customer_key":" \t\r\n"}"#,
        r#"{"click_id":"undefined"}"#,
        r#"{"click_ids":[null,""]}"#,
        r#"{"email":"a@b.de","test_mode":true}"#,
        r#"{"additional_data":{"nested":{"test_mode":true}}}"#,
    ] {
        assert_eq!(refused(body.as_bytes()), (IdentityRequired, "click_id or customer_key is required".to_owned()));
    }
}

#[test]
fn names_are_exact_and_the_sentence_helps() {
    for name in ["Customer_Key", "customerKey", "CUSTOMER-KEY"] {
        let (code, text) = refused(format!(r#"{{"{name}":"a"}}"#).as_bytes());
        assert_eq!(code, IdentityRequired);
        assert!(
            text.starts_with("click_id or customer_key is required") && text.ends_with("write customer_key"),
            "{text}"
        );
    }
}

#[test]
fn null_and_empty_mean_absent() {
    for body in [
        r#"{"click_id":null,"customer_key":"u1"}"#,
        r#"{"click_id":"","customer_key":"u1"}"#,
        r#"{"customer_key":"u1","email":null,"session_id":"","program_id":null,"click_ids":null,"additional_data":"","debug_mode":null,
            "has_attribution":"","page_url":null}"#,
        r#"{"customer_key":"u1","additional_data":{"test_mode":null,"program_id":"","event_name":null}}"#,
    ] {
        read(body, |lead| {
            assert!(
                lead.click_id.is_none() && lead.program.is_none() && !lead.test && lead.details.warnings.is_empty()
            );
        });
    }
}

#[test]
fn a_whole_number_is_read_as_its_exact_text() {
    for number in ["12345", "9007199254740993", "18446744073709551615", "-9223372036854775808", "-7"] {
        assert_eq!(key(&with_key(number)), number);
    }
}

#[test]
fn other_numbers_and_types_are_no_key() {
    let digits = "9".repeat(400);
    for value in [
        "1.5",
        "1e3",
        "-0",
        "1e400",
        "-1e400",
        "0.0",
        digits.as_str(),
        "18446744073709551616",
        "-9223372036854775809",
        "true",
        "{}",
        "[]",
        r#"["a"]"#,
    ] {
        let expected = (InvalidCustomerKey, "customer_key must be a string".to_owned());
        assert_eq!(refused(with_key(value).as_bytes()), expected, "{value}");
    }
}

#[test]
fn a_member_given_twice_is_refused_wherever_it_stands() {
    let many: String = (0..40).map(|n| format!(r#""n{n}":1,"#)).collect();
    for (body, named) in [
        (r#"{"customer_key":"a","customer_key":"b"}"#.to_owned(), "customer_key"),
        (r#"{"customer_key":"a","customer\u005fkey":"a"}"#.to_owned(), "customer_key"),
        (r#"{"customer_key":"a","x":{"y":[{"z":1,"z":1}]}}"#.to_owned(), "x.y.z"),
        (r#"{"customer_key":"a","unknown":1,"unknown":1}"#.to_owned(), "unknown"),
        (format!(r#"{{{many}"customer_key":"a","n7":2}}"#), "n7"),
        (r#"{"a@b.de":1,"a@b.de":2}"#.to_owned(), "a member with an unusual name"),
    ] {
        assert_eq!(refused(body.as_bytes()), (DuplicateMember, format!("{named} is given twice")), "{body}");
    }
}

#[test]
fn half_a_surrogate_pair_is_refused_and_a_whole_one_read() {
    for escape in [r"\ud83d", r"\ude00", r"\ud83dx", r"\ud83d\u0041", r"\ud83d\n"] {
        let expected = (InvalidCustomerKey, "customer_key contains half of a surrogate pair".to_owned());
        assert_eq!(refused(with_key(&format!("\"{escape}\"")).as_bytes()), expected, "{escape}");
    }
    let unknown = refused(br#"{"customer_key":"a","x":{"y":"\ud83d"}}"#);
    assert_eq!(unknown, (InvalidMember, "x.y contains half of a surrogate pair".to_owned()));
    assert_eq!(refused(br#"{"customer_key":"a","\ud83d":1}"#).0, InvalidMember);
    assert_eq!(key(&with_key(r#""\ud83d\ude00""#)), "😀");
}

#[test]
fn depth_is_bounded_everywhere() {
    let nested = |levels: usize| format!(r#"{{"customer_key":"a","x":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    read(&nested(MAX_DEPTH - 1), |_| ());
    assert_eq!(refused(nested(MAX_DEPTH).as_bytes()), (TooDeep, "x is nested deeper than 16 levels".to_owned()));
    let deep = format!(r#"{{"customer_key":{}"#, "[".repeat(10_000));
    assert_eq!(refused(deep.as_bytes()).0, TooDeep);
}

#[test]
fn ten_thousand_bytes_of_unknown_members_are_ignored() {
    let many: String = (0..1_500).map(|n| format!(r#""n{n}":1,"#)).collect();
    assert_eq!(key(&format!(r#"{{{many}"__proto__":{{}},"constructor":1,"customer_key":"a"}}"#)), "a");
    read(r#"{"customer_key":"a","is_test":true,"received_at":1,"auth_rank":0}"#, |lead| assert!(!lead.test));
}

#[test]
fn control_characters_in_a_key_are_refused() {
    for escape in
        [r"\u0000", r"\u0001", r"\u007f", r"\u0085", r"\r", r"\n", r"\t", r"\u2028", r"\u202e", r"\u2066", r"\u061c"]
    {
        let expected = (InvalidCustomerKey, "customer_key contains control characters".to_owned());
        assert_eq!(refused(with_key(&format!("\"a{escape}b\"")).as_bytes()), expected, "{escape}");
    }
}

#[test]
fn any_other_key_is_kept_byte_for_byte() {
    for text in [
        "' OR 1=1--",
        "\u{a0}x\u{200b}y\u{200d}z",
        "e\u{301}",
        "é",
        "$1",
        "%s",
        "<script>alert(1)</script>",
        "../../etc/passwd",
        "%00",
        "=cmd|'/C calc'!A0",
        "jane@example.com",
        "ｕｓｒ",
        "\u{ffff}",
    ] {
        assert_eq!(key(&with_key(&format!("\"{text}\""))), text);
    }
    assert_eq!(key(&with_key(r#"" usr_1\n""#)), "usr_1");
    assert_eq!(key(&with_key(&format!("\"{}\"", "a".repeat(255)))).len(), 255);
    assert_eq!(refused(with_key(&format!("\"{}\"", "a".repeat(256))).as_bytes()).0, InvalidCustomerKey);
    assert_eq!(refused(with_key(&format!("\"{}\"", "€".repeat(171))).as_bytes()).0, InvalidCustomerKey);
}

#[test]
fn a_placeholder_counts_as_absent() {
    for placeholder in ["undefined", "NULL", "NaN", "[object Object]", "anonymous", " guest "] {
        let (code, _) = refused(with_key(&format!("\"{placeholder}\"")).as_bytes());
        assert_eq!(code, PlaceholderKey);
        let body = format!(r#"{{"click_id":"c1","customer_key":"{placeholder}"}}"#);
        assert_eq!(warnings(&body), [Warning::PlaceholderCustomerKey]);
    }
    assert_eq!(refused(with_key("0").as_bytes()).0, PlaceholderKey);
    assert_eq!(refused(br#"{"click_id":"null","customer_key":"null"}"#).0, PlaceholderKey);
    let body = r#"{"click_id":"undefined","customer_key":"u1"}"#;
    assert_eq!(warnings(body), [Warning::PlaceholderClickId]);
    read(body, |lead| assert!(lead.click_id.is_none()));
}

#[test]
fn click_ids_are_checked_for_their_characters() {
    let long = format!("\"{}\"", "a".repeat(129));
    for value in ["\"a b\"", "\" a\"", "\"é\"", "1", "[]", "{}", "true", "1e400", &long, r#""a\u0000""#] {
        let body = format!(r#"{{"click_id":{value},"customer_key":"u1"}}"#);
        assert_eq!(refused(body.as_bytes()).0, InvalidClickId, "{value}");
    }
    let body = format!(r#"{{"click_id":"{}"}}"#, "a".repeat(128));
    read(&body, |lead| assert_eq!(lead.click_id.unwrap().len(), 128));
}

#[test]
fn a_list_of_click_ids_has_at_most_twenty_distinct_ones() {
    let list = |count: usize| (0..count).map(|n| format!("\"c{n}\"")).collect::<Vec<_>>().join(",");
    let body = |list: &str| format!(r#"{{"customer_key":"u1","click_ids":[{list}]}}"#);
    read(&body(&format!("{},\"c0\",null,\"\",\"undefined\"", list(20))), |lead| assert_eq!(lead.click_ids.len(), 20));
    assert_eq!(refused(body(&list(21)).as_bytes()).0, InvalidClickIds);
    for bad in ["[\"c\"]", "1", "{}", "\"a b\""] {
        assert_eq!(refused(body(bad).as_bytes()).0, InvalidClickIds, "{bad}");
    }
    assert_eq!(refused(br#"{"customer_key":"u1","click_ids":"c1"}"#).0, InvalidClickIds);
}

#[test]
fn an_email_that_is_none_costs_no_lead_and_a_control_character_does() {
    let long = "a".repeat(10_000);
    for email in ["not-an-email", "@", "a@b", long.as_str(), "a\u{202e}@b.de"] {
        let body = format!(r#"{{"customer_key":"u1","email":"{email}"}}"#);
        assert_eq!(warnings(&body), [Warning::EmailDropped], "{email}");
        read(&body, |lead| assert_eq!(lead.email, None));
    }
    for email in [r#""a@b.de\r\nBcc:x""#, r#""a\u0000@b.de""#, "[]", "1", "{}", "true"] {
        let body = format!(r#"{{"customer_key":"u1","email":{email}}}"#);
        assert_eq!(refused(body.as_bytes()).0, InvalidEmail, "{email}");
    }
    let mark = |email: &str| read(&format!(r#"{{"customer_key":"u1","email":"{email}"}}"#), |lead| lead.email.unwrap());
    assert_eq!(mark("User@Example.COM "), mark("user@example.com"));
    assert_eq!(mark("ü@exämple.de"), mark("ü@xn--exmple-cua.de"));
}

#[test]
fn a_program_is_a_whole_number_or_its_text() {
    for value in ["1", "\"1\"", "999999999999999999", "\"999999999999999999\""] {
        read(&format!(r#"{{"customer_key":"u1","program_id":{value}}}"#), |lead| {
            assert_eq!(lead.program.unwrap().to_string(), value.trim_matches('"'));
        });
    }
    for value in [
        "\"YOUR_PROGRAM_ID\"",
        "0",
        "-1",
        "1.0",
        "1e3",
        "1e400",
        "\"01\"",
        "\" 1\"",
        "\"+1\"",
        "true",
        "[]",
        "1000000000000000000",
    ] {
        for body in [
            format!(r#"{{"customer_key":"u1","program_id":{value}}}"#),
            format!(r#"{{"customer_key":"u1","additional_data":{{"program_id":{value}}}}}"#),
        ] {
            let (code, text) = refused(body.as_bytes());
            assert!(matches!(code, InvalidProgramId | InvalidAdditionalData), "{body}");
            assert!(text.contains("program_id must be a program number") || value == "1e400", "{text}");
        }
    }
    let (code, _) = refused(br#"{"customer_key":"u1","program_id":1,"additional_data":{"program_id":2}}"#);
    assert_eq!(code, InvalidProgramId);
}

#[test]
fn additional_data_is_a_small_flat_object() {
    let data = |value: &str| format!(r#"{{"customer_key":"u1","additional_data":{value}}}"#);
    let sized = |bytes: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - r#"{"a":""}"#.len()));
    let deep = |levels: usize| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
    read(&data(&sized(4_096)), |_| ());
    read(&data(&deep(5)), |_| ());
    read(&data(r#"{"event_name":"🎉"}"#), |_| ());
    let event_name = format!(r#"{{"event_name":"{}"}}"#, "x".repeat(10_000));
    for value in [
        "\"x\"",
        "[]",
        "1",
        "true",
        &sized(4_097),
        &deep(6),
        r#"{"event_name":1}"#,
        &event_name,
        r#"{"a":"\u0007"}"#,
        r#"{"a\n":1}"#,
        r#"{"test_mode":"true"}"#,
        r#"{"test_mode":1}"#,
        r#"{"a":1e400}"#,
    ] {
        assert_eq!(refused(data(value).as_bytes()).0, InvalidAdditionalData, "{value}");
    }
}

#[test]
fn test_mode_is_the_boolean_and_needs_nobody() {
    for body in [r#"{"additional_data":{"test_mode":true,"program_id":1}}"#, r#"{"debug_mode":true,"program_id":"1"}"#]
    {
        read(body, |lead| assert!(lead.test && lead.program.unwrap().get() == 1));
    }
    assert_eq!(refused(br#"{"customer_key":"u1","debug_mode":"yes"}"#).0, InvalidMember);
    assert_eq!(refused(br#"{"customer_key":"u1","has_attribution":1}"#).0, InvalidMember);
}

#[test]
fn a_session_id_is_strict_and_a_page_address_is_not() {
    let long = "x".repeat(129);
    for value in ["1", "[]", &format!("\"{long}\""), r#""a\u0001""#] {
        let body = format!(r#"{{"customer_key":"u1","session_id":{value}}}"#);
        assert_eq!(refused(body.as_bytes()).0, InvalidSessionId);
    }
    let long = "x".repeat(3_000);
    for value in [long.as_str(), r"a\u0000b"] {
        let body = format!(r#"{{"customer_key":"u1","page_url":"{value}"}}"#);
        assert_eq!(warnings(&body), [Warning::PageUrlDropped]);
    }
    assert!(warnings(r#"{"customer_key":"u1","page_url":"javascript:alert(1)"}"#).is_empty());
    assert_eq!(refused(br#"{"customer_key":"u1","page_url":1}"#).0, InvalidMember);
    assert_eq!(warnings(r#"{"customer_key":"u1","api_key":"affk_x"}"#), [Warning::ApiKeyIgnored]);
}

#[test]
fn all_faults_are_told_at_once() {
    let (code, text) = refused(br#"{"click_id":1,"customer_key":true,"email":[],"program_id":"x"}"#);
    assert_eq!(code, InvalidClickId);
    assert_eq!(text.split("; ").count(), 4, "{text}");
}

#[test]
fn a_refused_body_still_says_which_program_it_names() {
    let faulty = |body: &'static str| LeadRequest::parse(body.as_bytes(), &peppers()).unwrap_err();
    let named = faulty(r#"{"program_id":7,"click_id":"a","click_ids":["b"],"email":1}"#);
    assert_eq!((named.program.unwrap().get(), named.click_ids), (7, vec!["a".into(), "b".into()]));
    assert_eq!(faulty(r#"{"additional_data":{"program_id":"7","test_mode":1}}"#).program.unwrap().get(), 7);
    assert_eq!(faulty(r#"{"program_id":"x","click_id":1}"#).program, None);
    assert_eq!(faulty("{").program, None);
}
