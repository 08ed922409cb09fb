//! What a record is about, and which records an agency may see.
//!
//! Place in the flow: filters and the scope of an agency ask here. Pure. It must not know: where records come from, nor
//! where assignments are kept.

use songhua_domain::event::{Payload, Scope};
use songhua_domain::id::{AgencyId, AreaId, IndicatorId, ProjectId, SupervisionId};
use songhua_domain::state::{Assignments, PlanState};
use songhua_domain::vocabulary::AssignmentRole;
use songhua_wire::record::RecordHeader;

/// What a record is about; all absent = the plan as a whole, or an agency.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct About {
    pub(crate) area: Option<AreaId>,
    pub(crate) indicator: Option<IndicatorId>,
    pub(crate) projects: Vec<ProjectId>,
    pub(crate) supervision: Option<SupervisionId>,
    /// The agency that is reminded, has to put something right, or no longer answers for something.
    pub(crate) addressed: Option<AgencyId>,
}

impl About {
    /// What its area and its subject say: `plans/{plan}/…/{kind}/{id}/…`.
    pub(crate) fn of(header: &RecordHeader) -> Self {
        let mut about = Self { area: header.area.clone(), ..Self::default() };
        let mut segments = header.subject.split('/');
        while let (Some(kind), Some(id)) = (segments.next(), segments.next()) {
            match kind {
                "indicators" | "targets" => about.indicator = id.parse().ok(),
                "projects" => about.projects.extend(id.parse()),
                "supervisions" => about.supervision = id.parse().ok(),
                _ => {}
            }
        }
        about
    }

    /// Whether events of a type name more in their payload than their subject says.
    pub(crate) fn asks_payload(event_type: &str) -> bool {
        matches!(event_type, "agency.assigned" | "agency.assignment-ended" | "project.merged" | "reminder.issued")
    }

    /// An assignment, its end and a reminder are about their scope, too; a merge about both projects.
    pub(crate) fn with_named(mut self, payload: Payload) -> Self {
        match payload {
            Payload::AgencyAssigned(assigned) => self.within(assigned.scope),
            Payload::AssignmentEnded(ended) => {
                // The assignment that made it see its scope is gone.
                self.addressed = Some(ended.agency);
                self.within(ended.scope);
            }
            Payload::ReminderIssued(reminder) => {
                self.addressed = Some(reminder.agency);
                self.within(reminder.scope);
            }
            Payload::ProjectMerged(merged) => self.projects.push(merged.into),
            _ => {}
        }
        self
    }

    /// A matter under supervision is about its scope, and for the agency that has to act.
    pub(crate) fn with_matter(mut self, state: &PlanState) -> Self {
        if let Some(matter) = self.supervision.as_ref().and_then(|supervision| state.supervision(supervision)) {
            self.addressed = Some(matter.agency.clone());
            self.within(matter.scope.clone());
        }
        self
    }

    fn within(&mut self, scope: Scope) {
        match scope {
            Scope::Indicator(indicator) | Scope::Target(_, indicator) => self.indicator = Some(indicator),
            Scope::Project(project) => self.projects.push(project),
            Scope::Plan | Scope::Area(_) => {}
        }
    }

    /// Every scope of an assignment that covers it.
    fn scopes(&self) -> Vec<Scope> {
        let mut scopes = vec![Scope::Plan];
        scopes.extend(self.area.clone().map(Scope::Area));
        scopes.extend(self.indicator.clone().map(Scope::Indicator));
        scopes.extend(self.area.clone().zip(self.indicator.clone()).map(|(area, of)| Scope::Target(area, of)));
        scopes.extend(self.projects.iter().cloned().map(Scope::Project));
        scopes
    }
}

/// Whether `agency` is `other`, or answers for it since that one ended. Not the reverse: who ended learns nothing more.
pub(crate) fn answers_for(agency: &AgencyId, other: &AgencyId, state: &PlanState) -> bool {
    agency == other || state.successor_of(other) == Some(agency)
}

/// Whether `agency`, or one that it succeeded, sent the record, or it was filed on its behalf.
pub(crate) fn is_own(agency: &AgencyId, header: &RecordHeader, state: &PlanState) -> bool {
    header.agency.iter().chain(&header.on_behalf_of).any(|sender| answers_for(agency, sender, state))
}

/// Whether `agency` is assigned, in whatever role, to what a record is about.
pub(crate) fn is_assigned(agency: &AgencyId, assignments: &Assignments, about: &About) -> bool {
    assignments.covers(agency, AssignmentRole::ALL, &about.scopes())
}
