//! What was found, as a table of ratios.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result};

use crate::paths;

/// A line of the table: a work, and what of it is measured.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Row {
    GetCpu,
    GetRate,
    GetCachedCpu,
    GetCachedRate,
    ListCpu,
    ListRate,
    ListLatency,
    FixedCpu,
    FixedRate,
    ListPageCpu,
    ListGzipCpu,
    CreateCpu,
    CreateRate,
    EtcdRate,
    EmbeddedCpu,
    EmbeddedRate,
    Watch1000Cpu,
    Watch1000Latency,
    Watch10000Cpu,
    Watch10000Latency,
    WatchBegin,
    ApplyCpu,
    ApplyRate,
    WatchedMemory,
    ListedMemory,
    Idle,
    Start,
    Binary,
}

/// How a number is written.
#[derive(Clone, Copy, Debug)]
enum Unit {
    Micros,
    Millis,
    Kib,
    PerSecond,
    MegabytesPerSecond,
}

/// What was measured of each line: Go's and ours, or the other yardstick's and ours, one pair after the other.
#[derive(Debug, Default)]
pub(super) struct Report {
    rows: BTreeMap<Row, Vec<(f64, f64)>>,
}

impl Row {
    /// The work, what is measured, its unit, and what Annex is to reach.
    fn texts(self) -> (&'static str, &'static str, Unit, &'static str) {
        use Unit::{Kib, MegabytesPerSecond, Micros, Millis, PerSecond};
        const CPU: &str = "CPU per request";
        const RATE: &str = "requests";
        match self {
            Self::GetCpu => ("GET one", CPU, Micros, "1/8"),
            Self::GetRate => ("GET one", RATE, PerSecond, ""),
            Self::GetCachedCpu => ("GET one, resourceVersion=0", CPU, Micros, "1/8"),
            Self::GetCachedRate => ("GET one, resourceVersion=0", RATE, PerSecond, ""),
            Self::ListCpu => ("LIST 10,000", CPU, Micros, "1/10"),
            Self::ListRate => ("LIST 10,000", "throughput", MegabytesPerSecond, ""),
            Self::ListLatency => ("LIST 10,000", "median latency, 4 at once", Micros, ""),
            Self::FixedCpu => ("LIST 10,000 beside a fixed body", CPU, Micros, ""),
            Self::FixedRate => ("LIST 10,000 beside a fixed body", "throughput", MegabytesPerSecond, "0.8 ×"),
            Self::ListPageCpu => ("LIST limit=500", CPU, Micros, "1/10"),
            Self::ListGzipCpu => ("LIST 10,000 as gzip", CPU, Micros, "1/10"),
            Self::CreateCpu => ("CREATE, 32 clients", CPU, Micros, "1/4"),
            Self::CreateRate => ("CREATE, 32 clients", RATE, PerSecond, ""),
            Self::EtcdRate => ("CREATE beside etcd alone", "writes", PerSecond, "0.95 ×"),
            Self::EmbeddedCpu => ("CREATE embedded, 32 clients", CPU, Micros, ""),
            Self::EmbeddedRate => ("CREATE embedded, 32 clients", RATE, PerSecond, "10 ×"),
            Self::Watch1000Cpu => ("WATCH, 1,000 watchers", "CPU per event delivered", Micros, "1/8"),
            Self::Watch1000Latency => ("WATCH, 1,000 watchers", "p99 from write to event", Micros, ""),
            Self::Watch10000Cpu => ("WATCH, 10,000 watchers", "CPU per event delivered", Micros, "1/8"),
            Self::Watch10000Latency => ("WATCH, 10,000 watchers", "p99 from write to event", Micros, ""),
            Self::WatchBegin => ("WATCH, 10,000 watchers", "CPU to begin one", Micros, ""),
            Self::ApplyCpu => ("APPLY to 10 KB, 3 managers", CPU, Micros, "1/3"),
            Self::ApplyRate => ("APPLY to 10 KB, 3 managers", RATE, PerSecond, ""),
            Self::WatchedMemory => ("Memory, 10,000 watchers and objects", "resident", Kib, "1/8"),
            Self::ListedMemory => ("Memory, 10,000 objects, after lists", "resident", Kib, "1/6"),
            Self::Idle => ("Memory, idle", "resident", Kib, "1/8"),
            Self::Start => ("Start to ready", "time", Millis, "1/10"),
            Self::Binary => ("Binary, stripped", "size", Kib, "1/5"),
        }
    }
}

