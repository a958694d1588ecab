//! The settings of `up`: the general ones, what suits one process on somebody's own machine, and the arguments.

use super::UpArguments;
use crate::failure::Failure;
use crate::flags;
use runtime::config::{CONFIG_VARIABLE, Role, Settings};
use std::ffi::OsString;
use std::io::{self, IsTerminal};

/// Not `ingest`'s own, so that the two can run side by side.
const METRICS_LISTEN: &str = "127.0.0.1:9100";
/// What a person who reads the instructions must not miss.
const TERMINAL_FILTER: &str = "warn";

/// Reads and checks them. Arguments win over the environment, and that over the file.
pub(super) fn settle(arguments: &UpArguments) -> Result<Settings, Failure> {
    let mut settings = load(arguments)?;
    if let Some(listen) = &arguments.listen {
        settings.ingest.listen.clone_from(listen);
    }
    if let Some(listen) = &arguments.metrics_listen {
        settings.ingest.metrics_listen.clone_from(listen);
    }
    if let Some(url) = &arguments.amqp {
        settings.queue.amqp_url.clone_from(url);
    }
    if let Some(url) = &arguments.database {
        settings.store.database_url.clone_from(url);
    }
    if settings.queue.amqp_url.is_empty() != settings.store.database_url.is_empty() {
        let text = "--amqp and --database (or AFFITOR_QUEUE__AMQP_URL and AFFITOR_STORE__DATABASE_URL) go together: \
                    give both, or neither for the embedded default";
        return Err(Failure::Usage(text.to_owned()));
    }
    settings.ingest.state_dir = arguments.data.clone();
    settings.check(Role::Up).map_err(|faults| {
        let flags = [
            ("--listen", "ingest.listen", arguments.listen.is_some()),
            ("--metrics-listen", "ingest.metrics_listen", arguments.metrics_listen.is_some()),
            ("--amqp", "queue.amqp_url", arguments.amqp.is_some()),
            ("--database", "store.database_url", arguments.database.is_some()),
        ];
        flags::failure(faults, &flags)
    })?;
    Ok(settings)
}

fn load(arguments: &UpArguments) -> Result<Settings, Failure> {
    let file = arguments.config.as_deref();
    let named = file.is_some() || std::env::var_os(CONFIG_VARIABLE).is_some_and(|path| !path.is_empty());
    // Whoever writes a file decides in it.
    let preferences = if named { Vec::new() } else { preferences(io::stderr().is_terminal()) };
    // The same name again replaces the value, so the environment wins over what is preferred.
    Ok(Settings::load_from(file, preferences.into_iter().chain(std::env::vars_os()))?)
}

fn preferences(terminal: bool) -> Vec<(OsString, OsString)> {
    let mut preferred = vec![("AFFITOR_INGEST__METRICS_LISTEN", METRICS_LISTEN)];
    if terminal {
        preferred.extend([("AFFITOR_LOG__FORMAT", "pretty"), ("AFFITOR_LOG__FILTER", TERMINAL_FILTER)]);
    }
    preferred.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
}
