//! What a clerk sees: the counts and the changes before anything is sent, the faults, and what was stored.
//!
//! Place in the flow: entries → text, or JSON. It must not know: how they came about.

use comfy_table::Table;
use serde::Serialize;

use super::entry::{Entry, Standing};
use crate::cli::push::mark;
use crate::cli::{Failure, output};

/// Most changed rows in a preview; the counts speak of all.
const SHOWN_MAX: usize = 100;

/// Rows by what they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Counts {
    rows: usize,
    new: usize,
    changed: usize,
    unchanged: usize,
    not_filled_in: usize,
    pub(super) bad: usize,
    pub(super) stored: usize,
}

impl Counts {
    /// Counts entries.
    pub(super) fn of(entries: &[Entry]) -> Self {
        let mut counts = Self { rows: entries.len(), ..Self::default() };
        for entry in entries {
            let count = match entry.standing {
                Standing::New => &mut counts.new,
                Standing::Changed => &mut counts.changed,
                Standing::Unchanged => &mut counts.unchanged,
                Standing::NotFilledIn => &mut counts.not_filled_in,
                Standing::Bad => &mut counts.bad,
            };
            *count += 1;
            counts.stored += usize::from(entry.position > 0);
        }
        counts
    }

    fn lines(&self) -> String {
        let Self { rows, new, changed, unchanged, not_filled_in, bad, .. } = self;
        format!(
            "{rows} 行：新增 {new}，变更 {changed}，未变 {unchanged}，未填 {not_filled_in}，有误 {bad}\n\
             {rows} rows: {new} new, {changed} changed, {unchanged} unchanged, {not_filled_in} not filled in, {bad} bad"
        )
    }
}

/// Prints the faults, the counts, and what will change.
pub(super) fn show(entries: &[Entry], simulated: bool) -> Result<(), Failure> {
    faults(entries);
    let counts = Counts::of(entries);
    output::text(&format!("{}{}", mark(simulated), counts.lines()))?;
    let changed: Vec<_> = entries.iter().filter(|entry| entry.standing == Standing::Changed).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let mut table = Table::new();
    table.set_header(["行 line", "主题 subject", "原 old", "新 new"]);
    for entry in changed.iter().take(SHOWN_MAX) {
        table.add_row([&entry.line.to_string(), &entry.subject, &entry.old, &entry.new]);
    }
    let more = changed.len().saturating_sub(SHOWN_MAX);
    let more = if more > 0 { format!("\n… 另有 {more} 行 more") } else { String::new() };
    output::text(&format!("{table}{more}"))
}

/// Prints the faults of all rows, in the order of the file.
pub(super) fn faults(entries: &[Entry]) {
    for fault in entries.iter().flat_map(|entry| &entry.faults) {
        eprintln!("{fault}");
    }
}

/// What became of a ledger.
#[derive(Serialize)]
struct Outcome<'a> {
    simulated: bool,
    #[serde(flatten)]
    counts: Counts,
    last_position: u64,
    results: &'a [Entry],
}

/// Prints what became of the rows.
pub(super) fn report(entries: &[Entry], simulated: bool, json: bool) -> Result<(), Failure> {
    let (counts, last_position) = (Counts::of(entries), entries.iter().map(|entry| entry.position).max().unwrap_or(0));
    if json {
        return output::json(&Outcome { simulated, counts, last_position, results: entries });
    }
    let (mark, stored) = (mark(simulated), counts.stored);
    output::text(&format!(
        "{mark}已入库 {stored} 行，最后位置 {last_position}\n{stored} rows stored, last position {last_position}"
    ))
}
