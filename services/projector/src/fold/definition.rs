//! Definitions, and what scores depend on them. Days too.
//!
//! Place in the flow: called by [`fold`](super::fold). It must not know what definitions mean together: the model does.

use songhua_domain::event::{AreaStageChanged, Event, Payload};
use songhua_domain::id::{AreaId, IndicatorId};
use songhua_views::{Definition, StageEffective, ViewBatch};

use super::{FoldError, Touched};

pub(super) fn fold(batch: &mut ViewBatch<'_>, event: &Event) -> Result<Touched, FoldError> {
    use Payload as P;
    use Touched::{All, Nothing};
    match &event.input.payload {
        P::DayOpened(day) => {
            batch.open_day(event.position, day.date)?;
            Ok(Touched::Day)
        }
        P::PlanDefined(it) => define(batch, event, it, All),
        P::PlanPublished(it) => define(batch, event, it, All),
        P::PlanRevised(it) => define(batch, event, it, if it.end.is_some() { All } else { Nothing }),
        P::CalculationAdopted(it) => define(batch, event, it, All),
        P::LightRuleAdopted(it) => define(batch, event, it, All),
        P::AreaDesignated(it) => define(batch, event, it, All),
        P::AreaStageChanged(it) => stage(batch, event, it),
        P::IndicatorDefined(it) => define(batch, event, it, All),
        P::IndicatorRedefined(it) => define(batch, event, it, if it.schedule.is_some() { All } else { Nothing }),
        P::IndicatorRetired(it) => define(batch, event, it, All),
        P::TargetSet(it) => define(batch, event, it, target(&it.area, &it.indicator)),
        P::TargetRevised(it) => define(batch, event, it, target(&it.area, &it.indicator)),
        P::BaselineSet(it) => define(batch, event, it, target(&it.area, &it.indicator)),
        P::BaselineRestated(it) => define(batch, event, it, target(&it.area, &it.indicator)),
        P::InterimTargetsSet(it) => define(batch, event, it, target(&it.area, &it.indicator)),
        P::LogCreated(it) => define(batch, event, it, Nothing),
        P::PlanClosedOut(it) => define(batch, event, it, Nothing),
        P::TargetDecomposed(it) => define(batch, event, it, Nothing),
        P::AgencyRegistered(it) => define(batch, event, it, Nothing),
        P::AgencyRenamed(it) => define(batch, event, it, Nothing),
        P::AgencySucceeded(it) => define(batch, event, it, Nothing),
        P::AgencyAssigned(it) => define(batch, event, it, Nothing),
        P::AssignmentEnded(it) => define(batch, event, it, Nothing),
        P::ProjectRegistered(it) => define(batch, event, it, Nothing),
        P::ProjectMerged(it) => define(batch, event, it, Nothing),
        // Every other type was taken before.
        _ => Ok(Nothing),
    }
}

fn define<D: Clone + Into<Definition>>(
    batch: &mut ViewBatch<'_>,
    event: &Event,
    definition: &D,
    touched: Touched,
) -> Result<Touched, FoldError> {
    batch.define(event.position, definition.clone())?;
    Ok(touched)
}

fn target(area: &AreaId, indicator: &IndicatorId) -> Touched {
    Touched::Target(area.clone(), indicator.clone())
}

fn stage(batch: &mut ViewBatch<'_>, event: &Event, change: &AreaStageChanged) -> Result<Touched, FoldError> {
    // Decided events always have the date; without one the day that was opened last is the closest thing to it.
    let effective = event.input.effective_date.or_else(|| batch.day()).ok_or(FoldError::Undated)?;
    define(batch, event, &StageEffective { effective, change: change.clone() }, Touched::All)
}
