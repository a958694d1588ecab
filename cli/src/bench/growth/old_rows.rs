//! Rows of years: customers who came long ago, each through a click of its own, and programs with their links.
//!
//! Written by the database itself, a hundred thousand at a time. They look like what the product stores, and no lead of
//! the bench names them.

use crate::bench::drain::ground::Ground;
use crate::bench::words::{cannot, say};
use crate::failure::Failure;
use domain::event::Class;
use domain::outcome::{Reason, Status};
use sqlx::{Executor, PgConnection};

/// Customers of one transaction.
const STEP: u64 = 100_000;
const CONNECTIONS: u64 = 2;
/// So often it is said how far it has come.
const SAID: u64 = 1_000_000;

/// Numbers with the ids that the product would give at their times: version 7, which holds milliseconds and
/// microseconds. $1 and $2 are the first and the last number, $3 how many there are in all.
macro_rules! of_old {
    ($statement:literal) => {
        concat!(
            "WITH numbers AS (
  SELECT n, (extract(epoch FROM now()) * 1000)::bigint - 172800000 - ($3 - n) * 250 AS ms
  FROM generate_series($1::bigint, $2) AS n
), times AS (
  SELECT n, lpad(to_hex(ms), 12, '0') AS click_ms, lpad(to_hex(ms + 60000), 12, '0') AS lead_ms,
    '7' || lpad(to_hex(n % 1000), 3, '0') || '8' AS middle FROM numbers
), old AS (
  SELECT n, (click_ms || middle || substr(md5('click ' || n), 1, 15))::uuid AS click,
    (lead_ms || middle || substr(md5('lead ' || n), 1, 15))::uuid AS lead,
    overlay(md5('customer ' || n) placing '8' from 13 for 1)::uuid AS ident
  FROM times)
",
            $statement
        )
    };
}

const CLICKS: &str = of_old!(
    "INSERT INTO clicks (program_id, click, event_id, partner_id, link_id, recorded_at, detail)
SELECT 1, click, click, 1, 1, now(), '{\"page_url\":\"https://shop.example/pricing\",\"language\":\"en-US\"}' FROM old"
);

/// $4 to $6 are the domain's codes of class, status and reason. The facts are as long as real ones.
const CUSTOMERS: &str = of_old!(
    "INSERT INTO customers (program_id, ident, customer_key, event_id, class, click, facts, recorded_at, claim,
  counted_event, counted_class, status, reason, verdict_click, partner_id, link_id, email_digest, email_mask)
SELECT 1, ident, 'user_old_' || n, lead, $4::smallint, click, decode(repeat('01', 100), 'hex'), now(), click,
  lead, $4::smallint, $5::smallint, $6::smallint, click, 1, 1, decode(repeat('02', 33), 'hex'), 'c***@example.com'
FROM old"
);

/// One program with a partner, a key and some links for each number; $3 links each.
const PROGRAMS: [&str; 4] = [
    "INSERT INTO programs (program_id, name, cookie_window_days, attribution_window_days, attribution_model, lead_auth,
  allowed_origins, version)
SELECT n, 'program ' || n, 60, 60, 'last_click', 'browser_allowed', '[]', $4 FROM generate_series($1::bigint, $2) AS n
WHERE $3::bigint > 0",
    "INSERT INTO partners (program_id, partner_id, name, version)
SELECT n, n, 'partner ' || n, $4 FROM generate_series($1::bigint, $2) AS n WHERE $3::bigint > 0",
    "INSERT INTO links (program_id, link_id, partner_id, code, version)
SELECT n, n * $3 + l, n, 'P' || n || '-' || l, $4
FROM generate_series($1::bigint, $2) AS n, generate_series(1, $3::bigint) AS l",
    "INSERT INTO api_keys (program_id, key_id, label, digest, version)
SELECT n, substr(md5('key ' || n), 1, 12), 'server', sha256(('key ' || n)::bytea), $4
FROM generate_series($1::bigint, $2) AS n WHERE $3::bigint > 0",
];

const NEXT_VERSION: &str = "UPDATE settings_version SET version = version + 1 RETURNING version";

/// Makes programs, each with a partner, a key and so many links, beside the bench's own.
///
/// # Errors
/// The database refuses.
pub(super) async fn store_programs(ground: &Ground<'_>, programs: u64, links: u64) -> Result<(), Failure> {
    let mut connection = ground.connect().await?;
    let made = async {
        let version: i64 = sqlx::query_scalar(NEXT_VERSION).fetch_one(&mut connection).await?;
        let [last, each] = [programs, links / programs.max(1)].map(|number| i64::try_from(number).unwrap_or(i64::MAX));
        for statement in PROGRAMS {
            sqlx::query(statement).bind(2_i64).bind(last).bind(each).bind(version).execute(&mut connection).await?;
        }
        Ok::<_, sqlx::Error>(())
    };
    made.await.map_err(cannot("programs cannot be made"))?;
    for table in ["programs", "partners", "links", "api_keys"] {
        ground.execute(&format!("VACUUM (ANALYZE) {table}")).await?;
    }
    Ok(())
}

/// Stores so many customers, each with its click, and leaves the tables as they are after a while of rest.
///
/// # Errors
/// The database refuses.
pub(super) async fn store_customers(ground: &Ground<'_>, count: u64) -> Result<(), Failure> {
    let parts = (0..CONNECTIONS).map(|part| {
        let range = count * part / CONNECTIONS..count * (part + 1) / CONNECTIONS;
        store_range(ground, range, count)
    });
    futures_util::future::try_join_all(parts).await?;
    ground.execute("VACUUM (ANALYZE) clicks").await?;
    ground.execute("VACUUM (ANALYZE) customers").await
}

async fn store_range(ground: &Ground<'_>, range: std::ops::Range<u64>, count: u64) -> Result<(), Failure> {
    let mut connection = ground.connect().await?;
    // Nothing of it is worth a flush.
    let relaxed = connection.execute("SET synchronous_commit = off").await;
    relaxed.map_err(cannot("the database takes no setting"))?;
    let mut first = range.start;
    while first < range.end {
        let last = (first + STEP).min(range.end) - 1;
        insert(&mut connection, [first, last, count]).await.map_err(cannot("customers cannot be stored"))?;
        if range.start == 0 && ((last + 1) * CONNECTIONS).is_multiple_of(SAID) {
            say(format_args!("growth: about {} customers are stored", (last + 1) * CONNECTIONS));
        }
        first = last + 1;
    }
    Ok(())
}

async fn insert(connection: &mut PgConnection, numbers: [u64; 3]) -> Result<(), sqlx::Error> {
    let [first, last, count] = numbers.map(|number| i64::try_from(number).unwrap_or(i64::MAX));
    sqlx::query(CLICKS).bind(first).bind(last).bind(count).execute(&mut *connection).await?;
    let customers = sqlx::query(CUSTOMERS).bind(first).bind(last).bind(count);
    let customers = customers.bind(Class::Server.code()).bind(Status::Lead.code()).bind(Reason::Attributed.code());
    customers.execute(connection).await.map(drop)
}
