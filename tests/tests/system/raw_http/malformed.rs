//! What is no good request: refused in the form of every refusal, and the connection closed.
//!
//! Behind each of them comes a good lead on the same connection. A server that lost its place would take that one.

use super::{RawAnswer, Server};
use tokio::sync::OnceCell;

async fn server() -> &'static Server {
    static SERVER: OnceCell<Server> = OnceCell::const_new();
    SERVER.get_or_init(|| Server::start(&[])).await
}

/// A refusal: its name, what is sent, status and code.
type Row = (&'static str, String, u16, &'static str);

const MALFORMED: (u16, &str) = (400, "malformed_request");

fn row(name: &'static str, sent: String, (status, code): (u16, &'static str)) -> Row {
    (name, sent, status, code)
}

/// Checks one row, with a lead of that customer behind it.
async fn assert_refused(server: &Server, (name, sent, status, code): Row, behind: &str) {
    let answers = server.answers(sent + &server.good_lead(behind)).await;
    let [answer] = answers.as_slice() else { panic!("{name}: {answers:?}") };
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{name}: {answer:?}");
    let id = answer.header("x-request-id").unwrap_or_default();
    assert!(!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{name}: {answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"), "{name}: {answer:?}");
}

/// Checks all rows, and that no lead of theirs has been stored by the time that a later one is.
async fn all_refused(rows: Vec<Row>, topic: &str) {
    let (server, count) = (server().await, rows.len());
    for (number, row) in rows.into_iter().enumerate() {
        assert_refused(server, row, &format!("{topic}-behind-{number}")).await;
    }
    let control = format!("{topic}-control");
    let answers = server.answers(server.good_lead(&control) + "no request\r\n\r\n").await;
    assert_eq!(answers.first().map(|answer| answer.status), Some(200), "{answers:?}");
    let event = answers[0].header("x-event-id").unwrap();
    tests::eventually(tests::VISIBLE, || async {
        let answer = server.read(&format!("/api/v1/events/{event}")).await;
        if answer.status == 200 { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
    let behind = (0..count).map(|number| format!("{topic}-behind-{number}"));
    for customer in behind.chain([format!("{topic}-refused")]) {
        assert_eq!(server.read(&format!("/api/v1/customers/{customer}")).await.status, 404, "{customer}");
    }
}

#[tokio::test]
async fn a_body_whose_end_could_be_read_in_two_ways_is_refused() {
    let server = server().await;
    let body = r#"{"customer_key":"framing-refused"}"#;
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let (length, chunks) = (format!("Content-Length: {}\r\n", body.len()), "Transfer-Encoding: chunked\r\n");
    let two = (400, "two_lengths");
    let encoding = (400, "invalid_transfer_encoding");
    let mut rows = vec![
        row("length, chunked", server.lead(&format!("{length}{chunks}"), &chunked), two),
        row("chunked, length", server.lead(&format!("{chunks}{length}"), &chunked), two),
        row("chunked, no length at all", server.lead(&format!("{chunks}content-length:\r\n"), &chunked), two),
        row("chunked, a length that is none", server.lead(&format!("{chunks}CONTENT-LENGTH: x\r\n"), &chunked), two),
        row("two lengths", server.lead(&format!("{length}Content-Length: 5\r\n"), body), MALFORMED),
        row("chunked twice", server.lead(&format!("{chunks}{chunks}"), &chunked), encoding),
        row("HTTP/1.0 chunked", server.lead(chunks, &chunked).replace("HTTP/1.1", "HTTP/1.0"), MALFORMED),
    ];
    let length = body.len();
    for text in ["+5", "-1", "5 5", "5, 6", "0x5", "", "100000000000000000000", "99999999999999999999999", "5.0"] {
        rows.push(row("length", server.lead(&format!("Content-Length: {text}\r\n"), body), MALFORMED));
    }
    rows.push(row("a list", server.lead(&format!("Content-Length: {length}, {length}\r\n"), body), MALFORMED));
    for text in ["xchunked", "chunked, identity", "identity", "chunked;q=1", "\"chunked\"", "chunked, gzip"] {
        rows.push(row("encoding", server.lead(&format!("Transfer-Encoding: {text}\r\n"), &chunked), MALFORMED));
    }
    for text in ["identity, chunked", "gzip, chunked", "chunked, chunked"] {
        rows.push(row("encodings", server.lead(&format!("Transfer-Encoding: {text}\r\n"), &chunked), encoding));
    }
    all_refused(rows, "framing").await;
}

#[tokio::test]
async fn a_chunked_body_that_breaks_the_rules_is_refused() {
    let server = server().await;
    let body = r#"{"customer_key":"chunks-refused"}"#;
    let size = format!("{:x}", body.len());
    let mut rows = Vec::new();
    for (name, chunks) in [
        ("size", format!("zz\r\n{body}\r\n0\r\n\r\n")),
        ("negative size", format!("-{size}\r\n{body}\r\n0\r\n\r\n")),
        ("prefixed size", format!("0x{size}\r\n{body}\r\n0\r\n\r\n")),
        ("no size", format!("\r\n{body}\r\n0\r\n\r\n")),
        ("a size that wraps around", format!("1{size:0>16}\r\n{body}\r\n0\r\n\r\n")),
        ("a size cut by a bare line end", format!("{size}\r{body}\r\n0\r\n\r\n")),
        ("more than the size", format!("{size}\r\n{body} \r\n0\r\n\r\n")),
        ("no end of the chunk", format!("{size}\r\n{body}0\r\n\r\n")),
        ("an endless extension", format!("{size};{}\r\n{body}\r\n0\r\n\r\n", "x".repeat(65_536))),
        ("a line end in an extension", format!("{size};a\nb\r\n{body}\r\n0\r\n\r\n")),
    ] {
        rows.push(row(name, server.lead("Transfer-Encoding: chunked\r\n", &chunks), (400, "body_unreadable")));
    }
    all_refused(rows, "chunks").await;
}

#[tokio::test]
async fn a_header_that_could_be_read_in_two_ways_is_refused() {
    let server = server().await;
    let body = r#"{"customer_key":"headers-refused"}"#;
    let with = |line: &str| server.lead(&format!("{line}\r\nContent-Length: {}\r\n", body.len()), body);
    let mut rows: Vec<Row> = [
        ("folded", "X-A: 1\r\n folded"),
        ("folded by a tab", "X-A: 1\r\n\tfolded: 2"),
        ("white space before the colon", "Header : x"),
        ("a tab before the colon", "Header\t: x"),
        ("no colon", "Header"),
        ("no name", ": x"),
        ("a bare CR in a value", "X-A: a\rb"),
        ("a bare CR before a name", "\rX-A: a"),
        ("NUL in a value", "X-A: a\0b"),
        ("NUL in a name", "X\0A: a"),
        ("no token as a name", "X(A): a"),
    ]
    .map(|(name, line)| row(name, with(line), MALFORMED))
    .into();
    let many: String = (0..101).map(|number| format!("X-{number}: 1\r\n")).collect();
    let large: String = (0..40).map(|number| format!("X-{number}: {}\r\n", "x".repeat(1_000))).collect();
    let too_large = (431, "header_too_large");
    rows.push(row("101 headers", with(many.trim_end()), too_large));
    rows.push(row("over 32 KiB together", with(large.trim_end()), too_large));
    rows.push(row("one of 64 KiB", with(&format!("X-Long: {}", "x".repeat(65_536))), too_large));
    let target = format!("/api/v1/track/lead?{}", "x".repeat(8_192));
    rows.push(row("target", with("X-A: 1").replacen("/api/v1/track/lead", &target, 1), (414, "uri_too_long")));
    let host = (400, "invalid_host");
    rows.push(row("no host", with("X-A: 1").replacen("Host: localhost\r\n", "", 1), host));
    rows.push(row("two hosts", with("Host: other"), host));
    rows.push(row("the same host twice", with("Host: localhost"), host));
    let old = with("X-A: 1").replacen("Host: localhost\r\n", "", 1).replacen("HTTP/1.1", "HTTP/1.0", 1);
    rows.push(row("HTTP/1.0 without a host", old, host));
    for (name, line) in [
        ("HTTP/0.9", "GET /healthz"),
        ("no such version", "GET /healthz HTTP/1.2"),
        ("HTTP/3", "GET /healthz HTTP/3"),
        ("lower case", "GET /healthz http/1.1"),
        ("no target", "GET HTTP/1.1"),
        ("a target with a space", "GET /a b HTTP/1.1"),
        ("PROXY header", "PROXY TCP4 192.0.2.1 192.0.2.2 4711 80"),
    ] {
        rows.push(row(name, format!("{line}\r\nHost: localhost\r\n\r\n"), MALFORMED));
    }
    all_refused(rows, "headers").await;
}

#[tokio::test]
async fn what_is_another_protocol_or_none_is_refused_or_closed_and_floods_no_log() {
    let server = server().await;
    let mut sent: Vec<Vec<u8>> = vec![
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(),
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n".to_vec(),
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01\0\x50\0\x50".to_vec(),
        b"EHLO mail.example\r\n\r\n".to_vec(),
        b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0".to_vec(),
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec(),
        b"AMQP\0\0\x09\x01".to_vec(),
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    sent.extend((0..200).map(|_| {
        let random = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        });
        random.take(16).flatten().chain(*b"\r\n\r\n").collect()
    }));
    for bytes in sent {
        let answers = server.answers(&bytes).await;
        let refused = |answer: &RawAnswer| answer.status == 400 && answer.code() == "malformed_request";
        assert!(answers.len() <= 1 && answers.iter().all(refused), "{bytes:?}: {answers:?}");
    }
    let log = server.process.output();
    assert!(log.lines().count() < 60, "{log}");
}
