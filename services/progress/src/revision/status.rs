//! The status before and after a revision of a project or a milestone.
//!
//! Place in the flow: the projector keeps what the model says; how projects and milestones stood is read from the views as
//! known just before the event. It must not know other revisions.

use jiff::civil::Date;
use songhua_domain::id::{MilestoneId, ProjectId};
use songhua_views::{Fact, Revised};

use crate::project;
use crate::reading::Reading;
use crate::refusal::{self, Refused};

/// What stood before a revision, and what stands since.
pub(super) fn stood(reading: &Reading, fact: &Fact, revised: &Revised) -> Result<(String, String), Refused> {
    let (before, after) = (fact.position.saturating_sub(1), fact.position);
    let subject: Vec<&str> = revised.subject.split('/').collect();
    match (revised.event_type.as_str(), &subject[..]) {
        ("project.status-changed", ["projects", project]) => {
            let day = fact.row.effective.or(fact.row.recorded_day).unwrap_or(reading.valid_date);
            let stood = project::status(reading, &id(project)?, day, before)?;
            Ok((stood.map(|status| status.to_string()).unwrap_or_default(), revised.after.clone()))
        }
        (
            "milestone.cancelled" | "milestone.reopened" | "verification.rejected" | "verification.reopened",
            ["projects", project, "milestones", milestone],
        ) => {
            let (project, milestone) = (id(project)?, id(milestone)?);
            let at = |known| of_milestone(reading, &project, &milestone, known);
            Ok((at(before)?, at(after)?))
        }
        _ => Ok((revised.before.clone(), revised.after.clone())),
    }
}

/// The status by everything that was said up to `known`, whenever it holds from: an event changes what was said before
/// it.
fn of_milestone(
    reading: &Reading,
    project: &ProjectId,
    milestone: &MilestoneId,
    known: u64,
) -> Result<String, Refused> {
    let found = reading.views().milestone(project, milestone, Date::MAX, known);
    let found = found.map_err(|error| refusal::from_views(&error))?;
    Ok(found.map(|milestone| milestone.status.to_string()).unwrap_or_default())
}

fn id<T: std::str::FromStr>(text: &str) -> Result<T, Refused> {
    text.parse().map_err(|_| refusal::internal(&format!("a revision is about {text:?}, which is no id")))
}
