//! The tally of a test run: reads what cargo printed and says how many tests of each suite passed, and what is missing.
//! It runs nothing. `src/bin/tally.rs` calls it for `tests/run.sh`.
//!
//! Names come from a listing, counts from the summary that closes each suite: both are printed by one thread when no test
//! runs, so that whatever tests print cannot garble them.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
};

use serde_json::Value;

/// The file name of each test executable and the suite it is: `crate::lib`, `crate::bin` or `crate::TARGET`.
#[derive(Debug, Default)]
pub struct Suites(BTreeMap<String, String>);

impl Suites {
    /// Reads cargo's JSON messages, one a line; lines that are none are passed over.
    pub fn from_messages(messages: &str) -> Self {
        let messages = messages.lines().filter_map(|line| serde_json::from_str(line).ok());
        Self(messages.filter_map(|message: Value| suite_of(&message)).collect())
    }

    /// Cuts what `cargo test` printed where a suite begins.
    fn sections<'a>(&self, output: &'a str) -> Vec<(String, Vec<&'a str>)> {
        let mut sections: Vec<(String, Vec<&str>)> = Vec::new();
        for line in output.lines() {
            if let Some(suite) = self.begins(line) {
                sections.push((suite, Vec::new()));
            } else if let Some((_, lines)) = sections.last_mut() {
                lines.push(line);
            }
        }
        sections
    }

    fn begins(&self, line: &str) -> Option<String> {
        let line = line.trim();
        if let Some(package) = line.strip_prefix("Doc-tests ") {
            return Some(format!("{package}::doc"));
        }
        let path = line.strip_prefix("Running ")?.strip_suffix(')')?.rsplit('(').next()?;
        self.0.get(path.rsplit('/').next()?).cloned()
    }
}

fn suite_of(message: &Value) -> Option<(String, String)> {
    if message["profile"]["test"] != true {
        return None;
    }
    let executable = message["executable"].as_str()?.rsplit('/').next()?;
    // `path+file:///directory/NAME#VERSION`, or `...#NAME@VERSION` where the directory has another name.
    let (path, fragment) = message["package_id"].as_str()?.rsplit_once('#')?;
    let package = match fragment.split_once('@') {
        Some((name, _)) => name,
        None => path.rsplit('/').next()?,
    };
    let kind = message["target"]["kind"][0].as_str()?;
    let target = if kind == "test" { message["target"]["name"].as_str()? } else { kind };
    Some((executable.to_owned(), format!("{package}::{target}")))
}

/// The full names of all tests in a listing (`--list --format terse`), sorted.
///
/// The line number of a documentation test is left out: it changes with every edit above it.
pub fn names(suites: &Suites, listing: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (suite, lines) in suites.sections(listing) {
        let tests = lines.iter().filter_map(|line| line.strip_suffix(": test"));
        names.extend(tests.map(|test| format!("{suite}::{}", test.split(" (line ").next().unwrap_or(test))));
    }
    names.sort();
    names
}

/// What became of one suite.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Counts {
    /// Tests that the listing names.
    pub listed: u64,
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed; all that are listed when the suite did not come to its end.
    pub failed: u64,
    /// Tests that were ignored.
    pub ignored: u64,
    /// How long they ran.
    pub seconds: f64,
    closed: bool,
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.listed += other.listed;
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
        self.seconds += other.seconds;
    }
}

/// A whole run: counts by suite, and whatever keeps it from being good.
#[derive(Debug, Default)]
pub struct Report {
    suites: BTreeMap<String, Counts>,
    faults: Vec<String>,
    notes: Vec<String>,
}

