//! From timelines to a score: the one way a target is scored, for the projector's changes and for every read.
//!
//! Place in the flow: model + figures as known → `domain::score`. It must not know the arithmetic, nor where figures
//! are kept: it asks for them.

use std::sync::Arc;

use jiff::civil::Date;
use songhua_domain::event::AreasAtStage;
use songhua_domain::id::{AreaId, IndicatorId};
use songhua_domain::score::{CalcVersion, Observation, Score, Series, TargetSpec, put_in_order, score, score_until};
use songhua_domain::vocabulary::AreaKind;

use crate::derived;
use crate::error::ViewsError;
use crate::kept::Weighed;
use crate::key;
use crate::model::Model;
use crate::row::unreadable;
use crate::series::SeriesKey;
use crate::timeline::Timeline;

/// Where timelines come from.
pub(crate) type Timelines<'a> = &'a mut dyn FnMut(&SeriesKey) -> Result<Arc<Timeline>, ViewsError>;

/// What is known when a target is scored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct As<'m> {
    /// The model as known.
    pub(crate) model: &'m Model,
    /// Nothing behind this position.
    pub(crate) known: u64,
    /// Whether only verified figures count.
    pub(crate) verified_only: bool,
}

/// Scores a target; none where it is not (wholly) defined.
pub(crate) fn score_target(
    known: As<'_>,
    area: &AreaId,
    indicator: &IndicatorId,
    valid_date: Date,
    timelines: Timelines<'_>,
) -> Result<Option<Score>, ViewsError> {
    scored(known, area, indicator, valid_date, timelines, |case| {
        score(case.version, case.spec, &known.model.light_rule, case.observations, valid_date)
    })
}

/// The score, and the day on which the status is to be judged again; none = not before something is said. A derived
/// figure follows the day.
pub(crate) fn score_target_until(
    known: As<'_>,
    area: &AreaId,
    indicator: &IndicatorId,
    valid_date: Date,
    timelines: Timelines<'_>,
) -> Result<Option<(Score, Option<Date>)>, ViewsError> {
    let is_derived = derivation(known.model, indicator).is_some();
    scored(known, area, indicator, valid_date, timelines, |case| {
        let rule = &known.model.light_rule;
        let (score, until) = score_until(case.version, case.spec, rule, case.observations, valid_date);
        (score, if is_derived { valid_date.tomorrow().ok() } else { until })
    })
}

/// What the arithmetic is told.
struct Case<'a> {
    version: CalcVersion,
    spec: &'a TargetSpec,
    observations: &'a [&'a Observation],
}

fn scored<T>(
    known: As<'_>,
    area: &AreaId,
    indicator: &IndicatorId,
    valid_date: Date,
    timelines: Timelines<'_>,
    judge: impl FnOnce(&Case<'_>) -> T,
) -> Result<Option<T>, ViewsError> {
    let model = known.model;
    let Some(spec) = model.target_spec(area, indicator) else { return Ok(None) };
    let version = calc_version(model)?;
    let until = valid_date.min(spec.deadline);
    let own = match derivation(model, indicator) {
        Some(rule) => Live::Derived(derived::observations(model, rule, Some(until))),
        None => Live::Own(timelines(&SeriesKey::total(area, indicator))?),
    };
    let mut compared;
    let mut observations = own.known(known);
    if let Some(other) = model.target(area, indicator).and_then(|target| target.definition.other_series.as_ref()) {
        compared = self::compared(known, area, other, timelines)?;
        compared.iter_mut().for_each(|one| one.series = Series::Other);
        observations.extend(&compared);
        put_in_order(&mut observations);
    }
    Ok(Some(judge(&Case { version, spec: &spec, observations: &observations })))
}

/// The arithmetic in force. Ingest accepts only versions that it computes: another one is of a newer program, and numbers
/// by any other arithmetic would be wrong without anybody seeing it.
fn calc_version(model: &Model) -> Result<CalcVersion, ViewsError> {
    let version = CalcVersion::from_u32(model.calc_version);
    version.ok_or_else(|| {
        unreadable(&[key::DEFINITIONS], &format!("calc_version {} is not computed here", model.calc_version))
    })
}

/// Live figures of an indicator's total in an area, derived where the indicator says so; oldest first.
pub(crate) fn observations(
    known: As<'_>,
    area: &AreaId,
    indicator: &IndicatorId,
    timelines: Timelines<'_>,
) -> Result<Vec<Observation>, ViewsError> {
    let live = match derivation(known.model, indicator) {
        Some(rule) => return Ok(derived::observations(known.model, rule, None)),
        None => Live::Own(timelines(&SeriesKey::total(area, indicator))?),
    };
    Ok(live.known(known).into_iter().cloned().collect())
}

/// Figures, wherever they are from.
enum Live {
    Derived(Vec<Observation>),
    Own(Arc<Timeline>),
}

impl Live {
    /// In the order of scoring.
    fn known(&self, known: As<'_>) -> Vec<&Observation> {
        let counts = |one: &&Observation| !known.verified_only || one.verified;
        match self {
            Self::Own(timeline) => {
                let mut all = Vec::with_capacity(timeline.weight());
                all.extend(timeline.known(known.known).filter(counts));
                all
            }
            // What follows from stages, which the plan office sets, has no reporter whom anybody could check.
            Self::Derived(all) => {
                let mut all: Vec<_> = all.iter().collect();
                put_in_order(&mut all);
                all
            }
        }
    }
}

fn derivation<'a>(model: &'a Model, indicator: &IndicatorId) -> Option<&'a AreasAtStage> {
    model.indicators.get(indicator).and_then(|defined| defined.derived.as_ref())
}

/// The other series: of the same area, or of the city where the area has no figure of it.
fn compared(
    known: As<'_>,
    area: &AreaId,
    other: &IndicatorId,
    timelines: Timelines<'_>,
) -> Result<Vec<Observation>, ViewsError> {
    let cities = known.model.areas.values().filter(|area| area.definition.kind == AreaKind::City);
    for area in std::iter::once(area).chain(cities.map(|city| &city.definition.area)) {
        let mut found = observations(known, area, other, timelines)?;
        found.retain(|one| !known.verified_only || one.verified);
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}
