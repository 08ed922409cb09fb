//! EXCEEDS_SERIES targets: the own series against another, year by year (SCORING §4).
//!
//! Place in the flow: called by [`super::score`] instead of `numeric`. It must not know: where the other series comes
//! from, lights.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::figures::{Reading, Visible};
use super::met;
use super::outcome::{Mark, Score, YearPair};
use super::spec::{Series, TargetSpec};
use super::status::{Case, Verdict};
use crate::vocabulary::Status;

/// The newest figures of one year.
#[derive(Default)]
struct Year<'v, 'a> {
    own: Option<&'v Reading<'a>>,
    other: Option<&'v Reading<'a>>,
}

/// Judges the latest year that both series have, and keeps the strip of all years.
pub(super) fn judge(spec: &TargetSpec, visible: &Visible<'_>, valid_at: Date, score: &mut Score) -> Case {
    let years = by_year(visible);
    score.years = years.iter().map(|(year, figures)| pair(spec, *year, figures)).collect();
    let latest = years.iter().rev().find_map(|(year, figures)| Some((*year, figures.own?, figures.other?)));
    let mut case = Case { visible: !visible.readings.is_empty(), course: Status::NoPath, ..Case::unseen() };
    let Some((year, own, other)) = latest else { return case };
    // Compared as they are: the gap of two extreme decimals may have no value.
    let met = if spec.ascending { own.value > other.value } else { own.value < other.value };
    let settled = own.observation.is_final() && other.observation.is_final();
    let date = own.date().max(other.date());
    score.gap = score.years.iter().find(|pair| pair.year == year).and_then(|pair| pair.gap);
    score.scored_date = Some(date);
    case.verdict = (year == spec.deadline.year()).then_some(Verdict { met, settled });
    if case.verdict.is_none() || valid_at <= spec.deadline {
        score.marks.insert(Mark::Reference);
    }
    if !settled {
        score.marks.insert(Mark::Provisional);
    }
    case.newest = Some(date);
    case.course = if met { Status::OnTrack } else { Status::Behind };
    case
}

fn by_year<'v, 'a>(visible: &'v Visible<'a>) -> BTreeMap<i16, Year<'v, 'a>> {
    let mut years: BTreeMap<i16, Year<'v, 'a>> = BTreeMap::new();
    for reading in &visible.readings {
        let year = years.entry(reading.date().year()).or_default();
        let kept = match reading.observation.series {
            Series::Own => &mut year.own,
            Series::Other => &mut year.other,
        };
        // Oldest first: the newest stays.
        *kept = Some(reading);
    }
    years
}

fn pair(spec: &TargetSpec, year: i16, figures: &Year<'_, '_>) -> YearPair {
    let own = figures.own.and_then(|reading| reading.value);
    let other = figures.other.and_then(|reading| reading.value);
    // Positive = ahead: how far the other series is behind the own one.
    let gap = own.zip(other).and_then(|(own, other)| met::distance(spec.ascending, other, own));
    YearPair { year, own, other, gap }
}
