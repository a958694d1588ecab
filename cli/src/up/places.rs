//! Where `up` is reached: the addresses of its two ports, for this machine and for people.

use crate::failure::Failure;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::net::TcpListener;

/// A port, and who can reach it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(SocketAddr);

impl Place {
    /// The place of a listener, whose port the system may have chosen.
    ///
    /// # Errors
    /// The system does not tell.
    pub(super) fn of(listener: &TcpListener) -> Result<Self, Failure> {
        let address = listener.local_addr();
        address.map(Place).map_err(Failure::system("the system does not tell the port that it gave"))
    }

    /// Whether only this machine can reach it.
    pub(super) fn is_local(self) -> bool {
        self.0.ip().is_loopback()
    }

    /// Where this machine reaches it: one that listens everywhere, on the loopback address.
    pub(super) fn url(self) -> String {
        let mut address = self.0;
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            IpAddr::V4(_) | IpAddr::V6(_) => {}
        }
        format!("http://{address}")
    }

    /// What is to be said behind its URL.
    pub(super) fn also(self) -> &'static str {
        if self.0.ip().is_unspecified() { " and on every other address of this machine" } else { "" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_becomes_one_that_this_machine_reaches() {
        for (listen, url, everywhere) in [
            ([127, 0, 0, 1].into(), "http://127.0.0.1:80", false),
            (IpAddr::V4(Ipv4Addr::UNSPECIFIED), "http://127.0.0.1:80", true),
            (IpAddr::V6(Ipv6Addr::UNSPECIFIED), "http://[::1]:80", true),
            ([192, 0, 2, 1].into(), "http://192.0.2.1:80", false),
        ] {
            let place = Place(SocketAddr::new(listen, 80));
            assert_eq!((place.url().as_str(), !place.also().is_empty()), (url, everywhere));
        }
    }
}
