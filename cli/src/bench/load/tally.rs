//! What a load counted: answers by kind and how long they took.

use crate::bench::round::Turn;
use crate::bench::words::cannot;
use crate::failure::Failure;
use hdrhistogram::Histogram;
use std::time::Duration;

/// A longer latency counts as this.
const LONGEST_MICROS: u64 = 60_000_000;
/// Digits of a latency that are kept.
const DIGITS: u8 = 3;

/// The answers of one turn.
#[derive(Debug)]
pub(in crate::bench) struct Tally {
    /// Leads in answers that say success.
    pub(in crate::bench) taken: u64,
    /// Requests answered 503.
    pub(in crate::bench) refused: u64,
    /// Requests with any other answer or none.
    pub(in crate::bench) failed: u64,
    pub(in crate::bench) first_failure: Option<String>,
    /// From the first request to the last answer.
    pub(in crate::bench) took: Duration,
    /// CPU time used meanwhile, by process.
    pub(in crate::bench) cpu: Vec<(&'static str, Duration)>,
    taken_micros: Histogram<u64>,
    refused_micros: Histogram<u64>,
}

/// The usual places of a distribution.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(in crate::bench) struct Latency {
    pub(in crate::bench) median: Duration,
    pub(in crate::bench) p99: Duration,
}

/// What an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bench) enum Answer {
    Taken,
    Refused,
}

impl Tally {
    pub(super) fn new() -> Result<Self, Failure> {
        let empty = || Histogram::new_with_bounds(1, LONGEST_MICROS, DIGITS).map_err(cannot("no histogram"));
        let (taken_micros, refused_micros) = (empty()?, empty()?);
        Ok(Tally {
            taken: 0,
            refused: 0,
            failed: 0,
            first_failure: None,
            took: Duration::ZERO,
            cpu: Vec::new(),
            taken_micros,
            refused_micros,
        })
    }

    /// Counts the answer to a request of that many leads.
    pub(super) fn count(&mut self, answer: Result<Answer, String>, leads: u64, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        match answer {
            Ok(Answer::Taken) => {
                self.taken += leads;
                self.taken_micros.saturating_record(micros);
            }
            Ok(Answer::Refused) => {
                self.refused += 1;
                self.refused_micros.saturating_record(micros);
            }
            Err(reason) => {
                self.failed += 1;
                self.first_failure.get_or_insert(reason);
            }
        }
    }

    /// How long the answers took that took a lead.
    pub(in crate::bench) fn taken_latency(&self) -> Option<Latency> {
        latency(&self.taken_micros)
    }

    /// The refusals as a turn of their own, if there were any.
    pub(in crate::bench) fn refused_turn(&self) -> Option<Turn> {
        let latency = Some(latency(&self.refused_micros)?);
        Some(Turn { leads: self.refused, took: self.took, cpu: Vec::new(), latency })
    }

    /// Requests a second that were answered.
    pub(in crate::bench) fn offered(&self) -> f64 {
        (self.taken + self.refused) as f64 / self.took.as_secs_f64()
    }

    /// Every request was taken or refused.
    ///
    /// # Errors
    /// The first that was neither.
    pub(in crate::bench) fn none_failed(self) -> Result<Self, Failure> {
        match &self.first_failure {
            Some(reason) => Err(Failure::Found(format!("{} requests failed, the first: {reason}", self.failed))),
            None if self.taken == 0 => Err(Failure::Found("no lead was taken".to_owned())),
            None => Ok(self),
        }
    }

    /// Every request was taken.
    ///
    /// # Errors
    /// The first that was not.
    pub(in crate::bench) fn all_taken(self) -> Result<Self, Failure> {
        let tally = self.none_failed()?;
        if tally.refused == 0 {
            return Ok(tally);
        }
        Err(Failure::Found(format!("{} requests were answered 503", tally.refused)))
    }
}

fn latency(micros: &Histogram<u64>) -> Option<Latency> {
    let at = |quantile| Duration::from_micros(micros.value_at_quantile(quantile));
    (!micros.is_empty()).then(|| Latency { median: at(0.5), p99: at(0.99) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn latencies_of_taken_and_refused_are_apart() {
        let mut tally = Tally::new().unwrap();
        assert_eq!(tally.taken_latency(), None);
        for millis in 1..=100 {
            tally.count(Ok(Answer::Taken), 10, Duration::from_millis(millis));
        }
        tally.count(Ok(Answer::Refused), 10, Duration::from_micros(7));
        let (taken, refused) = (tally.taken_latency().unwrap(), tally.refused_turn().unwrap());
        assert_eq!((tally.taken, refused.leads, refused.latency.unwrap().p99.as_micros()), (1_000, 1, 7));
        assert!((50.0..50.1).contains(&(taken.median.as_secs_f64() * 1e3)), "{taken:?}");
        assert!((99.0..99.1).contains(&(taken.p99.as_secs_f64() * 1e3)), "{taken:?}");
        assert!(tally.all_taken().unwrap_err().to_string().contains("503"));
    }

    #[test]
    fn one_failed_request_voids_a_turn() {
        let mut tally = Tally::new().unwrap();
        tally.count(Ok(Answer::Taken), 1, Duration::from_millis(1));
        tally.count(Err("a 500".to_owned()), 1, Duration::from_millis(1));
        assert!(tally.all_taken().unwrap_err().to_string().ends_with("the first: a 500"));
    }
}
