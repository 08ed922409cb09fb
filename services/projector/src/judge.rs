//! Changes of status: the targets that an event touches are scored anew, and what differs is written.
//!
//! Place in the flow: after the event's rows are in the batch. The day is the last one opened, what is known is the
//! event itself and all before it: so changes depend on the records alone. It must not know why a target was touched.

use songhua_domain::event::TOTAL;
use songhua_domain::id::{AreaId, IndicatorId};
use songhua_views::{Model, ViewBatch, ViewsError};

use crate::fold::Touched;

/// Writes the changes that the event at `position` made. None before the plan is visible, or before its first day.
pub(crate) fn judge(batch: &mut ViewBatch<'_>, position: u64, touched: &Touched) -> Result<(), ViewsError> {
    let Some(day) = batch.day() else { return Ok(()) };
    if batch.model().published.is_none() {
        return Ok(());
    }
    for (area, indicator) in targets(batch.model(), touched) {
        // A new day by itself changes a status only where its time has come.
        if *touched != Touched::Day || !batch.holds(&area, &indicator, day) {
            batch.judge(position, &area, &indicator, day)?;
        }
    }
    Ok(())
}

/// The targets in question, by area and indicator.
fn targets(model: &Model, touched: &Touched) -> Vec<(AreaId, IndicatorId)> {
    match touched {
        Touched::Nothing => Vec::new(),
        Touched::Target(area, indicator) => vec![(area.clone(), indicator.clone())],
        Touched::Day | Touched::All => model.targets.keys().cloned().collect(),
        // Only totals are scored.
        Touched::Series(series) if series.dimension != TOTAL => Vec::new(),
        Touched::Series(series) => {
            let scored = model.targets.iter().filter(|((area, indicator), target)| {
                let own = *area == series.area && *indicator == series.indicator;
                // A compared series may be read from another area.
                own || target.definition.other_series.as_ref() == Some(&series.indicator)
            });
            scored.map(|(key, _)| key.clone()).collect()
        }
    }
}
