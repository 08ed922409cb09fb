//! Records of a made-up history: what ingest would have written, day by day.
//!
//! The mix: headlines of 10 targets daily, of 20 weekly, of the others monthly, as far as their basis allows; the bulk in
//! dimensions (`district=…`), daily, few targets with many and many with few; 10 % come up to 40 days late, 5 % are
//! corrected or revised, 3 % verified, 1 % carry evidence; milestones that move, a note for each target and month.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{Span, ToSpan};
use songhua_tests::Random;
use songhua_wire::google::type_::Date as PbDate;
use songhua_wire::pb;
use songhua_wire::pb::event_input::Payload;
use uuid::Uuid;

/// A series that is reported, and how often.
pub(crate) struct Line {
    pub(crate) area: String,
    pub(crate) indicator: String,
    pub(crate) dimension: String,
    pub(crate) basis: pb::Basis,
    pub(crate) multiplier: u32,
    pub(crate) fraction: bool,
    /// Days from one figure to the next.
    pub(crate) every: i32,
    /// The last day of the period before.
    since: Date,
    level: u64,
}

impl Line {
    pub(crate) fn new(
        target: &(String, pb::IndicatorDefined),
        dimension: String,
        every: i32,
        start: Date,
    ) -> Option<Self> {
        let (area, indicator) = target;
        let basis = match indicator.accumulation() {
            pb::Accumulation::Stock | pb::Accumulation::Ratio => indicator.basis(),
            pb::Accumulation::Cumulative => pb::Basis::Period,
            pb::Accumulation::RunningTotal => pb::Basis::PlanToDate,
            pb::Accumulation::AnnualFlow => pb::Basis::YearToDate,
            pb::Accumulation::Paired => pb::Basis::FullYear,
            pb::Accumulation::None | pb::Accumulation::Unspecified => return None,
        };
        Some(Self {
            area: area.clone(),
            indicator: indicator.indicator.clone(),
            dimension,
            basis,
            multiplier: indicator.unit_multiplier,
            fraction: indicator.measure_kind() == pb::MeasureKind::Coverage,
            every: if basis == pb::Basis::FullYear { 365 } else { every },
            since: start - 1.day(),
            level: 100,
        })
    }

    /// The figure of `day`, if one is of that day.
    fn report(&mut self, day: Date, random: &mut Random) -> Option<Payload> {
        let year_end = day == day.last_of_year();
        let due = match self.basis {
            pb::Basis::FullYear => year_end,
            _ => days(self.since, day) >= self.every || (self.basis == pb::Basis::YearToDate && year_end),
        };
        if !due {
            return None;
        }
        let basis = if self.basis == pb::Basis::YearToDate && year_end { pb::Basis::FullYear } else { self.basis };
        let start = match basis {
            pb::Basis::StockAt => None,
            pb::Basis::Period => Some(self.since + 1.day()),
            pb::Basis::PlanToDate => None,
            _ => Some(day.first_of_year()),
        };
        self.since = day;
        self.level += random.below(4);
        Some(Payload::MeasurementReported(pb::MeasurementReported {
            area: self.area.clone(),
            indicator: self.indicator.clone(),
            dimension: self.dimension.clone(),
            basis: basis.into(),
            period: Some(pb::ReferencePeriod { start: start.map(pb_date), end: Some(pb_date(day)) }),
            figure: Some(self.figure(self.level)),
            unit_multiplier: self.multiplier,
            obs_status: pb::ObsStatus::Provisional.into(),
        }))
    }

    fn figure(&self, level: u64) -> pb::Figure {
        use pb::figure::Kind;
        let kind = if self.fraction {
            Kind::Fraction(pb::Fraction { numerator: level.to_string(), denominator: "100000".to_owned() })
        } else {
            Kind::Value(level.to_string())
        };
        pb::Figure { kind: Some(kind) }
    }
}

/// What happens, by the day it is recorded.
pub(crate) struct Events {
    lines: Vec<Line>,
    later: BTreeMap<Date, Vec<Sent>>,
    milestones: Vec<(String, String, Date)>,
    random: Random,
}

/// An event and what it is about.
pub(crate) struct Sent {
    pub(crate) area: String,
    pub(crate) subject: String,
    pub(crate) input: pb::EventInput,
}

impl Events {
    pub(crate) fn new(lines: Vec<Line>, projects: &[String], start: Date, random: Random) -> Self {
        let milestones = projects.iter().flat_map(|project| {
            (0..12).map(move |number| (project.clone(), format!("step-{number}"), start + (150 * number).days()))
        });
        Self { milestones: milestones.collect(), lines, later: BTreeMap::new(), random }
    }

    /// Milestones, planned on the first day.
    pub(crate) fn planned(&self) -> Vec<Sent> {
        let plan = |(project, milestone, due): &(String, String, Date)| {
            let title = pb::Name { zh: format!("节点 {milestone}"), en: String::new() };
            let payload = Payload::MilestonePlanned(pb::MilestonePlanned {
                project: project.clone(),
                milestone: milestone.clone(),
                milestone_type: pb::MilestoneType::Delivery.into(),
                title: Some(title),
                due_date: Some(pb_date(*due)),
                weight: "1".to_owned(),
            });
            of_milestone(project, milestone, payload)
        };
        self.milestones.iter().map(plan).collect()
    }

