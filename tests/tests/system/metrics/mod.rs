//! What the product shows of itself, seen by a real Prometheus: the board's panels, the alerts, the closed list of series.

mod board;
mod load;
mod prometheus;
mod text;

use board::panels;
use load::Scene;
use prometheus::{Prometheus, Series, promtool};
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use tests::{Answer, Client, Pipeline, Process, START, Shape, eventually, free_port};

/// How long what has happened may take to be scraped, evaluated and shown on a busy machine.
const SHOWN: Duration = Duration::from_secs(20);

/// What a panel must do between the start and the end of the scene.
#[derive(Clone, Copy, PartialEq)]
enum Expect {
    /// Its values change.
    Moves,
    /// It shows the same all the time.
    Still,
    /// It may move for a moment.
    Free,
}
use Expect::{Free, Moves, Still};

const PANELS: [(&str, Expect); 27] = [
    ("Accepted", Moves),
    ("Answers", Moves),
    ("Refusals", Moves),
    ("Time to answer", Moves),
    ("Refused with 503", Moves),
    ("Limited, and clients gone", Free),
    ("Time to confirm", Moves),
    ("Packs", Moves),
    ("Size of a pack", Moves),
    ("Bytes of a pack", Moves),
    ("Oldest event waiting", Moves),
    ("Accepted until committed", Moves),
    ("Size of a batch", Moves),
    ("Lanes and consumers", Free),
    ("Database time", Moves),
    ("Time of a transaction", Moves),
    ("Batches held", Moves),
    ("Accepted against settled", Moves),
    ("Verdicts", Moves),
    ("Dead letters", Moves),
    ("Unrouted", Moves),
    ("Missing packs", Still),
    ("Waiting by the ledger", Free),
    ("Reconnects", Moves),
    ("Processes", Still),
    ("Reads", Moves),
    ("Time of a read", Moves),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_panel_shows_a_real_scrape_and_what_should_move_does() {
    let scene = Scene::start().await;
    let prometheus = Prometheus::start(&scene.pipeline).await;
    let before = scene.series().await;
    let (began, ended) = scene.play().await;

    let expected: BTreeMap<&str, Expect> = PANELS.into();
    let mut shown = Vec::new();
    for panel in panels() {
        let title = panel.title.as_str();
        let expect = *expected.get(title).unwrap_or_else(|| panic!("say what the panel {title} must do"));
        let lines = eventually(SHOWN, || async {
            let mut lines = Vec::new();
            for expression in &panel.expressions {
                let values = prometheus.query(expression, Some(ended)).await;
                let is_finite = values.iter().all(|series| series.values.iter().all(|(_, value)| value.is_finite()));
                if values.is_empty() || !is_finite {
                    return Err(format!("{title}: {expression} shows {}", tell(&values)));
                }
                lines.extend(prometheus.query_range(expression, began, ended).await);
            }
            match (expect, lines.iter().any(moves)) {
                (Moves, false) | (Still, true) => Err(format!("{title}: {}", tell(&lines))),
                (Moves, true) | (Still, false) | (Free, _) => Ok(lines.len()),
            }
        });
        shown.push(format!("{title}: {} lines", lines.await));
    }
    assert_eq!(shown.len(), PANELS.len(), "the board has other panels than are listed here: {shown:?}");

    for calm in [
        r#"sum(affitor_worker_dead_letters_total) == 1 and sum(affitor_worker_dead_letters_total{reason="undecodable"}) == 1"#,
        "max(affitor_worker_oldest_waiting_seconds) == 0",
        r#"sum(affitor_queue_consumers{queue="events"}) == sum(affitor_worker_lanes{queue="events"})"#,
    ] {
        let holds = eventually(SHOWN, || async {
            if prometheus.query(calm, None).await.is_empty() { Err(format!("not yet: {calm}")) } else { Ok(()) }
        });
        holds.await;
    }
    let firing = eventually(SHOWN, || async {
        let firing = prometheus.firing().await;
        let wanted = ["AffitorDeadLetters", "AffitorUnrouted"];
        if wanted.iter().all(|name| firing.iter().any(|fires| fires == name)) {
            Ok(firing)
        } else {
            Err(format!("{firing:?}"))
        }
    })
    .await;
    assert!(firing.iter().all(|name| name != "AffitorLedgerImbalance" && name != "AffitorTargetDown"), "{firing:?}");
    assert_eq!(scene.series().await, before, "every series is there at the first scrape, and no other comes");
}

fn moves(series: &Series) -> bool {
    let mut values = series.values.iter().map(|(_, value)| value).filter(|value| value.is_finite());
    let first = values.next();
    values.any(|value| Some(value) != first)
}

fn tell(series: &[Series]) -> String {
    let lines = series.iter().map(|series| {
        let values: Vec<String> = series.values.iter().map(|(_, value)| value.to_string()).collect();
        format!("\n  {} {}", series.labels, values.join(" "))
    });
    lines.collect()
}

#[test]
fn the_configuration_and_the_alerts_do_what_they_say() {
    promtool(&["check", "config", "prometheus.yml"]);
    promtool(&["check", "rules", "alerts.yml"]);
    promtool(&["test", "rules", "alerts.test.yml"]);
}

#[tokio::test]
async fn hostile_input_makes_no_series() {
    let (room, [api, metrics]) = (tempfile::tempdir().unwrap(), [(); 2].map(|()| format!("127.0.0.1:{}", free_port())));
    let data = room.path().display().to_string();
    let arguments = ["up", "--no-demo", "--data", &data, "--listen", &api, "--metrics-listen", &metrics];
    let mut up = Process::start("affitor", &arguments, &[]);
    let (api, metrics) = (format!("http://{api}"), format!("http://{metrics}"));
    up.wait_for_url(START, &format!("{api}/readyz")).await;
    let before = text::series(&metrics).await;
    assert!((200..500).contains(&before.len()), "{} series", before.len());

    let client = Client::at(&api, &api);
    for number in 0..50 {
        let own = format!("x{number}\"}}\n# evil {number}");
        let key = json!({"customer_key": own, "click_id": own, "event_name": own, "additional_data": {&own: own}});
        let requests = [
            client.lead().bearer_auth(format!("key_{number}")).json(&key),
            client
                .lead()
                .header("User-Agent", format!("agent-{number}"))
                .header("Origin", format!("https://{number}.example"))
                .json(&key),
            client.click().json(&json!({"affiliate_url": format!("https://{number}.example/?aff={number}")})),
            client.request(Method::GET, &format!("/path/{number}")),
            client.request(Method::GET, &format!("/api/v1/customers/{number}?x={number}")).bearer_auth(number),
            client.request(Method::from_bytes(format!("M{number}").as_bytes()).unwrap(), "/api/v1/track/lead"),
        ];
        for request in requests {
            let answer = Answer::to(request).await;
            assert!((400..500).contains(&answer.status), "{answer:?}");
        }
    }
    assert_eq!(text::series(&metrics).await, before);
}

#[tokio::test]
async fn the_reference_of_metrics_is_what_the_programs_show() {
    let pipeline = Pipeline::shared(Shape::Servers).await;
    let mut found = BTreeMap::new();
    for binary in ["ingest", "worker", "console"] {
        for metric in text::metrics(&pipeline.metrics(binary)).await {
            found.entry(metric.name.clone()).or_insert((metric, Vec::new())).1.push(binary);
        }
    }
    let rows = found.values().map(|(metric, shown_by)| {
        assert!(!metric.meaning.is_empty(), "{} is not described", metric.name);
        let labels: Vec<String> = metric.labels.iter().map(|(label, values)| label_cell(label, values)).collect();
        [
            format!("`{}`", metric.name),
            metric.kind.clone(),
            labels.join("; "),
            shown_by.join(", "),
            metric.meaning.clone(),
        ]
    });
    let titles = ["metric", "type", "labels", "shown by", "meaning"];
    crate::documents::holds("docs/metrics.md", "metrics", &crate::documents::table(titles, rows));

    for file in ["deploy/prometheus/alerts.yml", "deploy/grafana/dashboards/pipeline.json"] {
        for name in text::names_in(&crate::documents::read(file)) {
            assert!(found.contains_key(&name), "{file} uses {name}, which nobody shows");
        }
    }
}

/// Long lists are in the code and in docs/errors.md.
fn label_cell(label: &str, values: &[String]) -> String {
    let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
    match values.len() {
        0..=12 => format!("{label}: {}", values.join(", ")),
        more => format!("{label}: one of {more}"),
    }
}
