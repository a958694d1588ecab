//! How many leads are accepted a second when they come many in a request.

use super::contender::{Contender, compete};
use super::place::Place;
use super::plan::Plan;
use super::report::{Goal, Report};
use super::roles::Role;
use super::words::say;
use crate::failure::Failure;

/// Whoever sends in bulk needs few; more leads than fit into the buffer would be refused.
const CONNECTIONS: usize = 16;

/// Bulk requests beside single ones.
///
/// # Errors
/// A turn failed.
pub(super) async fn run(plan: &Plan, place: &Place, report: &mut Report) -> Result<(), Failure> {
    say("accept in bulk");
    let single = Contender::start(place, Role::Ingest, plan.connections).await?;
    let bulk = Contender::start(place, Role::Ingest, CONNECTIONS).await?.in_bulk();
    let [single, bulk] = compete(plan, [single, bulk]).await?;
    report.compare_rates(&bulk, &single, Goal::AtLeast(5.0));
    report.add(single);
    report.add(bulk);
    Ok(())
}
