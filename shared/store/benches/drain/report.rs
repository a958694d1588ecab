//! Medians over the rounds, and each case beside the one it is measured against.

use crate::cpu::Cost;
use std::io::Write;

#[derive(Default)]
pub(crate) struct Report {
    /// In the order in which they were first measured: rate per second, processor time of the backends and of this
    /// process in microseconds, of one lead in each round.
    cases: Vec<(&'static str, Vec<[f64; 3]>)>,
}

impl Report {
    pub(crate) fn add(&mut self, case: &'static str, cost: Cost, leads: usize) {
        let leads = leads as f64;
        let micros = |time: std::time::Duration| time.as_secs_f64() * 1e6 / leads;
        let figures = [leads / cost.wall.as_secs_f64(), micros(cost.backends), micros(cost.own)];
        match self.cases.iter_mut().find(|(name, _)| *name == case) {
            Some((_, rounds)) => rounds.push(figures),
            None => self.cases.push((case, vec![figures])),
        }
    }

    pub(crate) fn print(&self, basis: &str) {
        let mut out = std::io::stdout().lock();
        let limit = self.cases.iter().find(|(name, _)| *name == basis).map(|(_, rounds)| rounds);
        let head = ["leads/s", "of COPY", "backend µs", "of COPY", "own µs"];
        writeln!(out, "{:28}{:>10}{:>10}{:>12}{:>10}{:>10}", "case", head[0], head[1], head[2], head[3], head[4])
            .unwrap();
        for (name, rounds) in &self.cases {
            let figure = |at: usize| median(rounds.iter().map(|round| round[at]));
            let ratio = |at: usize| {
                let pairs = rounds.iter().zip(limit.into_iter().flatten());
                median(pairs.map(|(round, limit)| round[at] / limit[at]))
            };
            writeln!(
                out,
                "{name:28}{:>10.0}{:>10.2}{:>12.1}{:>10.2}{:>10.1}",
                figure(0),
                ratio(0),
                figure(1),
                1.0 / ratio(1),
                figure(2)
            )
            .unwrap();
        }
    }
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
