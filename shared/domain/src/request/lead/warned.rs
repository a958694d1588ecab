//! What a lead is taken with, but not without a word.

use super::tests::{key, read, warnings, with_key};
use crate::request::Warning;

#[test]
fn a_key_that_is_an_address_is_taken_with_a_warning() {
    for address in ["jane@example.com", " Jane.Doe@exämple.de "] {
        let body = with_key(&format!("\"{address}\""));
        assert_eq!(warnings(&body), [Warning::AddressAsCustomerKey]);
        assert_eq!(key(&body), address.trim());
    }
    for other in ["@SUM", "a@b", "jane", "jane at example.com"] {
        assert!(warnings(&with_key(&format!("\"{other}\""))).is_empty(), "{other}");
    }
}

#[test]
fn a_test_mode_outside_additional_data_is_ignored_with_a_warning() {
    for value in ["true", "1", "\"true\"", "{}"] {
        let body = format!(r#"{{"customer_key":"u1","test_mode":{value}}}"#);
        assert_eq!(warnings(&body), [Warning::TestModeIgnored], "{value}");
        assert!(!read(&body, |lead| lead.test));
    }
    for value in ["null", "\"\"", "false"] {
        assert!(warnings(&format!(r#"{{"customer_key":"u1","test_mode":{value}}}"#)).is_empty(), "{value}");
    }
}
