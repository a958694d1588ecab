//! The refusals of click and lead, and of many leads, for the schema only.
#![expect(dead_code, reason = "read by the schema; answers are made by `answer`")]

use crate::answer::Failure;
use utoipa::IntoResponses;

#[derive(IntoResponses)]
pub(crate) enum Refusals {
    /// The body breaks a rule; the sentence says which.
    #[response(status = 400)]
    Invalid(Failure<'static>),
    /// A wrong key, or nothing that proves the program.
    #[response(status = 401)]
    Unproven(Failure<'static>),
    /// The program does not list this origin.
    #[response(status = 403)]
    Origin(Failure<'static>),
    /// The path takes other methods: see `Allow`.
    #[response(status = 405, headers(("Allow" = String, description = "Those that it takes.")))]
    Method(Failure<'static>),
    /// The body took too long to arrive.
    #[response(status = 408)]
    TooSlow(Failure<'static>),
    /// The body has more than 16 KiB.
    #[response(status = 413)]
    TooLarge(Failure<'static>),
    /// The body is not sent as plain JSON in UTF-8.
    #[response(status = 415)]
    MediaType(Failure<'static>),
    /// Over a limit: send it again later.
    #[response(status = 429, headers(("Retry-After" = u32, description = "Whole seconds.")))]
    Limited(Failure<'static>),
    /// Send it again: `X-Affitor-Outcome` says what became of the event.
    #[response(status = 503, headers(
        ("X-Affitor-Outcome" = String, description = "`not-accepted` or `unknown`."),
        ("Retry-After" = u32, description = "Whole seconds."),
    ))]
    Ours(Failure<'static>),
}

#[derive(IntoResponses)]
pub(crate) enum BulkRefusals {
    /// The body is no object with 1 to 1,000 leads.
    #[response(status = 400)]
    Invalid(Failure<'static>),
    /// No key, or a wrong one.
    #[response(status = 401)]
    NoKey(Failure<'static>),
    /// The path takes POST only.
    #[response(status = 405, headers(("Allow" = String, description = "POST.")))]
    Method(Failure<'static>),
    /// The body took too long to arrive.
    #[response(status = 408)]
    TooSlow(Failure<'static>),
    /// The body has more than 1 MiB.
    #[response(status = 413)]
    TooLarge(Failure<'static>),
    /// The body is not sent as plain JSON in UTF-8.
    #[response(status = 415)]
    MediaType(Failure<'static>),
    /// The key has no token left: send it again later.
    #[response(status = 429, headers(("Retry-After" = u32, description = "Whole seconds.")))]
    Limited(Failure<'static>),
    /// No lead was accepted, at least one of them by a fault of ours. Send all again: `X-Affitor-Outcome` says what became of them.
    #[response(status = 503, headers(
        ("X-Affitor-Outcome" = String, description = "`not-accepted` or `unknown`."),
        ("Retry-After" = u32, description = "Whole seconds."),
    ))]
    Ours(Failure<'static>),
}