    /// Everything that is recorded on `day`.
    pub(crate) fn of(&mut self, day: Date) -> Vec<Sent> {
        let mut all = Vec::new();
        let mut lines = std::mem::take(&mut self.lines);
        for line in &mut lines {
            if let Some(payload) = line.report(day, &mut self.random) {
                self.reported(line, day, payload, &mut all);
            }
            if line.dimension.is_empty() && day.day() == 20 {
                all.push(note(line, day));
            }
        }
        self.lines = lines;
        self.moved(day, &mut all);
        all.extend(self.later.remove(&day).unwrap_or_default());
        all
    }

    /// A figure, now or late; and what is said of it later.
    fn reported(&mut self, line: &Line, day: Date, payload: Payload, all: &mut Vec<Sent>) {
        let mut input = input(payload);
        if self.random.percent(1) {
            input.evidence.push(pb::Evidence {
                sha256: vec![7; 32],
                media_type: "application/pdf".to_owned(),
                title: "统计报表".to_owned(),
                locator: "档案室 3 柜".to_owned(),
            });
        }
        let sent = about(line, input);
        let id = sent.input.event_id.clone();
        let recorded = if self.random.percent(10) { self.after(day, 40) } else { day };
        if recorded == day {
            all.push(sent)
        } else {
            self.later.entry(recorded).or_default().push(sent)
        }
        let mut live = id;
        if self.random.percent(5) {
            let (when, level) = (self.after(recorded, 60), line.level + self.random.below(9));
            let (measurement, figure, obs_status) = (live, Some(line.figure(level)), pb::ObsStatus::Normal.into());
            let payload = if self.random.percent(30) {
                let reason = "统计口径核定后修订".to_owned();
                Payload::MeasurementRevised(pb::MeasurementRevised { measurement, figure, obs_status, reason })
            } else {
                let reason = "录入有误".to_owned();
                Payload::MeasurementCorrected(pb::MeasurementCorrected { measurement, figure, obs_status, reason })
            };
            let corrected = about(line, self::input(payload));
            live = corrected.input.event_id.clone();
            self.later.entry(when).or_default().push(corrected);
            if self.random.percent(3) {
                self.verify(line, when, live);
            }
        } else if self.random.percent(3) {
            self.verify(line, recorded, live);
        }
    }

    fn verify(&mut self, line: &Line, recorded: Date, event: String) {
        let when = self.after(recorded, 30);
        let payload =
            Payload::VerificationAccepted(pb::VerificationAccepted { event, finding: "与台账一致".to_owned() });
        self.later.entry(when).or_default().push(about(line, input(payload)));
    }

    /// A milestone that is due within a week is moved or reached.
    fn moved(&mut self, day: Date, all: &mut Vec<Sent>) {
        for (project, milestone, due) in &mut self.milestones {
            if days(day, *due) != 7 {
                continue;
            }
            let (project_id, milestone_id) = (project.clone(), milestone.clone());
            let payload = if self.random.percent(75) {
                let (previous, reason) = (*due, "前期手续未完成".to_owned());
                *due = previous + 60.days();
                Payload::MilestoneRescheduled(pb::MilestoneRescheduled {
                    project: project_id,
                    milestone: milestone_id,
                    previous_due_date: Some(pb_date(previous)),
                    due_date: Some(pb_date(*due)),
                    reason,
                })
            } else {
                let reach_date = Some(pb_date(day));
                Payload::MilestoneReached(pb::MilestoneReached {
                    project: project_id,
                    milestone: milestone_id,
                    reach_date,
                })
            };
            all.push(of_milestone(project, milestone, payload));
        }
    }

    fn after(&mut self, day: Date, most: u64) -> Date {
        let days = i64::try_from(1 + self.random.below(most)).unwrap_or(1);
        day.saturating_add(Span::new().days(days))
    }
}

fn note(line: &Line, day: Date) -> Sent {
    let target = pb::TargetRef { area: line.area.clone(), indicator: line.indicator.clone() };
    let payload = Payload::ProgressNoteRecorded(pb::ProgressNoteRecorded {
        scope: Some(pb::Scope { kind: Some(pb::scope::Kind::Target(target)) }),
        as_of_date: Some(pb_date(day)),
        progress: "按计划推进".to_owned(),
        problems: "用地指标不足".to_owned(),
        next_steps: "下月完成评审".to_owned(),
    });
    about(line, input(payload))
}

fn about(line: &Line, input: pb::EventInput) -> Sent {
    Sent { area: line.area.clone(), subject: format!("areas/{}/targets/{}", line.area, line.indicator), input }
}

fn of_milestone(project: &str, milestone: &str, payload: Payload) -> Sent {
    Sent { area: String::new(), subject: format!("projects/{project}/milestones/{milestone}"), input: input(payload) }
}

pub(crate) fn input(payload: Payload) -> pb::EventInput {
    pb::EventInput {
        event_id: Uuid::new_v4().to_string(),
        source_ref: "统计台账".to_owned(),
        payload: Some(payload),
        ..Default::default()
    }
}

pub(crate) fn pb_date(date: Date) -> PbDate {
    PbDate { year: date.year().into(), month: date.month().into(), day: date.day().into() }
}

/// Days from one date to another.
pub(crate) fn days(from: Date, to: Date) -> i32 {
    i32::try_from(from.duration_until(to).as_hours() / 24).unwrap_or(i32::MAX)
}