impl Report {
    pub(super) fn add(&mut self, row: Row, yardstick: f64, annex: f64) {
        self.rows.entry(row).or_default().push((yardstick, annex));
    }

    /// The table in Markdown.
    pub(super) fn table(&self) -> String {
        let mut text = String::from(
            "| Work | Measured | Go | Annex | Annex / Go: median (min to max) | Goal |\n|---|---|--:|--:|--:|--:|\n",
        );
        for (row, pairs) in &self.rows {
            let (work, what, unit, goal) = row.texts();
            let yardsticks = sorted(pairs.iter().map(|(yardstick, _)| *yardstick));
            let ours = sorted(pairs.iter().map(|(_, ours)| *ours));
            let ratios = sorted(pairs.iter().map(|(yardstick, ours)| ours / yardstick));
            let (least, most) = (ratios.first().copied(), ratios.last().copied());
            let _ = writeln!(
                text,
                "| {work} | {what} | {} | {} | {} ({} to {}) | {goal} |",
                unit.write(median(&yardsticks)),
                unit.write(median(&ours)),
                ratio(median(&ratios)),
                ratio(least.unwrap_or_default()),
                ratio(most.unwrap_or_default()),
            );
        }
        text
    }
}

impl Unit {
    fn write(self, value: f64) -> String {
        match self {
            Self::Micros if value >= 10_000.0 => format!("{:.1} ms", value / 1e3),
            Self::Micros => format!("{value:.1} µs"),
            Self::Millis => format!("{value:.0} ms"),
            Self::Kib => format!("{:.1} MiB", value / 1024.0),
            Self::PerSecond => format!("{value:.0}/s"),
            Self::MegabytesPerSecond => format!("{value:.0} MB/s"),
        }
    }
}

/// A ratio below one as people say it: `1/8.1`.
fn ratio(value: f64) -> String {
    if value > 0.0 && value < 0.67 { format!("1/{:.1}", 1.0 / value) } else { format!("{value:.2} ×") }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// Puts the table into the document, between two marks.
pub(super) fn write(table: &str) -> Result<()> {
    let path = paths::workspace().join("docs/benchmarks.md");
    let old = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let new = replaced(&old, table).with_context(|| format!("{} lacks its marks", path.display()))?;
    fs::write(&path, new).with_context(|| format!("cannot write {}", path.display()))
}

fn replaced(document: &str, table: &str) -> Option<String> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{table}\n{END}{after}"))
}

const BEGIN: &str = "<!-- begin: written by cargo xtask bench --write -->";
const END: &str = "<!-- end -->";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_the_median_of_pairs_and_not_that_of_medians() {
        let mut report = Report::default();
        for (go, annex) in [(100.0, 10.0), (400.0, 20.0), (200.0, 100.0)] {
            report.add(Row::GetCpu, go, annex);
        }
        let table = report.table();
        let line = table.lines().last().unwrap();
        assert_eq!(line, "| GET one | CPU per request | 200.0 µs | 20.0 µs | 1/10.0 (1/20.0 to 1/2.0) | 1/8 |");
    }

    #[test]
    fn what_stands_around_the_table_stays() {
        let document = format!("above\n{BEGIN}\nold\n{END}\nbelow\n");
        assert_eq!(replaced(&document, "new").unwrap(), format!("above\n{BEGIN}\n\nnew\n{END}\nbelow\n"));
        assert!(replaced("no marks", "new").is_none());
    }

    #[test]
    fn the_document_has_its_marks() {
        let document = fs::read_to_string(paths::workspace().join("docs/benchmarks.md")).unwrap();
        assert!(replaced(&document, "").is_some());
    }
}
