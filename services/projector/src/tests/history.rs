//! Random histories: figures that come late, are corrected, retracted, verified, rejected; stages, milestones, days and
//! definitions that change between them; and everything around them. Every event names something that exists.

mod conduct;
mod revision;

use std::collections::BTreeSet;

use jiff::ToSpan;
use jiff::civil::{Date, date};
use proptest::prelude::*;
use songhua_domain::decide::{Moment, decide};
use songhua_domain::event::{
    AgencyAssigned, AreaStageChanged, BaselineSet, DayOpened, EvidenceAttached, Figure, InterimTargetsSet,
    LightRuleAdopted, MeasurementCorrected, MeasurementRetracted, MeasurementRevised, MilestoneMissed,
    MilestonePartiallyReached, MilestoneReached, MilestoneRescheduled, NothingToReport, ProjectMerged,
    QualitativeAssessmentRecorded, ReferencePeriod, Schedule, ScheduleOverride, Scope, TOTAL, VerificationAccepted,
    VerificationRejected, VerificationReopened, VerificationRequested,
};
use songhua_domain::folding::Folding;
use songhua_domain::quantity::Decimal;
use songhua_domain::score::{DatedValue, LightRule};
use songhua_domain::vocabulary::{AreaStage, AssignmentRole, Basis, Frequency, ObsStatus};
use songhua_wire::event::TYPE_TOKENS;
use uuid::Uuid;

use super::plan::{
    BRAND, BUREAU, CIRCLE, CITY, GROWTH, History, INTENSITY, OUTPUT, RIVAL, STEPS, evidence, id, reported,
};

/// One step of a history: what, and two numbers that say which and how much.
pub(super) type Step = (u8, u16, u16);

/// How many kinds of steps there are.
const STEP_KINDS: u8 = 28;

/// Published plans with up to `most` events behind them.
pub(super) fn histories(most: usize) -> impl Strategy<Value = History> {
    let step = (0_u8..STEP_KINDS, any::<u16>(), any::<u16>());
    proptest::collection::vec(step, 0..most).prop_map(|steps| {
        let mut writer = Writer { history: History::published(), ..Writer::default() };
        steps.into_iter().for_each(|step| writer.step(step));
        writer.history
    })
}

/// A history with every step, so with every event type that may stand behind the publication.
pub(super) fn of_everything() -> History {
    let mut writer = Writer { history: History::published(), ..Writer::default() };
    for which in 0..12 {
        (0..STEP_KINDS).for_each(|what| writer.step((what, which, 300 + 37 * which)));
    }
    writer.history
}

/// Histories of steps that ingest would take: what is refused leaves nothing.
pub(super) fn decided(most: usize) -> impl Strategy<Value = History> {
    let step = (0_u8..STEP_KINDS, any::<u16>(), any::<u16>());
    proptest::collection::vec(step, 0..most).prop_map(|steps| taken(&steps))
}

/// The steps that ingest takes.
pub(super) fn taken(steps: &[Step]) -> History {
    let mut writer = Writer { history: History::published(), ..Writer::default() };
    let mut folding = Folding::default();
    writer.history.events.iter().for_each(|event| folding.fold(event));
    for step in steps {
        let before = writer.clone();
        let known = writer.history.events.len();
        writer.step(*step);
        let mut next = folding.clone();
        let is_taken = writer.history.events.iter().skip(known).all(|event| {
            let today = next.state.last_day().unwrap();
            let moment = Moment { recorded_time: event.recorded_time, today };
            let refs = next.refs(&event.input);
            let taken = decide(&next.state, &refs, &event.actor, &moment, &event.input).is_ok();
            next.fold(event);
            taken
        });
        if is_taken {
            folding = next;
        } else {
            writer = before;
        }
    }
    writer.history
}

#[derive(Debug, Clone, Default)]
struct Writer {
    history: History,
    /// Figures and assessments that count, milestone reports that stand.
    live: Vec<Uuid>,
    reports: Vec<Uuid>,
    days: i32,
}

