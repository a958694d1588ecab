//! The accept loop: bounded connections, slow clients closed, and a stop that finishes what is in hand.
//!
//! `axum::serve` installs no timer, so its connections would live as long as a client likes.

use super::HttpLimits;
use super::deadlines::{Deadlines, Turn};
use super::guard::violation;
use super::linger::linger;
use super::wire::Wire;
use crate::request_id::{RequestId, X_REQUEST_ID};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::Service;

/// How long accepting pauses when the process is out of file descriptors or the kernel out of memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A shortage can last: it is not said more often than this.
const SHORTAGE_PERIOD: Duration = Duration::from_secs(10);

/// Bytes that hyper may buffer of one connection in each direction, so that ten thousand stay small.
const MAX_BUFFER: usize = 64 * 1_024;

/// What answers, and the runtime on which it does.
#[derive(Debug, Clone)]
pub struct Seat {
    runtime: Handle,
    app: Router,
    /// Shared with each of its connections, which are counted by that.
    living: Arc<()>,
}

impl Seat {
    /// Connections that live on `runtime` and are answered by `app`.
    pub fn new(runtime: Handle, app: Router) -> Self {
        Seat { runtime, app, living: Arc::default() }
    }

    /// The one seat of a process that needs no more: the runtime of the caller.
    pub fn here(app: Router) -> Vec<Self> {
        vec![Self::new(Handle::current(), app)]
    }

    /// One connection, from its first byte to its last. Only here is it known to the runtime on which it is used.
    fn connection(
        &self,
        stream: std::net::TcpStream,
        peer: SocketAddr,
        limits: HttpLimits,
        stop: CancellationToken,
    ) -> impl Future<Output = ()> + use<> {
        let (app, living) = (self.app.clone(), Arc::clone(&self.living));
        async move {
            if let Ok(stream) = TcpStream::from_std(stream) {
                connection(stream, peer, app, limits, stop).await;
            }
            drop(living);
        }
    }
}

/// Serves until `stop`, then finishes the requests in hand and returns. A new connection goes to the seat that has the
/// fewest.
///
/// Each request carries [`ConnectInfo`] of its peer and its [`RequestId`]; each answer the id.
/// Requests that take longer than the drain limit after `stop`, or all if the future is dropped, are cut.
pub async fn serve(listener: TcpListener, seats: Vec<Seat>, limits: HttpLimits, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    let mut shortage = Shortage::default();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            // At the bound nothing is accepted: newcomers wait in the kernel's queue.
            accepted = listener.accept(), if connections.len() < limits.max_connections => {
                let accepted = accepted.and_then(|(stream, peer)| Ok((stream.into_std()?, peer)));
                let freest = seats.iter().min_by_key(|seat| Arc::strong_count(&seat.living));
                match (accepted, freest) {
                    (Ok((stream, peer)), Some(seat)) => {
                        connections.spawn_on(seat.connection(stream, peer, limits, stop.clone()), &seat.runtime);
                    }
                    (Ok(_), None) => {}
                    (Err(error), _) => shortage.survive(&error).await,
                }
            }
        }
    }
    // From here on a newcomer is refused at once and can go to another instance.
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.drain_timeout, drained).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections did not finish in time and are cut");
    }
}

/// What keeps connections from being accepted, and when it was last said.
#[derive(Debug, Default)]
struct Shortage(Option<Instant>);

impl Shortage {
    /// A client that is gone already is nothing; a shortage of ours passes, and a pause spares the CPU.
    async fn survive(&mut self, error: &io::Error) {
        use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
        if matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
            return;
        }
        if self.0.is_none_or(|said| said.elapsed() >= SHORTAGE_PERIOD) {
            self.0 = Some(Instant::now());
            tracing::warn!(%error, "no connection can be accepted; trying again");
        }
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

async fn connection(mut stream: TcpStream, peer: SocketAddr, app: Router, limits: HttpLimits, stop: CancellationToken) {
    // Answers are written whole, so waiting to fill a segment only delays them.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let turn = Turn::default();
    let deadlines = Deadlines::new(&mut stream, limits, turn.clone());
    let io = TokioIo::new(Wire::new(deadlines, turn.clone()));
    let service = service_fn(move |request: Request<Incoming>| {
        let (app, turn) = (app.clone(), turn.clone());
        async move {
            turn.pass();
            let response = answer(app, request, peer, turn.takes_length()).await;
            turn.pass();
            Ok::<_, Infallible>(response)
        }
    });
    let served = http1::Builder::new()
        .header_read_timeout(None)
        .max_header_size(limits.max_header_bytes)
        .max_buf_size(MAX_BUFFER.max(limits.max_header_bytes))
        .serve_connection(io, service);
    let mut stopped = false;
    let result = {
        let mut served = pin!(served);
        tokio::select! {
            result = served.as_mut() => result,
            () = stop.cancelled() => {
                stopped = true;
                served.as_mut().graceful_shutdown();
                served.await
            }
        }
    };
    let answered = match result {
        Ok(()) => !stopped,
        Err(error) => {
            tracing::debug!(%error, %peer, "connection closed early");
            error.is_parse()
        }
    };
    if answered {
        linger(&mut stream).await;
    }
}

async fn answer(mut app: Router, request: Request<Incoming>, peer: SocketAddr, has_length: bool) -> Response<Body> {
    let id = RequestId::of(request.headers());
    let header = id.header();
    let mut response = match violation(&request, has_length) {
        Some(violation) => violation.response(),
        None => {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(id);
            let Ok(response) = app.call(request).await;
            response
        }
    };
    response.headers_mut().insert(X_REQUEST_ID, header);
    response
}
