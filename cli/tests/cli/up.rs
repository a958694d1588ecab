//! `affitor up` as a newcomer meets it: the real binary, an empty directory, a plain HTTP client.

use crate::support::{ANY_PORTS, LONG, Up, affitor, demo, journey, run};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::process::Command;

fn room() -> TempDir {
    tempfile::tempdir().unwrap()
}

async fn post(url: String, key: Option<&str>, body: Value) -> Value {
    let request = reqwest::Client::new().post(url).json(&body);
    let request = if let Some(key) = key { request.bearer_auth(key) } else { request };
    request.send().await.unwrap().json().await.unwrap()
}

async fn click(base_url: &str, code: &str) -> Value {
    let page = format!("https://shop.example/?aff={code}");
    post(format!("{base_url}/api/v1/track/click"), None, json!({"affiliate_url": page})).await
}

#[tokio::test]
async fn a_click_and_its_lead_become_an_attributed_customer() {
    let room = room();
    let up = Up::start(room.path(), &[]).await;
    let demo = demo(room.path());
    let base_url = demo["base_url"].as_str().unwrap();
    let key = demo["api_key"].as_str().unwrap();
    assert_eq!(base_url, up.base_url());

    let clicked = click(base_url, demo["second_partner_code"].as_str().unwrap()).await;
    assert_eq!((&clicked["success"], &clicked["partner_code"]), (&json!(true), &demo["second_partner_code"]));
    let lead = json!({"click_id": clicked["click_id"], "customer_key": "usr_1", "email": "user@example.com"});
    let answered = post(format!("{base_url}/api/v1/track/lead"), Some(key), lead).await;
    assert_eq!(answered, json!({"success": true, "message": "Lead tracked successfully"}));

    let customer = journey(base_url, key, "usr_1").await;
    assert_eq!(customer["attributed"], true, "{customer}");
    assert_eq!(customer["partner_code"], demo["second_partner_code"]);
    assert_eq!(customer["email_masked"], "u***@example.com");

    let inactive = click(base_url, demo["inactive_code"].as_str().unwrap()).await;
    assert_eq!(inactive, json!({"success": false, "message": "Referral link is inactive"}));
    let other = &demo["other_program"];
    assert_eq!(click(base_url, other["partner_code"].as_str().unwrap()).await["success"], true);
    let client = reqwest::Client::new().get(format!("{base_url}/api/v1/customers/usr_1"));
    assert_eq!(client.bearer_auth(other["api_key"].as_str().unwrap()).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn the_printed_lines_work_when_they_are_pasted_into_bash() {
    let room = room();
    let up = Up::start(room.path(), &[]).await;
    let mut bash = Command::new("bash");
    let (code, out, errors) = run(bash.arg("-c").arg(up.demo_lines()).stdin(Stdio::null())).await;
    assert_eq!((code, errors.as_str()), (0, ""), "{out}");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 3, "{out}");
    assert!(lines[0].starts_with("cust_1_"), "{out}");
    assert!(lines[1].contains("Lead tracked successfully"), "{out}");
    let customer: Value = serde_json::from_str(lines[2]).unwrap();
    assert_eq!((&customer["attributed"], &customer["click_id"]), (&json!(true), &json!(lines[0])));
}

#[tokio::test]
async fn demo_json_is_private_and_has_exactly_its_members() {
    let room = room();
    let up = Up::start(room.path(), &[]).await;
    let file = room.path().join("demo.json");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let demo = demo(room.path());
    let members = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let mut expected = [
        "base_url",
        "program_id",
        "api_key",
        "partner_code",
        "second_partner_code",
        "inactive_code",
        "other_program",
        "console_url",
        "metrics_url",
    ];
    expected.sort_unstable();
    assert_eq!(members(&demo), expected);
    assert_eq!(members(&demo["other_program"]), ["api_key", "partner_code", "program_id"]);
    assert_eq!((&demo["program_id"], &demo["console_url"]), (&json!(1), &Value::Null));
    assert_eq!(demo["metrics_url"].as_str().unwrap(), up.metrics_url());
    assert_eq!(up.greeting.matches(demo["api_key"].as_str().unwrap()).count(), 2);
}

#[tokio::test]
async fn a_second_start_keeps_everything_and_shows_no_key_again() {
    let room = room();
    let first = Up::start(room.path(), &[]).await;
    let before = demo(room.path());
    let lead = json!({"customer_key": "usr_1"});
    post(format!("{}/api/v1/track/lead", first.base_url()), before["api_key"].as_str(), lead).await;
    assert_eq!(first.stop().await, 0);

    let second = Up::start(room.path(), &[]).await;
    let after = demo(room.path());
    assert_eq!(after["base_url"], second.base_url(), "the port is another one");
    assert_eq!(after["api_key"], before["api_key"]);
    assert_eq!(after["other_program"], before["other_program"]);
    assert!(second.greeting.contains("demo.json") && !second.greeting.contains("affk_"), "{}", second.greeting);
    // Accepted before the stop, so recorded by now or soon.
    journey(&second.base_url(), after["api_key"].as_str().unwrap(), "usr_1").await;
}

#[tokio::test]
async fn a_stop_that_was_asked_for_warns_of_nothing_and_is_said_last() {
    let room = room();
    let (code, logged) = Up::start(room.path(), &[]).await.stop_and_tell().await;
    assert_eq!(code, 0, "{logged}");
    assert!(!logged.contains("WARN") && !logged.contains("ERROR"), "{logged}");
    assert!(logged.trim_end().lines().next_back().is_some_and(|last| last.contains("affitor has stopped")), "{logged}");
}

#[tokio::test]
async fn a_demo_file_that_is_no_longer_one_is_left_alone() {
    let room = room();
    let file = room.path().join("demo.json");
    assert_eq!(Up::start(room.path(), &[]).await.stop().await, 0);
    std::fs::write(&file, "mine").unwrap();
    let up = Up::start(room.path(), &[]).await;
    assert!(!up.greeting.contains("affk_"), "{}", up.greeting);
    assert_eq!(std::fs::read_to_string(file).unwrap(), "mine");
}

#[tokio::test]
async fn there_is_no_demo_where_others_can_reach_it_unless_it_is_wanted() {
    for (arguments, wanted) in
        [(&["--no-demo"][..], false), (&["--listen", "0.0.0.0:0"], false), (&["--listen", "0.0.0.0:0", "--demo"], true)]
    {
        let room = room();
        let up = Up::start(room.path(), arguments).await;
        assert_eq!(room.path().join("demo.json").exists(), wanted, "{arguments:?}");
        assert_eq!(up.greeting.contains("affk_"), wanted, "{}", up.greeting);
        assert!(up.base_url().starts_with("http://127.0.0.1:"), "{}", up.greeting);
        let (everywhere, withheld) = (arguments.contains(&"--listen"), arguments.len() == 2);
        assert_eq!(up.greeting.contains("every other address of this machine"), everywhere, "{}", up.greeting);
        assert_eq!(up.greeting.contains("with --demo"), withheld, "{}", up.greeting);
    }
}

#[tokio::test]
async fn health_is_on_both_ports_and_metrics_only_on_their_own() {
    let room = room();
    let up = Up::start(room.path(), &[]).await;
    let metrics_url = up.metrics_url();
    let ops = metrics_url.strip_suffix("/metrics").unwrap();
    let status = async |url: String| reqwest::get(url).await.unwrap().status().as_u16();
    for base in [up.base_url().as_str(), ops] {
        assert_eq!(status(format!("{base}/healthz")).await, 200);
        assert_eq!(status(format!("{base}/readyz")).await, 200);
    }
    assert_eq!(status(format!("{}/metrics", up.base_url())).await, 404);
    let metrics = reqwest::get(&metrics_url).await.unwrap().text().await.unwrap();
    for room in ["affitor_ingest_", "affitor_worker_", "affitor_console_"] {
        assert!(metrics.contains(room), "{room} in {metrics}");
    }
}

#[tokio::test]
async fn the_contract_has_the_parts_of_ingest_and_console() {
    let room = room();
    let up = Up::start(room.path(), &[]).await;
    let contract = reqwest::get(format!("{}/openapi.json", up.base_url())).await.unwrap();
    let contract: Value = contract.json().await.unwrap();
    for path in
        ["/api/v1/track/click", "/api/v1/track/lead", "/api/v1/customers", "/api/v1/events/{event_id}", "/readyz"]
    {
        assert!(contract["paths"][path].is_object(), "{path}");
    }
    let nothing = reqwest::get(format!("{}/nothing", up.base_url())).await.unwrap();
    assert_eq!(nothing.status(), 404);
    assert_eq!(nothing.json::<Value>().await.unwrap()["code"], "not_found");
}

#[tokio::test]
async fn what_is_made_while_it_runs_works_at_once() {
    let room = room();
    let up = Up::start(room.path(), &[]).await;
    let made = async |line: &str| {
        let mut command = affitor();
        command.args(line.split(' ')).arg("--data").arg(room.path()).arg("--json");
        let (code, out, errors) = run(&mut command).await;
        assert_eq!(code, 0, "{line}: {errors}");
        serde_json::from_str::<Value>(&out).unwrap()
    };
    let program = made("programs create Live").await["program_id"].clone();
    let partner = made(&format!("partners create --program {program} Jane")).await["partner_id"].clone();
    made(&format!("links create --program {program} --partner {partner} --code LIVE")).await;
    let key = made(&format!("keys create --program {program}")).await["api_key"].clone();

    let clicked = click(&up.base_url(), "LIVE").await;
    assert_eq!(clicked["success"], true, "{clicked}");
    let lead = json!({"click_id": clicked["click_id"], "customer_key": "usr_1"});
    post(format!("{}/api/v1/track/lead", up.base_url()), key.as_str(), lead).await;
    assert_eq!(journey(&up.base_url(), key.as_str().unwrap(), "usr_1").await["partner_code"], "LIVE");

    made(&format!("links disable --program {program} LIVE")).await;
    let began = Instant::now();
    while click(&up.base_url(), "LIVE").await["success"] == true {
        assert!(began.elapsed() < LONG, "the link is still active");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Runs an `up` that cannot start; returns its exit code and its only line.
async fn refused(arguments: &[&str]) -> (i32, String) {
    let (code, out, errors) = run(affitor().arg("up").args(arguments)).await;
    assert_eq!(out, "", "nothing is printed");
    let sentence: Vec<&str> = errors.lines().filter(|line| line.starts_with("affitor: ")).collect();
    assert_eq!(sentence.len(), 1, "{errors}");
    assert!(!errors.contains("panicked") && !errors.contains("backtrace"), "{errors}");
    (code, sentence[0].to_owned())
}

#[tokio::test]
async fn a_busy_port_is_one_sentence_and_leaves_nothing_behind() {
    let room = room();
    let up = Up::start(&room.path().join("first"), &[]).await;
    let base_url = up.base_url();
    let address = base_url.strip_prefix("http://").unwrap();
    let second = room.path().join("second");
    let data = second.to_str().unwrap();
    for listen in
        [["--listen", address, ANY_PORTS[2], ANY_PORTS[3]], ["--metrics-listen", address, ANY_PORTS[0], ANY_PORTS[1]]]
    {
        let (code, sentence) = refused(&[&["--data", data][..], &listen].concat()).await;
        let expected = format!("affitor: {address} is already in use; stop the other process or choose another port");
        assert_eq!((code, sentence), (1, expected));
    }
    assert!(!second.exists());
}

#[tokio::test]
async fn a_directory_in_use_is_one_sentence() {
    let room = room();
    let _first = Up::start(room.path(), &[]).await;
    let (code, sentence) = refused(&[&["--data", room.path().to_str().unwrap()][..], &ANY_PORTS].concat()).await;
    assert_eq!(code, 1);
    assert!(sentence.contains("already in use by another process") && sentence.contains("--data"), "{sentence}");
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_one_sentence() {
    let room = room();
    let file = room.path().join("file");
    std::fs::write(&file, "mine").unwrap();
    for data in [file.clone(), file.join("data")] {
        let (code, sentence) = refused(&[&["--data", data.to_str().unwrap()][..], &ANY_PORTS].concat()).await;
        assert_eq!(code, 1);
        assert!(sentence.contains("cannot be written") && sentence.contains("--data"), "{sentence}");
    }
    assert_eq!(std::fs::read_to_string(file).unwrap(), "mine");
}

#[tokio::test]
async fn arguments_that_do_not_go_together_are_usage_errors() {
    let room = room();
    let data = room.path().join("data");
    let data = data.to_str().unwrap();
    for (arguments, words) in [
        (&["--amqp", "amqp://127.0.0.1"][..], "--amqp and --database"),
        (&["--database", "postgres://127.0.0.1/x"], "--amqp and --database"),
        (&["--listen", "localhost"], "affitor: --listen must be an IP address"),
        (&["--listen", "127.0.0.1:9", "--metrics-listen", "127.0.0.1:9"], "--metrics-listen must differ from --listen"),
        (&["--amqp", "here", "--database", "postgres://127.0.0.1/x"], "affitor: --amqp must begin with `amqp://`"),
        (&["--config", "/nowhere.toml"], "/nowhere.toml"),
    ] {
        let (code, sentence) = refused(&[&["--data", data][..], arguments].concat()).await;
        assert_eq!(code, 2, "{sentence}");
        assert!(sentence.contains(words), "{sentence}");
    }
    let (code, _, errors) = run(affitor().args(["up", "--unknown"])).await;
    assert_eq!(code, 2);
    assert!(errors.contains("--unknown"), "{errors}");
    assert!(!room.path().join("data").exists());
}
