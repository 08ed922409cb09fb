//! What dimensions contribute to a headline: districts, levels.
//!
//! Place in the flow: the newest figure that counts of each series → `Contributions`, by area and key. Where the
//! indicator declares that dimensions add up, and the parts speak of one period, their sum stands beside the headline.
//! It must not know targets.

use std::collections::BTreeMap;

use jiff::civil::Date;
use songhua_domain::event::{IndicatorDefined, TOTAL};
use songhua_domain::id::AreaId;
use songhua_domain::quantity::Decimal;
use songhua_domain::vocabulary::{Aggregation, Basis};
use songhua_views::{EntryFigure, PERCENT, Recorded};
use songhua_wire::pb;
use songhua_wire::time::date_to_pb;

use super::figures::Figures;
use crate::name;
use crate::reading::Reading;
use crate::target::{as_reported, plain};

/// The newest figure of a dimension.
struct Part<'a> {
    dimension: &'a str,
    recorded: &'a Recorded,
}

/// The contributions, by area, then by key.
pub(super) fn of(reading: &Reading, indicator: &IndicatorDefined, all: &[Figures<'_>]) -> Vec<pb::Contributions> {
    let mut totals: BTreeMap<&AreaId, &Recorded> = BTreeMap::new();
    let mut keys: BTreeMap<(u32, &AreaId, &str), Vec<Part<'_>>> = BTreeMap::new();
    for series in all {
        let Some(recorded) = newest(reading.valid_date, series.figures()) else { continue };
        let dimension = series.dimension.as_str();
        if dimension == TOTAL {
            totals.insert(series.area, recorded);
        } else if let Some((key, _)) = dimension.split_once('=') {
            let place = (reading.order_of(series.area), series.area, key);
            keys.entry(place).or_default().push(Part { dimension, recorded });
        }
    }
    let contributions = keys.into_iter().map(|((_, area, key), parts)| {
        let sum = sum(indicator, &parts);
        let total =
            totals.get(area).filter(|total| Some(period(total)) == parts.first().map(|one| period(one.recorded)));
        let headline = total.and_then(|total| value(indicator, total));
        pb::Contributions {
            area: area.to_string(),
            key: key.to_owned(),
            parts: parts.iter().map(|part| contribution(indicator, part)).collect(),
            sum: as_reported(sum),
            difference: plain(headline.zip(sum).and_then(|(headline, sum)| headline.checked_sub(sum))),
        }
    });
    contributions.collect()
}

/// The figure that counts with the greatest reference date, then position, up to a day.
fn newest(until: Date, figures: &[Recorded]) -> Option<&Recorded> {
    let live = figures.iter().filter(|figure| figure.live() && figure.entry.end <= until);
    live.max_by_key(|figure| (figure.entry.end, figure.entry.position))
}

/// What time a figure is of, and what it covers of it.
const fn period(recorded: &Recorded) -> (Date, Option<Date>, Basis) {
    (recorded.entry.end, recorded.entry.start, recorded.entry.basis)
}

fn sum(indicator: &IndicatorDefined, parts: &[Part<'_>]) -> Option<Decimal> {
    let first = period(parts.first()?.recorded);
    let alike = parts.iter().all(|part| period(part.recorded) == first);
    if indicator.aggregation != Aggregation::Sum || !alike {
        return None;
    }
    parts.iter().try_fold(Decimal::ZERO, |sum, part| sum.checked_add(value(indicator, part.recorded)?))
}

/// The number of a figure, or what its fraction comes to; none without one.
fn value(indicator: &IndicatorDefined, recorded: &Recorded) -> Option<Decimal> {
    match &recorded.entry.figure {
        EntryFigure::Value(value) => Some(*value),
        EntryFigure::Fraction { numerator, denominator } => {
            let factor = if indicator.unit == PERCENT { Decimal::ONE_HUNDRED } else { Decimal::ONE };
            numerator.checked_mul(factor)?.checked_div(*denominator)
        }
        EntryFigure::None | EntryFigure::Step(_) => None,
    }
}

fn contribution(indicator: &IndicatorDefined, part: &Part<'_>) -> pb::Contribution {
    let entry = &part.recorded.entry;
    pb::Contribution {
        dimension: part.dimension.to_owned(),
        agency: name::or_empty(entry.agency.as_ref()),
        figure: Some(pb::ObservationRef {
            position: entry.position,
            reference_date: Some(date_to_pb(entry.end)),
            value: as_reported(value(indicator, part.recorded)),
            verified: part.recorded.verified,
        }),
    }
}