impl Report {
    /// Compares what ran with what is listed. `filtered`: only some of the tests were meant to run.
    pub fn new(suites: &Suites, listing: &str, output: &str, filtered: bool) -> Self {
        let mut report = Self::default();
        for (suite, lines) in suites.sections(listing) {
            let listed = lines.iter().filter(|line| line.ends_with(": test")).count();
            report.suites.entry(suite).or_default().listed += listed as u64;
        }
        for (suite, lines) in suites.sections(output) {
            let results: Vec<Counts> = lines.iter().filter_map(|line| summary(line)).collect();
            // Documentation tests close several times; elsewhere only the last such line is the suite's own.
            let own = if suite.ends_with("::doc") { 0 } else { results.len().saturating_sub(1) };
            let counts = report.suites.entry(suite).or_default();
            results[own..].iter().for_each(|result| counts.add(result));
            counts.closed = !results.is_empty();
        }
        for (suite, counts) in &mut report.suites {
            let ran = counts.passed + counts.failed + counts.ignored;
            if !counts.closed && counts.listed > 0 {
                report.faults.push(format!("{suite} did not come to its end: see its output above"));
                counts.failed = counts.listed;
            } else if !filtered && ran < counts.listed {
                report.faults.push(format!("{suite} lists {} tests and ran {ran}", counts.listed));
            }
            if counts.ignored > 0 {
                report.faults.push(format!("{suite} ignores {} tests: make them run or remove them", counts.ignored));
            }
        }
        report
    }

    /// Compares the names that ran with those that are expected (sorted, one a line).
    pub fn expect(&mut self, names: &[String], expected: &str) {
        let count = |names: &mut dyn Iterator<Item = &str>| {
            let mut counts: BTreeMap<String, i64> = BTreeMap::new();
            names.for_each(|name| *counts.entry(name.to_owned()).or_default() += 1);
            counts
        };
        let present = count(&mut names.iter().map(String::as_str));
        let wanted = count(&mut expected.lines().filter(|line| !line.is_empty()));
        for (name, number) in &wanted {
            if present.get(name).unwrap_or(&0) < number {
                self.faults.push(format!("fewer ran than the list names; missing: {name}"));
            }
        }
        let new = present.keys().filter(|name| !wanted.contains_key(*name)).count();
        if new > 0 {
            self.notes.push(format!("{new} tests are not in the list yet: tests/run.sh --update-list"));
        }
    }

    /// Counts an exit of cargo that no failed test explains.
    pub fn cargo_exited(&mut self, status: &str) {
        if status != "0" && self.total().failed == 0 {
            self.faults.push(format!("cargo test exited with {status}: see its output above"));
        }
    }

    /// Whether all tests ran and passed.
    pub fn is_good(&self) -> bool {
        let total = self.total();
        total.failed == 0 && total.passed > 0 && self.faults.is_empty()
    }

    fn total(&self) -> Counts {
        let mut total = Counts::default();
        self.suites.values().for_each(|counts| total.add(counts));
        total
    }
}

impl Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.total();
        writeln!(out, "{:<32}{:>8}{:>8}{:>9}{:>10}", "suite", "passed", "failed", "ignored", "seconds")?;
        let shown = self.suites.iter().filter(|(_, counts)| counts.passed + counts.failed + counts.ignored > 0);
        for (suite, counts) in shown.map(|(suite, counts)| (suite.as_str(), counts)).chain([("total", &total)]) {
            let Counts { passed, failed, ignored, seconds, .. } = counts;
            writeln!(out, "{suite:<32}{passed:>8}{failed:>8}{ignored:>9}{seconds:>10.2}")?;
        }
        self.notes.iter().try_for_each(|note| writeln!(out, "note: {note}"))?;
        self.faults.iter().try_for_each(|fault| writeln!(out, "FAULT: {fault}"))?;
        writeln!(out, "{} ignored", total.ignored)?;
        writeln!(out, "{} passed, {} failed", total.passed, total.failed)
    }
}

/// Reads `test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s`.
fn summary(line: &str) -> Option<Counts> {
    let (_, result) = line.split_once("test result: ")?;
    let (_, fields) = result.split_once(". ")?;
    let mut counts = Counts { closed: true, ..Counts::default() };
    let mut known = 0;
    for field in fields.split("; ") {
        if let Some(time) = field.strip_prefix("finished in ") {
            counts.seconds = time.trim_end_matches('s').parse().ok()?;
        } else if let Some((number, word)) = field.split_once(' ') {
            let place = match word {
                "passed" => &mut counts.passed,
                "failed" => &mut counts.failed,
                "ignored" => &mut counts.ignored,
                _ => continue,
            };
            *place = number.parse().ok()?;
            known += 1;
        }
    }
    (known == 3).then_some(counts)
}

#[cfg(test)]
mod tests;
