//! A real Prometheus with the shipped configuration, rewritten to a test's ports and to a scrape a second.

use reqwest::Url;
use serde_json::Value;
use std::{fs, path::Path, process::Command, time::Duration};
use tempfile::TempDir;
use tests::{Pipeline, Process, START, eventually, free_port};

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/prometheus");

/// A running Prometheus; ended when dropped.
pub(super) struct Prometheus {
    base: String,
    _process: Process,
    _directory: TempDir,
}

/// One line of a result: its labels, and its values with their times in seconds.
pub(super) struct Series {
    pub(super) labels: String,
    pub(super) values: Vec<(f64, f64)>,
}

impl Prometheus {
    /// Starts it and waits until each process of the pipeline was scraped a few times.
    pub(super) async fn start(pipeline: &Pipeline) -> Self {
        let (directory, address) = (tempfile::tempdir().unwrap(), format!("127.0.0.1:{}", free_port()));
        let config = directory.path().join("prometheus.yml");
        fs::write(&config, configuration(pipeline)).unwrap();
        fs::copy(Path::new(SHIPPED).join("alerts.yml"), directory.path().join("alerts.yml")).unwrap();
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"));
        let mut process = Process::spawn("prometheus (on Debian: apt-get install prometheus)", &command);
        process.wait_for_url(START, &format!("http://{address}/-/ready")).await;
        let prometheus = Self { base: format!("http://{address}/api/v1"), _process: process, _directory: directory };
        let scrapes = r#"min(sum_over_time(up{job!="affitor"}[5m])) >= 4 and count(up{job!="affitor"}) == 3"#;
        eventually(START, || async {
            let found = prometheus.query(scrapes, None).await;
            if found.is_empty() { Err("not every process was scraped") } else { Ok(()) }
        })
        .await;
        prometheus
    }

    /// The value of each series now, or at that time.
    pub(super) async fn query(&self, expression: &str, time: Option<f64>) -> Vec<Series> {
        let time = time.map(|time| ("time", time.to_string()));
        let parameters = [Some(("query", expression.to_owned())), time];
        series(self.get("query", parameters.into_iter().flatten()).await, "value")
    }

    /// The values of each series, second by second.
    pub(super) async fn query_range(&self, expression: &str, from: f64, to: f64) -> Vec<Series> {
        let (from, to) = (from.to_string(), to.to_string());
        let parameters = [("query", expression), ("start", &from), ("end", &to), ("step", "1")];
        series(self.get("query_range", parameters.map(|(name, value)| (name, value.to_owned()))).await, "values")
    }

    /// The names of the alerts that fire now.
    pub(super) async fn firing(&self) -> Vec<String> {
        let alerts = self.get("alerts", []).await;
        let firing = alerts["alerts"].as_array().unwrap().iter().filter(|alert| alert["state"] == "firing");
        firing.map(|alert| alert["labels"]["alertname"].as_str().unwrap().to_owned()).collect()
    }

    async fn get(&self, what: &str, parameters: impl IntoIterator<Item = (&'static str, String)>) -> Value {
        let url = Url::parse_with_params(&format!("{}/{what}", self.base), parameters).unwrap();
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
        let answer: Value = client.get(url.clone()).send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["status"], "success", "{url}: {answer}");
        answer["data"].clone()
    }
}

fn series(data: Value, member: &str) -> Vec<Series> {
    let number = |value: &Value| value.as_str().unwrap().parse().unwrap_or(f64::NAN);
    let point = |pair: &Value| (pair[0].as_f64().unwrap(), number(&pair[1]));
    let line = |found: &Value| {
        let values = match member {
            "value" => vec![point(&found[member])],
            _ => found[member].as_array().unwrap().iter().map(point).collect(),
        };
        Series { labels: found["metric"].to_string(), values }
    };
    data["result"].as_array().unwrap().iter().map(line).collect()
}

/// The shipped file with this pipeline's addresses.
fn configuration(pipeline: &Pipeline) -> String {
    let address = |binary: &str| pipeline.metrics(binary).replace("http://", "");
    let fixed = |address: &str| format!("static_configs:\n      - targets: [\"{address}\"]");
    let by_name = "dns_sd_configs:\n      - { names: [worker], type: A, port: 9102 }";
    let exchanges = [
        ("scrape_interval: 15s", "scrape_interval: 1s".to_owned()),
        ("scrape_timeout: 10s", "scrape_timeout: 1s".to_owned()),
        ("evaluation_interval: 15s", "evaluation_interval: 1s".to_owned()),
        (r#""ingest-1:9101", "ingest-2:9101""#, format!("\"{}\"", address("ingest"))),
        (by_name, fixed(&address("worker"))),
        ("console:9103", address("console")),
        ("127.0.0.1:9100", format!("127.0.0.1:{}", free_port())),
    ];
    let shipped = fs::read_to_string(Path::new(SHIPPED).join("prometheus.yml")).unwrap();
    exchanges.into_iter().fold(shipped, |config, (from, to)| {
        assert_eq!(config.matches(from).count(), 1, "{from} in deploy/prometheus/prometheus.yml");
        config.replace(from, &to)
    })
}

/// Runs promtool on shipped files.
pub(super) fn promtool(arguments: &[&str]) {
    let ran = Command::new("promtool").args(arguments).current_dir(SHIPPED).output();
    let ran = ran.unwrap_or_else(|error| panic!("promtool (on Debian: apt-get install prometheus): {error}"));
    let said = [ran.stdout, ran.stderr].concat();
    assert!(ran.status.success(), "promtool {arguments:?}:\n{}", String::from_utf8_lossy(&said));
}
