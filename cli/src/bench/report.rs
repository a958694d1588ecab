//! What the bench says in the end: the figures, the ratios with their goals, and whether the figures mean anything.

use super::curve::Curve;
use super::load::Latency;
use super::round::Measured;
use crate::output::{self, Column};
use serde_json::{Map, Value, json};
use std::time::Duration;

const MEASURED: &[Column; 7] = &[
    ("name", "CONTENDER"),
    ("rate", "LEADS/S"),
    ("spread", "LEAST-MOST"),
    ("median_ms", "MEDIAN MS"),
    ("p99_ms", "P99 MS"),
    ("peak_mib", "PEAK MIB"),
    ("cpu", "CPU US/LEAD"),
];
const RATIOS: &[Column; 5] =
    &[("what", "RATIO"), ("against", "AGAINST"), ("ratio", "IS"), ("goal", "GOAL"), ("reached", "REACHED")];

/// Which side of a number is good.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

/// A figure that is judged.
#[derive(Debug, Clone)]
struct Ratio {
    what: String,
    against: String,
    ratio: f64,
    goal: Goal,
}

/// Everything that was found out.
#[derive(Debug, Default)]
pub(super) struct Report {
    measured: Vec<Measured>,
    ratios: Vec<Ratio>,
    curves: Vec<Curve>,
    /// Baselines that are too bad to compare with.
    void: Vec<String>,
}

impl Goal {
    fn is_reached(self, ratio: f64) -> bool {
        match self {
            Goal::AtLeast(least) => ratio >= least,
            Goal::AtMost(most) => ratio <= most,
        }
    }

    fn text(self) -> String {
        match self {
            Goal::AtLeast(least) => format!(">= {least}"),
            Goal::AtMost(most) => format!("<= {most}"),
        }
    }
}

impl Report {
    /// Adds a contender's figures.
    pub(super) fn add(&mut self, measured: Measured) {
        self.measured.push(measured);
    }

    /// Adds a ratio and its goal.
    pub(super) fn compare(&mut self, what: &str, against: &str, ratio: f64, goal: Goal) {
        self.ratios.push(Ratio { what: what.to_owned(), against: against.to_owned(), ratio, goal });
    }

    /// Adds the ratio of two rates.
    pub(super) fn compare_rates(&mut self, one: &Measured, other: &Measured, goal: Goal) {
        self.compare(&one.name, &other.name, one.rate()[0] / other.rate()[0], goal);
    }

    /// Adds a curve.
    pub(super) fn draw(&mut self, curve: Curve) {
        self.curves.push(curve);
    }

    /// A baseline must be as good as it can be: what is compared with a worse one is no achievement.
    pub(super) fn must_hold(&mut self, what: &str, figure: f64, goal: Goal) {
        if !goal.is_reached(figure) {
            self.void.push(format!("{what} is {figure:.2} and has to be {}", goal.text()));
        }
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let measured = self.measured.iter().map(|measured| row(measured).map(|(cell, _)| cell));
        let ratios = self.ratios.iter().map(|ratio| {
            let reached = if ratio.goal.is_reached(ratio.ratio) { "yes" } else { "no" };
            let Ratio { what, against, ratio, goal } = ratio;
            [json!(what), json!(against), json!(format!("{ratio:.2}")), json!(goal.text()), json!(reached)]
        });
        let measured = output::all(false, MEASURED, measured, "nothing was measured");
        let ratios = output::all(false, RATIOS, ratios, "nothing was compared");
        let void: String = self.void.iter().map(|line| format!("\nVOID: {line}")).collect();
        let curves: String = self.curves.iter().map(|curve| format!("\n{}", curve.text())).collect();
        format!("{measured}\n{ratios}{curves}{void}\n")
    }

    /// For programs.
    pub(super) fn json(&self) -> String {
        let measured = self.measured.iter().map(|measured| {
            let members = MEASURED.iter().zip(row(measured)).map(|((name, _), (_, value))| ((*name).to_owned(), value));
            Value::Object(members.collect::<Map<_, _>>())
        });
        let ratios = self.ratios.iter().map(|ratio| {
            let reached = ratio.goal.is_reached(ratio.ratio);
            let Ratio { what, against, ratio, goal } = ratio;
            json!({"what": what, "against": against, "ratio": rounded(*ratio), "goal": goal.text(), "reached": reached})
        });
        let (measured, ratios): (Vec<_>, Vec<_>) = (measured.collect(), ratios.collect());
        let curves: Vec<Value> = self.curves.iter().map(Curve::json).collect();
        format!("{:#}\n", json!({"measured": measured, "ratios": ratios, "curves": curves, "void": self.void}))
    }

