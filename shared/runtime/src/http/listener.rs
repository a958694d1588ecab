//! Opens the port; a port that cannot be had is one sentence for the person who started us.

use std::io;
use std::net::SocketAddr;
use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket};

/// Connections that may wait in the kernel while the accept loop is at its bound.
const BACKLOG: u32 = 1_024;

/// Why an address cannot be listened on.
#[derive(Debug, Error)]
pub enum BindError {
    /// Not an address.
    #[error("`{0}` is not an address to listen on; give an IP address and a port such as 127.0.0.1:8080")]
    Address(String),
    /// Somebody else is there.
    #[error("{0} is already in use; stop the other process or choose another port")]
    Busy(SocketAddr),
    /// Ports below 1024, usually.
    #[error("{0} may not be listened on by this user; choose a port from 1024 up")]
    Forbidden(SocketAddr),
    /// The address is not one of this machine's.
    #[error("{0} is not an address of this machine; 0.0.0.0 listens on all of its addresses")]
    NotHere(SocketAddr),
    /// Anything else.
    #[error("cannot listen on {address}: {source}")]
    Other {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// Listens on an address such as `127.0.0.1:8080`; port 0 lets the system choose.
///
/// # Errors
/// [`BindError`], each a sentence that says what to do.
pub async fn bind(address: &str) -> Result<TcpListener, BindError> {
    let address: SocketAddr = address.parse().map_err(|_| BindError::Address(address.to_owned()))?;
    listen(address).map_err(|source| bind_error(address, source))
}

fn bind_error(address: SocketAddr, source: io::Error) -> BindError {
    let kind = source.kind();
    if kind == io::ErrorKind::AddrInUse {
        BindError::Busy(address)
    } else if kind == io::ErrorKind::PermissionDenied {
        BindError::Forbidden(address)
    } else if kind == io::ErrorKind::AddrNotAvailable {
        BindError::NotHere(address)
    } else {
        BindError::Other { address, source }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart must not wait for the last run's connections to leave TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[tokio::test]
    async fn a_busy_port_is_one_clear_sentence() {
        let first = bind("127.0.0.1:0").await.unwrap();
        let address = first.local_addr().unwrap();
        let error = bind(&address.to_string()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{address} is already in use; stop the other process or choose another port")
        );
    }

    #[tokio::test]
    async fn a_name_without_a_port_is_no_address() {
        assert!(matches!(bind("localhost").await, Err(BindError::Address(_))));
    }
}
