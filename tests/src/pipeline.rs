//! The whole product as its users run it, in either of its two shapes, and what an administrator does with it.
//! It knows the programs' arguments and settings, and no rule of the product.

use std::{
    path::{Path, PathBuf},
    sync::Mutex,
    time::Duration,
};

use domain::keyring::Keyring;
use runtime::config::Settings;
use store::{PostgresSettings, Store};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::{
    DatabaseGuard, Process, Servers, free_port, fresh_database,
    leftovers::{Leftover, remove_at_the_end},
    unique_name,
};

/// How long a start may take on a busy machine.
pub const START: Duration = Duration::from_secs(30);

const CLICK_SECRET: &str = "t:7465737420736563726574206f66207468697274792d74776f206279746573212a";
const EMAIL_PEPPER: &str = "p:7465737420706570706572206f66207468697274792d74776f206279746573212a";

/// The two shapes of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `affitor up` with everything in one process and one directory.
    Embedded,
    /// `ingest`, `worker` and `console`, on RabbitMQ and PostgreSQL.
    Servers,
}

/// A running pipeline. Its processes end with it.
#[derive(Debug)]
pub struct Pipeline {
    /// Where clicks and leads are sent.
    pub api: String,
    /// Where is read what became of them.
    pub reads: String,
    /// Its directory: everything of the embedded shape, the state of `ingest` in the other.
    pub directory: TempDir,
    /// The settings by which its parts find each other, for the environment of a further part.
    pub environment: Vec<(String, String)>,
    settings: Settings,
    processes: Mutex<Vec<Process>>,
    /// Dropped after the processes that use it; a shared one is never dropped.
    _database: Option<DatabaseGuard>,
}

