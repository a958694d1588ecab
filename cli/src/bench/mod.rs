//! `affitor bench`: how many leads this machine carries, beside what it could carry at best and what is usual.
//!
//! Contenders take turns, and each part ends in ratios with their goals. Everything it needs it makes for itself (a
//! database, queues, a directory) and takes away again. Bounded in time; asks servers on this machine only.

mod accept;
mod both;
mod bulk;
mod child;
mod contender;
mod curve;
mod drain;
mod embedded;
mod growth;
mod lag;
mod load;
mod local_servers;
mod machine;
mod overload;
mod pipeline;
mod place;
mod plan;
mod probe;
mod report;
pub(crate) mod roles;
mod round;
mod scaling;
mod steady;
mod target;
mod words;

use crate::failure::Failure;
use crate::output;
use clap::{Args, ValueEnum};
use place::Place;
use plan::Plan;
use report::Report;
use runtime::config::Settings;
use runtime::lifecycle::stop_on_signals;
use runtime::secret::Secret;
use std::path::PathBuf;
use std::time::Duration;
use words::say;

/// `affitor bench …`
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// What is measured [default: all]
    #[arg(value_name = "PART")]
    parts: Vec<Part>,
    /// How often each contender has its turn; figures are medians
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// How long a turn lasts
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Connections of the load
    #[arg(long, value_name = "COUNT", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connections: u32,
    /// RabbitMQ on this machine. AFFITOR_QUEUE__AMQP_URL says the same without showing it in the list of processes
    #[arg(long, value_name = "URL")]
    amqp: Option<Secret>,
    /// PostgreSQL on this machine, as a role that may create databases. AFFITOR_STORE__DATABASE_URL says the same
    #[arg(long, value_name = "URL")]
    database: Option<Secret>,
    /// Settings file; AFFITOR_… variables win over it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One turn of a second each, to see that everything works; such figures mean nothing
    #[arg(long, conflicts_with_all = ["rounds", "seconds"])]
    quick: bool,
    /// A tenth of what growth stores first
    #[arg(long)]
    small: bool,
    #[command(flatten)]
    target: target::Options,
    /// Print JSON instead of tables
    #[arg(long)]
    json: bool,
}

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Leads accepted a second, beside the same handler without a queue, an echo, an INSERT and a message per request
    Accept,
    /// The latency of an answer at half of what can be accepted
    Steady,
    /// Leads accepted a second, many in a request
    Bulk,
    /// Leads accepted a second by `affitor up` alone, on SQLite; needs no servers
    Embedded,
    /// What becomes of five times as many requests as can be taken
    Overload,
    /// Waiting leads stored a second, beside COPY of the same rows and the usual worker
    Drain,
    /// Leads accepted and stored at the same time, beside the naive pipeline
    Both,
    /// How long after its acceptance a lead is committed, at half of what the machine carries
    Lag,
    /// What more lanes and more workers are worth
    Scaling,
    /// What age and size cost: ten million customers, a million links, five million waiting events, one customer or
    /// click for everybody. Takes half an hour and 10 GB
    Growth,
    /// Everything but growth
    All,
}

/// Runs the bench.
///
/// # Errors
/// [`Failure::Found`] when a baseline is not honest enough for the figures to mean anything; others when it cannot run.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let settings = arguments.settings()?;
    let plan = arguments.plan();
    if arguments.target.is_given() {
        return arguments.target.run(&plan, &settings, arguments.config.as_deref(), arguments.json).await;
    }
    if !plan.is_serious() {
        say("these figures will mean nothing: it is a quick run or a debug build");
    }
    machine::open_many_files();
    let stop = stop_on_signals().map_err(Failure::system("signals cannot be listened to"))?;
    let place = Place::prepare(&settings, arguments.config.as_deref()).await?;
    let mut report = Report::default();
    let measured = tokio::select! {
        measured = arguments.measure(&plan, &place, &mut report) => measured,
        () = stop.cancelled() => Err(Failure::Found("stopped; what was made is taken away".to_owned())),
    };
    // Before anything is said: whatever happened, nothing stays behind.
    place.clear().await?;
    measured?;
    output::print(&if arguments.json { report.json() } else { report.text() })?;
    if plan.is_serious() { report.verdict().map_err(Failure::Found) } else { Ok(()) }
}

impl Arguments {
    fn settings(&self) -> Result<Settings, Failure> {
        let mut settings = Settings::load(self.config.as_deref())?;
        if let Some(url) = &self.amqp {
            settings.queue.amqp_url.clone_from(url);
        }
        if let Some(url) = &self.database {
            settings.store.database_url.clone_from(url);
        }
        Ok(settings)
    }

    fn plan(&self) -> Plan {
        let (rounds, seconds) = if self.quick { (1, 1) } else { (self.rounds, self.seconds) };
        let (turn, connections) = (Duration::from_secs(seconds), self.connections as usize);
        Plan { rounds, turn, connections, quick: self.quick, small: self.small }
    }

    /// The parts that are wanted, in the order in which they are measured.
    fn chosen(&self, place: &Place) -> Vec<Part> {
        let everything = self.parts.is_empty() || self.parts.contains(&Part::All);
        if everything && place.servers.is_none() {
            say("no servers are named: only what needs none is measured");
            return vec![Part::Embedded];
        }
        // It takes longer and more room than all the others together.
        let by_all = |part: &Part| everything && (self.quick || *part != Part::Growth);
        let is_chosen = |part: &Part| by_all(part) || self.parts.contains(part);
        Part::value_variants().iter().copied().filter(is_chosen).collect()
    }

    async fn measure(&self, plan: &Plan, place: &Place, report: &mut Report) -> Result<(), Failure> {
        for part in self.chosen(place) {
            match part {
                Part::Accept => accept::run(plan, place, report).await?,
                Part::Steady => steady::run(plan, place, report).await?,
                Part::Bulk => bulk::run(plan, place, report).await?,
                Part::Embedded => embedded::run(plan, place, report).await?,
                Part::Overload => overload::run(plan, place, report).await?,
                Part::Drain => drain::run(plan, place, report).await?,
                Part::Both => both::run(plan, place, report).await?,
                Part::Lag => lag::run(plan, place, report).await?,
                Part::Scaling => scaling::run(plan, place, report).await?,
                Part::Growth => growth::run(plan, place, report).await?,
                Part::All => {}
            }
        }
        Ok(())
    }
}
