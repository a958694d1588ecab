//! What is unusual and good: taken as any other request; and very many requests at once on one connection.

use super::{RawAnswer, Server};
use std::{fmt::Write as _, time::Duration};
use tests::eventually;
use tokio::{io::AsyncReadExt, sync::OnceCell};

const LAST: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

async fn server() -> &'static Server {
    static SERVER: OnceCell<Server> = OnceCell::const_new();
    SERVER.get_or_init(|| Server::start(&[])).await
}

/// The answer to the first of two requests; the second one closes the connection.
async fn first(server: &Server, sent: String) -> RawAnswer {
    let mut answers = server.answers(sent + LAST).await;
    assert_eq!(answers.len(), 2, "{answers:?}");
    answers.swap_remove(0)
}

#[tokio::test]
async fn a_foreign_host_an_absolute_target_and_a_malformed_traceparent_are_ignored() {
    let server = server().await;
    let lead = server.good_lead("unusual");
    let body = r#"{"customer_key":"unusual"}"#;
    let chunked = format!("{:x};a=b\r\n{body}\r\n0\r\nX-Trailer: 1\r\n\r\n", body.len());
    for sent in [
        lead.replace("Host: localhost", "Host: evil.example"),
        lead.replace("Host: localhost", "Host: \u{e4}<script>"),
        lead.replace("POST /", "POST http://evil.example/"),
        lead.replace("Host: localhost", "host:localhost"),
        lead.replace("Host: localhost", "Host: localhost\r\ntraceparent: 00-zz-zz-zz"),
        lead.replace("Host: localhost", &format!("Host: localhost\r\ntraceparent: {}", "0".repeat(5_000))),
        lead.replace("Host: localhost", "Host: localhost\r\ntraceparent: 00-0-0-0\r\ntraceparent: \u{1F600}"),
        format!("\r\n{lead}"),
        server.lead("Transfer-Encoding: chunked\r\n", &chunked),
        server.lead("transfer-encoding: CHUNKED\r\n", &chunked),
    ] {
        let answer = first(server, sent.clone()).await;
        assert_eq!(answer.status, 200, "{sent}: {answer:?}");
        assert!(answer.header("x-event-id").is_some() && !answer.head.contains("evil"), "{answer:?}");
    }
    let old = lead.replace("HTTP/1.1", "HTTP/1.0");
    let answers = server.answers(old + LAST).await;
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200], "HTTP/1.0 is closed");
}

#[tokio::test]
async fn a_chunked_request_may_follow_one_with_a_length() {
    let server = server().await;
    let mut raw = server.connect().await;
    let body = r#"{"customer_key":"in-turn"}"#;
    let chunked = server.lead("Transfer-Encoding: chunked\r\n", &format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()));
    for sent in [server.good_lead("in-turn"), chunked.clone(), server.good_lead("in-turn"), chunked] {
        raw.send(&sent).await;
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{sent}: {head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
        let mut answer = vec![0; length];
        raw.0.read_exact(&mut answer).await.unwrap();
    }
}

#[tokio::test]
async fn methods_and_targets_without_a_path_are_answered() {
    let server = server().await;
    for (line, expected) in [
        ("OPTIONS * HTTP/1.1", 404),
        ("CONNECT evil.example:443 HTTP/1.1", 404),
        ("BREW /api/v1/track/lead HTTP/1.1", 405),
        ("TRACE /api/v1/track/lead HTTP/1.1", 405),
        ("GET //api/v1/track/lead HTTP/1.1", 404),
        ("GET /api/v1/track/../track/lead HTTP/1.1", 404),
        ("GET /%00%ff HTTP/1.1", 404),
    ] {
        let answers = server.answers(format!("{line}\r\nHost: localhost\r\nConnection: close\r\n\r\n")).await;
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [expected], "{line}: {answers:?}");
    }
}

#[tokio::test]
async fn a_harmless_request_id_is_kept_and_any_other_replaced() {
    let server = server().await;
    let get = |lines: &str| format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n");
    let own = first(server, get("X-Request-Id: checkout-42\r\n")).await;
    assert_eq!(own.header("x-request-id"), Some("checkout-42"));
    let long = "a".repeat(10_240);
    let mut seen = Vec::new();
    for lines in [
        String::new(),
        format!("X-Request-Id: {long}\r\n"),
        "X-Request-Id: a b\r\n".into(),
        "X-Request-Id: <script>\r\n".into(),
        "X-Request-Id: a%0d%0aSet-Cookie: b\r\n".into(),
        "X-Request-Id: a\r\nX-Request-Id: b\r\n".into(),
        "X-Request-Id: \u{e4}\r\n".into(),
    ] {
        let answer = first(server, get(&lines)).await;
        let id = answer.header("x-request-id").unwrap().to_owned();
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{lines}: {id}");
        assert!(!seen.contains(&id), "{id} twice");
        seen.push(id);
    }
}

#[tokio::test]
async fn ten_thousand_pipelined_requests_are_answered_in_order() {
    const REQUESTS: usize = 10_000;
    let server = server().await;
    let mut sent = String::new();
    for number in 0..REQUESTS {
        write!(sent, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: {number}\r\n\r\n").unwrap();
    }
    sent.push_str(LAST);
    let before = server.peak_memory();
    let (mut reading, mut writing) = server.connect().await.0.into_split();
    let write = async move {
        tokio::io::AsyncWriteExt::write_all(&mut writing, sent.as_bytes()).await.unwrap();
        writing
    };
    let mut received = Vec::new();
    let (_writing, read) = tokio::join!(write, reading.read_to_end(&mut received));
    read.unwrap();
    let answers = RawAnswer::all(&received);
    assert_eq!(answers.len(), REQUESTS + 1);
    for (number, answer) in answers[..REQUESTS].iter().enumerate() {
        assert_eq!((answer.status, answer.header("x-request-id")), (200, Some(number.to_string().as_str())));
    }
    let grown = server.peak_memory().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes");
}

#[tokio::test]
async fn pipelined_leads_are_taken_one_after_the_other() {
    let server = server().await;
    let leads: String = (0..50).map(|number| server.good_lead(&format!("pipelined-{number}"))).collect();
    let answers = server.answers(leads + LAST).await;
    assert!(answers.len() == 51 && answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    let events: Vec<&str> = answers.iter().filter_map(|answer| answer.header("x-event-id")).collect();
    assert!(events.len() == 50 && events.is_sorted(), "{events:?}");
}

#[tokio::test]
async fn a_process_out_of_file_descriptors_accepts_again_as_soon_as_there_are_some() {
    let mut server = Server::start(&[]).await;
    let few = (server.open_files() + 8).to_string();
    let limit = ["--pid", &server.process.id().to_string(), &format!("--nofile={few}:{few}")];
    assert!(std::process::Command::new("prlimit").args(limit).status().unwrap().success());
    let mut crowd = Vec::new();
    for _ in 0..40 {
        crowd.push(server.connect().await);
    }
    server.process.wait_for_line(Duration::from_secs(10), "no connection can be accepted").await;
    drop(crowd);
    eventually(Duration::from_secs(1), || async {
        let answer = server.client().request(reqwest::Method::GET, "/healthz").send().await;
        answer.map(drop)
    })
    .await;
    assert_eq!(server.process.output().matches("no connection can be accepted").count(), 1, "said once, not on and on");
}
