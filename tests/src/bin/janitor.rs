//! Waits until the tests that started it have ended, then removes what they name on its input: `database NAME`,
//! `queues PREFIX` and `directory PATH`, one a line. Servers that have gone away in the meantime need no cleaning.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{error::Error, io::Read, time::Duration};

use lapin::{
    Connection, ConnectionProperties,
    options::{ExchangeDeleteOptions, QueueDeleteOptions},
};
use queue::TopologyNames;
use sqlx::{AssertSqlSafe, Connection as _, Executor, PgConnection};
use tests::Servers;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut lines = String::new();
    std::io::stdin().read_to_string(&mut lines)?;
    let named = |what: &str| -> Vec<&str> { lines.lines().filter_map(|line| line.strip_prefix(what)).collect() };
    remove_directories(&named("directory ")).await;
    let servers = Servers::from_env();
    drop_databases(&servers.database_url, &named("database ")).await?;
    delete_queues(&servers.amqp_url, &named("queues ")).await
}

/// A server that has just been killed may still write.
async fn remove_directories(paths: &[&str]) {
    for path in paths {
        for _ in 0..20 {
            if std::fs::remove_dir_all(path).is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

async fn drop_databases(url: &str, names: &[&str]) -> Result<(), Box<dyn Error>> {
    let mut connection = PgConnection::connect(url).await?;
    for name in names {
        let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        connection.execute(AssertSqlSafe(statement)).await?;
    }
    Ok(connection.close().await?)
}

async fn delete_queues(url: &str, prefixes: &[&str]) -> Result<(), Box<dyn Error>> {
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    for names in prefixes.iter().map(|prefix| TopologyNames::new(prefix)) {
        for queue in [&names.events_queue, &names.unrouted, &names.dead] {
            channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await?;
        }
        for exchange in [&names.events_exchange, &names.unrouted, &names.dead] {
            channel.exchange_delete(exchange.as_str().into(), ExchangeDeleteOptions::default()).await?;
        }
    }
    Ok(())
}
