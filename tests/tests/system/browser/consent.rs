//! Consent, and what leaves the browser at all.

use super::{Shop, kept, sent_all};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tests::{Tab, Visitor, Weather};

const STORED: &str = "document.cookie + Object.keys(localStorage) + Object.keys(sessionStorage)";

async fn shop_that_asks() -> Shop {
    let shop = Shop::open().await;
    for path in ["/", "/signup"] {
        shop.site.page(path, &shop.html(&shop.tag(r#"data-affitor-consent="required""#)));
    }
    shop
}

async fn stores_nothing(tab: &Tab) {
    assert_eq!(tab.run(STORED).await, "");
}

#[tokio::test]
async fn without_consent_nothing_is_stored_and_nothing_is_sent() {
    let shop = shop_that_asks().await;
    let visitor = Visitor::new().await;
    let tab = visitor.opens(&shop.link()).await;
    let told = tab.run("affitor.signup('u1', 'user@example.com')").await;
    assert_eq!((&told["success"], &told["queued"]), (&json!(false), &json!(true)));
    stores_nothing(&tab).await;
    tab.open(&shop.url("/signup")).await;
    stores_nothing(&tab).await;
    assert_eq!(tab.run("affitor.clickId").await, Value::Null);
    assert!(visitor.cookies().await.is_empty());
    assert!(shop.sent("click").is_empty() && shop.sent("lead").is_empty());
}

#[tokio::test]
async fn with_consent_what_has_waited_is_sent_and_attributed() {
    let shop = shop_that_asks().await;
    let visitor = Visitor::new().await;
    let tab = visitor.opens(&shop.link()).await;
    tab.run("affitor.signup('u1', 'user@example.com')").await;
    tab.run("affitor.consent(true)").await;
    let click = tab.sees("affitor.clickId").await;
    assert_eq!(shop.referred("u1").await["click_id"], click);
    sent_all(&tab).await;
}

#[tokio::test]
async fn a_click_of_an_earlier_visit_counts_once_there_is_consent_again() {
    let shop = shop_that_asks().await;
    let visitor = Visitor::new().await;
    let tab = visitor.opens(&shop.link()).await;
    tab.run("affitor.consent(true)").await;
    let click = tab.sees("affitor.clickId").await;
    tab.open(&shop.url("/signup")).await;
    assert_eq!(tab.run("affitor.clickId").await, Value::Null);
    tab.run("void affitor.signup('u1'); affitor.consent(true)").await;
    assert_eq!(shop.referred("u1").await["click_id"], click);
}

#[tokio::test]
async fn what_earlier_pages_have_kept_is_sent_once_there_is_consent_again() {
    let shop = shop_that_asks().await;
    let visitor = Visitor::new().await;
    for event in ["click", "lead"] {
        shop.site.weather(event, Weather::Refusing);
    }
    let tab = visitor.opens(&shop.link()).await;
    tab.run("affitor.consent(true); void affitor.signup('u1', 'user@example.com')").await;
    shop.arrived("click", 1).await;
    tab.sees("Object.keys(localStorage).length === 2").await;
    tab.open("about:blank").await;
    // It was sent when the page was left.
    shop.arrived("lead", 1).await;
    for event in ["click", "lead"] {
        shop.site.weather(event, Weather::Fair);
    }
    let before = (shop.sent("click").len(), shop.sent("lead").len());
    tab.open(&shop.url("/signup")).await;
    assert_eq!((shop.sent("click").len(), shop.sent("lead").len()), before);
    tab.run("affitor.consent(true)").await;
    let click = tab.sees("affitor.clickId").await;
    assert_eq!(shop.referred("u1").await["click_id"], click);
    sent_all(&tab).await;
}

#[tokio::test]
async fn a_click_counts_although_consent_was_refused_before_it_was_given() {
    for asks in [true, false] {
        let shop = if asks { shop_that_asks().await } else { Shop::open().await };
        let visitor = Visitor::new().await;
        let tab = visitor.opens(&shop.link()).await;
        if !asks {
            tab.sees("affitor.clickId").await;
        }
        tab.run("affitor.consent(false); history.pushState({}, '', '/pricing')").await;
        stores_nothing(&tab).await;
        tab.run("affitor.consent(true)").await;
        let click = tab.sees("affitor.clickId").await;
        tab.run("affitor.signup('u1')").await;
        assert_eq!(shop.referred("u1").await["click_id"], click);
    }
}

#[tokio::test]
async fn consent_taken_back_forgets_everything() {
    let shop = Shop::open().await;
    let (visitor, tab, click) = shop.visitor().await;
    tab.offline(true).await;
    tab.run("affitor.signup('u1', 'user@example.com')").await;
    assert_eq!(kept(&tab).await, [format!("affitor_lead_u1,user@example.com,{click}")]);
    tab.run("affitor.consent(false)").await;
    tab.offline(false).await;
    stores_nothing(&tab).await;
    assert!(visitor.cookies().await.is_empty());
    tab.open(&shop.url("/signup")).await;
    assert_eq!(tab.run("affitor.signup('u2').then(() => affitor.clickId)").await, Value::Null);
    assert_eq!(shop.sent("lead").len(), 1, "only what came after");
}

#[tokio::test]
async fn nothing_but_what_the_contract_lists_leaves_the_browser() {
    let shop = Shop::open().await;
    let visitor = Visitor::new().await;
    let tab = visitor.opens(&format!("{}#access_token=secret", shop.link())).await;
    tab.sees("affitor.clickId").await;
    tab.open(&shop.url("/signup?reset=secret#token=secret")).await;
    tab.run("affitor.signup('u1', 'user@example.com')").await;
    let members = |event| shop.sent(event)[0].as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let listed = |names: &str| names.split_whitespace().map(str::to_owned).collect::<BTreeSet<_>>();
    let click = listed("affiliate_url page_url page_title referrer_url session_id existing_click_id additional_data");
    let lead = listed(
        "click_id customer_key email session_id page_url program_id click_ids has_attribution debug_mode additional_data",
    );
    assert!(members("click").is_subset(&click), "{:?}", members("click"));
    assert!(members("lead").is_subset(&lead), "{:?}", members("lead"));
    let all = format!("{:?}{:?}", shop.sent("click"), shop.sent("lead"));
    assert!(!all.contains("secret"), "{all}");
    let hosts = tab
        .run(
            "performance.getEntriesByType('resource').map((one) => new URL(one.name))
        .filter((url) => url.pathname !== '/favicon.ico').map((url) => url.hostname)",
        )
        .await;
    assert!(hosts.as_array().unwrap().iter().all(|host| host == super::API), "{hosts}");
}

#[tokio::test]
async fn the_pages_of_a_visit_are_one_session() {
    let shop = Shop::open().await;
    let (_visitor, tab, _) = shop.visitor().await;
    tab.open(&shop.url("/signup")).await;
    tab.run("affitor.signup('u1')").await;
    let session = &shop.sent("click")[0]["session_id"];
    assert!(session.is_string() && *session == shop.sent("lead")[0]["session_id"], "{session}");
}
