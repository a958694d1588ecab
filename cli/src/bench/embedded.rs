//! How many leads a second `affitor up` accepts by itself, on SQLite, storing them meanwhile.

use super::contender::{Contender, compete};
use super::place::Place;
use super::plan::Plan;
use super::report::{Goal, Report};
use super::roles::Role;
use super::words::say;
use crate::failure::Failure;

/// The pipeline in one process; beside `ingest` on RabbitMQ if there is one.
///
/// # Errors
/// A turn failed.
pub(super) async fn run(plan: &Plan, place: &Place, report: &mut Report) -> Result<(), Failure> {
    say("accept in one process");
    let up = Contender::start(place, Role::Up, plan.connections).await?;
    if place.servers.is_none() {
        let [up] = compete(plan, [up]).await?;
        report.add(up);
        return Ok(());
    }
    let ingest = Contender::start(place, Role::Ingest, plan.connections).await?;
    let [up, ingest] = compete(plan, [up, ingest]).await?;
    report.compare_rates(&up, &ingest, Goal::AtLeast(0.5));
    report.add(up);
    report.add(ingest);
    Ok(())
}
