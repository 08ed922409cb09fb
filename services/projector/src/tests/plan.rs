//! A small plan in events: a city, two circles, one indicator of each kind that views treat differently.

use std::sync::Arc;

use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use songhua_domain::event::{
    Actor, AgencyRegistered, AreaDesignated, AreasAtStage, DayOpened, Event, EventInput, Evidence, Figure,
    IndicatorDefined, LogCreated, MeasurementReported, MilestonePlanned, Name, Payload, PlanDefined, PlanPublished,
    ProjectRegistered, ReferencePeriod, Schedule, SubmissionRef, TOTAL, TargetSet, Unit,
};
use songhua_domain::id::{AreaId, IndicatorId};
use songhua_domain::quantity::Decimal;
use songhua_domain::score::LightRule;
use songhua_domain::vocabulary::{
    Accumulation, Aggregation, AreaKind, AreaStage, Basis, Frequency, MeasureKind, MilestoneType, ObsStatus, Operator,
    OperatorSource, PathKind, ProjectKind, ResultType, Role,
};
use songhua_log::{Checkpoint, Position};
use songhua_views::{Options, Views};
use uuid::Uuid;

use crate::follower::grow;

/// Names of the plan's parts.
pub(super) const CITY: &str = "city";
pub(super) const CIRCLE: &str = "circle-a";
pub(super) const OUTPUT: &str = "output";
pub(super) const INTENSITY: &str = "intensity";
pub(super) const GROWTH: &str = "growth";
pub(super) const RIVAL: &str = "rival-growth";
pub(super) const BRAND: &str = "brand";
pub(super) const CIRCLES: &str = "circles";
pub(super) const BUREAU: &str = "bureau";
pub(super) const OFFICE: &str = "office";
pub(super) const STEPS: [&str; 3] = ["none", "known", "leading"];

/// Events in log order; positions, ids and times follow from their place.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    pub(super) events: Vec<Event>,
}

impl History {
    /// The plan, published, with the first day opened.
    pub(super) fn published() -> Self {
        let mut history = Self::default();
        definitions().into_iter().for_each(|payload| {
            history.push(payload);
        });
        history
    }

    /// Appends an event; gives its id.
    pub(super) fn push(&mut self, payload: impl Into<Payload>) -> Uuid {
        self.push_effective(payload, None)
    }

    /// Appends an event that carries a file.
    pub(super) fn push_with_file(&mut self, payload: impl Into<Payload>, file: u8) -> Uuid {
        let event_id = self.push(payload);
        if let Some(event) = self.events.last_mut() {
            Arc::make_mut(&mut event.input).evidence.push(evidence(file));
        }
        event_id
    }

    /// Appends an event that says when it became true.
    pub(super) fn push_effective(&mut self, payload: impl Into<Payload>, effective_date: Option<Date>) -> Uuid {
        let payload = payload.into();
        let position = self.events.len() as u64 + 1;
        let event_id = Uuid::from_u128(u128::from(position) << 8 | 7);
        let index = ((position - 1) % 3) as u32;
        self.events.push(Event {
            position,
            recorded_time: start() + SignedDuration::from_mins((position as i64 - 1) / 3),
            actor: Arc::new(actor(&payload)),
            submission: SubmissionRef { id: Uuid::from_u128(u128::from(position)), index, count: 3 },
            back_dated: position.is_multiple_of(5),
            input: Arc::new(EventInput {
                event_id,
                effective_date,
                payload,
                comment: String::new(),
                source_ref: "ledger".to_owned(),
                evidence: Vec::new(),
                correlation_id: String::new(),
                causation_id: None,
                staff: songhua_domain::event::StaffCodes::default(),
            }),
        });
        event_id
    }

    /// A figure of a total.
    pub(super) fn report(&mut self, area: &str, indicator: &str, basis: Basis, end: Date, value: i64) -> Uuid {
        self.push(reported(area, indicator, TOTAL, basis, end, value))
    }

    pub(super) fn head(&self) -> u64 {
        self.events.len() as u64
    }
}

/// Who may send it: the bureau what agencies report, the auditor what is checked, the office the rest.
fn actor(payload: &Payload) -> Actor {
    let (kind, _) = payload.type_token().split_once('.').unwrap();
    let role = match (kind, payload) {
        (_, Payload::VerificationRequested(_) | Payload::SupervisionAnswered(_)) => Role::Agency,
        ("verification" | "assessment" | "supervision", _) => Role::Auditor,
        ("measurement" | "milestone" | "evidence" | "note", _) => Role::Agency,
        _ => Role::Admin,
    };
    let agency = (role == Role::Agency).then(|| id(BUREAU));
    Actor { principal: role.to_string(), agency, role, credential_digest: [0; 32], on_behalf_of: None }
}

