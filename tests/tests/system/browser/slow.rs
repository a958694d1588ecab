//! Clicks and signups that are slow, hang or cross each other, and when they are tried again.

use super::{API, SHOP, Shop, sent_all};
use serde_json::{Value, json};
use tests::{Tab, Visitor, Weather};

/// A minute takes three seconds.
const HASTE: &str = "const real = setTimeout; window.setTimeout = (work, time) => real(work, time / 20)";

/// A signup waits for its click for half a second, not a minute.
const IMPATIENCE: &str = "const real = setTimeout;
    window.setTimeout = (work, time) => real(work, time === 6e4 ? 500 : time)";

/// No pause ever ends, and the page can be asked how long they were to be.
const NO_PAUSE_ENDS: &str = "const real = setTimeout; window.pauses = [];
    const others = [0, 5e3, 15e3, 6e4];
    window.setTimeout = (work, time) => others.includes(+time) ? real(work, time) : void pauses.push(time)";

/// The answer to the page's first click waits for `letGo`.
const FIRST_CLICK_IS_LATE: &str = "const real = fetch; let clicks = 0;
    window.fetch = async (...request) => {
        const answer = await real(...request);
        if (!String(request[0]).includes('/track/click') || clicks++) return answer;
        window.first = (await answer.clone().json()).click_id;
        await new Promise((resolve) => { window.letGo = resolve });
        return answer;
    }";

async fn opens(visitor: &Visitor, script: &str, url: &str) -> Tab {
    let tab = visitor.tab().await;
    tab.command("Page.addScriptToEvaluateOnNewDocument", json!({"source": format!("{{ {script} }}")})).await;
    tab.open(url).await;
    tab
}

/// What the API answers to that event on the shop's first page.
fn answering(event: &str, status: u16, headers: &Value) -> String {
    let body = json!({"success": false, "error": "not now", "code": "origin_not_allowed"});
    format!(
        "const real = fetch;
        window.fetch = async (...request) => location.pathname === '/' && String(request[0]).includes('/track/{event}')
            ? new Response('{body}', {{ status: {status}, headers: {headers} }}) : real(...request)"
    )
}

#[tokio::test]
async fn a_signup_that_could_not_wait_for_its_click_is_tied_to_it_once_that_is_answered() {
    let shop = Shop::open().await;
    shop.site.weather("click", Weather::Late);
    let visitor = Visitor::new().await;
    let tab = opens(&visitor, IMPATIENCE, &shop.link()).await;
    tab.run("void affitor.signup('u1', 'user@example.com')").await;
    shop.taken("lead", 1).await;
    assert_eq!(shop.sent("lead")[0]["click_id"], Value::Null);
    shop.site.weather("click", Weather::Fair);
    let click = tab.sees("affitor.clickId").await;
    assert_eq!(shop.referred("u1").await["click_id"], click);
    sent_all(&tab).await;
}

#[tokio::test]
async fn a_request_that_hangs_is_given_up_and_made_again() {
    let shop = Shop::open().await;
    let visitor = Visitor::new().await;
    shop.site.weather("click", Weather::Holding);
    let tab = opens(&visitor, HASTE, &shop.link()).await;
    shop.arrived("click", 2).await;
    shop.site.weather("click", Weather::Fair);
    let click = tab.sees("affitor.clickId").await;
    shop.site.weather("lead", Weather::Holding);
    tab.run("void affitor.signup('u1', 'user@example.com')").await;
    shop.arrived("lead", 2).await;
    shop.site.weather("lead", Weather::Fair);
    assert_eq!(shop.referred("u1").await["click_id"], click);
    sent_all(&tab).await;
}

#[tokio::test]
async fn the_answer_to_an_earlier_click_does_not_replace_the_newest() {
    let shop = Shop::open().await;
    let visitor = Visitor::new().await;
    let tab = opens(&visitor, FIRST_CLICK_IS_LATE, &shop.link()).await;
    tab.sees("!!window.letGo").await;
    tab.run(&format!("history.pushState({{}}, '', '/?aff={}')", shop.program.second_code)).await;
    let newest = tab.sees("affitor.clickId").await;
    let landing = tab.run("affitor.affiliateUrl").await;
    // As the answer to the earlier one has done it, where the API is on the page's own origin.
    tab.run("document.cookie = `affitor_click_id=${first}; path=/; domain=shop.test`; letGo()").await;
    tab.sees("(localStorage.affitor_clicks || '').includes(first)").await;
    assert_eq!(tab.run("[affitor.clickId, affitor.affiliateUrl]").await, json!([newest, landing]));
    tab.run("affitor.signup('u1')").await;
    let (lead, first) = (&shop.sent("lead")[0], tab.run("first").await);
    assert_eq!((&lead["click_id"], &lead["click_ids"]), (&newest, &json!([first, newest])));
}

