//! A flood from one address: it is told to come back later, and whoever sends from elsewhere does not notice.

use super::Server;
use serde_json::json;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tests::{Answer, Client};

const FLOODING: usize = 16;
const LEADS: usize = 200;
/// Test events of one address: those of the first moment, and those of each second.
const BURST: u64 = 50;
const RATE: u64 = 10;
/// Far more than a lead takes on a busy machine, far less than one that waits for the flood.
const ANSWER: Duration = Duration::from_secs(2);

/// What the flood was told.
#[derive(Default)]
struct Told {
    sent: AtomicU64,
    limited: AtomicU64,
    over: AtomicBool,
}

impl Told {
    /// Sends test events for one program after the other until it is over.
    async fn flood(&self, client: &Client) {
        while !self.over.load(Ordering::Relaxed) {
            let program = self.sent.fetch_add(1, Ordering::Relaxed) + 1;
            let body = json!({"additional_data": {"test_mode": true, "program_id": program}});
            let answer = Answer::to(client.lead().header("X-Forwarded-For", "203.0.113.7").json(&body)).await;
            if answer.status == 429 {
                self.limited.fetch_add(1, Ordering::Relaxed);
                let seconds = answer.header("retry-after").and_then(|seconds| seconds.parse::<u64>().ok());
                assert!(seconds.is_some_and(|seconds| seconds >= 1), "{answer:?}");
                assert_eq!(answer.code(), "rate_limited", "{answer:?}");
            } else {
                // Most of them are not there.
                assert!(matches!(answer.status, 200 | 400), "{answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_flood_of_test_events_for_many_programs_is_limited_and_leads_from_elsewhere_are_taken() {
    let server = Server::start(&[("INGEST__TRUSTED_PROXIES", "127.0.0.1")]).await;
    let (client, told) = (server.client(), Told::default());
    let began = Instant::now();
    let leads = async {
        let mut took = Vec::new();
        for number in 0..LEADS {
            let lead = client.lead().bearer_auth(server.fact("api_key")).header("X-Forwarded-For", "198.51.100.1");
            let asked = Instant::now();
            let answer = Answer::to(lead.json(&json!({"customer_key": format!("calm-{number}")}))).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            took.push(asked.elapsed());
        }
        told.over.store(true, Ordering::Relaxed);
        took.sort_unstable();
        took
    };
    let flood = futures_util::future::join_all((0..FLOODING).map(|_| told.flood(&client)));
    let (took, _) = tokio::join!(leads, flood);
    let (sent, limited) = (told.sent.into_inner(), told.limited.into_inner());
    let (median, slowest) = (took[LEADS / 2], took[LEADS - 1]);
    println!(
        "flood: {sent} test events, {limited} limited; leads from elsewhere: median {median:.1?} slowest {slowest:.1?}"
    );
    let allowed = BURST + RATE * (began.elapsed().as_secs() + 1);
    assert!(sent > 2 * BURST && sent - limited <= allowed, "{sent} sent, {limited} limited, {allowed} allowed");
    assert!(slowest < ANSWER, "{slowest:?}");
}
