//! What is wrong with settings, in the words of whoever typed them: by the names of the arguments that gave them.

use crate::failure::Failure;
use runtime::config::setting_name;

/// An argument, the setting it stands for, and whether it was given.
pub(crate) type Flag = (&'static str, &'static str, bool);

/// The faults that a check of the settings found.
pub(crate) fn failure(faults: Vec<String>, flags: &[Flag]) -> Failure {
    let told = |mut fault: String| {
        for (flag, key, _) in flags.iter().filter(|(.., given)| *given) {
            fault = fault.replace(&setting_name(key), flag).replace(&format!("`{key}`"), flag);
        }
        fault
    };
    Failure::Settings(faults.into_iter().map(told).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use runtime::config::{Role, Settings};

    #[test]
    fn a_fault_names_the_argument_that_was_given_and_else_the_setting() {
        let mut settings = Settings::default();
        settings.ingest.listen = "here".to_owned();
        settings.ingest.metrics_listen = "there".to_owned();
        let faults = settings.check(Role::Up).unwrap_err();
        let flags = [("--listen", "ingest.listen", true), ("--metrics-listen", "ingest.metrics_listen", false)];
        let told = failure(faults, &flags).to_string();
        assert!(told.starts_with("--listen must be an IP address"), "{told}");
        assert!(told.contains("`ingest.metrics_listen` (AFFITOR_INGEST__METRICS_LISTEN in the environment)"), "{told}");
    }
}
