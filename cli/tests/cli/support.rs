//! The real binary, run as a person would run it. Used by the tests of the command line.

use serde_json::Value;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// What takes longer than this has failed, also on a machine that is busy compiling.
pub(crate) const LONG: Duration = Duration::from_secs(60);
/// Any port, so that tests run side by side.
pub(crate) const ANY_PORTS: [&str; 4] = ["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];

/// A command without the settings of whoever runs the tests.
pub(crate) fn affitor() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_affitor"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Runs a command to its end: exit code, standard output, standard error.
pub(crate) async fn run(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = timeout(LONG, command.output()).await.expect("in time").unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().expect("no signal"), text(stdout), text(stderr))
}

/// A running `affitor up`; killed when dropped.
pub(crate) struct Up {
    child: Child,
    /// Kept open, so that the process can go on printing.
    _lines: Lines<BufReader<ChildStdout>>,
    /// What it printed when it was ready.
    pub(crate) greeting: String,
}

impl Up {
    /// Starts it on free ports and waits for its instructions.
    pub(crate) async fn start(data: &Path, more: &[&str]) -> Self {
        let mut command = affitor();
        command.arg("up").arg("--data").arg(data).args(more);
        if !more.contains(&"--listen") {
            command.args(&ANY_PORTS[..2]);
        }
        command.args(&ANY_PORTS[2..]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut greeting = String::new();
        let greeted = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                greeting.push_str(&line);
                greeting.push('\n');
                if line.ends_with("Ctrl-C stops.") {
                    return;
                }
            }
            let mut errors = String::new();
            child.stderr.take().unwrap().read_to_string(&mut errors).await.unwrap();
            panic!("it ended: {errors}");
        };
        timeout(LONG, greeted).await.expect("it greets in time");
        Up { child, _lines: lines, greeting }
    }

    /// The lines of the greeting that are to be pasted.
    pub(crate) fn demo_lines(&self) -> String {
        let starts = ["#", "CLICK=", "curl ", "for "];
        let pasted = self.greeting.lines().filter(|line| starts.iter().any(|start| line.starts_with(start)));
        pasted.map(|line| format!("{line}\n")).collect()
    }

    /// Where the API is.
    pub(crate) fn base_url(&self) -> String {
        self.address_after("listens on ")
    }

    /// Where the metrics are.
    pub(crate) fn metrics_url(&self) -> String {
        self.address_after("metrics are at ")
    }

    fn address_after(&self, words: &str) -> String {
        let (_, rest) = self.greeting.split_once(words).expect(words);
        rest.split([',', ' ']).next().unwrap().to_owned()
    }

    /// Stops it with SIGTERM; returns the exit code.
    pub(crate) async fn stop(self) -> i32 {
        self.stop_and_tell().await.0
    }

    /// Stops it with SIGTERM; returns the exit code and everything that it logged.
    pub(crate) async fn stop_and_tell(self) -> (i32, String) {
        let id = self.child.id().expect("it runs");
        let sent = Command::new("sh").args(["-c", &format!("kill -TERM {id}")]).status().await.unwrap();
        assert!(sent.success());
        let ended = timeout(LONG, self.child.wait_with_output()).await.expect("it stops in time").unwrap();
        (ended.status.code().expect("no signal"), String::from_utf8(ended.stderr).unwrap())
    }
}

/// The demo's facts.
pub(crate) fn demo(data: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(data.join("demo.json")).unwrap()).unwrap()
}

/// Asks until the answer is a success, and returns its body.
pub(crate) async fn journey(base_url: &str, key: &str, customer: &str) -> Value {
    let client = reqwest::Client::new();
    let asked = async {
        loop {
            let request = client.get(format!("{base_url}/api/v1/customers/{customer}")).bearer_auth(key);
            let answer = request.send().await.unwrap();
            if answer.status().is_success() {
                return answer.json().await.unwrap();
            }
            assert_eq!(answer.status(), 404, "{}", answer.text().await.unwrap());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(LONG, asked).await.expect("the customer is recorded in time")
}
