//! `affitor audit`: whether every accepted event is accounted for. Only asks; the rules are the store's.

use crate::failure::Failure;
use crate::output::{self, Column};
use crate::store_choice::StoreArguments;
use clap::Args;
use queue::{EmbeddedSettings, Queue};
use runtime::config::Settings;
use runtime::secret::Secret;
use serde_json::{Value, json};
use std::time::Duration;
use store::{Account, Counted, Gap, Store, StoreError, Verdict};
use worker::servers;

const GAP_COLUMNS: &[Column; 5] = &[
    ("run", "RUN"),
    ("first", "FROM PACK"),
    ("last", "TO PACK"),
    ("packs", "PACKS"),
    ("age_seconds", "MISSED FOR SECONDS"),
];
/// The most gaps that are named; all are counted.
const NAMED: usize = 100;

/// `affitor audit …`
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    store: StoreArguments,
    /// RabbitMQ, to ask what waits there. AFFITOR_QUEUE__AMQP_URL says the same without showing it in the list of
    /// processes
    #[arg(long, value_name = "URL")]
    amqp: Option<Secret>,
    /// Seconds that a pack may be late behind a later one of its run [default: `worker.ledger_grace_ms`, which is 60]
    #[arg(long, value_name = "SECONDS")]
    grace: Option<u64>,
}

/// Everything that was found out.
struct Audit {
    account: Account,
    /// `None` when the database would have taken too long.
    counted: Option<Counted>,
    /// Messages in all queues; `None` when no broker is named.
    queued: Option<u64>,
    grace: Duration,
}

/// Runs the command.
///
/// # Errors
/// [`Failure::Found`] when events are missing; others when it cannot be told.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let mut settings = arguments.store.settings()?;
    if let Some(url) = &arguments.amqp {
        settings.queue.amqp_url = url.clone();
    }
    let grace = arguments.grace.map_or(Duration::from_millis(settings.worker.ledger_grace_ms), Duration::from_secs);
    let store = arguments.store.open_as(&settings).await?;
    let audit = Audit::of(&store, &settings, grace).await;
    store.close().await;
    let audit = audit?;
    output::print(&audit.text(arguments.store.json))?;
    if audit.verdict() == Verdict::Imbalance { Err(Failure::Found(audit.sentence())) } else { Ok(()) }
}

impl Audit {
    /// The queues before the ledger and the ledger before the tables: what is on its way is then seen at least once.
    async fn of(store: &Store, settings: &Settings, grace: Duration) -> Result<Self, Failure> {
        let queued = queued(store, settings).await?;
        let account = store.ledger().await?;
        let counted = match store.count_events().await {
            Ok(counted) => Some(counted),
            Err(StoreError::Busy(_)) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Audit { account, counted, queued, grace })
    }

    /// Events that were processed and are in no table.
    fn gone(&self) -> u64 {
        self.counted.map_or(0, |counted| self.account.processed.saturating_sub(counted.total()))
    }

    fn missing(&self) -> Vec<&Gap> {
        self.account.missing(self.queued, self.grace).collect()
    }

    fn verdict(&self) -> Verdict {
        if self.gone() > 0 { Verdict::Imbalance } else { self.account.verdict(self.queued, self.grace) }
    }

    fn sentence(&self) -> String {
        if self.gone() > 0 {
            return format!("{} events were processed and are in no table: were rows deleted?", self.gone());
        }
        let (packs, events) = (self.missing().iter().map(|gap| gap.packs()).sum::<u64>(), self.account.waiting());
        match self.verdict() {
            Verdict::Imbalance => {
                let known = match self.queued {
                    None => "(no broker was asked)",
                    Some(0) => "and no queue holds them",
                    Some(_) => "long after later ones",
                };
                format!("{packs} packs with {events} events were accepted and have not arrived {known}")
            }
            Verdict::Waiting => "what is not stored yet is on its way".to_owned(),
            Verdict::Balanced => "every event that was accepted is accounted for".to_owned(),
        }
    }

    fn text(&self, json: bool) -> String {
        let (account, counted) = (&self.account, self.counted);
        let missing = self.missing();
        let packs: u64 = missing.iter().map(|gap| gap.packs()).sum();
        let mut members = vec![
            ("verdict", json!(self.verdict().name())),
            ("accepted", json!(account.accepted)),
            ("processed", json!(account.processed)),
            ("recorded", json!(counted.map(|counted| counted.recorded()))),
            ("duplicate", json!(counted.map(|counted| counted.duplicates()))),
            ("dead_lettered", json!(counted.map(|counted| counted.set_aside + account.set_aside))),
            ("discarded", json!(counted.map(|counted| counted.discarded))),
            ("forgotten_tests", json!(counted.map(|counted| counted.forgotten))),
            ("waiting_events", json!(account.waiting())),
            ("waiting_messages", json!(self.queued)),
            ("missing_packs", json!(packs)),
            ("runs", json!(account.runs)),
        ];
        let gaps = missing.iter().take(NAMED).map(|gap| record(gap));
        if json {
            let named = gaps.map(|gap| GAP_COLUMNS.iter().map(|(name, _)| *name).zip(gap).collect::<Value>());
            members.push(("missing", named.collect()));
            return output::sheet(true, members);
        }
        let mut text = output::sheet(false, members);
        if !missing.is_empty() {
            text += &format!("\n{}", output::all(false, GAP_COLUMNS, gaps, ""));
        }
        if self.verdict() != Verdict::Imbalance {
            text += &format!("\n{}.\n", self.sentence());
        }
        text
    }
}

fn record(gap: &Gap) -> [Value; 5] {
    let run = json!(gap.run.to_string());
    [run, json!(gap.first), json!(gap.last), json!(gap.packs()), json!(gap.age.as_secs())]
}

/// What waits in the queues of that pipeline.
async fn queued(store: &Store, settings: &Settings) -> Result<Option<u64>, Failure> {
    let queue = match store.sqlite_writer() {
        // Another process may work on it meanwhile: this one only counts.
        Some(writer) => Queue::embedded(writer, EmbeddedSettings::default()).await?,
        None if settings.queue.amqp_url.is_empty() => return Ok(None),
        None => Queue::rabbitmq(servers::rabbitmq(settings)).await?,
    };
    let depth = queue.depth_of_all().await;
    queue.close().await;
    depth.map(Some).map_err(|error| Failure::Found(error.to_string()))
}
