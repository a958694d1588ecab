//! What becomes of `ingest` when five times as much is offered as it can take.
//!
//! All of it comes from this machine, so offering costs CPU that `ingest` then lacks; goodput is what is left.

use super::contender::Contender;
use super::load::Since;
use super::place::Place;
use super::plan::Plan;
use super::report::{Goal, Report};
use super::roles::Role;
use super::round::{Measured, Turn, median};
use super::words::say;
use crate::failure::Failure;

/// Turns that find the peak.
const PEAK_TURNS: usize = 3;
const TIMES: f64 = 5.0;
/// More than wait for an answer at the peak, so that much can be offered at once.
const CONNECTIONS: usize = 2_000;

/// Offers too much, again and again.
///
/// # Errors
/// A request was answered with anything but a success or a 503, or an accepted lead is not in the queue.
pub(super) async fn run(plan: &Plan, place: &Place, report: &mut Report) -> Result<(), Failure> {
    say("overload");
    let mut ingest = Contender::start(place, Role::Ingest, plan.connections).await?;
    ingest.turn(plan.warm_up()).await?;
    let mut calm = Measured::new(format!("ingest at its peak {}", plan.connections));
    for _ in 0..PEAK_TURNS {
        calm.turns.push(ingest.turn(plan.turn).await?);
    }
    let peak = median(calm.turns.iter().map(Turn::rate).collect());
    ingest.connections = CONNECTIONS;
    ingest.measured.name = format!("ingest offered {TIMES} times its peak");
    let (mut refused, mut offered) = (Measured::new("the refused of these"), Vec::new());
    for round in 1..=plan.rounds {
        let tally = ingest.offer(peak * TIMES, plan.turn, Since::Sent).await?.none_failed()?;
        ingest.check(&tally).await?;
        offered.push(tally.offered());
        say(format_args!(
            "round {round} of {}: {:.0} requests/s came, {} refused",
            plan.rounds,
            tally.offered(),
            tally.refused
        ));
        refused.turns.extend(tally.refused_turn());
        ingest.measured.turns.push(tally.into());
    }
    let ingest = ingest.end().await?;
    report.compare("requests that came", "peak", median(offered) / peak, Goal::AtLeast(TIMES * 0.9));
    report.compare_rates(&ingest, &calm, Goal::AtLeast(0.9));
    if let (Some(flooded), Some(peak)) = (ingest.latency(), calm.latency()) {
        let ratio = flooded.p99.as_secs_f64() / peak.p99.as_secs_f64();
        report.compare("p99 of what is accepted", "p99 at the peak", ratio, Goal::AtMost(2.0));
    }
    if let Some(latency) = refused.latency() {
        report.compare("ms to a refusal (p99)", "-", latency.p99.as_secs_f64() * 1e3, Goal::AtMost(20.0));
    }
    if let Some(mib) = ingest.peak_mib {
        report.compare("MiB of ingest, flooded", "-", mib, Goal::AtMost(256.0));
    }
    // Where all wait their turn, nobody is refused.
    [calm, ingest, refused].into_iter().filter(Measured::has_turns).for_each(|measured| report.add(measured));
    Ok(())
}
