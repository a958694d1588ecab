//! One request's refusal: which of the list it is, the sentence to send, and the limit that was reached.

use crate::refusal::Refusal;
use domain::request::{Fault, FaultCode, Faulty, sentence};
use std::time::Duration;

/// Which limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Limit {
    Key,
    Program,
    Address,
    Link,
    Test,
}

impl Limit {
    pub(crate) const ALL: [Limit; 5] = [Limit::Key, Limit::Program, Limit::Address, Limit::Link, Limit::Test];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Limit::Key => "key",
            Limit::Program => "program",
            Limit::Address => "address",
            Limit::Link => "link",
            Limit::Test => "test",
        }
    }
}

/// A refusal with the sentence to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) refusal: Refusal,
    /// More than the refusal's own sentence, for invalid bodies.
    pub(crate) detail: Option<String>,
    /// For requests over a limit.
    pub(crate) limited: Option<Limited>,
}

/// A limit that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limited {
    pub(crate) limit: Limit,
    /// Whole seconds until one more is allowed.
    pub(crate) retry_seconds: u64,
}

impl Refused {
    /// Refused until that much time has passed.
    pub(crate) fn limited(limit: Limit, wait: Duration) -> Self {
        let retry_seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Refused { limited: Some(Limited { limit, retry_seconds }), ..Refusal::RateLimited.into() }
    }

    /// The same with that sentence, if it is that refusal.
    pub(crate) fn worded(self, refusal: Refusal, sentence: &str) -> Self {
        if self.refusal == refusal { Refused { detail: Some(sentence.to_owned()), ..self } } else { self }
    }

    pub(crate) fn message(&self) -> &str {
        self.detail.as_deref().unwrap_or(self.refusal.message())
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Refused { refusal, detail: None, limited: None }
    }
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Refused { detail: Some(fault.message.into_owned()), ..Refusal::Invalid(fault.code).into() }
    }
}

impl From<Faulty<'_>> for Refused {
    fn from(faulty: Faulty<'_>) -> Self {
        let code = faulty.faults.first().map_or(FaultCode::InvalidJson, |fault| fault.code);
        Refused { detail: Some(sentence(&faulty.faults)), ..Refusal::Invalid(code).into() }
    }
}