/// What follows log 1 up to `position`.
pub(super) fn checkpoint(position: u64) -> Checkpoint {
    Checkpoint { log_id: Uuid::from_u128(1), epoch: 1, position: Position(position), leaf_hash: [position as u8; 32] }
}

/// Opens views that must be whole.
pub(super) fn open(dir: &std::path::Path) -> Views {
    Views::open(dir, Options { cache_bytes: 1 << 20, ..Options::default() }).unwrap()
}

/// Applies what is behind the views' position, `size` events a batch.
pub(super) fn apply(views: &Views, events: &[Event], size: usize) {
    let behind = &events[views.applied() as usize..];
    for events in behind.chunks(size) {
        let mut batch = views.batch().unwrap();
        for event in events {
            grow(&mut batch, event).unwrap();
            if event.submission.index + 1 == event.submission.count {
                batch.submission_ends(event.recorded_time.as_microsecond(), event.position).unwrap();
            }
        }
        batch.commit(checkpoint(events.last().unwrap().position)).unwrap();
    }
}

pub(super) fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(super) fn key(area: &str, indicator: &str) -> (AreaId, IndicatorId) {
    (id(area), id(indicator))
}

/// A file that stays with the agency.
pub(super) fn evidence(file: u8) -> Evidence {
    let (media_type, locator) = ("application/pdf".to_owned(), String::new());
    Evidence { sha256: [file; 32], media_type, title: format!("file {file}"), locator }
}

fn start() -> Timestamp {
    "2023-01-02T00:00:00Z".parse().unwrap()
}

pub(super) fn reported(
    area: &str,
    indicator: &str,
    dimension: &str,
    basis: Basis,
    end: Date,
    value: i64,
) -> MeasurementReported {
    let period = match basis {
        Basis::StockAt => ReferencePeriod::AsOf(end),
        Basis::FullYear => ReferencePeriod::Period { start: end.first_of_year(), end },
        Basis::PlanToDate => ReferencePeriod::Period { start: date(2022, 1, 1), end },
        _ => ReferencePeriod::Period { start: end.first_of_month(), end },
    };
    MeasurementReported {
        area: id(area),
        indicator: id(indicator),
        dimension: dimension.to_owned(),
        basis,
        period,
        figure: Figure::Value(Decimal::new(value, 2)),
        unit_multiplier: 0,
        obs_status: ObsStatus::Provisional,
    }
}

pub(super) fn name(text: &str) -> Name {
    Name { zh: text.to_owned(), en: text.to_owned() }
}

/// Everything up to and with the publication.
pub(super) fn definitions() -> Vec<Payload> {
    let log = LogCreated {
        log_id: Uuid::from_u128(1),
        plan: Some(id("plan")),
        epoch: 1,
        simulated: false,
        hash_algorithm: 1,
    };
    let mut all: Vec<Payload> = vec![log.into(), plan().into()];
    for (order, (area, kind, stage)) in [
        (CITY, AreaKind::City, None),
        (CIRCLE, AreaKind::Circle, Some(AreaStage::Planned)),
        ("circle-b", AreaKind::Circle, None),
    ]
    .into_iter()
    .enumerate()
    {
        all.push(area_designated(area, kind, stage, order as u32 + 1).into());
    }
    for (indicator, accumulation, derived) in [
        (OUTPUT, Accumulation::Cumulative, None),
        (INTENSITY, Accumulation::Ratio, None),
        (GROWTH, Accumulation::Paired, None),
        (RIVAL, Accumulation::Ratio, None),
        (BRAND, Accumulation::None, None),
        (
            CIRCLES,
            Accumulation::Stock,
            Some(AreasAtStage { area_kind: AreaKind::Circle, at_least: AreaStage::Building }),
        ),
    ] {
        all.push(indicator_defined(indicator, accumulation, derived).into());
    }
    for (number, (area, indicator, operator)) in [
        (CITY, OUTPUT, Operator::AtLeast),
        (CIRCLE, OUTPUT, Operator::MoreThan),
        (CITY, INTENSITY, Operator::AtLeast),
        (CIRCLE, GROWTH, Operator::ExceedsSeries),
        (CITY, BRAND, Operator::Qualitative),
        (CITY, CIRCLES, Operator::AtLeast),
    ]
    .into_iter()
    .enumerate()
    {
        all.push(target_set(number as u32 + 1, area, indicator, operator).into());
    }
    for agency in [BUREAU, OFFICE] {
        all.push(AgencyRegistered { agency: id(agency), name: name(agency), uscc: String::new() }.into());
    }
    all.push(project("works").into());
    all.push(project("works-again").into());
    all.push(milestone("opening", date(2024, 6, 30)).into());
    all.push(DayOpened { date: date(2023, 1, 2) }.into());
    all.push(PlanPublished { event_count: all.len() as u32 - 2, digest: [3; 32] }.into());
    all
}

