//! `signup` and its relatives: what is sent, what the page is told, what never happens to the page.

use super::Shop;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tests::{Visitor, Weather};

#[tokio::test]
async fn a_signup_tells_the_page_which_event_it_became() {
    let shop = Shop::open().await;
    let (_visitor, tab, click) = shop.visitor().await;
    let told = tab.run("affitor.signup('u1', 'no address')").await;
    assert_eq!((&told["success"], &told["queued"]), (&json!(true), &json!(false)));
    assert!(told["warnings"][0].as_str().unwrap().contains("email"), "{told}");
    let event = shop.client.recorded(&shop.program, told["eventId"].as_str().unwrap()).await;
    assert_eq!((&event["customer_key"], &event["click_id"]), (&json!("u1"), &json!(click)));
}

#[tokio::test]
async fn events_are_sent_without_asking_first_and_without_the_apis_cookies() {
    let shop = Shop::open().await;
    let (_visitor, tab, _) = shop.visitor().await;
    tab.run("affitor.signup('u1', 'user@example.com')").await;
    for event in ["click", "lead"] {
        let seen = shop.site.seen(event);
        let [only] = &seen[..] else { panic!("one request, no preflight: {seen:?}") };
        assert_eq!((only.method.as_str(), only.headers.get("cookie")), ("POST", None));
        assert!(only.headers["content-type"].to_str().unwrap().starts_with("text/plain"));
        assert_eq!(only.headers["origin"].to_str().unwrap(), shop.url(""));
    }
}

#[tokio::test]
async fn calls_in_the_queue_run_in_order_and_push_keeps_working() {
    let shop = Shop::open().await;
    let early = "<script>window.affitorQueue = [['signup', 'first', 'a@example.com'],
        ['trackLead', { user_id: 'second', email: 'b@example.com' }], ['nonsense'], 'nonsense', null];
        const before = window.affitorQueue</script>";
    shop.site.page("/", &shop.html(&format!("{early}{}", shop.tag(""))));
    let visitor = Visitor::new().await;
    let tab = visitor.opens(&shop.link()).await;
    tab.run("window.affitorQueue.push(['signup', 'third']); before.push(['signup', 'fourth'])").await;
    let sent = shop.arrived("lead", 4).await;
    // They run in order, and travel side by side.
    let keys: BTreeSet<&str> = sent.iter().filter_map(|lead| lead["customer_key"].as_str()).collect();
    assert_eq!(keys, BTreeSet::from(["first", "second", "third", "fourth"]));
    shop.referred("fourth").await;
    assert_eq!(tab.thrown(), Vec::<String>::new());
}

#[tokio::test]
async fn a_signup_straight_after_the_script_waits_for_the_click() {
    let shop = Shop::open().await;
    shop.site.weather("click", Weather::Holding);
    let signup = "<script>window.told = affitor.signup('u1', 'user@example.com')</script>";
    shop.site.page("/", &shop.html(&format!("{}{signup}", shop.tag(""))));
    let visitor = Visitor::new().await;
    let tab = visitor.opens(&shop.link()).await;
    shop.arrived("click", 1).await;
    assert_eq!(shop.sent("lead"), Vec::<Value>::new());
    shop.site.weather("click", Weather::Fair);
    assert_eq!(tab.run("told").await["success"], true);
    let click = tab.run("affitor.clickId").await;
    assert_eq!((&shop.sent("lead")[0]["click_id"], click.is_string()), (&click, true));
    shop.referred("u1").await;
}

#[tokio::test]
async fn a_page_does_not_wait_for_a_server_that_does_not_answer() {
    let shop = Shop::open().await;
    let (_visitor, tab, _) = shop.visitor().await;
    shop.site.weather("lead", Weather::Late);
    let told = tab.run("affitor.signup('u1', 'user@example.com')").await;
    assert_eq!((&told["success"], &told["queued"], &told["eventId"]), (&json!(false), &json!(true), &Value::Null));
    shop.site.weather("lead", Weather::Fair);
    shop.referred("u1").await;
}

#[tokio::test]
async fn a_signup_whatever_it_is_given_throws_nothing_into_the_page() {
    let shop = Shop::open().await;
    let (_visitor, tab, _) = shop.visitor().await;
    let calls = "Promise.all([affitor.signup(), affitor.signup(null, {}), affitor.signup(Symbol('x')),
        affitor.signup(Object.create(null)), affitor.trackLead(), affitor.trackLead({ email: 1n }), affitor.trackTest(null),
        affitor.signup({ id: 1 }, 'a@example.com'), affitor.signup(NaN), affitor.signup(12345, null)])";
    let told = tab.run(calls).await;
    for one in told.as_array().unwrap() {
        assert!(one["success"].is_boolean() && one["queued"].is_boolean() && one["warnings"].is_array(), "{one}");
    }
    assert_eq!(told[9]["success"], true, "a number is a key too: {told}");
    shop.referred("12345").await;
    assert_eq!(tab.thrown(), Vec::<String>::new());
}

