//! `affitor bench` on the real servers: it works, and leaves nothing behind. Its figures are not looked at.

use serde_json::Value;
use sqlx::{Connection, PgConnection};
use std::time::Duration;
use tests::{Process, Servers};

const LONG: Duration = Duration::from_secs(120);

/// Runs it to its end; what it printed to standard output, after its progress.
async fn bench(arguments: &[&str]) -> String {
    let servers = Servers::from_env();
    let environment = [
        ("AFFITOR_QUEUE__AMQP_URL", servers.amqp_url.as_str()),
        ("AFFITOR_STORE__DATABASE_URL", servers.database_url.as_str()),
    ];
    let all: Vec<&str> = ["bench"].iter().chain(arguments).copied().collect();
    let mut bench = Process::start("affitor", &all, &environment);
    let status = bench.wait_for_end(LONG).await;
    let output = bench.output();
    assert!(status.success(), "{output}");
    output.lines().filter(|line| !line.starts_with("bench: ")).collect::<Vec<_>>().join("\n")
}

async fn databases_of_benches() -> i64 {
    let mut server = PgConnection::connect(&Servers::from_env().database_url).await.unwrap();
    let count = sqlx::query_scalar("SELECT count(*) FROM pg_database WHERE datname LIKE 'affitor\\_bench\\_%'");
    count.fetch_one(&mut server).await.unwrap()
}

#[tokio::test]
async fn a_short_bench_prints_its_table() {
    let printed = bench(&["accept", "embedded", "--quick", "--connections", "8", "--json"]).await;
    let table: Value = serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"));
    let contenders: Vec<&str> =
        table["measured"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    for name in ["echo 8", "handler 8", "ingest 8", "insert 8", "message 8", "ingest 32", "up 8"] {
        assert!(contenders.contains(&name), "{name} in {contenders:?}");
    }
    assert!(table["measured"].as_array().unwrap().iter().all(|row| row["rate"].as_f64().unwrap() > 0.0), "{table}");
    assert!(table["ratios"].as_array().unwrap().len() >= 8, "{table}");
    assert_eq!(databases_of_benches().await, 0, "what it made is taken away");
}
