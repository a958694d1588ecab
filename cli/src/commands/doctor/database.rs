//! The database: reachable, writable, schema, clock, settings in force.

use super::Check;
use domain::Timestamp;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use store::{Diagnosis, Store};

/// Below this nobody would notice.
const CLOCK_SEEN: Duration = Duration::from_secs(1);
/// What attribution tolerates between the machines that accept clicks and leads.
const CLOCK_TOLERATED: Duration = Duration::from_secs(5);

/// Checks the store that is open.
pub(super) async fn check(store: &Store, embedded: bool, checks: &mut Vec<Check>) {
    match store.ping().await {
        Ok(()) => checks.push(Check::ok("database", "it answers and takes writes")),
        Err(error) => {
            checks.push(Check::fault("database", error.to_string(), "start it or correct its address"));
            return;
        }
    }
    let migrate = if embedded { "start `affitor up` once" } else { "run `worker migrate`" };
    checks.push(match store.schema_is_current().await {
        Ok(true) => Check::ok("database schema", "current"),
        Ok(false) => Check::fault("database schema", "missing or too old", migrate),
        Err(error) => Check::fault("database schema", error.to_string(), "see the database's log"),
    });
    match store.diagnosis().await {
        Ok(diagnosis) => describe(&diagnosis, embedded, checks),
        Err(error) => checks.push(Check::fault("database settings", error.to_string(), "see the database's log")),
    }
}

fn describe(diagnosis: &Diagnosis, embedded: bool, checks: &mut Vec<Check>) {
    let product = if embedded { "SQLite" } else { "PostgreSQL" };
    checks.push(Check::ok("database version", format!("{product} {}", diagnosis.version)));
    let settings = diagnosis.settings.iter().map(|setting| format!("{} {}", setting.name, setting.value));
    let settings = settings.collect::<Vec<_>>().join(", ");
    let wrong: Vec<String> = diagnosis
        .settings
        .iter()
        .filter(|setting| !setting.is_right())
        .map(|setting| format!("{} must be {}", setting.name, setting.expected))
        .collect();
    checks.push(if wrong.is_empty() {
        Check::ok("database settings", settings)
    } else {
        Check::fault("database settings", settings, format!("{}: a commit could be lost or refused", wrong.join(", ")))
    });
    if !embedded {
        checks.push(clock(diagnosis.now, now()));
    }
}

fn clock(theirs: Timestamp, ours: Timestamp) -> Check {
    let apart = Duration::from_micros(theirs.micros().abs_diff(ours.micros()));
    let found = format!("{} ms apart from this machine's", apart.as_millis());
    let remedy = "synchronise the clocks (NTP) of all machines";
    if apart <= CLOCK_SEEN {
        Check::ok("database clock", found)
    } else if apart <= CLOCK_TOLERATED {
        Check::warning("database clock", found, remedy)
    } else {
        Check::fault("database clock", found, remedy)
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn clocks_that_are_apart_are_told_by_how_much_they_matter() {
        let at = |millis: i64| Timestamp::from_micros(1_795_356_309_000_000 + millis * 1_000);
        for (theirs, state) in [
            (900, State::Ok),
            (-900, State::Ok),
            (3_000, State::Warning),
            (-6_000, State::Fault),
            (60_000, State::Fault),
        ] {
            assert_eq!(clock(at(theirs), at(0)).state, state, "{theirs}");
        }
    }
}
