//! Every reason a customer can be shown with, reached as clients reach it.

use domain::{ClickEvent, Event, event::Detail, pack};
use queue::{Message, Queue, RabbitMqSettings, Readiness};
use serde_json::{Value, json};
use tests::{Answer, Client, Pipeline, Shape, TestProgram, VISIBLE, eventually};
use uuid::Uuid;

/// In seconds.
const DAY: i64 = 86_400;

on_both_shapes! {
    a_customer_without_a_click_says_so_with_a_hint
    a_genuine_click_that_nobody_has_seen_is_waited_for
    only_another_programs_click_is_no_attribution
    a_click_older_than_the_window_has_expired
    a_window_of_no_days_takes_no_click_of_yesterday
    a_click_made_after_the_signup_does_not_count
    a_crawlers_click_attracts_no_lead
    the_oldest_click_wins_where_the_program_says_so
    a_server_lead_takes_over_the_click_its_browser_lead_knew
}

async fn judged(client: &Client, program: &TestProgram, body: Value) -> (Value, Value, Value) {
    let customer = client.customer_after(program, &body).await;
    (customer["attributed"].clone(), customer["reason"].clone(), customer["hint"].clone())
}

fn not_attributed((attributed, reason, hint): (Value, Value, Value), expected: &str) {
    assert_eq!((&attributed, reason.as_str()), (&json!(false), Some(expected)));
    assert!(hint.as_str().is_some_and(|hint| !hint.is_empty()), "a hint for {expected}");
}

async fn a_customer_without_a_click_says_so_with_a_hint(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    not_attributed(judged(&client, &program, json!({"customer_key": "u1"})).await, "no_click_id");
}

async fn a_genuine_click_that_nobody_has_seen_is_waited_for(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let click = pipeline.cookie(pipeline.mint_click(&program, 60));
    not_attributed(
        judged(&client, &program, json!({"click_id": click, "customer_key": "u1"})).await,
        "click_not_found",
    );
}

async fn only_another_programs_click_is_no_attribution(pipeline: &Pipeline) {
    let (client, program, other) = (Client::of(pipeline), pipeline.program().await, pipeline.program().await);
    let foreign = client.click_id(&other.code).await;
    let lead = json!({"customer_key": "u1", "click_ids": [foreign]});
    not_attributed(judged(&client, &program, lead).await, "click_in_other_program");
}

async fn a_click_older_than_the_window_has_expired(pipeline: &Pipeline) {
    let client = Client::of(pipeline);
    let program = pipeline.program_with(|new| new.terms.attribution_window_days = 1).await;
    let click = pipeline.cookie(pipeline.mint_click(&program, 2 * DAY));
    not_attributed(judged(&client, &program, json!({"click_id": click, "customer_key": "u1"})).await, "window_expired");
}

async fn a_window_of_no_days_takes_no_click_of_yesterday(pipeline: &Pipeline) {
    let client = Client::of(pipeline);
    let program = pipeline.program_with(|new| new.terms.attribution_window_days = 0).await;
    let click = pipeline.cookie(pipeline.mint_click(&program, DAY));
    not_attributed(judged(&client, &program, json!({"click_id": click, "customer_key": "u1"})).await, "window_expired");
}

async fn a_click_made_after_the_signup_does_not_count(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let click = pipeline.cookie(pipeline.mint_click(&program, -600));
    not_attributed(
        judged(&client, &program, json!({"click_id": click, "customer_key": "u1"})).await,
        "click_after_lead",
    );
}

async fn a_crawlers_click_attracts_no_lead(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let body = json!({"affiliate_url": format!("https://shop.example/?aff={}", program.code)});
    let crawler = client.click().header("User-Agent", "Mozilla/5.0 (compatible; Googlebot/2.1)").json(&body);
    for (number, request) in
        [crawler, client.click().header("Sec-Purpose", "prefetch;prerender").json(&body)].into_iter().enumerate()
    {
        let click = Answer::to(request).await;
        client.recorded(&program, &click.event_id()).await;
        let lead = json!({"click_id": click.json()["click_id"], "customer_key": format!("u{number}")});
        not_attributed(judged(&client, &program, lead).await, "bot_click");
    }
}

