//! Both at once: leads accepted from many connections and stored at the same time, on this one machine.

use super::drain::ground::Ground;
use super::drain::stream::Stored;
use super::drain::world::World;
use super::load;
use super::pipeline::{Kind, Pipeline, leads};
use super::place::Place;
use super::plan::Plan;
use super::report::{Goal, Report};
use super::round::{Measured, Turn, median};
use super::words::say;
use crate::failure::Failure;
use std::time::Duration;

/// More than are accepted in a turn.
const CLICKS: u64 = 500_000;
const QUICK_CLICKS: u64 = 100_000;

/// Compares the product with the naive pipeline.
///
/// # Errors
/// A turn failed, or something that was accepted is not stored.
pub(super) async fn run(plan: &Plan, place: &Place, report: &mut Report) -> Result<(), Failure> {
    let clicks = if plan.quick { QUICK_CLICKS } else { CLICKS };
    say(format_args!("both at once: {clicks} clicks are stored first"));
    let (before, world) = prepare(place, clicks).await?;
    let mut product = Measured::new(format!("both at once {}", plan.connections));
    let mut naive = Measured::new(format!("naive pipeline {}", plan.connections));
    let mut backlogs = Vec::new();
    for round in 1..=plan.rounds {
        say(format_args!("both at once: round {round} of {}", plan.rounds));
        let (turn, backlog) = turn(plan, place, &before, &world, clicks, Kind::Product).await?;
        product.turns.push(turn);
        backlogs.push(backlog.as_secs_f64());
        naive.turns.push(self::turn(plan, place, &before, &world, clicks, Kind::Naive).await?.0);
    }
    report.compare_rates(&product, &naive, Goal::AtLeast(10.0));
    report.compare("seconds of backlog at the end", "both at once", median(backlogs), Goal::AtMost(1.0));
    report.add(product);
    report.add(naive);
    before.drop().await
}

/// A database with the bench's program and clicks for its leads.
///
/// # Errors
/// It cannot be made.
pub(super) async fn prepare(place: &Place, clicks: u64) -> Result<(Ground<'_>, World), Failure> {
    let before = Ground::empty(place.servers()?, "clicks").await?;
    let store = before.store().await?;
    let made = place.make_program(&store).await;
    store.close().await;
    made?;
    let world = World::of(place, 1);
    before.store_clicks(&world, clicks).await?;
    Ok((before, world))
}

/// What was stored by the time the load ended, and how long the rest took.
async fn turn(
    plan: &Plan,
    place: &Place,
    before: &Ground<'_>,
    world: &World,
    clicks: u64,
    kind: Kind,
) -> Result<(Turn, Duration), Failure> {
    let base = before.stored().await?;
    let mut pipeline = Pipeline::start(place, kind, before.copied_to("turn").await?).await?;
    let leads = leads(place, world, clicks).renewed();
    let watch = pipeline.watch.clone();
    let tally = load::closed(&pipeline.target, leads, plan.connections, plan.turn, watch).await?.all_taken()?;
    let stored = pipeline.stored().await?;
    let backlog = match kind {
        Kind::Product => pipeline.until_stored(tally.taken).await?,
        // Its backlog takes as long as the turn: it would only cost time.
        Kind::Naive => Duration::ZERO,
    };
    let ground = pipeline.end().await?;
    if kind == Kind::Product {
        ground.check(&base, &Stored::of_new_customers(tally.taken)).await?;
    }
    ground.drop().await?;
    Ok((Turn { leads: stored, ..Turn::from(tally) }, backlog))
}
