//! What is wrong with a ledger, by line and column, in Chinese and English.
//!
//! Place in the flow: cells say [`Words`], rows and the server's refusals make [`Fault`]s of them. It must not know: what
//! a column means.

use std::fmt;

use serde::Serialize;

use super::column::Column;

/// What is wrong with a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) zh: String,
    pub(super) en: String,
}

/// Says what is wrong, in both languages.
pub(super) fn words(zh: impl Into<String>, en: impl Into<String>) -> Words {
    Words { zh: zh.into(), en: en.into() }
}

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Fault {
    /// Line of the file, from 1; where a cell holds line breaks, the first line of the row.
    pub(super) line: usize,
    /// The column, if it is one column's fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) column: Option<Column>,
    pub(super) zh: String,
    pub(super) en: String,
}

impl Fault {
    /// A fault of a cell, or of a whole row.
    pub(super) fn new(line: usize, column: Option<Column>, words: Words) -> Self {
        Self { line, column, zh: words.zh, en: words.en }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, zh, en } = self;
        match column {
            Some(column) => {
                write!(f, "第 {line} 行「{}」：{zh}\n  line {line}, {}: {en}", column.zh(), column.en())
            }
            None => write!(f, "第 {line} 行：{zh}\n  line {line}: {en}"),
        }
    }
}
