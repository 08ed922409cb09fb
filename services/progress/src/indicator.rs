//! ListIndicators, GetIndicator: indicators with their targets, and the history of their figures.
//!
//! Place in the flow: reading → `Indicator`, series → `Observation`. It must not know how a figure is scored.

use jiff::Timestamp;
use songhua_domain::event::{Figure, IndicatorDefined, ReferencePeriod};
use songhua_domain::id::{AreaId, IndicatorId};
use songhua_domain::vocabulary::{Accumulation, Operator, Status};
use songhua_views::{Entry, EntryFigure, Recorded, Target};
use songhua_wire::code::Code;
use songhua_wire::pb;
use songhua_wire::time::timestamp_to_pb;

use crate::filter::{Field, Filter, Kind, Value, field};
use crate::name;
use crate::page::Page;
use crate::reading::Reading;
use crate::refusal::{self, Refused};
use crate::target::{Scored, scored};

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

/// One indicator with the history of its figures.
pub(crate) fn get(reading: &Reading, id: &IndicatorId) -> Result<pb::GetIndicatorResponse, Refused> {
    let not_found = || refusal::resource_not_found(&name::of_indicator(&reading.plan, id), reading.known());
    let indicator = reading.model.indicators.get(id).ok_or_else(not_found)?;
    Ok(pb::GetIndicatorResponse {
        indicator: Some(to_pb(reading, indicator)?),
        history: history(reading, id)?,
        state: Some(reading.state()),
        ..Default::default()
    })
}

fn to_pb(reading: &Reading, indicator: &IndicatorDefined) -> Result<pb::Indicator, Refused> {
    let mut targets = scored(reading, |target| is_of(indicator, target))?;
    targets.sort_by_key(|one: &Scored<'_>| reading.order_of(&one.target.definition.area));
    Ok(pb::Indicator {
        name: name::of_indicator(&reading.plan, &indicator.indicator),
        definition: Some(indicator.into()),
        targets: targets.iter().map(|one| one.to_pb(reading)).collect(),
    })
}

/// Every figure of every area and dimension as known, oldest first, those that no longer count too.
fn history(reading: &Reading, indicator: &IndicatorId) -> Result<Vec<pb::Observation>, Refused> {
    let mut all = Vec::new();
    for area in reading.model.areas.keys() {
        let series = reading.views().dimensions(area, indicator, reading.known());
        for (dimension, series) in series.map_err(|error| refusal::from_views(&error))? {
            all.extend(series.figures().iter().map(|figure| observation(area, &dimension, figure)));
        }
    }
    all.sort_by_key(|observation| observation.position);
    Ok(all)
}

fn observation(area: &AreaId, dimension: &str, recorded: &Recorded) -> pb::Observation {
    let entry = &recorded.entry;
    let (figure, step) = figure(&entry.figure);
    pb::Observation {
        event_id: entry.event_id.to_string(),
        position: entry.position,
        recorded_time: Timestamp::from_microsecond(entry.recorded_time_us).ok().map(timestamp_to_pb),
        area: area.to_string(),
        dimension: dimension.to_owned(),
        basis: entry.basis.to_wire(),
        period: Some((&period(entry)).into()),
        figure: figure.as_ref().map(Into::into),
        step,
        obs_status: entry.obs_status.to_wire(),
        agency: name::or_empty(entry.agency.as_ref()),
        live: recorded.live(),
        superseded_by: recorded.superseded_by.unwrap_or_default(),
        verified: recorded.verified,
        corrects: recorded.corrects().unwrap_or_default(),
        back_dated: entry.back_dated,
    }
}

fn figure(figure: &EntryFigure) -> (Option<Figure>, String) {
    match figure {
        EntryFigure::None => (None, String::new()),
        EntryFigure::Value(value) => (Some(Figure::Value(*value)), String::new()),
        EntryFigure::Fraction { numerator, denominator } => {
            (Some(Figure::Fraction { numerator: *numerator, denominator: *denominator }), String::new())
        }
        EntryFigure::Step(step) => (None, step.clone()),
    }
}

fn period(entry: &Entry) -> ReferencePeriod {
    match entry.start {
        Some(start) => ReferencePeriod::Period { start, end: entry.end },
        None => ReferencePeriod::AsOf(entry.end),
    }
}
