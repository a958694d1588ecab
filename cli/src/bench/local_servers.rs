//! RabbitMQ and PostgreSQL on this machine, with the bench's own queues and databases on them.
//!
//! Servers anywhere else are refused. Called by `place`, and by the parts for connections of their own.

use super::words::cannot;
use crate::failure::Failure;
use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties};
use queue::{Queue, TopologyNames};
use runtime::config::Settings;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, Executor, PgConnection};
use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use store::Store;
use uuid::Uuid;
use worker::servers;

/// The broker and the database server, with what is ours on them.
pub(super) struct BenchServers {
    amqp: AMQPUri,
    /// What every exchange's and queue's name begins with.
    pub(super) prefix: String,
    /// The server's own database, from which ours is made and dropped.
    maintenance: PgConnectOptions,
    /// Our database.
    pub(super) database: PgConnectOptions,
    /// By which processes are found.
    pub(super) amqp_port: u16,
    pub(super) database_port: u16,
    settings: Settings,
    /// Run and number of the packs that were counted.
    counted: Mutex<HashSet<(Uuid, u64)>>,
}

impl BenchServers {
    /// Both, on this machine, or neither.
    pub(super) fn named(settings: &Settings, id: &str) -> Result<Option<Self>, Failure> {
        let (amqp, database) = (&settings.queue.amqp_url, &settings.store.database_url);
        if amqp.is_empty() && database.is_empty() {
            return Ok(None);
        }
        let amqp: AMQPUri = amqp.expose().parse().map_err(|_| usage("--amqp needs an address of RabbitMQ"))?;
        let maintenance: PgConnectOptions =
            database.expose().parse().map_err(|_| usage("--database needs an address of PostgreSQL"))?;
        if !is_here(&amqp.authority.host) || (maintenance.get_socket().is_none() && !is_here(maintenance.get_host())) {
            return Err(usage("a bench loads its servers fully: name servers on this machine, as 127.0.0.1"));
        }
        let mut settings = settings.clone();
        settings.queue.name_prefix = format!("bench.{id}");
        let database = maintenance.clone().database(&format!("affitor_bench_{id}"));
        settings.store.database_url = database.to_url_lossy().to_string().into();
        Ok(Some(BenchServers {
            amqp_port: amqp.authority.port,
            database_port: database.get_port(),
            amqp,
            prefix: settings.queue.name_prefix.clone(),
            maintenance,
            database,
            settings,
            counted: Mutex::default(),
        }))
    }

    pub(super) fn environment(&self) -> [(String, String); 3] {
        let (queue, store) = (&self.settings.queue, &self.settings.store);
        [
            ("AFFITOR_QUEUE__AMQP_URL".to_owned(), queue.amqp_url.expose().to_owned()),
            ("AFFITOR_QUEUE__NAME_PREFIX".to_owned(), queue.name_prefix.clone()),
            ("AFFITOR_STORE__DATABASE_URL".to_owned(), store.database_url.expose().to_owned()),
        ]
    }

    /// The queue as `worker` opens it.
    pub(super) async fn queue(&self) -> Result<Queue, Failure> {
        Ok(Queue::rabbitmq(servers::rabbitmq(&self.settings)).await?)
    }

    /// The store as `worker` opens it.
    pub(super) async fn store(&self) -> Result<Store, Failure> {
        Ok(Store::postgres(servers::postgres(&self.settings)).await?)
    }

    /// A connection to the broker that knows nothing of the product.
    pub(super) async fn broker(&self) -> Result<Connection, Failure> {
        let connected = Connection::connect_uri(self.amqp.clone(), ConnectionProperties::default()).await;
        connected.map_err(cannot("RabbitMQ cannot be reached"))
    }

    /// A connection to our database.
    pub(super) async fn connect(&self) -> Result<PgConnection, Failure> {
        self.database.connect().await.map_err(cannot("the bench's database cannot be reached"))
    }

