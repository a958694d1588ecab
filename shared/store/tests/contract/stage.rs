//! A store with a fresh database for one test; the database goes with it.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, process, thread};
use store::{PostgresSettings, Store};
use tempfile::TempDir;

/// A migrated store and where it is.
pub(crate) struct Stage {
    pub(crate) store: Store,
    pub(crate) place: Place,
}

/// What is dropped with the stage.
pub(crate) enum Place {
    Postgres(Database),
    Sqlite(TempDir),
}

impl Stage {
    pub(crate) async fn postgres() -> Stage {
        let database = Database::create().await;
        let store = database.store().await;
        store.migrate().await.unwrap();
        Stage { store, place: Place::Postgres(database) }
    }

    pub(crate) async fn sqlite() -> Stage {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::sqlite(&directory.path().join("affitor.db")).await.unwrap();
        store.migrate().await.unwrap();
        Stage { store, place: Place::Sqlite(directory) }
    }
}

impl Place {
    /// Everything the database has stored, as one text in which a secret would be found.
    pub(crate) async fn everything(&self) -> String {
        match self {
            Place::Postgres(database) => {
                let mut connection = database.connect().await;
                let tables: Vec<String> = sqlx::query_scalar(
                    "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'",
                )
                .fetch_all(&mut connection)
                .await
                .unwrap();
                let mut text = String::new();
                for table in tables {
                    let rows = AssertSqlSafe(format!("SELECT t::text FROM {table} t"));
                    let rows: Vec<String> = sqlx::query_scalar(rows).fetch_all(&mut connection).await.unwrap();
                    text.extend(rows);
                }
                text
            }
            Place::Sqlite(directory) => {
                let files = std::fs::read_dir(directory.path()).unwrap();
                files
                    .map(|file| String::from_utf8_lossy(&std::fs::read(file.unwrap().path()).unwrap()).into_owned())
                    .collect()
            }
        }
    }

    /// The file, when it is SQLite.
    pub(crate) fn file(&self) -> PathBuf {
        match self {
            Place::Postgres(_) => panic!("Postgres has no file"),
            Place::Sqlite(directory) => directory.path().join("affitor.db"),
        }
    }
}

/// An empty database on the server of the tests, dropped with its guard.
pub(crate) struct Database {
    server: String,
    pub(crate) name: String,
    pub(crate) url: String,
}

impl Database {
    pub(crate) async fn create() -> Database {
        let server = env::var("TEST_DATABASE_URL")
            .expect("TEST_DATABASE_URL names no Postgres server to test on; ./tests/run.sh starts one");
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let name = format!("affitor_store_{}_{}", process::id(), since.as_nanos());
        let mut url = url::Url::parse(&server).expect("TEST_DATABASE_URL is a URL");
        url.set_path(&name);
        // template0: nobody can be connected to it, so that tests create databases side by side.
        run(&server, format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")).await;
        Database { server, name, url: url.into() }
    }

    pub(crate) async fn store(&self) -> Store {
        Store::postgres(PostgresSettings::for_url(&self.url)).await.unwrap()
    }

    pub(crate) async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, statement) = (self.server.clone(), format!("DROP DATABASE {} WITH (FORCE)", self.name));
        // A thread with a runtime of its own: the test's may already be ending.
        let dropped = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(run(&server, statement));
        });
        // A second panic while a failed test unwinds would abort the whole binary.
        if dropped.join().is_err() {
            eprintln!("the database {} was left behind", self.name);
        }
    }
}

async fn run(server: &str, statement: String) {
    let mut connection = PgConnection::connect(server).await.unwrap();
    connection.execute(AssertSqlSafe(statement)).await.unwrap();
    connection.close().await.unwrap();
}
