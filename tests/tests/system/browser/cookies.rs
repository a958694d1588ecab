//! Cookies: where they are set, how they are written, what happens where none can be.

use super::{API, SHOP, Shop, TRUSTED};
use serde_json::{Value, json};
use std::process::Command;
use tests::{Process, START, Visitor, free_port};

async fn cookie(visitor: &Visitor, name: &str) -> Vec<Value> {
    visitor.cookies().await.into_iter().filter(|cookie| cookie["name"] == name).collect()
}

#[tokio::test]
async fn cookies_are_set_on_the_broadest_domain_that_takes_them() {
    let shop = Shop::open().await;
    for (host, domain) in [
        ("www.shop.test", ".shop.test"),
        ("a.b.shop.co.uk", ".shop.co.uk"),
        ("shop.github.io", ".shop.github.io"),
        ("localhost", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
    ] {
        let visitor = Visitor::new().await;
        let link = shop.site.url(host, &format!("/?aff={}", shop.program.code));
        let tab = visitor.opens(&link).await;
        let click = tab.sees("affitor.clickId").await;
        let kept = |name| cookie(&visitor, name);
        for (name, value) in [("affitor_click_id", &click), ("customer_code", &click)] {
            let cookies = kept(name).await;
            let [only] = &cookies[..] else { panic!("one {name} on {host}: {cookies:?}") };
            assert_eq!((&only["domain"], &only["value"]), (&json!(domain), value), "{host}");
            assert_eq!(
                (&only["path"], &only["sameSite"], &only["httpOnly"]),
                (&json!("/"), &json!("Lax"), &json!(false))
            );
            let days = (only["expires"].as_f64().unwrap() - tests::now().micros() as f64 / 1e6) / 86_400.0;
            assert!((59.9..=60.0).contains(&days), "{days} days");
        }
        let escaped = url::form_urlencoded::byte_serialize(link.as_bytes()).collect::<String>();
        assert_eq!(kept("affitor_aff_url").await[0]["value"], json!(escaped));
        assert_eq!(tab.run("affitor.affiliateUrl").await, json!(link));
    }
}

#[tokio::test]
async fn a_click_on_one_subdomain_is_known_on_another() {
    let shop = Shop::open().await;
    let (_visitor, tab, click) = shop.visitor().await;
    tab.open(&shop.site.url("app.shop.test", "/signup")).await;
    assert_eq!(tab.run("affitor.signup('u1')").await["success"], true);
    assert_eq!(shop.referred("u1").await["click_id"], json!(click));
}

#[tokio::test]
async fn a_cookie_that_an_earlier_tracker_has_set_on_the_host_alone_does_not_hide_the_click() {
    let shop = Shop::open().await;
    let visitor = Visitor::new().await;
    let tab = visitor.opens(&shop.url("/")).await;
    let old = "document.cookie = 'affitor_click_id=cust_42_1714000000000; path=/';
        document.cookie = 'affitor_aff_url=https://shop.test/?aff=100%; path=/'";
    tab.run(old).await;
    assert_eq!(tab.run("affitor.affiliateUrl").await, Value::Null, "it was not escaped");
    tab.open(&shop.link()).await;
    let click = tab.sees("affitor.clickId.startsWith('cust_42_1714') ? false : affitor.clickId").await;
    assert_eq!(shop.sent("click")[0]["existing_click_id"], "cust_42_1714000000000");
    assert_eq!(tab.run("affitor.signup('u1')").await["success"], true);
    assert_eq!(shop.referred("u1").await["click_id"], click);
}

#[tokio::test]
async fn where_cookies_are_refused_a_signup_on_the_next_page_is_attributed() {
    let shop = Shop::open().await;
    let visitor = Visitor::new().await;
    let tab = visitor.tab().await;
    tab.refuse_cookies().await;
    tab.open(&shop.link()).await;
    let click = tab.sees("affitor.clickId").await;
    assert_eq!((visitor.cookies().await, tab.run("document.cookie").await), (vec![], json!("")));
    tab.open(&shop.url("/signup")).await;
    tab.run("affitor.signup('u1')").await;
    assert_eq!(shop.referred("u1").await["click_id"], click);
}

#[tokio::test]
async fn where_neither_cookies_nor_storage_can_be_touched_a_signup_on_the_page_is_attributed() {
    let shop = Shop::open().await;
    // Such a page has an origin of its own, and every access to cookies or storage throws.
    shop.site.page_with("/", &shop.html(&shop.tag("")), &[("content-security-policy", "sandbox allow-scripts")]);
    let visitor = Visitor::new().await;
    let tab = visitor.opens(&shop.link()).await;
    let told = tab.run("affitor.signup('u1')").await;
    assert_eq!(told["success"], true, "{told}");
    assert_eq!(shop.site.seen("lead")[0].headers["origin"], "null");
    shop.referred("u1").await;
    assert_eq!(tab.thrown(), Vec::<String>::new());
}

#[tokio::test]
async fn on_the_pages_own_origin_the_server_sets_the_cookie_when_it_changes() {
    let shop = Shop::open().await;
    shop.site.page("/", &shop.html(&shop.tag("").replace(API, TRUSTED)));
    let link = shop.link().replace(SHOP, TRUSTED);
    let (visitor, tab, click) = shop.visitor_of(&link).await;
    let first = &shop.site.seen("click")[0];
    let set = first.answer["set-cookie"].to_str().unwrap().to_owned();
    let expected = format!("affitor_click_id={click}; Path=/; SameSite=Lax; Max-Age=5184000; Domain=shop.localhost");
    assert_eq!((set, first.query.as_str()), (expected, "cookie_domain=shop.localhost"));
    let cookies = cookie(&visitor, "affitor_click_id").await;
    let [only] = &cookies[..] else { panic!("one cookie, the server's: {cookies:?}") };
    assert_eq!((&only["value"], &only["domain"]), (&json!(click), &json!(".shop.localhost")));

    tab.open(&link).await;
    shop.taken("click", 2).await;
    assert!(shop.site.seen("click")[1].answer.get("set-cookie").is_none(), "it has not changed");
    tab.run("affitor.signup('u1')").await;
    shop.referred("u1").await;
}

#[tokio::test]
async fn on_https_cookies_are_secure() {
    let (shop, room, port) = (Shop::open().await, tempfile::tempdir().unwrap(), free_port());
    let (upstream, tag) = (shop.site.url("127.0.0.1", ""), shop.tag("").replace(&shop.site.url(API, ""), ""));
    shop.site.page("/", &shop.html(&tag));
    let settings = format!(
        "{{\nadmin off\nauto_https disable_redirects\nskip_install_trust\n}}
        https://{SHOP}:{port} {{\nbind 127.0.0.1\ntls internal\nreverse_proxy {upstream}\n}}\n"
    );
    let file = room.path().join("Caddyfile");
    std::fs::write(&file, settings).unwrap();
    let mut command = Command::new("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(&file);
    command.env("HOME", room.path()).env("XDG_DATA_HOME", room.path()).env("XDG_CONFIG_HOME", room.path());
    let mut caddy = Process::spawn("caddy", &command);
    caddy.wait_for_port(START, ([127, 0, 0, 1], port).into()).await;
    let visitor = Visitor::new().await;
    let tab = visitor.tab().await;
    tab.command("Security.setIgnoreCertificateErrors", json!({"ignore": true})).await;
    tab.open(&format!("https://{SHOP}:{port}/?aff={}", shop.program.code)).await;
    tab.sees("affitor.clickId").await;
    let cookies = visitor.cookies().await;
    assert!(cookies.iter().any(|cookie| cookie["name"] == "affitor_click_id"), "{cookies:?}");
    assert!(cookies.iter().all(|cookie| cookie["secure"] == true), "{cookies:?}");
    tab.run("affitor.signup('u1')").await;
    shop.referred("u1").await;
}

#[tokio::test]
async fn another_origin_is_set_no_cookie() {
    let shop = Shop::open().await;
    let (visitor, _tab, _) = shop.visitor().await;
    let seen = shop.site.seen("click");
    assert!(seen[0].answer.get("set-cookie").is_none() && seen[0].query.is_empty(), "{seen:?}");
    assert!(visitor.cookies().await.iter().all(|cookie| cookie["domain"] == ".shop.test"));
}