async fn the_oldest_click_wins_where_the_program_says_so(pipeline: &Pipeline) {
    let client = Client::of(pipeline);
    let first = |new: &mut store::NewProgram| {
        new.terms.attribution_model = domain::program::AttributionModel::FirstClick;
    };
    let program = pipeline.program_with(first).await;
    let mut clicks = Vec::new();
    for code in [&program.code, &program.second_code] {
        let click = client.open_link(code).await;
        client.recorded(&program, &click.event_id()).await;
        clicks.push(click.json()["click_id"].clone());
    }
    let customer = client.customer_after(&program, &json!({"customer_key": "u1", "click_ids": clicks})).await;
    assert_eq!((&customer["partner_code"], &customer["click_id"]), (&json!(program.code), &clicks[0]));
}

async fn a_server_lead_takes_over_the_click_its_browser_lead_knew(pipeline: &Pipeline) {
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let click = client.open_link(&program.code).await;
    client.recorded(&program, &click.event_id()).await;
    let click_id = click.json()["click_id"].clone();
    let browser = Answer::to(client.lead().json(&json!({"click_id": click_id, "customer_key": "u1"}))).await;
    client.recorded(&program, &browser.event_id()).await;
    let customer = client.customer_after(&program, &json!({"customer_key": "u1"})).await;
    assert_eq!((&customer["attributed"], &customer["click_id"]), (&json!(true), &click_id));
    assert_eq!(customer["flags"], json!(["click_from_browser"]));
    let shown = client.recorded(&program, &browser.event_id()).await;
    assert_eq!(shown["state"], "duplicate", "the server's lead has taken its place");
}

#[tokio::test]
async fn a_click_that_arrives_after_its_lead_completes_the_verdict() {
    let pipeline = Pipeline::shared(Shape::Servers).await;
    let (client, program) = (Client::of(pipeline), pipeline.program().await);
    let click = pipeline.mint_click(&program, 60);
    let lead = json!({"click_id": pipeline.cookie(click), "customer_key": "u1"});
    assert_eq!(client.customer_after(&program, &lead).await["reason"], "click_not_found");

    let event = ClickEvent { click, link: Some(program.link), bot: false, replaces: None, detail: Detail::default() };
    publish(pipeline, &Event::Click(event)).await;
    let customer = eventually(VISIBLE, || async {
        let customer = client.customer(&program, "u1").await.json();
        if customer["attributed"] == true { Ok(customer) } else { Err(customer.to_string()) }
    })
    .await;
    assert_eq!((&customer["reason"], &customer["partner_code"]), (&json!("attributed"), &json!(program.code)));
}

/// Puts an event into the queue as another `ingest` would, later than this one answered.
async fn publish(pipeline: &Pipeline, event: &Event) {
    let settings = &pipeline.settings().queue;
    let (amqp_uri, prefix) = (settings.amqp_url.expose().to_owned(), settings.name_prefix.clone());
    let queue = Queue::rabbitmq(RabbitMqSettings { amqp_uri, prefix, ..RabbitMqSettings::default() }).await.unwrap();
    let header = pack::PackHeader {
        run: Uuid::from_u128(event.id().uuid().as_u128() ^ 1),
        number: 1,
        confirmed_before: 0,
        unconfirmed: vec![],
    };
    let mut pack = pack::PackWriter::new(&header);
    assert!(pack.push(&pack::encode_record(event).unwrap()));
    let message = Message { id: event.id().uuid(), events: pack.events(), body: pack.finish(), traceparent: None };
    let mut channel = queue.publishing_channel();
    queue.readiness().wait_for(|state| *state == Readiness::Ready).await.unwrap();
    channel.publish(message).await.unwrap();
    queue.close().await;
}
