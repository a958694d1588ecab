//! The examples that integrators have copied from the published documentation, with the real programs. The files beside
//! this one hold them word for word; only the host is changed, and what they say is to be filled in.

use std::process::Command;

use serde_json::{Value, json};
use tests::{Client, Pipeline, Process, START, TestProgram, VISIBLE, eventually};

const HOST: &str = "https://api.affitor.com";
const CURL: &str = include_str!("lead.sh");
const REQUEST: &str = include_str!("request.json");
const NODE: &str = include_str!("signup.js");
const PYTHON: &str = include_str!("signup.py");

/// What surrounds the example in a web server: one signup is served.
const NODE_APP: &str = "
const user = JSON.parse(process.env.NEW_USER);
const createUser = async () => user;
const app = { post(path, handler) { this.signup = handler; } };
EXAMPLE
const response = { json: (body) => console.log(JSON.stringify(body)) };
app.signup({ body: { email: user.email, password: 'x' }, cookies: JSON.parse(process.env.COOKIES) }, response);
";
const PYTHON_APP: &str = "
import json, os, requests
from types import SimpleNamespace
AFFITOR_API_TOKEN = os.environ['AFFITOR_API_TOKEN']
request = SimpleNamespace(cookies=json.loads(os.environ['COOKIES']))
new_user = SimpleNamespace(**json.loads(os.environ['NEW_USER']))
response = EXAMPLE
print(response.status_code, response.text)
";

on_both_shapes! {
    the_curl_example_makes_a_test_lead
    the_curl_example_that_is_not_filled_in_says_what_is_expected
    the_request_example_is_taken_from_a_server
    the_node_example_attributes_a_signup
    the_node_example_may_send_a_number_and_no_cookie
    the_python_example_attributes_a_signup
    the_python_example_sends_null_where_there_is_no_cookie
}

/// Runs a program to its end and gives what it printed.
async fn output_of(name: &str, command: &Command) -> String {
    let mut process = Process::spawn(name, command);
    let status = process.wait_for_end(START).await;
    assert!(status.success(), "{name}: {}", process.output());
    process.output()
}

async fn curl(pipeline: &Pipeline, program_id: &str) -> Value {
    let script = CURL.replace(HOST, &pipeline.api).replace("YOUR_PROGRAM_ID", program_id);
    let mut command = Command::new("sh");
    // Only to keep the progress bar out of the answer.
    command.args(["-c", &script.replacen("curl ", "curl --silent ", 1)]);
    serde_json::from_str(&output_of("curl", &command).await).expect("JSON from the server")
}

/// Signs a user up through the example; `cookies` are the visitor's.
async fn sign_up(mut command: Command, program: &TestProgram, user: &Value, cookies: &Value) -> String {
    command.env("AFFITOR_API_TOKEN", &program.api_key);
    command.env("NEW_USER", user.to_string()).env("COOKIES", cookies.to_string());
    output_of("the example", &command).await
}

fn node(pipeline: &Pipeline) -> Command {
    let mut command = Command::new("node");
    command.args(["-e", &NODE_APP.replace("EXAMPLE", &NODE.replace(HOST, &pipeline.api))]);
    command
}

fn python(pipeline: &Pipeline) -> Command {
    let mut command = Command::new(std::env::var("TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned()));
    command.args(["-c", &PYTHON_APP.replace("EXAMPLE", &PYTHON.replace(HOST, &pipeline.api))]);
    command
}

async fn customer(client: &Client, program: &TestProgram, key: &str) -> Value {
    eventually(VISIBLE, || async {
        let answer = client.customer(program, key).await;
        if answer.status == 200 { Ok(answer.json()) } else { Err(format!("{answer:?}")) }
    })
    .await
}

async fn the_curl_example_makes_a_test_lead(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let answer = curl(pipeline, &program.id.to_string()).await;
    let expected = json!({
        "success": true,
        "message": "Test lead event tracked successfully",
        "data": {"eventId": answer["data"]["eventId"], "programId": program.id, "test_mode": true},
    });
    assert_eq!(answer, expected);
    assert!(answer["data"]["eventId"].as_u64().is_some_and(|number| number < 1 << 53), "{answer}");
    assert_eq!(client.customer(&program, "test_customer").await.code(), "customer_not_found");
}

async fn the_curl_example_that_is_not_filled_in_says_what_is_expected(pipeline: &Pipeline) {
    let answer = curl(pipeline, "YOUR_PROGRAM_ID").await;
    assert_eq!(answer["success"], false);
    assert!(answer["error"].as_str().unwrap().contains("program_id must be a program number"), "{answer}");
}

async fn the_request_example_is_taken_from_a_server(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let mut command = Command::new("curl");
    command.args(["--silent", "-X", "POST", &format!("{}/api/v1/track/lead", pipeline.api)]);
    command.args(["-H", &format!("Authorization: Bearer {}", program.api_key), "-H", "Content-Type: application/json"]);
    command.args(["-d", REQUEST]);
    let answer: Value = serde_json::from_str(&output_of("curl", &command).await).unwrap();
    assert_eq!(answer, json!({"success": true, "message": "Lead tracked successfully"}));
    let customer = customer(&client, &program, "usr_abc123").await;
    assert_eq!((&customer["status"], &customer["reason"]), (&json!("lead"), &json!("click_not_found")));
    assert_eq!(customer["email_masked"], "u***@example.com");
}

async fn the_node_example_attributes_a_signup(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let click = client.open_link(&program.code).await;
    client.recorded(&program, &click.event_id()).await;
    let cookies = json!({"affitor_click_id": click.json()["click_id"]});
    let user = json!({"id": "usr_node", "email": "node@example.com"});
    let printed = sign_up(node(pipeline), &program, &user, &cookies).await;
    assert_eq!(printed.trim(), r#"{"success":true}"#);
    let customer = customer(&client, &program, "usr_node").await;
    assert_eq!((&customer["attributed"], &customer["partner_code"]), (&json!(true), &json!(program.code)));
    assert_eq!(customer["email_masked"], "n***@example.com");
}

async fn the_node_example_may_send_a_number_and_no_cookie(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let user = json!({"id": 12345, "email": "node@example.com"});
    sign_up(node(pipeline), &program, &user, &json!({})).await;
    let customer = customer(&client, &program, "12345").await;
    assert_eq!((&customer["customer_key"], &customer["reason"]), (&json!("12345"), &json!("no_click_id")));
}

async fn the_python_example_attributes_a_signup(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let click = client.open_link(&program.code).await;
    client.recorded(&program, &click.event_id()).await;
    let cookies = json!({"affitor_click_id": click.json()["click_id"]});
    let user = json!({"id": 77, "email": "python@example.com"});
    let printed = sign_up(python(pipeline), &program, &user, &cookies).await;
    assert!(printed.starts_with("200 ") && printed.contains("Lead tracked successfully"), "{printed}");
    let customer = customer(&client, &program, "77").await;
    assert_eq!((&customer["attributed"], &customer["partner_code"]), (&json!(true), &json!(program.code)));
}

async fn the_python_example_sends_null_where_there_is_no_cookie(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let user = json!({"id": "usr_python", "email": "python@example.com"});
    let printed = sign_up(python(pipeline), &program, &user, &json!({})).await;
    assert!(printed.starts_with("200 ") && printed.contains("Lead tracked successfully"), "{printed}");
    let customer = customer(&client, &program, "usr_python").await;
    assert_eq!((&customer["status"], &customer["reason"]), (&json!("lead"), &json!("no_click_id")));
}
