//! A real browser: headless Chromium, one for all tests of a process, driven over its DevTools protocol. Each visitor has
//! cookies and storage of their own; every host name leads to this machine, so that pages and API are of different origins.
//!
//! The protocol runs over two pipes, which is what Chromium offers to programs that start it. It knows nothing of pages.

mod site;
mod tab;

pub use site::{Seen, Site, Weather};
pub use tab::{Tab, Visitor};

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Write},
    path::Path,
    process::Command,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::{
    Process,
    leftovers::{Leftover, remove_at_the_end},
};

/// Longer than any command takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The third and the fourth file of the browser are the pipes; only a shell opens files under numbers of our choice.
const START: &str = r#"exec "$@" 3<"$COMMANDS" 4>"$EVENTS""#;

const ARGUMENTS: [&str; 14] = [
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-sandbox", // as root it does not run with one, and the pages are ours
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-features=HttpsUpgrades,HttpsFirstModeIncognito,HttpsFirstBalancedModeAutoEnable",
    "--host-resolver-rules=MAP * 127.0.0.1",
    "about:blank",
];

static BROWSER: LazyLock<Browser> = LazyLock::new(Browser::start);

/// The connection to the browser.
struct Browser {
    process: Mutex<Process>,
    commands: Mutex<File>,
    numbers: AtomicU64,
    heard: Arc<Heard>,
}

/// What the browser has said.
#[derive(Default)]
struct Heard {
    replies: Mutex<HashMap<u64, oneshot::Sender<Value>>>,
    /// By the session that they belong to.
    events: Mutex<HashMap<String, Vec<Value>>>,
}

impl Browser {
    fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory").keep();
        remove_at_the_end(&Leftover::Directory(&directory));
        let (commands, events) = (fifo(&directory.join("commands")), fifo(&directory.join("events")));
        let mut command = Command::new("sh");
        let chromium = std::env::var("TEST_CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
        command.args(["-c", START, "sh", &chromium]).args(ARGUMENTS);
        command.arg(format!("--user-data-dir={}", directory.join("profile").display()));
        command.env("COMMANDS", directory.join("commands")).env("EVENTS", directory.join("events"));
        let process = Mutex::new(Process::spawn("chromium", &command));
        let heard = Arc::<Heard>::default();
        let listener = Arc::clone(&heard);
        thread::spawn(move || listener.listen(BufReader::new(events)));
        Self { process, commands: Mutex::new(commands), numbers: AtomicU64::new(1), heard }
    }

    /// Sends a command, to the browser itself or to a tab, and waits for its result.
    async fn command(&self, session: Option<&str>, method: &str, parameters: Value) -> Result<Value, String> {
        let (number, reply) = (self.numbers.fetch_add(1, Ordering::Relaxed), oneshot::channel());
        locked(&self.heard.replies).insert(number, reply.0);
        self.write(number, session, method, parameters);
        let Ok(answer) = tokio::time::timeout(PATIENCE, reply.1).await else {
            let output = locked(&self.process).output();
            panic!("chromium does not answer {method}; is it installed? Its output:\n{output}");
        };
        let mut answer = answer.expect("the listener runs as long as the process");
        let error = &answer["error"];
        if error.is_null() { Ok(answer["result"].take()) } else { Err(format!("{method}: {error}")) }
    }

    fn write(&self, number: u64, session: Option<&str>, method: &str, parameters: Value) {
        let mut message = json!({"id": number, "method": method, "params": parameters});
        if let Some(session) = session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        locked(&self.commands).write_all(&bytes).expect("the browser's pipe");
    }

    /// The events of a session so far, looked at by `look`.
    fn events<T>(&self, session: &str, look: impl FnOnce(&[Value]) -> T) -> T {
        look(locked(&self.heard.events).get(session).map_or(&[][..], Vec::as_slice))
    }
}

impl Heard {
    /// Messages end with a NUL.
    fn listen(&self, mut events: BufReader<File>) {
        let mut bytes = Vec::new();
        while events.read_until(0, &mut bytes).is_ok_and(|count| count > 0) {
            bytes.pop();
            let message: Value = serde_json::from_slice(&bytes).expect("JSON from the browser");
            bytes.clear();
            if let Some(number) = message["id"].as_u64() {
                if let Some(waiting) = locked(&self.replies).remove(&number) {
                    drop(waiting.send(message));
                }
            } else if let Some(session) = message["sessionId"].as_str() {
                locked(&self.events).entry(session.to_owned()).or_default().push(message);
            }
        }
    }
}

/// Made and opened without waiting for the other end.
fn fifo(path: &Path) -> File {
    let made = Command::new("mkfifo").arg(path).status().expect("mkfifo");
    assert!(made.success(), "mkfifo {} failed", path.display());
    OpenOptions::new().read(true).write(true).open(path).expect("the pipe that was made")
}

fn locked<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    // A test that has failed elsewhere must not fail this one.
    what.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
