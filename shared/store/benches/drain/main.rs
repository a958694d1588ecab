//! How fast the store takes in leads, beside what the database itself can do: COPY of the same rows into the same
//! tables with the same indexes. Knows no broker; `affitor bench` measures the whole way.
//!
//! `TEST_DATABASE_URL=… cargo bench -p store --bench drain -- [rounds=5] [leads=40000] [clicks=1000000] [lanes=2] [case]…`
//!
//! Each round does every case once, one after the other, on tables that grow; the figures are medians over the rounds.
//! Processor time is that of the database's backends on this host and of this process.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod copy;
mod cpu;
mod database;
mod lanes;
mod report;
mod traffic;

use database::Database;
use report::Report;
use std::str::FromStr;
use traffic::{Case, Traffic};

/// How much is measured.
struct Size {
    rounds: usize,
    leads: usize,
    clicks: usize,
    lanes: usize,
    cases: Vec<&'static Case>,
}

impl Size {
    /// Numbers are `name=value`; every other argument is a part of the name of a case to measure.
    fn from_arguments(arguments: &[String]) -> Size {
        let number = |name: &str, default| {
            let given = arguments.iter().find_map(|argument| argument.strip_prefix(name)?.strip_prefix('='));
            given.map_or(default, |text| usize::from_str(text).expect("a number after the ="))
        };
        let wanted: Vec<&String> =
            arguments.iter().filter(|argument| !argument.contains('=') && !argument.starts_with("--")).collect();
        let is_basis = |case: &Case| case.name == traffic::CASES[0].name;
        let is_wanted = |case: &&Case| {
            is_basis(case) || wanted.is_empty() || wanted.iter().any(|part| case.name.contains(part.as_str()))
        };
        Size {
            rounds: number("rounds", 5),
            leads: number("leads", 40_000),
            clicks: number("clicks", 1_000_000),
            lanes: number("lanes", 2),
            cases: traffic::CASES.iter().filter(is_wanted).collect(),
        }
    }
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let size = Size::from_arguments(&arguments);
    let database = Database::create().await;
    let mut traffic = Traffic::new(size.leads);
    let mut sessions = lanes::sessions(&database, size.lanes).await;
    let mut connections = copy::connections(&database).await;
    for clicks in traffic.clicks(size.clicks) {
        lanes::drain(&database, &mut sessions, vec![clicks]).await;
    }
    let mut report = Report::default();
    for _ in 0..size.rounds {
        for case in &size.cases {
            let mark = traffic.mark();
            let (before, timed) = traffic.case(case);
            lanes::drain(&database, &mut sessions, before).await;
            report.add(case.name, lanes::drain(&database, &mut sessions, timed).await, size.leads);
            // Every case's rows, so that both tables grow alike; the first case is all new customers.
            let rows = copy::rows(&database, mark).await;
            let cost = copy::copy(&database, &mut connections, rows).await;
            if case.name == traffic::CASES[0].name {
                report.add("copy", cost, size.leads);
            }
        }
    }
    report.print("copy");
}
