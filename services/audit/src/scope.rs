//! What a record is about, and which records an agency may see.
//!
//! Place in the flow: filters and the scope of an agency ask here. Pure. It must not know: where records come from, nor
//! where assignments are kept.

use songhua_domain::event::{Payload, Scope};
use songhua_domain::id::{AgencyId, AreaId, IndicatorId, ProjectId};
use songhua_domain::state::Assignments;
use songhua_domain::vocabulary::AssignmentRole;
use songhua_wire::record::RecordHeader;

/// What a record is about; all absent = the plan as a whole, or an agency.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct About {
    pub(crate) area: Option<AreaId>,
    pub(crate) indicator: Option<IndicatorId>,
    pub(crate) projects: Vec<ProjectId>,
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
                _ => {}
            }
        }
        about
    }

    /// Whether events of a type name more in their payload than their subject says.
    pub(crate) fn asks_payload(event_type: &str) -> bool {
        matches!(event_type, "agency.assigned" | "project.merged")
    }

    /// An assignment is about what it assigns, too; a merge about both projects.
    pub(crate) fn with_named(mut self, payload: Payload) -> Self {
        match payload {
            Payload::AgencyAssigned(assigned) => match assigned.scope {
                Scope::Indicator(indicator) | Scope::Target(_, indicator) => self.indicator = Some(indicator),
                Scope::Project(project) => self.projects.push(project),
                Scope::Plan | Scope::Area(_) => {}
            },
            Payload::ProjectMerged(merged) => self.projects.push(merged.into),
            _ => {}
        }
        self
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

/// Whether `agency` sent the record, or it was filed on its behalf.
pub(crate) fn is_own(agency: &AgencyId, header: &RecordHeader) -> bool {
    header.agency.as_ref() == Some(agency) || header.on_behalf_of.as_ref() == Some(agency)
}

/// Whether `agency` is assigned, in whatever role, to what a record is about.
pub(crate) fn is_assigned(agency: &AgencyId, assignments: &Assignments, about: &About) -> bool {
    assignments.covers(agency, AssignmentRole::ALL, &about.scopes())
}
