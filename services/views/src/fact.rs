//! Facts: things that happened beside figures and milestones, kept as they were said.
//!
//! Place in the flow: the projector hands them to the batch; progress reads those of one kind, or of one kind and
//! subject, up to the known position, and makes boards of them. It must not know what they mean together.

use std::ops::Deref;
use std::sync::Arc;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use songhua_domain::event::{
    Evidence, ProgressNoteRecorded, ProjectStatusChanged, ReminderIssued, ReportingPeriodClosed, ReportingPeriodOpened,
    Scope, SupervisionAnswered, SupervisionClosed, SupervisionIssued,
};
use songhua_domain::id::{AgencyId, AreaId, IndicatorId, SupervisionId};
use uuid::Uuid;

use crate::block;
use crate::error::ViewsError;
use crate::grown::Grown;
use crate::kept::Weighed;
use crate::key::{FACTS, Key};
use crate::row::decode;
use crate::views::Views;

/// Which facts are kept together: what one board reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FactKind {
    /// Progress notes.
    Notes = 1,
    /// Supervision: issued, answered, closed.
    Supervisions = 2,
    /// Reminders.
    Reminders = 3,
    /// Reporting periods: opened, closed.
    Periods = 4,
    /// Verification: requested, reopened, accepted, rejected.
    Verifications = 5,
    /// Evidence: with an event, attached, withdrawn.
    Evidence = 6,
    /// Statuses of projects.
    ProjectStatuses = 7,
    /// Changes of what was defined, and of milestones' dates. Those of figures are in their series.
    Revisions = 8,
}

/// Where an event came to in verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum VerificationStep {
    /// Asked for.
    Requested,
    /// Taken back, to be checked again.
    Reopened,
    /// Checked and agreed to.
    Accepted,
    /// Checked and disagreed with.
    Rejected,
}

/// What was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Said {
    /// A note in words.
    Note(ProgressNoteRecorded),
    /// Supervision was issued.
    SupervisionIssued(SupervisionIssued),
    /// It was answered.
    SupervisionAnswered(SupervisionAnswered),
    /// It was closed.
    SupervisionClosed(SupervisionClosed),
    /// An agency was reminded.
    Reminder(ReminderIssued),
    /// A reporting period was opened.
    PeriodOpened(ReportingPeriodOpened),
    /// It was closed.
    PeriodClosed(ReportingPeriodClosed),
    /// A step of verification of the event `event`, which is at `of`.
    Verification {
        /// The event that is checked.
        event: Uuid,
        /// Its position.
        of: u64,
        /// What was done.
        step: VerificationStep,
        /// Note, finding or reason.
        note: String,
    },
    /// Files for the event `event`: with the event itself, or attached later.
    Evidence {
        /// The event they support.
        event: Uuid,
        /// The files.
        files: Vec<Evidence>,
    },
    /// A file no longer supports; `event` carried it, itself or as an attachment.
    EvidenceWithdrawn {
        /// The event that carried it.
        event: Uuid,
        /// The file.
        sha256: [u8; 32],
        /// Why.
        reason: String,
    },
    /// A project came to a status.
    ProjectStatus(ProjectStatusChanged),
    /// Something that was defined, or a milestone's date, was changed.
    Revision(Box<Revised>),
}

/// A change of what was defined before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revised {
    /// Token of the event type.
    pub event_type: String,
    /// Resource name below the plan, for example `areas/a/targets/i`; empty = the plan itself.
    pub subject: String,
    /// The area, if it is about one.
    pub area: Option<AreaId>,
    /// The indicator, if it is about one.
    pub indicator: Option<IndicatorId>,
    /// What stood before, as text; empty = nothing, not a single value, or a status, which its reader finds.
    pub before: String,
    /// What stands now, as text; empty = not a single value, or a milestone's status, which its reader finds.
    pub after: String,
    /// Why.
    pub reason: String,
}

impl Said {
    /// Where it is kept.
    pub const fn kind(&self) -> FactKind {
        match self {
            Self::Note(_) => FactKind::Notes,
            Self::SupervisionIssued(_) | Self::SupervisionAnswered(_) | Self::SupervisionClosed(_) => {
                FactKind::Supervisions
            }
            Self::Reminder(_) => FactKind::Reminders,
            Self::PeriodOpened(_) | Self::PeriodClosed(_) => FactKind::Periods,
            Self::Verification { .. } => FactKind::Verifications,
            Self::Evidence { .. } | Self::EvidenceWithdrawn { .. } => FactKind::Evidence,
            Self::ProjectStatus(_) => FactKind::ProjectStatuses,
            Self::Revision(_) => FactKind::Revisions,
        }
    }
    /// What it is about, among the facts of its kind.
    pub(crate) fn subject(&self) -> String {
        match self {
            Self::Note(note) => subject_of_scope(&note.scope),
            Self::SupervisionIssued(issued) => issued.supervision.to_string(),
            Self::SupervisionAnswered(answered) => answered.supervision.to_string(),
            Self::SupervisionClosed(closed) => closed.supervision.to_string(),
            Self::Reminder(reminder) => reminder.agency.to_string(),
            Self::PeriodOpened(opened) => opened.period.to_string(),
            Self::PeriodClosed(closed) => closed.period.to_string(),
            Self::Verification { event, .. } | Self::Evidence { event, .. } | Self::EvidenceWithdrawn { event, .. } => {
                event.to_string()
            }
            Self::ProjectStatus(changed) => changed.project.to_string(),
            Self::Revision(revised) => revised.subject.clone(),
        }
    }
}

