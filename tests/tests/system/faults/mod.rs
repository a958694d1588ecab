//! Servers that end, refuse and forget while leads are accepted and stored: what clients were told is compared with the
//! database, and each fault prints one line of figures.
//!
//! Each test breaks a server of its own. `AFFITOR_TEST_LEADS` says how many leads; 50,000 shows more.

mod broker;
mod broker_alone;
mod database;
mod holding;
mod policies;
mod proxies;
mod readiness;
mod redelivery;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use reqwest::Method;
use tests::{Answer, Client, Load, Pipeline, Process, Stored, TestProgram, VISIBLE, eventually};

const CONNECTIONS: usize = 32;
/// Between two leads of a connection, so that a fault of seconds falls into the load.
const PACE: Duration = Duration::from_millis(20);
/// The longest that a client waits for a lead that cannot be made durable.
const ANSWER: Duration = Duration::from_secs(6);
/// "Within a second", and what a busy machine adds.
const A_SECOND: Duration = Duration::from_secs(2);
/// Of each process, in MiB.
const MEMORY: u64 = 256;

/// A pipeline under load.
struct Scene {
    pipeline: Pipeline,
    program: TestProgram,
    client: Client,
    ingest: Process,
    worker: Process,
    load: Load,
    stored: Stored,
}

impl Scene {
    async fn start(pipeline: Pipeline) -> Self {
        Self::start_with(pipeline, &[], &[]).await
    }

    /// With settings of the programs' own.
    async fn start_with(pipeline: Pipeline, ingest: &[(&str, &str)], worker: &[(&str, &str)]) -> Self {
        let (program, client) = (pipeline.program().await, Client::of(&pipeline));
        let ingest = pipeline.start_with("ingest", ingest).await;
        let worker = pipeline.start_with("worker", worker).await;
        let (load, stored) = (load(pipeline.directory.path()), pipeline.stored().await);
        Self { pipeline, program, client, ingest, worker, load, stored }
    }

    /// Runs the load and, beside it, what is done to the servers. The load lasts at least as long.
    async fn under_load<T>(&self, nemesis: impl Future<Output = T>) -> T {
        self.load.goes_on(true);
        let nemesis = async {
            let done = nemesis.await;
            self.load.goes_on(false);
            done
        };
        tokio::join!(self.load.run(&self.client, &self.program), nemesis).1
    }

    /// Waits until so many of a hundred leads have been begun.
    async fn begun(&self, percent: usize) {
        let wanted = self.load.leads() * percent / 100;
        eventually(VISIBLE * 3, async || {
            let begun = self.load.begun();
            if begun >= wanted { Ok(()) } else { Err(format!("{begun} of {wanted} leads begun")) }
        })
        .await;
    }

    /// Waits until a part is ready, or not for a reason that contains `text`.
    async fn readiness(&self, binary: &str, patience: Duration, text: Option<&str>) {
        let base = self.pipeline.metrics(binary);
        let client = Client::at(&base, &base);
        eventually(patience, async || {
            let answer = Answer::to(client.request(Method::GET, "/readyz")).await;
            let reasons = answer.json()["reasons"].to_string();
            let as_wanted = match text {
                None => answer.status == 200,
                Some(text) => answer.status == 503 && reasons.contains(text),
            };
            if as_wanted { Ok(()) } else { Err(format!("{answer:?}")) }
        })
        .await;
    }

    /// Waits until more leads are refused.
    async fn refuses(&self, more: usize) {
        let before = self.load.refused_so_far();
        eventually(VISIBLE, async || {
            let refused = self.load.refused_so_far() - before;
            if refused >= more { Ok(()) } else { Err(format!("{refused} of {more} refused")) }
        })
        .await;
    }

    /// Waits until another lead is accepted; how long that took.
    async fn accepts(&self) -> Duration {
        let (before, began) = (self.load.accepted_so_far(), Instant::now());
        eventually(VISIBLE, async || {
            let seen = || format!("still {before} accepted; {}", self.ingest.output());
            if self.load.accepted_so_far() > before { Ok(()) } else { Err(seen()) }
        })
        .await;
        began.elapsed()
    }

    /// Waits until everything accepted so far is stored; how long that took. The load may go on.
    async fn drained(&self) -> Duration {
        let (accepted, began) = (self.load.accepted(), Instant::now());
        eventually(VISIBLE, async || {
            let line = accepted.compare(&self.stored, &self.program).await.unwrap_or_else(|line| line);
            if figure(&line, "lost") == 0 { Ok(()) } else { Err(format!("{line}; {}", self.worker.output())) }
        })
        .await;
        began.elapsed()
    }

    /// Everything that was accepted is stored once, every other answer was an honest 503 in time, and no process took
    /// more memory than it may. Shows the figures.
    async fn is_whole(&self, fault: &str, recovered: Duration) {
        let accepted = self.load.accepted();
        assert_eq!(accepted.events.len(), self.load.begun(), "every lead was accepted in the end");
        let line = eventually(VISIBLE, || accepted.compare(&self.stored, &self.program)).await;
        let memory = self.memory();
        let (refused, slowest) = accepted.refused;
        println!(
            "{fault}: {line} refused {refused} slowest_refusal {slowest:.2?} unanswered {} recovered {recovered:.1?} \
             memory_mib {memory:?}",
            accepted.unanswered
        );
        assert_eq!(accepted.unanswered, 0);
        assert!(slowest < ANSWER, "{slowest:?}");
        assert!(memory.into_iter().all(|peak| peak <= MEMORY));
    }

    /// The value of one series of a part's metrics.
    async fn metric(&self, binary: &str, series: &str) -> u64 {
        let base = self.pipeline.metrics(binary);
        let text = Answer::to(Client::at(&base, &base).request(Method::GET, "/metrics")).await.body;
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {series} in\n{text}"))
    }

    /// The most that `ingest` and the worker have had, in MiB.
    fn memory(&self) -> [u64; 2] {
        [self.ingest.peak_memory(), self.worker.peak_memory()]
    }
}

fn load(directory: &Path) -> Load {
    Load::new(Load::usual(), CONNECTIONS, &directory.join("books")).paced(PACE)
}

/// What a line of figures says of that name.
fn figure(line: &str, name: &str) -> u64 {
    let mut words = line.split(' ').skip_while(|word| *word != name).skip(1);
    words.next().and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no {name} in {line}"))
}