impl Writer {
    fn step(&mut self, (what, which, much): Step) {
        let value = Decimal::new(i64::from(much), 3);
        match what {
            0..=5 => self.report(which, much),
            6 | 7 => self.take(which, |history, measurement| {
                let (figure, reason) = (Figure::Value(value), "typing error".to_owned());
                let obs_status = ObsStatus::Normal;
                Some(history.push(MeasurementCorrected { measurement, figure, obs_status, reason }))
            }),
            8 => self.take(which, |history, measurement| {
                history.push(MeasurementRetracted { measurement, reason: "not ours".to_owned() });
                None
            }),
            9 | 10 => self.take(which, |history, event| {
                history.push(VerificationAccepted { event, finding: "seen".to_owned() });
                Some(event)
            }),
            11 => self.take(which, |history, event| {
                history.push(VerificationRejected { event, reason: "not seen".to_owned() });
                None
            }),
            12 => self.assess(which, much),
            13..=15 => self.open_day(much),
            16 => self.milestone(which, much),
            17 => self.judge_milestone(which),
            18 => self.stage(which, much),
            19 => self.define(which, value),
            20 | 21 => self.take(which, |history, measurement| {
                let (figure, reason) = (Figure::Value(value), "annual accounts".to_owned());
                let obs_status = ObsStatus::Unvalidated;
                Some(history.push(MeasurementRevised { measurement, figure, obs_status, reason }))
            }),
            22 => self.take(which, |history, event| {
                if which.is_multiple_of(2) {
                    history.push(VerificationRequested { event, note: "please".to_owned() });
                } else {
                    history.push(VerificationReopened { event, reason: "doubts".to_owned() });
                }
                Some(event)
            }),
            23 => self.revise_plan(which, much),
            24 => self.revise_target(which, much),
            25 => self.revise_agency(which),
            26 => self.conduct(which, much),
            _ => self.deliver(which, much),
        }
    }

    fn report(&mut self, which: u16, much: u16) {
        let of =
            [(CITY, OUTPUT), (CIRCLE, OUTPUT), (CITY, INTENSITY), (CIRCLE, GROWTH), (CITY, RIVAL), (CIRCLE, RIVAL)];
        let (area, indicator) = of[usize::from(which) % of.len()];
        let basis = match indicator {
            OUTPUT if which.is_multiple_of(7) => Basis::PlanToDate,
            OUTPUT => Basis::Period,
            INTENSITY => Basis::StockAt,
            _ => Basis::FullYear,
        };
        let mut end = day(much % 1_200).last_of_month();
        if basis == Basis::FullYear {
            end = end.last_of_year();
        }
        let dimension = if which.is_multiple_of(11) { "district=songbei" } else { TOTAL };
        let figure = reported(area, indicator, dimension, basis, end, i64::from(much % 2_000));
        let event = match which % 5 {
            0 => self.history.push_with_file(figure, which as u8),
            _ => self.history.push(figure),
        };
        self.live.push(event);
    }

    /// Says something about a figure that counts; `say` gives the figure that counts from then on.
    fn take(&mut self, which: u16, say: impl FnOnce(&mut History, Uuid) -> Option<Uuid>) {
        if self.live.is_empty() {
            return;
        }
        let figure = self.live.swap_remove(usize::from(which) % self.live.len());
        self.live.extend(say(&mut self.history, figure));
    }

    fn assess(&mut self, which: u16, much: u16) {
        if which.is_multiple_of(3) {
            let (area, indicator) = (id(CITY), id(OUTPUT));
            self.history.push(NothingToReport { area, indicator, period: ReferencePeriod::AsOf(day(much % 900)) });
            return;
        }
        let assessed = QualitativeAssessmentRecorded {
            area: id(CITY),
            indicator: id(BRAND),
            as_of: day(much % 900),
            step: STEPS[usize::from(which) % STEPS.len()].to_owned(),
            finding: "heard".to_owned(),
            obs_status: if which.is_multiple_of(2) { ObsStatus::Normal } else { ObsStatus::Provisional },
        };
        let event = self.history.push(assessed);
        self.live.push(event);
    }

    fn open_day(&mut self, much: u16) {
        self.days += i32::from(much % 240) + 1;
        self.history.push(DayOpened { date: date(2023, 1, 2).checked_add(self.days.days()).unwrap() });
    }

