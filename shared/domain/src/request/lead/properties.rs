//! The parser of leads against arbitrary bytes and arbitrary JSON.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::request::sentence;
use proptest::prelude::*;

fn peppers() -> Keyring {
    Keyring::new([('a', [3; 32])]).unwrap()
}

fn any_json() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("customer_key"),
        Just("click_id"),
        Just("click_ids"),
        Just("email"),
        Just("additional_data"),
        Just("program_id"),
        Just("test_mode"),
        Just("page_url"),
        Just("x"),
    ];
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|b| b.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(|n| n.to_string()),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        Just("\"cust_1_a\"".to_owned()),
    ];
    leaf.prop_recursive(5, 64, 8, move |inner| {
        let list = prop::collection::vec(inner.clone(), 0..6).prop_map(|items| format!("[{}]", items.join(",")));
        let object = prop::collection::vec((name.clone(), inner), 0..8).prop_map(|members| {
            let members: Vec<String> = members.into_iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            format!("{{{}}}", members.join(","))
        });
        prop_oneof![list, object]
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = LeadRequest::parse(&body, &peppers());
    }

    #[test]
    fn any_json_is_read_or_refused_without_repeating_it(body in any_json()) {
        match LeadRequest::parse(body.as_bytes(), &peppers()) {
            Ok(lead) => {
                prop_assert!(lead.test || lead.customer_key.is_some() || lead.click_id.is_some() || !lead.click_ids.is_empty());
                if let Some(text) = lead.details.render().0 {
                    prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
                }
            }
            Err(Faulty { faults, .. }) => prop_assert!(!faults.is_empty() && sentence(&faults).len() < 2_000),
        }
    }

    #[test]
    fn a_tree_agrees_with_serde_json_where_both_read(body in any_json()) {
        if let (Ok(json), Ok(value)) = (Json::parse(body.as_bytes()), serde_json::from_str::<serde_json::Value>(&body)) {
            prop_assert_eq!(serde_json::to_value(&json).unwrap(), value);
        }
    }
}
