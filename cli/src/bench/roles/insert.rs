//! The usual service without a queue: reads the lead and inserts it, one row and one commit per request.

use super::baseline::{LEAD, failed, serve_until_stopped, taken, whole};
use crate::bench::words::cannot;
use crate::failure::Failure;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use axum::routing::post;
use runtime::config::Settings;
use serde::Deserialize;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

/// Connections to the database, as many as services usually have.
const POOL: u32 = 16;

/// The table with the key that any such table has.
pub(in crate::bench) const TABLE: &str = "CREATE TABLE bench_lead (program_id bigint NOT NULL, customer_key text NOT NULL, \
    click_id text, email text, session_id text, page_url text, received_at timestamptz NOT NULL DEFAULT now(), \
    PRIMARY KEY (program_id, customer_key))";

const INSERT: &str = "INSERT INTO bench_lead (program_id, customer_key, click_id, email, session_id, page_url) \
    VALUES (1, $1, $2, $3, $4, $5)";

/// What is kept of a lead.
#[derive(Deserialize)]
struct Lead {
    customer_key: String,
    click_id: String,
    email: String,
    session_id: String,
    page_url: String,
}

pub(super) async fn run(settings: &Settings) -> Result<(), Failure> {
    let pool = PgPoolOptions::new().min_connections(POOL).max_connections(POOL);
    let pool = pool.connect(settings.store.database_url.expose()).await.map_err(cannot("no database"))?;
    serve_until_stopped(settings, Router::new().route(LEAD, post(insert)).with_state(pool)).await
}

async fn insert(State(pool): State<PgPool>, request: Request) -> Response<Body> {
    let body = whole(request.into_body()).await.unwrap_or_default();
    let Ok(lead) = serde_json::from_slice::<Lead>(&body) else { return failed(StatusCode::BAD_REQUEST) };
    let query = sqlx::query(INSERT).bind(lead.customer_key).bind(lead.click_id).bind(lead.email);
    match query.bind(lead.session_id).bind(lead.page_url).execute(&pool).await {
        Ok(_) => taken(),
        Err(_) => failed(StatusCode::SERVICE_UNAVAILABLE),
    }
}
