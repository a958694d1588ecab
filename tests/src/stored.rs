//! What the databases really hold, read past the product's own reads. Tests compare it with what clients were told.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, PgPool, SqlitePool, sqlite::SqliteConnectOptions};
use uuid::Uuid;

use crate::{Pipeline, Shape};

/// Each lead with its customer's key: the first one lies in the customer's own row.
const LEADS: &str = "SELECT customer_key, event_id FROM customers WHERE program_id = $1 AND event_id IS NOT NULL \
     UNION ALL SELECT customer_key, leads.event_id FROM leads JOIN customers USING (program_id, ident) WHERE program_id = $1";
const COUNTED: &str =
    "SELECT customer_key, counted_event FROM customers WHERE program_id = $1 AND counted_event IS NOT NULL";
const DIGESTS: &str =
    "SELECT email_digest FROM customers WHERE program_id = $1 ORDER BY length(customer_key), customer_key";
const EVENTS: &str = "SELECT (SELECT count(*) FROM clicks WHERE recorded_at IS NOT NULL) \
     + (SELECT count(*) FROM customers WHERE event_id IS NOT NULL) + (SELECT count(*) FROM leads)";
/// A pack stands by itself, or lies in a range that it was folded into.
const PACKED: &str = "SELECT CAST(coalesce(sum(events), 0) AS bigint) FROM ( \
     SELECT events FROM packs WHERE NOT EXISTS (SELECT 1 FROM pack_ranges AS folded \
       WHERE folded.run = packs.run AND packs.number BETWEEN folded.first AND folded.last) \
     UNION ALL SELECT events FROM pack_ranges) AS counted";
const DETAILS: &str = "SELECT detail FROM clicks WHERE detail IS NOT NULL \
     UNION ALL SELECT detail FROM customers WHERE detail IS NOT NULL UNION ALL SELECT detail FROM leads WHERE detail IS NOT NULL";
/// A row that is written again, be it as it was before, has another writer.
const ROWS: &str = "SELECT 'clicks ' || clicks::text, xmin::text FROM clicks \
     UNION ALL SELECT 'customers ' || customers::text, xmin::text FROM customers \
     UNION ALL SELECT 'leads ' || leads::text, xmin::text FROM leads \
     UNION ALL SELECT 'waiters ' || waiters::text, xmin::text FROM waiters";
const SET_ASIDE: &str = "SELECT count(*) FROM dead_letters";

/// A database, open for reading.
#[derive(Debug)]
pub enum Stored {
    /// The server's.
    Postgres(PgPool),
    /// The embedded shape's file.
    Sqlite(SqlitePool),
}

macro_rules! either {
    ($stored:expr, $pool:ident => $query:expr) => {
        match $stored {
            Stored::Postgres($pool) => $query.await,
            Stored::Sqlite($pool) => $query.await,
        }
        .expect("an answer of the database")
    };
}

impl Pipeline {
    /// Opens its database, for the calling test's runtime.
    ///
    /// # Panics
    /// When it cannot be opened.
    pub async fn stored(&self) -> Stored {
        match self.shape() {
            Shape::Embedded => Stored::file(&self.data().join("affitor.db")).await,
            Shape::Servers => {
                let url = self.settings().store.database_url.expose();
                Stored::Postgres(PgPool::connect(url).await.expect("the database"))
            }
        }
    }
}

impl Stored {
    /// Opens the file of an embedded store.
    ///
    /// # Panics
    /// When it cannot be opened.
    pub async fn file(path: &std::path::Path) -> Self {
        let options = SqliteConnectOptions::new().filename(path);
        Self::Sqlite(SqlitePool::connect_with(options).await.expect("the file"))
    }

    /// Every lead of a program: its customer's key and its event id.
    pub async fn leads(&self, program: i64) -> Vec<(Option<String>, Uuid)> {
        either!(self, pool => sqlx::query_as(LEADS).bind(program).fetch_all(pool))
    }

    /// Every customer of a program with the lead that counts.
    pub async fn counted(&self, program: i64) -> Vec<(Option<String>, Uuid)> {
        either!(self, pool => sqlx::query_as(COUNTED).bind(program).fetch_all(pool))
    }

    /// The digests of a program's email addresses, shorter customer keys first.
    pub async fn email_digests(&self, program: i64) -> Vec<Option<Vec<u8>>> {
        either!(self, pool => sqlx::query_scalar(DIGESTS).bind(program).fetch_all(pool))
    }

    /// How many events there are, of all programs.
    pub async fn events(&self) -> i64 {
        either!(self, pool => sqlx::query_scalar(EVENTS).fetch_one(pool))
    }

    /// How many events the ledger says have been applied.
    pub async fn events_in_ledger(&self) -> i64 {
        either!(self, pool => sqlx::query_scalar(PACKED).fetch_one(pool))
    }

    /// How many messages and events have been set aside.
    pub async fn dead_letters(&self) -> i64 {
        either!(self, pool => sqlx::query_scalar(SET_ASIDE).fetch_one(pool))
    }

    /// Every row that is stored of events, with the transaction that wrote it.
    ///
    /// # Panics
    /// When it is a file.
    pub async fn rows(&self) -> BTreeMap<String, String> {
        let Self::Postgres(pool) = self else { panic!("only a server tells") };
        let rows: Vec<(String, String)> = sqlx::query_as(ROWS).fetch_all(pool).await.expect("the rows");
        rows.into_iter().collect()
    }

    /// What is kept of all events for people to read.
    pub async fn details(&self) -> String {
        let details: Vec<String> = either!(self, pool => sqlx::query_scalar(DETAILS).fetch_all(pool));
        details.join("\n")
    }

    /// Every row of every table as text, bytes in hexadecimal digits.
    ///
    /// # Panics
    /// When it is a file: its bytes can be read as they are.
    pub async fn everything(&self) -> String {
        let Self::Postgres(pool) = self else { panic!("read the file's bytes instead") };
        let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'";
        let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(pool).await.expect("the tables");
        let mut text = String::new();
        for table in tables {
            let rows = AssertSqlSafe(format!("SELECT {table}::text FROM {table}"));
            let rows: Vec<String> = sqlx::query_scalar(rows).fetch_all(pool).await.expect("the rows");
            text.push_str(&rows.join("\n"));
        }
        text
    }

    /// Ends its connections.
    pub async fn close(self) {
        match self {
            Self::Postgres(pool) => pool.close().await,
            Self::Sqlite(pool) => pool.close().await,
        }
    }
}
