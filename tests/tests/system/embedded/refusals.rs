//! What stands in the way of a start is one sentence and an exit code.

use std::{fs, net::TcpListener, path::Path};

use tests::{START, free_port, start_up, up_at};

/// Starts it where it cannot start, and gives the one line it says.
async fn refused(address: &str, data: &Path) -> String {
    let mut up = up_at(address, data, &[]);
    let status = up.wait_for_end(START).await;
    let output = up.output();
    assert_eq!(status.code(), Some(1), "{output}");
    let said: Vec<&str> = output.lines().filter(|line| line.starts_with("affitor: ")).collect();
    assert_eq!((said.len(), output.lines().count()), (1, 1), "one sentence: {output}");
    said[0].to_owned()
}

#[tokio::test]
async fn a_busy_port_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap().to_string();
    let said = refused(&address, &directory.path().join("data")).await;
    assert!(said.contains(&address), "{said}");
    assert!(!directory.path().join("data").exists(), "nothing is left behind");
}

#[tokio::test]
async fn a_directory_in_use_is_named_and_its_owner_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let (address, mut up) = start_up(&data, &["--no-demo"]).await;
    let said = refused(&format!("127.0.0.1:{}", free_port()), &data).await;
    assert!(said.contains(&data.display().to_string()) && said.contains("--data"), "{said}");
    up.wait_for_url(START, &format!("http://{address}/readyz")).await;
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_named() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("file"), "").unwrap();
    // Below a file, so that even root cannot make it.
    let data = directory.path().join("file/data");
    let said = refused(&format!("127.0.0.1:{}", free_port()), &data).await;
    assert!(said.contains(&data.display().to_string()) && said.contains("--data"), "{said}");
}

#[tokio::test]
async fn one_server_without_the_other_is_a_usage_error() {
    let directory = tempfile::tempdir().unwrap();
    let address = format!("127.0.0.1:{}", free_port());
    let mut up = up_at(&address, &directory.path().join("data"), &["--amqp", "amqp://guest:hush@127.0.0.1/%2f"]);
    assert_eq!(up.wait_for_end(START).await.code(), Some(2), "{}", up.output());
    assert!(up.output().contains("--database") && !up.output().contains("hush"), "{}", up.output());
}