fn plan() -> PlanDefined {
    PlanDefined {
        plan: id("plan"),
        title: name("规划"),
        city: name("城"),
        administrative_division_code: "230100".to_owned(),
        start: date(2022, 1, 1),
        end: date(2026, 12, 31),
        time_zone: "Asia/Shanghai".to_owned(),
        calc_version: 1,
        late_after_days: 60,
        documents: Vec::new(),
        units: vec![Unit { code: "%".to_owned(), name: name("百分比") }],
        categories: Vec::new(),
        remarks: Vec::new(),
        light_rule: LightRule::default(),
    }
}

pub(super) fn area_designated(area: &str, kind: AreaKind, stage: Option<AreaStage>, order: u32) -> AreaDesignated {
    AreaDesignated {
        area: id(area),
        kind,
        name: name(area),
        aliases: Vec::new(),
        stage,
        batch: 0,
        hosts: Vec::new(),
        participants: Vec::new(),
        industries: Vec::new(),
        sites: Vec::new(),
        order,
        source: None,
        notes: Vec::new(),
    }
}

pub(super) fn indicator_defined(
    indicator: &str,
    accumulation: Accumulation,
    derived: Option<AreasAtStage>,
) -> IndicatorDefined {
    IndicatorDefined {
        indicator: id(indicator),
        category: None,
        name: name(indicator),
        aliases: Vec::new(),
        unit: if accumulation == Accumulation::Ratio { "%" } else { "家" }.to_owned(),
        unit_multiplier: 0,
        unit_label: name("家"),
        measure_kind: MeasureKind::Money,
        result_type: ResultType::Output,
        accumulation,
        basis: match accumulation {
            Accumulation::Ratio if indicator == RIVAL => Some(Basis::FullYear),
            Accumulation::Ratio | Accumulation::Stock => Some(Basis::StockAt),
            _ => None,
        },
        ascending: true,
        aggregation: Aggregation::None,
        scored: true,
        schedule: Schedule { frequency: Frequency::Quarter, release_lag_days: 30, grace_days: 15 },
        derived,
        retired_from: None,
        method_note: String::new(),
        notes: Vec::new(),
        interpreted: Vec::new(),
    }
}

fn target_set(number: u32, area: &str, indicator: &str, operator: Operator) -> TargetSet {
    let qualitative = operator == Operator::Qualitative;
    let steps = if qualitative { STEPS.map(str::to_owned).to_vec() } else { Vec::new() };
    TargetSet {
        number,
        area: id(area),
        indicator: id(indicator),
        operator,
        operator_source: OperatorSource::Stated,
        value: matches!(operator, Operator::AtLeast | Operator::MoreThan).then(|| Decimal::new(1_050, 2)),
        max: None,
        tolerance: None,
        other_series: (operator == Operator::ExceedsSeries).then(|| id(RIVAL)),
        required_step: qualitative.then(|| STEPS[2].to_owned()),
        steps,
        path_kind: PathKind::Linear,
        due_as_written: "到2026年末".to_owned(),
        effective_deadline: date(2026, 12, 31),
        source: None,
        notes: Vec::new(),
        interpreted: Vec::new(),
    }
}

pub(super) fn project(project: &str) -> ProjectRegistered {
    ProjectRegistered {
        project: id(project),
        area: id(CIRCLE),
        kind: ProjectKind::Project,
        name: name(project),
        industry: String::new(),
        aliases: Vec::new(),
        mentions: Vec::new(),
        notes: Vec::new(),
    }
}

pub(super) fn milestone(milestone: &str, due_date: Date) -> MilestonePlanned {
    MilestonePlanned {
        project: id("works"),
        milestone: id(milestone),
        milestone_type: MilestoneType::Delivery,
        title: name(milestone),
        due_date,
        weight: Decimal::new(15, 1),
    }
}