    /// Whether a pack was not counted yet. What is acknowledged just before a channel is closed can come again.
    pub(super) fn is_new(&self, run: Uuid, number: u64) -> bool {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner).insert((run, number))
    }

    /// Runs one statement in our database.
    pub(super) async fn run(&self, statement: &'static str) -> Result<(), Failure> {
        let mut connection = self.connect().await?;
        connection.execute(statement).await.map_err(cannot("the bench's database refuses"))?;
        Ok(())
    }

    pub(super) async fn create_database(&self) -> Result<(), Failure> {
        let name = self.database.get_database().unwrap_or_default();
        self.maintain(format!("CREATE DATABASE {name}"), "the bench's database cannot be created").await
    }

    /// With those of single turns, whose names begin with its own.
    pub(super) async fn drop_databases(&self) -> Result<(), Failure> {
        let name = self.database.get_database().unwrap_or_default();
        let ours = "SELECT datname::text FROM pg_database WHERE starts_with(datname::text, $1)";
        let found = async {
            let mut connection = self.maintenance.connect().await?;
            sqlx::query_scalar::<_, String>(ours).bind(name).fetch_all(&mut connection).await
        };
        for name in found.await.map_err(cannot("the bench's databases are left behind"))? {
            let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            self.maintain(statement, "the bench's database is left behind").await?;
        }
        Ok(())
    }

    async fn maintain(&self, statement: String, what: &str) -> Result<(), Failure> {
        let done = async {
            let mut connection = self.maintenance.connect().await?;
            connection.execute(AssertSqlSafe(statement)).await?;
            connection.close().await
        };
        done.await.map_err(cannot(what))
    }

    pub(super) async fn delete_queues(&self) -> Result<(), Failure> {
        let names = TopologyNames::new(&self.prefix);
        let broker = self.broker().await?;
        let deleted = async {
            let channel = broker.create_channel().await?;
            for queue in [&names.events_queue, &names.dead, &names.unrouted, &self.message_queue()] {
                channel.queue_delete(queue.as_str().into(), Default::default()).await?;
            }
            for exchange in [&names.events_exchange, &names.dead, &names.unrouted] {
                channel.exchange_delete(exchange.as_str().into(), Default::default()).await?;
            }
            broker.close(200, "done".into()).await
        };
        deleted.await.map_err(cannot("the bench's queues are left behind"))
    }

    /// The queue of the baseline with one message per lead.
    pub(super) fn message_queue(&self) -> String {
        format!("{}.message", self.prefix)
    }
}

/// A load on another machine's servers would be an attack.
fn is_here(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

fn usage(text: &str) -> Failure {
    Failure::Usage(text.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn named(amqp: &str, database: &str) -> Result<Option<BenchServers>, Failure> {
        let mut settings = Settings::default();
        settings.queue.amqp_url = amqp.into();
        settings.store.database_url = database.into();
        BenchServers::named(&settings, "1f")
    }

    #[test]
    fn servers_of_other_machines_are_refused() {
        assert!(named("", "").unwrap().is_none());
        let here = named("amqp://guest:guest@127.0.0.1:5673/%2f", "postgres://u:p@localhost:5433/x").unwrap().unwrap();
        assert_eq!((here.amqp_port, here.database_port, here.prefix.as_str()), (5673, 5433, "bench.1f"));
        assert_eq!(here.database.get_database(), Some("affitor_bench_1f"));
        for (amqp, database) in [
            ("amqp://broker.example", "postgres://u@127.0.0.1/x"),
            ("amqp://127.0.0.1", "postgres://u@10.0.0.1/x"),
            ("amqp://127.0.0.1", "postgres://u@127.0.0.1/x?host=10.0.0.1"),
            ("amqp://127.0.0.1", ""),
        ] {
            assert!(matches!(named(amqp, database), Err(Failure::Usage(_))), "{amqp} {database}");
        }
    }
}
