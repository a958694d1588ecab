//! Drain: how fast waiting leads are stored, beside the limit (COPY of the same rows) and the usual worker.
//!
//! The leads wait in the form in which `ingest` sends them, the tables are the real ones, the worker is a process with its
//! default settings. Each turn begins with a copy of the same database.

pub(super) mod backlog;
mod copy;
pub(super) mod ground;
pub(super) mod product;
pub(super) mod stream;
pub(super) mod textbook;
pub(super) mod world;

use super::machine::Watch;
use super::place::Place;
use super::plan::Plan;
use super::report::{Goal, Report};
use super::round::{Measured, Turn};
use super::words::{cannot, say};
use crate::failure::Failure;
use copy::Rows;
use ground::Ground;
use product::Workers;
use stream::{Mix, Named, Stored};
use world::World;

/// The textbook worker's lanes, and how many leads it is given for each lead of the product.
const TEXTBOOK: [(u32, &str, u64); 2] = [(1, "textbook worker, 1 lane", 60), (8, "textbook worker, 8 lanes", 15)];

/// A drain of the product and what it is compared with.
struct Case {
    name: &'static str,
    mix: Mix,
    /// At least so much of the rate of COPY, of the rows of the case with that place.
    goal: f64,
    copy_of: usize,
}

const CASES: [Case; 6] = [
    Case { name: "drain, newest clicks", mix: Mix::PLAIN, goal: 0.65, copy_of: 0 },
    Case { name: "drain, clicks anywhere", mix: Mix { named: Named::Anywhere, ..Mix::PLAIN }, goal: 0.55, copy_of: 1 },
    Case { name: "drain, 5 % sent twice", mix: Mix { duplicates: 5, ..Mix::PLAIN }, goal: 0.5, copy_of: 0 },
    Case { name: "drain, 20 % sent twice", mix: Mix { duplicates: 20, ..Mix::PLAIN }, goal: 0.4, copy_of: 0 },
    Case { name: "drain, 50 % sent twice", mix: Mix { duplicates: 50, ..Mix::PLAIN }, goal: 0.35, copy_of: 0 },
    Case { name: "drain, 10 % before their click", mix: Mix { late: 10, ..Mix::PLAIN }, goal: 0.45, copy_of: 0 },
];
/// Of what the cases are compared with, one name each.
const COPIES: [&str; 2] = ["COPY, newest clicks", "COPY, clicks anywhere"];

/// Measures all cases.
///
/// # Errors
/// It cannot be measured, or a drain stored something else than was sent.
pub(super) async fn run(plan: &Plan, place: &Place, report: &mut Report) -> Result<(), Failure> {
    let (leads, clicks) = if plan.quick { (20_000, 150_000) } else { (300_000, 1_000_000) };
    say(format!("drain: {clicks} clicks are stored first"));
    let stage = Stage::prepare(place, leads, clicks).await?;
    let mut rows = Vec::new();
    for case in &CASES[..COPIES.len()] {
        let (_, ground) = stage.product(case.mix, Workers::ONE, &mut None).await?;
        rows.push(Rows::of("customers", &mut ground.connect().await?).await?);
        ground.drop().await?;
    }
    let mut copies = COPIES.map(Measured::new);
    let mut cases = CASES.each_ref().map(|case| Measured::new(case.name));
    let mut textbooks = TEXTBOOK.map(|(_, name, _)| Measured::new(name));
    for round in 1..=plan.rounds {
        say(format!("drain: round {round} of {}", plan.rounds));
        for (rows, measured) in rows.iter().zip(&mut copies) {
            measured.turns.push(stage.copy(rows).await?);
        }
        for (case, measured) in CASES.iter().zip(&mut cases) {
            let (turn, ground) = stage.product(case.mix, Workers::ONE, &mut measured.peak_mib).await?;
            measured.turns.push(turn);
            ground.drop().await?;
        }
        for ((lanes, _, fewer), measured) in TEXTBOOK.iter().zip(&mut textbooks) {
            measured.turns.push(stage.textbook(*lanes, leads / fewer).await?);
        }
    }
    stage.end().await?;
    judge(report, &copies, &cases, &textbooks);
    let all = copies.into_iter().chain(cases).chain(textbooks);
    all.for_each(|measured| report.add(measured));
    Ok(())
}

