//! A database of its own for one run, dropped at the end, with a second set of tables for COPY.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use store::{PostgresSettings, Store};

/// The customers' table once more: same columns, same indexes, same room in its pages.
const PLAIN: &str = "CREATE SCHEMA plain;
CREATE TABLE plain.customers (LIKE public.customers INCLUDING ALL) WITH (fillfactor = 90)";

pub(crate) struct Database {
    server: String,
    name: String,
    pub(crate) url: String,
    pub(crate) store: Store,
}

impl Database {
    pub(crate) async fn create() -> Database {
        let server = std::env::var("TEST_DATABASE_URL").expect("TEST_DATABASE_URL names no Postgres server");
        let name = format!("affitor_drain_{}", std::process::id());
        let mut url = url::Url::parse(&server).expect("TEST_DATABASE_URL is a URL");
        url.set_path(&name);
        run(&server, &format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")).await;
        let store = Store::postgres(PostgresSettings::for_url(url.clone())).await.unwrap();
        store.migrate().await.unwrap();
        run(url.as_str(), PLAIN).await;
        Database { server, name, url: url.into(), store }
    }

    pub(crate) async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }

    /// The processes that serve this database.
    pub(crate) async fn backends(&self) -> Vec<i32> {
        let mut eyes = self.connect().await;
        let pids = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
            AND backend_type = 'client backend'";
        sqlx::query_scalar(pids).fetch_all(&mut eyes).await.unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, drop) = (self.server.clone(), format!("DROP DATABASE {} WITH (FORCE)", self.name));
        // The run's own runtime may be ending.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(run(&server, &drop));
        });
        dropped.join().unwrap();
    }
}

async fn run(url: &str, statements: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    connection.execute(AssertSqlSafe(statements.to_owned())).await.unwrap();
    connection.close().await.unwrap();
}
