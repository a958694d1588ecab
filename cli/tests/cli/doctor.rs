//! `affitor doctor`: on a directory of `affitor up`, and on servers that are not there.

use crate::commands::{as_json, command, data};
use crate::support::{Up, affitor, run};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

async fn checks(data: &Path) -> (i32, Vec<Value>) {
    let (code, out, _) = command(data, "doctor --json").await;
    (code, serde_json::from_str(&out).unwrap())
}

fn state<'a>(checks: &'a [Value], name: &str) -> &'a str {
    let check = checks.iter().find(|check| check["check"] == name);
    check.unwrap_or_else(|| panic!("no check {name} in {checks:?}"))["state"].as_str().unwrap()
}

#[tokio::test]
async fn a_directory_in_use_is_well_and_what_is_wrong_with_it_is_said() {
    let room = tempfile::tempdir().unwrap();
    let data = room.path().join("data");
    let up = Up::start(&data, &[]).await;
    let (code, found) = checks(&data).await;
    assert_eq!(code, 0, "{found:?}");
    for name in ["database", "database schema", "database version", "database settings", "secrets", "secrets file"] {
        assert_eq!(state(&found, name), "ok", "{found:?}");
    }
    assert_eq!(state(&found, "snapshot"), "ok", "{found:?}");
    assert_eq!(up.stop().await, 0);
    as_json(&data, "programs create Later").await;
    assert_eq!(state(&checks(&data).await.1, "snapshot"), "ok", "nothing runs that could have kept it");

    let secrets = data.join("secrets.toml");
    std::fs::set_permissions(&secrets, std::fs::Permissions::from_mode(0o644)).unwrap();
    let text = std::fs::read_to_string(&secrets).unwrap();
    let (code, out, errors) = command(&data, "doctor").await;
    assert_eq!((code, errors.as_str()), (1, "affitor: there is a fault\n"));
    assert!(out.contains("chmod 600"), "{out}");
    let hidden = text.lines().filter_map(|line| line.split(['"', ':']).find(|part| part.len() == 64));
    assert!(hidden.clone().count() == 2 && hidden.into_iter().all(|secret| !out.contains(secret)));
    std::fs::write(&secrets, "[secrets]\nclick_secret = [\"a:00\"]\nemail_pepper = []\n").unwrap();
    assert_eq!(state(&checks(&data).await.1, "secrets"), "fault");
}

#[tokio::test]
async fn a_store_without_a_pipeline_has_warnings_and_no_faults() {
    let data = data().await;
    let (code, found) = checks(data.path()).await;
    assert_eq!((code, state(&found, "secrets"), state(&found, "snapshot")), (0, "warning", "warning"), "{found:?}");
}

#[tokio::test]
async fn servers_that_are_away_are_faults_without_their_passwords() {
    let mut command = affitor();
    command.args(["doctor", "--amqp", "amqp://user:hunter2@127.0.0.1:1/%2f"]);
    command.args(["--database", "postgres://user:hunter2@127.0.0.1:1/affitor"]);
    command.env("AFFITOR_STORE__CONNECT_TIMEOUT_MS", "300").env("AFFITOR_QUEUE__CONNECT_TIMEOUT_MS", "300");
    let (code, out, errors) = run(&mut command).await;
    assert_eq!(code, 1, "{out}{errors}");
    assert!(errors.ends_with("there are 3 faults\n"), "{out}{errors}");
    assert!(!out.contains("hunter2") && !errors.contains("hunter2"), "{out}{errors}");
}
