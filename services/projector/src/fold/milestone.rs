//! Milestones: one row for each event.
//!
//! Place in the flow: called by [`fold`](super::fold). It must not know how a milestone stands.

use songhua_domain::event::Event;
use songhua_domain::id::{MilestoneId, ProjectId};
use songhua_views::{MilestoneFact, MilestoneRow, ViewBatch};

use super::{FoldError, Touched, agency};

pub(super) fn happened(
    batch: &mut ViewBatch<'_>,
    event: &Event,
    (project, milestone): (&ProjectId, &MilestoneId),
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
