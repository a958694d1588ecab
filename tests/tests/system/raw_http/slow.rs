//! Clients that are slow, or leave: cut at the deadlines, and nothing of them stays.

use super::{PATIENCE, Server};
use std::time::{Duration, Instant};
use tests::eventually;
use tokio::{sync::OnceCell, time::timeout};

/// Far below the defaults, so that the tests need not wait; far above what anything takes.
const DEADLINE: Duration = Duration::from_millis(500);

async fn server() -> &'static Server {
    static SERVER: OnceCell<Server> = OnceCell::const_new();
    let limits =
        [("HTTP__HEADER_TIMEOUT_MS", "500"), ("HTTP__BODY_TIMEOUT_MS", "500"), ("HTTP__WRITE_TIMEOUT_MS", "500")];
    SERVER.get_or_init(|| Server::start(&limits)).await
}

/// Sends it byte by byte until the server closes; what it answered, and after how long.
async fn dribble(server: &Server, at_once: &str, bytes: &str) -> (Vec<super::RawAnswer>, Duration) {
    let began = Instant::now();
    let mut raw = server.connect().await;
    raw.send(at_once).await;
    for byte in bytes.bytes() {
        raw.send([byte]).await;
        // The pace of the client, and the moment when the server has had enough.
        if timeout(Duration::from_millis(50), raw.0.readable()).await.is_ok() {
            break;
        }
    }
    (raw.rest().await, began.elapsed())
}

#[tokio::test]
async fn a_header_that_dribbles_is_cut() {
    let server = server().await;
    let header = server.good_lead("dribbled");
    let (answers, took) = dribble(server, "", &header).await;
    assert!(answers.is_empty(), "{answers:?}");
    assert!(took >= DEADLINE && took < 4 * DEADLINE, "{took:?}");
}

#[tokio::test]
async fn a_body_that_dribbles_or_never_comes_is_a_408_and_the_end() {
    let server = server().await;
    let body = format!(r#"{{"customer_key":"{}"}}"#, "d".repeat(200));
    let length = format!("Content-Length: {}\r\n", body.len());
    for (framing, dribbled) in [
        (length.clone(), body.as_str()),
        (length.clone(), ""),
        ("Transfer-Encoding: chunked\r\n".into(), "8\r\n{\"custom\r\n1\r\ne\r\n1\r\n"),
    ] {
        let (answers, took) = dribble(server, &server.lead(&framing, ""), dribbled).await;
        let [answer] = answers.as_slice() else { panic!("{framing}: {answers:?}") };
        assert_eq!((answer.status, answer.code().as_str()), (408, "body_too_slow"), "{answer:?}");
        assert!(took >= DEADLINE && took < 5 * DEADLINE, "{framing}: {took:?}");
    }
}

#[tokio::test]
async fn a_client_that_waits_to_continue_is_told_to_and_given_up_when_it_does_not() {
    let server = server().await;
    let mut raw = server.connect().await;
    raw.send(server.lead("Content-Length: 24\r\nExpect: 100-continue\r\n", "")).await;
    assert!(raw.head().await.starts_with("HTTP/1.1 100 Continue\r\n"));
    let answers = raw.rest().await;
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [408]);

    let mut raw = server.connect().await;
    raw.send(server.lead("Content-Length: 26\r\nExpect: 100-continue\r\nConnection: close\r\n", "")).await;
    assert!(raw.head().await.starts_with("HTTP/1.1 100 Continue\r\n"));
    raw.send(r#"{"customer_key":"patient"}"#).await;
    let answers = raw.rest().await;
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200]);

    // Who asks to send too much is not told to.
    let answers = server.answers(server.lead("Content-Length: 20000\r\nExpect: 100-continue\r\n", "")).await;
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [413]);
}

#[tokio::test]
async fn a_client_that_is_refused_while_it_sends_gets_its_answer() {
    let server = server().await;
    let sent = server.lead("Content-Length: 400000\r\n", &" ".repeat(400_000));
    let answers = server.answers(sent).await;
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [413]);
}

#[tokio::test]
async fn a_client_that_never_reads_is_cut_and_costs_no_memory() {
    let server = server().await;
    let before = server.peak_memory();
    let mut raw = server.connect().await;
    let requests = "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1_000);
    let cut = async { while tokio::io::AsyncWriteExt::write_all(&mut raw.0, requests.as_bytes()).await.is_ok() {} };
    timeout(PATIENCE, cut).await.expect("the server closes");
    let grown = server.peak_memory().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes");
}

#[tokio::test]
async fn clients_that_leave_are_counted_and_leave_nothing() {
    const CLIENTS: usize = 50;
    let server = Server::start(&[]).await;
    let gone = || async { server.metric(r#"affitor_ingest_client_gone_total{route="lead"}"#).await };
    assert_eq!(gone().await, 0.0);
    let before = server.open_files();
    let length = "Content-Length: 27\r\n";
    for _ in 0..CLIENTS {
        server.connect().await.send(server.lead(length, "")).await;
        server.connect().await.send(server.lead(length, r#"{"customer_key"#)).await;
        server.connect().await.send(server.lead("Transfer-Encoding: chunked\r\n", "5\r\n{")).await;
        server.connect().await.send(server.good_lead("gone")).await;
        server.connect().await.send("POST /api/v1/track/lead HTTP/1.1\r\nHo").await;
    }
    eventually(PATIENCE, || async {
        // The reads have a few sockets of their own.
        let (open, counted) = (server.open_files(), gone().await);
        let done = open <= before + 4 && counted >= (3 * CLIENTS) as f64;
        if done { Ok(()) } else { Err(format!("{open} open of {before}, {counted} counted")) }
    })
    .await;
}
