//! Answers that are no success, the same everywhere.

use crate::stage::{Stage, ask, secrets};
use axum::body::Body;
use axum::http::{Method, Request};
use console::Console;
use domain::ApiKey;
use std::net::TcpListener;
use std::time::Duration;
use store::{PostgresSettings, Store};

#[tokio::test]
async fn an_address_without_anything_is_a_404_in_json() {
    let stage = Stage::new().await;
    for path in ["/", "/api/v1/customers/a/b", "/api/v1/customers/", "/api/v1/events", "/API/v1/events/x"] {
        stage.get(path).await.assert_refused(404, "not_found");
    }
}

#[tokio::test]
async fn another_method_is_a_405_in_json_that_names_the_right_ones() {
    let stage = Stage::new().await;
    for path in ["/api/v1/customers", "/api/v1/customers/usr_1", "/api/v1/events/x", "/openapi.json"] {
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::OPTIONS] {
            let answer = stage.send(method, path).await;
            answer.assert_refused(405, "method_not_allowed");
            assert_eq!(answer.headers["allow"], "GET,HEAD");
        }
    }
}

#[tokio::test]
async fn while_the_store_is_away_nobody_is_told_that_the_key_is_wrong() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settings = PostgresSettings {
        connect_timeout: Duration::from_millis(100),
        ..PostgresSettings::for_url(format!("postgres://postgres@127.0.0.1:{port}/postgres"))
    };
    let app = console::standalone(Console::new(Store::postgres(settings).await.unwrap(), secrets()));
    let key = ApiKey::mint([1; ApiKey::ENTROPY]);
    let request = Request::get("/api/v1/customers/usr_1").header("authorization", format!("Bearer {}", key.text()));
    let answer = ask(&app, request.body(Body::empty()).unwrap()).await;
    answer.assert_refused(503, "store_unavailable");
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(answer.headers["x-affitor-outcome"], "not-accepted");
}
