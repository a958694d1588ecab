//! Which bulk bodies are none, and that a lead's own faults stay its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::keyring::Keyring;
use crate::request::{LeadRequest, MAX_DEPTH};
use proptest::prelude::*;

const NO_LIST: &str = "leads must be a list of 1 to 1000 leads";

fn refused(body: &[u8]) -> (FaultCode, String) {
    let fault = leads_of(body).expect_err("a fault");
    (fault.code, fault.message.into_owned())
}

fn code_of_lead(text: &str) -> Option<FaultCode> {
    let peppers = Keyring::new([('a', [3; 32])]).unwrap();
    LeadRequest::parse(text.as_bytes(), &peppers).err().map(|faulty| faulty.faults[0].code)
}

#[test]
fn the_text_of_each_lead_is_handed_on_as_it_was_sent() {
    let body = br#" { "x":[1] , "le\u0061ds" : [ {"customer_key": "a"} , 7,null ,{"a":[{}]}]}  "#;
    assert_eq!(leads_of(body).unwrap(), [r#"{"customer_key": "a"}"#, "7", "null", r#"{"a":[{}]}"#]);
}

#[test]
fn a_body_that_is_no_json_is_refused_whole() {
    for body in [
        "",
        "{",
        "[",
        r#"{"leads":}"#,
        r#"{"leads":[{}"#,
        r#"{"leads":[{}],}"#,
        r#"{"leads":[{},]}"#,
        r#"{"leads":[{}]}{}"#,
        r#"{"leads":[{]}"#,
        r#"{"leads":[{"a":01}]}"#,
        r#"{"leads":[{"a":'b'}]}"#,
        r#"{"leads":[{"a":NaN}]}"#,
        r#"{"leads":[{"a":"\x"}]}"#,
        "{\"leads\":[{\"a\":\"\0\"}]}",
        "\u{feff}{\"leads\":[{}]}",
        "{\"leads\":[{}]}\n{\"leads\":[{}]}",
    ] {
        assert_eq!(refused(body.as_bytes()), (FaultCode::InvalidJson, "Invalid JSON body".to_owned()), "{body}");
    }
    assert_eq!(refused(b"{\"leads\":[{\"a\":\"\xff\"}]}").0, FaultCode::InvalidJson);
}

#[test]
fn a_body_that_is_no_object_or_lists_no_leads_is_refused_whole() {
    for body in ["null", "[]", " 42", "\"leads\"", "true", r#"[{"leads":[{}]}]"#] {
        assert_eq!(
            refused(body.as_bytes()),
            (FaultCode::NotAnObject, "body must be a JSON object".to_owned()),
            "{body}"
        );
    }
    for value in ["null", "\"\"", "[]", "{}", "1", "-1", "1.5", "true", "\"a\"", r#"{"0":{}}"#] {
        let body = format!(r#"{{"leads":{value}}}"#);
        assert_eq!(refused(body.as_bytes()), (FaultCode::InvalidLeads, NO_LIST.to_owned()), "{body}");
    }
    assert_eq!(refused(br#"{"Leads":[{}]}"#).0, FaultCode::InvalidLeads);
}

#[test]
fn there_are_at_most_a_thousand() {
    let listed = |count: usize| format!(r#"{{"leads":[{}]}}"#, vec!["{}"; count].join(","));
    assert_eq!(leads_of(listed(MAX_LEADS).as_bytes()).unwrap().len(), MAX_LEADS);
    assert_eq!(refused(listed(MAX_LEADS + 1).as_bytes()), (FaultCode::InvalidLeads, NO_LIST.to_owned()));
}

#[test]
fn what_stands_beside_the_leads_is_ignored_and_yet_read_strictly() {
    let beside = |value: &str| format!(r#"{{"leads":[{{}}],"x":{value}}}"#);
    let nested = |levels: usize| beside(&format!("{}{}", "[".repeat(levels), "]".repeat(levels)));
    assert_eq!(leads_of(beside(r#"{"a":[1,{"b":null}]}"#).as_bytes()).unwrap(), ["{}"]);
    assert_eq!(leads_of(nested(MAX_DEPTH - 1).as_bytes()).unwrap(), ["{}"]);
    assert_eq!(refused(nested(MAX_DEPTH).as_bytes()).0, FaultCode::TooDeep);
    assert_eq!(refused(format!("[{}", nested(100_000)).as_bytes()).0, FaultCode::TooDeep);
    let twice = refused(beside(r#"{"y":[{"z":1,"z":2}]}"#).as_bytes());
    assert_eq!(twice, (FaultCode::DuplicateMember, "x.y.z is given twice".to_owned()));
    let twice = refused(br#"{"leads":[{}],"leads":[{}]}"#);
    assert_eq!(twice, (FaultCode::DuplicateMember, "leads is given twice".to_owned()));
    let half = refused(beside(r#""\ud83d""#).as_bytes());
    assert_eq!(half, (FaultCode::InvalidMember, "x contains half of a surrogate pair".to_owned()));
    assert_eq!(refused(beside("1e400").as_bytes()).0, FaultCode::InvalidMember);
}

#[test]
fn a_leads_own_faults_are_left_to_its_own_reading() {
    let deep = format!(r#"{{"customer_key":"a","x":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    let deepest = format!(r#"{{"customer_key":"a","x":{}{}}}"#, "[".repeat(15), "]".repeat(15));
    let rows = [
        (r#"{"customer_key":"a"}"#, None),
        (deepest.as_str(), None),
        (deep.as_str(), Some(FaultCode::TooDeep)),
        (r#"{"customer_key":"a","customer_key":"b"}"#, Some(FaultCode::DuplicateMember)),
        (r#"{"customer_key":"\ud83d"}"#, Some(FaultCode::InvalidCustomerKey)),
        (r#"{"customer_key":1e400}"#, Some(FaultCode::InvalidCustomerKey)),
        (r#""a""#, Some(FaultCode::NotAnObject)),
        ("{}", Some(FaultCode::IdentityRequired)),
    ];
    let body = format!(r#"{{"leads":[{}]}}"#, rows.map(|(lead, _)| lead).join(","));
    let leads = leads_of(body.as_bytes()).unwrap();
    for (lead, (sent, code)) in leads.into_iter().zip(rows) {
        assert_eq!((lead, code_of_lead(lead)), (sent, code));
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = leads_of(&body);
    }

    #[test]
    fn whatever_is_listed_is_json_by_itself(text in r#"\{"leads":\[([{}\[\]",:0-9a-u\\ ]{0,12},?){1,4}\]\}"#) {
        if let Ok(leads) = leads_of(text.as_bytes()) {
            for lead in leads {
                prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(lead).is_ok(), "{}", lead);
                prop_assert_ne!(code_of_lead(lead), Some(FaultCode::InvalidJson));
            }
        }
    }
}
