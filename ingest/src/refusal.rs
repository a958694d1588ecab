//! Everything that a client can be refused for: one closed list with status, code, sentence and outcome.
//!
//! Each is one exhaustive match, so that a new refusal must be decided by a person in all of them.

use axum::http::StatusCode;
use domain::request::{FaultCode, IDENTITY_REQUIRED, PLACEHOLDER_KEY};
use runtime::refusal::{Everywhere, Outcome};

/// Why a request is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The body breaks a rule.
    Invalid(FaultCode),
    /// The body is no HTTP body.
    BodyUnreadable,
    /// The body never arrived whole: the client has left.
    ClientGone,
    /// `program_id` names no program, an inactive one, or another one than the key's.
    UnknownProgram,
    /// A test event names no program.
    ProgramRequired,
    /// A genuine click id of another program.
    ClickOfOtherProgram,
    /// The only identity is a click id that is not ours.
    CustomerNotFound,
    /// No link has that code.
    LinkNotFound,
    /// The link, its partner or its program has been switched off.
    LinkInactive,
    /// The token that was sent is not a valid key.
    InvalidToken,
    /// A lead without a key proves its program by nothing.
    ProofMissing,
    /// A lead whose only proof is `program_id` came without an origin.
    OriginMissing,
    /// The origin is not in the program's list.
    OriginRefused,
    /// No such path.
    NotFound,
    /// The path does not take that method.
    MethodNotAllowed,
    /// The body did not arrive in time.
    BodyTooSlow,
    /// The body has too many bytes.
    BodyTooLarge,
    /// The body is not sent as JSON in UTF-8.
    UnsupportedMediaType,
    /// The body is compressed.
    UnsupportedEncoding,
    /// More than a limit allows.
    RateLimited,
    /// A key, program or link is not known here and the store cannot be asked.
    StoreAway,
    /// The queue takes nothing now.
    QueueAway,
    /// Too many events wait for the queue.
    Overloaded,
    /// The queue did not confirm: it may have the event or not.
    Unconfirmed,
}

const OURS: [Refusal; 23] = [
    Refusal::BodyUnreadable,
    Refusal::ClientGone,
    Refusal::UnknownProgram,
    Refusal::ProgramRequired,
    Refusal::ClickOfOtherProgram,
    Refusal::CustomerNotFound,
    Refusal::LinkNotFound,
    Refusal::LinkInactive,
    Refusal::InvalidToken,
    Refusal::ProofMissing,
    Refusal::OriginMissing,
    Refusal::OriginRefused,
    Refusal::NotFound,
    Refusal::MethodNotAllowed,
    Refusal::BodyTooSlow,
    Refusal::BodyTooLarge,
    Refusal::UnsupportedMediaType,
    Refusal::UnsupportedEncoding,
    Refusal::RateLimited,
    Refusal::StoreAway,
    Refusal::QueueAway,
    Refusal::Overloaded,
    Refusal::Unconfirmed,
];

impl Refusal {
    /// Every refusal: the closed list of codes in metrics and documents.
    pub fn all() -> impl Iterator<Item = Refusal> {
        FaultCode::ALL.iter().copied().map(Refusal::Invalid).chain(OURS)
    }

    /// The status of the answer.
    pub const fn status(self) -> StatusCode {
        match self {
            Refusal::LinkInactive => StatusCode::OK,
            Refusal::Invalid(_)
            | Refusal::BodyUnreadable
            | Refusal::ClientGone
            | Refusal::UnknownProgram
            | Refusal::ProgramRequired
            | Refusal::ClickOfOtherProgram
            | Refusal::CustomerNotFound
            | Refusal::LinkNotFound => StatusCode::BAD_REQUEST,
            Refusal::InvalidToken | Refusal::ProofMissing | Refusal::OriginMissing => StatusCode::UNAUTHORIZED,
            Refusal::OriginRefused => StatusCode::FORBIDDEN,
            Refusal::NotFound => StatusCode::NOT_FOUND,
            Refusal::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Refusal::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::UnsupportedMediaType | Refusal::UnsupportedEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Refusal::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Refusal::StoreAway | Refusal::QueueAway | Refusal::Overloaded | Refusal::Unconfirmed => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// The stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Refusal::Invalid(code) => code.name(),
            Refusal::BodyUnreadable => "body_unreadable",
            Refusal::ClientGone => "client_gone",
            Refusal::UnknownProgram => "unknown_program",
            Refusal::ProgramRequired => "program_id_required",
            Refusal::ClickOfOtherProgram => "click_of_other_program",
            Refusal::CustomerNotFound => "customer_not_found",
            Refusal::LinkNotFound => "link_not_found",
            Refusal::LinkInactive => "link_inactive",
            Refusal::InvalidToken => Everywhere::InvalidToken.code(),
            Refusal::ProofMissing => "proof_missing",
            Refusal::OriginMissing => "origin_missing",
            Refusal::OriginRefused => "origin_refused",
            Refusal::NotFound => Everywhere::NotFound.code(),
            Refusal::MethodNotAllowed => Everywhere::MethodNotAllowed.code(),
            Refusal::BodyTooSlow => "body_too_slow",
            Refusal::BodyTooLarge => "body_too_large",
            Refusal::UnsupportedMediaType => "unsupported_media_type",
            Refusal::UnsupportedEncoding => "unsupported_encoding",
            Refusal::RateLimited => "rate_limited",
            Refusal::StoreAway => "store_unavailable",
            Refusal::QueueAway => "queue_unavailable",
            Refusal::Overloaded => "overloaded",
            Refusal::Unconfirmed => "unconfirmed",
        }
    }

