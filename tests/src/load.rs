//! A client under load that keeps its own books: it writes to an append-only file what it is about to send, and what
//! it was told. The database is later compared with that file, never with the client's memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;
use uuid::Uuid;

use crate::{Answer, Client, Stored, TestProgram};

/// Leads to send, every fifth of them with the key of an earlier one.
#[derive(Debug)]
pub struct Load {
    leads: usize,
    connections: usize,
    pause: Duration,
    begun: AtomicUsize,
    accepted: AtomicUsize,
    refused: AtomicUsize,
    goes_on: AtomicBool,
    stopped: AtomicBool,
    books: Books,
}

impl Load {
    /// So many leads over so many connections; the books are kept in that file.
    ///
    /// # Panics
    /// When the file cannot be made.
    pub fn new(leads: usize, connections: usize, books: &Path) -> Self {
        let (pause, books) = (Duration::ZERO, Books::open(books));
        let [begun, accepted, refused] = [const { AtomicUsize::new(0) }; 3];
        let [goes_on, stopped] = [const { AtomicBool::new(false) }; 2];
        Self { leads, connections, pause, begun, accepted, refused, goes_on, stopped, books }
    }

    /// Has each connection wait so long after each lead that was accepted.
    #[must_use]
    pub fn paced(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    /// How many leads a test sends: `AFFITOR_TEST_LEADS`, or what suits every run.
    pub fn usual() -> usize {
        std::env::var("AFFITOR_TEST_LEADS").ok().and_then(|number| number.parse().ok()).unwrap_or(3_000)
    }

    /// Sends all leads, each again and again until it is accepted or the load is stopped.
    pub async fn run(&self, client: &Client, program: &TestProgram) {
        let one = async || {
            while let Some(key) = self.next_key() {
                self.send(client, program, &key).await;
                tokio::time::sleep(self.pause).await;
            }
        };
        let connections: Vec<_> = (0..self.connections).map(|_| one()).collect();
        futures_util::future::join_all(connections).await;
    }

    /// How many leads have been begun.
    pub fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    /// Sends further leads when all are sent, as long as this holds.
    pub fn goes_on(&self, goes_on: bool) {
        self.goes_on.store(goes_on, Ordering::Relaxed);
    }

    /// How many leads there are at least.
    pub fn leads(&self) -> usize {
        self.leads
    }

    /// How many leads have been accepted.
    pub fn accepted_so_far(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    /// How many times a lead was answered with an honest 503.
    pub fn refused_so_far(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    /// Sends nothing more, not even what was not accepted.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    fn next_key(&self) -> Option<String> {
        let goes_on = self.goes_on.load(Ordering::Relaxed);
        if self.is_stopped() {
            return None;
        }
        let more = |begun| (begun < self.leads || goes_on).then_some(begun + 1);
        let number = self.begun.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        // Mostly of a lead that is on its way right now: the hardest kind.
        let of = if number % 5 == 4 { number - 1 - number % 3 } else { number };
        Some(format!("u{of}"))
    }

    async fn send(&self, client: &Client, program: &TestProgram, key: &str) {
        while !self.is_stopped() {
            self.books.write(&format!("asked {key}"));
            let began = Instant::now();
            let lead = client.lead().bearer_auth(&program.api_key).json(&json!({"customer_key": key}));
            match Answer::try_to(lead).await {
                Ok(answer) if answer.status == 200 => {
                    self.books.write(&format!("ok {key} {}", answer.event_id()));
                    self.accepted.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                Ok(answer) if answer.status == 503 => {
                    let outcome = answer.header("x-affitor-outcome");
                    assert!(matches!(outcome, Some("not-accepted" | "unknown")), "{answer:?}");
                    let outcome = outcome.unwrap_or_default();
                    self.books.write(&format!("refused {key} {} {outcome}", began.elapsed().as_millis()));
                    self.refused.fetch_add(1, Ordering::Relaxed);
                }
                Ok(answer) => panic!("a good lead was refused: {answer:?}"),
                Err(_) => self.books.write(&format!("failed {key}")),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What the file says was accepted.
    pub fn accepted(&self) -> Accepted {
        Accepted::read(&self.books.path)
    }
}

#[derive(Debug)]
struct Books {
    path: PathBuf,
    file: Mutex<File>,
}

impl Books {
    fn open(path: &Path) -> Self {
        let file = OpenOptions::new().create(true).append(true).open(path).expect("the client's file");
        Self { path: path.to_owned(), file: Mutex::new(file) }
    }

    fn write(&self, line: &str) {
        let mut file = self.file.lock().expect("nothing panics with the file in hand");
        file.write_all(format!("{line}\n").as_bytes()).expect("the client's file");
    }
}

/// What a client was told: the event ids of its 200s with their customers, and every key it has ever sent.
#[derive(Debug)]
pub struct Accepted {
    /// By event id, the customer's key.
    pub events: BTreeMap<Uuid, String>,
    /// How many 503s there were, and how long the slowest of them took.
    pub refused: (usize, Duration),
    /// How many of them left open whether the lead was accepted.
    pub unknown: usize,
    /// How many requests were not answered at all.
    pub unanswered: usize,
    asked: BTreeSet<String>,
}

impl Accepted {
    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("the client's file");
        let (mut events, mut asked) = (BTreeMap::new(), BTreeSet::new());
        let (mut refused, mut unknown, mut unanswered) = ((0, Duration::ZERO), 0, 0);
        for line in text.lines() {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["asked", key] => drop(asked.insert(key.to_owned())),
                ["ok", key, event] => {
                    let event = event.parse().expect("a receipt is a uuid");
                    assert!(events.insert(event, key.to_owned()).is_none(), "the receipt {event} was given twice");
                }
                ["refused", _, took, outcome] => {
                    let took = Duration::from_millis(took.parse().expect("milliseconds"));
                    refused = (refused.0 + 1, took.max(refused.1));
                    unknown += usize::from(outcome == "unknown");
                }
                ["failed", _] => unanswered += 1,
                _ => {}
            }
        }
        Self { events, refused, unknown, unanswered, asked }
    }

    /// Compares it with the database, key by key.
    ///
    /// # Errors
    /// One line that says how many are lost, doubled, made up, or do not count where they should.
    pub async fn compare(&self, stored: &Stored, program: &TestProgram) -> Result<String, String> {
        let rows = stored.leads(program.id.get()).await;
        let (mut found, mut first) = (BTreeMap::<Uuid, Vec<String>>::new(), BTreeMap::<String, Uuid>::new());
        for (key, event) in rows {
            let key = key.unwrap_or_default();
            // Of leads that are all a server's the first received counts, and event ids sort by time.
            first.entry(key.clone()).and_modify(|first| *first = event.min(*first)).or_insert(event);
            found.entry(event).or_default().push(key);
        }
        let is_lost = |event: &Uuid, key: &String| !found.get(event).is_some_and(|keys| keys.contains(key));
        let lost = self.events.iter().filter(|(event, key)| is_lost(event, key)).count();
        let doubled = found.values().filter(|keys| keys.len() > 1).count();
        let made_up = found.values().flatten().filter(|key| !self.asked.contains(*key)).count();
        let counted = stored.counted(program.id.get()).await;
        let counted: BTreeMap<String, Uuid> =
            counted.into_iter().map(|(key, event)| (key.unwrap_or_default(), event)).collect();
        let (ledger, events, dead) =
            (stored.events_in_ledger().await, stored.events().await, stored.dead_letters().await);
        let line = format!(
            "accepted {} stored {} customers {} lost {lost} doubled {doubled} made_up {made_up} dead {dead} ledger {ledger} of {events}",
            self.events.len(),
            found.len(),
            counted.len(),
        );
        let is_good = lost == 0 && doubled == 0 && made_up == 0 && dead == 0 && ledger == events && counted == first;
        if is_good { Ok(line) } else { Err(line) }
    }
}
