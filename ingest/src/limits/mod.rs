//! How much one key, program, address or link may send: asked by the handlers as soon as they know of whom they speak.
//!
//! What is known from the header is asked before a byte of the body is read, so that a flood costs little. Clients on
//! this machine are not limited unless the settings say so. An IPv6 client has a /64 network to itself, so that is what
//! counts as its address.

mod buckets;
mod room;

use crate::refused::{Limit, Refused};
use axum::extract::ConnectInfo;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use buckets::Buckets;
use domain::api_key::ParsedKey;
use domain::{LinkId, ProgramId};
pub(crate) use room::{Place, Room};
use runtime::config::{IngestSettings, Networks};
use runtime::http::{X_FORWARDED_FOR, client_address};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The public id of an API key.
type KeyId = [u8; 12];

/// All buckets.
#[derive(Debug)]
pub(crate) struct Limits {
    trusted_proxies: Networks,
    loopback: bool,
    /// Whether it has been said that there seems to be a proxy that is not in the settings.
    warned: AtomicBool,
    keys: Buckets<KeyId>,
    programs: Buckets<ProgramId>,
    addresses: Buckets<IpAddr>,
    links: Buckets<LinkId>,
    tests: Buckets<IpAddr>,
    bulk: Room,
}

impl Limits {
    pub(crate) fn new(settings: &IngestSettings) -> Self {
        let burst = settings.limit_burst_seconds;
        Limits {
            trusted_proxies: settings.trusted_proxies.clone(),
            loopback: settings.limit_loopback,
            warned: AtomicBool::new(false),
            keys: Buckets::new(settings.limit_key_per_second, burst),
            programs: Buckets::new(settings.limit_program_per_second, burst),
            addresses: Buckets::new(settings.limit_address_per_second, burst),
            links: Buckets::new(settings.limit_link_per_second, burst),
            tests: Buckets::new(settings.limit_test_per_second, burst),
            bulk: Room::default(),
        }
    }

    /// The memory for bulk requests in hand, whoever sends them.
    pub(crate) fn bulk(&self) -> &Room {
        &self.bulk
    }

    /// Whom to ask about for one request. One that came over no connection is nobody's, and not limited.
    pub(crate) fn visitor<'a>(&'a self, head: &'a Parts) -> Visitor<'a> {
        let peer = head.extensions.get::<ConnectInfo<SocketAddr>>();
        let address =
            peer.map(|ConnectInfo(peer)| client_address(peer.ip(), &head.headers, self.trusted_proxies.as_slice()));
        let limited = address.filter(|address| self.loopback || !address.is_loopback());
        Visitor(limited.map(|address| Known { limits: self, address, headers: &head.headers }))
    }
}

/// The sender of one request: each question takes a token, or refuses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visitor<'a>(Option<Known<'a>>);

#[derive(Debug, Clone, Copy)]
struct Known<'a> {
    limits: &'a Limits,
    address: IpAddr,
    headers: &'a HeaderMap,
}

impl Visitor<'_> {
    /// A request without a key.
    pub(crate) fn address(self) -> Result<(), Refused> {
        let taken = self.ask(Limit::Address, |limits, address, now| limits.addresses.take(network(address), now));
        taken.inspect_err(|_| self.warn_of_a_proxy())
    }

    /// A request with that key, which is valid.
    pub(crate) fn key(self, key: ParsedKey<'_>) -> Result<(), Refused> {
        self.ask(Limit::Key, |limits, _, now| limits.keys.take(key_id(key), now))
    }

    /// So many leads of one request with that key: how many of them may be taken, and the refusal of the others.
    pub(crate) fn leads(self, key: ParsedKey<'_>, wanted: usize) -> (usize, Option<Refused>) {
        let Some(known) = self.0 else { return (wanted, None) };
        let tokens = u32::try_from(wanted).unwrap_or(u32::MAX);
        let (taken, wait) = known.limits.keys.take_up_to(tokens, key_id(key), Instant::now());
        let refused = (taken < tokens).then(|| Refused::limited(Limit::Key, wait));
        (taken as usize, refused)
    }

    /// A lead without a key that the program would take.
    pub(crate) fn program(self, program: ProgramId) -> Result<(), Refused> {
        self.ask(Limit::Program, |limits, _, now| limits.programs.take(program, now))
    }

    /// A click on that link.
    pub(crate) fn link(self, link: LinkId) -> Result<(), Refused> {
        self.ask(Limit::Link, |limits, _, now| limits.links.take(link, now))
    }

    /// A test event.
    pub(crate) fn test(self) -> Result<(), Refused> {
        self.ask(Limit::Test, |limits, address, now| limits.tests.take(network(address), now))
    }

    fn ask(
        self,
        limit: Limit,
        take: impl FnOnce(&Limits, IpAddr, Instant) -> Result<(), Duration>,
    ) -> Result<(), Refused> {
        let Some(known) = self.0 else { return Ok(()) };
        take(known.limits, known.address, Instant::now()).map_err(|wait| Refused::limited(limit, wait))
    }

    /// Said once: all clients of a proxy that is not trusted are limited as if they were one.
    fn warn_of_a_proxy(self) {
        let Some(known) = self.0.filter(|known| known.headers.contains_key(X_FORWARDED_FOR)) else { return };
        if known.limits.trusted_proxies.as_slice().is_empty() && !known.limits.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "an address was limited that sends X-Forwarded-For; if it is your proxy, name it in \
                 `ingest.trusted_proxies`, or all its clients count as one"
            );
        }
    }
}

fn key_id(key: ParsedKey<'_>) -> KeyId {
    key.key_id().as_bytes().first_chunk().copied().unwrap_or_default()
}

/// What counts as one address.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use axum::http::Request;

    fn settings() -> IngestSettings {
        IngestSettings { limit_address_per_second: 1, limit_burst_seconds: 1, ..IngestSettings::default() }
    }

    /// How many of ten requests from there are taken.
    fn taken(limits: &Limits, peer: &str) -> usize {
        let (mut head, ()) = Request::new(()).into_parts();
        head.extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 4711)));
        (0..10).filter(|_| limits.visitor(&head).address().is_ok()).count()
    }

    #[test]
    fn an_address_is_limited_and_an_ipv6_client_is_its_network() {
        let limits = Limits::new(&settings());
        for (peer, expected) in [
            ("203.0.113.1", 1),
            ("203.0.113.1", 0),
            ("::ffff:203.0.113.1", 0),
            ("203.0.113.2", 1),
            ("2001:db8::1", 1),
            ("2001:db8::ffff:0:0:2", 0),
            ("2001:db8:0:1::1", 1),
        ] {
            assert_eq!(taken(&limits, peer), expected, "{peer}");
        }
    }

    #[test]
    fn this_machine_is_limited_only_when_the_settings_say_so() {
        let strict = Limits::new(&IngestSettings { limit_loopback: true, ..settings() });
        for peer in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(taken(&Limits::new(&settings()), peer), 10, "{peer}");
        }
        assert_eq!(taken(&strict, "127.0.0.1"), 1);
    }

    #[test]
    fn a_refusal_says_after_how_many_whole_seconds_there_is_a_token() {
        let refused = |wait| Refused::limited(Limit::Key, wait).limited.unwrap().retry_seconds;
        assert_eq!(refused(Duration::from_nanos(1)), 1);
        assert_eq!(refused(Duration::from_secs(1)), 1);
        assert_eq!(refused(Duration::from_millis(1_001)), 2);
    }
}
