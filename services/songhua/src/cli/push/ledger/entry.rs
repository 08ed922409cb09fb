//! A row and what became of it.
//!
//! Place in the flow: made by `figure` and `milestone`, completed by what the server says, shown by `preview`. It must
//! not know: columns.

use serde::Serialize;
use songhua_wire::pb;
use songhua_wire::pb::event_input::Payload;

use super::fault::Fault;

/// What a row is against what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Standing {
    /// Not known yet.
    New,
    /// Known with another content.
    Changed,
    /// Known like this.
    Unchanged,
    /// Left empty, as in a template.
    NotFilledIn,
    /// Not to be sent.
    Bad,
}

/// A row.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    /// Its line in the file.
    pub(super) line: usize,
    pub(super) standing: Standing,
    /// What it speaks of, in words.
    pub(super) subject: String,
    /// What is known; empty = nothing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) old: String,
    /// What it says.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) new: String,
    /// Id of the event that it makes; empty = none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) event_id: String,
    /// Where it is stored; 0 = it is not.
    pub(super) position: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) faults: Vec<Fault>,
    /// What is sent.
    #[serde(skip)]
    pub(super) event: Option<Box<pb::EventInput>>,
}

impl Entry {
    /// A row that is not sent.
    pub(super) fn still(line: usize, standing: Standing, subject: String) -> Self {
        Self {
            line,
            standing,
            subject,
            old: String::new(),
            new: String::new(),
            event_id: String::new(),
            position: 0,
            faults: Vec::new(),
            event: None,
        }
    }

    /// A row with faults.
    pub(super) fn bad(line: usize, subject: String, faults: Vec<Fault>) -> Self {
        Self { faults, ..Self::still(line, Standing::Bad, subject) }
    }

    /// A row that is sent.
    pub(super) fn sent(line: usize, standing: Standing, subject: String, event: pb::EventInput) -> Self {
        Self { event_id: event.event_id.clone(), event: Some(Box::new(event)), ..Self::still(line, standing, subject) }
    }

    /// Whether it is to be sent and not stored yet.
    pub(super) fn waits(&self) -> bool {
        self.event.is_some() && self.position == 0 && matches!(self.standing, Standing::New | Standing::Changed)
    }

    /// Whether it says that there is nothing to report.
    pub(super) fn says_nothing(&self) -> bool {
        let payload = self.event.as_ref().and_then(|event| event.payload.as_ref());
        matches!(payload, Some(Payload::NothingToReport(_)))
    }

    /// The row turns out to be bad.
    pub(super) fn refuse(&mut self, faults: Vec<Fault>) {
        self.standing = Standing::Bad;
        self.faults.extend(faults);
    }
}
