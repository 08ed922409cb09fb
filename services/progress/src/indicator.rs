//! ListIndicators, GetIndicator: indicators with their targets, and everything that is kept of one.
//!
//! Place in the flow: reading → `Indicator`; `figures`, `years` and `contributions` fill the parts of one. It must not
//! know how a figure is scored.

mod contributions;
mod figures;
mod years;

pub(crate) use figures::{figure, period};
use songhua_domain::event::IndicatorDefined;
use songhua_domain::id::{AreaId, IndicatorId, PlanId};
use songhua_domain::vocabulary::{Accumulation, Operator, Status};
use songhua_views::{Break, Target};
use songhua_wire::pb;
use songhua_wire::time::date_to_pb;

use crate::filter::{Field, Filter, Kind, Value, field};
use crate::name;
use crate::note;
use crate::page::Page;
use crate::plan::size;
use crate::reading::Reading;
use crate::refusal::{self, Refused};
use crate::revision;
use crate::target::{Scored, scored};
use crate::task;

/// Figures of a history where the request says nothing, and most of one.
const HISTORY_DEFAULT: i32 = 1_000;
const HISTORY_MAX: i32 = 10_000;
/// Most revisions and notes beside an indicator.
const REVISIONS_MAX: usize = 100;
const NOTES_MAX: usize = 20;

/// What indicators can be filtered by.
pub(crate) const FIELDS: &[Field] = &[
    field("category", Kind::Id),
    field("area", Kind::Id),
    field("operator", Kind::Code(|text| Operator::from_code(text).map(drop))),
    field("accumulation", Kind::Code(|text| Accumulation::from_code(text).map(drop))),
    field(STATUS, Kind::Code(|text| Status::from_code(text).map(drop))),
    field("scored", Kind::Bool),
];
const STATUS: &str = "status";
/// Those of them that speak of a target: an indicator matches if one of its targets matches all of them.
const TARGET_FIELDS: &[&str] = &["area", "operator", STATUS];

/// A page of indicators, in the order of their targets' numbers; those without a target come last.
pub(crate) fn list(reading: &Reading, filter: &Filter, page: &Page) -> Result<pb::ListIndicatorsResponse, Refused> {
    let (of_target, of_indicator) = filter.clone().split(TARGET_FIELDS);
    let mut all = Vec::new();
    for indicator in reading.model.indicators.values() {
        let targets = || reading.model.targets.values().filter(|target| is_of(indicator, target));
        let fits = of_indicator.matches(|field| value_of(indicator, field));
        if fits && (of_target.is_empty() || any_matches(reading, targets(), &of_target)?) {
            all.push((targets().map(|target| target.definition.number).min().unwrap_or(u32::MAX), indicator));
        }
    }
    all.sort_by_key(|(number, _)| *number);
    let cut = page.cut(&all, reading);
    Ok(pb::ListIndicatorsResponse {
        indicators: cut.items.iter().map(|(_, indicator)| to_pb(reading, indicator)).collect::<Result<_, _>>()?,
        next_page_token: cut.next_page_token,
        total_size: cut.total_size,
        state: Some(reading.state()),
    })
}

fn is_of(indicator: &IndicatorDefined, target: &Target) -> bool {
    target.definition.indicator == indicator.indicator
}

fn value_of(indicator: &IndicatorDefined, field: &str) -> Option<Value> {
    match field {
        "category" => indicator.category.as_ref().map(|category| category.as_str().into()),
        "accumulation" => Some(indicator.accumulation.code().into()),
        "scored" => Some(Value::Bool(indicator.scored)),
        _ => None,
    }
}

