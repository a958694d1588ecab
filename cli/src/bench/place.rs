//! Where the bench measures: a database, queues and a directory of its own, on servers of this machine.
//!
//! Made before and taken away after, whatever happens in between; only a bench that is killed leaves them behind, under
//! names that begin with `affitor_bench_` and `bench.`.

use super::{cannot, servers};
use crate::failure::Failure;
use domain::keyring::Keyring;
use domain::{ApiKey, PartnerId, ProgramId};
use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties};
use queue::{Queue, TopologyNames};
use runtime::config::Settings;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, Executor, PgConnection};
use std::fmt::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use store::{NewProgram, Store};
use tempfile::TempDir;
use time::OffsetDateTime;

const SECRET_BYTES: usize = 32;

/// The ground of one bench.
pub(super) struct Place {
    /// Lower-case letters and digits, in every name.
    pub(super) id: String,
    /// The servers, unless none were named.
    pub(super) servers: Option<BenchServers>,
    /// For state and embedded stores.
    pub(super) directory: TempDir,
    /// The one program, with its key.
    pub(super) program: ProgramId,
    pub(super) partner: PartnerId,
    pub(super) key: String,
    pub(super) click_secret: Keyring,
    pub(super) email_pepper: Keyring,
    environment: Vec<(String, String)>,
    key_entropy: [u8; ApiKey::ENTROPY],
}

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
}

impl Place {
    /// Makes everything.
    ///
    /// # Errors
    /// The servers are on another machine, cannot be reached, or refuse.
    pub(super) async fn prepare(settings: &Settings, config: Option<&Path>) -> Result<Self, Failure> {
        let id = format!("{:x}", OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000);
        let servers = BenchServers::named(settings, &id)?;
        let directory = TempDir::with_prefix("affitor-bench-").map_err(Failure::system("no temporary directory"))?;
        let (click, email, key_entropy) = (random()?, random()?, random()?);
        let keyring = |secret: &[u8; SECRET_BYTES]| {
            Keyring::new([('b', secret)]).map_err(cannot("the bench's own secrets cannot be used"))
        };
        let mut environment = vec![
            ("AFFITOR_SECRETS__CLICK_SECRET".to_owned(), entry(&click)),
            ("AFFITOR_SECRETS__EMAIL_PEPPER".to_owned(), entry(&email)),
            ("AFFITOR_LOG__FILTER".to_owned(), "error".to_owned()),
            ("AFFITOR_LOG__FORMAT".to_owned(), "pretty".to_owned()),
        ];
        if let Some(config) = config {
            environment.push(("AFFITOR_CONFIG".to_owned(), config.display().to_string()));
        }
        if let Some(servers) = &servers {
            environment.extend(servers.environment());
        }
        let (program, partner) = (number(ProgramId::new(1))?, number(PartnerId::new(1))?);
        let place = Place {
            id,
            servers,
            directory,
            program,
            partner,
            key: ApiKey::mint(key_entropy).text().to_owned(),
            click_secret: keyring(&click)?,
            email_pepper: keyring(&email)?,
            environment,
            key_entropy,
        };
        if let Err(failure) = place.fill().await {
            // The first failure tells more than one of the clean-up.
            let _ = place.clear().await;
            return Err(failure);
        }
        Ok(place)
    }

    /// The servers, or what has to be said when none were named.
    ///
    /// # Errors
    /// None were named.
    pub(super) fn servers(&self) -> Result<&BenchServers, Failure> {
        let text = "this part needs RabbitMQ and PostgreSQL on this machine: name them with --amqp and --database";
        self.servers.as_ref().ok_or_else(|| Failure::Usage(text.to_owned()))
    }

    /// What every process of the bench finds in its environment.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        self.environment.clone()
    }

    /// A directory that nobody else uses.
    ///
    /// # Errors
    /// The disk refuses.
    pub(super) fn fresh_directory(&self) -> Result<PathBuf, Failure> {
        let made = TempDir::new_in(self.directory.path()).map_err(Failure::system("no directory for the bench"))?;
        // It goes with the one that it lies in.
        Ok(made.keep())
    }

    /// Makes the one program with its key in a store that has none.
    ///
    /// # Errors
    /// The store refuses.
    pub(super) async fn make_program(&self, store: &Store) -> Result<(), Failure> {
        let program = store.create_program(NewProgram::named("bench")).await?.program_id;
        let partner = store.create_partner(program, "bench").await?.partner_id;
        store.create_link(program, partner, Some("BENCH".to_owned())).await?;
        store.create_key(program, "bench", self.key_entropy).await?;
        if (program, partner) == (self.program, self.partner) {
            Ok(())
        } else {
            Err(Failure::Found("the bench's database was not empty".to_owned()))
        }
    }

    async fn fill(&self) -> Result<(), Failure> {
        let Some(servers) = &self.servers else { return Ok(()) };
        servers.create_database().await?;
        let store = servers.store().await?;
        store.migrate().await?;
        let filled = self.make_program(&store).await;
        store.close().await;
        filled
    }

    /// Takes everything away again.
    ///
    /// # Errors
    /// Something could not be taken away.
    pub(super) async fn clear(&self) -> Result<(), Failure> {
        let Some(servers) = &self.servers else { return Ok(()) };
        let queues = servers.delete_queues().await;
        servers.drop_databases().await?;
        queues
    }
}

impl BenchServers {
    /// Both, on this machine, or neither.
    fn named(settings: &Settings, id: &str) -> Result<Option<Self>, Failure> {
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
        }))
    }

    fn environment(&self) -> [(String, String); 3] {
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

    /// Runs one statement in our database.
    pub(super) async fn run(&self, statement: &'static str) -> Result<(), Failure> {
        let mut connection = self.connect().await?;
        connection.execute(statement).await.map_err(cannot("the bench's database refuses"))?;
        Ok(())
    }

    async fn create_database(&self) -> Result<(), Failure> {
        let name = self.database.get_database().unwrap_or_default();
        self.maintain(format!("CREATE DATABASE {name}"), "the bench's database cannot be created").await
    }

    /// With those of single turns, whose names begin with its own.
    async fn drop_databases(&self) -> Result<(), Failure> {
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

    async fn delete_queues(&self) -> Result<(), Failure> {
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

fn number<N>(number: Option<N>) -> Result<N, Failure> {
    number.ok_or_else(|| Failure::Found("1 is no number of a program".to_owned()))
}

fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// A secret as settings write it.
fn entry(secret: &[u8]) -> String {
    let mut text = String::from("b:");
    for byte in secret {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
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

    #[test]
    fn a_secret_is_written_as_settings_read_it() {
        assert_eq!(entry(&[0, 255]), "b:00ff");
    }
}
