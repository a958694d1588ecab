//! The accept loop over real sockets: what slow, greedy and hostile clients get, and how it stops.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Extensions, Request, StatusCode};
use axum::routing::{get, post};
use runtime::http::{HttpLimits, Seat, bind, read_body, serve};
use runtime::request_id::RequestId;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const SHORT: Duration = Duration::from_millis(200);
/// A limit that no test is meant to reach.
const LONG: Duration = Duration::from_secs(60);
const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

fn patient() -> HttpLimits {
    HttpLimits {
        header_timeout: LONG,
        write_timeout: LONG,
        idle_timeout: LONG,
        drain_timeout: LONG,
        ..HttpLimits::default()
    }
}

struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    done: JoinHandle<()>,
    /// The handler of `/held` has begun, and may end.
    begun: Arc<Notify>,
    release: Arc<Notify>,
}

impl Server {
    async fn start(limits: HttpLimits) -> Self {
        let (begun, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let held = (begun.clone(), release.clone());
        let app = Router::new()
            .route("/", get(|| async { "hello" }))
            .route("/seen", get(seen))
            .route("/body", post(body))
            .route("/huge", get(|| async { vec![b'x'; 64 << 20] }))
            .route(
                "/held",
                get(move || async move {
                    held.0.notify_one();
                    held.1.notified().await;
                    "held"
                }),
            );
        let listener = bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let done = tokio::spawn(serve(listener, Seat::here(app), limits, stop.clone()));
        Self { address, stop, done, begun, release }
    }

    async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    async fn has_stopped(self) {
        timeout(Duration::from_secs(10), self.done).await.expect("serve returns").unwrap();
    }
}

async fn seen(extensions: Extensions) -> String {
    let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>().unwrap();
    format!("{peer} {}", extensions.get::<RequestId>().unwrap().as_str())
}

async fn body(request: Request<Body>) -> (StatusCode, String) {
    match read_body(request.into_body(), 1_024, SHORT).await {
        Ok(body) => (StatusCode::OK, body.len().to_string()),
        Err(fault) => (fault.status(), fault.to_string()),
    }
}

struct Client(TcpStream);

impl Client {
    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Everything until one that ends with `end`.
    async fn answer(&mut self, end: &str) -> String {
        let mut text = Vec::new();
        while !text.ends_with(end.as_bytes()) {
            let byte = timeout(Duration::from_secs(10), self.0.read_u8()).await.expect("an answer in time");
            text.push(byte.unwrap_or_else(|error| panic!("{error} after {}", String::from_utf8_lossy(&text))));
        }
        String::from_utf8(text).unwrap()
    }

