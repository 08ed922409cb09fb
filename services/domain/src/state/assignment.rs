//! Who answers for what: assignments, and how a scope covers a target or a project.
//!
//! Place in the flow: folded from `AgencyAssigned`, `AssignmentEnded` and `AgencySucceeded`, asked by `authorise`, and
//! by whoever shows what agencies may report.
//! It must not know: other events, credentials.

use imbl::{OrdMap, OrdSet};
use serde::{Deserialize, Serialize};

use crate::event::{AgencyAssigned, AssignmentEnded, Scope};
use crate::id::{AgencyId, AreaId, IndicatorId, ProjectId};
use crate::vocabulary::AssignmentRole;

/// The assignments of a plan that stand.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Assignments {
    /// The one lead of each exact scope.
    leads: OrdMap<Scope, AgencyId>,
    /// The others: any number for each scope.
    others: OrdSet<(Scope, AssignmentRole, AgencyId)>,
}

/// Roles that report on a scope.
pub(crate) const REPORTING: &[AssignmentRole] = &[AssignmentRole::Lead, AssignmentRole::Responsible];

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
    /// From now on.
    pub fn add(&mut self, assigned: &AgencyAssigned) {
        let AgencyAssigned { agency, role, scope } = assigned.clone();
        if role == AssignmentRole::Lead {
            self.leads.insert(scope, agency);
        } else {
            self.others.insert((scope, role, agency));
        }
    }

    /// Nothing happens if it does not stand.
    pub fn end(&mut self, ended: &AssignmentEnded) {
        let AssignmentEnded { agency, role, scope, .. } = ended;
        if !self.contains(agency, *role, scope) {
            return;
        }
        if *role == AssignmentRole::Lead {
            self.leads.remove(scope);
        } else {
            self.others.remove(&(scope.clone(), *role, agency.clone()));
        }
    }

    /// All that `agency` answers for passes to `successor`.
    pub fn pass(&mut self, agency: &AgencyId, successor: &AgencyId) {
        let led: Vec<Scope> =
            self.leads.iter().filter(|(_, lead)| *lead == agency).map(|(scope, _)| scope.clone()).collect();
        for scope in led {
            self.leads.insert(scope, successor.clone());
        }
        let others: Vec<_> = self.others.iter().filter(|(_, _, of)| of == agency).cloned().collect();
        for assignment in others {
            self.others.remove(&assignment);
            let (scope, role, _) = assignment;
            self.others.insert((scope, role, successor.clone()));
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

    /// The one agency that reports the headline of a target.
    pub fn lead_of_target(&self, area: &AreaId, indicator: &IndicatorId) -> Option<&AgencyId> {
        self.lead_of(&scopes_of_target(area, indicator))
    }

    /// Whether `agency` reports on a target: the headline if it is the lead, dimensions in any case.
    pub fn reports_on_target(&self, agency: &AgencyId, area: &AreaId, indicator: &IndicatorId) -> bool {
        self.covers(agency, REPORTING, &scopes_of_target(area, indicator))
    }

    /// Whether `agency` reports on a project, which lies in `area`.
    pub fn reports_on_project(&self, agency: &AgencyId, project: &ProjectId, area: &AreaId) -> bool {
        self.covers(agency, REPORTING, &scopes_of_project(project, area))
    }
}
