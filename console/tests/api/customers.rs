//! Journeys as JSON.

use crate::stage::{Stage, cookie};
use domain::scenario::{OTHER_PROGRAM, browser, click, provisional, server};
use serde_json::json;

const NO_CLICK_HINT: &str = "The visitor did not come through a referral link, or the cookie was not passed: send affitor_click_id as click_id.";

#[tokio::test]
async fn a_customer_is_answered_exactly_as_documented() {
    let stage = Stage::new().await;
    let lead = server(1).key("usr_1").click(&click(2)).email(7);
    let double = browser(2).key("usr_1");
    stage.apply([click(2).event(), lead.event(), double.event()]).await;

    let (visit, cookie) = (click(2).id().event, cookie(&click(2)));
    let (lead, double) = (lead.lead().id, double.lead().id);
    let expected = [
        r#"{"customer_key":"usr_1","program_id":1,"status":"lead","attributed":true,"reason":"attributed","hint":null,"#,
        &format!(r#""partner_code":"CODE2","click_id":"{cookie}","lead_at":"2026-05-28T20:27:40.000Z","#),
        r#""provisional":false,"email_masked":"7***@example.com","flags":[],"events_total":3,"events":["#,
        &format!(r#"{{"event_id":"{visit}","type":"click","source":"browser","received_at":"2026-05-27T20:28:40.000Z","#),
        &format!(r#""recorded_at":"NOW","outcome":"recorded","click_id":"{cookie}","duplicate_of":null}},"#),
        &format!(r#"{{"event_id":"{lead}","type":"lead","source":"server","received_at":"2026-05-28T20:27:40.000Z","#),
        &format!(r#""recorded_at":"NOW","outcome":"recorded","click_id":"{cookie}","duplicate_of":null}},"#),
        &format!(r#"{{"event_id":"{double}","type":"lead","source":"browser","received_at":"2026-05-28T20:28:40.000Z","#),
        &format!(r#""recorded_at":"NOW","outcome":"duplicate","click_id":null,"duplicate_of":"{lead}"}}]}}"#),
    ]
    .concat();
    assert_eq!(stage.get("/api/v1/customers/usr_1").await.found(), expected);
    let of_click = stage.get(&format!("/api/v1/customers?click_id={cookie}")).await;
    assert_eq!(of_click.found(), format!(r#"{{"customers":[{expected}]}}"#));
}

#[tokio::test]
async fn an_unattributed_customer_comes_with_a_hint() {
    let stage = Stage::new().await;
    stage.apply([server(1).key("usr_1").event()]).await;
    let found = stage.get("/api/v1/customers/usr_1").await.json();
    assert_eq!(found["reason"], "no_click_id");
    assert_eq!(found["hint"], NO_CLICK_HINT);
    assert_eq!(found["attributed"], false);
    assert_eq!((&found["partner_code"], &found["click_id"]), (&json!(null), &json!(null)));
}

#[tokio::test]
async fn a_provisional_customer_is_in_status_click_without_a_lead() {
    let stage = Stage::new().await;
    stage.apply([click(1).event(), provisional(1).key("usr_1").click(&click(1)).event()]).await;
    let found = stage.get("/api/v1/customers/usr_1").await.json();
    assert_eq!((&found["status"], &found["provisional"]), (&json!("click"), &json!(true)));
    assert_eq!((&found["reason"], &found["lead_at"]), (&json!("provisional"), &json!(null)));
}

#[tokio::test]
async fn a_browsers_click_under_a_servers_lead_is_flagged() {
    let stage = Stage::new().await;
    let leads = [server(2).key("usr_1").event(), browser(1).key("usr_1").click(&click(1)).event()];
    stage.apply(leads.into_iter().chain([click(1).event()])).await;
    let found = stage.get("/api/v1/customers/usr_1").await.json();
    assert_eq!((&found["flags"], &found["attributed"]), (&json!(["click_from_browser"]), &json!(true)));
}

#[tokio::test]
async fn a_click_without_a_lead_is_one_customer_in_status_click() {
    let stage = Stage::new().await;
    stage.apply([click(3).event()]).await;
    let (visit, cookie) = (click(3).id().event, cookie(&click(3)));
    let expected = [
        r#"{"customers":[{"customer_key":null,"program_id":1,"status":"click","attributed":false,"reason":null,"#,
        &format!(r#""hint":null,"partner_code":"CODE3","click_id":"{cookie}","lead_at":null,"provisional":false,"#),
        r#""email_masked":null,"flags":[],"events_total":1,"events":["#,
        &format!(
            r#"{{"event_id":"{visit}","type":"click","source":"browser","received_at":"2026-05-27T20:29:40.000Z","#
        ),
        &format!(r#""recorded_at":"NOW","outcome":"recorded","click_id":"{cookie}","duplicate_of":null}}]}}]}}"#),
    ]
    .concat();
    assert_eq!(stage.get(&format!("/api/v1/customers?click_id={cookie}")).await.found(), expected);
}

#[tokio::test]
async fn a_click_id_that_is_not_the_programs_has_no_customers() {
    let stage = Stage::new().await;
    let foreign = click(4).in_program(OTHER_PROGRAM);
    stage.apply([click(1).event(), foreign.event()]).await;
    let mut forged = cookie(&click(1));
    forged.replace_range(20..21, if &forged[20..21] == "a" { "b" } else { "a" });
    for click_id in [forged, cookie(&foreign), cookie(&click(2)), "cust_1_1714000000000".to_owned(), "x".repeat(128)] {
        let answer = stage.get(&format!("/api/v1/customers?click_id={click_id}")).await;
        assert_eq!(answer.found(), r#"{"customers":[]}"#, "{click_id}");
    }
}

#[tokio::test]
async fn a_query_without_one_possible_click_id_is_refused() {
    let stage = Stage::new().await;
    let long = format!("?click_id={}", "x".repeat(129));
    for query in [
        "",
        "?",
        "?click_id=",
        "?click_id",
        "?click=x",
        "?click_id=a%20b",
        "?click_id=%ff",
        "?click_id=a&click_id=a",
        &long,
    ] {
        stage.get(&format!("/api/v1/customers{query}")).await.assert_refused(400, "invalid_click_id");
    }
}

#[tokio::test]
async fn a_key_is_found_by_its_exact_percent_encoded_bytes() {
    let stage = Stage::new().await;
    let keys = [
        ("a/b", "a%2Fb"),
        ("a/b/../c", "a%2fb%2f..%2Fc"),
        ("..", "%2E%2E"),
        ("100%", "100%25"),
        ("%00", "%2500"),
        ("a+b", "a+b"),
        ("a b", "a%20b"),
        ("a?b#c", "a%3Fb%23c"),
        ("' OR 1=1--", "'%20OR%201=1--"),
        ("é", "%C3%A9"),
        ("e\u{301}", "e%CC%81"),
        ("😀", "%F0%9F%98%80"),
        ("USR_1", "USR_1"),
        ("usr_1", "usr_1"),
    ];
    let leads = (1..).zip(keys).map(|(number, (key, _))| server(number).key(key).event());
    stage.apply(leads).await;
    for (key, encoded) in keys {
        let found = stage.get(&format!("/api/v1/customers/{encoded}")).await;
        assert_eq!(found.json()["customer_key"], *key, "{encoded}");
        assert_eq!(found.json()["events_total"], 1, "{encoded}");
    }
}

#[tokio::test]
async fn what_cannot_be_a_key_is_answered_like_one_that_nobody_has() {
    let stage = Stage::new().await;
    let unknown = stage.get("/api/v1/customers/usr_1").await;
    unknown.assert_refused(404, "customer_not_found");
    let long = "x".repeat(256);
    for key in ["%00", "%ff", "%C0%AF", "a%0Ab", "%20", "%E2%80%AE", &long] {
        assert_eq!(stage.get(&format!("/api/v1/customers/{key}")).await, unknown, "{key}");
    }
}
