//! The harness keeps its own promises: what tests stand on is tested first.

use std::{collections::HashSet, net::TcpListener, process::Command, time::Duration};

use sqlx::{Connection, PgConnection};
use tests::{Process, Servers, eventually, free_port, fresh_database, unique_name};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use url::Url;

const SOON: Duration = Duration::from_secs(10);

fn shell(script: &str) -> Process {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    Process::spawn("sh", &command)
}

/// What a failed wait says: it panics in a task of its own.
async fn message_of_the_panic(task: impl Future<Output = ()> + Send + 'static) -> String {
    let failed = tokio::spawn(task).await.expect_err("the task panics");
    *failed.into_panic().downcast::<String>().expect("a panic with a formatted message")
}

#[tokio::test]
async fn the_broker_speaks_amqp() {
    let url = Url::parse(&Servers::from_env().amqp_url).unwrap();
    let address = (url.host_str().unwrap(), url.port().unwrap_or(5672));
    let mut broker = TcpStream::connect(address).await.unwrap();
    broker.write_all(b"AMQP\0\0\x09\x01").await.unwrap();
    let mut frame = [0; 11];
    broker.read_exact(&mut frame).await.unwrap();
    let (method_frame, connection_start) = ([1], [0, 10, 0, 10]);
    assert_eq!((&frame[..1], &frame[7..]), (&method_frame[..], &connection_start[..]));
}

#[tokio::test]
async fn a_fresh_database_is_empty_and_gone_with_its_guard() {
    let guard = fresh_database().await;
    let url = guard.url().to_owned();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let name: String = sqlx::query_scalar("SELECT current_database()").fetch_one(&mut connection).await.unwrap();
    assert_eq!(name, guard.name());
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(tables, 0);

    drop(guard); // with a connection still open
    let refused = PgConnection::connect(&url).await.expect_err("the database is dropped");
    let code = refused.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
    assert_eq!(code.as_deref(), Some("3D000"), "{refused}");
}

#[test]
fn names_and_ports_are_handed_out_once() {
    let names: HashSet<String> = (0..1000).map(|_| unique_name("topic")).collect();
    assert_eq!(names.len(), 1000);
    let ports: HashSet<u16> = (0..100).map(|_| free_port()).collect();
    assert_eq!(ports.len(), 100);
    for port in ports {
        assert_ne!(TcpListener::bind(("127.0.0.1", port)).unwrap().local_addr().unwrap().port(), 0);
    }
}

#[tokio::test]
async fn waiting_returns_what_it_waited_for() {
    let mut looks = 0;
    let found = eventually(SOON, || {
        looks += 1;
        let seen = if looks == 3 { Ok(looks) } else { Err(format!("look {looks}")) };
        async move { seen }
    })
    .await;
    assert_eq!(found, 3);
}

#[tokio::test]
async fn waiting_in_vain_says_what_it_saw_last() {
    let message = message_of_the_panic(eventually(Duration::from_millis(50), || async { Err("2 of 3 leads") })).await;
    assert!(message.ends_with("last seen: 2 of 3 leads"), "{message}");
}

#[tokio::test]
async fn a_look_that_hangs_does_not_outlast_the_deadline() {
    let hangs = || std::future::pending::<Result<(), String>>();
    let message = message_of_the_panic(eventually(Duration::from_millis(50), hangs)).await;
    assert!(message.contains("did not come back"), "{message}");
}

#[tokio::test]
async fn a_process_is_watched_through_its_output_and_stopped_with_a_signal() {
    let mut process = shell("trap 'echo stopping; exit 7' TERM; echo ready on 8080; while :; do sleep 0.05; done");
    assert_eq!(process.wait_for_line(SOON, "ready on").await, "ready on 8080");
    assert_eq!(process.terminate(SOON).await.code(), Some(7));
    assert_eq!(process.output(), "ready on 8080\nstopping\n");
}

#[tokio::test]
async fn a_process_that_ends_early_fails_the_wait_at_once_with_its_output() {
    let message = message_of_the_panic(async {
        shell("echo no such port >&2; exit 1").wait_for_line(Duration::from_secs(3600), "ready").await;
    })
    .await;
    assert!(message.contains("no such port"), "{message}");
}

#[tokio::test]
async fn a_dropped_process_is_killed() {
    let process = shell("trap '' TERM; while :; do sleep 0.05; done");
    let id = process.id();
    drop(process);
    let alive = Command::new("sh").args(["-c", &format!("kill -0 {id} 2>/dev/null")]).status().unwrap();
    assert!(!alive.success());
}

#[test]
fn every_binary_of_the_workspace_can_be_started() {
    for binary in ["ingest", "worker", "console", "affitor"] {
        assert_ne!(Process::start(binary, &["--help"], &[]).id(), 0);
    }
}
