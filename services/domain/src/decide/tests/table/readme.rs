//! The table of README.md, read.

use std::collections::{BTreeMap, BTreeSet};

use crate::vocabulary::Reason;

const README: &str = include_str!("../../../../README.md");
const HEADER: &str = "| event | who | when |";

/// What the table says of an event.
pub(super) struct Row {
    when: Vec<String>,
    pub(super) effect: String,
    pub(super) reasons: BTreeSet<Reason>,
}

impl Row {
    /// Whether the event may come `before` publication, `after` it, or once the plan is `closed`.
    pub(super) fn when(&self, phase: &str) -> bool {
        self.when.iter().any(|word| word == phase)
    }
}

/// The codes between backticks in `text`.
fn codes(text: &str) -> BTreeSet<Reason> {
    text.split('`').skip(1).step_by(2).filter_map(|code| Reason::from_code(code).ok()).collect()
}

/// Reasons that any event may get: those named between the heading and the table.
pub(super) fn common() -> BTreeSet<Reason> {
    let above = README.split("## Events").nth(1).unwrap().split(HEADER).next().unwrap();
    codes(above)
}

/// The rows, by event.
pub(super) fn rows() -> BTreeMap<String, Row> {
    let table = README.split(HEADER).nth(1).unwrap();
    let lines = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let mut rows = BTreeMap::new();
    for line in lines {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [event, _who, when, _preconditions, effect, reasons] = cells[..] else { panic!("six cells: {line}") };
        let when = when.split(',').map(|word| word.trim().to_owned()).collect();
        let listed = reasons.split('`').skip(1).step_by(2).count();
        let row = Row { when, effect: effect.to_owned(), reasons: codes(reasons) };
        assert_eq!(row.reasons.len(), listed, "{event}: an unknown or repeated code");
        assert!(rows.insert(event.to_owned(), row).is_none(), "{event} stands twice");
    }
    rows
}