impl Pipeline {
    /// The pipeline of that shape that all tests of this process share: each has programs of its own in it.
    pub async fn shared(shape: Shape) -> &'static Self {
        static EMBEDDED: OnceCell<Pipeline> = OnceCell::const_new();
        static SERVERS: OnceCell<Pipeline> = OnceCell::const_new();
        match shape {
            Shape::Embedded => EMBEDDED.get_or_init(Self::embedded).await,
            Shape::Servers => SERVERS.get_or_init(Self::servers).await,
        }
    }

    /// Starts the embedded shape in a directory of its own.
    pub async fn embedded() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (address, up) = start_up(&directory.path().join("data"), &["--no-demo"]).await;
        let base = format!("http://{address}");
        let secrets = directory.path().join("data/secrets.toml");
        let settings = Settings::load_from(Some(&secrets), []).expect("the secrets it has made");
        let (environment, processes) = (Vec::new(), Mutex::new(vec![up]));
        Self { api: base.clone(), reads: base, directory, environment, settings, processes, _database: None }
    }

    /// Starts one of each program on the real servers, with a database and queues of its own.
    pub async fn servers() -> Self {
        let pipeline = Self::prepared().await;
        for binary in ["ingest", "worker", "console"] {
            let process = pipeline.start(binary).await;
            pipeline.processes.lock().expect("no panic").push(process);
        }
        pipeline
    }

    /// A database with its schema and the settings of every part, and no part running.
    pub async fn prepared() -> Self {
        let database = fresh_database().await;
        remove_at_the_end(&Leftover::Database(database.name()));
        let pipeline = Self::prepared_on(&Servers::from_env().amqp_url, database.url()).await;
        Self { _database: Some(database), ..pipeline }
    }

    /// The same on servers of the test's own choice; the database is empty.
    pub async fn prepared_on(amqp_url: &str, database_url: &str) -> Self {
        let prefix = unique_name("test");
        remove_at_the_end(&Leftover::Queues(&prefix));
        let directory = tempfile::tempdir().expect("a temporary directory");
        let local = || format!("127.0.0.1:{}", free_port());
        let environment = [
            ("QUEUE__AMQP_URL", amqp_url.to_owned()),
            ("QUEUE__NAME_PREFIX", prefix),
            ("STORE__DATABASE_URL", database_url.to_owned()),
            ("SECRETS__CLICK_SECRET", CLICK_SECRET.to_owned()),
            ("SECRETS__EMAIL_PEPPER", EMAIL_PEPPER.to_owned()),
            ("INGEST__LISTEN", local()),
            ("INGEST__METRICS_LISTEN", local()),
            ("INGEST__STATE_DIR", directory.path().join("state").display().to_string()),
            ("WORKER__METRICS_LISTEN", local()),
            ("CONSOLE__LISTEN", local()),
            ("CONSOLE__METRICS_LISTEN", local()),
        ];
        let environment: Vec<(String, String)> =
            environment.into_iter().map(|(name, value)| (format!("AFFITOR_{name}"), value)).collect();
        let variables = environment.iter().map(|(name, value)| (name.into(), value.into()));
        let settings = Settings::load_from(None, variables).expect("settings that can be read");
        let base = |listen: &str| format!("http://{listen}");
        let pipeline = Self {
            api: base(&settings.ingest.listen),
            reads: base(&settings.console.listen),
            directory,
            environment,
            settings,
            processes: Mutex::default(),
            _database: None,
        };
        let mut migrate = pipeline.process("worker", &["migrate"], &[]);
        let status = migrate.wait_for_end(START).await;
        assert!(status.success(), "worker migrate: {}", migrate.output());
        pipeline
    }

    /// Starts one of its parts and waits until it is ready.
    pub async fn start(&self, binary: &str) -> Process {
        self.start_with(binary, &[]).await
    }

    /// The same with settings of that part's own.
    pub async fn start_with(&self, binary: &str, more: &[(&str, &str)]) -> Process {
        let mut process = self.process(binary, &[], more);
        process.wait_for_url(START, &format!("{}/readyz", self.metrics(binary))).await;
        process
    }

    /// Starts a further worker, on a port of its own, and waits until it is ready.
    pub async fn start_another_worker(&self) -> Process {
        let listen = format!("127.0.0.1:{}", free_port());
        let mut worker = self.process("worker", &[], &[("AFFITOR_WORKER__METRICS_LISTEN", &listen)]);
        worker.wait_for_url(START, &format!("http://{listen}/readyz")).await;
        worker
    }

    /// Starts a program with the settings of this pipeline and `more`, and waits for nothing.
    pub fn process(&self, binary: &str, arguments: &[&str], more: &[(&str, &str)]) -> Process {
        let own = self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let environment: Vec<(&str, &str)> = own.chain(more.iter().copied()).collect();
        Process::start(binary, arguments, &environment)
    }

    /// Where a part shows health and metrics.
    pub fn metrics(&self, binary: &str) -> String {
        let listen = match binary {
            "ingest" => &self.settings.ingest.metrics_listen,
            "worker" => &self.settings.worker.metrics_listen,
            "console" => &self.settings.console.metrics_listen,
            _ => panic!("{binary} shows no metrics"),
        };
        format!("http://{listen}")
    }

    /// The settings of its parts.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What signs its click ids.
    pub fn click_secrets(&self) -> Keyring {
        self.settings.secrets.parse().expect("secrets that can be used").click
    }

    /// Which shape it has.
    pub fn shape(&self) -> Shape {
        if self.settings.store.database_url.is_empty() { Shape::Embedded } else { Shape::Servers }
    }

    /// The data directory of the embedded shape.
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Its store, opened for the calling test's runtime.
    pub async fn store(&self) -> Store {
        let opened = match self.shape() {
            Shape::Embedded => Store::sqlite(&self.data().join("affitor.db")).await,
            Shape::Servers => Store::postgres(self.postgres()).await,
        };
        opened.expect("its store")
    }

    fn postgres(&self) -> PostgresSettings {
        PostgresSettings {
            url: self.settings.store.database_url.expose().to_owned(),
            connect_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(15),
            lock_timeout: Duration::from_secs(5),
            idle_in_transaction_timeout: Duration::from_secs(10),
            pool_size: 2,
        }
    }

    /// Ends all its processes at once, as `kill -9` does.
    ///
    /// # Panics
    /// When another thread has panicked with them in hand.
    pub fn kill(&self) {
        self.processes.lock().expect("no panic").iter_mut().for_each(Process::kill);
    }

    /// What all its processes have printed so far.
    pub fn output(&self) -> String {
        self.processes.lock().expect("no panic").iter().map(Process::output).collect()
    }
}

/// Starts `affitor up` on that directory and waits until it is ready; gives its address.
pub async fn start_up(data: &Path, more: &[&str]) -> (String, Process) {
    let address = format!("127.0.0.1:{}", free_port());
    let mut up = up_at(&address, data, more);
    up.wait_for_url(START, &format!("http://{address}/readyz")).await;
    (address, up)
}

/// Starts `affitor up` and waits for nothing.
pub fn up_at(address: &str, data: &Path, more: &[&str]) -> Process {
    let (data, metrics) = (data.display().to_string(), format!("127.0.0.1:{}", free_port()));
    let own = ["up", "--data", &data, "--listen", address, "--metrics-listen", &metrics];
    let arguments: Vec<&str> = own.into_iter().chain(more.iter().copied()).collect();
    Process::start("affitor", &arguments, &[])
}
