//! Accepting with a hundred thousand programs and a million links known, beside one of each.

use super::Sizes;
use super::old_rows::store_programs;
use crate::bench::child::Child;
use crate::bench::contender::in_packs;
use crate::bench::drain::ground::Ground;
use crate::bench::load::{self, Leads, Target};
use crate::bench::machine::Watch;
use crate::bench::place::Place;
use crate::bench::plan::Plan;
use crate::bench::report::{Goal, Report};
use crate::bench::roles::Role;
use crate::bench::round::{Measured, Turn};
use crate::bench::words::say;
use crate::failure::Failure;
use std::time::{Duration, Instant};

/// An `ingest` on a database of its own.
struct Known<'a> {
    ground: Ground<'a>,
    child: Child,
    start: Duration,
    measured: Measured,
}

impl<'a> Known<'a> {
    async fn start(place: &'a Place, name: &str, programs: u64, links: u64) -> Result<Self, Failure> {
        let ground = Ground::empty(place.servers()?, name).await?;
        let store = ground.store().await?;
        let made = place.make_program(&store).await;
        store.close().await;
        made?;
        store_programs(&ground, programs, links).await?;
        let mut environment = place.environment();
        environment.push(ground.environment());
        let state = place.directory.path().join(format!("{name}-state"));
        environment.push(("AFFITOR_INGEST__STATE_DIR".to_owned(), state.display().to_string()));
        let begun = Instant::now();
        let child = Child::start(Role::Ingest, environment).await?;
        let (start, measured) = (begun.elapsed(), Measured::new(format!("ingest, {programs} programs")));
        Ok(Known { ground, child, start, measured })
    }

    async fn turn(&self, plan: &Plan, place: &Place, duration: Duration) -> Result<Turn, Failure> {
        let watch = Watch::default().and("ingest", self.child.process);
        let (target, leads) = (Target::at(self.child.address), Leads::single(place).renewed());
        let tally = load::closed(&target, leads, plan.connections, duration, watch).await?.all_taken()?;
        let found = in_packs(place.servers()?, tally.taken).await?;
        if found == tally.taken {
            Ok(tally.into())
        } else {
            Err(Failure::Found(format!("{} leads were taken and {found} are in the queue", tally.taken)))
        }
    }

    async fn end(mut self) -> Result<(Measured, Duration), Failure> {
        self.measured.peak_mib = self.child.process.peak_mib();
        self.child.stop().await?;
        self.ground.drop().await?;
        Ok((self.measured, self.start))
    }
}

pub(super) async fn run(plan: &Plan, place: &Place, sizes: Sizes, report: &mut Report) -> Result<(), Failure> {
    say(format_args!("growth: {} programs with {} links are made first", sizes.programs, sizes.links));
    let mut known =
        [Known::start(place, "one", 1, 1).await?, Known::start(place, "many", sizes.programs, sizes.links).await?];
    for known in &known {
        known.turn(plan, place, plan.warm_up()).await?;
    }
    for round in 1..=plan.rounds {
        say(format_args!("growth, programs: round {round} of {}", plan.rounds));
        for known in &mut known {
            let turn = known.turn(plan, place, plan.turn).await?;
            known.measured.turns.push(turn);
        }
    }
    let [one, many] = known;
    let ((one, start_with_one), (many, start_with_many)) = (one.end().await?, many.end().await?);
    report.compare_rates(&many, &one, Goal::AtLeast(0.9));
    let longer = start_with_many.as_secs_f64() - start_with_one.as_secs_f64();
    report.compare("seconds more from start to ready", &one.name, longer, Goal::AtMost(1.0));
    if let Some(mib) = many.peak_mib {
        report.compare("most MiB of ingest", &many.name, mib, Goal::AtMost(256.0));
    }
    report.add(one);
    report.add(many);
    Ok(())
}
