//! The demo's shop: there where `affitor up` has a demo, and nowhere else; what a visitor sees there.

use serde_json::json;
use std::path::Path;
use tests::{Answer, Client, Pipeline, Process, Shape, Visitor, start_up};

async fn shop(data: &Path) -> (String, Process) {
    let (address, up) = start_up(data, &[]).await;
    (format!("http://{address}"), up)
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