/// The name below the plan of what a scope covers; empty = the plan itself.
pub fn subject_of_scope(scope: &Scope) -> String {
    match scope {
        Scope::Plan => String::new(),
        Scope::Area(area) => format!("areas/{area}"),
        Scope::Indicator(indicator) => format!("indicators/{indicator}"),
        Scope::Target(area, indicator) => format!("areas/{area}/targets/{indicator}"),
        Scope::Project(project) => format!("projects/{project}"),
    }
}

/// A fact and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Its event's position.
    pub position: u64,
    /// The rest.
    pub row: FactRow,
}

/// What is kept of a fact beside its position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactRow {
    /// When it was recorded, microseconds since 1970-01-01 UTC.
    pub recorded_time_us: i64,
    /// The day of recording in the plan's time zone: the last day opened; none before the first.
    pub recorded_day: Option<Date>,
    /// When it became true, if the event says so.
    pub effective: Option<Date>,
    /// Who it is from; none for the plan office, auditors and the server.
    pub agency: Option<AgencyId>,
    /// Its event's id.
    pub event_id: Uuid,
    /// What was said.
    pub said: Said,
}

/// The list that a fact goes to.
pub(crate) fn prefix_of(said: &Said) -> Vec<u8> {
    match said {
        Said::Revision(revised) => prefix_of_revisions(REVISIONS[usize::from(revised.indicator.is_none())]),
        _ => prefix(said.kind()).text(&list_of(said.kind(), &said.subject())).done(),
    }
}

/// Facts about one subject are kept together; those about single events in 256 lists, by the last two digits of the
/// event's id; revisions in lists of their own.
fn list_of(kind: FactKind, subject: &str) -> String {
    match kind {
        FactKind::Verifications | FactKind::Evidence => {
            subject.get(subject.len().saturating_sub(2)..).unwrap_or_default().to_owned()
        }
        FactKind::Notes
        | FactKind::Supervisions
        | FactKind::Reminders
        | FactKind::Periods
        | FactKind::ProjectStatuses
        | FactKind::Revisions => subject.to_owned(),
    }
}

/// The lists of revisions, each read from its end: of those with an indicator, which are few, and of all others.
pub(crate) const REVISIONS: [&str; 2] = ["indicators", ""];

/// The prefix of one of [`REVISIONS`].
pub(crate) fn prefix_of_revisions(list: &str) -> Vec<u8> {
    prefix(FactKind::Revisions).text(list).done()
}

/// The prefix of the list of a matter under supervision.
pub(crate) fn prefix_of_matter(supervision: &SupervisionId) -> Vec<u8> {
    prefix(FactKind::Supervisions).text(supervision.as_str()).done()
}

fn prefix(kind: FactKind) -> Key {
    Key::table(FACTS).bytes(&[kind as u8])
}

/// Facts in log order, up to a known position: read once, shared by all who read them.
#[derive(Debug, Clone)]
pub struct Facts {
    all: Arc<FactList>,
    known: usize,
}

impl Facts {
    fn up_to(all: Arc<FactList>, known: u64) -> Self {
        let known = all.0.partition_point(|fact| fact.position <= known);
        Self { all, known }
    }
}

impl Deref for Facts {
    type Target = [Fact];
    fn deref(&self) -> &[Fact] {
        self.all.0.get(..self.known).unwrap_or_default()
    }
}

/// Facts that readers keep, in log order.
#[derive(Debug)]
pub(crate) struct FactList(Vec<Fact>);

impl Weighed for FactList {
    fn weight(&self) -> usize {
        self.0.len() + 1
    }
}

impl Views {
    /// The facts of a kind, in log order.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn facts(&self, kind: FactKind, known: u64) -> Result<Facts, ViewsError> {
        Ok(Facts::up_to(self.with(|grown| grown.facts(prefix(kind).done()))?, known))
    }

    /// The facts of a kind but revisions about one subject, in log order: with notes [`subject_of_scope`]; with supervision, periods,
    /// reminders (the agency) and statuses of projects the id; with verification and evidence the id of the event they
    /// speak of.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn facts_of(&self, kind: FactKind, subject: &str, known: u64) -> Result<Facts, ViewsError> {
        let list = list_of(kind, subject);
        let mut all = self.with(|grown| grown.facts(prefix(kind).text(&list).done()))?;
        if list != subject {
            let own = all.0.iter().filter(|fact| fact.row.said.subject() == subject);
            all = Arc::new(FactList(own.cloned().collect()));
        }
        Ok(Facts::up_to(all, known))
    }
}

impl Grown {
    /// Facts of the lists below a prefix: of one list, or of all of a kind.
    fn facts(&self, prefix: Vec<u8>) -> Result<Arc<FactList>, ViewsError> {
        if let Some(facts) = self.recalled().facts().get(&prefix) {
            return Ok(facts);
        }
        self.read(|store| {
            let mut facts = Vec::new();
            for row in store.scan(&prefix) {
                let (key, value) = row?;
                for entry in block::entries(&key, &value) {
                    let (position, payload) = entry?;
                    facts.push(Fact { position, row: decode(&key, payload)? });
                }
            }
            facts.sort_by_key(|fact| fact.position);
            let facts = Arc::new(FactList(facts));
            self.recalled().facts().keep(prefix, Arc::clone(&facts));
            Ok(facts)
        })
    }
}
