//! Limits: who sends too much is told so and when to come back, and nobody else notices.

use super::{RawAnswer, Server};
use serde_json::json;
use tokio::sync::OnceCell;

/// How many a fresh bucket holds at a rate of one a second.
const BURST: usize = 5;
const TRIES: usize = 3 * BURST;

/// A server that believes its proxy on this machine, and where only one limit at a time is within reach.
async fn server() -> &'static Server {
    static SERVER: OnceCell<Server> = OnceCell::const_new();
    let settings = [
        ("INGEST__LIMIT_LOOPBACK", "true"),
        ("INGEST__TRUSTED_PROXIES", "127.0.0.1,10.0.0.0/8"),
        ("INGEST__LIMIT_KEY_PER_SECOND", "1"),
        ("INGEST__LIMIT_PROGRAM_PER_SECOND", "1"),
        ("INGEST__LIMIT_ADDRESS_PER_SECOND", "1"),
        ("INGEST__LIMIT_LINK_PER_SECOND", "1"),
        ("INGEST__LIMIT_TEST_PER_SECOND", "1"),
    ];
    SERVER.get_or_init(|| Server::start(&settings)).await
}

/// Where a request comes from and what it carries.
struct Sender<'a> {
    path: &'a str,
    /// Header lines.
    more: String,
    body: serde_json::Value,
}

impl Sender<'_> {
    fn request(&self, forwarded: &str) -> String {
        let body = self.body.to_string();
        format!(
            "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-Forwarded-For: {forwarded}\r\n\
             {}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.path,
            self.more,
            body.len()
        )
    }

    /// Sends many, each from the address that `from` makes of its number; how many were taken. The others must be
    /// refused as the contract says.
    async fn taken(&self, server: &Server, from: impl Fn(usize) -> String) -> usize {
        let mut taken = 0;
        for number in 0..TRIES {
            let answers = server.answers(self.request(&from(number))).await;
            let [answer] = answers.as_slice() else { panic!("{answers:?}") };
            match answer.status {
                200 => taken += 1,
                _ => assert_limited(answer),
            }
        }
        taken
    }
}

fn assert_limited(answer: &RawAnswer) {
    assert_eq!((answer.status, answer.code().as_str()), (429, "rate_limited"), "{answer:?}");
    let seconds: u64 = answer.header("retry-after").expect("Retry-After").parse().expect("whole seconds");
    assert_eq!(seconds, 1);
    assert_eq!(answer.header("x-affitor-outcome"), None);
    assert!(answer.body.starts_with(r#"{"success":false,"error":""#), "{answer:?}");
}

fn click(server: &Server, code: &str) -> Sender<'static> {
    let url = format!("https://shop.example/?aff={}", server.fact(code));
    Sender { path: "/api/v1/track/click", more: String::new(), body: json!({"affiliate_url": url}) }
}

fn keyed(key: &str) -> Sender<'static> {
    let more = format!("Authorization: Bearer {key}\r\n");
    Sender { path: "/api/v1/track/lead", more, body: json!({"customer_key": "limited"}) }
}

/// At the rate of one a second, a few more than the burst are taken on a busy machine.
fn assert_burst(taken: usize) {
    assert!((BURST..TRIES - 2).contains(&taken), "{taken} of {TRIES}");
}

