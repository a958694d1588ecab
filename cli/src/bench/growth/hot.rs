//! Everybody names the same: a hundred thousand leads on one customer, and as many customers on one click that comes last.
//!
//! The leads come steadily, and other programs' leads between them. Neither may a transaction become long, nor may the
//! others wait much longer than beside as many ordinary leads.

use super::Sizes;
use crate::bench::drain::backlog::{Run, ready};
use crate::bench::drain::ground::Ground;
use crate::bench::drain::product::{Workers, until_processed};
use crate::bench::drain::stream::Stored;
use crate::bench::drain::world::World;
use crate::bench::load::Latency;
use crate::bench::place::Place;
use crate::bench::plan::Plan;
use crate::bench::probe::{Probe, latency_of};
use crate::bench::report::{Goal, Report};
use crate::bench::round::median;
use crate::bench::words::{cannot, say};
use crate::failure::Failure;
use domain::ClickId;
use domain::event::{Event, Source};
use queue::Queue;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval, sleep};

/// Leads a second, in packs as `ingest` makes them at such a rate.
const PER_SECOND: u64 = 10_000;
const PACKS_PER_SECOND: u64 = 100;
const LOOK: Duration = Duration::from_millis(10);
/// No transaction of a worker may take longer, whatever comes.
const LONGEST_SECONDS: f64 = 1.0;

/// The age of the oldest transaction of the product that is open in this database.
const OLDEST: &str = "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float8
FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'affitor' AND state <> 'idle'";

/// What all the leads name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hot {
    /// Nothing in common.
    Nothing,
    /// One customer.
    Customer,
    /// One click, which comes after them.
    Click,
}

/// What was seen while the leads were stored.
struct Seen {
    others: Option<Latency>,
    longest_seconds: f64,
}

pub(super) async fn run(plan: &Plan, place: &Place, sizes: Sizes, report: &mut Report) -> Result<(), Failure> {
    let mut seen: [(Hot, Vec<f64>, Vec<f64>); 3] =
        [Hot::Nothing, Hot::Customer, Hot::Click].map(|hot| (hot, Vec::new(), Vec::new()));
    for round in 1..=plan.rounds {
        say(format_args!("growth, one customer and one click for all: round {round} of {}", plan.rounds));
        for (hot, p99s, longest) in &mut seen {
            let found = turn(place, *hot, sizes.hot, u64::from(round)).await?;
            p99s.extend(found.others.map(|latency| latency.p99.as_secs_f64()));
            longest.push(found.longest_seconds);
        }
    }
    let [calm, customer, click] = seen.map(|(_, p99s, longest)| (median(p99s), median(longest)));
    let against = format!("ordinary leads, {:.1} ms", calm.0 * 1e3);
    for (name, (p99, longest)) in [("one customer", customer), ("one click", click)] {
        let of = format!("{} leads on {name}", sizes.hot);
        report.compare(&format!("{of}: p99 of others' lag"), &against, p99 / calm.0, Goal::AtMost(2.0));
        report.compare(&format!("{of}: longest transaction, s"), "", longest, Goal::AtMost(LONGEST_SECONDS));
    }
    report.compare("ordinary leads: longest transaction, s", "", calm.1, Goal::AtMost(LONGEST_SECONDS));
    Ok(())
}

async fn turn(place: &Place, hot: Hot, leads: u64, round: u64) -> Result<Seen, Failure> {
    let ground = Ground::empty(place.servers()?, "hot").await?;
    let queue = place.servers()?.queue().await?;
    ready(&queue).await?;
    let workers = Workers::ONE.start(place, &ground).await?;
    let (world, done) = (World::of(place, round), AtomicBool::new(false));
    let click = world.old_click(1, 1);
    let mut probe = Probe::of_queue(&queue, place, &ground, round).await?;
    let stream = async {
        let streamed = stream(&queue, &ground, &world, hot, click, leads).await;
        done.store(true, Ordering::Relaxed);
        streamed
    };
    let (sent, lags, longest_seconds) =
        tokio::try_join!(stream, probe.run(|| !done.load(Ordering::Relaxed)), oldest(&ground, &done))?;
    for worker in workers {
        worker.stop().await?;
    }
    queue.close().await;
    let probes = Stored { attributed: 0, ..Stored::of_new_customers(lags.len() as u64) };
    ground.check(&Stored::default(), &sent.and(&probes)).await?;
    ground.drop().await?;
    Ok(Seen { others: latency_of(lags), longest_seconds })
}

/// Sends the leads, and the click after them; returns what must be stored once it is.
async fn stream(
    queue: &Queue,
    ground: &Ground<'_>,
    world: &World,
    hot: Hot,
    click: ClickId,
    leads: u64,
) -> Result<Stored, Failure> {
    let mut connection = ground.connect().await?;
    let mut run = Run::on(queue);
    let mut ticks = interval(Duration::from_secs(1) / PACKS_PER_SECOND as u32);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let each = PER_SECOND / PACKS_PER_SECOND;
    for first in (0..leads).step_by(each as usize) {
        ticks.tick().await;
        let pack: Result<Vec<Event>, _> = (first..(first + each).min(leads))
            .map(|number| match hot {
                Hot::Nothing => world.lead(number, number, None, Source::Server),
                Hot::Customer => world.lead(number, 0, None, Source::Server),
                Hot::Click => world.lead(number, number, Some(click), Source::Server),
            })
            .collect();
        run.publish(&pack.map_err(cannot("a lead cannot be made"))?).await?;
    }
    let mut sent = Stored { events: leads, leads, customers: leads, attributed: 0, clicks: 0 };
    match hot {
        Hot::Nothing => {}
        Hot::Customer => sent.customers = 1,
        Hot::Click => {
            run.publish(&[world.click(click)]).await?;
            sent = Stored { events: leads + 1, attributed: leads, clicks: 1, ..sent };
        }
    }
    // Other leads are counted too, so it may be a moment early: what is stored is checked later.
    until_processed(&mut connection, sent.events, sent.events).await?;
    Ok(sent)
}

/// The longest that a transaction of the worker was open until it is done.
async fn oldest(ground: &Ground<'_>, done: &AtomicBool) -> Result<f64, Failure> {
    let mut connection = ground.connect().await?;
    let mut longest: f64 = 0.0;
    while !done.load(Ordering::Relaxed) {
        let age: f64 =
            sqlx::query_scalar(OLDEST).fetch_one(&mut connection).await.map_err(cannot("no transactions are shown"))?;
        longest = longest.max(age);
        sleep(LOOK).await;
    }
    Ok(longest)
}
