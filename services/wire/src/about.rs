//! What a record is about: the one answer for who filters records and for who keeps lists of them.
//!
//! Place in the flow: audit judges every record by it, the projector writes it down as postings. Pure. It must not know:
//! who asks, what is done with the answer.

use songhua_domain::event::{Payload, Scope};
use songhua_domain::id::{AgencyId, AreaId, IndicatorId, ProjectId, SupervisionId};

use crate::record::RecordHeader;

/// What a record is about; all absent = the plan as a whole, or an agency.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct About {
    /// The area.
    pub area: Option<AreaId>,
    /// The indicator.
    pub indicator: Option<IndicatorId>,
    /// The projects: of a merge both.
    pub projects: Vec<ProjectId>,
    /// The matter under supervision, which is about something itself: see [`with_matter`](Self::with_matter).
    pub supervision: Option<SupervisionId>,
    /// The agency that is reminded, has to put something right, or no longer answers for something.
    pub addressed: Option<AgencyId>,
}

/// Something that a subject names, by its id as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// An indicator, or a target of it.
    Indicator(&'a str),
    /// A project.
    Project(&'a str),
    /// A matter under supervision.
    Supervision(&'a str),
}

/// What a subject names beside its area, left to right: `plans/{plan}/…/{kind}/{id}/…`.
pub fn parts(subject: &str) -> impl Iterator<Item = Part<'_>> {
    let mut segments = subject.split('/');
    let pairs = std::iter::from_fn(move || segments.next().zip(segments.next()));
    pairs.filter_map(|(kind, id)| match kind {
        "indicators" | "targets" => Some(Part::Indicator(id)),
        "projects" => Some(Part::Project(id)),
        "supervisions" => Some(Part::Supervision(id)),
        _ => None,
    })
}

impl About {
    /// What its area and its subject say.
    pub fn of(header: &RecordHeader) -> Self {
        let mut about = Self { area: header.area.clone(), ..Self::default() };
        for part in parts(&header.subject) {
            match part {
                Part::Indicator(id) => about.indicator = id.parse().ok(),
                Part::Project(id) => about.projects.extend(id.parse()),
                Part::Supervision(id) => about.supervision = id.parse().ok(),
            }
        }
        about
    }

    /// Whether events of a type name more in their payload than their subject says.
    pub fn asks_payload(event_type: &str) -> bool {
        matches!(event_type, "agency.assigned" | "agency.assignment-ended" | "project.merged" | "reminder.issued")
    }

    /// An assignment, its end and a reminder are about their scope, too; a merge about both projects.
    #[must_use]
    pub fn with_named(mut self, payload: &Payload) -> Self {
        match payload {
            Payload::AgencyAssigned(assigned) => self.within(&assigned.scope),
            Payload::AssignmentEnded(ended) => {
                // The assignment that made it see its scope is gone.
                self.addressed = Some(ended.agency.clone());
                self.within(&ended.scope);
            }
            Payload::ReminderIssued(reminder) => {
                self.addressed = Some(reminder.agency.clone());
                self.within(&reminder.scope);
            }
            Payload::ProjectMerged(merged) => self.projects.push(merged.into.clone()),
            _ => {}
        }
        self
    }

    /// A matter under supervision is about its scope, and for the agency that has to act.
    #[must_use]
    pub fn with_matter(mut self, agency: &AgencyId, scope: &Scope) -> Self {
        self.addressed = Some(agency.clone());
        self.within(scope);
        self
    }

    fn within(&mut self, scope: &Scope) {
        match scope {
            Scope::Indicator(indicator) | Scope::Target(_, indicator) => self.indicator = Some(indicator.clone()),
            Scope::Project(project) => self.projects.push(project.clone()),
            Scope::Plan | Scope::Area(_) => {}
        }
    }
}
