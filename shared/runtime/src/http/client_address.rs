//! Who sent a request, when proxies stand in between. Pure; for limits and logs, never a proof of anything.

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// The header in which proxies hand on whom they speak for.
pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client's address: the peer's, unless that is a trusted proxy; then the last hop of `X-Forwarded-For` that is
/// not one. What stands before that hop was written by the client itself and is not believed. Hops that are no
/// addresses end the search at the proxy that handed them on.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer.to_canonical();
    let lines: Vec<&[u8]> = headers.get_all(X_FORWARDED_FOR).iter().map(|line| line.as_bytes()).collect();
    let mut hops = lines.into_iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b','));
    while is_trusted(&client) {
        let Some(hop) = hops.next().and_then(address) else { break };
        client = hop;
    }
    client
}

/// An address as proxies write it: plain, in brackets, or with a port.
fn address(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim();
    let plain = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = plain.parse().or_else(|_| text.parse().map(|with_port: SocketAddr| with_port.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use axum::http::HeaderValue;

    fn client(peer: &str, lines: &[&'static str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        client_address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn without_trusted_proxies_the_peer_is_the_client() {
        for lines in [&[][..], &["203.0.113.7"], &["10.0.0.1, 203.0.113.7", "::1"]] {
            assert_eq!(client("198.51.100.1", lines, &[]), "198.51.100.1");
            assert_eq!(client("198.51.100.1", lines, &["10.0.0.0/8"]), "198.51.100.1", "the peer is not trusted");
        }
    }

    #[test]
    fn behind_trusted_proxies_it_is_the_last_hop_that_is_not_one() {
        const TRUSTED: [&str; 2] = ["10.0.0.0/8", "fd00::/8"];
        for (lines, expected) in [
            (&["203.0.113.7"][..], "203.0.113.7"),
            (&["1.1.1.1, 203.0.113.7"], "203.0.113.7"),
            (&["1.1.1.1,203.0.113.7 , 10.2.0.1"], "203.0.113.7"),
            (&["1.1.1.1", "203.0.113.7", "10.2.0.1, fd00::2"], "203.0.113.7"),
            (&["2001:db8::9"], "2001:db8::9"),
            (&["[2001:db8::9]"], "2001:db8::9"),
            (&["[2001:db8::9]:4711"], "2001:db8::9"),
            (&["203.0.113.7:4711"], "203.0.113.7"),
            (&["::ffff:203.0.113.7"], "203.0.113.7"),
        ] {
            assert_eq!(client("10.1.1.1", lines, &TRUSTED), expected, "{lines:?}");
            assert_eq!(client("::ffff:10.1.1.1", lines, &TRUSTED), expected, "{lines:?}");
        }
    }

    #[test]
    fn a_chain_without_an_outside_hop_ends_at_its_last_proxy() {
        for (lines, expected) in [
            (&[][..], "10.1.1.1"),
            (&[""], "10.1.1.1"),
            (&["unknown"], "10.1.1.1"),
            (&["203.0.113.7, _hidden"], "10.1.1.1"),
            (&["203.0.113.7, \u{e4}, 10.2.0.1"], "10.2.0.1"),
            (&["203.0.113.7, , 10.2.0.1"], "10.2.0.1"),
            (&["10.3.0.1, 10.2.0.1"], "10.3.0.1"),
        ] {
            assert_eq!(client("10.1.1.1", lines, &["10.0.0.0/8"]), expected, "{lines:?}");
        }
    }
}
