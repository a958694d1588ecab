//! The queues' policies: whoever starts without them warns and works, and the script that is shipped ends that.

use std::path::Path;

use tests::{Pipeline, Process, START, VISIBLE, fresh_database};

use super::broker::broker;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/rabbitmq/policies.sh");
const MISSING: &str = "run deploy/rabbitmq/policies.sh";
const THERE: &str = "the broker has the queues' policies";

async fn started(pipeline: &Pipeline) -> [Process; 2] {
    [pipeline.start("ingest").await, pipeline.start("worker").await]
}

/// What the doctor says of the broker's policies.
async fn doctor(pipeline: &Pipeline) -> String {
    let mut doctor = pipeline.process("affitor", &["doctor"], &[]);
    doctor.wait_for_end(START).await;
    let said = doctor.output();
    let line = said.lines().find(|line| line.contains("broker policies"));
    line.unwrap_or_else(|| panic!("nothing of policies in {said}")).to_owned()
}

#[tokio::test]
async fn who_starts_without_the_queues_policies_warns_and_works_until_the_script_has_been_run() {
    let (broker, database) = (broker().await, fresh_database().await);
    let pipeline = Pipeline::prepared_on(&broker.amqp_url(), database.url()).await;
    for mut process in started(&pipeline).await {
        let line = process.wait_for_line(VISIBLE, MISSING).await;
        assert!(line.contains("WARN") && !process.output().contains(THERE), "{line}");
    }
    let said = doctor(&pipeline).await;
    assert!(said.contains("missing"), "{said}");

    broker.run_script(Path::new(SCRIPT), &[("PREFIX", &pipeline.settings().queue.name_prefix)]).await;
    for mut process in started(&pipeline).await {
        process.wait_for_line(VISIBLE, THERE).await;
        assert!(!process.output().contains(MISSING), "{}", process.output());
    }
    let said = doctor(&pipeline).await;
    assert!(said.contains("they are set"), "{said}");
}
