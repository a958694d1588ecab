//! No signup is lost: pages that are left, networks that are gone, servers that refuse, tabs side by side.

use super::{Shop, kept, sent_all};
use serde_json::json;
use tests::{Visitor, Weather};

#[tokio::test]
async fn a_signup_survives_a_redirect_in_the_very_next_line() {
    let shop = Shop::open().await;
    let (_visitor, tab, click) = shop.visitor().await;
    tab.run("affitor.signup('u1', 'user@example.com'); location.href = '/elsewhere'").await;
    tab.sees("location.pathname === '/elsewhere'").await;
    assert_eq!(shop.referred("u1").await["click_id"], json!(click));
}

#[tokio::test]
async fn a_signup_survives_a_redirect_to_another_domain() {
    let shop = Shop::open().await;
    let (_visitor, tab, _) = shop.visitor().await;
    let elsewhere = shop.site.url("checkout.example", "/pay");
    tab.run(&format!("affitor.signup('u1', 'user@example.com'); location.href = '{elsewhere}'")).await;
    tab.sees("location.pathname === '/pay'").await;
    shop.referred("u1").await;
}

#[tokio::test]
async fn a_signup_survives_the_closing_of_the_tab() {
    let shop = Shop::open().await;
    let (_visitor, tab, _) = shop.visitor().await;
    tab.run("void affitor.signup('u1', 'user@example.com')").await;
    tab.close().await;
    shop.referred("u1").await;
}

#[tokio::test]
async fn a_signup_and_a_redirect_while_the_click_is_under_way_are_attributed_by_the_next_page() {
    let shop = Shop::open().await;
    shop.site.weather("click", Weather::Late);
    let signup = "<script>affitor.signup('u1', 'user@example.com'); location.href = '/welcome'</script>";
    shop.site.page("/", &shop.html(&format!("{}{signup}", shop.tag(""))));
    let visitor = Visitor::new().await;
    let tab = visitor.tab().await;
    // The page is left before it has loaded.
    tab.command("Page.navigate", json!({"url": shop.link()})).await;
    tab.sees("location.pathname === '/welcome'").await;
    shop.site.weather("click", Weather::Fair);
    let click = tab.sees("affitor.clickId").await;
    let customer = shop.referred("u1").await;
    assert_eq!(customer["click_id"], click);
    sent_all(&tab).await;
}

#[tokio::test]
async fn a_signup_without_network_is_sent_by_the_next_page() {
    let shop = Shop::open().await;
    let (_visitor, tab, click) = shop.visitor().await;
    tab.offline(true).await;
    let told = tab.run("affitor.signup('u1', 'user@example.com')").await;
    assert_eq!((&told["success"], &told["queued"]), (&json!(false), &json!(true)));
    assert_eq!(kept(&tab).await, [format!("affitor_lead_u1,user@example.com,{click}")]);
    tab.offline(false).await;
    tab.open(&shop.url("/welcome")).await;
    assert_eq!(shop.referred("u1").await["click_id"], json!(click));
    sent_all(&tab).await;
}

#[tokio::test]
async fn a_signup_without_network_is_sent_when_the_network_is_back() {
    let shop = Shop::open().await;
    let (_visitor, tab, _) = shop.visitor().await;
    tab.offline(true).await;
    tab.run("affitor.signup('u1', 'user@example.com')").await;
    tab.offline(false).await;
    shop.referred("u1").await;
    sent_all(&tab).await;
}

#[tokio::test]
async fn a_signup_is_sent_again_until_the_server_has_recovered() {
    let shop = Shop::open().await;
    let (_visitor, tab, _) = shop.visitor().await;
    shop.site.weather("lead", Weather::Refusing);
    let told = tab.run("affitor.signup('u1', 'user@example.com')").await;
    assert_eq!((&told["success"], &told["queued"]), (&json!(false), &json!(true)));
    shop.arrived("lead", 2).await;
    shop.site.weather("lead", Weather::Fair);
    shop.referred("u1").await;
    sent_all(&tab).await;
    let sent = shop.sent("lead");
    assert!(sent.iter().all(|lead| *lead == sent[0]), "the same lead each time: {sent:?}");
}

#[tokio::test]
async fn a_click_that_meets_a_503_is_sent_again_and_its_signup_waits() {
    let shop = Shop::open().await;
    shop.site.weather("click", Weather::Refusing);
    let visitor = Visitor::new().await;
    let tab = visitor.opens(&shop.link()).await;
    shop.arrived("click", 1).await;
    tab.run("void affitor.signup('u1', 'user@example.com')").await;
    shop.site.weather("click", Weather::Fair);
    shop.referred("u1").await;
}

#[tokio::test]
async fn a_click_that_could_not_be_sent_is_sent_by_the_next_page() {
    let shop = Shop::open().await;
    shop.site.weather("click", Weather::Refusing);
    let visitor = Visitor::new().await;
    let tab = visitor.opens(&shop.link()).await;
    shop.arrived("click", 1).await;
    tab.open("about:blank").await;
    shop.site.weather("click", Weather::Fair);
    tab.open(&shop.url("/signup")).await;
    tab.sees("affitor.clickId").await;
    let sent = shop.sent("click");
    assert_eq!(
        sent.last().unwrap()["affiliate_url"],
        json!(shop.link()),
        "the landing page, not the one that sends it"
    );
    assert_eq!(kept(&tab).await, Vec::<String>::new());
}

#[tokio::test]
async fn two_tabs_that_sign_up_at_once_lose_nothing_and_make_one_lead_each() {
    let shop = Shop::open().await;
    let (visitor, first, _) = shop.visitor().await;
    let second = visitor.opens(&shop.url("/signup")).await;
    for tab in [&first, &second] {
        tab.offline(true).await;
    }
    let [one, two] = ["one", "two"]
        .map(|own| format!("affitor.signup('{own}', 'a@example.com'); void affitor.signup('both', 'a@example.com')"));
    tokio::join!(first.run(&one), second.run(&two));
    first.close().await;
    second.offline(false).await;
    second.open(&shop.url("/welcome")).await;
    for key in ["one", "two", "both"] {
        shop.referred(key).await;
    }
    sent_all(&second).await;
    let leads = shop.customer("both").await["events"].as_array().unwrap().clone();
    let counted = leads.iter().filter(|event| event["type"] == "lead" && event["duplicate_of"].is_null()).count();
    assert_eq!(counted, 1, "{leads:?}");
}

#[tokio::test]
async fn a_page_from_the_back_forward_cache_sends_what_a_later_page_left() {
    let shop = Shop::open().await;
    let (_visitor, tab, _) = shop.visitor().await;
    tab.open(&shop.url("/signup")).await;
    tab.offline(true).await;
    tab.run("affitor.signup('u1', 'user@example.com')").await;
    tab.offline(false).await;
    shop.site.weather("lead", Weather::Refusing);
    shop.arrived("lead", 1).await;
    let cached = tab.back().await;
    assert!(cached, "the tracker keeps no page out of the cache");
    shop.site.weather("lead", Weather::Fair);
    shop.referred("u1").await;
}
