//! Which records an agency may see.
//!
//! Place in the flow: the scope of an agency is asked here. Pure. It must not know: where records come from, nor where
//! assignments are kept.

use songhua_domain::event::Scope;
use songhua_domain::id::AgencyId;
use songhua_domain::state::{Assignments, PlanState};
use songhua_domain::vocabulary::AssignmentRole;
use songhua_wire::about::About;
use songhua_wire::record::RecordHeader;

/// Every scope of an assignment that covers what a record is about.
fn scopes(about: &About) -> Vec<Scope> {
    let mut scopes = vec![Scope::Plan];
    scopes.extend(about.area.clone().map(Scope::Area));
    scopes.extend(about.indicator.clone().map(Scope::Indicator));
    scopes.extend(about.area.clone().zip(about.indicator.clone()).map(|(area, of)| Scope::Target(area, of)));
    scopes.extend(about.projects.iter().cloned().map(Scope::Project));
    scopes
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
    assignments.covers(agency, AssignmentRole::ALL, &scopes(about))
}
