//! A database of its own for one test, dropped with its guard. It makes no schema: that is the test's business.

use std::{str::FromStr, thread};

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, postgres::PgConnectOptions};
use url::Url;

use crate::{Servers, unique_name};

/// An empty database that exists as long as this guard.
#[derive(Debug)]
pub struct DatabaseGuard {
    name: String,
    url: String,
    server_url: String,
}

impl DatabaseGuard {
    /// What a connection to this database is opened with.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its name on the server.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Creates an empty UTF-8 database on the server of [`Servers::from_env`].
///
/// # Panics
/// When the server cannot be reached or refuses.
pub async fn fresh_database() -> DatabaseGuard {
    let server_url = Servers::from_env().database_url;
    let name = unique_name("affitor_test");
    let mut url = Url::parse(&server_url).expect("TEST_DATABASE_URL is a URL");
    url.set_path(&name);
    // template0: nobody can be connected to it, so that tests create databases side by side.
    run(&server_url, format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"))
        .await
        .unwrap_or_else(|error| panic!("cannot create the database {name}: {error}"));
    DatabaseGuard { name, url: url.into(), server_url }
}

async fn run(server_url: &str, statement: String) -> Result<(), sqlx::Error> {
    let mut connection: PgConnection = PgConnectOptions::from_str(server_url)?.connect().await?;
    connection.execute(AssertSqlSafe(statement)).await?;
    connection.close().await
}

impl Drop for DatabaseGuard {
    fn drop(&mut self) {
        // A thread with a runtime of its own: the test's may be single-threaded or already ending.
        let server_url = self.server_url.clone();
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let dropped = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(run(&server_url, statement))
        })
        .join();
        // A second panic while a failed test unwinds would abort the whole binary.
        if !matches!(dropped, Ok(Ok(()))) {
            eprintln!("the database {} was left behind: {dropped:?}", self.name);
        }
    }
}
