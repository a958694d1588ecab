//! The end of a connection that we close first: what its client still sends is read and thrown away for a moment.
//!
//! A socket closed with bytes unread makes the kernel reset the connection, and an answer such as a 413 or a 431 would
//! be lost with it before the client has read it. Used by the accept loop alone.

use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, copy, sink};

/// For a client that neither reads our answer nor closes.
const LONGEST: Duration = Duration::from_millis(500);
/// For one that goes on sending.
const MOST_BYTES: u64 = 1 << 20;

/// Returns when the client has closed its side, or has had its chance to.
pub(super) async fn linger(stream: &mut (impl AsyncRead + Unpin)) {
    let (mut rest, mut nowhere) = (stream.take(MOST_BYTES), sink());
    let closed = copy(&mut rest, &mut nowhere);
    // However it ends, there is nothing left to do for this client.
    let _ended = tokio::time::timeout(LONGEST, closed).await;
}
