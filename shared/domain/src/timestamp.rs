//! A moment in UTC, in microseconds since the Unix epoch: the only time type of the rules.

use serde::{Deserialize, Serialize};
use std::ops::{Add, Sub};

/// Microseconds since 1970-01-01T00:00:00Z. Never negative, below 2^48 milliseconds (the bound of a UUID v7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(i64);

/// A span of time in microseconds; may be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(i64);

impl Timestamp {
    /// The last moment that a UUID v7 can hold.
    pub const MAX: Timestamp = Timestamp((1 << 48) * 1_000 - 1);

    /// Clamps into `0..=MAX`, so that a clock that is far off cannot make an impossible event.
    pub const fn from_micros(micros: i64) -> Self {
        if micros < 0 {
            Timestamp(0)
        } else if micros > Self::MAX.0 {
            Self::MAX
        } else {
            Timestamp(micros)
        }
    }

    /// Microseconds since the Unix epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }
}

impl Span {
    /// A span of whole days of 24 hours.
    pub const fn days(days: u16) -> Self {
        Span(days as i64 * 86_400_000_000)
    }

    /// A span of whole seconds.
    pub const fn seconds(seconds: i64) -> Self {
        Span(seconds * 1_000_000)
    }

    /// The span in microseconds.
    pub const fn micros(self) -> i64 {
        self.0
    }
}

impl Add<Span> for Timestamp {
    type Output = Timestamp;
    fn add(self, span: Span) -> Timestamp {
        Timestamp::from_micros(self.0.saturating_add(span.0))
    }
}

impl Sub for Timestamp {
    type Output = Span;
    fn sub(self, earlier: Timestamp) -> Span {
        Span(self.0 - earlier.0)
    }
}
