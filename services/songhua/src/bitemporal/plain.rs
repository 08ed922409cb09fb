//! What a circle's targets must show, from the events alone, in the plainest way: without views.
//!
//! Place in the flow: the second opinion on every read. Two sets of views could be wrong alike; this shares nothing with
//! them but the arithmetic and the state of the rules.

use jiff::civil::Date;
use songhua_domain::event::{Event, Figure, Payload, ReferencePeriod, TOTAL};
use songhua_domain::folding::Folding;
use songhua_domain::id::{AreaId, IndicatorId};
use songhua_domain::quantity::{Decimal, rounded};
use songhua_domain::score::{CalcVersion, Observation, Score, Series, TargetSpec, put_in_order, score};
use songhua_domain::state::{Area, PlanState, Target};
use songhua_domain::vocabulary::{AreaKind, AreaStage, Basis, ObsStatus};
use songhua_wire::code::Code;
use songhua_wire::pb;
use songhua_wire::time::date_from_pb;
use uuid::Uuid;

/// What is known after some events.
pub(super) struct Plain<'a> {
    events: &'a [Event],
    state: PlanState,
}

/// A live figure or assessment.
pub(super) struct Live<'a> {
    pub(super) event: Uuid,
    of: (&'a AreaId, &'a IndicatorId),
    total: bool,
    pub(super) seen: Observation,
}

impl<'a> Plain<'a> {
    pub(super) fn after(events: &'a [Event]) -> Self {
        Self { events, state: Folding::of(events) }
    }

    /// Holds `shown` against the events, of which only those that are verified count if `verified_only`.
    pub(super) fn check(&self, shown: &[pb::TargetProgress], day: Date, verified_only: bool, when: &str) {
        let mut live = live(self.events);
        live.retain(|one| !verified_only || one.seen.verified);
        for progress in shown {
            let (area, indicator) = (progress.area.parse().unwrap(), progress.indicator.parse().unwrap());
            let target = self.state.target(&area, &indicator).unwrap();
            let defined = self.state.indicator(&indicator).unwrap();
            let what = format!("{when}: {indicator} in {area}");
            let lead = self.state.lead_of(&area, &indicator).map(ToString::to_string).unwrap_or_default();
            assert_eq!(progress.lead_agency, lead, "{what}");
            if defined.derived.is_some() {
                let until = day.min(target.definition.effective_deadline);
                assert_eq!(progress.actual, self.circles_building(until), "{what}");
                continue;
            }
            let expected = self.score(&live, target, day);
            assert_eq!(Shown::of(progress), Shown::expected(&expected), "{what}, verified only: {verified_only}");
        }
    }

    fn score(&self, live: &[Live<'_>], target: &Target, day: Date) -> Score {
        let set = &target.definition;
        let own = of_series(live, &set.area, &set.indicator);
        let other = set.other_series.as_ref().map(|other| {
            let here = of_series(live, &set.area, other);
            if here.is_empty() { of_series(live, &"city".parse().unwrap(), other) } else { here }
        });
        let other = other.unwrap_or_default().into_iter().map(|seen| Observation { series: Series::Other, ..seen });
        let mut all: Vec<Observation> = own.into_iter().chain(other).collect();
        put_in_order(&mut all);
        let version = CalcVersion::from_u32(self.state.calc_version()).unwrap();
        score(version, &self.spec(target), self.state.light_rule().unwrap(), &all, day)
    }

    fn spec(&self, target: &Target) -> TargetSpec {
        let (plan, set) = (self.state.plan().unwrap(), &target.definition);
        let defined = self.state.indicator(&set.indicator).unwrap();
        TargetSpec {
            plan_start: plan.start,
            plan_end: plan.end,
            deadline: set.effective_deadline,
            operator: set.operator,
            accumulation: defined.accumulation,
            path_kind: set.path_kind,
            ascending: defined.ascending,
            value: set.value,
            max: set.max,
            tolerance: set.tolerance,
            percent: defined.unit == "%",
            steps: set.steps.clone(),
            required_step: set.required_step.clone(),
            baseline: target.baseline,
            interim: target.interim.to_vec(),
            frequency: defined.schedule.frequency,
            release_lag_days: defined.schedule.release_lag_days,
            grace_days: defined.schedule.grace_days,
            retired_from: defined.retired_from,
        }
    }

    /// Circles that are being built or are further on `day`: by the last change until then, else by the first stage.
    /// None before anything is said of a circle's stage.
    fn circles_building(&self, day: Date) -> String {
        let start = self.state.plan().unwrap().start;
        let circles = self.state.areas().map(|(_, area)| area);
        let circles: Vec<_> = circles.filter(|area| area.definition.kind == AreaKind::Circle).collect();
        let is_said = |area: &&Area| {
            area.definition.stage.is_some() && start <= day || area.stages.iter().any(|(from, _)| *from <= day)
        };
        let is_built = |area: &&Area| {
            // Of one day, the later event.
            let changes = area.stages.iter().filter(|(from, _)| *from <= day);
            let last = changes.max_by_key(|(from, _)| *from).map(|(_, stage)| *stage);
            last.or(area.definition.stage) >= Some(AreaStage::Building)
        };
        let count = circles.iter().copied().filter(|area| is_built(area)).count();
        if circles.iter().copied().any(|area| is_said(&area)) { count.to_string() } else { String::new() }
    }
}

/// What is compared of a target.
#[derive(Debug, PartialEq)]
struct Shown {
    codes: [i32; 4],
    numbers: [String; 9],
    step: String,
    headline: Option<(u64, bool)>,
    newest_verified: Option<u64>,
    scored_date: Option<Date>,
    calc_version: u32,
}

impl Shown {
    fn of(progress: &pb::TargetProgress) -> Self {
        let p = progress.clone();
        Self {
            codes: [p.status, p.light, p.last_known_status, p.path_source],
            numbers: [
                p.actual,
                p.expected,
                p.forecast,
                p.pace_per_day,
                p.gap,
                p.required_pace,
                p.deviation,
                p.target_rate,
                p.uncovered,
            ],
            step: p.step,
            headline: p.headline.map(|figure| (figure.position, figure.verified)),
            newest_verified: p.newest_verified.map(|figure| figure.position),
            scored_date: p.scored_date.map(|date| date_from_pb(&date).unwrap()),
            calc_version: p.calc_version,
        }
    }

