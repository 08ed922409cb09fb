//! GetLeague: areas of a kind ranked by attainment, indicator by indicator, with the change of rank.
//!
//! Place in the flow: reading → targets scored on two days → places. It must not know how a rate is computed.

use std::cmp::Reverse;
use std::sync::Arc;

use jiff::ToSpan;
use jiff::civil::Date;
use songhua_domain::id::IndicatorId;
use songhua_domain::quantity::Decimal;
use songhua_domain::score::Score;
use songhua_domain::vocabulary::{AreaKind, Status};
use songhua_wire::pb;
use songhua_wire::time::date_to_pb;

use crate::as_of;
use crate::matrix::{by_indicator, kind, scored_of};
use crate::name;
use crate::plan::size;
use crate::reading::Reading;
use crate::refusal::{self, Refused};
use crate::target::{Scored, one_decimal};

/// Days between the two days that are compared, where the request names none.
const COMPARE_DAYS: i64 = 90;

/// Which leagues.
pub(crate) struct Asked {
    /// Areas of this kind.
    pub(crate) kind: AreaKind,
    /// Only this indicator; none = all that at least two such areas have a target of.
    pub(crate) indicator: Option<IndicatorId>,
    /// The day to compare with; none = [`COMPARE_DAYS`] before.
    pub(crate) compare_date: Option<Date>,
}

impl Asked {
    /// Reads a request.
    pub(crate) fn read(request: &pb::GetLeagueRequest) -> Result<Self, Refused> {
        Ok(Self {
            kind: kind(request.kind)?,
            indicator: name::optional("indicator", &request.indicator)?,
            compare_date: as_of::date("compare_date", request.compare_date.as_ref())?,
        })
    }
}

/// The leagues, in the order of the source.
pub(crate) fn get(reading: &Reading, asked: &Asked) -> Result<pb::GetLeagueResponse, Refused> {
    let compare_date = compare_date(reading.valid_date, asked.compare_date)?;
    if let Some(unknown) = asked.indicator.as_ref().filter(|id| !reading.model.indicators.contains_key(*id)) {
        return Err(refusal::unknown_resource("indicator", unknown.as_str()));
    }
    let targets = scored_of(reading, asked.kind)?;
    let rows = by_indicator(&targets).into_iter().filter(|(indicator, row)| match &asked.indicator {
        Some(asked) => *indicator == asked,
        None => row.len() >= 2,
    });
    Ok(pb::GetLeagueResponse {
        leagues: rows.map(|(id, row)| league(reading, id, row, compare_date)).collect::<Result<_, _>>()?,
        compare_date: Some(date_to_pb(compare_date)),
        state: Some(reading.state()),
    })
}

fn compare_date(valid_date: Date, asked: Option<Date>) -> Result<Date, Refused> {
    match asked {
        None => Ok(valid_date.saturating_sub(COMPARE_DAYS.days())),
        Some(date) if date < valid_date => Ok(date),
        Some(date) => {
            let fault = format!("{date} does not lie before {valid_date}, the day it is compared with");
            Err(refusal::invalid_field("compare_date", &fault))
        }
    }
}

fn league(
    reading: &Reading,
    indicator: &IndicatorId,
    mut row: Vec<&Scored<'_>>,
    compare_date: Date,
) -> Result<pb::League, Refused> {
    row.sort_by_key(|one| reading.order_of(&one.target.definition.area));
    let before: Vec<Arc<Score>> =
        row.iter().map(|one| reading.score_on(one.target, compare_date)).collect::<Result<_, _>>()?;
    let rates = ranked_by(row.iter().map(|one| &*one.score));
    let rates_before = ranked_by(before.iter().map(|score| &**score));
    let places = row.iter().zip(&rates).zip(before.iter().zip(&rates_before));
    let mut places: Vec<pb::LeaguePlace> = places
        .map(|((one, rate), (before, rate_before))| {
            let (rank, previous_rank) = (rank(&rates, *rate), rank(&rates_before, *rate_before));
            let previous_target_rate = one_decimal(before.target_rate);
            pb::LeaguePlace { previous_rank, previous_target_rate, ..place(reading, one, rank, previous_rank) }
        })
        .collect();
    // Stable: level areas, and those without a rank, stay in the order of the source.
    places.sort_by_key(|place| Reverse(place.rank.checked_sub(1).map(Reverse)));
    let defined = reading.model.indicators.get(indicator);
    Ok(pb::League {
        indicator: indicator.to_string(),
        indicator_name: defined.map(|indicator| (&indicator.name).into()),
        unit_label: defined.map(|indicator| (&indicator.unit_label).into()),
        places,
    })
}

/// What areas are ranked by, unrounded; none = nothing to rank: no rate, or not scored.
fn ranked_by<'s>(scores: impl IntoIterator<Item = &'s Score>) -> Vec<Option<Decimal>> {
    let rate = |score: &Score| score.target_rate.filter(|_| score.status != Status::NotScored);
    scores.into_iter().map(rate).collect()
}

/// One more than there are better ones; 0 without a rate.
fn rank(rates: &[Option<Decimal>], rate: Option<Decimal>) -> u32 {
    let Some(rate) = rate else { return 0 };
    let better = rates.iter().flatten().filter(|other| **other > rate).count();
    size(better + 1)
}

fn place(reading: &Reading, one: &Scored<'_>, rank: u32, previous_rank: u32) -> pb::LeaguePlace {
    let won = i64::from(previous_rank) - i64::from(rank);
    let comparable = rank > 0 && previous_rank > 0;
    let shown = one.without_note(reading);
    pb::LeaguePlace {
        rank,
        rank_change: if comparable { i32::try_from(won).unwrap_or_default() } else { 0 },
        area: shown.area,
        area_name: shown.area_name,
        target_rate: shown.target_rate,
        actual: shown.actual,
        value: shown.value,
        status: shown.status,
        light: shown.light,
        status_label: shown.status_label,
        target: shown.name,
        ..Default::default()
    }
}
