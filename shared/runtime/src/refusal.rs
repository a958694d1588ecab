//! What every API of ours refuses in the same words, and how a fault of ours says what became of an event.
//!
//! What only one binary refuses is in that binary's own list, which takes these in.

use axum::http::header::{HeaderName, HeaderValue};

/// The header of every 5xx.
pub const X_AFFITOR_OUTCOME: HeaderName = HeaderName::from_static("x-affitor-outcome");

/// What is surely or possibly true of an event when we fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was not accepted.
    NotAccepted,
    /// It may have been accepted.
    Unknown,
}

impl Outcome {
    /// The value of `X-Affitor-Outcome`.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::NotAccepted => "not-accepted",
            Outcome::Unknown => "unknown",
        }
    }

    /// The same for an answer.
    pub const fn header(self) -> HeaderValue {
        HeaderValue::from_static(self.name())
    }
}

/// A refusal that means the same at every address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Everywhere {
    /// No valid API key where one is needed, or a wrong one anywhere.
    InvalidToken,
    /// There is no such address.
    NotFound,
    /// The address does not take that method.
    MethodNotAllowed,
}

impl Everywhere {
    /// The stable name that programs match on.
    pub const fn code(self) -> &'static str {
        match self {
            Everywhere::InvalidToken => "invalid_token",
            Everywhere::NotFound => "not_found",
            Everywhere::MethodNotAllowed => "method_not_allowed",
        }
    }

    /// A sentence that a person can act on.
    pub const fn sentence(self) -> &'static str {
        match self {
            Everywhere::InvalidToken => {
                "The Authorization header must be exactly one, of the form Bearer and a valid program API key"
            }
            Everywhere::NotFound => "There is nothing at this address: /openapi.json lists what there is",
            Everywhere::MethodNotAllowed => "This address does not take that method: see the Allow header",
        }
    }
}
