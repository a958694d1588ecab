//! Bodies that grow, stall or never come, sent byte by byte, and addresses and headers without end.

use std::time::{Duration, Instant};

use reqwest::Method;
use tests::{Answer, Client, Pipeline, TestProgram};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

on_both_shapes! {
    a_body_that_is_announced_too_long_is_refused_before_it_comes
    a_body_that_grows_without_end_is_refused_at_the_limit
    a_body_that_never_comes_is_given_up
    a_pipelined_request_after_a_refused_body_is_not_smuggled_in
    an_address_or_headers_without_end_are_refused
}

/// Longer than any deadline of a server with the default settings.
const PATIENCE: Duration = Duration::from_secs(20);

async fn connect(pipeline: &Pipeline) -> TcpStream {
    TcpStream::connect(pipeline.api.strip_prefix("http://").unwrap()).await.unwrap()
}

fn head(program: &TestProgram, framing: &str) -> String {
    format!(
        "POST /api/v1/track/lead HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\n{framing}\r\n\r\n",
        program.api_key
    )
}

/// Everything that comes until the server closes.
async fn until_closed(mut socket: TcpStream) -> String {
    let mut received = Vec::new();
    let closed = timeout(PATIENCE, socket.read_to_end(&mut received)).await;
    let received = String::from_utf8_lossy(&received).into_owned();
    // A reset after the answer is a way to close, too.
    assert!(closed.is_ok(), "still open after {received:?}");
    received
}

async fn a_body_that_is_announced_too_long_is_refused_before_it_comes(pipeline: &Pipeline) {
    let program = pipeline.program().await;
    let mut socket = connect(pipeline).await;
    socket.write_all(head(&program, "Content-Length: 16385\r\nConnection: close").as_bytes()).await.unwrap();
    let received = until_closed(socket).await;
    assert!(received.starts_with("HTTP/1.1 413 ") && received.contains("body_too_large"), "{received}");
}

async fn a_body_that_grows_without_end_is_refused_at_the_limit(pipeline: &Pipeline) {
    let program = pipeline.program().await;
    let mut socket = connect(pipeline).await;
    let mut sent = head(&program, "Transfer-Encoding: chunked").into_bytes();
    for _ in 0..5 {
        sent.extend_from_slice(format!("1000\r\n{}\r\n", " ".repeat(4_096)).as_bytes());
    }
    socket.write_all(&sent).await.unwrap();
    let received = until_closed(socket).await;
    assert!(received.starts_with("HTTP/1.1 413 "), "{received}");
}

async fn a_body_that_never_comes_is_given_up(pipeline: &Pipeline) {
    let program = pipeline.program().await;
    let mut socket = connect(pipeline).await;
    let began = Instant::now();
    let sent = head(&program, "Content-Length: 100") + "{\"customer_key\":";
    socket.write_all(sent.as_bytes()).await.unwrap();
    let received = until_closed(socket).await;
    assert!(received.starts_with("HTTP/1.1 408 ") || received.is_empty(), "{received}");
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

async fn a_pipelined_request_after_a_refused_body_is_not_smuggled_in(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let smuggled = head(&program, "Content-Length: 27") + r#"{"customer_key":"smuggled"}"#;
    for framing in [
        "Content-Length: 0\r\nTransfer-Encoding: chunked",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: +5",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
    ] {
        let mut socket = connect(pipeline).await;
        let sent = format!("{}0\r\n\r\n{smuggled}", head(&program, framing));
        socket.write_all(sent.as_bytes()).await.unwrap();
        let received = until_closed(socket).await;
        let answers = received.lines().filter(|line| line.starts_with("HTTP/1.1 ")).count();
        assert_eq!(answers, 1, "{framing}: {received}");
        assert!(received.starts_with("HTTP/1.1 400 "), "{framing}: {received}");
    }
    // A lead after them: were one of them taken, it would be stored by now.
    let lead = serde_json::json!({"customer_key": "u1"});
    client.customer_after(&program, &lead).await;
    assert_eq!(client.customer(&program, "smuggled").await.status, 404);
}

async fn an_address_or_headers_without_end_are_refused(pipeline: &Pipeline) {
    let client = Client::of(pipeline);
    let long = format!("/api/v1/track/lead?x={}", "x".repeat(9_000));
    assert_eq!(Answer::to(client.request(Method::POST, &long)).await.status, 414);
    let many = (0..101).fold(client.lead(), |lead, number| lead.header(format!("x-{number}"), "1"));
    assert_eq!(Answer::to(many).await.status, 431);
    assert_eq!(Answer::to(client.lead().header("x-long", "x".repeat(40_000))).await.status, 431);
}
