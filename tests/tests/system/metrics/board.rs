//! The shipped board's panels and the expressions they show.

use serde_json::Value;
use std::fs;

const BOARD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/grafana/dashboards/pipeline.json");

/// One panel that shows something.
pub(super) struct Panel {
    pub(super) title: String,
    /// As Prometheus takes them.
    pub(super) expressions: Vec<String>,
}

/// All panels, in the order of the board; each must say its unit and what it shows.
pub(super) fn panels() -> Vec<Panel> {
    let board: Value = serde_json::from_slice(&fs::read(BOARD).unwrap()).unwrap();
    let shown = board["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row");
    shown.map(panel).collect()
}

fn panel(panel: &Value) -> Panel {
    let title = panel["title"].as_str().unwrap().to_owned();
    for member in [&panel["description"], &panel["fieldConfig"]["defaults"]["unit"]] {
        assert!(member.as_str().is_some_and(|text| !text.is_empty()), "{title} lacks its description or its unit");
    }
    let expressions = panel["targets"].as_array().unwrap().iter().map(|target| {
        // What Grafana puts in: four scrapes, and the time that is shown.
        target["expr"].as_str().unwrap().replace("$__rate_interval", "5s").replace("$__range", "2m")
    });
    let expressions: Vec<String> = expressions.collect();
    assert!(expressions.iter().all(|text| !text.contains('$')), "{title}: a variable that this test does not know");
    Panel { title, expressions }
}
