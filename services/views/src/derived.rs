//! Derived indicators: figures that follow from the stages of areas.
//!
//! Place in the flow: stands in for a series where an indicator says `AREAS_AT_STAGE`. It must not know rows.

use std::collections::BTreeMap;

use jiff::civil::Date;
use songhua_domain::event::AreasAtStage;
use songhua_domain::quantity::Decimal;
use songhua_domain::score::{Observation, Series};
use songhua_domain::vocabulary::{Basis, ObsStatus};

use crate::model::{Area, Model};

/// One level for each day on which such an area came to a stage, first stages on the plan's first day; its position
/// is that of the last event that speaks of the day. The last of them holds on: with `until`, it stands once more on
/// that day, since a derived figure needs no report and is never stale.
pub(crate) fn observations(model: &Model, rule: &AreasAtStage, until: Option<Date>) -> Vec<Observation> {
    let areas: Vec<&Area> = model.areas.values().filter(|area| area.definition.kind == rule.area_kind).collect();
    let start = model.plan.as_ref().map(|plan| plan.start);
    let staged = areas.iter().filter(|area| area.definition.stage.is_some());
    let first = staged.filter_map(|area| Some((start?, area.position)));
    let later = areas.iter().flat_map(|area| &area.stages).map(|change| (change.effective, change.position));
    let mut days: BTreeMap<Date, u64> = BTreeMap::new();
    for (date, position) in first.chain(later) {
        let last = days.entry(date).or_default();
        *last = position.max(*last);
    }
    if let Some(until) = until
        && let Some((_, position)) = days.range(..=until).next_back()
    {
        let position = *position;
        days.entry(until).or_insert(position);
    }
    let count = |date| areas.iter().filter(|area| area.stage_at(date) >= Some(rule.at_least)).count();
    days.into_iter().map(|(date, position)| level(date, position, count(date))).collect()
}

fn level(end: Date, position: u64, count: usize) -> Observation {
    Observation {
        position,
        series: Series::Own,
        basis: Basis::StockAt,
        start: None,
        end,
        value: Some(Decimal::from(count)),
        numerator: None,
        denominator: None,
        step: None,
        obs_status: ObsStatus::Normal,
        verified: false,
    }
}
