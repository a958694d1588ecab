//! `affitor bench --target URL`: drives a running installation at a steady rate, then has the audit account for every lead.
//!
//! Starts and makes nothing; the leads it sends stay. Unlike the other parts it may be pointed at another machine, by
//! whoever holds one of its API keys.

use super::load::{self, Leads, Rate, Since, Tally, Target};
use super::machine::Watch;
use super::plan::Plan;
use super::words::{cannot, say};
use crate::failure::Failure;
use crate::output;
use clap::Args;
use runtime::config::Settings;
use runtime::secret::Secret;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::process::Command;
use tokio::time::sleep;

/// What was accepted is stored by then, or the run has failed.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(500);

/// The options of a run against an installation.
#[derive(Debug, Args)]
#[command(next_help_heading = "A running installation")]
pub(super) struct Options {
    /// Its API, as `http://host:port`: sends leads at a steady rate and ends with the audit, which asks the database that
    /// is named with --database or --data
    #[arg(long, value_name = "URL", requires = "api_key", conflicts_with_all = ["parts", "quick"])]
    target: Option<String>,
    /// Leads a second
    #[arg(long, value_name = "COUNT", default_value_t = 100, requires = "target",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,
    /// Leads in all
    #[arg(long, value_name = "COUNT", default_value_t = 10_000, requires = "target",
        value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// Key of the program that the leads are for. AFFITOR_BENCH_API_KEY says the same without showing it in the list of
    /// processes
    #[arg(long, value_name = "KEY", env = "AFFITOR_BENCH_API_KEY", hide_env_values = true)]
    api_key: Option<Secret>,
    /// Data directory of the `affitor up` that is the target
    #[arg(long, value_name = "DIR", requires = "target", conflicts_with = "database")]
    data: Option<PathBuf>,
}

/// Where the audit looks.
struct Auditor<'a> {
    settings: &'a Settings,
    config: Option<&'a Path>,
    data: Option<&'a Path>,
}

impl Options {
    /// Whether an installation is named.
    pub(super) fn is_given(&self) -> bool {
        self.target.is_some()
    }

    /// Sends the leads and audits.
    ///
    /// # Errors
    /// [`Failure::Found`] when a lead was refused or one that was accepted is not accounted for; others when the target
    /// or its store cannot be reached.
    pub(super) async fn run(
        &self,
        plan: &Plan,
        settings: &Settings,
        config: Option<&Path>,
        json: bool,
    ) -> Result<(), Failure> {
        let url = self.target.as_deref().unwrap_or_default();
        let (host, address) = address_of(url).await?;
        let key = self.api_key.as_ref().map(Secret::expose).unwrap_or_default();
        let auditor = Auditor { settings, config, data: self.data.as_deref() };
        // Before anything is sent: whoever cannot be audited is not driven.
        let before = auditor.account().await?;
        let duration = Duration::from_secs_f64(f64::from(self.count) / f64::from(self.rate));
        say(format_args!("{} leads to {host}, {} a second, {} s", self.count, self.rate, duration.as_secs()));
        let rate = Rate { per_second: f64::from(self.rate), since: Since::Due };
        let leads = Leads::without_clicks(&host, key);
        let tally = load::open(&Target::at(address), leads, plan.connections, rate, duration, Watch::default()).await?;
        let audited = auditor.until_stored(accepted(&before) + tally.taken).await;
        output::print(&told(&tally, &audited, json))?;
        let all = tally.all_taken()?.taken;
        audited?;
        say(format_args!("all {all} leads are accounted for"));
        Ok(())
    }
}

