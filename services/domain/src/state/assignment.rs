//! Who answers for what: assignments, and how a scope covers a target or a project.
//!
//! Place in the flow: folded from `AgencyAssigned`, asked by `authorise`. It must not know: events, credentials.

use imbl::{OrdMap, OrdSet};
use serde::{Deserialize, Serialize};

use crate::event::Scope;
use crate::id::{AgencyId, AreaId, IndicatorId, ProjectId};
use crate::vocabulary::AssignmentRole;

/// All assignments of a plan. There is no event that ends one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Assignments {
    /// The one lead of each exact scope.
    leads: OrdMap<Scope, AgencyId>,
    /// The others: any number for each scope.
    others: OrdSet<(Scope, AssignmentRole, AgencyId)>,
}

/// The scopes that cover a target, the narrowest first.
pub(crate) fn scopes_of_target(area: &AreaId, indicator: &IndicatorId) -> [Scope; 4] {
    [
        Scope::Target(area.clone(), indicator.clone()),
        Scope::Indicator(indicator.clone()),
        Scope::Area(area.clone()),
        Scope::Plan,
    ]
}

/// The scopes that cover a project, the narrowest first.
pub(crate) fn scopes_of_project(project: &ProjectId, area: &AreaId) -> [Scope; 3] {
    [Scope::Project(project.clone()), Scope::Area(area.clone()), Scope::Plan]
}

impl Assignments {
    pub(crate) fn add(&mut self, agency: AgencyId, role: AssignmentRole, scope: Scope) {
        if role == AssignmentRole::Lead {
            self.leads.insert(scope, agency);
        } else {
            self.others.insert((scope, role, agency));
        }
    }

    /// The lead of exactly this scope.
    pub fn lead_of_scope(&self, scope: &Scope) -> Option<&AgencyId> {
        self.leads.get(scope)
    }

    /// Whether `agency` is assigned in `role` to exactly this scope.
    pub fn contains(&self, agency: &AgencyId, role: AssignmentRole, scope: &Scope) -> bool {
        match role {
            AssignmentRole::Lead => self.leads.get(scope) == Some(agency),
            _ => self.others.contains(&(scope.clone(), role, agency.clone())),
        }
    }

    /// Whether `agency` is assigned in one of `roles` to one of `scopes`.
    pub fn covers(&self, agency: &AgencyId, roles: &[AssignmentRole], scopes: &[Scope]) -> bool {
        scopes.iter().any(|scope| roles.iter().any(|role| self.contains(agency, *role, scope)))
    }

    /// The lead (牵头单位): that of the narrowest of `scopes`, which come narrowest first.
    pub fn lead_of(&self, scopes: &[Scope]) -> Option<&AgencyId> {
        scopes.iter().find_map(|scope| self.leads.get(scope))
    }
}
