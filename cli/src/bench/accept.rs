//! How many leads are accepted a second: the real `ingest` beside its own handler, an echo and what is usual.

use super::contender::{Contender, compete};
use super::place::Place;
use super::plan::Plan;
use super::report::{Goal, Report};
use super::roles::Role;
use super::words::say;
use crate::failure::Failure;

/// What many connections are.
const MANY: usize = 1_000;

/// At the plan's number of connections, and at many.
///
/// # Errors
/// A turn failed.
pub(super) async fn run(plan: &Plan, place: &Place, report: &mut Report) -> Result<(), Failure> {
    say(format_args!("accept at {} connections", plan.connections));
    let start = async |role, connections| Contender::start(place, role, connections).await;
    let few = plan.connections;
    let contenders = [
        start(Role::Echo, few).await?,
        start(Role::Handler, few).await?,
        start(Role::Ingest, few).await?,
        start(Role::Insert, few).await?,
        start(Role::Message, few).await?,
    ];
    let [echo, handler, ingest, insert, message] = compete(plan, contenders).await?;
    let bare = handler.rate()[0] / echo.rate()[0];
    report.must_hold("the handler without a queue against the echo", bare, Goal::AtLeast(0.75));
    report.compare_rates(&ingest, &handler, Goal::AtLeast(0.75));
    report.compare_rates(&ingest, &echo, Goal::AtLeast(0.60));
    report.compare_rates(&ingest, &insert, Goal::AtLeast(8.0));
    report.compare_rates(&ingest, &message, Goal::AtLeast(3.0));
    if let (Some(own), Some(bare)) = (ingest.cpu_micros("ingest"), handler.cpu_micros("handler")) {
        report.compare("CPU of ingest per lead", &handler.name, own / bare, Goal::AtMost(1.25));
    }
    if let Some(peak) = ingest.peak_mib {
        report.compare("MiB of ingest", "-", peak, Goal::AtMost(32.0));
    }
    [echo, handler, ingest, insert, message].into_iter().for_each(|measured| report.add(measured));

    // On a machine that does other things too, many would wait too long for a build that is slow.
    let many = if plan.quick { 4 * few } else { MANY };
    say(format_args!("accept at {many} connections"));
    let contenders = [start(Role::Handler, many).await?, start(Role::Ingest, many).await?];
    let [handler, ingest] = compete(plan, contenders).await?;
    report.compare_rates(&ingest, &handler, Goal::AtLeast(0.85));
    [handler, ingest].into_iter().for_each(|measured| report.add(measured));
    Ok(())
}
