//! Ways in which pages load the script.

use super::{API, SHOP, Shop, TRUSTED};
use serde_json::{Value, json};
use tests::Visitor;

const LOADER: &str = include_str!("loader.mjs");

/// Somebody opens the shop's link on a page with that head, and signs up.
async fn works(shop: &Shop, head: &str, headers: &[(&str, &str)]) {
    works_on(SHOP, shop, head, headers).await;
}

async fn works_on(host: &str, shop: &Shop, head: &str, headers: &[(&str, &str)]) {
    shop.site.page_with("/", &shop.html(head), headers);
    let (_visitor, tab, click) = shop.visitor_of(&shop.link().replace(SHOP, host)).await;
    let key = tests::unique_name("user");
    let told = tab.run(&format!("affitor.signup('{key}', 'user@example.com')")).await;
    assert_eq!(told["success"], true, "{head}: {told}");
    assert_eq!(shop.referred(&key).await["click_id"], json!(click), "{head}");
    assert_eq!(tab.thrown(), Vec::<String>::new(), "{head}");
}

#[tokio::test]
async fn the_script_works_plain_async_and_deferred() {
    let shop = Shop::open().await;
    for how in ["", "async", "defer"] {
        works(&shop, &shop.tag(how), &[]).await;
    }
}

#[tokio::test]
async fn the_script_works_as_a_module_of_the_shop() {
    let shop = Shop::open().await;
    works(&shop, &shop.tag(r#"type="module""#).replace(API, SHOP), &[]).await;
}

#[tokio::test]
async fn the_script_defines_its_object_at_once() {
    let shop = Shop::open().await;
    let next = "<script>window.seen = [typeof affitor.signup, affitor.loaded, document.readyState]</script>";
    shop.site.page("/", &shop.html(&format!("{}{next}", shop.tag(""))));
    let (_visitor, tab, _) = shop.visitor().await;
    assert_eq!(tab.run("seen").await, json!(["function", true, "loading"]));
}

#[tokio::test]
async fn the_script_works_when_it_is_added_after_the_page_has_loaded() {
    let shop = Shop::open().await;
    let add = format!(
        "<script>addEventListener('load', () => setTimeout(() => {{
            const script = document.createElement('script');
            script.src = '{}';
            script.dataset.affitorProgramId = '{}';
            document.head.append(script);
        }}))</script>",
        shop.site.url(API, "/js/affitor-tracker.js"),
        shop.program.id
    );
    works(&shop, &add, &[]).await;
}

#[tokio::test]
async fn the_script_twice_on_a_page_reports_one_click_and_one_signup() {
    let shop = Shop::open().await;
    works(&shop, &format!("{0}{0}{1}", shop.tag(""), shop.tag("async")), &[]).await;
    assert_eq!((shop.sent("click").len(), shop.sent("lead").len()), (1, 1));
}

#[tokio::test]
async fn the_script_works_under_a_strict_content_security_policy() {
    let shop = Shop::open().await;
    let api = shop.site.url(API, "");
    let policy = format!(
        "default-src 'none'; script-src 'nonce-n0nce' 'strict-dynamic'; connect-src {api}; \
        require-trusted-types-for 'script'; base-uri 'none'"
    );
    works(&shop, &shop.tag(r#"nonce="n0nce""#), &[("content-security-policy", &policy)]).await;
}

#[tokio::test]
async fn the_script_works_in_an_isolated_page() {
    let shop = Shop::open().await;
    let headers = [("cross-origin-embedder-policy", "require-corp"), ("cross-origin-opener-policy", "same-origin")];
    works(&shop, &shop.tag(""), &headers).await;
}

#[tokio::test]
async fn the_script_works_under_a_neutral_name_and_below_a_path_of_the_shop() {
    let shop = Shop::open().await;
    let neutral = shop.tag("").replace("affitor-tracker.js", "a.js");
    works(&shop, &neutral, &[]).await;
    let proxied = neutral.replace(&shop.site.url(API, "/js"), "/partners/js");
    works_on(TRUSTED, &shop, &proxied.replace("<script ", r#"<script data-affitor-api="/partners" "#), &[]).await;
    let last = shop.site.seen("lead").pop().unwrap();
    assert_eq!(last.headers["sec-fetch-site"], "same-origin");
}

#[tokio::test]
async fn the_published_npm_loader_works_with_our_script() {
    let shop = Shop::open().await;
    shop.site.page("/loader.mjs", LOADER);
    let source = shop.site.url(API, "/js/affitor-tracker.js");
    let module = format!(
        "<script type=module>import {{ loadAffitor }} from '/loader.mjs';
        const options = {{ scriptUrl: '{source}', debug: false }};
        const affitor = await loadAffitor('{}', options);
        await affitor?.signup('u_npm', 'user@example.com');
        window.same = (await loadAffitor('{0}', options)) === window.affitor;
        </script>",
        shop.program.id
    );
    shop.site.page("/", &shop.html(&module));
    let visitor = Visitor::new().await;
    let tab = visitor.opens(&shop.link()).await;
    shop.referred("u_npm").await;
    assert_eq!(tab.sees("window.same").await, true);
    assert_eq!(tab.thrown(), Vec::<String>::new());
}

#[tokio::test]
async fn the_script_holds_a_page_up_for_less_than_five_milliseconds() {
    let shop = Shop::open().await;
    shop.site.page("/", &shop.html(&shop.tag("").replace(API, SHOP)));
    let (_visitor, tab, _) = shop.visitor().await;
    // Time on the processor, which other tests do not lengthen as they lengthen the time on the clock.
    tab.command("Performance.enable", json!({})).await;
    let spent = async |script: &str| {
        let now = async || {
            let metrics = tab.command("Performance.getMetrics", json!({})).await;
            let time = |metric: &Value| (metric["name"] == "ThreadTime").then(|| metric["value"].as_f64().unwrap());
            metrics["metrics"].as_array().unwrap().iter().find_map(time).unwrap()
        };
        let before = now().await;
        tab.run(script).await;
        1_000.0 * (now().await - before)
    };
    tab.run("fetch('/js/a.js').then((answer) => answer.text()).then((source) => { window.source = source })").await;
    let (mut idle, mut times) = (Vec::new(), Vec::new());
    for run in 0..9 {
        idle.push(spent("0").await);
        // Compiled and run as on a page that has none yet.
        times.push(spent(&format!("delete window.affitor; (0, eval)(source + '//{run}'); 0")).await);
    }
    times.sort_by(f64::total_cmp);
    idle.sort_by(f64::total_cmp);
    println!("the script takes {times:.1?} ms of the page's thread, nothing {idle:.1?}");
    let script = times[4] - idle[4];
    assert!(script > 0.0 && script < 5.0, "{script}");
}
