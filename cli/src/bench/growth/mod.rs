//! What age and size cost: many customers, many programs, one customer or click that everybody names, a long queue.
//!
//! Each is measured against the small case, in turns. What has to be there first is made by statements of the bench's own,
//! in numbers that no drain could make in the time.

mod customers;
mod embedded;
mod hot;
mod old_rows;
mod programs;
mod waiting;

use super::place::Place;
use super::plan::Plan;
use super::report::Report;
use crate::failure::Failure;

/// How much is there first.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    customers: u64,
    programs: u64,
    links: u64,
    /// Leads on one customer, and on one click.
    hot: u64,
    waiting: u64,
    /// Leads of a turn.
    leads: u64,
}

impl Sizes {
    fn of(plan: &Plan) -> Self {
        let full = Sizes {
            customers: 10_000_000,
            programs: 100_000,
            links: 1_000_000,
            hot: 100_000,
            waiting: 5_000_000,
            leads: 150_000,
        };
        let by = |part: u64| Sizes {
            customers: full.customers / part,
            programs: full.programs / part,
            links: full.links / part,
            waiting: full.waiting / part,
            ..full
        };
        match (plan.quick, plan.small) {
            (true, _) => Sizes { hot: 3_000, leads: 5_000, ..by(200) },
            (false, true) => by(10),
            (false, false) => full,
        }
    }
}

/// Measures all of it.
///
/// # Errors
/// It cannot be measured, or something else was stored than was sent.
pub(super) async fn run(plan: &Plan, place: &Place, report: &mut Report) -> Result<(), Failure> {
    let sizes = Sizes::of(plan);
    hot::run(plan, place, sizes, report).await?;
    programs::run(plan, place, sizes, report).await?;
    waiting::run(place, sizes, report).await?;
    embedded::run(place, sizes, report).await?;
    customers::run(plan, place, sizes, report).await
}
