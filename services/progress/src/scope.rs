//! Scopes: which area, indicator or project something speaks of.
//!
//! Place in the flow: asked by the filters of notes and supervision. It must not know who is assigned.

use songhua_domain::event::Scope;
use songhua_domain::id::{AreaId, IndicatorId, ProjectId};

use crate::filter::Value;
use crate::reading::Reading;

/// The value of filter field `area`, `indicator` or `project` for something that speaks of `scope`.
pub(crate) fn value_of(reading: &Reading, scope: &Scope, field: &str) -> Option<Value> {
    match field {
        "area" => area(reading, scope).map(|area| area.as_str().into()),
        "indicator" => indicator(scope).map(|indicator| indicator.as_str().into()),
        "project" => project(scope).map(|project| project.as_str().into()),
        _ => None,
    }
}

/// Its area, that of a project too.
fn area<'a>(reading: &'a Reading, scope: &'a Scope) -> Option<&'a AreaId> {
    match scope {
        Scope::Area(area) | Scope::Target(area, _) => Some(area),
        Scope::Project(project) => reading.model.projects.get(project).map(|project| &project.area),
        Scope::Plan | Scope::Indicator(_) => None,
    }
}

const fn indicator(scope: &Scope) -> Option<&IndicatorId> {
    match scope {
        Scope::Indicator(indicator) | Scope::Target(_, indicator) => Some(indicator),
        Scope::Plan | Scope::Area(_) | Scope::Project(_) => None,
    }
}

const fn project(scope: &Scope) -> Option<&ProjectId> {
    match scope {
        Scope::Project(project) => Some(project),
        Scope::Plan | Scope::Area(_) | Scope::Indicator(_) | Scope::Target(..) => None,
    }
}
