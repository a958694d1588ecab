//! What more lanes and more worker processes are worth on this machine, with everything stored right at each point.

use super::curve::Curve;
use super::drain::Stage;
use super::drain::product::Workers;
use super::drain::stream::Mix;
use super::place::Place;
use super::plan::Plan;
use super::report::Report;
use super::round::Measured;
use super::words::say;
use crate::failure::Failure;

const STEPS: [usize; 4] = [1, 2, 4, 8];

/// Drains the same leads at each point and compares what is stored with what was sent.
///
/// # Errors
/// It cannot be measured, or something else was stored.
pub(super) async fn run(plan: &Plan, place: &Place, report: &mut Report) -> Result<(), Failure> {
    let (leads, clicks) = if plan.quick { (10_000, 120_000) } else { (150_000, 300_000) };
    say(format_args!("scaling: {clicks} clicks are stored first"));
    let stage = Stage::prepare(place, leads, clicks).await?;
    let lanes =
        STEPS.map(|lanes| (format!("{lanes} lanes"), Workers { processes: 1, lanes: u32::try_from(lanes).ok() }));
    let processes = STEPS.map(|processes| (format!("{processes} processes"), Workers { processes, lanes: None }));
    let points: Vec<(String, Workers)> = lanes.into_iter().chain(processes).collect();
    let mut measured: Vec<Measured> = points.iter().map(|(name, _)| Measured::new(format!("drain, {name}"))).collect();
    for round in 1..=plan.rounds {
        say(format_args!("scaling: round {round} of {}", plan.rounds));
        for ((_, workers), measured) in points.iter().zip(&mut measured) {
            let (turn, ground) = stage.product(Mix::PLAIN, *workers, &mut measured.peak_mib).await?;
            ground.drop().await?;
            measured.turns.push(turn);
        }
    }
    stage.end().await?;
    for (title, from) in [("leads/s by lanes of one worker", 0), ("leads/s by workers", STEPS.len())] {
        let mut curve = Curve::new(title);
        for place in from..from + STEPS.len() {
            curve.point(points[place].0.as_str(), measured[place].rate()[0]);
        }
        report.draw(curve);
    }
    measured.into_iter().for_each(|measured| report.add(measured));
    Ok(())
}