#[tokio::test]
async fn a_key_is_limited_wherever_it_is_used_and_another_programs_is_not() {
    let server = server().await;
    let limited = r#"affitor_ingest_limited_total{limit="key"}"#;
    assert_eq!(server.metric(limited).await, 0.0);
    let taken = keyed(server.fact("api_key")).taken(server, |number| format!("203.0.113.{number}")).await;
    assert_burst(taken);
    assert_eq!(server.metric(limited).await, (TRIES - taken) as f64);
    assert!(server.metric(r#"affitor_ingest_refused_total{code="rate_limited"}"#).await >= (TRIES - taken) as f64);
    let other = server.facts["other_program"]["api_key"].as_str().unwrap();
    let answers = server.answers(keyed(other).request("203.0.113.1")).await;
    assert_eq!(answers[0].status, 200, "{answers:?}");
}

#[tokio::test]
async fn a_link_is_limited_wherever_its_visitors_are() {
    let server = server().await;
    assert_burst(click(server, "partner_code").taken(server, |number| format!("198.51.100.{number}")).await);
    let answers = server.answers(click(server, "second_partner_code").request("198.51.100.1")).await;
    assert_eq!(answers[0].status, 200, "{answers:?}");
}

#[tokio::test]
async fn an_address_without_a_key_is_limited_behind_its_proxies_whatever_it_claims_to_be() {
    let server = server().await;
    // Refused for what it says as long as it is not refused for how often it says it.
    let nobody = Sender { path: "/api/v1/track/lead", more: String::new(), body: json!({"customer_key": "u1"}) };
    let mut statuses = Vec::new();
    for number in 0..TRIES {
        let forwarded = format!("192.0.2.{number}, 2001:db8::{number}, 10.0.0.{number}");
        statuses.push(server.answers(nobody.request(&forwarded)).await[0].status);
    }
    assert!(statuses[..BURST].iter().all(|status| *status == 401), "{statuses:?}");
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    assert_eq!(server.answers(nobody.request("2001:db8:0:1::1")).await[0].status, 401, "another network");
}

#[tokio::test]
async fn the_leads_of_all_browsers_for_one_program_are_limited() {
    let server = server().await;
    let program = &server.facts["other_program"]["program_id"];
    let body = json!({"customer_key": "from-browser", "program_id": program});
    let browser = Sender { path: "/api/v1/track/lead", more: "Origin: https://shop.example\r\n".into(), body };
    assert_burst(browser.taken(server, |number| format!("100.64.0.{number}")).await);
}

#[tokio::test]
async fn test_events_are_limited_by_address_with_and_without_a_key() {
    let server = server().await;
    let program = &server.facts["program_id"];
    let body = json!({"additional_data": {"test_mode": true, "program_id": program}});
    let test = Sender { path: "/api/v1/track/lead", more: String::new(), body };
    assert_burst(test.taken(server, |_| "100.64.1.1".into()).await);
    let answers = server.answers(test.request("100.64.1.2")).await;
    assert_eq!(answers[0].status, 200, "{answers:?}");
}

#[tokio::test]
async fn a_request_over_the_limit_is_refused_before_its_body_is_there() {
    let server = server().await;
    let nobody = Sender { path: "/api/v1/track/click", more: String::new(), body: json!({"padding": "x"}) };
    for _ in 0..TRIES {
        server.answers(nobody.request("100.64.2.1")).await;
    }
    let request = nobody.request("100.64.2.1");
    let (head, _) = request.split_once("\r\n\r\n").unwrap();
    let answers = server.answers(format!("{head}\r\n\r\n")).await;
    assert_limited(&answers[0]);
}

#[tokio::test]
async fn without_trusted_proxies_what_a_client_claims_to_be_is_not_believed() {
    let settings = [("INGEST__LIMIT_LOOPBACK", "true"), ("INGEST__LIMIT_ADDRESS_PER_SECOND", "1")];
    let server = Server::start(&settings).await;
    assert_burst(click(&server, "partner_code").taken(&server, |number| format!("203.0.113.{number}")).await);
    let log = server.process.output();
    assert_eq!(log.matches("name it in `ingest.trusted_proxies`").count(), 1, "said once: {log}");
}

#[tokio::test]
async fn clients_on_this_machine_are_not_limited_by_default() {
    let settings = [("INGEST__LIMIT_ADDRESS_PER_SECOND", "1"), ("INGEST__LIMIT_LINK_PER_SECOND", "1")];
    let server = Server::start(&settings).await;
    assert_eq!(click(&server, "partner_code").taken(&server, |_| "203.0.113.1".into()).await, TRIES);
}
