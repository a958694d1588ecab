//! What is broken or too much in the browser's storage costs no signup and throws nothing into the page.

use super::{API, Shop, kept, sent_all};
use serde_json::{Value, json};
use tests::{Visitor, Weather};

const TRACKER: &str = include_str!("../../../../ingest/browser/dist/affitor-tracker.js");

/// Not even JSON; JSON of another shape; a shape that is nearly right.
const BROKEN: [&str; 10] = [
    "{",
    "null",
    "5",
    "[null]",
    "\"text\"",
    "{}",
    r#"{"end":9e15}"#,
    r#"{"end":9e15,"waits":1}"#,
    r#"{"end":9e15,"body":5}"#,
    r#"[[5,9e15],["cust_1_a",9e15]]"#,
];

#[tokio::test]
async fn broken_texts_in_the_storage_cost_no_signup() {
    let shop = Shop::open().await;
    let visitor = Visitor::new().await;
    let tab = visitor.opens(&shop.url("/")).await;
    for (number, text) in BROKEN.iter().enumerate() {
        let put = format!(
            "for (const name of ['affitor_clicks', 'affitor_landing', 'affitor_lead_x']) localStorage[name] = {0};
            sessionStorage.affitor_session = {0}.repeat(200)",
            json!(text)
        );
        tab.run(&put).await;
        tab.open(&shop.url("/signup")).await;
        tab.run(&format!("void affitor.signup('u{number}', 'user@example.com')")).await;
        shop.customer(&format!("u{number}")).await;
    }
    assert_eq!(tab.thrown(), Vec::<String>::new());
}

#[tokio::test]
async fn a_cookie_that_is_no_click_id_costs_neither_signup_nor_click() {
    let shop = Shop::open().await;
    let (_visitor, tab, click) = shop.visitor().await;
    for (number, broken) in ["no id", "<b>", "%F0%9F", &"x".repeat(129)].into_iter().enumerate() {
        tab.run(&format!("document.cookie = 'affitor_click_id={broken}; path=/; domain=shop.test'")).await;
        tab.open(&shop.url("/signup")).await;
        assert_eq!(tab.run("affitor.clickId").await, json!(click), "{broken}");
        assert_eq!(tab.run(&format!("affitor.signup('u{number}')")).await["success"], true, "{broken}");
        assert_eq!(shop.referred(&format!("u{number}")).await["click_id"], json!(click));
    }
}

#[tokio::test]
async fn a_kept_signup_that_can_never_succeed_holds_up_no_other() {
    let shop = Shop::open().await;
    let (_visitor, tab, _) = shop.visitor().await;
    shop.site.weather("lead", Weather::Refusing);
    tab.run("affitor.signup('good', 'user@example.com')").await;
    tab.run("localStorage.affitor_lead_a = JSON.stringify({ end: 9e15, body: { customer_key: 1.5, page_url: 'x' } })")
        .await;
    shop.site.page("/plain", "<!doctype html>");
    tab.open(&shop.url("/plain")).await;
    shop.site.weather("lead", Weather::Fair);
    tab.open(&shop.url("/welcome")).await;
    shop.referred("good").await;
    tab.sees("Object.keys(localStorage).filter((name) => name.startsWith('affitor_lead')) == 'affitor_lead_a'").await;
    assert_eq!(tab.run("affitor.signup('new')").await["success"], true);
    assert_eq!(tab.thrown(), Vec::<String>::new());
}

#[tokio::test]
async fn where_the_storage_is_full_a_signup_is_kept_by_the_page() {
    let shop = Shop::open().await;
    let (_visitor, tab, _) = shop.visitor().await;
    let fill = "for (let size = 1 << 22; size >= 1; size >>= 1) {
        try { for (let part = 0; ; part++) localStorage['full' + size + '_' + part] = 'x'.repeat(size) } catch (full) {}
    }";
    tab.run(fill).await;
    shop.site.weather("lead", Weather::Refusing);
    let told = tab.run("affitor.signup('u1', 'user@example.com')").await;
    assert_eq!((&told["success"], &told["queued"]), (&json!(false), &json!(true)));
    assert_eq!(kept(&tab).await, Vec::<String>::new());
    shop.site.weather("lead", Weather::Fair);
    shop.referred("u1").await;
    assert_eq!(tab.thrown(), Vec::<String>::new());
}

#[tokio::test]
async fn no_more_than_some_twenty_refused_signups_are_kept() {
    let shop = Shop::open().await;
    let (_visitor, tab, _) = shop.visitor().await;
    tab.run("Promise.all([...Array(30).keys()].map((n) => affitor.signup('u\\u0000' + n)))").await;
    let count = kept(&tab).await.len();
    assert!((1..=21).contains(&count), "{count}");
    assert_eq!(tab.run("affitor.signup('u1')").await["success"], true);
}

#[tokio::test]
async fn a_second_signup_of_a_customer_takes_nothing_from_the_first() {
    let shop = Shop::open().await;
    let (_visitor, tab, click) = shop.visitor().await;
    shop.site.weather("lead", Weather::Refusing);
    tab.run("affitor.signup('u1', 'user@example.com')").await;
    tab.run("void affitor.signup('u1')").await;
    assert_eq!(kept(&tab).await.len(), 2);
    shop.site.weather("lead", Weather::Fair);
    sent_all(&tab).await;
    let customer = shop.customer_where("u1", |customer| customer["events_total"].as_u64() >= Some(3)).await;
    assert_eq!((&customer["click_id"], &customer["email_masked"]), (&json!(click), &json!("u***@example.com")));
}

#[tokio::test]
async fn options_of_any_kind_throw_nothing_into_the_page() {
    let shop = Shop::open().await;
    let (_visitor, tab, _) = shop.visitor().await;
    let calls = "affitor.init(); affitor.init(null); affitor.init(5); affitor.init({ programId: Symbol('x') });
        affitor.consent(); affitor.consent(true); affitor.programId";
    assert_eq!(tab.run(calls).await, json!(shop.program.id));
    assert_eq!(tab.thrown(), Vec::<String>::new());
}

#[tokio::test]
async fn a_script_that_the_page_holds_in_itself_works() {
    let shop = Shop::open().await;
    let (api, id) = (shop.site.url(API, ""), shop.program.id);
    let inline = format!(r#"<script data-affitor-api="{api}" data-affitor-program-id="{id}">{TRACKER}</script>"#);
    shop.site.page("/", &shop.html(&inline));
    let (_visitor, tab, click) = shop.visitor().await;
    assert_eq!(tab.run("affitor.signup('u1')").await["success"], true);
    assert_eq!(shop.referred("u1").await["click_id"], json!(click));
}

#[tokio::test]
async fn a_script_without_an_element_takes_the_pages_own_origin() {
    let shop = Shop::open().await;
    shop.site.page("/", "<!doctype html>");
    let visitor = Visitor::new().await;
    let tab = visitor.opens(&shop.url("/")).await;
    tab.run("fetch('/js/a.js').then((answer) => answer.text()).then((source) => (0, eval)(source))").await;
    let signup = format!("affitor.init({{ programId: {} }}); affitor.signup('u1')", shop.program.id);
    assert_eq!(tab.run(&signup).await["success"], true);
    assert_eq!((shop.customer("u1").await["click_id"].clone(), tab.thrown()), (Value::Null, vec![]));
}