fn any_matches<'a>(
    reading: &Reading,
    targets: impl Iterator<Item = &'a Target>,
    filter: &Filter,
) -> Result<bool, Refused> {
    for target in targets {
        let set = &target.definition;
        let status = if filter.names(STATUS) { Some(reading.score(target)?.status) } else { None };
        let matches = filter.matches(|field| match field {
            "area" => Some(set.area.as_str().into()),
            "operator" => Some(set.operator.code().into()),
            STATUS => status.map(|status| status.code().into()),
            _ => None,
        });
        if matches {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What of an indicator is asked for.
pub(crate) struct Asked {
    /// Which one.
    pub(crate) indicator: IndicatorId,
    /// Only this area; none = all.
    pub(crate) area: Option<AreaId>,
    /// Only figures of this dimension; none = all.
    pub(crate) dimension: Option<String>,
    /// At most this many figures in the history, and periods among the vintages.
    pub(crate) history_size: usize,
}

impl Asked {
    /// Reads a request; tells the plan, too.
    pub(crate) fn read(request: &pb::GetIndicatorRequest) -> Result<(PlanId, Self), Refused> {
        let (plan, indicator) = name::indicator(&request.name)?;
        let size = match request.history_size {
            0 => HISTORY_DEFAULT,
            size => size.min(HISTORY_MAX),
        };
        let fault =
            || refusal::invalid_field("history_size", &format!("{size} is negative; 0 means {HISTORY_DEFAULT}"));
        let history_size = usize::try_from(size).map_err(|_| fault())?;
        let area = name::optional("area", &request.area)?;
        let dimension = Some(request.dimension.clone()).filter(|dimension| !dimension.is_empty());
        Ok((plan, Self { indicator, area, dimension, history_size }))
    }
}

/// One indicator with everything that is kept of it.
pub(crate) fn get(reading: &Reading, asked: &Asked) -> Result<pb::GetIndicatorResponse, Refused> {
    let (id, area) = (&asked.indicator, asked.area.as_ref());
    let not_found = || refusal::resource_not_found(&name::of_indicator(&reading.plan, id), reading.known());
    let indicator = reading.model.indicators.get(id).ok_or_else(not_found)?;
    if let Some(unknown) = area.filter(|area| !reading.model.areas.contains_key(*area)) {
        return Err(refusal::unknown_resource("area", unknown.as_str()));
    }
    let all = figures::read(reading, id, area, asked.dimension.as_deref())?;
    let targets = targets(reading, indicator, area)?;
    let series = asked.dimension.is_some().then(|| all.iter().map(|one| one.series_of(id)).collect::<Vec<_>>());
    Ok(pb::GetIndicatorResponse {
        indicator: Some(shown(reading, indicator, &targets)?),
        history: figures::history(&all, asked.history_size),
        history_count: size(all.iter().map(|series| series.figures().len()).sum()),
        vintages: figures::vintages(&all, asked.history_size),
        revisions: revision::of_indicator(reading, id, area, series.as_deref(), REVISIONS_MAX)?,
        years: years::strips(reading, &targets)?,
        contributions: contributions::of(reading, indicator, &all),
        tasks: task::of_targets(reading, targets.iter().map(|one| one.target), |_| true)?,
        breaks: breaks(reading, id),
        notes: note::of_indicator(reading, id, area, NOTES_MAX)?,
        state: Some(reading.state()),
    })
}

/// The targets of an indicator, in one area or in all, by area.
fn targets<'a>(
    reading: &'a Reading,
    indicator: &IndicatorDefined,
    area: Option<&AreaId>,
) -> Result<Vec<Scored<'a>>, Refused> {
    let is_wanted =
        |target: &Target| is_of(indicator, target) && area.is_none_or(|area| target.definition.area == *area);
    let mut targets = scored(reading, is_wanted)?;
    targets.sort_by_key(|one| reading.order_of(&one.target.definition.area));
    Ok(targets)
}

fn to_pb(reading: &Reading, indicator: &IndicatorDefined) -> Result<pb::Indicator, Refused> {
    shown(reading, indicator, &targets(reading, indicator, None)?)
}

fn shown(reading: &Reading, indicator: &IndicatorDefined, targets: &[Scored<'_>]) -> Result<pb::Indicator, Refused> {
    Ok(pb::Indicator {
        name: name::of_indicator(&reading.plan, &indicator.indicator),
        definition: Some(indicator.into()),
        targets: targets.iter().map(|one| one.to_pb(reading)).collect::<Result<_, _>>()?,
    })
}

/// Series breaks up to the reading's day, oldest first.
fn breaks(reading: &Reading, indicator: &IndicatorId) -> Vec<pb::SeriesBreak> {
    let all = reading.model.breaks.get(indicator).map(Vec::as_slice).unwrap_or_default();
    let mut seen: Vec<_> = all.iter().filter(|broken| broken.from <= reading.valid_date).collect();
    seen.sort_by_key(|broken| broken.from);
    let to_pb = |broken: &Break| pb::SeriesBreak {
        from: Some(date_to_pb(broken.from)),
        reason: broken.reason.clone(),
        position: broken.position,
    };
    seen.into_iter().map(to_pb).collect()
}
