//! The demo of a first start: its facts, its lines for a shell, its privacy.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use serde_json::{Value, json};
use tests::{Answer, Client, Process, START, free_port, start_up, up_at};

fn facts(data: &Path) -> Value {
    serde_json::from_slice(&fs::read(data.join("demo.json")).unwrap()).unwrap()
}

fn text<'a>(facts: &'a Value, member: &str) -> &'a str {
    facts[member].as_str().unwrap_or_else(|| panic!("{member} in {facts}"))
}

#[tokio::test]
async fn a_first_start_makes_a_demo_of_two_programs_that_works() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let (address, _up) = start_up(&data, &[]).await;
    let facts = facts(&data);
    let mut members: Vec<&str> = facts.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    let expected = [
        "api_key",
        "base_url",
        "console_url",
        "inactive_code",
        "metrics_url",
        "other_program",
        "partner_code",
        "program_id",
        "second_partner_code",
    ];
    assert_eq!(members, expected);
    assert_eq!((&facts["program_id"], text(&facts, "base_url")), (&json!(1), format!("http://{address}").as_str()));
    let client = Client::at(text(&facts, "base_url"), text(&facts, "base_url"));
    let other = &facts["other_program"];
    for (code, program) in [
        (text(&facts, "partner_code"), &facts["program_id"]),
        (text(&facts, "second_partner_code"), &facts["program_id"]),
        (text(other, "partner_code"), &other["program_id"]),
    ] {
        let click_id = client.click_id(code).await;
        assert!(click_id.starts_with(&format!("cust_{program}_")), "{click_id}");
    }
    let inactive = client.open_link(text(&facts, "inactive_code")).await.json();
    assert_eq!(inactive["message"], "Referral link is inactive");
    for key in [text(&facts, "api_key"), text(other, "api_key")] {
        let lead = client.lead().bearer_auth(key).json(&json!({"customer_key": "u1"}));
        assert_eq!(Answer::to(lead).await.status, 200);
    }
    let metrics = Client::at(text(&facts, "metrics_url"), "");
    let metrics = Answer::to(metrics.request(reqwest::Method::GET, "")).await;
    assert!(metrics.status == 200 && metrics.body.contains("affitor_"), "{metrics:?}");
}

#[tokio::test]
async fn what_is_secret_is_readable_by_its_owner_only() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let (_, up) = start_up(&data, &[]).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for file in ["demo.json", "secrets.toml", "affitor.db"] {
        assert_eq!(mode(&data.join(file)), 0o600, "{file}");
    }
    let secrets = fs::read_to_string(data.join("secrets.toml")).unwrap();
    let hex = secrets.split("a:").nth(1).and_then(|rest| rest.get(..64)).expect("a secret of 32 bytes");
    assert!(!up.output().contains(hex));
}

#[tokio::test]
async fn the_lines_it_prints_can_be_pasted_into_a_shell() {
    let directory = tempfile::tempdir().unwrap();
    // Without a command it is `up`.
    let (listen, metrics) = (format!("127.0.0.1:{}", free_port()), format!("127.0.0.1:{}", free_port()));
    let data = directory.path().join("data").display().to_string();
    let mut up = Process::start("affitor", &["--data", &data, "--listen", &listen, "--metrics-listen", &metrics], &[]);
    up.wait_for_line(START, "for try in").await;
    let printed = up.output();
    let lines: Vec<&str> = printed
        .lines()
        .filter(|line| ["CLICK=", "curl ", "for try"].iter().any(|start| line.starts_with(start)))
        .collect();
    assert_eq!(lines.len(), 3, "{printed}");
    let mut shell = Command::new("bash");
    shell.args(["-c", &lines.join("\n")]);
    let mut shell = Process::spawn("bash", &shell);
    assert!(shell.wait_for_end(START).await.success(), "{}", shell.output());
    let shown = shell.output();
    let [click, lead, customer] = shown.lines().collect::<Vec<_>>()[..] else { panic!("three answers: {shown}") };
    assert!(click.starts_with("cust_1_") && lead.contains("Lead tracked successfully"), "{shown}");
    let customer: Value = serde_json::from_str(customer).unwrap();
    assert_eq!((&customer["attributed"], &customer["click_id"]), (&json!(true), &json!(click)));
}

#[tokio::test]
async fn there_is_no_demo_unasked_where_other_machines_can_reach_it() {
    for (more, has_demo) in [(&[][..], false), (&["--demo"], true)] {
        let directory = tempfile::tempdir().unwrap();
        let (data, port) = (directory.path().join("data"), free_port());
        let mut up = up_at(&format!("0.0.0.0:{port}"), &data, more);
        up.wait_for_url(START, &format!("http://127.0.0.1:{port}/readyz")).await;
        assert_eq!(data.join("demo.json").exists(), has_demo, "{more:?}");
    }
}
