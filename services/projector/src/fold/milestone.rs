//! Milestones: one row for each event.
//!
//! Place in the flow: called by [`fold`](super::fold). It must not know how a milestone stands.

use songhua_domain::event::{Event, Payload};
use songhua_domain::id::{MilestoneId, ProjectId};
use songhua_views::{MilestoneFact, MilestoneRow, ViewBatch};

use super::{FoldError, Touched, agency};

pub(super) fn fold(batch: &mut ViewBatch<'_>, event: &Event) -> Result<Touched, FoldError> {
    use MilestoneFact as F;
    let (project, milestone, fact) = match &event.input.payload {
        Payload::MilestonePlanned(it) => (&it.project, &it.milestone, F::Planned(it.clone())),
        Payload::MilestoneRescheduled(it) => (&it.project, &it.milestone, F::Rescheduled(it.clone())),
        Payload::MilestoneReached(it) => (&it.project, &it.milestone, F::Reached(it.clone())),
        Payload::MilestonePartiallyReached(it) => (&it.project, &it.milestone, F::PartiallyReached(it.clone())),
        Payload::MilestoneMissed(it) => (&it.project, &it.milestone, F::Missed(it.clone())),
        Payload::MilestoneCancelled(it) => (&it.project, &it.milestone, F::Cancelled(it.clone())),
        Payload::MilestoneReopened(it) => (&it.project, &it.milestone, F::Reopened(it.clone())),
        // Nothing else is about a milestone alone.
        _ => return Ok(Touched::Nothing),
    };
    row(batch, event, project, milestone, fact)
}

pub(super) fn row(
    batch: &mut ViewBatch<'_>,
    event: &Event,
    project: &ProjectId,
    milestone: &MilestoneId,
    fact: MilestoneFact,
) -> Result<Touched, FoldError> {
    let row = MilestoneRow {
        fact,
        recorded_time_us: event.recorded_time.as_microsecond(),
        effective: event.input.effective_date,
        agency: agency(event),
        event_id: event.input.event_id,
    };
    batch.milestone(project, milestone, event.position, &row)?;
    Ok(Touched::Nothing)
}
