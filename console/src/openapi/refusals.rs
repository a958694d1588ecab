//! The refusals of every read, for the schema only.
#![expect(dead_code, reason = "read by the schema; answers are made by `fault`")]

use crate::fault::ReadFailure;
use utoipa::IntoResponses;

/// What every read can be refused for.
#[derive(IntoResponses)]
pub(crate) enum AnyRead {
    /// No API key, or a wrong one.
    #[response(status = 401)]
    Key(ReadFailure),
    /// The path takes other methods: see `Allow`.
    #[response(status = 405, headers(("Allow" = String, description = "Those that it takes.")))]
    Method(ReadFailure),
    /// A fault of ours, which has been logged.
    #[response(status = 500, headers(("X-Affitor-Outcome" = String, description = "`not-accepted`.")))]
    Ours(ReadFailure),
    /// The database does not answer: try again later.
    #[response(status = 503, headers(
        ("X-Affitor-Outcome" = String, description = "`not-accepted`."),
        ("Retry-After" = u32, description = "Whole seconds."),
    ))]
    Store(ReadFailure),
}
