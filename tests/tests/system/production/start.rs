//! What the programs say and do when they are started wrongly, and when they start without a server they need.

use std::time::Duration;

use serde_json::json;
use tests::{Client, Pipeline, Process, START, free_port, fresh_database};

const STOP: Duration = Duration::from_secs(10);

#[tokio::test]
async fn ingest_does_not_start_without_its_settings_and_names_every_fault_at_once() {
    let mut ingest =
        Process::start("ingest", &[], &[("AFFITOR_INGEST__LISTEN", "nowhere"), ("AFFITOR_HTTP__MAX_CONNECTIONS", "0")]);
    assert_eq!(ingest.wait_for_end(START).await.code(), Some(1), "{}", ingest.output());
    let said = ingest.output();
    for variable in [
        "AFFITOR_SECRETS__CLICK_SECRET",
        "AFFITOR_SECRETS__EMAIL_PEPPER",
        "AFFITOR_QUEUE__AMQP_URL",
        "AFFITOR_STORE__DATABASE_URL",
        "AFFITOR_INGEST__LISTEN",
        "AFFITOR_HTTP__MAX_CONNECTIONS",
    ] {
        assert!(said.contains(variable), "{variable} in {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

#[tokio::test]
async fn worker_and_console_name_every_setting_that_is_missing() {
    for (binary, missing) in [
        ("worker", &["AFFITOR_QUEUE__AMQP_URL", "AFFITOR_STORE__DATABASE_URL"][..]),
        ("console", &["AFFITOR_STORE__DATABASE_URL", "AFFITOR_SECRETS__CLICK_SECRET", "AFFITOR_SECRETS__EMAIL_PEPPER"]),
    ] {
        let mut process = Process::start(binary, &[], &[]);
        assert_eq!(process.wait_for_end(START).await.code(), Some(1), "{}", process.output());
        let said = process.output();
        assert!(missing.iter().all(|variable| said.contains(variable)), "{binary}: {said}");
    }
}

#[tokio::test]
async fn a_setting_that_does_not_exist_is_named() {
    let mut worker = Process::start("worker", &[], &[("AFFITOR_WORKER__LANS", "3")]);
    assert_eq!(worker.wait_for_end(START).await.code(), Some(1));
    assert!(worker.output().contains("AFFITOR_WORKER__LANS"), "{}", worker.output());
}

#[tokio::test]
async fn the_schema_is_made_once_however_often_it_is_asked_for() {
    let database = fresh_database().await;
    let environment = [("AFFITOR_STORE__DATABASE_URL", database.url())];
    let mut together: Vec<Process> = (0..3).map(|_| Process::start("worker", &["migrate"], &environment)).collect();
    for migrate in &mut together {
        assert!(migrate.wait_for_end(START).await.success(), "{}", migrate.output());
    }
}

#[tokio::test]
async fn the_command_line_makes_a_program_that_ingest_knows_at_once() {
    let pipeline = Pipeline::shared(tests::Shape::Servers).await;
    let make = async |arguments: &[&str]| {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        let mut affitor = pipeline.process("affitor", &arguments, &[]);
        assert!(affitor.wait_for_end(START).await.success(), "{}", affitor.output());
        serde_json::from_str::<serde_json::Value>(&affitor.output()).expect("JSON")
    };
    let program = make(&["programs", "create", "Shop", "--cookie-window-days", "30"]).await["program_id"].to_string();
    let partner = make(&["partners", "create", "--program", &program, "Jane"]).await["partner_id"].to_string();
    let link = make(&["links", "create", "--program", &program, "--partner", &partner]).await;
    let code = link["code"].as_str().expect("a code of its own").to_owned();
    let key = make(&["keys", "create", "--program", &program]).await["api_key"].as_str().expect("a key").to_owned();

    let client = Client::of(pipeline);
    let click = client.open_link(&code).await;
    assert_eq!((click.status, &click.json()["cookie_window_days"]), (200, &json!(30)));
    let lead =
        client.lead().bearer_auth(&key).json(&json!({"click_id": click.json()["click_id"], "customer_key": "u1"}));
    assert_eq!(tests::Answer::to(lead).await.status, 200);
    let keys = make(&["keys", "list", "--program", &program]).await.to_string();
    assert!(!keys.contains(&key), "a key is shown once");
}

#[tokio::test]
async fn each_program_stops_when_it_is_asked_even_if_it_never_reached_a_server() {
    let nowhere = format!("127.0.0.1:{}", free_port());
    let pipeline = Pipeline::prepared().await;
    let (amqp, postgres) = (format!("amqp://guest:guest@{nowhere}/%2f"), format!("postgres://postgres@{nowhere}/none"));
    let away = [("AFFITOR_QUEUE__AMQP_URL", amqp.as_str()), ("AFFITOR_STORE__DATABASE_URL", postgres.as_str())];
    for binary in ["ingest", "worker", "console"] {
        let mut process = pipeline.process(binary, &[], &away);
        process.wait_for_url(START, &format!("{}/healthz", pipeline.metrics(binary))).await;
        let status = process.terminate(STOP).await;
        assert_eq!(status.code(), Some(0), "{binary}: {}", process.output());
    }
}
