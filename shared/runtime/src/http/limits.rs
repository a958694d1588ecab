//! The limits of the accept loop, made from the `http` settings.

use crate::config::HttpSettings;
use std::time::Duration;

/// What a client may cost; see [`HttpSettings`] for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// From the first byte of a request to the end of its header.
    pub header_timeout: Duration,
    /// For the whole body; used by [`super::read_body`].
    pub body_timeout: Duration,
    /// For a client that does not take what we write.
    pub write_timeout: Duration,
    /// Between two requests of a connection.
    pub idle_timeout: Duration,
    /// Open connections at a time.
    pub max_connections: usize,
    /// Request line and headers together.
    pub max_header_bytes: usize,
    /// For requests in hand when the process stops.
    pub drain_timeout: Duration,
}

impl From<&HttpSettings> for HttpLimits {
    fn from(settings: &HttpSettings) -> Self {
        Self {
            header_timeout: Duration::from_millis(settings.header_timeout_ms),
            body_timeout: Duration::from_millis(settings.body_timeout_ms),
            write_timeout: Duration::from_millis(settings.write_timeout_ms),
            idle_timeout: Duration::from_millis(settings.idle_timeout_ms),
            max_connections: settings.max_connections,
            max_header_bytes: settings.max_header_bytes,
            drain_timeout: Duration::from_millis(settings.drain_timeout_ms),
        }
    }
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self::from(&HttpSettings::default())
    }
}