#[tokio::test]
async fn a_refused_signup_says_why_and_is_kept() {
    let shop = Shop::open().await;
    let (_visitor, tab, _) = shop.visitor().await;
    let told = tab.run(r"affitor.signup('u\u0000', 'user@example.com')").await;
    assert_eq!((&told["success"], &told["queued"]), (&json!(false), &json!(true)));
    assert!(told["warnings"][0].as_str().unwrap().contains("customer_key"), "{told}");
    assert_eq!(tab.run("Object.keys(localStorage).filter((name) => name.startsWith('affitor_lead')).length").await, 1);
    assert_eq!(shop.sent("lead").len(), 1, "this page does not try it again");
}

#[tokio::test]
async fn a_page_without_its_program_is_told_and_its_signup_is_sent_once_that_is_put_right() {
    let shop = Shop::open().await;
    let visitor = Visitor::new().await;
    let wrong =
        shop.tag(r#"data-affitor-debug="true""#).replace(&format!("\"{}\"", shop.program.id), "\"YOUR_PROGRAM_ID\"");
    shop.site.page("/", &shop.html(&wrong));
    let tab = visitor.opens(&shop.url("/")).await;
    let told = tab.run("affitor.init({ debug: false }); affitor.signup('u1', 'user@example.com')").await;
    assert_eq!((&told["success"], &told["queued"]), (&json!(false), &json!(true)));
    assert!(tab.printed()[0].contains("data-affitor-program-id"), "{:?}", tab.printed());
    tab.open(&shop.url("/welcome")).await;
    assert_eq!(shop.customer("u1").await["reason"], "no_click_id");
}

#[tokio::test]
async fn a_test_event_is_recorded_and_never_counted() {
    let shop = Shop::open().await;
    let (_visitor, tab, _) = shop.visitor().await;
    let told = tab.run("affitor.trackTest({ step_id: 'pageview', message: 'hello' })").await;
    assert_eq!(told["success"], true, "{told}");
    let event = shop.client.recorded(&shop.program, told["eventId"].as_str().unwrap()).await;
    assert_eq!((&event["test"], &event["type"]), (&json!(true), &json!("click")));
}

#[tokio::test]
async fn in_debug_mode_one_line_says_what_happened_and_signups_are_tests() {
    let shop = Shop::open().await;
    shop.site.page("/", &shop.html(&shop.tag(r#"data-affitor-debug="true""#)));
    let (_visitor, tab, click) = shop.visitor().await;
    let told = tab.run("affitor.signup('u1', 'user@example.com')").await;
    let printed = tab.printed();
    let [clicked, signed_up] = &printed[..] else { panic!("two lines: {printed:?}") };
    assert!(clicked.starts_with("[Affitor] ") && clicked.contains(&click), "{clicked}");
    assert!(signed_up.starts_with("[Affitor] ") && signed_up.contains("Test lead event"), "{signed_up}");
    let event = shop.client.recorded(&shop.program, told["eventId"].as_str().unwrap()).await;
    assert_eq!(event["test"], true);
    assert_eq!(shop.client.customer(&shop.program, "u1").await.status, 404);
}

#[tokio::test]
async fn without_debug_mode_the_console_stays_empty() {
    let shop = Shop::open().await;
    let (_visitor, tab, _) = shop.visitor().await;
    tab.run("affitor.signup('u1', 'user@example.com')").await;
    assert_eq!(tab.printed(), Vec::<String>::new());
}

#[tokio::test]
async fn the_members_that_pages_read_say_who_the_visitor_is() {
    let shop = Shop::open().await;
    let before = Visitor::new().await;
    let tab = before.opens(&shop.url("/")).await;
    let nobody = json!({"clickId": null, "programId": shop.program.id, "hasAttribution": false, "affiliateUrl": null});
    assert_eq!(tab.run("affitor.getData()").await, nobody);
    let (_visitor, tab, click) = shop.visitor().await;
    let somebody =
        json!({"clickId": click, "programId": shop.program.id, "hasAttribution": true, "affiliateUrl": shop.link()});
    assert_eq!(tab.run("affitor.getData()").await, somebody);
    let members = "[affitor.clickId, affitor.affiliateUrl, affitor.hasAffiliateAttribution, affitor.debugMode,
        affitor.programId, affitor.loaded, affitor.getClickId()]";
    assert_eq!(tab.run(members).await, json!([click, shop.link(), true, false, shop.program.id, true, click]));
    tab.run("affitor.init({ programId: '7', debug: true })").await;
    assert_eq!(tab.run("[affitor.programId, affitor.debugMode]").await, json!([7, true]));
}
