//! A figure over a growing number, with a bar for each point: what more lanes or processes are worth.

use serde_json::{Value, json};

const WIDTH: f64 = 40.0;

/// Points in their order.
#[derive(Debug, Clone)]
pub(super) struct Curve {
    title: String,
    points: Vec<(String, f64)>,
}

impl Curve {
    /// An empty one; the title says what is counted.
    pub(super) fn new(title: impl Into<String>) -> Self {
        Curve { title: title.into(), points: Vec::new() }
    }

    /// Adds a point.
    pub(super) fn point(&mut self, name: impl Into<String>, figure: f64) {
        self.points.push((name.into(), figure));
    }

    /// For people: each point, how many times the first it is, and a bar as long as it is large.
    pub(super) fn text(&self) -> String {
        let most = self.points.iter().map(|(_, figure)| *figure).fold(0.0, f64::max);
        let names = self.points.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        let first = self.points.first().map_or(1.0, |(_, figure)| *figure);
        let mut text = format!("{}\n", self.title);
        for (name, figure) in &self.points {
            let bar = "#".repeat((figure / most * WIDTH).round() as usize);
            text.push_str(&format!("{name:<names$}  {figure:>9.0}  {:>5.2}x  {bar}\n", figure / first));
        }
        text
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let points = self.points.iter().map(|(name, figure)| json!({"name": name, "figure": figure.round()}));
        json!({"title": self.title, "points": points.collect::<Vec<_>>()})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_is_that_of_the_largest_figure() {
        let mut curve = Curve::new("leads/s by lanes");
        curve.point("1 lane", 20_000.0);
        curve.point("2 lanes", 40_000.0);
        let text = curve.text();
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1], ["1", "lane", "20000", "1.00x", &"#".repeat(20)]);
        assert_eq!(lines[2], ["2", "lanes", "40000", "2.00x", &"#".repeat(40)]);
        assert_eq!(curve.json()["points"][1]["figure"], 40_000.0);
    }
}
