//! The plan's own text, and whether the words a source span quotes stand in it.
//!
//! Place in the flow: read from the raw `plan.json` before records are, so that every span can be held against its
//! lines where it stands. It must not know: what is quoted.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};
use songhua_domain::event::SourceSpan;

use crate::fault::{Faults, Place};
use crate::folder::{Files, Folder, PLAN};

/// What the folder holds of an edition.
#[derive(Debug)]
enum Edition {
    /// Its text.
    Held(String),
    /// Nothing: `file` is `null`.
    NotHeld,
    /// A fault was noted.
    Unreadable,
}

/// The editions that `plan.json` lists.
#[derive(Debug, Default)]
pub(crate) struct Editions(BTreeMap<String, Edition>);

impl Editions {
    /// Reads the files of `documents` and holds them against their digests.
    pub(crate) fn read(files: Files<'_>, folder: &Folder, faults: &Faults) -> Self {
        let documents = folder.file(PLAN).and_then(|plan| plan.get("documents")?.as_array());
        let list = Place::root(PLAN).field("documents");
        let edition = |(index, document): (usize, &Value)| {
            let id = document.get("id")?.as_str()?.to_owned();
            Some((id, edition(files, document, &list.element(index), faults)))
        };
        Self(documents.into_iter().flatten().enumerate().filter_map(edition).collect())
    }

    /// Why `span` does not quote its edition; `None` if it does, or if nothing can be said.
    pub(crate) fn refuse(&self, span: &SourceSpan) -> Option<(&'static str, String)> {
        match self.0.get(span.document.as_str())? {
            Edition::Held(text) => misquoted(text, span),
            Edition::NotHeld => Some(("document", format!("edition \"{}\" has no file to quote from", span.document))),
            Edition::Unreadable => None,
        }
    }
}

fn edition(files: Files<'_>, document: &Value, place: &Place, faults: &Faults) -> Edition {
    let refuse = |field: &str, reason: String| {
        faults.add(&place.field(field), reason);
        Edition::Unreadable
    };
    let Some(file) = document.get("file").and_then(Value::as_str) else { return Edition::NotHeld };
    if Path::new(file).file_name().is_none_or(|name| name != file) {
        return refuse("file", format!("{file:?} is not the name of a file in the plan's folder"));
    }
    let bytes = match files(file) {
        Ok(bytes) => bytes,
        Err(error) => return refuse("file", format!("{file:?} cannot be read: {error}")),
    };
    let actual = hex(&Sha256::digest(&bytes));
    if let Some(stated) = document.get("sha256").and_then(Value::as_str).filter(|stated| *stated != actual) {
        faults.add(&place.field("sha256"), format!("the SHA-256 of {file:?} is {actual}, not {stated}"));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Edition::Held(text),
        Err(_) => refuse("file", format!("{file:?} is not UTF-8")),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The field of `span` that does not fit `text`, and why.
fn misquoted(text: &str, span: &SourceSpan) -> Option<(&'static str, String)> {
    let lines: Vec<&str> = text.strip_suffix('\n').unwrap_or(text).split('\n').collect();
    let (first, last) = (span.line_first as usize, span.line_last as usize);
    if first == 0 {
        return Some(("line_first", "lines count from 1".to_owned()));
    }
    if last < first || last > lines.len() {
        return Some((
            "line_last",
            format!("must lie between line_first ({first}) and the last line ({})", lines.len()),
        ));
    }
    if span.text.trim() != span.text {
        return Some(("text", "has space around it".to_owned()));
    }
    // Words with as many line breaks as the named lines have begin in the first one and end in the last.
    let breaks = span.text.matches('\n').count();
    let stands = lines.get(first - 1..last).is_some_and(|named| named.join("\n").contains(&span.text));
    if stands && breaks == last - first {
        return None;
    }
    let found = text.find(&span.text).map(|at| text[..at].matches('\n').count() + 1);
    let hint = found.map_or_else(
        || format!("nor anywhere else in edition \"{}\"", span.document),
        |line| format!("it first stands in line {line}"),
    );
    Some(("text", format!("{:?} does not begin in line {first} and end in line {last}: {hint}", span.text)))
}
