//! A history as a city would make it: definitions, then day by day headline figures, many figures by district and
//! level, some late, corrected, revised and verified, evidence, milestones and notes.
//!
//! Place in the flow: feeds the bench. It must not know: logs, views.

use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp, ToSpan};
use songhua_domain::event::{
    Actor, DayOpened, Event, EventInput, Evidence, EvidenceAttached, Figure, MeasurementCorrected, MeasurementReported,
    MeasurementRevised, MilestonePlanned, MilestoneReached, MilestoneRescheduled, Payload, ProgressNoteRecorded,
    ReferencePeriod, Scope, StaffCodes, SubmissionRef, TOTAL, VerificationAccepted,
};
use songhua_domain::id::{AreaId, IndicatorId};
use songhua_domain::quantity::Decimal;
use songhua_domain::vocabulary::{Accumulation, Basis, MilestoneType, ObsStatus, Role};
use uuid::Uuid;

use crate::plan::{definitions, name};

/// Days from the plan's first to 2026-11-23.
const DAYS: usize = 1_788;
pub(crate) const AREAS: usize = 9;
/// How figures of each indicator add up.
pub(crate) const INDICATORS: [(Accumulation, Basis); 8] = [
    (Accumulation::Stock, Basis::StockAt),
    (Accumulation::Stock, Basis::StockAt),
    (Accumulation::Cumulative, Basis::Period),
    (Accumulation::Ratio, Basis::StockAt),
    (Accumulation::RunningTotal, Basis::Period),
    (Accumulation::AnnualFlow, Basis::YearToDate),
    (Accumulation::Stock, Basis::StockAt),
    (Accumulation::Cumulative, Basis::PlanToDate),
];
pub(crate) const PROJECTS: usize = 1_000;

/// An event and what it is about.
pub(crate) struct Filed {
    pub event: Event,
    pub area: Option<AreaId>,
    pub subject: String,
}

/// A figure that may be spoken of.
#[derive(Clone, Copy)]
struct Live {
    id: Uuid,
    target: usize,
    value: i64,
    verified: bool,
}

/// Submissions, one by one.
pub(crate) struct Mix {
    random: u64,
    position: u64,
    day: usize,
    bulk_a_day: usize,
    now: Timestamp,
    queue: Vec<(Payload, Option<usize>, String)>,
    live: Vec<Live>,
    milestones: usize,
}

impl Mix {
    pub(crate) fn new(events: usize) -> Self {
        let bulk_a_day = events.saturating_sub(30_000) * 86 / 100 / DAYS;
        let now = "2022-01-01T00:00:00Z".parse().unwrap();
        let mut mix = Self {
            random: 7,
            position: 0,
            day: 0,
            bulk_a_day,
            now,
            queue: Vec::new(),
            live: Vec::new(),
            milestones: 0,
        };
        definitions().into_iter().for_each(|payload| mix.say(payload, None, "plans/plan".to_owned()));
        mix
    }

    fn random(&mut self, below: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as usize % below
    }

    fn say(&mut self, payload: impl Into<Payload>, target: Option<usize>, subject: String) {
        self.queue.push((payload.into(), target, subject));
    }

    fn a_day(&mut self) {
        let today = date(2022, 1, 1).checked_add((self.day as i64).days()).unwrap();
        self.say(DayOpened { date: today }, None, "plans/plan".to_owned());
        for target in 0..AREAS * INDICATORS.len() {
            // 10 daily, 20 weekly, 42 monthly.
            let due = match target {
                0..10 => true,
                10..30 => self.day % 7 == target % 7,
                _ => today.day() == 5 + (target % 10) as i8,
            };
            if due {
                let late = if self.random(10) == 0 { 40 } else { 1 };
                self.report(target, today, late, TOTAL.to_owned());
            }
        }
        for _ in 0..self.bulk_a_day {
            // Skewed: some series get most.
            let (one, other) = (self.random(AREAS * INDICATORS.len()), self.random(AREAS * INDICATORS.len()));
            let (target, series) = (one.min(other), self.random(20).min(self.random(20)));
            let dimension = if series < 12 { format!("district=d{series}") } else { format!("level=l{series}") };
            let late = if self.random(10) == 0 { 60 } else { 1 };
            self.report(target, today, late, dimension);
            match self.random(100) {
                0..5 => self.correct(),
                5..8 => self.verify(),
                8 => self.attach(),
                9..11 => self.milestone(today),
                11 if self.random(4) == 0 => self.note(target, today),
                _ => {}
            }
        }
        self.day += 1;
    }

    fn report(&mut self, target: usize, today: Date, late: i64, dimension: String) {
        let (_, basis) = INDICATORS[target % INDICATORS.len()];
        let end = today.checked_sub(late.days()).unwrap().max(date(2022, 1, 1));
        let period = match basis {
            Basis::StockAt => ReferencePeriod::AsOf(end),
            Basis::Period => ReferencePeriod::Period { start: end, end },
            Basis::PlanToDate => ReferencePeriod::Period { start: date(2022, 1, 1), end },
            _ => ReferencePeriod::Period { start: end.first_of_year(), end },
        };
        let value = 1_000 + self.random(90_000) as i64;
        let reported = MeasurementReported {
            area: area(target),
            indicator: indicator(target),
            dimension,
            basis,
            period,
            figure: Figure::Value(Decimal::new(value, 2)),
            unit_multiplier: 0,
            obs_status: if value % 3 == 0 { ObsStatus::Provisional } else { ObsStatus::Normal },
        };
        let id = self.next_id();
        self.live.push(Live { id, target, value, verified: false });
        self.say(reported, Some(target), subject(target));
    }

