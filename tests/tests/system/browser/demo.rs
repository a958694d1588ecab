//! The demo's shop: there where `affitor up` has a demo, and nowhere else; what a visitor sees there.

use serde_json::json;
use std::path::Path;
use tests::{Answer, Client, Pipeline, Process, Shape, Tab, Visitor, start_up};

async fn shop(data: &Path) -> (String, Process) {
    let (address, up) = start_up(data, &[]).await;
    (format!("http://{address}"), up)
}

async fn sees(tab: &Tab, id: &str, text: &str) {
    tab.sees(&format!("document.getElementById('{id}').innerText.includes({})", json!(text))).await;
}

#[tokio::test]
async fn a_visitor_sees_the_journey_from_the_link_to_the_attributed_signup_and_the_duplicate() {
    let room = tempfile::tempdir().unwrap();
    let (url, _up) = shop(&room.path().join("data")).await;
    let visitor = Visitor::new().await;
    let tab = visitor.opens(&format!("{url}/demo")).await;
    sees(&tab, "verdict", "Nothing yet").await;
    tab.run("document.querySelectorAll('.link')[0].click()").await;
    sees(&tab, "verdict", "it counts for PARTNER123").await;
    tab.run("document.querySelectorAll('.link')[1].click()").await;
    sees(&tab, "verdict", "it counts for PARTNER456").await;
    sees(&tab, "events", "Visit through PARTNER123").await;
    tab.run("document.querySelector('#signup button').click()").await;
    sees(&tab, "verdict", "Brought by PARTNER456").await;
    sees(&tab, "verdict", "a***@example.com").await;
    tab.run("document.getElementById('again').click()").await;
    sees(&tab, "events", "it counts once").await;
    tab.run("document.getElementById('forget').click()").await;
    sees(&tab, "verdict", "Nothing yet").await;
    tab.run("document.querySelector('#signup button').click()").await;
    sees(&tab, "verdict", "no_click_id").await;
    assert_eq!(tab.thrown(), Vec::<String>::new());
}

/// The page hears of a click long after its cookie is there.
const LATE_ANSWERS: &str = "const json = Response.prototype.json;
    Response.prototype.json = async function () {
        if (this.url.includes('/track/click')) await new Promise((resolve) => setTimeout(resolve, 2000));
        return json.call(this);
    }";

#[tokio::test]
async fn the_journey_names_the_newest_link_although_its_cookie_comes_before_the_page_hears_of_it() {
    let room = tempfile::tempdir().unwrap();
    let (url, _up) = shop(&room.path().join("data")).await;
    let visitor = Visitor::new().await;
    let tab = visitor.opens(&format!("{url}/demo")).await;
    tab.command("Page.addScriptToEvaluateOnNewDocument", json!({"source": LATE_ANSWERS})).await;
    tab.run("document.querySelectorAll('.link')[0].click()").await;
    sees(&tab, "verdict", "it counts for PARTNER123").await;
    tab.run("document.querySelectorAll('.link')[1].click()").await;
    sees(&tab, "verdict", "it counts for PARTNER456").await;
}

#[tokio::test]
async fn the_shop_works_where_the_tracker_is_kept_out() {
    let room = tempfile::tempdir().unwrap();
    let (url, _up) = shop(&room.path().join("data")).await;
    let visitor = Visitor::new().await;
    let tab = visitor.tab().await;
    tab.command("Network.setBlockedURLs", json!({"urls": ["*/js/*"]})).await;
    tab.open(&format!("{url}/demo?aff=PARTNER123")).await;
    sees(&tab, "verdict", "No tracker").await;
    tab.run("document.querySelector('#signup button').click()").await;
    sees(&tab, "answer", "Welcome, ada@example.com").await;
    tab.run("document.getElementById('forget').click()").await;
    tab.sees("location.search === ''").await;
    assert_eq!(tab.thrown(), Vec::<String>::new());
}

#[tokio::test]
async fn the_page_loads_the_tracker_under_the_name_that_no_list_blocks() {
    let room = tempfile::tempdir().unwrap();
    let (url, _up) = shop(&room.path().join("data")).await;
    let visitor = Visitor::new().await;
    let tab = visitor.tab().await;
    tab.command("Network.setBlockedURLs", json!({"urls": ["*affitor*", "*tracker*"]})).await;
    tab.open(&format!("{url}/demo?aff=PARTNER123")).await;
    sees(&tab, "verdict", "it counts for PARTNER123").await;
}

#[tokio::test]
async fn the_page_fits_a_narrow_screen_and_loads_nothing_from_elsewhere() {
    let room = tempfile::tempdir().unwrap();
    let (url, _up) = shop(&room.path().join("data")).await;
    let visitor = Visitor::new().await;
    let tab = visitor.opens(&format!("{url}/demo")).await;
    tab.command(
        "Emulation.setDeviceMetricsOverride",
        json!({"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": true}),
    )
    .await;
    assert_eq!(tab.sees("document.documentElement.scrollWidth").await, 360);
    let elsewhere =
        "performance.getEntriesByType('resource').filter((one) => !one.name.startsWith(location.origin)).length";
    assert_eq!(tab.run(elsewhere).await, 0);
}

#[tokio::test]
async fn there_is_no_shop_where_there_is_no_demo() {
    for shape in [Shape::Embedded, Shape::Servers] {
        let pipeline = Pipeline::shared(shape).await;
        for base in [&pipeline.api, &pipeline.reads] {
            for path in ["/demo", "/demo/journey", "/demo/shop.js"] {
                let answer = Answer::to(Client::at(base, base).request(reqwest::Method::GET, path)).await;
                assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"), "{base}{path}");
            }
        }
    }
}

#[tokio::test]
async fn the_journey_of_a_key_that_the_page_has_not_made_up_is_not_shown() {
    let room = tempfile::tempdir().unwrap();
    let data = room.path().join("data");
    let (url, _up) = shop(&data).await;
    let facts: serde_json::Value = serde_json::from_slice(&std::fs::read(data.join("demo.json")).unwrap()).unwrap();
    let client = Client::at(&url, &url);
    let lead = client.lead().bearer_auth(facts["api_key"].as_str().unwrap()).json(&json!({"customer_key": "usr_1"}));
    let accepted = Answer::to(lead).await;
    assert_eq!(accepted.status, 200, "{accepted:?}");
    for query in ["customer_key=usr_1", "click_id=cust_1_forged", ""] {
        let journey = Answer::to(client.request(reqwest::Method::GET, &format!("/demo/journey?{query}"))).await;
        assert_eq!(journey.json(), json!({"customers": []}), "{query}");
    }
}