    fn milestone(&mut self, which: u16, much: u16) {
        let (project, milestone) = (id("works"), id("opening"));
        let as_of = day(much % 900);
        let event = match which % 4 {
            0 => self.history.push(MilestoneReached { project, milestone, reach_date: as_of }),
            1 => {
                let (percent, shortfall) = (Decimal::from(40), "roof".to_owned());
                self.history.push(MilestonePartiallyReached { project, milestone, as_of, percent, shortfall })
            }
            2 => self.history.push(MilestoneMissed { project, milestone, as_of, reason: "flood".to_owned() }),
            _ => {
                let (previous_due_date, due_date) = (date(2024, 6, 30), as_of);
                let reason = "flood".to_owned();
                let moved = MilestoneRescheduled { project, milestone, previous_due_date, due_date, reason };
                self.history.push(moved);
                return;
            }
        };
        self.reports.push(event);
    }

    fn judge_milestone(&mut self, which: u16) {
        let Some(event) = self.reports.last().copied() else { return };
        if which.is_multiple_of(2) {
            self.history.push(VerificationAccepted { event, finding: "seen".to_owned() });
            let evidence = vec![evidence(which as u8)];
            self.history.push(EvidenceAttached { event, evidence });
        } else {
            self.reports.pop();
            self.history.push(VerificationRejected { event, reason: "not seen".to_owned() });
        }
    }

    fn stage(&mut self, which: u16, much: u16) {
        let area = id(if which.is_multiple_of(2) { CIRCLE } else { "circle-b" });
        let stage = AreaStage::ALL[usize::from(which / 2) % AreaStage::ALL.len()];
        let change = AreaStageChanged { area, stage, reason: "contract".to_owned() };
        self.history.push_effective(change, (!much.is_multiple_of(5)).then(|| day(much % 900)));
    }

    fn define(&mut self, which: u16, value: Decimal) {
        let (area, indicator) = (id(CITY), id(INTENSITY));
        match which % 5 {
            0 => {
                let baseline = DatedValue { date: date(2021, 12, 31), value };
                self.history.push(BaselineSet { area, indicator, baseline });
            }
            1 => {
                let interim = vec![DatedValue { date: date(2024, 12, 31), value }];
                self.history.push(InterimTargetsSet { area, indicator, interim, reason: String::new() });
            }
            2 => {
                let rule = LightRule { version: 2, behind_below_points: -value, ..LightRule::default() };
                let schedule = Schedule { frequency: Frequency::Year, release_lag_days: 90, grace_days: 5 };
                let schedules = vec![ScheduleOverride { indicator, schedule }];
                self.history.push(LightRuleAdopted { rule, schedules, reason: "review".to_owned() });
            }
            3 => {
                let scope = Scope::Target(area, indicator);
                self.history.push(AgencyAssigned { agency: id(BUREAU), role: AssignmentRole::Lead, scope });
            }
            _ => {
                let (project, into) = (id("works-again"), id("works"));
                self.history.push(ProjectMerged { project, into, interpreted: true, reason: "same".to_owned() });
            }
        }
    }
}

/// The `n`th day of the plan.
pub(super) fn day(n: u16) -> Date {
    date(2022, 1, 1).checked_add(i32::from(n).days()).unwrap()
}

#[test]
fn ingest_takes_steps_of_every_kind() {
    // The same steps every time, each kind with many numbers.
    let steps = (0..6_000_u32).map(|n| {
        let mixed = n.wrapping_mul(2_654_435_761);
        ((mixed >> 24) as u8 % STEP_KINDS, (mixed >> 3) as u16, (mixed >> 13) as u16)
    });
    let steps: Vec<Step> = steps.collect();
    let histories = steps.chunks(150).map(taken);
    let taken: BTreeSet<_> =
        histories.flat_map(|history| history.events).map(|event| event.input.payload.type_token()).collect();
    // Only a restore writes a fork.
    let missing = TYPE_TOKENS.iter().filter(|token| !taken.contains(*token));
    assert_eq!(missing.collect::<Vec<_>>(), [&"log.history-forked"]);
}
