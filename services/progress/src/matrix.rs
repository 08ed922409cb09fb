//! GetMatrix: areas of a kind across, indicators down.
//!
//! Place in the flow: reading → every target of these areas scored once → rows. It must not know how a target is judged.

use std::collections::BTreeMap;

use songhua_domain::id::{AreaId, IndicatorId};
use songhua_domain::vocabulary::AreaKind;
use songhua_views::Area;
use songhua_wire::code::Code;
use songhua_wire::pb;

use crate::overview::summary;
use crate::reading::Reading;
use crate::refusal::{self, Refused};
use crate::target::{Scored, scored};

/// The matrix.
pub(crate) fn get(reading: &Reading, kind: AreaKind) -> Result<pb::GetMatrixResponse, Refused> {
    let targets = scored_of(reading, kind)?;
    let has_target = |area: &&Area| targets.iter().any(|one| one.target.definition.area == area.definition.area);
    let areas: Vec<&Area> = reading.areas().into_iter().filter(has_target).collect();
    let rows = by_indicator(&targets).into_iter().map(|(indicator, own)| row(reading, &areas, indicator, &own));
    Ok(pb::GetMatrixResponse {
        rows: rows.collect(),
        areas: areas.iter().map(|area| summary(reading, area, &targets)).collect(),
        state: Some(reading.state()),
    })
}

/// The kind of area that a request names; not set = circles.
pub(crate) fn kind(value: i32) -> Result<AreaKind, Refused> {
    if value == 0 {
        return Ok(AreaKind::Circle);
    }
    AreaKind::from_wire(value).map_err(|unknown| refusal::invalid_field("kind", &unknown.to_string()))
}

/// The targets of the areas of a kind, by number.
pub(crate) fn scored_of(reading: &Reading, kind: AreaKind) -> Result<Vec<Scored<'_>>, Refused> {
    let areas = &reading.model.areas;
    scored(reading, |target| areas.get(&target.definition.area).is_some_and(|area| area.definition.kind == kind))
}

/// Targets by indicator; indicators in the order of the source, which is that of their first targets.
pub(crate) fn by_indicator<'s, 'a>(targets: &'s [Scored<'a>]) -> Vec<(&'s IndicatorId, Vec<&'s Scored<'a>>)> {
    let mut rows: Vec<(&IndicatorId, Vec<&Scored<'a>>)> = Vec::new();
    for one in targets {
        let indicator = &one.target.definition.indicator;
        match rows.iter_mut().find(|(known, _)| *known == indicator) {
            Some((_, row)) => row.push(one),
            None => rows.push((indicator, vec![one])),
        }
    }
    rows
}

fn row(reading: &Reading, areas: &[&Area], indicator: &IndicatorId, targets: &[&Scored<'_>]) -> pb::MatrixRow {
    let defined = reading.model.indicators.get(indicator);
    let by_area: BTreeMap<&AreaId, &Scored<'_>> =
        targets.iter().map(|one| (&one.target.definition.area, *one)).collect();
    let cell = |area: &&Area| match by_area.get(&area.definition.area) {
        Some(one) => cell(reading, one),
        None => pb::MatrixCell { area: area.definition.area.to_string(), ..Default::default() },
    };
    pb::MatrixRow {
        indicator: indicator.to_string(),
        indicator_name: defined.map(|indicator| (&indicator.name).into()),
        unit_label: defined.map(|indicator| (&indicator.unit_label).into()),
        cells: areas.iter().map(cell).collect(),
    }
}

fn cell(reading: &Reading, one: &Scored<'_>) -> pb::MatrixCell {
    let verified = one.score.headline.as_ref().is_some_and(|headline| headline.verified);
    let shown = one.without_note(reading);
    pb::MatrixCell {
        area: shown.area,
        target: shown.name,
        status: shown.status,
        light: shown.light,
        status_label: shown.status_label,
        actual: shown.actual,
        value: shown.value,
        target_rate: shown.target_rate,
        deviation: shown.deviation,
        age_days: shown.age_days,
        verified,
    }
}
