//! End to end: how long after its acceptance a lead is committed, while half of what the machine carries comes steadily.

use super::both::prepare;
use super::drain::ground::Ground;
use super::load::{self, Rate, Since};
use super::pipeline::{Kind, Pipeline, leads};
use super::place::Place;
use super::plan::Plan;
use super::probe::{Probe, latency_of};
use super::report::{Goal, Report};
use super::round::{Measured, Turn, median};
use super::words::{cannot, say};
use crate::failure::Failure;
use std::time::{Duration, Instant};

const CLICKS: u64 = 500_000;
const QUICK_CLICKS: u64 = 100_000;
/// Commits of which the median is taken.
const COMMITS: usize = 300;
/// Long enough for a hundredth of the samples to be several.
const LEAST_TURN: Duration = Duration::from_secs(8);

/// Measures it.
///
/// # Errors
/// A turn failed, or something that was accepted is not stored.
pub(super) async fn run(plan: &Plan, place: &Place, report: &mut Report) -> Result<(), Failure> {
    let clicks = if plan.quick { QUICK_CLICKS } else { CLICKS };
    say(format_args!("lag: {clicks} clicks are stored first"));
    let (before, world) = prepare(place, clicks).await?;
    let mut measured = Measured::new("accepted to committed, half load");
    let (mut commits, mut ratios) = (Vec::new(), Vec::new());
    for round in 1..=plan.rounds {
        let ground = before.copied_to("turn").await?;
        let commit = one_commit(&ground).await?;
        let pipeline = Pipeline::start(place, Kind::Product, ground).await?;
        let leads = leads(place, &world, clicks);
        let turn = turn(plan, pipeline, &leads, round).await?;
        if let Some(latency) = turn.latency {
            ratios.push(latency.p99.as_secs_f64() / commit.as_secs_f64());
        }
        commits.push(commit.as_secs_f64() * 1e3);
        measured.turns.push(turn);
    }
    let against = format!("one commit, {:.2} ms", median(commits));
    report.compare("p99 from accepted to committed", &against, median(ratios), Goal::AtMost(20.0));
    report.add(measured);
    before.drop().await
}

/// First the peak, then half of it, with a lead now and then whose way is followed.
async fn turn(plan: &Plan, mut pipeline: Pipeline<'_>, leads: &load::Leads, round: u32) -> Result<Turn, Failure> {
    let (target, watch) = (pipeline.target.clone(), pipeline.watch.clone());
    let peak = load::closed(&target, leads.renewed(), plan.connections, plan.warm_up(), watch.clone()).await?;
    let peak = peak.all_taken()?;
    let caught_up = pipeline.until_stored(peak.taken).await?;
    let per_second = peak.taken as f64 / (peak.took + caught_up).as_secs_f64() / 2.0;
    let duration = plan.turn.max(LEAST_TURN);
    say(format_args!("lag: round {round} of {}: {per_second:.0} leads/s for {} s", plan.rounds, duration.as_secs()));
    let rate = Rate { per_second, since: Since::Due };
    let mut probe = Probe::of_api(&pipeline, round).await?;
    let begun = Instant::now();
    let load = load::open(&target, leads.renewed(), plan.connections, rate, duration, watch);
    let (tally, lags) = tokio::try_join!(load, probe.run(|| begun.elapsed() < duration))?;
    let tally = tally.all_taken()?;
    pipeline.until_stored(peak.taken + tally.taken + lags.len() as u64).await?;
    pipeline.end().await?.drop().await?;
    Ok(Turn { latency: latency_of(lags), ..Turn::from(tally) })
}

/// The median of small transactions one after the other, while nothing else happens.
async fn one_commit(ground: &Ground<'_>) -> Result<Duration, Failure> {
    ground.execute("CREATE TABLE bench_commit (number bigint PRIMARY KEY)").await?;
    let mut connection = ground.connect().await?;
    let mut seconds = Vec::with_capacity(COMMITS);
    for number in 0..COMMITS {
        let begun = Instant::now();
        let insert = sqlx::query("INSERT INTO bench_commit VALUES ($1)").bind(number as i64);
        insert.execute(&mut connection).await.map_err(cannot("no commit"))?;
        seconds.push(begun.elapsed().as_secs_f64());
    }
    Ok(Duration::from_secs_f64(median(seconds)))
}
