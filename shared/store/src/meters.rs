//! What the store counts of the worker's transactions, each once it is committed: their time, the verdicts they gave
//! and the dead letters they set aside. What comes again after a crash collides with its rows and is not counted again.
//!
//! Called by `apply` of either database.

use domain::Ident;
use domain::event::{ClickEvent, Event};
use domain::merge::{Changes, Place};
use domain::outcome::{DeadLetterReason, Reason};
use metrics::{counter, describe_counter, describe_histogram, histogram};
use std::collections::HashSet;
use std::time::Instant;

const TRANSACTION: &str = "affitor_store_transaction_seconds";
const VERDICTS: &str = "affitor_worker_verdicts_total";
const DEAD_LETTERS: &str = "affitor_worker_dead_letters_total";

/// The transactions that apply a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Transaction {
    /// Postgres, for what meets nobody.
    Fast,
    /// Postgres, for what the fast one left over; each round is one.
    Slow,
    /// SQLite.
    Whole,
}

impl Transaction {
    const ALL: [Transaction; 3] = [Transaction::Fast, Transaction::Slow, Transaction::Whole];

    const fn name(self) -> &'static str {
        match self {
            Transaction::Fast => "fast",
            Transaction::Slow => "slow",
            Transaction::Whole => "whole",
        }
    }

    /// It was committed.
    pub(crate) fn committed(self, begun: Instant) {
        histogram!(TRANSACTION, "transaction" => self.name()).record(begun.elapsed());
    }
}

/// Describes every series and creates it at zero. The recorder is to be installed before.
pub fn describe_metrics() {
    describe_histogram!(TRANSACTION, "From BEGIN to the answer to COMMIT, by the transaction's name");
    describe_counter!(
        VERDICTS,
        "Verdicts by reason: on each lead that counts, and again on the arrival of a click it named"
    );
    describe_counter!(DEAD_LETTERS, "Messages and events set aside, by reason");
    for transaction in Transaction::ALL {
        let _shown = histogram!(TRANSACTION, "transaction" => transaction.name());
    }
    for reason in Reason::ALL {
        counter!(VERDICTS, "reason" => reason.name()).absolute(0);
    }
    for reason in DeadLetterReason::ALL {
        counter!(DEAD_LETTERS, "reason" => reason.name()).absolute(0);
    }
}

/// Counts verdicts that are committed.
pub(crate) fn judged(reasons: &[Reason]) {
    for reason in Reason::ALL {
        // Finding the counter costs more than counting.
        match reasons.iter().filter(|judged| *judged == reason).count() {
            0 => {}
            count => counter!(VERDICTS, "reason" => reason.name()).increment(count as u64),
        }
    }
}

/// Counts dead letters that are committed and were not there before.
pub(crate) fn set_aside(reasons: &[DeadLetterReason]) {
    for reason in reasons {
        counter!(DEAD_LETTERS, "reason" => reason.name()).increment(1);
    }
}

/// The new verdicts among a fold's changes. A customer that was looked at again for nothing keeps the old one.
pub(crate) fn verdicts(events: &[Event], changes: &Changes) -> Vec<Reason> {
    let leads: HashSet<_> = changes.leads.iter().map(|lead| events[lead.position].id()).collect();
    let woken: HashSet<_> = changes.woken.iter().map(|(click, _)| *click).collect();
    let comes = |(position, event): (usize, &Event)| match event {
        Event::Click(ClickEvent { click, .. }) => {
            let place = Place { program: click.program, ident: Ident::of_click(click.is_test(), *click) };
            let is_new = changes.arrived.get(&place) == Some(&position);
            (is_new || woken.contains(&place)).then_some(click.event)
        }
        Event::Lead(_) => None,
    };
    let clicks: HashSet<_> = events.iter().enumerate().filter_map(comes).collect();
    let states = changes.customers.values().flatten();
    let new = states.filter(|state| {
        let click = state.verdict.click.map(|click| click.event);
        leads.contains(&state.counted.event) || click.is_some_and(|click| clicks.contains(&click))
    });
    new.map(|state| state.verdict.reason).collect()
}
