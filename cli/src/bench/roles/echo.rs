//! The least a JSON service can do: reads whatever JSON it is sent and writes it again.

use super::baseline::{LEAD, failed, json, serve_on_cores, whole};
use crate::failure::Failure;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Response, StatusCode};
use axum::routing::post;
use runtime::config::Settings;
use serde_json::Value;

pub(super) async fn run(settings: &Settings) -> Result<(), Failure> {
    serve_on_cores(settings, Router::new().route(LEAD, post(echo))).await
}

async fn echo(request: Request) -> Response<Body> {
    let body = whole(request.into_body()).await.unwrap_or_default();
    let Ok(value) = serde_json::from_slice::<Value>(&body) else { return failed(StatusCode::BAD_REQUEST) };
    json(serde_json::to_vec(&value).unwrap_or_default())
}
