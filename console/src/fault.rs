//! Every answer that is no success: one closed list of statuses, codes and sentences.
//!
//! What another program owns and what nobody owns are the same member of it, so their answers are the same bytes.

use crate::answer::json;
use axum::http::StatusCode;
use axum::http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use runtime::refusal::{Everywhere, Outcome, X_AFFITOR_OUTCOME};
use serde::Serialize;
use store::StoreError;
use utoipa::ToSchema;

/// Why a request gets no answer of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No API key, more than one, or one that is wrong, unknown or revoked.
    InvalidToken,
    /// The program has no customer of that key.
    CustomerNotFound,
    /// The program has no event of that id.
    NotRecorded,
    /// The `click_id` in the query is missing, given twice, or cannot be one.
    InvalidClickId,
    /// There is no such address.
    NotFound,
    /// The address does not take this method.
    MethodNotAllowed,
    /// The database is away, busy, or not as it must be.
    StoreUnavailable,
    /// A fault of ours.
    Internal,
}

impl Fault {
    /// All of them, for documents and tests.
    pub const ALL: [Fault; 8] = [
        Fault::InvalidToken,
        Fault::CustomerNotFound,
        Fault::NotRecorded,
        Fault::InvalidClickId,
        Fault::NotFound,
        Fault::MethodNotAllowed,
        Fault::StoreUnavailable,
        Fault::Internal,
    ];

    /// The HTTP status.
    pub const fn status(self) -> StatusCode {
        match self {
            Fault::InvalidToken => StatusCode::UNAUTHORIZED,
            Fault::CustomerNotFound | Fault::NotRecorded | Fault::NotFound => StatusCode::NOT_FOUND,
            Fault::InvalidClickId => StatusCode::BAD_REQUEST,
            Fault::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Fault::StoreUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Fault::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The stable name that programs match on.
    pub const fn code(self) -> &'static str {
        match self {
            Fault::InvalidToken => Everywhere::InvalidToken.code(),
            Fault::CustomerNotFound => "customer_not_found",
            Fault::NotRecorded => "not_recorded",
            Fault::InvalidClickId => "invalid_click_id",
            Fault::NotFound => Everywhere::NotFound.code(),
            Fault::MethodNotAllowed => Everywhere::MethodNotAllowed.code(),
            Fault::StoreUnavailable => "store_unavailable",
            Fault::Internal => "internal",
        }
    }

    /// A sentence that a person can act on. It never holds anything of the request.
    pub const fn sentence(self) -> &'static str {
        match self {
            Fault::InvalidToken => Everywhere::InvalidToken.sentence(),
            Fault::CustomerNotFound => "The program has no customer with this customer_key.",
            Fault::NotRecorded => "The event is not processed yet, was never accepted, or has been erased.",
            Fault::InvalidClickId => {
                "click_id must be given once in the query, with 1 to 128 characters of A-Z, a-z, 0-9, '.', '_', ':', '-'."
            }
            Fault::NotFound => Everywhere::NotFound.sentence(),
            Fault::MethodNotAllowed => Everywhere::MethodNotAllowed.sentence(),
            Fault::StoreUnavailable => "The database does not answer at the moment; try again shortly.",
            Fault::Internal => "The answer could not be made; the fault is ours and has been logged.",
        }
    }
}

/// Every refusal.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReadFailure {
    success: bool,
    /// A sentence a person can act on.
    #[schema(value_type = String)]
    error: &'static str,
    /// Stable, from a closed list.
    #[schema(value_type = String)]
    code: &'static str,
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let refusal = ReadFailure { success: false, error: self.sentence(), code: self.code() };
        let mut response = json(self.status(), &refusal);
        let headers = response.headers_mut();
        if self == Fault::InvalidToken {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self == Fault::StoreUnavailable {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.status().is_server_error() {
            headers.insert(X_AFFITOR_OUTCOME, Outcome::NotAccepted.header());
        }
        response
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Away(_) | StoreError::Busy(_) => {
                tracing::warn!(%error, "a read was not answered");
                Fault::StoreUnavailable
            }
            StoreError::Misconfigured(_) => {
                tracing::error!(%error, "a read was not answered");
                Fault::StoreUnavailable
            }
            // A read gives the database nothing to refuse. Its words may hold a value, so they stay out of the log.
            StoreError::Refused { code, .. } => {
                tracing::error!(%code, "a read was refused");
                Fault::Internal
            }
            StoreError::NotFound(_) | StoreError::Conflict(_) | StoreError::Invalid(_) => {
                tracing::error!(%error, "a read was refused");
                Fault::Internal
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_fault_has_a_code_of_its_own_and_a_sentence() {
        let codes: BTreeSet<_> = Fault::ALL.iter().map(|fault| fault.code()).collect();
        assert_eq!(codes.len(), Fault::ALL.len());
        assert!(Fault::ALL.iter().all(|fault| !fault.sentence().is_empty() && !fault.status().is_success()));
    }
}
