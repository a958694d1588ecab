//! Reads a whole request body, bounded in bytes and in time. Called by the handlers that take one.

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::io;
use std::time::Duration;
use thiserror::Error;

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BodyFault {
    /// More bytes than allowed, announced or sent.
    #[error("the request body is too large")]
    TooLarge,
    /// Not complete within the deadline.
    #[error("the request body took too long to arrive")]
    TooSlow,
    /// It ended before it was whole: the client went away.
    #[error("the request body ended too early")]
    Cut,
    /// The client sent something that is no HTTP body.
    #[error("the request body could not be read")]
    Broken,
}

impl BodyFault {
    /// The status to answer with.
    pub fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Cut | Self::Broken => StatusCode::BAD_REQUEST,
        }
    }
}

/// The whole body, of at most `max_bytes`, within `deadline` from now.
///
/// # Errors
/// [`BodyFault`]; the connection is closed by the accept loop once the answer is written.
pub async fn read_body(body: Body, max_bytes: usize, deadline: Duration) -> Result<Bytes, BodyFault> {
    let whole = Limited::new(body, max_bytes).collect();
    match tokio::time::timeout(deadline, whole).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyFault::TooLarge),
        Ok(Err(error)) if is_cut(error.as_ref()) => Err(BodyFault::Cut),
        Ok(Err(_)) => Err(BodyFault::Broken),
        Err(_) => Err(BodyFault::TooSlow),
    }
}

/// Whether the connection ended, rather than brought something wrong.
fn is_cut(error: &(dyn std::error::Error + 'static)) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut kinds = causes.filter_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
    kinds.any(|kind| matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn a_body_of_the_allowed_length_is_read_and_a_longer_one_is_not() {
        assert_eq!(read_body(Body::from("12345"), 5, SECOND).await, Ok(Bytes::from("12345")));
        assert_eq!(read_body(Body::from("123456"), 5, SECOND).await, Err(BodyFault::TooLarge));
    }
}
