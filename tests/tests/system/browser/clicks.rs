//! Clicks: the last one wins, the ones before it are not forgotten, and what is no click makes none.

use super::{SHOP, Shop, TRUSTED};
use serde_json::{Value, json};
use tests::Visitor;

#[tokio::test]
async fn the_same_link_again_keeps_the_click() {
    let shop = Shop::open().await;
    let (_visitor, tab, click) = shop.visitor().await;
    tab.open(&shop.link()).await;
    let second = shop.arrived("click", 2).await[1].clone();
    assert_eq!(second["existing_click_id"], json!(click));
    shop.taken("click", 2).await;
    assert_eq!(tab.run("affitor.clickId").await, json!(click));
}

#[tokio::test]
async fn another_partners_link_replaces_the_click_and_names_the_old_one() {
    let shop = Shop::open().await;
    let (_visitor, tab, first) = shop.visitor().await;
    tab.open(&shop.url(&format!("/signup?aff={}", shop.program.second_code))).await;
    let second = tab.sees(&format!("affitor.clickId !== '{first}' && affitor.clickId")).await;
    assert_eq!(shop.sent("click")[1]["existing_click_id"], json!(first));
    tab.run("affitor.signup('u1', 'user@example.com')").await;
    let lead = &shop.sent("lead")[0];
    assert_eq!((&lead["click_id"], &lead["click_ids"]), (&second, &json!([first, second])));
    let customer = shop.customer_where("u1", |customer| customer["attributed"] == true).await;
    assert_eq!(customer["partner_code"], json!(shop.program.second_code));
}

#[tokio::test]
async fn the_last_twenty_clicks_are_sent_with_a_signup() {
    let shop = Shop::open().await;
    let visitor = Visitor::new().await;
    let tab = visitor.opens(&shop.url("/")).await;
    let old: Vec<String> =
        (1..=25).map(|day| shop.pipeline.cookie(shop.pipeline.mint_click(&shop.program, day))).collect();
    tab.run(&format!("localStorage.affitor_clicks = '{}'", old.join(","))).await;
    tab.open(&shop.url(&format!("/?aff={}", shop.program.second_code))).await;
    let newest = tab.sees("document.cookie.includes('affitor_click_id') && affitor.clickId").await;
    assert_eq!(tab.run("affitor.signup('u1')").await["success"], true);
    let sent = shop.sent("lead")[0]["click_ids"].as_array().unwrap().clone();
    assert_eq!((sent.len(), sent.last(), &sent[0]), (20, Some(&newest), &json!(old[6])));
}

#[tokio::test]
async fn a_route_change_that_brings_a_new_code_is_a_click() {
    let shop = Shop::open().await;
    let (_visitor, tab, first) = shop.visitor().await;
    tab.run("history.pushState({}, '', '/pricing'); history.replaceState({}, '', '/pricing?tab=2')").await;
    tab.run(&format!("history.pushState({{}}, '', '/pricing?aff={}')", shop.program.second_code)).await;
    tab.sees(&format!("affitor.clickId !== '{first}'")).await;
    let sent = shop.sent("click");
    assert_eq!(sent.len(), 2, "a route without a code is no click: {sent:?}");
    let expected = shop.url(&format!("/pricing?aff={}", shop.program.second_code));
    assert_eq!((&sent[1]["affiliate_url"], &sent[1]["existing_click_id"]), (&json!(expected), &json!(first)));
    tab.run("affitor.signup('u1')").await;
    let customer = shop.customer_where("u1", |customer| customer["attributed"] == true).await;
    assert_eq!(customer["partner_code"], json!(shop.program.second_code));
}

#[tokio::test]
async fn going_back_to_a_partners_page_is_no_click() {
    let shop = Shop::open().await;
    for page in ["/", "/signup"] {
        shop.site.page_with(page, &shop.html(&shop.tag("")), &[("cache-control", "no-store")]);
    }
    let (_visitor, tab, first) = shop.visitor().await;
    tab.open(&shop.url(&format!("/signup?aff={}", shop.program.second_code))).await;
    let second = tab.sees(&format!("affitor.clickId !== '{first}' && affitor.clickId")).await;
    tab.back().await;
    tab.sees("location.pathname === '/' && document.readyState === 'complete'").await;
    assert_eq!(tab.run("affitor.signup('u1').then(() => affitor.clickId)").await, second);
    assert_eq!((shop.sent("click").len(), &shop.sent("lead")[0]["click_id"]), (2, &second));
}

#[tokio::test]
async fn a_page_from_the_back_forward_cache_knows_the_newest_click() {
    let shop = Shop::open().await;
    let (_visitor, tab, first) = shop.visitor().await;
    tab.open(&shop.url(&format!("/signup?aff={}", shop.program.second_code))).await;
    let second = tab.sees(&format!("affitor.clickId !== '{first}' && affitor.clickId")).await;
    assert!(tab.back().await, "the tracker keeps no page out of the cache");
    assert_eq!(tab.run("affitor.signup('u1').then(() => affitor.clickId)").await, second);
    assert_eq!(shop.sent("click").len(), 2);
}

#[tokio::test]
async fn a_page_that_is_only_prepared_reports_its_click_when_it_is_shown() {
    let shop = Shop::open().await;
    let link = shop.link().replace(SHOP, TRUSTED);
    let rules = json!({"prerender": [{"source": "list", "urls": [link], "eagerness": "immediate"}]});
    let show = format!(
        "const look = () => fetch('/shown').then((answer) => answer.text())
            .then((shown) => {{ if (shown) location.href = '{link}'; else setTimeout(look, 50); }}); look()"
    );
    let before = format!("<!doctype html><script type=speculationrules>{rules}</script><script>{show}</script>");
    shop.site.page("/before", &before);
    let visitor = Visitor::new().await;
    visitor.opens_unwatched(&shop.site.url(TRUSTED, "/before")).await;
    let prepared = shop.arrived("affitor-tracker.js", 1).await;
    let purpose = &shop.site.seen("affitor-tracker.js")[0].headers["sec-purpose"];
    assert!(purpose.to_str().unwrap().contains("prerender"), "{prepared:?} {purpose:?}");
    assert_eq!(shop.sent("click"), Vec::<Value>::new());
    shop.site.page("/shown", "yes");
    shop.taken("click", 1).await;
    assert!(shop.site.seen("click")[0].headers.get("sec-purpose").is_none(), "it would count as a bot's");
}

#[tokio::test]
async fn an_inactive_link_and_an_unknown_code_are_reported_once() {
    let shop = Shop::open().await;
    for code in [shop.program.inactive_code.as_str(), "NOBODY"] {
        let visitor = Visitor::new().await;
        let before = shop.sent("click").len();
        let tab = visitor.opens(&shop.url(&format!("/?aff={code}"))).await;
        shop.arrived("click", before + 1).await;
        tab.sees("!localStorage.affitor_landing").await;
        tab.open(&shop.url("/signup")).await;
        let told = tab.run("affitor.signup('u1')").await;
        assert_eq!((&told["success"], shop.sent("click").len()), (&json!(true), before + 1), "{told}");
    }
}
