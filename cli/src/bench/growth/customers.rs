//! A drain with ten million customers stored, beside one with none.

use super::Sizes;
use super::old_rows::store_customers;
use crate::bench::drain::backlog::fill_with;
use crate::bench::drain::ground::Ground;
use crate::bench::drain::product::{Workers, drain};
use crate::bench::drain::stream::Mix;
use crate::bench::drain::world::World;
use crate::bench::place::Place;
use crate::bench::plan::Plan;
use crate::bench::report::{Goal, Report};
use crate::bench::round::{Measured, Turn};
use crate::bench::words::say;
use crate::failure::Failure;

/// Clicks that are stored before the leads that name them, besides as many as there are leads.
const MORE_CLICKS: u64 = 100_000;

pub(super) async fn run(plan: &Plan, place: &Place, sizes: Sizes, report: &mut Report) -> Result<(), Failure> {
    let few = Ground::empty(place.servers()?, "young").await?;
    let many = Ground::empty(place.servers()?, "old").await?;
    say(format_args!("growth: {} customers are stored first", sizes.customers));
    store_customers(&many, sizes.customers).await?;
    let mut young = Measured::new("drain, no customers stored");
    let mut old = Measured::new(format!("drain, {} customers stored", sizes.customers));
    for round in 1..=plan.rounds {
        say(format_args!("growth, customers: round {round} of {}", plan.rounds));
        few.execute("TRUNCATE clicks, waiters, customers, leads").await?;
        young.turns.push(turn(place, &few, sizes.leads, round, &mut young.peak_mib).await?);
        old.turns.push(turn(place, &many, sizes.leads, round, &mut old.peak_mib).await?);
    }
    report.compare_rates(&old, &young, Goal::AtLeast(0.7));
    report.add(young);
    report.add(old);
    few.drop().await?;
    many.drop().await
}

/// New customers with new clicks in each round.
async fn turn(
    place: &Place,
    ground: &Ground<'_>,
    leads: u64,
    round: u32,
    peak: &mut Option<f64>,
) -> Result<Turn, Failure> {
    let world = World::of(place, u64::from(round));
    let mix = Mix { leads, stored_clicks: leads + MORE_CLICKS, ..Mix::PLAIN };
    ground.store_clicks(&world, mix.stored_clicks).await?;
    let before = ground.stored().await?;
    let sent = fill_with(place, &world, &mix).await?;
    let turn = drain(place, ground, Workers::ONE, (sent.events, sent.leads), peak).await?;
    ground.check(&before, &sent).await?;
    Ok(turn)
}
