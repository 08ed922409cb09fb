//! What is wrong with a message, field by field, and the place a reader is at.
//!
//! Place in the flow: conversions from the contract walk a message with an `At` for each field and go on after a
//! fault, so that a sender learns all of them at once. It must not know: which rule of the plan a value breaks; only
//! whether a field can be read at all.

use std::cell::RefCell;
use std::fmt;

/// Most violations that are kept of one message; a sender mends these before any others matter.
pub const VIOLATIONS_MAX: usize = 64;

/// One field that cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field as the contract names it, for example `measurement_reported.period.end`.
    pub field: String,
    /// What is wrong with it, in English, as a fragment.
    pub description: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.description)
    }
}

/// At least one violation, in the order of the fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violations {
    first: Violation,
    rest: Vec<Violation>,
}

impl Violations {
    /// A single violation.
    pub fn one(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self { first: Violation { field: field.into(), description: description.into() }, rest: Vec::new() }
    }
    /// The first violation.
    pub const fn first(&self) -> &Violation {
        &self.first
    }
    /// All violations.
    pub fn iter(&self) -> impl Iterator<Item = &Violation> {
        std::iter::once(&self.first).chain(&self.rest)
    }
    /// The same violations of a message that lies within another, for example `under("events[3]")`.
    #[must_use]
    pub fn under(mut self, prefix: &str) -> Self {
        for violation in std::iter::once(&mut self.first).chain(&mut self.rest) {
            violation.field = format!("{prefix}.{}", violation.field);
        }
        self
    }
    /// All violations, as a list that is not empty.
    pub fn into_vec(self) -> Vec<Violation> {
        let mut all = self.rest;
        all.insert(0, self.first);
        all
    }
    /// The list as violations; none if it is empty.
    pub fn from_vec(mut list: Vec<Violation>) -> Option<Self> {
        if list.is_empty() {
            return None;
        }
        let first = list.remove(0);
        Some(Self { first, rest: list })
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        self.rest.iter().try_for_each(|violation| write!(f, "; {violation}"))
    }
}

impl std::error::Error for Violations {}

/// Where a message comes from, and so how strictly it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A client: every limit counts.
    Client,
    /// The log: what was once accepted stays readable when a limit of texts or lists is tightened later.
    Log,
}

/// What was found so far in one message.
pub(crate) struct Found {
    origin: Origin,
    list: RefCell<Vec<Violation>>,
}

impl Found {
    pub(crate) const fn new(origin: Origin) -> Self {
        Self { origin, list: RefCell::new(Vec::new()) }
    }
    /// The place of the message itself.
    pub(crate) const fn root(&self) -> At<'_> {
        At { found: self, parent: None, name: "", index: None }
    }
    /// The value, unless something was found.
    pub(crate) fn settle<T>(self, value: Option<T>) -> Result<T, Violations> {
        match (Violations::from_vec(self.list.into_inner()), value) {
            (None, Some(value)) => Ok(value),
            (Some(violations), _) => Err(violations),
            // A reader that gives no value has said why; were one to forget, the message is still refused.
            (None, None) => Err(Violations::one("", "cannot be read")),
        }
    }
}

/// A field of a message: knows its path and where to report to.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    found: &'a Found,
    parent: Option<&'a At<'a>>,
    name: &'static str,
    index: Option<usize>,
}

impl<'a> At<'a> {
    /// The field `name` of the message at this place.
    pub(crate) const fn field(&'a self, name: &'static str) -> At<'a> {
        At { found: self.found, parent: Some(self), name, index: None }
    }
    /// The entry `index` of the list at this place.
    pub(crate) const fn item(&self, index: usize) -> At<'a> {
        At { found: self.found, parent: self.parent, name: self.name, index: Some(index) }
    }
    /// Whether limits of texts and lists count here.
    pub(crate) fn is_limited(&self) -> bool {
        self.found.origin == Origin::Client
    }
    /// Reports what is wrong here; gives the `None` that the reader returns.
    pub(crate) fn refuse<T>(&self, description: impl Into<String>) -> Option<T> {
        let mut list = self.found.list.borrow_mut();
        if list.len() < VIOLATIONS_MAX {
            list.push(Violation { field: self.path(), description: description.into() });
        }
        None
    }
    /// Turns an error into a violation of this place.
    pub(crate) fn accept<T, E: fmt::Display>(&self, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => self.refuse(error.to_string()),
        }
    }
    fn path(&self) -> String {
        let mut path = match self.parent {
            Some(parent) if !parent.name.is_empty() => format!("{}.{}", parent.path(), self.name),
            _ => self.name.to_owned(),
        };
        if let Some(index) = self.index {
            path.push_str(&format!("[{index}]"));
        }
        path
    }
}

/// Reads every field before it gives up, so that all violations of a message are found.
macro_rules! gather {
    ($name:ident { $($field:ident: $value:expr),* $(,)? }) => {{
        $(let $field = $value;)*
        Some($name { $($field: $field?,)* })
    }};
}
pub(crate) use gather;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_fields_and_entries_as_the_contract_does() {
        let found = Found::new(Origin::Client);
        let root = found.root();
        let list = root.field("plan_defined").field("documents").path();
        assert_eq!(list, "plan_defined.documents");
        let plan = root.field("plan_defined");
        let documents = plan.field("documents");
        let second = documents.item(1);
        assert_eq!(second.field("sha256").refuse::<()>("wrong"), None);
        let violations = found.settle(Some(())).unwrap_err().under("events[3]");
        assert_eq!(violations.to_string(), "events[3].plan_defined.documents[1].sha256: wrong");
    }

    #[test]
    fn a_message_with_more_faults_than_are_kept_is_still_refused() {
        let found = Found::new(Origin::Client);
        for _ in 0..VIOLATIONS_MAX + 10 {
            let _: Option<()> = found.root().field("comment").refuse("wrong");
        }
        assert_eq!(found.settle(Some(())).unwrap_err().into_vec().len(), VIOLATIONS_MAX);
    }

    #[test]
    fn a_reader_that_forgets_to_say_why_refuses_all_the_same() {
        assert!(Found::new(Origin::Client).settle(None::<()>).is_err());
    }
}
