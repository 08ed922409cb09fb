//! What the records of a plan must agree on, beyond the shape of each.
//!
//! Place in the flow: after every file was read; records with faults of their own are not here any more. The rules are
//! those of `seeds/README.md` and of SCORING.md §1; ingest's `decide` holds the events against the latter once more. It
//! must not know: JSON, files.

mod agencies;
mod indicators;
mod plan;
mod projects;
mod targets;

use crate::fault::Faults;
use crate::format::Draft;

/// Notes every rule that `draft` breaks.
pub(crate) fn check(draft: &Draft, faults: &Faults) {
    if let Ok(plan) = &draft.plan {
        plan::check(plan, faults);
    }
    if let Ok(areas) = &draft.areas {
        plan::check_areas(areas, faults);
    }
    if let Ok(indicators) = &draft.indicators {
        indicators::check(indicators, faults);
    }
    targets::check(draft, faults);
    if let Ok(projects) = &draft.projects {
        projects::check(projects, draft.areas.as_ref().ok(), faults);
    }
    if let Ok(agencies) = &draft.agencies {
        agencies::check(agencies, faults);
    }
}
