//! Definitions, and days.
//!
//! Place in the flow: called by [`fold`](super::fold). It must not know what definitions mean together: the model does.

use songhua_domain::event::{AreaStageChanged, DayOpened, Event};
use songhua_views::{Definition, StageEffective, ViewBatch};

use super::{FoldError, Touched};

pub(super) fn define<D: Clone + Into<Definition>>(
    batch: &mut ViewBatch<'_>,
    event: &Event,
    definition: &D,
    touched: Touched,
) -> Result<Touched, FoldError> {
    batch.define(event.position, definition.clone())?;
    Ok(touched)
}

pub(super) fn day(batch: &mut ViewBatch<'_>, event: &Event, day: &DayOpened) -> Result<Touched, FoldError> {
    batch.open_day(event.position, day.date)?;
    Ok(Touched::Day)
}

pub(super) fn stage(batch: &mut ViewBatch<'_>, event: &Event, change: &AreaStageChanged) -> Result<Touched, FoldError> {
    // Decided events always have the date; without one the day that was opened last is the closest thing to it.
    let effective = event.input.effective_date.or_else(|| batch.day()).ok_or(FoldError::Undated)?;
    define(batch, event, &StageEffective { effective, change: change.clone() }, Touched::All)
}
