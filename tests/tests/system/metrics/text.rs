//! Reads what a process shows at `/metrics`, as Prometheus does: which series there are, and what each metric is.

use std::collections::{BTreeMap, BTreeSet};
use tests::{Answer, Client};

/// One metric, with the values of its labels.
pub(super) struct Metric {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) meaning: String,
    pub(super) labels: BTreeMap<String, Vec<String>>,
}

/// The names and labels of all series that a process shows, without their values.
pub(super) async fn series(base: &str) -> BTreeSet<String> {
    let text = shown(base).await;
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').expect("a series and its value").0.to_owned()).collect()
}

/// All metrics that a process shows.
pub(super) async fn metrics(base: &str) -> Vec<Metric> {
    let (text, series) = (shown(base).await, series(base).await);
    let about = |what: &str| -> BTreeMap<String, String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(what)?.trim_start().split_once(' '));
        lines.map(|(name, text)| (name.to_owned(), text.to_owned())).collect()
    };
    let (kinds, mut meanings) = (about("# TYPE"), about("# HELP"));
    let metric = |(name, kind): (String, String)| {
        let own = series.iter().filter(|series| base_name(series, &kinds) == name);
        let labels = own.flat_map(|series| labels(series)).filter(|(label, _)| label != "le");
        let mut values = BTreeMap::<String, BTreeSet<String>>::new();
        for (label, value) in labels {
            values.entry(label).or_default().insert(value);
        }
        let labels = values.into_iter().map(|(label, values)| (label, values.into_iter().collect())).collect();
        let meaning = meanings.remove(&name).unwrap_or_default();
        Metric { name, kind, meaning, labels }
    };
    kinds.clone().into_iter().map(metric).collect()
}

/// The names of metrics that a file uses.
pub(super) fn names_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    let names = words.filter(|word| word.starts_with("affitor_"));
    names.map(|name| without_end(name).to_owned()).collect()
}

fn without_end(name: &str) -> &str {
    ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}

fn base_name<'a>(series: &'a str, kinds: &BTreeMap<String, String>) -> &'a str {
    let name = series.split('{').next().unwrap_or_default();
    if kinds.contains_key(name) { name } else { without_end(name) }
}

/// The values of our labels hold neither commas nor quotes.
fn labels(series: &str) -> Vec<(String, String)> {
    let inside = series.split_once('{').map_or("", |(_, labels)| labels.trim_end_matches('}'));
    let pairs = inside.split(',').filter_map(|pair| pair.split_once('='));
    pairs.map(|(label, value)| (label.to_owned(), value.trim_matches('"').to_owned())).collect()
}

async fn shown(base: &str) -> String {
    let client = Client::at(base, base);
    let answer = Answer::to(client.request(reqwest::Method::GET, "/metrics")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}
