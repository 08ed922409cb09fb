//! Answers of `ProgressService` as boards: sheets of rows that a terminal, a CSV file and a workbook show alike.
//!
//! Place in the flow: `progress` asks, a function of this folder makes a [`Board`] of the answer, [`Board::text`] or
//! `file` writes it. It must not know: the server, file systems.

mod conduct;
mod delivery;
mod file;
mod indicator;
mod targets;
pub(super) mod words;

use comfy_table::Table;
use songhua_domain::quantity::{Decimal, FRACTION_DIGITS_MAX, parse_decimal, rounded};

pub(super) use conduct::{agencies, agency, notes, periods, revisions, staleness, supervisions, verifications};
pub(super) use delivery::{calendar, milestones, project, projects};
pub(super) use indicator::indicator;
pub(super) use targets::{circle, circles, close_out, indicators, league, matrix, overview, plan};

/// Decimals of a computed number in a terminal; files have them all.
const SHOWN: u32 = 2;

/// What a cell holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    /// Words. In files never read as a formula.
    Text(String),
    /// A decimal number, or nothing.
    Number(String),
    /// A decimal number of percent, or nothing.
    Percent(String),
}

impl Cell {
    fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) | Self::Percent(number) if number.is_empty() => "–".to_owned(),
            Self::Number(number) => {
                // A pace of a day may be far below 1.
                let places = |it: Decimal| if it.abs() < Decimal::ONE { 2 * SHOWN } else { SHOWN };
                computed(number).map_or_else(|| number.clone(), |it| rounded(it, places(it)).to_string())
            }
            Self::Percent(number) => format!("{number} %"),
        }
    }
}

/// A number with more decimals than a report can have: it was computed, and its end says nothing.
fn computed(number: &str) -> Option<Decimal> {
    let (_, decimals) = number.split_once('.')?;
    if decimals.len() > FRACTION_DIGITS_MAX { number.parse().ok() } else { None }
}

/// A column: what it is called, and how an item of `T` fills it.
pub(super) struct Column<T: ?Sized> {
    code: &'static str,
    title: &'static str,
    terminal: bool,
    cell: fn(&T) -> Cell,
}

/// A column of words; `code` is its name in CSV files.
const fn text<T: ?Sized>(code: &'static str, title: &'static str, cell: fn(&T) -> Cell) -> Column<T> {
    Column { code, title, terminal: true, cell }
}

/// A column that only files have: a terminal is not that wide.
const fn wide<T: ?Sized>(code: &'static str, title: &'static str, cell: fn(&T) -> Cell) -> Column<T> {
    Column { code, title, terminal: false, cell }
}

/// Words in a cell.
fn say(words: impl Into<String>) -> Cell {
    Cell::Text(words.into())
}

/// A decimal of the contract in a cell.
fn decimal(number: &str) -> Cell {
    Cell::Number(number.to_owned())
}

/// A figure in a cell: a number, or where it has two parts or is a step, words.
fn quantity(figure: Option<&songhua_wire::pb::Figure>, step: &str) -> Cell {
    either(&words::figure(figure, step))
}

/// What may be a number or words.
fn either(text: &str) -> Cell {
    if parse_decimal(text).is_ok() { decimal(text) } else { say(text) }
}

/// Percent in a cell.
fn percent(number: &str) -> Cell {
    Cell::Percent(number.to_owned())
}

/// A whole number in a cell.
fn whole(number: impl Into<i64>) -> Cell {
    Cell::Number(number.into().to_string())
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sheet {
    /// Its name in a workbook and for `--sheet`.
    pub(super) name: &'static str,
    /// Words above it in a terminal; may be empty.
    caption: String,
    columns: Vec<Heading>,
    rows: Vec<Vec<Cell>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Heading {
    code: String,
    title: String,
    terminal: bool,
}

impl Sheet {
    /// A sheet of `items`, one row each.
    fn of<'a, T: ?Sized + 'a>(
        name: &'static str,
        items: impl IntoIterator<Item = &'a T>,
        columns: &[Column<T>],
    ) -> Self {
        let rows = items.into_iter().map(|item| columns.iter().map(|column| (column.cell)(item)).collect()).collect();
        let columns = columns
            .iter()
            .map(|column| Heading {
                code: column.code.to_owned(),
                title: column.title.to_owned(),
                terminal: column.terminal,
            })
            .collect();
        Self { name, caption: String::new(), columns, rows }
    }

    fn captioned(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        let shown = || self.columns.iter().enumerate().filter(|(_, heading)| heading.terminal);
        table.set_header(shown().map(|(_, heading)| heading.title.as_str()));
        for row in &self.rows {
            table.add_row(shown().map(|(index, _)| row.get(index).map_or_else(String::new, Cell::shown)));
        }
        table
    }
}

/// An answer, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Board {
    /// Lines above all tables.
    heading: String,
    /// Its tables.
    pub(super) sheets: Vec<Sheet>,
    /// The table a CSV file holds, where none is named.
    pub(super) main: usize,
    /// What the answer rests on.
    foot: String,
    /// 模拟数据: everything in it is made up.
    simulated: bool,
}

impl Board {
    fn new(heading: impl Into<String>, sheets: Vec<Sheet>, state: Option<&songhua_wire::pb::ReadState>) -> Self {
        let simulated = state.is_some_and(|state| state.simulated);
        Self { heading: heading.into(), sheets, main: 0, foot: words::foot(state), simulated }
    }

    /// As a terminal shows it; tables without rows are left out, but for the first. Reported words cannot steer the terminal.
    pub(super) fn text(&self) -> String {
        let mut text = if self.simulated { format!("{}\n", words::SIMULATED) } else { String::new() };
        if !self.heading.is_empty() {
            text.push_str(&self.heading);
            text.push('\n');
        }
        for (index, sheet) in self.sheets.iter().enumerate() {
            if sheet.rows.is_empty() && index > 0 {
                continue;
            }
            if !sheet.caption.is_empty() {
                text.push_str(&format!("\n{}\n", sheet.caption));
            }
            text.push_str(&format!("{}\n", sheet.table()));
        }
        text.push_str(&self.foot);
        text.replace(|letter: char| letter.is_control() && letter != '\n', " ")
    }
}