    /// Everything until the server closes; a reset is a close.
    async fn rest(&mut self) -> String {
        let mut text = Vec::new();
        let end = timeout(Duration::from_secs(10), self.0.read_to_end(&mut text)).await;
        let _reset = end.expect("the server closes in time");
        String::from_utf8(text).unwrap()
    }
}

#[tokio::test]
async fn a_header_that_dribbles_is_cut() {
    let server = Server::start(HttpLimits { header_timeout: SHORT, ..patient() }).await;
    let mut client = server.connect().await;
    client.send("GET / HTTP/1.1\r\nHo").await;
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn a_second_header_that_dribbles_is_cut_though_idling_is_allowed() {
    let server = Server::start(HttpLimits { header_timeout: SHORT, ..patient() }).await;
    let mut client = server.connect().await;
    client.send(GET).await;
    client.answer("hello").await;
    client.send("GET / HTTP/1.1\r\nHo").await;
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn an_idle_connection_outlives_the_header_limit_and_ends_with_the_idle_limit() {
    let limits = HttpLimits { header_timeout: SHORT, idle_timeout: 3 * SHORT, ..patient() };
    let server = Server::start(limits).await;
    let mut client = server.connect().await;
    client.send(GET).await;
    client.answer("hello").await;
    let idle = Instant::now();
    assert_eq!(client.rest().await, "");
    assert!(idle.elapsed() > 2 * SHORT, "{:?}", idle.elapsed());
}

#[tokio::test]
async fn a_slow_handler_is_not_cut_by_the_limits_of_the_client() {
    let limits = HttpLimits { header_timeout: SHORT / 4, idle_timeout: SHORT / 4, ..patient() };
    let server = Server::start(limits).await;
    let mut client = server.connect().await;
    client.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n").await;
    server.begun.notified().await;
    assert!(timeout(SHORT, client.0.read_u8()).await.is_err(), "still with the handler");
    server.release.notify_one();
    assert!(client.answer("held").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_body_that_dribbles_is_a_408() {
    let server = Server::start(patient()).await;
    let mut client = server.connect().await;
    client.send("POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc").await;
    assert!(client.rest().await.starts_with("HTTP/1.1 408"));
}

#[tokio::test]
async fn a_client_that_is_refused_while_it_sends_reads_its_answer() {
    let server = Server::start(patient()).await;
    let mut client = server.connect().await;
    client.send("POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n").await;
    client.send(&"x".repeat(100_000)).await;
    client.0.readable().await.unwrap();
    // The answer is there. A connection that were reset now would fail one of these, and could lose it.
    for _ in 0..4 {
        client.0.write_all(&[b'x'; 100_000]).await.expect("the server goes on reading");
        tokio::task::yield_now().await;
    }
    assert!(client.rest().await.starts_with("HTTP/1.1 413"));
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_and_its_place_is_free() {
    let limits = HttpLimits { write_timeout: SHORT, max_connections: 1, ..patient() };
    let server = Server::start(limits).await;
    let mut stuck = server.connect().await;
    stuck.send("GET /huge HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut next = server.connect().await;
    next.send(GET).await;
    next.answer("hello").await;
}

#[tokio::test]
async fn a_connection_above_the_bound_waits_until_another_ends() {
    let server = Server::start(HttpLimits { max_connections: 1, ..patient() }).await;
    let mut first = server.connect().await;
    first.send(GET).await;
    first.answer("hello").await;
    let mut second = server.connect().await;
    second.send(GET).await;
    assert!(timeout(SHORT, second.0.read_u8()).await.is_err(), "above the bound");
    drop(first);
    second.answer("hello").await;
}

#[tokio::test]
async fn a_stop_finishes_the_request_in_hand_and_refuses_new_connections() {
    let server = Server::start(patient()).await;
    let (mut idle, mut busy) = (server.connect().await, server.connect().await);
    idle.send(GET).await;
    idle.answer("hello").await;
    busy.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n").await;
    server.begun.notified().await;

    server.stop.cancel();
    assert_eq!(idle.rest().await, "", "an idle connection is closed at once");
    let refused = async { while TcpStream::connect(server.address).await.is_ok() {} };
    timeout(Duration::from_secs(10), refused).await.expect("nobody listens any more");
    server.release.notify_one();
    let answer = busy.rest().await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("held"), "{answer}");
    server.has_stopped().await;
}

#[tokio::test]
async fn a_stop_ends_though_a_request_does_not() {
    let server = Server::start(HttpLimits { drain_timeout: SHORT, ..patient() }).await;
    let mut client = server.connect().await;
    client.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n").await;
    server.begun.notified().await;
    server.stop.cancel();
    server.has_stopped().await;
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = Server::start(patient()).await;
    let mut client = server.connect().await;
    let close = "GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    client.send(&format!("{GET}{GET}{close}")).await;
    let answers = client.rest().await;
    let statuses: Vec<&str> = answers.matches("HTTP/1.1 200").chain(answers.matches("HTTP/1.1 404")).collect();
    assert_eq!(statuses.len(), 3, "{answers}");
    assert!(answers.rfind("HTTP/1.1 200") < answers.find("HTTP/1.1 404"));
}

#[tokio::test]
async fn handlers_see_the_peer_and_the_request_id_that_is_answered() {
    let server = Server::start(patient()).await;
    let mut client = server.connect().await;
    let peer = client.0.local_addr().unwrap();
    client.send("GET /seen HTTP/1.1\r\nHost: x\r\nX-Request-Id: mine-1\r\n\r\n").await;
    let answer = client.answer(&format!("{peer} mine-1")).await;
    assert!(answer.contains("x-request-id: mine-1\r\n"), "{answer}");
    client.send("GET /nowhere HTTP/1.1\r\nHost: x\r\nX-Request-Id: <b>\r\n\r\n").await;
    let answer = client.answer("\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("x-request-id: "), "{answer}");
    assert!(!answer.contains("<b>"), "{answer}");
}

#[tokio::test]
async fn what_is_no_good_request_is_refused_and_closed() {
    let server = Server::start(patient()).await;
    let headers: String = (0..101).map(|n| format!("X-{n}: 1\r\n")).collect();
    let long = |length| "a".repeat(length);
    for (status, request) in [
        (414, format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", long(9_000))),
        (431, format!("GET / HTTP/1.1\r\nHost: x\r\n{headers}\r\n")),
        (431, format!("GET / HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", long(65_536))),
        (400, "GET / HTTP/1.1\r\n\r\n".into()),
        (400, "GET / HTTP/1.0\r\n\r\n".into()),
        (
            400,
            "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".into(),
        ),
        (
            400,
            "POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n".into(),
        ),
        (400, "POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n".into()),
        (400, "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n".into()),
        (400, "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab".into()),
        (400, "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nabcde".into()),
        (400, "POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n".into()),
        (400, "GET / HTTP/1.1\r\nHost : x\r\n\r\n".into()),
        (400, "\u{16}\u{3}\u{1}\r\n\r\n".into()),
    ] {
        let mut client = server.connect().await;
        client.send(&request).await;
        let answer = client.rest().await;
        let shown = request.get(..60).unwrap_or(&request);
        assert_eq!(answer.get(9..12), Some(status.to_string().as_str()), "{shown:?} got {answer:?}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(body.starts_with(r#"{"success":false,"error":""#), "{shown:?} got {answer:?}");
        assert!(head.contains("\r\nx-request-id: "), "{shown:?} got {answer:?}");
    }
    let mut client = server.connect().await;
    client.send(GET).await;
    client.answer("hello").await;
}