    fn expected(score: &Score) -> Self {
        let text = |value: Option<Decimal>| value.map(|value| value.to_string()).unwrap_or_default();
        let plain = |value: Option<Decimal>| text(value.map(|value| value.normalize()));
        let one = |value: Option<Decimal>| text(value.map(|value| rounded(value, 1)));
        let forecast = plain(score.forecast_shown());
        Self {
            codes: [
                score.status.to_wire(),
                score.light.to_wire(),
                score.last_known_status.map_or(0, Code::to_wire),
                score.path_source.map_or(0, Code::to_wire),
            ],
            numbers: [
                text(score.actual),
                plain(score.expected),
                forecast,
                plain(score.pace_per_day),
                plain(score.gap),
                plain(score.required_pace),
                one(score.deviation),
                one(score.target_rate),
                text(score.uncovered),
            ],
            step: score.step.clone().unwrap_or_default(),
            headline: score.headline.as_ref().map(|figure| (figure.position, figure.verified)),
            newest_verified: score.newest_verified.as_ref().map(|figure| figure.position),
            scored_date: score.scored_date,
            calc_version: score.calc_version,
        }
    }
}

fn of_series(live: &[Live<'_>], area: &AreaId, indicator: &IndicatorId) -> Vec<Observation> {
    live.iter().filter(|one| one.total && one.of == (area, indicator)).map(|one| one.seen.clone()).collect()
}

/// What is neither retracted, rejected nor replaced.
pub(super) fn live(events: &[Event]) -> Vec<Live<'_>> {
    let mut live: Vec<Live<'_>> = Vec::new();
    for event in events {
        let (id, position) = (event.input.event_id, event.position);
        let mut replace = |named: &Uuid, figure: Figure, obs_status: ObsStatus| {
            let one = live.iter_mut().find(|one| one.event == *named).unwrap();
            one.event = id;
            one.seen = numbered(Observation { position, obs_status, verified: false, ..one.seen.clone() }, figure);
        };
        match &event.input.payload {
            Payload::MeasurementReported(it) => {
                let seen = observation(position, it.basis, it.period, it.obs_status);
                let (of, total) = ((&it.area, &it.indicator), it.dimension == TOTAL);
                live.push(Live { event: id, of, total, seen: numbered(seen, it.figure) });
            }
            Payload::QualitativeAssessmentRecorded(it) => {
                let seen = observation(position, Basis::StockAt, ReferencePeriod::AsOf(it.as_of), it.obs_status);
                let seen = Observation { step: Some(it.step.clone()), ..seen };
                live.push(Live { event: id, of: (&it.area, &it.indicator), total: true, seen });
            }
            Payload::MeasurementCorrected(it) => replace(&it.measurement, it.figure, it.obs_status),
            Payload::MeasurementRevised(it) => replace(&it.measurement, it.figure, it.obs_status),
            Payload::MeasurementRetracted(it) => live.retain(|one| one.event != it.measurement),
            Payload::VerificationRejected(it) => live.retain(|one| one.event != it.event),
            Payload::VerificationAccepted(it) => mark(&mut live, &it.event, true),
            Payload::VerificationReopened(it) => mark(&mut live, &it.event, false),
            _ => {}
        }
    }
    live
}

fn mark(live: &mut [Live<'_>], event: &Uuid, verified: bool) {
    live.iter_mut().filter(|one| one.event == *event).for_each(|one| one.seen.verified = verified);
}

fn numbered(seen: Observation, figure: Figure) -> Observation {
    let (value, numerator, denominator) = match figure {
        Figure::Value(value) => (Some(value), None, None),
        Figure::Fraction { numerator, denominator } => (None, Some(numerator), Some(denominator)),
    };
    Observation { value, numerator, denominator, ..seen }
}

fn observation(position: u64, basis: Basis, period: ReferencePeriod, obs_status: ObsStatus) -> Observation {
    Observation {
        position,
        series: Series::Own,
        basis,
        start: period.start(),
        end: period.reference_date(),
        value: None,
        numerator: None,
        denominator: None,
        step: None,
        obs_status,
        verified: false,
    }
}