    /// What to do about it. An invalid body's own sentences say more.
    pub const fn message(self) -> &'static str {
        match self {
            Refusal::Invalid(FaultCode::IdentityRequired) => IDENTITY_REQUIRED,
            Refusal::Invalid(FaultCode::PlaceholderKey) => PLACEHOLDER_KEY,
            Refusal::Invalid(_) => "Invalid request body",
            Refusal::BodyUnreadable => "The request body could not be read: send it again",
            Refusal::ClientGone => "The request body ended too early: send it again",
            Refusal::UnknownProgram => "program_id does not name a program that this request may use",
            Refusal::ProgramRequired => {
                "A test event needs additional_data.program_id, or an API key as Authorization: Bearer"
            }
            Refusal::ClickOfOtherProgram => "Customer does not belong to this program",
            Refusal::CustomerNotFound => "Customer not found. Provide a valid click_id or customer_key.",
            Refusal::LinkNotFound => "Referral link not found",
            Refusal::LinkInactive => "Referral link is inactive",
            Refusal::InvalidToken => Everywhere::InvalidToken.sentence(),
            Refusal::ProofMissing => {
                "The program is not proven. Send one of three: an API key as Authorization: Bearer, a genuine \
                 click_id, or program_id from a page with an allowed Origin. All three are missing."
            }
            Refusal::OriginMissing => {
                "The program is not proven. Send one of three: an API key as Authorization: Bearer, a genuine \
                 click_id, or program_id from a page with an allowed Origin. program_id came without an Origin."
            }
            Refusal::OriginRefused => "This origin is not in the program's list of allowed origins",
            Refusal::NotFound => Everywhere::NotFound.sentence(),
            Refusal::MethodNotAllowed => Everywhere::MethodNotAllowed.sentence(),
            Refusal::BodyTooSlow => "The request body took too long to arrive: send it again",
            Refusal::BodyTooLarge => "The request body must be at most 16 KiB",
            Refusal::UnsupportedMediaType => "Send JSON in UTF-8 with Content-Type: application/json",
            Refusal::UnsupportedEncoding => "Send the body without Content-Encoding",
            Refusal::RateLimited => "Too many requests: send it again after the seconds in Retry-After",
            Refusal::StoreAway => "Keys and programs cannot be looked up now: send it again",
            Refusal::QueueAway => "Events cannot be made durable now: send it again",
            Refusal::Overloaded => "Too many events are waiting: send it again",
            Refusal::Unconfirmed => {
                "It is unknown whether the event was accepted: send it again, it cannot count twice"
            }
        }
    }

    /// What is known of the event, for faults of ours only.
    pub const fn outcome(self) -> Option<Outcome> {
        match self {
            Refusal::StoreAway | Refusal::QueueAway | Refusal::Overloaded => Some(Outcome::NotAccepted),
            Refusal::Unconfirmed => Some(Outcome::Unknown),
            Refusal::Invalid(_)
            | Refusal::BodyUnreadable
            | Refusal::ClientGone
            | Refusal::UnknownProgram
            | Refusal::ProgramRequired
            | Refusal::ClickOfOtherProgram
            | Refusal::CustomerNotFound
            | Refusal::LinkNotFound
            | Refusal::LinkInactive
            | Refusal::InvalidToken
            | Refusal::ProofMissing
            | Refusal::OriginMissing
            | Refusal::OriginRefused
            | Refusal::NotFound
            | Refusal::MethodNotAllowed
            | Refusal::BodyTooSlow
            | Refusal::BodyTooLarge
            | Refusal::UnsupportedMediaType
            | Refusal::UnsupportedEncoding
            | Refusal::RateLimited => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_distinct_and_in_snake_case() {
        let codes: Vec<_> = Refusal::all().map(Refusal::code).collect();
        assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len());
        assert!(codes.iter().all(|code| code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')));
    }

    #[test]
    fn faults_of_ours_and_only_they_say_what_became_of_the_event() {
        for refusal in Refusal::all() {
            assert_eq!(refusal.outcome().is_some(), refusal.status().is_server_error(), "{refusal:?}");
        }
    }
}
