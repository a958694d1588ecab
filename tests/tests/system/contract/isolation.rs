//! Programs are sealed off from each other, and from each other's settings.

use serde_json::json;
use tests::{Answer, Client, Pipeline, VISIBLE, eventually, key_entropy};

on_both_shapes! {
    the_same_customer_key_in_two_programs_is_two_customers
    what_another_program_owns_looks_like_nothing
    a_revoked_key_is_refused_soon_and_another_goes_on
    a_link_switched_off_gives_no_click_id_soon_and_earlier_clicks_count
}

async fn the_same_customer_key_in_two_programs_is_two_customers(pipeline: &Pipeline) {
    let (client, program, other) = (Client::of(pipeline), pipeline.program().await, pipeline.program().await);
    let click = client.open_link(&program.code).await;
    client.recorded(&program, &click.event_id()).await;
    let lead = json!({"click_id": click.json()["click_id"], "customer_key": "u1"});
    let own = client.customer_after(&program, &lead).await;
    let others = client.customer_after(&other, &json!({"customer_key": "u1"})).await;
    assert_eq!((&own["attributed"], &own["program_id"]), (&json!(true), &json!(program.id)));
    assert_eq!((&others["reason"], &others["program_id"]), (&json!("no_click_id"), &json!(other.id)));
    assert_eq!(others["events_total"], 1);
}

async fn what_another_program_owns_looks_like_nothing(pipeline: &Pipeline) {
    let (client, program, other) = (Client::of(pipeline), pipeline.program().await, pipeline.program().await);
    let receipt = client.send_lead(&program, &json!({"customer_key": "secret"})).await.event_id();
    client.recorded(&program, &receipt).await;
    let (theirs, nobodys) = (client.customer(&other, "secret").await, client.customer(&other, "nobody").await);
    assert_eq!((theirs.status, &theirs.body), (404, &nobodys.body));
    let theirs = client.read(&other, &format!("/api/v1/events/{receipt}")).await;
    let nobodys = client.read(&other, "/api/v1/events/0197f0c0-0000-7000-8000-000000000000").await;
    assert_eq!((theirs.status, &theirs.body), (404, &nobodys.body));
}

async fn a_revoked_key_is_refused_soon_and_another_goes_on(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let store = pipeline.store().await;
    let (second, plain) = store.create_key(program.id, "second", key_entropy()).await.unwrap();
    let send = async |key: &str| Answer::to(client.lead().bearer_auth(key).json(&json!({"customer_key": "u1"}))).await;
    assert_eq!(send(plain.text()).await.status, 200, "a key made a moment ago is looked up");
    store.revoke_key(program.id, &second.key_id, tests::now()).await.unwrap();
    store.close().await;
    eventually(VISIBLE, async || {
        let answer = send(plain.text()).await;
        if answer.code() == "invalid_token" { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
    assert_eq!(send(&program.api_key).await.status, 200);
}

async fn a_link_switched_off_gives_no_click_id_soon_and_earlier_clicks_count(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let click_id = client.click_id(&program.code).await;
    let store = pipeline.store().await;
    store.disable_partner(program.id, program.partner).await.unwrap();
    store.close().await;
    eventually(VISIBLE, async || {
        let answer = client.open_link(&program.code).await;
        if answer.json()["message"] == "Referral link is inactive" { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
    let customer = client.customer_after(&program, &json!({"click_id": click_id, "customer_key": "u1"})).await;
    assert_eq!((&customer["attributed"], &customer["partner_code"]), (&json!(true), &json!(program.code)));
}
