//! Targets and what their figures mean: from a score to `TargetProgress`, with every component.
//!
//! Place in the flow: part of the answers on the plan, its areas and its indicators. It must not know how a score is
//! computed, only how it is shown: rates, points and time in one decimal, all else unrounded.

use std::sync::Arc;

use songhua_domain::event::Name;
use songhua_domain::quantity::{Decimal, rounded};
use songhua_domain::score::{Figure, Mark, Score, YearPair};
use songhua_domain::vocabulary::{Accumulation, Operator, PathKind, PathSource, Status};
use songhua_views::Target;
use songhua_wire::code::Code;
use songhua_wire::pb;
use songhua_wire::time::date_to_pb;

use crate::label;
use crate::name;
use crate::note;
use crate::reading::Reading;
use crate::refusal::Refused;

/// The mark of a path that runs across a series break (口径变动).
const SERIES_BREAK: &str = "SERIES_BREAK";

/// A target and what its figures mean.
pub(crate) struct Scored<'a> {
    /// The target.
    pub(crate) target: &'a Target,
    /// What its figures mean.
    pub(crate) score: Arc<Score>,
}

/// Scores the targets that `wanted` picks, by number.
pub(crate) fn scored<'a>(reading: &'a Reading, wanted: impl Fn(&Target) -> bool) -> Result<Vec<Scored<'a>>, Refused> {
    let mut targets: Vec<&Target> = reading.model.targets.values().filter(|target| wanted(target)).collect();
    targets.sort_by_key(|target| target.definition.number);
    let score = |target| Ok(Scored { target, score: reading.score(target)? });
    targets.into_iter().map(score).collect()
}

/// How many of the targets have each status, also those that none has.
pub(crate) fn count<'a>(scored: impl IntoIterator<Item = &'a Scored<'a>>) -> Vec<pb::StatusCount> {
    let mut counts: Vec<pb::StatusCount> =
        Status::ALL.iter().map(|status| pb::StatusCount { status: status.to_wire(), count: 0 }).collect();
    for one in scored {
        let status = one.score.status.to_wire();
        counts.iter_mut().filter(|count| count.status == status).for_each(|count| count.count += 1);
    }
    counts
}

impl Scored<'_> {
    /// Whether it would have a path, or a better one, if it had a baseline.
    pub(crate) fn lacks_baseline(&self, reading: &Reading) -> bool {
        let set = &self.target.definition;
        let accumulation = reading.model.indicators.get(&set.indicator).map(|indicator| indicator.accumulation);
        let starts_somewhere = match accumulation {
            Some(Accumulation::Stock | Accumulation::Ratio | Accumulation::RunningTotal) => true,
            // Its last year starts from zero.
            Some(Accumulation::AnnualFlow) => self.score.path_source != Some(PathSource::ReferenceYear),
            Some(Accumulation::Cumulative | Accumulation::Paired | Accumulation::None) | None => false,
        };
        starts_somewhere
            && self.target.baseline.is_none()
            && set.path_kind == PathKind::Linear
            && !matches!(set.operator, Operator::ExceedsSeries | Operator::Qualitative)
            && self.score.status != Status::NotScored
    }

    /// The target, every component of its score, and its newest note.
    pub(crate) fn to_pb(&self, reading: &Reading) -> Result<pb::TargetProgress, Refused> {
        let set = &self.target.definition;
        let last_note = note::last_of_target(reading, &set.area, &set.indicator)?;
        Ok(pb::TargetProgress { last_note, ..self.without_note(reading) })
    }

    /// The marks of the score, and whether a series break lies between what it compares: path start and scored date.
    fn marks(&self, reading: &Reading) -> Vec<String> {
        let breaks = reading.model.breaks.get(&self.target.definition.indicator).map(Vec::as_slice).unwrap_or_default();
        let compared = self.score.path_start.map(|start| start.date).zip(self.score.scored_date);
        let broken = compared
            .is_some_and(|(start, scored)| breaks.iter().any(|broken| start < broken.from && broken.from <= scored));
        let codes = self.score.marks.iter().copied().map(Mark::code).chain(broken.then_some(SERIES_BREAK));
        codes.map(ToOwned::to_owned).collect()
    }

    /// The target and every component of its score.
    pub(crate) fn without_note(&self, reading: &Reading) -> pb::TargetProgress {
        let score = &self.score;
        pb::TargetProgress {
            status: score.status.to_wire(),
            light: score.light.to_wire(),
            status_label: Some(label::of(score, self.lacks_baseline(reading))),
            last_known_status: score.last_known_status.map_or(0, Code::to_wire),
            actual: as_reported(score.actual),
            target_rate: one_decimal(score.target_rate),
            increment_rate: one_decimal(score.increment_rate),
            expected: plain(score.expected),
            path_source: score.path_source.map_or(0, Code::to_wire),
            maintain: score.maintain,
            path_start: score.path_start.as_ref().map(Into::into),
            scale: plain(score.scale),
            deviation: one_decimal(score.deviation),
            forecast: plain(score.forecast_shown()),
            pace_per_day: plain(score.pace_per_day),
            gap: plain(score.gap),
            required_pace: plain(score.required_pace),
            time_progress: one_decimal(score.time_progress.checked_mul(Decimal::ONE_HUNDRED)),
            headline: score.headline.as_ref().map(observation_ref),
            newest_verified: score.newest_verified.as_ref().map(observation_ref),
            scored_date: score.scored_date.map(date_to_pb),
            age_days: score.age_days.map_or(0, |days| i32::try_from(days).unwrap_or(i32::MAX)),
            marks: self.marks(reading),
            uncovered: as_reported(score.uncovered),
            year_to_date: as_reported(score.year_to_date.map(|dated| dated.value)),
            step: score.step.clone().unwrap_or_default(),
            years: score.years.iter().map(year).collect(),
            ..defined(reading, self.target)
        }
    }
}

