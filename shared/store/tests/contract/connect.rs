//! Connecting and the schema: what is refused, what may happen twice.

use crate::stage::{Database, Stage};
use sqlx::{AssertSqlSafe, Executor};
use std::time::Duration;
use store::{NewProgram, PostgresSettings, Store, StoreError};

on_both! {
    migrating_again_and_at_the_same_time_is_harmless,
    a_healthy_store_takes_writes,
}

async fn migrating_again_and_at_the_same_time_is_harmless(stage: &Stage) {
    stage.store.migrate().await.unwrap();
    let again: Vec<_> = (0..4)
        .map(|_| {
            let store = stage.store.clone();
            tokio::spawn(async move { store.migrate().await })
        })
        .collect();
    for migration in again {
        migration.await.unwrap().unwrap();
    }
    assert!(stage.store.schema_is_current().await.unwrap());
}

async fn a_healthy_store_takes_writes(stage: &Stage) {
    stage.store.ping().await.unwrap();
    stage.store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_processes_migrate_an_empty_postgres_database_at_once() {
    let database = Database::create().await;
    let mut stores = Vec::new();
    for _ in 0..4 {
        stores.push(database.store().await);
    }
    assert!(!stores[0].schema_is_current().await.unwrap());
    let migrations: Vec<_> =
        stores.iter().cloned().map(|store| tokio::spawn(async move { store.migrate().await })).collect();
    for migration in migrations {
        migration.await.unwrap().unwrap();
    }
    assert!(stores[0].schema_is_current().await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_migrate_an_empty_sqlite_file_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("affitor.db");
    let (one, other) = (Store::sqlite(&path).await.unwrap(), Store::sqlite(&path).await.unwrap());
    assert!(!one.schema_is_current().await.unwrap());
    let (first, second) = tokio::join!(one.migrate(), other.migrate());
    first.unwrap();
    second.unwrap();
    assert!(other.schema_is_current().await.unwrap());
}

#[tokio::test]
async fn a_schema_newer_than_the_program_is_current() {
    let stage = Stage::postgres().await;
    let crate::stage::Place::Postgres(database) = &stage.place else { unreachable!() };
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'newer', true, '', 0)";
    database.connect().await.execute(newer).await.unwrap();
    assert!(stage.store.schema_is_current().await.unwrap());
    stage.store.migrate().await.unwrap();
}

#[tokio::test]
async fn a_read_only_server_is_refused_with_the_reason() {
    let stage = Stage::postgres().await;
    let crate::stage::Place::Postgres(database) = &stage.place else { unreachable!() };
    let read_only = AssertSqlSafe(format!("ALTER DATABASE {} SET default_transaction_read_only = on", database.name));
    database.connect().await.execute(read_only).await.unwrap();
    let store = database.store().await;
    for error in [
        store.ping().await.unwrap_err(),
        store.create_program(NewProgram::named("Shop")).await.unwrap_err(),
        store.migrate().await.unwrap_err(),
    ] {
        assert!(matches!(&error, StoreError::Misconfigured(text) if text.contains("read-only")), "{error:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_named_within_the_deadline_and_does_not_stop_the_start() {
    // Nobody listens on port 1.
    let mut settings = PostgresSettings::for_url("postgres://affitor:secret@127.0.0.1:1/affitor");
    settings.connect_timeout = Duration::from_millis(300);
    let store = Store::postgres(settings).await.unwrap();
    let error = store.programs().await.unwrap_err();
    assert!(matches!(&error, StoreError::Away(text) if text.contains("refused")), "{error:?}");
    assert!(!format!("{error} {store:?}").contains("secret"));
}

#[tokio::test]
async fn a_database_that_does_not_exist_is_a_mistake_of_the_set_up() {
    let mut database = Database::create().await;
    database.url.push_str("_missing");
    let error = database.store().await.ping().await.unwrap_err();
    assert!(matches!(error, StoreError::Misconfigured(_)), "{error:?}");
    let error = Store::postgres(PostgresSettings::for_url("mysql://u:secret@h")).await.unwrap_err();
    assert!(matches!(&error, StoreError::Misconfigured(text) if !text.contains("secret")), "{error:?}");
}

#[tokio::test]
async fn the_sqlite_file_is_its_owners_alone_and_durable() {
    let stage = Stage::sqlite().await;
    stage.store.create_program(NewProgram::named("Shop")).await.unwrap();
    #[cfg(unix)]
    for suffix in ["", "-wal", "-shm"] {
        use std::os::unix::fs::PermissionsExt;
        let file = format!("{}{suffix}", stage.place.file().display());
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
    }
    let writer = stage.store.sqlite_writer().unwrap();
    for (pragma, expected) in [
        ("PRAGMA synchronous", 2_i64),
        ("PRAGMA fullfsync", 1),
        ("PRAGMA checkpoint_fullfsync", 1),
        ("PRAGMA foreign_keys", 1),
        ("PRAGMA busy_timeout", 30_000),
    ] {
        let value: i64 = sqlx::query_scalar(pragma).fetch_one(&writer).await.unwrap();
        assert_eq!(value, expected, "{pragma}");
    }
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&writer).await.unwrap();
    assert_eq!(mode, "wal");
}

#[tokio::test]
async fn an_sqlite_file_that_cannot_be_written_is_one_clear_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let error = Store::sqlite(&directory.path().join("missing/affitor.db")).await.unwrap_err();
    assert!(matches!(&error, StoreError::Misconfigured(text) if text.contains("affitor.db")), "{error:?}");
}
