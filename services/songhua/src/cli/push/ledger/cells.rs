//! The cells of one row while it is read: every fault is kept, so that a clerk learns of all at once.
//!
//! Place in the flow: used by `figure` and `milestone`. It must not know: what a row is of.

use super::column::Column;
use super::fault::{Fault, Words, words};
use super::sheet::Line;

/// A row that is being read.
pub(super) struct Cells<'a> {
    pub(super) line: &'a Line,
    pub(super) faults: Vec<Fault>,
}

impl<'a> Cells<'a> {
    pub(super) const fn of(line: &'a Line) -> Self {
        Self { line, faults: Vec::new() }
    }

    /// What stands in a column.
    pub(super) fn text(&self, column: Column) -> &'a str {
        self.line.cell(column)
    }

    /// What was read of a column; a fault is kept.
    pub(super) fn keep<T>(&mut self, column: Column, read: Result<T, Words>) -> Option<T> {
        read.map_err(|words| self.faults.push(Fault::new(self.line.number, Some(column), words))).ok()
    }

    /// Reads a column that must be filled.
    pub(super) fn required<T>(&mut self, column: Column, read: impl FnOnce(&'a str) -> Result<T, Words>) -> Option<T> {
        let text = self.text(column);
        let missing = || words("为空，必须填写", "is empty; it is required");
        let read = if text.is_empty() { Err(missing()) } else { read(text) };
        self.keep(column, read)
    }

    /// Reads a column that may be empty: then none.
    pub(super) fn optional<T>(
        &mut self,
        column: Column,
        read: impl FnOnce(&'a str) -> Result<T, Words>,
    ) -> Option<Option<T>> {
        let text = self.text(column);
        if text.is_empty() { Some(None) } else { self.keep(column, read(text)).map(Some) }
    }
}