#[tokio::test]
async fn a_click_that_is_refused_for_now_is_sent_by_the_next_page() {
    let shop = Shop::open().await;
    for status in [401, 403, 404, 405] {
        let visitor = Visitor::new().await;
        let tab = opens(&visitor, &answering("click", status, &json!({})), &shop.link()).await;
        assert_eq!(tab.run("affitor.signup('u1').then(() => affitor.clickId)").await, Value::Null);
        tab.sees("!!localStorage.affitor_landing").await;
        tab.open(&shop.url("/signup")).await;
        tab.sees("affitor.clickId").await;
        tab.sees("!localStorage.affitor_landing").await;
    }
}

#[tokio::test]
async fn a_signup_that_waits_for_its_click_is_sent_when_the_page_is_left_for_another_domain() {
    let shop = Shop::open().await;
    shop.site.weather("click", Weather::Holding);
    let visitor = Visitor::new().await;
    let tab = visitor.opens(&shop.link()).await;
    shop.arrived("click", 1).await;
    let elsewhere = shop.site.url("checkout.example", "/pay");
    tab.run(&format!("affitor.signup('u1', 'user@example.com'); location.href = '{elsewhere}'")).await;
    tab.sees("location.pathname === '/pay'").await;
    shop.taken("lead", 1).await;
    assert_eq!(shop.customer("u1").await["reason"], "no_click_id");
}

#[tokio::test]
async fn the_network_that_comes_back_ends_a_pause() {
    let shop = Shop::open().await;
    let visitor = Visitor::new().await;
    let tab = opens(&visitor, NO_PAUSE_ENDS, &shop.link()).await;
    tab.sees("affitor.clickId").await;
    tab.offline(true).await;
    tab.run("affitor.signup('u1', 'user@example.com')").await;
    tab.sees("pauses.length === 1").await;
    tab.offline(false).await;
    shop.referred("u1").await;
    sent_all(&tab).await;
}

#[tokio::test]
async fn pauses_grow_by_chance_and_not_for_ever() {
    let shop = Shop::open().await;
    let visitor = Visitor::new().await;
    let tab = opens(&visitor, NO_PAUSE_ENDS, &shop.link()).await;
    tab.sees("affitor.clickId").await;
    shop.site.weather("lead", Weather::Refusing);
    tab.run("void affitor.signup('u1', 'user@example.com')").await;
    for count in 1..=15 {
        tab.sees(&format!("pauses.length === {count}")).await;
        tab.run("void dispatchEvent(new Event('online'))").await;
    }
    let pauses: Vec<f64> = serde_json::from_value(tab.run("pauses").await).unwrap();
    for (number, pause) in pauses.iter().take(15).enumerate() {
        let least = 1e3 * f64::powi(2.0, i32::try_from(number).unwrap());
        assert!((least.min(36e5)..=(2.0 * least).min(36e5)).contains(pause), "{pauses:?}");
    }
    assert!(pauses.iter().take(4).any(|pause| pause % 1e3 != 0.0), "{pauses:?}");
}

#[tokio::test]
async fn a_pause_is_as_long_as_the_server_says_and_an_hour_at_most() {
    let shop = Shop::open().await;
    for (asked, pauses) in [("100", 100e3..=200e3), ("99999999", 36e5..=36e5), ("soon", 1e3..=2e3)] {
        let visitor = Visitor::new().await;
        let refusal = answering("lead", 503, &json!({"Retry-After": asked}));
        let tab = opens(&visitor, &format!("{{ {NO_PAUSE_ENDS} }} {refusal}"), &shop.link()).await;
        tab.run("affitor.signup('u1')").await;
        let pause = tab.sees("pauses[0]").await.as_f64().unwrap();
        assert!(pauses.contains(&pause), "{asked}: {pause}");
    }
}

#[tokio::test]
async fn a_page_from_the_back_forward_cache_sends_nothing_twice() {
    let shop = Shop::open().await;
    shop.site.page("/plain", "<!doctype html>");
    let visitor = Visitor::new().await;
    let tab = opens(&visitor, NO_PAUSE_ENDS, &shop.link()).await;
    tab.sees("affitor.clickId").await;
    shop.site.weather("lead", Weather::Refusing);
    tab.run("affitor.signup('u1', 'user@example.com')").await;
    tab.sees("pauses.length === 1").await;
    for _ in 0..2 {
        tab.open(&shop.url("/plain")).await;
        assert!(tab.back().await, "the tracker keeps no page out of the cache");
    }
    tab.run("affitor.signup('u2')").await;
    let keys: Vec<Value> = shop.sent("lead").iter().map(|lead| lead["customer_key"].clone()).collect();
    assert_eq!(keys, ["u1", "u2"]);
}

#[tokio::test]
async fn the_line_about_a_503_says_so() {
    let shop = Shop::open().await;
    // On another origin a page cannot read an answer that does not say that it may.
    shop.site.page("/", &shop.html(&shop.tag(r#"data-affitor-debug="true""#).replace(API, SHOP)));
    let (_visitor, tab, _) = shop.visitor().await;
    shop.site.weather("lead", Weather::Refusing);
    let told = tab.run("affitor.signup('u1', 'user@example.com')").await;
    assert_eq!(told["warnings"], json!([503]));
    let line = tab.printed().into_iter().find(|line| line.contains("lead")).unwrap();
    assert!(line.contains("503") && line.contains("kept") && !line.contains("undefined"), "{line}");
}
