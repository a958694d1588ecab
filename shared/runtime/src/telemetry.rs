//! Logs and metrics: installed once a process, harmless to install again (tests start many services).
//!
//! Metrics are served by `http::ops_router`; what is counted is decided where it happens.

use crate::config::{LogFormat, LogSettings};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::sync::OnceLock;
use std::time::Duration;
use thiserror::Error;
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{ParseError, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Buckets by the end of a histogram's name, the more special end first. Without buckets the exporter makes summaries,
/// which cannot be added over processes. A histogram is shown from the moment it is registered, with or without samples.
const BUCKETS: [(&str, &[f64]); 4] = [
    // Events that wait out an outage are minutes old.
    ("_lag_seconds", &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0]),
    // From a confirm of half a millisecond to beyond every deadline.
    ("_seconds", &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]),
    ("_bytes", &[256.0, 1_024.0, 4_096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0]),
    ("_events", &[1.0, 4.0, 16.0, 64.0, 256.0, 512.0, 1_024.0, 2_048.0, 4_096.0]),
];

/// For a histogram of no known unit: a summary would be worse than rough buckets.
const OTHER_BUCKETS: &[f64] = &[1.0, 10.0, 100.0, 1_000.0, 10_000.0];

/// The broker's client. It logs what it sends, the login among it, and errors while it is being closed; what people
/// need to know of the broker is said by `queue`.
const SILENT: [&str; 2] = ["lapin", "amq_protocol"];

/// Histograms keep each sample until they are folded into buckets; this bounds that memory.
const UPKEEP_PERIOD: Duration = Duration::from_secs(5);

/// Why metrics cannot be collected.
#[derive(Clone, Debug, Error)]
#[error("metrics cannot be installed: {0}")]
pub struct MetricsError(String);

/// Reads the process's metrics.
#[derive(Clone, Debug)]
pub struct MetricsHandle(PrometheusHandle);

impl MetricsHandle {
    /// All metrics in Prometheus' text form.
    pub fn render(&self) -> String {
        self.0.render()
    }
}

/// Installs the recorder of the process, or hands out the one that is there.
///
/// # Errors
/// Another recorder than ours is installed, or no thread can be started to keep it small.
pub fn install_metrics() -> Result<MetricsHandle, MetricsError> {
    static INSTALLED: OnceLock<Result<MetricsHandle, MetricsError>> = OnceLock::new();
    INSTALLED.get_or_init(|| install().map_err(|error| MetricsError(error.to_string()))).clone()
}

fn install() -> Result<MetricsHandle, Box<dyn std::error::Error>> {
    let mut builder = PrometheusBuilder::new().set_buckets(OTHER_BUCKETS)?;
    for (unit, buckets) in BUCKETS {
        builder = builder.set_buckets_for_metric(Matcher::Suffix(unit.into()), buckets)?;
    }
    let handle = builder.install_recorder()?;
    let upkeep = handle.clone();
    // A thread and not a task: the recorder outlives any one tokio runtime.
    std::thread::Builder::new().name("metrics-upkeep".into()).spawn(move || {
        loop {
            std::thread::sleep(UPKEEP_PERIOD);
            upkeep.run_upkeep();
        }
    })?;
    Ok(MetricsHandle(handle))
}

/// Sends log lines to standard error, as the settings say; a second call changes nothing. No filter brings the log of
/// the broker's client back.
///
/// # Errors
/// The filter cannot be read, which [`crate::config::Settings::check`] says first.
pub fn init_logs(settings: &LogSettings) -> Result<(), ParseError> {
    // An error means that a subscriber is there already.
    let _already = subscriber(settings, std::io::stderr)?.try_init();
    Ok(())
}

fn subscriber<W>(settings: &LogSettings, writer: W) -> Result<Box<dyn Subscriber + Send + Sync>, ParseError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let logs = tracing_subscriber::fmt().with_env_filter(filter(&settings.filter)?).with_writer(writer);
    // Beside the filter and not in it, where a more special directive would win.
    let loud = filter_fn(|event| !SILENT.iter().any(|client| event.target().starts_with(client)));
    Ok(match settings.format {
        LogFormat::Json => Box::new(logs.json().flatten_event(true).finish().with(loud)),
        LogFormat::Pretty => Box::new(logs.finish().with(loud)),
    })
}

pub(crate) fn filter(directives: &str) -> Result<EnvFilter, ParseError> {
    EnvFilter::builder().parse(directives)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn histograms_have_the_buckets_of_their_unit() {
        let handle = install_metrics().unwrap();
        metrics::histogram!("affitor_test_wait_seconds").record(0.003);
        metrics::histogram!("affitor_test_lag_seconds").record(20.0);
        metrics::histogram!("affitor_test_pack_events").record(300.0);
        metrics::histogram!("affitor_test_depth").record(5.0);
        let text = handle.render();
        for line in [
            "affitor_test_wait_seconds_bucket{le=\"0.0025\"} 0",
            "affitor_test_wait_seconds_bucket{le=\"0.005\"} 1",
            "affitor_test_lag_seconds_bucket{le=\"10\"} 0",
            "affitor_test_lag_seconds_bucket{le=\"30\"} 1",
            "affitor_test_pack_events_bucket{le=\"512\"} 1",
            "affitor_test_depth_bucket{le=\"10\"} 1",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        assert!(!text.contains("quantile"), "no summaries: {text}");
    }

    #[test]
    fn a_histogram_is_shown_before_its_first_sample() {
        let handle = install_metrics().unwrap();
        let _registered = metrics::histogram!("affitor_test_silence_seconds", "route" => "none");
        let text = handle.render();
        for line in ["bucket{route=\"none\",le=\"+Inf\"} 0", "sum{route=\"none\"} 0", "count{route=\"none\"} 0"] {
            assert!(text.contains(&format!("affitor_test_silence_seconds_{line}")), "{line} in {text}");
        }
    }

    #[test]
    fn a_second_install_reads_the_same_metrics() {
        let (first, second) = (install_metrics().unwrap(), install_metrics().unwrap());
        metrics::counter!("affitor_test_installs_total").increment(1);
        assert!(first.render().contains("affitor_test_installs_total 1"));
        assert!(second.render().contains("affitor_test_installs_total 1"));
    }

    #[test]
    fn the_brokers_client_is_silent_under_any_filter() {
        for (filter, format) in [
            ("trace", LogFormat::Json),
            ("trace,lapin=trace", LogFormat::Pretty),
            ("lapin::channel=trace,queue=info", LogFormat::Json),
        ] {
            let room = tempfile::tempdir().unwrap();
            let file = std::fs::File::create(room.path().join("log")).unwrap();
            let settings = LogSettings { filter: filter.to_owned(), format };
            tracing::subscriber::with_default(subscriber(&settings, file).unwrap(), || {
                tracing::trace!(target: "lapin::channel", "the login");
                tracing::error!(target: "amq_protocol::frame", "the login");
                tracing::info!(target: "queue", "connected");
            });
            let logged = std::fs::read_to_string(room.path().join("log")).unwrap();
            assert!(logged.contains("connected") && !logged.contains("login"), "{filter}: {logged}");
        }
    }

    #[test]
    fn logs_can_be_initialised_twice() {
        let settings = LogSettings::default();
        assert!(init_logs(&settings).is_ok());
        assert!(init_logs(&settings).is_ok());
    }
}
