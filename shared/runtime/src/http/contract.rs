//! What `ops` answers, as the contract for machines describes it. Called by whoever serves a contract.
#![expect(dead_code, reason = "read by the schema; answers are made by `ops`")]

use utoipa::openapi::OpenApi as Document;
use utoipa::{OpenApi, ToSchema};

#[derive(OpenApi)]
#[openapi(paths(healthz, readyz), components(schemas(Alive, Readiness)))]
struct Contract;

/// `/healthz` and `/readyz`, to be merged into a binary's own part of the contract.
pub fn health_contract() -> Document {
    Contract::openapi()
}

/// The process lives.
#[derive(ToSchema)]
struct Alive {
    /// True.
    alive: bool,
}

/// Whether work can be accepted.
#[derive(ToSchema)]
struct Readiness {
    ready: bool,
    /// Why not, each with the name of what it depends on; missing when it is ready.
    #[schema(required = false)]
    reasons: Vec<String>,
}

/// Whether the process lives.
#[utoipa::path(get, path = "/healthz", responses((status = 200, description = "It does.", body = Alive)))]
fn healthz() {}

/// Whether the process can accept work now.
#[utoipa::path(
    get,
    path = "/readyz",
    responses(
        (status = 200, description = "It can.", body = Readiness),
        (status = 503, description = "It cannot, and why.", body = Readiness),
    )
)]
fn readyz() {}
