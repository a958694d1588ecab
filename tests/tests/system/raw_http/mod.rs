//! HTTP that is malformed, slow or too much, sent as bytes to the running binary: what it gets, and that nothing of it
//! is ever taken for a request of its own.

mod flood;
mod limits;
mod malformed;
mod slow;
mod unusual;

use serde_json::Value;
use std::{fs, net::SocketAddr, time::Duration};
use tempfile::TempDir;
use tests::{Answer, Client, Process, START, free_port};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// No server that is watched here takes longer for anything.
const PATIENCE: Duration = Duration::from_secs(10);

/// `affitor up` with its demo.
struct Server {
    process: Process,
    address: SocketAddr,
    facts: Value,
    _room: TempDir,
}

impl Server {
    /// Starts one with these settings.
    async fn start(settings: &[(&str, &str)]) -> Self {
        let room = tempfile::tempdir().unwrap();
        let (listen, metrics) = (format!("127.0.0.1:{}", free_port()), format!("127.0.0.1:{}", free_port()));
        let data = room.path().join("data");
        let arguments =
            ["up", "--data", data.to_str().unwrap(), "--listen", &listen, "--metrics-listen", &metrics, "--demo"];
        let settings: Vec<(String, &str)> =
            settings.iter().map(|(name, value)| (format!("AFFITOR_{name}"), *value)).collect();
        let environment: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let mut process = Process::start("affitor", &arguments, &environment);
        process.wait_for_url(START, &format!("http://{listen}/readyz")).await;
        let facts = serde_json::from_slice(&fs::read(data.join("demo.json")).unwrap()).unwrap();
        Self { process, address: listen.parse().unwrap(), facts, _room: room }
    }

    fn fact(&self, name: &str) -> &str {
        self.facts[name].as_str().unwrap()
    }

    fn client(&self) -> Client {
        Client::at(self.fact("base_url"), self.fact("base_url"))
    }

    async fn connect(&self) -> Raw {
        Raw(TcpStream::connect(self.address).await.unwrap())
    }

    /// Sends the bytes; every answer until the server closes.
    async fn answers(&self, bytes: impl AsRef<[u8]>) -> Vec<RawAnswer> {
        let mut raw = self.connect().await;
        raw.send(bytes).await;
        raw.rest().await
    }

    /// A lead in server mode: its framing headers, each with its line end, and the body as it is sent.
    fn lead(&self, framing: &str, body: &str) -> String {
        format!(
            "POST /api/v1/track/lead HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Authorization: Bearer {}\r\n{framing}\r\n{body}",
            self.fact("api_key")
        )
    }

    /// A lead that nothing is wrong with.
    fn good_lead(&self, customer: &str) -> String {
        let body = format!(r#"{{"customer_key":"{customer}"}}"#);
        self.lead(&format!("Content-Length: {}\r\n", body.len()), &body)
    }

    async fn read(&self, path: &str) -> Answer {
        let request = self.client().request(reqwest::Method::GET, path);
        Answer::to(request.bearer_auth(self.fact("api_key"))).await
    }

    /// The value of one series of its metrics.
    async fn metric(&self, series: &str) -> f64 {
        let text = reqwest::get(self.fact("metrics_url")).await.unwrap().text().await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(series)).map(str::trim);
        line.unwrap_or_else(|| panic!("no {series} in\n{text}")).parse().unwrap()
    }

    /// How many files and sockets it has open.
    fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.process.id())).unwrap().count()
    }

    /// The most memory it has had, in bytes.
    fn peak_memory(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1_024
    }
}

/// A connection without a client library.
struct Raw(TcpStream);

impl Raw {
    /// A server that closes before it has everything is no fault of the client's.
    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _closed = timeout(PATIENCE, self.0.write_all(bytes.as_ref())).await.expect("the server reads or closes");
    }

    /// Every answer until the server closes; a reset is a close.
    async fn rest(&mut self) -> Vec<RawAnswer> {
        let mut bytes = Vec::new();
        let closed = timeout(PATIENCE, self.0.read_to_end(&mut bytes)).await;
        assert!(closed.is_ok(), "still open after {}", String::from_utf8_lossy(&bytes));
        RawAnswer::all(&bytes)
    }

    /// The next so many bytes that contain the end of a header.
    async fn head(&mut self) -> String {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            let byte = timeout(PATIENCE, self.0.read_u8()).await.expect("an answer in time");
            bytes.push(byte.unwrap_or_else(|error| panic!("{error} after {}", String::from_utf8_lossy(&bytes))));
        }
        String::from_utf8(bytes).unwrap()
    }
}

/// One answer of several on a connection.
#[derive(Debug)]
struct RawAnswer {
    status: u16,
    head: String,
    body: String,
}

impl RawAnswer {
    fn all(mut bytes: &[u8]) -> Vec<Self> {
        let mut answers = Vec::new();
        while !bytes.is_empty() {
            let text = String::from_utf8_lossy(bytes);
            let end = text.find("\r\n\r\n").unwrap_or_else(|| panic!("half an answer: {text}")) + 4;
            let head = text[..end].to_owned();
            let status = head[9..12].parse().unwrap();
            let mut answer = Self { status, head, body: String::new() };
            let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
            answer.body = String::from_utf8(bytes[end..end + length].to_vec()).unwrap();
            bytes = &bytes[end + length..];
            answers.push(answer);
        }
        answers
    }

    /// The value of a header; the name in lower case.
    fn header(&self, name: &str) -> Option<&str> {
        let line = self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.map(str::trim)
    }

    fn code(&self) -> String {
        let json: Value = serde_json::from_str(&self.body).unwrap_or_default();
        json["code"].as_str().unwrap_or_default().to_owned()
    }
}
