//! EXCEEDS_SERIES targets: the own series against another, year by year (SCORING §4).
//!
//! Place in the flow: called by [`super::score`] instead of `numeric`. It must not know: where the other series comes
//! from, lights.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use jiff::civil::Date;

use super::figures::{Reading, Visible};
use super::met;
use super::outcome::{Mark, Score, YearPair};
use super::spec::{Observation, Series, TargetSpec};
use super::status::{Case, Verdict};
use crate::vocabulary::Status;

/// The newest figures of one year.
#[derive(Default)]
struct Year<'a> {
    own: Option<Reading<'a>>,
    other: Option<Reading<'a>>,
}

/// Judges the latest year that both series have, and keeps the strip of all years.
pub(super) fn judge(visible: &Visible<'_, impl Borrow<Observation>>, valid_at: Date, score: &mut Score) -> Case {
    let spec = visible.spec;
    let years = by_year(visible);
    score.years = years.iter().map(|(year, figures)| pair(spec, *year, figures)).collect();
    let latest = years.iter().rev().find_map(|(year, figures)| Some((*year, figures.own?, figures.other?)));
    let mut case = Case { visible: !years.is_empty(), ..Case::unseen() };
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
    let course = if met { Status::OnTrack } else { Status::Behind };
    Case { course, closing: course, ..case }
}

fn by_year<'a>(visible: &Visible<'a, impl Borrow<Observation>>) -> BTreeMap<i16, Year<'a>> {
    let mut years: BTreeMap<i16, Year<'a>> = BTreeMap::new();
    for reading in visible.readings() {
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

fn pair(spec: &TargetSpec, year: i16, figures: &Year<'_>) -> YearPair {
    let own = figures.own.and_then(|reading| reading.value);
    let other = figures.other.and_then(|reading| reading.value);
    // Positive = ahead: how far the other series is behind the own one.
    let gap = own.zip(other).and_then(|(own, other)| met::distance(spec.ascending, other, own));
    YearPair { year, own, other, gap }
}
