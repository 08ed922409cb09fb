//! Runs side by side: medians, and medians of what paired runs are to each other. Whole numbers; a ratio has thousandths.

use songhua_tests::load::Figures;

use crate::drive::Run;

/// All runs of one side of a load, in order.
pub(crate) struct Side {
    /// Whose.
    pub(crate) name: &'static str,
    /// One a pair.
    pub(crate) runs: Vec<Run>,
    /// Bytes on disk for each event stored so far; none where there are too few to say.
    pub(crate) disk: Option<u64>,
}

impl Side {
    /// Nothing yet.
    pub(crate) const fn new(name: &'static str) -> Self {
        Self { name, runs: Vec::new(), disk: None }
    }

    /// The median over the runs.
    pub(crate) fn median(&self, of: impl Fn(&Run) -> u64) -> u64 {
        spread(self.runs.iter().map(of).collect())[1]
    }

    /// All that was stored.
    pub(crate) fn stored(&self) -> u64 {
        self.runs.iter().map(|run| run.acknowledged).sum()
    }
}

/// Least, median, most.
pub(crate) fn spread(mut values: Vec<u64>) -> [u64; 3] {
    values.sort_unstable();
    let at = |index: usize| values.get(index).copied().unwrap_or_default();
    [at(0), at(values.len() / 2), at(values.len().saturating_sub(1))]
}

/// What `ours` is to `theirs`, pair by pair, in thousandths: least, median, most.
pub(crate) fn ratios(ours: &Side, theirs: &Side, of: impl Fn(&Run) -> u64) -> [u64; 3] {
    let pairs = ours.runs.iter().zip(&theirs.runs);
    spread(pairs.map(|(ours, theirs)| of(ours).saturating_mul(1_000) / of(theirs).max(1)).collect())
}

/// Thousandths in decimals.
pub(crate) fn shown(thousandths: u64) -> String {
    format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000)
}

/// A figure, and how far the pairs lie apart.
pub(crate) fn add(figures: &mut Figures, name: &str, [least, median, most]: [u64; 3]) {
    figures.add_thousandths(name, median, "ratio");
    println!("spread {name} {} to {}", shown(least), shown(most));
}

/// What the columns are.
pub(crate) fn heading() {
    println!(
        "{:<18} {:>9} {:>8} {:>8} {:>8} {:>9} {:>9} {:>7}  the first is to it, of paired runs: median (least to most)",
        "", "events/s", "p50 µs", "p99 µs", "p99.9 µs", "server ns", "client ns", "disk B"
    );
}

/// A load: a line for each side, the first one is compared with the others.
pub(crate) fn print(title: &str, sides: &[Side]) {
    println!("{title}");
    for side in sides {
        let each = |of: fn(&Run) -> u64| side.median(|run| of(run) / run.acknowledged.max(1));
        let timed = side.runs.iter().any(|run| !run.latencies.is_empty());
        let quantile = |per_mille| side.median(|run| run.quantile(per_mille)).to_string();
        let [p50, p99, p999] = [500, 990, 999].map(|at| if timed { quantile(at) } else { "-".to_owned() });
        let [server, client] = [each(|run| run.server_cpu), each(|run| run.client_cpu)];
        let ratio = if std::ptr::eq(side, &raw const sides[0]) {
            String::new()
        } else {
            let [least, median, most] = ratios(&sides[0], side, Run::rate);
            format!("{} ({} to {})", shown(median), shown(least), shown(most))
        };
        println!(
            "  {:<16} {:>9} {p50:>8} {p99:>8} {p999:>8} {server:>9} {client:>9} {:>7}  {ratio}",
            side.name,
            side.median(Run::rate),
            side.disk.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string()),
        );
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn side(rates: &[u64]) -> Side {
        let run = |rate: &u64| Run { elapsed: Duration::from_secs(1), events: *rate, ..Run::default() };
        Side { runs: rates.iter().map(run).collect(), ..Side::new("side") }
    }

    #[test]
    fn the_median_is_of_the_ratios_and_not_the_ratio_of_the_medians() {
        let (ours, theirs) = (side(&[100, 300, 200]), side(&[100, 100, 200]));
        assert_eq!(ratios(&ours, &theirs, Run::rate), [1_000, 1_000, 3_000]);
        assert_eq!(ours.median(Run::rate), 200);
        assert_eq!(shown(1_050), "1.050");
    }
}
