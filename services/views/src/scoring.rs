//! From rows to a score: the one way a target is scored, for the projector's changes and for every read.
//!
//! Place in the flow: model + live figures → `domain::score`. It must not know the arithmetic, nor where figures are
//! kept: it asks for them.

use jiff::civil::Date;
use songhua_domain::event::AreasAtStage;
use songhua_domain::id::{AreaId, IndicatorId};
use songhua_domain::score::{CalcVersion, Observation, Score, Series, put_in_order, score};
use songhua_domain::vocabulary::AreaKind;

use crate::derived;
use crate::error::ViewsError;
use crate::key;
use crate::model::Model;
use crate::row::unreadable;
use crate::series::SeriesKey;

/// Live figures of a series, as known.
type Live<'a> = &'a mut dyn FnMut(&SeriesKey) -> Result<Vec<Observation>, ViewsError>;

/// Scores a target; none where it is not (wholly) defined.
pub(crate) fn score_target(
    model: &Model,
    area: &AreaId,
    indicator: &IndicatorId,
    valid_date: Date,
    live: Live<'_>,
) -> Result<Option<Score>, ViewsError> {
    let Some(spec) = model.target_spec(area, indicator) else { return Ok(None) };
    let until = valid_date.min(spec.deadline);
    let mut observations = match derivation(model, indicator) {
        Some(rule) => derived::observations(model, rule, Some(until)),
        None => live(&SeriesKey::total(area, indicator))?,
    };
    let other = model.target(area, indicator).and_then(|target| target.definition.other_series.as_ref());
    if let Some(other) = other {
        let compared = compared(model, area, other, live)?;
        observations.extend(compared.into_iter().map(|one| Observation { series: Series::Other, ..one }));
    }
    put_in_order(&mut observations);
    Ok(Some(score(calc_version(model)?, &spec, &model.light_rule, &observations, valid_date)))
}

/// The arithmetic in force. Ingest accepts only versions that it computes: another one is of a newer program, and numbers
/// by any other arithmetic would be wrong without anybody seeing it.
fn calc_version(model: &Model) -> Result<CalcVersion, ViewsError> {
    let version = CalcVersion::from_u32(model.calc_version);
    version.ok_or_else(|| {
        unreadable(&[key::DEFINITIONS], &format!("calc_version {} is not computed here", model.calc_version))
    })
}

/// Live figures of an indicator's total in an area, derived where the indicator says so.
pub(crate) fn observations(
    model: &Model,
    area: &AreaId,
    indicator: &IndicatorId,
    live: Live<'_>,
) -> Result<Vec<Observation>, ViewsError> {
    match derivation(model, indicator) {
        Some(rule) => Ok(derived::observations(model, rule, None)),
        None => live(&SeriesKey::total(area, indicator)),
    }
}

fn derivation<'a>(model: &'a Model, indicator: &IndicatorId) -> Option<&'a AreasAtStage> {
    model.indicators.get(indicator).and_then(|defined| defined.derived.as_ref())
}

/// The other series: of the same area, or of the city where the area has no figure of it.
fn compared(model: &Model, area: &AreaId, other: &IndicatorId, live: Live<'_>) -> Result<Vec<Observation>, ViewsError> {
    let cities = model.areas.values().filter(|area| area.definition.kind == AreaKind::City);
    for area in std::iter::once(area).chain(cities.map(|city| &city.definition.area)) {
        let found = observations(model, area, other, live)?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}
