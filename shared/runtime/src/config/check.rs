//! Whether the settings can work: all faults at once, each a sentence that says what to write.
//!
//! Nothing is opened or connected to here, and no value of a secret is ever repeated.

use super::sections::Settings;
use super::setting_name;
use crate::secret::Secret;
use std::net::SocketAddr;

/// What a process is going to be; it decides which settings must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Takes clicks and leads.
    Ingest,
    /// Writes events into the store.
    Worker,
    /// Shows what is stored.
    Console,
    /// All three in one process, embedded unless both broker and database are named.
    Up,
    /// A command that needs only the database.
    Tool,
}

impl Role {
    fn listens(self) -> &'static [&'static str] {
        match self {
            Self::Ingest => &["ingest.listen", "ingest.metrics_listen"],
            Self::Worker => &["worker.metrics_listen"],
            Self::Console => &["console.listen", "console.metrics_listen"],
            // Reads are answered on ingest's port.
            Self::Up => &["ingest.listen", "ingest.metrics_listen"],
            Self::Tool => &[],
        }
    }

    fn needs_queue(self) -> bool {
        matches!(self, Self::Ingest | Self::Worker)
    }

    fn needs_store(self) -> bool {
        self != Self::Up
    }

    /// `up` makes its own secrets; a worker and a tool neither sign nor verify.
    fn needs_secrets(self) -> bool {
        matches!(self, Self::Ingest | Self::Console)
    }
}

impl Settings {
    /// Whether a process of this role can run with these settings.
    ///
    /// # Errors
    /// Every fault, a sentence each, naming the key and its variable.
    pub fn check(&self, role: Role) -> Result<(), Vec<String>> {
        let mut faults = self.out_of_bounds();
        self.check_addresses(role, &mut faults);
        self.check_servers(role, &mut faults);
        self.check_together(&mut faults);
        if role.needs_secrets() || self.secrets.any_given() {
            faults.extend(self.secrets.parse().err().unwrap_or_default());
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    fn check_addresses(&self, role: Role, faults: &mut Vec<String>) {
        let mut taken: Vec<(&str, SocketAddr)> = Vec::new();
        for (key, listen) in [
            ("ingest.listen", &self.ingest.listen),
            ("ingest.metrics_listen", &self.ingest.metrics_listen),
            ("worker.metrics_listen", &self.worker.metrics_listen),
            ("console.listen", &self.console.listen),
            ("console.metrics_listen", &self.console.metrics_listen),
        ] {
            if !role.listens().contains(&key) {
                continue;
            }
            let Ok(address) = listen.parse::<SocketAddr>() else {
                faults.push(format!("{} must be an IP address and a port such as 127.0.0.1:8080.", setting_name(key)));
                continue;
            };
            let twin = taken.iter().find(|(_, other)| *other == address && address.port() != 0);
            if let Some((other, _)) = twin {
                faults.push(format!("{} must differ from `{other}`.", setting_name(key)));
            }
            taken.push((key, address));
        }
    }

    fn check_servers(&self, role: Role, faults: &mut Vec<String>) {
        let (queue, store) = (&self.queue.amqp_url, &self.store.database_url);
        server("queue.amqp_url", queue, &["amqp", "amqps"], role.needs_queue(), faults);
        server("store.database_url", store, &["postgres", "postgresql"], role.needs_store(), faults);
        if role == Role::Up && queue.is_empty() != store.is_empty() {
            faults.push(format!(
                "{} and {} must be given both, or neither for the embedded default.",
                setting_name("queue.amqp_url"),
                setting_name("store.database_url")
            ));
        }
    }

    fn check_together(&self, faults: &mut Vec<String>) {
        let prefix = &self.queue.name_prefix;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if prefix.is_empty() || prefix.len() > 64 || !prefix.chars().all(plain) {
            faults.push(format!("{} must be 1 to 64 characters of [A-Za-z0-9._-].", setting_name("queue.name_prefix")));
        }
        if self.store.lock_timeout_ms > self.store.statement_timeout_ms {
            faults.push(format!(
                "{} must not be above `store.statement_timeout_ms`: the statement would end first.",
                setting_name("store.lock_timeout_ms")
            ));
        }
        if crate::telemetry::filter(&self.log.filter).is_err() {
            faults.push(format!(
                "{} must be a level such as `info`, or directives such as `info,ingest=debug`.",
                setting_name("log.filter")
            ));
        }
    }
}

fn server(key: &str, url: &Secret, schemes: &[&str], needed: bool, faults: &mut Vec<String>) {
    let form = schemes.first().copied().unwrap_or_default();
    if url.is_empty() {
        if needed {
            faults.push(format!("{} is missing: give the server as `{form}://…`.", setting_name(key)));
        }
        return;
    }
    let has_host = |(scheme, rest): (&str, &str)| schemes.contains(&scheme) && !rest.is_empty();
    if !url.expose().split_once("://").is_some_and(has_host) {
        faults.push(format!("{} must begin with `{form}://` and name a host.", setting_name(key)));
    }
}