    fn correct(&mut self) {
        let index = self.random(self.live.len());
        let Live { id: measurement, target, value, .. } = self.live[index];
        let figure = Figure::Value(Decimal::new(value + 1, 2));
        let (obs_status, reason) = (ObsStatus::Normal, "数据录入有误，更正".to_owned());
        let id = self.next_id();
        let verified = self.live.len().is_multiple_of(5);
        self.live[index] = Live { id, target, value: value + 1, verified: false };
        if verified {
            self.say(MeasurementRevised { measurement, figure, obs_status, reason }, Some(target), subject(target));
        } else {
            self.say(MeasurementCorrected { measurement, figure, obs_status, reason }, Some(target), subject(target));
        }
    }

    fn verify(&mut self) {
        let index = self.random(self.live.len());
        let Live { id: event, target, verified, .. } = self.live[index];
        if !verified {
            self.live[index].verified = true;
            let finding = "核对原始凭证无误".to_owned();
            self.say(VerificationAccepted { event, finding }, Some(target), subject(target));
        }
    }

    fn attach(&mut self) {
        let index = self.random(self.live.len());
        let Live { id: event, target, .. } = self.live[index];
        let evidence = Evidence {
            sha256: [7; 32],
            media_type: "application/pdf".to_owned(),
            title: "统计月报".to_owned(),
            locator: "p. 12".to_owned(),
        };
        self.say(EvidenceAttached { event, evidence: vec![evidence] }, Some(target), subject(target));
    }

    fn milestone(&mut self, today: Date) {
        let (number, step) = (self.milestones / 3, self.milestones % 3);
        let project = format!("project-{}", number % PROJECTS).parse().unwrap();
        let milestone = format!("m-{}", number / PROJECTS).parse().unwrap();
        let subject = format!("plans/plan/projects/project-{}/milestones/m-{}", number % PROJECTS, number / PROJECTS);
        self.milestones += 1;
        let payload: Payload = match step {
            0 => MilestonePlanned {
                project,
                milestone,
                milestone_type: MilestoneType::Delivery,
                title: name("厂房封顶"),
                due_date: today,
                weight: Decimal::ONE,
            }
            .into(),
            1 => {
                let reason = "冬季停工".to_owned();
                MilestoneRescheduled { project, milestone, previous_due_date: today, due_date: today, reason }.into()
            }
            _ => MilestoneReached { project, milestone, reach_date: today }.into(),
        };
        self.say(payload, Some(0), subject);
    }

    fn note(&mut self, target: usize, today: Date) {
        let note = ProgressNoteRecorded {
            scope: Scope::Target(area(target), indicator(target)),
            as_of: today,
            progress: "完成一期工程".to_owned(),
            problems: "资金到位偏慢".to_owned(),
            next_steps: "推进二期招标".to_owned(),
        };
        self.say(note, Some(target), subject(target));
    }

    /// The id that the next event said will have.
    fn next_id(&self) -> Uuid {
        id_at(self.position + self.queue.len() as u64 + 1)
    }

    fn filed(&mut self, size: usize) -> Vec<Filed> {
        self.now += SignedDuration::from_micros(DAY_MICROS * size as i64 / (self.bulk_a_day as i64 * 2 + 100));
        let submission = Uuid::from_u128(0x0197_0000_0000_7000_8000_0000_0000_0000 | u128::from(self.position));
        let all: Vec<_> = self.queue.drain(..size).collect();
        all.into_iter()
            .zip(0..)
            .map(|((payload, target, subject), index)| {
                self.position += 1;
                let event = Event {
                    position: self.position,
                    recorded_time: self.now,
                    actor: actor(target),
                    submission: SubmissionRef { id: submission, index, count: size as u32 },
                    back_dated: self.position.is_multiple_of(10),
                    input: EventInput {
                        event_id: id_at(self.position),
                        effective_date: None,
                        payload,
                        comment: String::new(),
                        source_ref: "统计年鉴 2024, p. 12".to_owned(),
                        evidence: Vec::new(),
                        correlation_id: String::new(),
                        causation_id: None,
                        staff: StaffCodes::default(),
                    },
                };
                Filed { event, area: target.map(area), subject }
            })
            .collect()
    }
}

const DAY_MICROS: i64 = 86_400_000_000;

impl Iterator for Mix {
    type Item = Vec<Filed>;

    fn next(&mut self) -> Option<Vec<Filed>> {
        if self.queue.is_empty() {
            if self.day == DAYS {
                return None;
            }
            self.a_day();
        }
        let size = (1 + self.random(100)).min(self.queue.len());
        Some(self.filed(size))
    }
}

/// Version 7 in looks, drawn from the position.
fn id_at(position: u64) -> Uuid {
    let mixed = position.wrapping_mul(0x9E37_79B9_7F4A_7C15) & 0x3FFF_FFFF_FFFF_FFFF;
    let time = u128::from(0x0197_A3C2_5B1E_u64 + position / 100) << 80;
    Uuid::from_u128(time | 0x7000 << 64 | 0x8000 << 48 | u128::from(mixed))
}

fn area(target: usize) -> AreaId {
    format!("circle-{}", target / INDICATORS.len()).parse().unwrap()
}

fn indicator(target: usize) -> IndicatorId {
    format!("indicator-{}", target % INDICATORS.len()).parse().unwrap()
}

fn subject(target: usize) -> String {
    format!("plans/plan/areas/{}/targets/indicator-{}", area(target), target % INDICATORS.len())
}

fn actor(target: Option<usize>) -> Actor {
    Actor {
        principal: "bureau-of-statistics-clerk-2".to_owned(),
        agency: target.map(|target| format!("bureau-{}", target % 20).parse().unwrap()),
        role: Role::Agency,
        credential_digest: [9; 32],
        on_behalf_of: None,
    }
}
