//! The administrative commands on a store in a file: the real binary, as a person or a script runs it.

use crate::support::{affitor, run};
use serde_json::{Value, json};
use std::path::Path;
use store::Store;
use tempfile::TempDir;

/// A data directory with an empty store.
pub(crate) async fn data() -> TempDir {
    let room = tempfile::tempdir().unwrap();
    let store = Store::sqlite(&room.path().join("affitor.db")).await.unwrap();
    store.migrate().await.unwrap();
    store.close().await;
    room
}

pub(crate) async fn command(data: &Path, line: &str) -> (i32, String, String) {
    run(affitor().args(line.split(' ')).arg("--data").arg(data)).await
}

pub(crate) async fn text(data: &Path, line: &str) -> String {
    let (code, out, errors) = command(data, line).await;
    assert_eq!((code, errors.as_str()), (0, ""), "{line}");
    out
}

pub(crate) async fn as_json(data: &Path, line: &str) -> Value {
    serde_json::from_str(&text(data, &format!("{line} --json")).await).unwrap()
}

/// The one line of a command that was refused.
pub(crate) async fn refused(data: &Path, line: &str) -> (i32, String) {
    let (code, out, errors) = command(data, line).await;
    assert_eq!(out, "", "{line}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    (code, errors.trim_end().to_owned())
}

#[tokio::test]
async fn a_program_is_made_changed_and_listed() {
    let data = data().await;
    let made = as_json(
        data.path(),
        "programs create Shop --domain shop.example --window-days 30 --model first_click --origin https://shop.example",
    )
    .await;
    let mut expected = json!({
        "program_id": 1, "name": "Shop", "domain": "shop.example", "active": true, "attribution_window_days": 30,
        "cookie_window_days": 60, "attribution_model": "first_click", "lead_auth": "browser_allowed",
        "allowed_origins": ["https://shop.example"], "created_at": made["created_at"],
    });
    assert_eq!(made, expected);

    let line = "programs set 1 --clear-origins --lead-auth server_required --cookie-window-days 90 --active false --name Shop2";
    let changed = as_json(data.path(), line).await;
    expected["allowed_origins"] = json!([]);
    expected["lead_auth"] = json!("server_required");
    expected["cookie_window_days"] = json!(90);
    expected["active"] = json!(false);
    expected["name"] = json!("Shop2");
    assert_eq!(changed, expected);
    let run_with_empty_domain =
        affitor().args(["programs", "set", "1", "--domain", "", "--data"]).arg(data.path()).output();
    assert!(run_with_empty_domain.await.unwrap().status.success());
    expected["domain"] = Value::Null;
    assert_eq!(as_json(data.path(), "programs list").await, json!([expected]));
    let table = text(data.path(), "programs list").await;
    assert!(table.starts_with("PROGRAM  NAME "), "{table}");
    assert_eq!(table.lines().count(), 2, "{table}");
}

#[tokio::test]
async fn partners_and_links_are_made_listed_and_disabled() {
    let data = data().await;
    text(data.path(), "programs create Shop").await;
    assert_eq!(as_json(data.path(), "partners create --program 1 Jane").await["partner_id"], 1);
    let link = as_json(data.path(), "links create --program 1 --partner 1 --code JANE").await;
    assert_eq!((&link["code"], &link["active"]), (&json!("JANE"), &json!(true)));
    let random = as_json(data.path(), "links create --program 1 --partner 1").await;
    assert_eq!(random["code"].as_str().unwrap().len(), 8, "{random}");

    assert_eq!(as_json(data.path(), "links disable --program 1 JANE").await["active"], false);
    let active = async || -> Vec<Value> {
        let links = as_json(data.path(), "links list --program 1").await;
        links.as_array().unwrap().iter().map(|link| link["active"].clone()).collect()
    };
    assert_eq!(active().await, [json!(false), json!(true)]);
    assert_eq!(as_json(data.path(), "partners disable --program 1 1").await["active"], false);
    assert_eq!(active().await, [json!(false), json!(false)]);
    assert_eq!(as_json(data.path(), "partners list --program 1").await[0]["name"], "Jane");
}

#[tokio::test]
async fn a_key_is_shown_once_and_can_be_revoked() {
    let data = data().await;
    text(data.path(), "programs create Shop").await;
    let made = as_json(data.path(), "keys create --program 1 --label backend").await;
    let plain = made["api_key"].as_str().unwrap();
    assert!(plain.starts_with("affk_"), "{made}");
    assert!(text(data.path(), "keys create --program 1").await.contains("only time"));
    let listed =
        text(data.path(), "keys list --program 1").await + &text(data.path(), "keys list --program 1 --json").await;
    assert!(listed.contains("backend") && !listed.contains("affk_"), "{listed}");

    let later = as_json(data.path(), &format!("keys revoke --program 1 {plain} --in-hours 24")).await;
    let now = as_json(data.path(), &format!("keys revoke --program 1 {}", made["key_id"].as_str().unwrap())).await;
    let moment = |key: &Value| key["revoked_at"].as_str().unwrap().to_owned();
    assert!(moment(&now) < moment(&later), "{now} {later}");
}

#[tokio::test]
async fn a_refusal_is_one_sentence_that_says_what_to_do() {
    let data = data().await;
    text(data.path(), "programs create Shop").await;
    text(data.path(), "partners create --program 1 Jane").await;
    text(data.path(), "links create --program 1 --partner 1 --code JANE").await;
    for (line, words) in [
        ("programs set 7 --name x", "affitor programs list"),
        ("partners list --program 7", "affitor programs list"),
        ("links list --program 7", "affitor programs list"),
        ("keys list --program 7", "affitor programs list"),
        ("partners create --program 7 Jane", "affitor programs list"),
        ("keys create --program 7", "affitor programs list"),
        ("partners disable --program 1 7", "affitor partners list"),
        ("links create --program 1 --partner 7", "affitor partners list"),
        ("links create --program 1 --partner 1 --code JANE", "JANE"),
        ("links create --program 1 --partner 1 --code a/b", "A-Z"),
        ("links disable --program 1 JOHN", "affitor links list"),
        ("keys revoke --program 1 nokey", "affitor keys list"),
        ("programs create Shop --origin shop.example", "https://shop.example"),
    ] {
        let (code, sentence) = refused(data.path(), line).await;
        assert_eq!(code, 1, "{line}: {sentence}");
        assert!(sentence.starts_with("affitor: ") && sentence.contains(words), "{line}: {sentence}");
    }
    let (code, sentence) = refused(data.path(), "programs set 1").await;
    assert_eq!(code, 2);
    assert!(sentence.contains("nothing to change"), "{sentence}");
    for (line, words) in [
        ("programs create Shop --window-days 4000", "'--window-days <DAYS>': 4000 is not in 0..=3650"),
        ("programs set 1 --cookie-window-days 0", "'--cookie-window-days <DAYS>': 0 is not in 1..=3650"),
        ("dead-letters show 17", "32 hexadecimal digits; `affitor dead-letters list` shows them"),
    ] {
        let (code, _, errors) = command(data.path(), line).await;
        assert!(code == 2 && errors.contains(words), "{line}: {errors}");
    }
}

#[tokio::test]
async fn an_empty_list_says_how_to_fill_it() {
    let data = data().await;
    assert!(text(data.path(), "programs list").await.contains("affitor programs create"));
    assert_eq!(as_json(data.path(), "programs list").await, json!([]));
    text(data.path(), "programs create Shop").await;
    assert!(text(data.path(), "keys list --program 1").await.contains("affitor keys create"));
}

#[tokio::test]
async fn a_directory_without_a_store_is_not_filled() {
    let room = tempfile::tempdir().unwrap();
    let (code, sentence) = refused(room.path(), "programs list").await;
    assert_eq!(code, 1);
    assert!(sentence.contains("there is no store in") && sentence.contains("affitor up"), "{sentence}");
    assert_eq!(std::fs::read_dir(room.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_database_that_is_away_is_one_sentence_without_its_password() {
    let mut command = affitor();
    command.args(["programs", "list"]);
    command.env("AFFITOR_STORE__DATABASE_URL", "postgres://user:hunter2@127.0.0.1:1/affitor");
    command.env("AFFITOR_STORE__CONNECT_TIMEOUT_MS", "300");
    let (code, out, errors) = run(&mut command).await;
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(errors.starts_with("affitor: the database does not answer"), "{errors}");
    assert!(!errors.contains("hunter2") && errors.lines().count() == 1, "{errors}");
}

#[tokio::test]
async fn version_and_help_are_there() {
    let (code, out, _) = run(affitor().arg("--version")).await;
    assert_eq!((code, out.trim_end()), (0, concat!("affitor ", env!("CARGO_PKG_VERSION"))));
    let (code, out, _) = run(affitor().arg("--help")).await;
    assert_eq!(code, 0);
    for words in ["Examples:", "affitor programs create", "Exit codes:", "--listen"] {
        assert!(out.contains(words), "{words} in {out}");
    }
}
