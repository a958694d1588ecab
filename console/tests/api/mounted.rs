//! The contract as it is published, and the console beside other routes.

use crate::stage::{Stage, ask, secrets};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::{get, post};
use console::Console;

#[tokio::test]
async fn the_contract_lists_every_route_with_its_shape() {
    let stage = Stage::new().await;
    let contract = stage.send(axum::http::Method::GET, "/openapi.json").await.json();
    let paths: Vec<_> = contract["paths"].as_object().unwrap().keys().cloned().collect();
    let (reads, health): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| path.starts_with("/api/"));
    assert_eq!(reads, ["/api/v1/customers", "/api/v1/customers/{customer_key}", "/api/v1/events/{event_id}"]);
    assert_eq!(health, ["/healthz", "/readyz"]);
    let members = &contract["components"]["schemas"]["Customer"]["properties"];
    assert_eq!(members.as_object().unwrap().len(), 14);
    for path in reads {
        let responses = contract["paths"][&path]["get"]["responses"].as_object().unwrap();
        for status in ["401", "405", "500", "503"] {
            assert!(responses.contains_key(status), "{path} {status}");
        }
        for (status, response) in responses.iter().filter(|(status, _)| *status != "200") {
            let schema = &response["content"]["application/json"]["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/ReadFailure", "{path} {status}");
        }
    }
    let codes = contract["components"]["schemas"]["ReadFailure"]["properties"]["code"]["enum"].as_array().unwrap();
    assert!(console::Fault::ALL.iter().all(|fault| codes.contains(&fault.code().into())));
    assert_eq!(contract["components"]["securitySchemes"]["api_key"]["scheme"], "bearer");
}

#[tokio::test]
async fn the_routes_stand_beside_others_that_have_a_fallback() {
    let stage = Stage::new().await;
    let others = Router::new()
        .route("/api/v1/track/lead", post(|| async { "tracked" }))
        .route("/openapi.json", get(|| async { "the whole" }))
        .fallback(|| async { (StatusCode::NOT_FOUND, "nothing") });
    let app = others.merge(console::router(Console::new(stage.store.clone(), secrets())));
    let body = async |request: Request<Body>| ask(&app, request).await.body;
    assert_eq!(body(Request::post("/api/v1/track/lead").body(Body::empty()).unwrap()).await, "tracked");
    assert_eq!(body(Request::get("/nothing").body(Body::empty()).unwrap()).await, "nothing");
    let answer = ask(&app, Request::get("/api/v1/events/x").body(Body::empty()).unwrap()).await;
    answer.assert_refused(401, "invalid_token");
}

#[tokio::test]
async fn every_series_is_there_before_the_first_request() {
    let metrics = runtime::telemetry::install_metrics().unwrap();
    let stage = Stage::new().await;
    let series = |route: &str, status: u16| {
        let start = format!("affitor_console_requests_total{{route=\"{route}\",status=\"{status}\"}} ");
        let text = metrics.render();
        let line = text.lines().find_map(|line| line.strip_prefix(&start)).expect(&start);
        line.parse::<u64>().unwrap()
    };
    for route in ["customer", "customers_of_click", "event", "openapi", "other"] {
        series(route, 200);
        series(route, 503);
        let count = format!("affitor_console_request_duration_seconds_count{{route=\"{route}\"}}");
        assert!(metrics.render().contains(&count), "{count}");
    }
    let before = series("event", 404);
    stage.get("/api/v1/events/x").await.assert_refused(404, "not_recorded");
    assert!(series("event", 404) > before);
}
