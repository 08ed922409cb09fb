//! Faults of a plan folder: where, and what is wrong.
//!
//! Place in the flow: every step of reading adds to one [`Faults`]; what is in it at the end is the answer of
//! `songhua plan check`. It must not know: JSON, plans.

use std::cell::RefCell;
use std::fmt;

/// Something in a plan folder that is not as `seeds/README.md` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file, for example `targets.json`.
    pub file: String,
    /// The field, for example `targets[12].value`; empty for the file as a whole.
    pub path: String,
    /// What is wrong with it, and where it helps, what to write instead.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => write!(f, "{}: {}", self.file, self.reason),
            path => write!(f, "{}: {path}: {}", self.file, self.reason),
        }
    }
}

/// Why a plan folder was refused: every fault, file by file. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", shown(.faults))]
pub struct CatalogError {
    faults: Vec<Fault>,
}

impl CatalogError {
    /// The faults, at least one, in the order of the files.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }
}

fn shown(faults: &[Fault]) -> String {
    faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("\n")
}

/// A field: its file and the way to it from the file's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    file: &'static str,
    path: String,
}

impl Place {
    /// The root of `file`.
    pub(crate) const fn root(file: &'static str) -> Self {
        Self { file, path: String::new() }
    }

    /// The field `name` of the object here.
    pub(crate) fn field(&self, name: &str) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        Self { file: self.file, path: format!("{}{dot}{name}", self.path) }
    }

    /// The element `index` of the list here.
    pub(crate) fn element(&self, index: usize) -> Self {
        Self { file: self.file, path: format!("{}[{index}]", self.path) }
    }

    /// The way from the file's root.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }
}

/// The faults found so far. Shared by all that read.
#[derive(Debug, Default)]
pub(crate) struct Faults(RefCell<Vec<Fault>>);

impl Faults {
    /// Notes a fault at `place`.
    pub(crate) fn add(&self, place: &Place, reason: impl Into<String>) {
        let fault = Fault { file: place.file.to_owned(), path: place.path.clone(), reason: reason.into() };
        self.0.borrow_mut().push(fault);
    }

    /// Whether nothing was found.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }
}

impl From<Faults> for CatalogError {
    /// File by file, in each as found.
    fn from(faults: Faults) -> Self {
        let mut faults = faults.0.into_inner();
        faults.sort_by_key(|fault| crate::folder::order(&fault.file));
        Self { faults }
    }
}
