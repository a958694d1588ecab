//! Turns of contenders, and the medians over them.
//!
//! Contenders alternate, so that what else happens on the machine hits all of them alike.

use super::load::{Latency, Tally};
use std::time::Duration;

/// What came of one turn.
#[derive(Debug, Clone)]
pub(super) struct Turn {
    pub(super) leads: u64,
    pub(super) took: Duration,
    /// CPU time by process.
    pub(super) cpu: Vec<(&'static str, Duration)>,
    pub(super) latency: Option<Latency>,
}

impl From<Tally> for Turn {
    fn from(tally: Tally) -> Self {
        Turn { leads: tally.taken, took: tally.took, latency: tally.taken_latency(), cpu: tally.cpu }
    }
}

impl Turn {
    /// Leads a second.
    pub(super) fn rate(&self) -> f64 {
        self.leads as f64 / self.took.as_secs_f64()
    }

    /// A turn whose latencies were kept one by one.
    pub(super) fn of(took: Duration, mut latencies: Vec<Duration>) -> Self {
        latencies.sort_unstable();
        let at =
            |percent: usize| latencies.get((latencies.len() * percent / 100).min(latencies.len().saturating_sub(1)));
        let latency = at(50).zip(at(99)).map(|(median, p99)| Latency { median: *median, p99: *p99 });
        Turn { leads: latencies.len() as u64, took, cpu: Vec::new(), latency }
    }
}

/// All turns of one contender.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    pub(super) name: String,
    pub(super) turns: Vec<Turn>,
    /// The most memory its process ever had.
    pub(super) peak_mib: Option<f64>,
}

impl Measured {
    pub(super) fn new(name: impl Into<String>) -> Self {
        Measured { name: name.into(), turns: Vec::new(), peak_mib: None }
    }

    /// Whether there is anything to show.
    pub(super) fn has_turns(&self) -> bool {
        !self.turns.is_empty()
    }

    /// Leads a second: median, least, most.
    pub(super) fn rate(&self) -> [f64; 3] {
        let rates: Vec<f64> = self.turns.iter().map(Turn::rate).collect();
        let least = rates.iter().copied().fold(f64::INFINITY, f64::min);
        let most = rates.iter().copied().fold(0.0, f64::max);
        [median(rates), least, most]
    }

    /// The processes that were watched, in order.
    pub(super) fn processes(&self) -> Vec<&'static str> {
        self.turns.first().map(|turn| turn.cpu.iter().map(|(name, _)| *name).collect()).unwrap_or_default()
    }

    /// CPU microseconds per lead that a process used.
    pub(super) fn cpu_micros(&self, process: &str) -> Option<f64> {
        let used = |turn: &Turn| {
            let (_, cpu) = turn.cpu.iter().find(|(name, _)| *name == process)?;
            Some(cpu.as_secs_f64() * 1e6 / turn.leads.max(1) as f64)
        };
        let used: Vec<f64> = self.turns.iter().filter_map(used).collect();
        (!used.is_empty()).then(|| median(used))
    }

    /// Medians of the turns' latencies.
    pub(super) fn latency(&self) -> Option<Latency> {
        let at = |place: fn(Latency) -> Duration| {
            let seconds: Vec<f64> =
                self.turns.iter().filter_map(|turn| turn.latency).map(|latency| place(latency).as_secs_f64()).collect();
            (!seconds.is_empty()).then(|| Duration::from_secs_f64(median(seconds)))
        };
        Some(Latency { median: at(|latency| latency.median)?, p99: at(|latency| latency.p99)? })
    }
}

/// The middle value, or the mean of the two in the middle; 0 of none.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    match (values.get(half), values.len() % 2) {
        (None, _) => 0.0,
        (Some(upper), 0) => (values[half - 1] + upper) / 2.0,
        (Some(middle), _) => *middle,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn turn(leads: u64, cpu_millis: u64) -> Turn {
        let cpu = vec![("ingest", Duration::from_millis(cpu_millis))];
        Turn { leads, took: Duration::from_secs(2), cpu, latency: None }
    }

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert_eq!(median(vec![]), 0.0);
        assert_eq!(median(vec![3.0, 1.0, 100.0]), 3.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 100.0]), 3.0);
    }

    #[test]
    fn rates_and_cpu_are_per_turn_and_then_medians() {
        let turns = vec![turn(1_000, 10), turn(4_000, 20), turn(2_000, 100)];
        let measured = Measured { turns, ..Measured::new("ingest") };
        assert_eq!(measured.rate(), [1_000.0, 500.0, 2_000.0]);
        assert_eq!(measured.cpu_micros("ingest"), Some(10.0));
        assert_eq!(measured.cpu_micros("worker"), None);
        assert_eq!((measured.processes(), measured.latency()), (vec!["ingest"], None));
    }
}
