//! Health, for the contract only: `runtime` answers it, the same on every port of every process.
#![expect(dead_code, reason = "read by the schema; answers are made by `runtime`")]

use utoipa::ToSchema;

/// The process lives.
#[derive(ToSchema)]
pub(crate) struct Alive {
    /// True.
    alive: bool,
}

/// Whether work can be accepted.
#[derive(ToSchema)]
pub(crate) struct Readiness {
    ready: bool,
    /// Why not, each with the name of what it depends on; missing when it is ready.
    #[schema(required = false)]
    reasons: Vec<String>,
}

/// Whether the process lives.
#[utoipa::path(get, path = "/healthz", responses((status = 200, description = "It does.", body = Alive)))]
pub(crate) fn healthz() {}

/// Whether the process can accept work now.
#[utoipa::path(
    get,
    path = "/readyz",
    responses(
        (status = 200, description = "It can.", body = Readiness),
        (status = 503, description = "It cannot, and why.", body = Readiness),
    )
)]
pub(crate) fn readyz() {}