/// What is known of a target without any figure.
fn defined(reading: &Reading, target: &Target) -> pb::TargetProgress {
    let (model, set) = (&reading.model, &target.definition);
    let indicator = model.indicators.get(&set.indicator);
    let lead = model.lead_of_target(&set.area, &set.indicator);
    let shown = |name: Option<&Name>| name.map(pb::Name::from);
    pb::TargetProgress {
        name: name::of_target(&reading.plan, &set.area, &set.indicator),
        number: set.number,
        area: set.area.to_string(),
        area_name: shown(model.areas.get(&set.area).map(|area| &area.definition.name)),
        indicator: set.indicator.to_string(),
        indicator_name: shown(indicator.map(|indicator| &indicator.name)),
        operator: set.operator.to_wire(),
        value: as_reported(set.value),
        max: as_reported(set.max),
        tolerance: as_reported(set.tolerance),
        required_step: set.required_step.clone().unwrap_or_default(),
        steps: set.steps.clone(),
        unit_label: shown(indicator.map(|indicator| &indicator.unit_label)),
        effective_deadline: Some(date_to_pb(set.effective_deadline)),
        due_as_written: set.due_as_written.clone(),
        lead_agency: name::or_empty(lead),
        lead_agency_name: shown(lead.and_then(|lead| model.agencies.get(lead)).map(|agency| &agency.name)),
        source: set.source.as_ref().map(Into::into),
        interpreted: set.interpreted.clone(),
        baseline: target.baseline.as_ref().map(Into::into),
        calc_version: model.calc_version,
        descending: indicator.is_some_and(|indicator| !indicator.ascending),
        ..Default::default()
    }
}

fn observation_ref(figure: &Figure) -> pb::ObservationRef {
    pb::ObservationRef {
        position: figure.position,
        reference_date: Some(date_to_pb(figure.date)),
        value: as_reported(figure.value),
        verified: figure.verified,
    }
}

fn year(pair: &YearPair) -> pb::YearComparison {
    pb::YearComparison {
        year: pair.year.into(),
        own: as_reported(pair.own),
        other: as_reported(pair.other),
        gap: plain(pair.gap),
    }
}

/// With the decimals it came with, so that 2.97 of 3 is not shown as 3.0.
pub(crate) fn as_reported(value: Option<Decimal>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// Unrounded, without zeros at the end.
pub(crate) fn plain(value: Option<Decimal>) -> String {
    value.map(|value| value.normalize().to_string()).unwrap_or_default()
}

/// Rounded half away from zero to one decimal.
pub(crate) fn one_decimal(value: Option<Decimal>) -> String {
    value.map(|value| rounded(value, 1).to_string()).unwrap_or_default()
}