impl Auditor<'_> {
    /// What `affitor audit` says.
    async fn account(&self) -> Result<Value, Failure> {
        let program = std::env::current_exe().map_err(Failure::system("the program's own file cannot be found"))?;
        let mut command = Command::new(program);
        command.args(["audit", "--json"]);
        if let Some(directory) = self.data {
            command.arg("--data").arg(directory);
        }
        if let Some(config) = self.config {
            command.arg("--config").arg(config);
        }
        command.env("AFFITOR_STORE__DATABASE_URL", self.settings.store.database_url.expose());
        command.env("AFFITOR_QUEUE__AMQP_URL", self.settings.queue.amqp_url.expose());
        let output = command.kill_on_drop(true).output().await.map_err(Failure::system("the audit cannot be run"))?;
        // It prints its account even when it does not add up, and nothing when it cannot be told.
        serde_json::from_slice(&output.stdout).map_err(|_| {
            let said = String::from_utf8_lossy(&output.stderr);
            Failure::Found(format!("the audit cannot tell: {}", said.trim().trim_start_matches("affitor: ")))
        })
    }

    /// Asks until everything is accounted for and so many events are.
    async fn until_stored(&self, wanted: u64) -> Result<Value, Failure> {
        let begun = Instant::now();
        loop {
            let account = self.account().await?;
            if account["verdict"] == "balanced" && processed(&account) >= wanted {
                return Ok(account);
            }
            if account["verdict"] == "imbalance" || begun.elapsed() > PATIENCE {
                let (verdict, processed) = (&account["verdict"], processed(&account));
                return Err(Failure::Found(format!(
                    "{wanted} events have to be accounted for and {processed} are; the audit's verdict is {verdict}"
                )));
            }
            sleep(LOOK).await;
        }
    }
}

fn accepted(account: &Value) -> u64 {
    account["accepted"].as_u64().unwrap_or_default()
}

fn processed(account: &Value) -> u64 {
    account["processed"].as_u64().unwrap_or_default()
}

/// What was sent and what became of it.
fn told(tally: &Tally, audited: &Result<Value, Failure>, as_json: bool) -> String {
    let millis = |duration: Duration| json!((duration.as_secs_f64() * 1e5).round() / 1e2);
    let latency = tally.taken_latency();
    let mut members = vec![
        ("accepted", json!(tally.taken)),
        ("refused", json!(tally.refused)),
        ("failed", json!(tally.failed)),
        ("leads_per_second", json!((tally.taken as f64 / tally.took.as_secs_f64()).round())),
        ("median_ms", json!(latency.map(|latency| millis(latency.median)))),
        ("p99_ms", json!(latency.map(|latency| millis(latency.p99)))),
    ];
    if let Ok(account) = audited {
        members.extend([("audit", account["verdict"].clone()), ("processed", account["processed"].clone())]);
    }
    output::sheet(as_json, members)
}

async fn address_of(url: &str) -> Result<(String, SocketAddr), Failure> {
    let usage =
        || Failure::Usage(format!("--target {url}: name the API as http://host:port (no https: the load speaks none)"));
    let authority = url.strip_prefix("http://").ok_or_else(usage)?.trim_end_matches('/');
    if authority.is_empty() || authority.contains(['/', '?', '#', '@']) {
        return Err(usage());
    }
    let with_port = if authority.rsplit(']').next().is_some_and(|end| end.contains(':')) {
        authority.to_owned()
    } else {
        format!("{authority}:80")
    };
    let mut found = tokio::net::lookup_host(&with_port).await.map_err(cannot("the target cannot be found"))?;
    Ok((authority.to_owned(), found.next().ok_or_else(usage)?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[tokio::test]
    async fn a_target_is_the_address_of_an_api_without_a_path() {
        for (url, port) in [("http://127.0.0.1:8080", 8080), ("http://127.0.0.1:8080/", 8080), ("http://[::1]", 80)] {
            assert_eq!(address_of(url).await.unwrap().1.port(), port, "{url}");
        }
        for url in ["https://127.0.0.1", "127.0.0.1:8080", "http://", "http://h/api", "http://u:p@127.0.0.1"] {
            assert!(matches!(address_of(url).await, Err(Failure::Usage(_))), "{url}");
        }
    }
}
