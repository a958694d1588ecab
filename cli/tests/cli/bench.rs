//! `affitor bench` against a running installation. What it measures on servers of its own is no test's business: figures
//! of a debug build mean nothing.

use crate::support::{Up, affitor, demo, run};
use serde_json::{Value, json};
use tempfile::TempDir;

#[tokio::test]
async fn a_running_installation_is_driven_at_a_steady_rate_and_every_lead_is_accounted_for() {
    let room = TempDir::new().unwrap();
    let up = Up::start(room.path(), &["--demo"]).await;
    let demo = demo(room.path());
    let mut command = affitor();
    command.args(["bench", "--target", &up.base_url(), "--rate", "200", "--count", "300", "--json", "--data"]);
    command.arg(room.path()).env("AFFITOR_BENCH_API_KEY", demo["api_key"].as_str().unwrap());
    let (code, out, errors) = run(&mut command).await;
    assert_eq!(code, 0, "{errors}");
    let told: Value = serde_json::from_str(&out).unwrap();
    let accepted = [&told["accepted"], &told["refused"], &told["failed"], &told["audit"]];
    assert_eq!(accepted, [&json!(300), &json!(0), &json!(0), &json!("balanced")], "{told}");
    assert!(told["processed"].as_u64().unwrap() >= 300, "{told}");
}

#[tokio::test]
async fn an_installation_that_refuses_the_leads_or_cannot_be_audited_fails_the_run() {
    let room = TempDir::new().unwrap();
    let up = Up::start(room.path(), &["--no-demo"]).await;
    let driven = async |data: &std::path::Path| {
        let mut command = affitor();
        command.args(["bench", "--target", &up.base_url(), "--count", "5", "--api-key", "affk_no", "--data"]).arg(data);
        run(&mut command).await
    };
    let (code, _, errors) = driven(room.path()).await;
    assert_eq!(code, 1, "{errors}");
    assert!(errors.contains("5 requests failed") && errors.contains("invalid_token"), "{errors}");
    let (code, _, errors) = driven(&room.path().join("nowhere")).await;
    assert_eq!(code, 1, "{errors}");
    assert!(errors.contains("the audit cannot tell"), "{errors}");
}