fn judge(report: &mut Report, copies: &[Measured], cases: &[Measured], [one, eight]: &[Measured; 2]) {
    for (case, measured) in CASES.iter().zip(cases) {
        report.compare_rates(measured, &copies[case.copy_of], Goal::AtLeast(case.goal));
    }
    report.compare_rates(&cases[0], one, Goal::AtLeast(60.0));
    report.compare_rates(&cases[0], eight, Goal::AtLeast(18.0));
    if let Some(micros) = cases[0].cpu_micros("worker") {
        report.compare("CPU us per lead of worker", "", micros, Goal::AtMost(2.0));
    }
    if let Some(mib) = cases[0].peak_mib {
        report.compare("most MiB of worker", "", mib, Goal::AtMost(48.0));
    }
    let of_one = copies[0].rate()[0] / one.rate()[0];
    report.must_hold("COPY against the textbook worker with one lane", of_one, Goal::AtLeast(100.0));
    report.must_hold("leads/s of the textbook worker with eight lanes", eight.rate()[0], Goal::AtLeast(1_500.0));
}

/// What all turns begin with.
pub(super) struct Stage<'a> {
    place: &'a Place,
    before: Ground<'a>,
    base: Stored,
    world: World,
    leads: u64,
    clicks: u64,
}

impl<'a> Stage<'a> {
    /// Stores so many clicks; each drain will be of so many leads.
    ///
    /// # Errors
    /// The database refuses.
    pub(super) async fn prepare(place: &'a Place, leads: u64, clicks: u64) -> Result<Self, Failure> {
        let before = Ground::empty(place.servers()?, "before").await?;
        let world = World::of(place, 1);
        before.store_clicks(&world, clicks).await?;
        let base = before.stored().await?;
        Ok(Stage { place, before, base, world, leads, clicks })
    }

    /// One drain of the product, checked, and the database it has filled.
    ///
    /// # Errors
    /// The drain fails, or stores something else than was sent.
    pub(super) async fn product(
        &self,
        mix: Mix,
        workers: Workers,
        peak: &mut Option<f64>,
    ) -> Result<(Turn, Ground<'a>), Failure> {
        let ground = self.before.copied_to("turn").await?;
        let mix = Mix { leads: self.leads, stored_clicks: self.clicks, ..mix };
        let sent = backlog::fill_with(self.place, &self.world, &mix).await?;
        let turn = product::drain(self.place, &ground, workers, (sent.events, sent.leads), peak).await?;
        ground.check(&self.base, &sent).await?;
        Ok((turn, ground))
    }

    /// Takes the database away.
    ///
    /// # Errors
    /// The server refuses.
    pub(super) async fn end(self) -> Result<(), Failure> {
        self.before.drop().await
    }

    async fn copy(&self, rows: &Rows) -> Result<Turn, Failure> {
        let ground = self.before.copied_to("turn").await?;
        let watch = Watch::default().and_server("postgres", self.place.servers()?.database_port);
        let before = watch.read();
        let took = rows.copy_into(&ground.options).await?;
        let cpu = watch.since(&before);
        ground.drop().await?;
        Ok(Turn { leads: rows.count, took, cpu, latency: None })
    }

    async fn textbook(&self, lanes: u32, leads: u64) -> Result<Turn, Failure> {
        let ground = self.before.copied_to("turn").await?;
        let mix = Mix { leads, stored_clicks: self.clicks, ..Mix::PLAIN };
        let (events, _) = mix.events(&self.world).map_err(cannot("a lead cannot be made"))?;
        let turn = textbook::drain(self.place, &ground, lanes, &events).await?;
        ground.drop().await?;
        Ok(turn)
    }
}
