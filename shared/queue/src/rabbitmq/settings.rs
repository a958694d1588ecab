//! What can be set about RabbitMQ, with right defaults. The configuration is mapped to this by
//! whoever starts the process.

use std::fmt;
use std::time::Duration;

use lapin::uri::AMQPUri;

use crate::OpenError;

/// How to reach the broker and how long to wait for it.
#[derive(Clone)]
pub struct RabbitMqSettings {
    /// `amqp://user:password@host:5672/vhost`, or `amqps://` for TLS. Never shown or logged.
    pub amqp_uri: String,
    /// Put before the name of every exchange and queue: 1–64 of `[A-Za-z0-9._-]`.
    pub prefix: String,
    /// How long publishing waits for the broker's confirm before the outcome is called unknown.
    pub publish_deadline: Duration,
    /// How long opening a connection or a channel may take.
    pub connect_timeout: Duration,
    /// A connection that is silent for twice as long is dead; whole seconds, 1–60.
    pub heartbeat: Duration,
}

impl Default for RabbitMqSettings {
    fn default() -> Self {
        Self {
            amqp_uri: "amqp://guest:guest@127.0.0.1:5672/%2f".to_owned(),
            prefix: "affitor".to_owned(),
            publish_deadline: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(5),
            heartbeat: Duration::from_secs(10),
        }
    }
}

impl fmt::Debug for RabbitMqSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitMqSettings")
            .field("amqp_uri", &"(hidden)")
            .field("prefix", &self.prefix)
            .field("publish_deadline", &self.publish_deadline)
            .field("connect_timeout", &self.connect_timeout)
            .field("heartbeat", &self.heartbeat)
            .finish()
    }
}

impl RabbitMqSettings {
    /// The address in parts, with the heartbeat in it: that is where the client looks for it.
    /// The parser's own messages may repeat the address with its password, so they are not used.
    pub(super) fn address(&self) -> Result<AMQPUri, OpenError> {
        let seconds = u16::try_from(self.heartbeat.as_secs()).unwrap_or(u16::MAX);
        if !(1..=60).contains(&seconds) {
            return Err(settings_error("the AMQP heartbeat must be between 1 and 60 seconds"));
        }
        if self.amqp_uri.contains('[') {
            // The parser would silently take localhost instead.
            return Err(settings_error("the AMQP address has a literal IPv6 address, give a host name instead"));
        }
        let mut address: AMQPUri = self
            .amqp_uri
            .parse()
            .map_err(|_| settings_error("the AMQP address must look like amqp://user:password@host:5672/vhost"))?;
        address.query.heartbeat = Some(seconds);
        Ok(address)
    }

    /// Names on the wire have at most 255 bytes, and a person types them into commands.
    pub(super) fn check_prefix(&self) -> Result<(), OpenError> {
        let typed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if !(1..=64).contains(&self.prefix.len()) || !self.prefix.bytes().all(typed) {
            return Err(settings_error("the AMQP prefix must be 1 to 64 of A-Z, a-z, 0-9, . _ -"));
        }
        Ok(())
    }
}

fn settings_error(text: &str) -> OpenError {
    OpenError::Settings(text.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn with_uri(uri: &str) -> RabbitMqSettings {
        RabbitMqSettings { amqp_uri: uri.to_owned(), ..RabbitMqSettings::default() }
    }

    #[test]
    fn the_password_is_in_no_debug_output_and_in_no_error() {
        let settings = with_uri("amqp:user:hunter2@host");
        let said = format!("{settings:?} {}", settings.address().unwrap_err());
        assert!(!said.contains("hunter2"), "{said}");
    }

    #[test]
    fn an_ipv6_literal_is_refused_and_not_taken_for_localhost() {
        assert!(with_uri("amqp://guest:guest@[2001:db8::1]:5672/%2f").address().is_err());
    }

    #[test]
    fn the_heartbeat_goes_into_the_address() {
        let address = with_uri("amqp://guest:guest@10.0.0.1:5673/%2f").address().unwrap();
        assert_eq!(address.query.heartbeat, Some(10));
        assert_eq!(address.authority.host, "10.0.0.1");
    }

    #[test]
    fn a_prefix_that_nobody_could_type_is_refused() {
        for prefix in ["", "a b", "ü", &"x".repeat(65)] {
            let settings = RabbitMqSettings { prefix: prefix.to_owned(), ..with_uri("amqp://h") };
            assert!(settings.check_prefix().is_err(), "{prefix}");
        }
    }
}