    /// Whether the figures mean anything. A goal that is not reached is no fault of the bench.
    ///
    /// # Errors
    /// Why they do not.
    pub(super) fn verdict(&self) -> Result<(), String> {
        if self.void.is_empty() {
            return Ok(());
        }
        let text = "these figures are void, a baseline is not what it should be: ";
        Err(format!("{text}{}", self.void.join("; ")))
    }
}

/// Each cell for people and for programs.
fn row(measured: &Measured) -> [(Value, Value); 7] {
    let same = |value: Value| (value.clone(), value);
    let [rate, least, most] = measured.rate();
    let latency = |place: fn(Latency) -> Duration| {
        same(measured.latency().map_or(Value::Null, |latency| rounded(place(latency).as_secs_f64() * 1e3)))
    };
    let cpu: Vec<(&str, f64)> =
        measured.processes().into_iter().filter_map(|process| Some((process, measured.cpu_micros(process)?))).collect();
    let cpu_text = cpu.iter().map(|(process, micros)| format!("{process} {micros:.1}")).collect::<Vec<_>>().join("  ");
    let cpu_json: Map<String, Value> =
        cpu.iter().map(|(process, micros)| ((*process).to_owned(), rounded(*micros))).collect();
    [
        same(json!(measured.name)),
        same(json!(rate.round() as u64)),
        (json!(format!("{least:.0}-{most:.0}")), json!([least.round(), most.round()])),
        latency(|latency| latency.median),
        latency(|latency| latency.p99),
        same(measured.peak_mib.map_or(Value::Null, |mib| json!(mib.round() as u64))),
        (json!(cpu_text), Value::Object(cpu_json)),
    ]
}

fn rounded(number: f64) -> Value {
    json!((number * 1e3).round() / 1e3)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::bench::round::Turn;

    fn measured(name: &str, leads: u64) -> Measured {
        let cpu = vec![(name_of_process(), Duration::from_secs(1))];
        let turn = Turn { leads, took: Duration::from_secs(1), cpu, latency: None };
        Measured { turns: vec![turn], peak_mib: Some(23.4), ..Measured::new(name) }
    }

    fn name_of_process() -> &'static str {
        "ingest"
    }

    fn report() -> Report {
        let (fast, slow) = (measured("fast", 40_000), measured("slow", 10_000));
        let mut report = Report::default();
        report.compare_rates(&fast, &slow, Goal::AtLeast(3.0));
        report.compare("CPU", "slow", 1.5, Goal::AtMost(1.25));
        report.add(fast);
        report.add(slow);
        report
    }

    #[test]
    fn a_table_shows_figures_and_ratios() {
        let text = report().text();
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1], ["fast", "40000", "40000-40000", "-", "-", "23", "ingest", "25.0"]);
        assert_eq!(lines[5], ["fast", "slow", "4.00", ">=", "3", "yes"]);
        assert_eq!(lines[6], ["CPU", "slow", "1.50", "<=", "1.25", "no"]);
    }

    #[test]
    fn json_has_numbers() {
        let json: Value = serde_json::from_str(&report().json()).unwrap();
        assert_eq!(json["measured"][0]["rate"], 40_000.0);
        assert_eq!(json["measured"][0]["cpu"]["ingest"], 25.0);
        assert_eq!(json["ratios"][1]["reached"], false);
    }

    #[test]
    fn a_bad_baseline_voids_everything_and_a_missed_goal_does_not() {
        let mut report = report();
        report.must_hold("the handler against the echo", 0.8, Goal::AtLeast(0.75));
        assert_eq!(report.verdict(), Ok(()));
        report.must_hold("the handler against the echo", 0.5, Goal::AtLeast(0.75));
        assert!(report.verdict().unwrap_err().ends_with("the handler against the echo is 0.50 and has to be >= 0.75"));
        assert!(report.text().contains("VOID"));
    }
}
