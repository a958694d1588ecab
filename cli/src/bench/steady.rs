//! How long a lead waits for its answer when nothing is short: at half of what `ingest` can take.

use super::contender::Contender;
use super::place::{BenchServers, Place};
use super::plan::Plan;
use super::report::{Goal, Report};
use super::roles::Role;
use super::round::{Measured, Turn, median};
use super::words::{cannot, say};
use crate::failure::Failure;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection};
use std::time::Instant;

/// Turns that find the peak.
const PEAK_TURNS: usize = 3;
/// Confirms that are awaited one after the other, each round.
const CONFIRMS: usize = 300;
/// As many bytes as a pack of a few leads.
const MESSAGE: [u8; 2_048] = [b'x'; 2_048];
const PERSISTENT: u8 = 2;

/// One broker connection with a quorum queue, for confirms by themselves.
struct Broker {
    connection: Connection,
    channel: Channel,
    queue: String,
}

/// Steady turns beside single confirms.
///
/// # Errors
/// A turn failed.
pub(super) async fn run(plan: &Plan, place: &Place, report: &mut Report) -> Result<(), Failure> {
    say("latency at half of the peak");
    let mut ingest = Contender::start(place, Role::Ingest, plan.connections).await?;
    let mut peaks = Vec::new();
    ingest.turn(plan.warm_up()).await?;
    for _ in 0..PEAK_TURNS {
        peaks.push(ingest.turn(plan.turn).await?.rate());
    }
    let half = median(peaks) / 2.0;
    let broker = Broker::open(place.servers()?).await?;
    let mut confirms = Measured::new("single confirm");
    ingest.measured.name = format!("ingest at half of its peak {}", plan.connections);
    for round in 1..=plan.rounds {
        let confirm = broker.confirms().await.map_err(cannot("the broker does not confirm"))?;
        confirms.turns.push(confirm);
        let turn = ingest.steady_turn(half, plan.turn).await?;
        say(format_args!("round {round} of {}: {:.0} leads/s", plan.rounds, turn.rate()));
        ingest.measured.turns.push(turn);
    }
    broker.close().await?;
    let ingest = ingest.end().await?;
    if let (Some(lead), Some(confirm)) = (ingest.latency(), confirms.latency()) {
        let ratio = lead.p99.as_secs_f64() / confirm.median.as_secs_f64();
        report.compare("p99 of a lead at half of the peak", "median single confirm", ratio, Goal::AtMost(5.0));
    }
    report.add(confirms);
    report.add(ingest);
    Ok(())
}

impl Broker {
    async fn open(servers: &BenchServers) -> Result<Self, Failure> {
        let connection = servers.broker().await?;
        let queue = format!("{}.confirm", servers.prefix);
        let opened = async {
            let channel = connection.create_channel().await?;
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            let mut arguments = FieldTable::default();
            arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
            let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
            channel.queue_declare(queue.as_str().into(), durable, arguments).await?;
            Ok::<_, lapin::Error>(channel)
        };
        let channel = opened.await.map_err(cannot("no queue for single confirms"))?;
        Ok(Broker { connection, channel, queue })
    }

    /// How long confirms take that are awaited one after the other.
    async fn confirms(&self) -> lapin::Result<Turn> {
        let properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
        let (begun, mut latencies) = (Instant::now(), Vec::new());
        for _ in 0..CONFIRMS {
            let (options, sent) = (BasicPublishOptions::default(), Instant::now());
            let queue = self.queue.as_str().into();
            self.channel.basic_publish("".into(), queue, options, &MESSAGE, properties.clone()).await?.await?;
            latencies.push(sent.elapsed());
        }
        Ok(Turn::of(begun.elapsed(), latencies))
    }

    async fn close(self) -> Result<(), Failure> {
        let closed = async {
            self.channel.queue_delete(self.queue.as_str().into(), QueueDeleteOptions::default()).await?;
            self.connection.close(200, "done".into()).await
        };
        closed.await.map_err(cannot("the queue for single confirms is left behind"))
    }
}
