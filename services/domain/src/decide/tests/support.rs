//! A small plan of every kind of indicator, and a log that is authorised, decided and folded as ingest does it.

mod conduct;

use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) use conduct::*;

use jiff::Timestamp;
use jiff::civil::{Date, date};
use uuid::Uuid;

use crate::authorise::authorise;
use crate::decide::{Decision, Moment, Refs, Rejection, decide, references};
use crate::event::*;
use crate::quantity::Decimal;
use crate::score::{DatedValue, LightRule};
use crate::state::{Filed, PlanState, changed};
use crate::vocabulary::*;

pub(crate) const TODAY: Date = date(2025, 6, 30);

pub(crate) fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(crate) fn dec(text: &str) -> Decimal {
    crate::quantity::parse_decimal(text).unwrap()
}

pub(crate) fn name(zh: &str) -> Name {
    Name { zh: zh.into(), en: String::new() }
}

pub(crate) fn at(date: Date, value: &str) -> DatedValue {
    DatedValue { date, value: dec(value) }
}

fn actor(principal: &str, role: Role, agency: Option<&str>) -> Actor {
    Actor { principal: principal.into(), agency: agency.map(id), role, credential_digest: [1; 32], on_behalf_of: None }
}

pub(crate) fn server() -> Actor {
    Actor { credential_digest: [0; 32], ..actor("system", Role::Admin, None) }
}

pub(crate) fn office() -> Actor {
    actor("office-1", Role::Admin, None)
}

/// An agency's service: `bureau` leads the plan, `district` is responsible, `inspectors` supervise, others do nothing.
pub(crate) fn agency(agency: &str) -> Actor {
    actor(&format!("{agency}-1"), Role::Agency, Some(agency))
}

pub(crate) fn auditor() -> Actor {
    actor("auditor-1", Role::Auditor, None)
}

pub(crate) fn reader() -> Actor {
    actor("reader-1", Role::Reader, None)
}

/// A log with what ingest does around a decision.
#[derive(Clone, Default)]
pub(crate) struct World {
    pub(crate) state: PlanState,
    pub(crate) log: BTreeMap<Uuid, Event>,
    /// Where each event is filed.
    pub(crate) filed: BTreeMap<Uuid, Filed>,
    pub(crate) today: Option<Date>,
    pub(crate) ids: u128,
}

impl World {
    /// Genesis only.
    pub(crate) fn empty() -> Self {
        let mut world = Self::default();
        world.ok(&server(), genesis());
        world
    }

    /// Genesis and the plan itself.
    pub(crate) fn defined() -> Self {
        let mut world = Self::empty();
        world.ok(&office(), plan());
        world
    }

    /// All definitions but for publication.
    pub(crate) fn loading() -> Self {
        let mut world = Self::defined();
        for payload in definitions() {
            world.ok(&office(), payload);
        }
        world
    }

    /// A published plan.
    pub(crate) fn published() -> Self {
        let mut world = Self::loading();
        let event_count = world.state.definition_count();
        world.ok(&office(), PlanPublished { event_count, digest: [7; 32] });
        world
    }

    pub(crate) fn input(&mut self, payload: impl Into<Payload>) -> EventInput {
        self.ids += 1;
        EventInput {
            event_id: Uuid::from_u128(self.ids),
            effective_date: None,
            payload: payload.into(),
            comment: String::new(),
            source_ref: "《统计公报》第3页".into(),
            evidence: Vec::new(),
            correlation_id: String::new(),
            causation_id: None,
            staff: crate::event::StaffCodes::default(),
        }
    }

    pub(crate) fn moment(&self) -> Moment {
        let today = self.today.unwrap_or(TODAY);
        let recorded_time = today.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
        Moment { recorded_time, today }
    }

    /// Authorises, decides, folds; gives back the event's id with the decision.
    pub(crate) fn send(&mut self, actor: &Actor, input: EventInput) -> Result<(Uuid, Decision), Rejection> {
        let moment = self.moment();
        let refs = self.refs(&input, |_| false);
        let decided = self.decided(&refs, actor, &moment, &input);
        // Who remembers where events are filed, all of them or some, decides and folds the same.
        for shorter in [self.refs(&input, |_| true), self.refs(&input, |id| id.as_u128() % 3 == 0)] {
            assert_eq!(self.decided(&shorter, actor, &moment, &input), decided);
            self.log
                .keys()
                .filter(|id| shorter.get(id).is_some())
                .for_each(|id| assert_eq!(shorter.filed(id), refs.filed(id)));
        }
        let decision = decided?;
        let event_id = input.event_id;
        let event = self.event(actor, moment.recorded_time, &decision, input);
        let named = changed(&event.input.payload).and_then(|id| refs.filed(&id));
        let filed = self.state.evolve(&event, named.as_ref());
        self.filed.extend(filed.map(|filed| (event_id, filed)));
        self.log.insert(event_id, event);
        Ok((event_id, decision))
    }

    fn decided(&self, refs: &Refs, actor: &Actor, moment: &Moment, input: &EventInput) -> Result<Decision, Rejection> {
        authorise(&self.state, refs, actor, input)?;
        decide(&self.state, refs, actor, moment, input)
    }

    /// What ingest fetches for a decision, and no more, if it `remembers` where some events are filed.
    fn refs(&self, input: &EventInput, remembers: impl Fn(&Uuid) -> bool) -> Refs {
        let mut refs = Refs::default();
        let mut next = references(input);
        while let Some((id, event)) = next.and_then(|id| self.log.get_key_value(&id)) {
            next = refs.add(event.clone(), self.filed.get(id).filter(|_| remembers(id)).cloned());
        }
        refs
    }

    fn event(&self, actor: &Actor, recorded_time: Timestamp, decision: &Decision, input: EventInput) -> Event {
        Event {
            position: self.state.head() + 1,
            recorded_time,
            actor: Arc::new(actor.clone()),
            submission: SubmissionRef { id: input.event_id, index: 0, count: 1 },
            back_dated: decision.back_dated,
            input: Arc::new(input),
        }
    }

    /// Sends what must be accepted.
    #[track_caller]
    pub(crate) fn ok(&mut self, actor: &Actor, payload: impl Into<Payload>) -> Uuid {
        let input = self.input(payload);
        self.send(actor, input).unwrap().0
    }

    /// Sends what must be refused, and changes nothing.
    #[track_caller]
    pub(crate) fn refused(
        &mut self,
        actor: &Actor,
        payload: impl Into<Payload>,
        reason: Reason,
        field: &str,
    ) -> String {
        let input = self.input(payload);
        self.refused_input(actor, input, reason, field)
    }

    #[track_caller]
    pub(crate) fn refused_input(&mut self, actor: &Actor, input: EventInput, reason: Reason, field: &str) -> String {
        let before = self.state.clone();
        let rejection = self.send(actor, input).unwrap_err();
        assert_eq!((rejection.reason, rejection.field.as_str()), (reason, field), "{rejection}");
        assert!(!rejection.message.is_empty() && !rejection.message_zh.is_empty());
        assert_eq!(self.state, before);
        rejection.message
    }
}

pub(crate) fn genesis() -> LogCreated {
    LogCreated { log_id: Uuid::from_u128(99), plan: Some(id("p")), epoch: 1, simulated: false, hash_algorithm: 1 }
}

pub(crate) fn plan() -> PlanDefined {
    let unit = |code: &str| Unit { code: code.into(), name: name(code) };
    PlanDefined {
        plan: id("p"),
        title: name("方案"),
        city: name("某市"),
        administrative_division_code: "230100".into(),
        start: date(2022, 1, 1),
        end: date(2026, 12, 31),
        time_zone: "Asia/Shanghai".into(),
        calc_version: 1,
        late_after_days: 366,
        documents: vec![Document { id: id("text"), title: "正文".into(), sha256: None, notes: Vec::new() }],
        units: vec![unit("个"), unit("元"), unit("%"), unit("级")],
        categories: vec![Category { id: id("input"), name: name("投入"), order: 1 }],
        remarks: Vec::new(),
        light_rule: LightRule::default(),
    }
}

pub(crate) fn area(area: &str, kind: AreaKind) -> AreaDesignated {
    AreaDesignated {
        area: id(area),
        kind,
        name: name(area),
        aliases: Vec::new(),
        stage: None,
        batch: 0,
        hosts: Vec::new(),
        participants: Vec::new(),
        industries: Vec::new(),
        sites: Vec::new(),
        order: 1,
        source: None,
        notes: Vec::new(),
    }
}

/// An indicator of the kind that goes with `accumulation`.
pub(crate) fn indicator(indicator: &str, accumulation: Accumulation) -> IndicatorDefined {
    use Accumulation as A;
    let (unit, unit_multiplier, measure_kind, basis) = match accumulation {
        A::Stock => ("个", 0, MeasureKind::Count, Some(Basis::StockAt)),
        A::Cumulative => ("个", 0, MeasureKind::Count, None),
        A::AnnualFlow | A::RunningTotal => ("元", 8, MeasureKind::Money, None),
        A::Ratio => ("%", 0, MeasureKind::Share, Some(Basis::FullYear)),
        A::Paired => ("%", 0, MeasureKind::Comparison, Some(Basis::FullYear)),
        A::None => ("级", 0, MeasureKind::Qualitative, None),
    };
    IndicatorDefined {
        indicator: id(indicator),
        category: None,
        name: name(indicator),
        aliases: Vec::new(),
        unit: unit.into(),
        unit_multiplier,
        unit_label: name(unit),
        measure_kind,
        result_type: ResultType::Output,
        accumulation,
        basis,
        ascending: true,
        aggregation: Aggregation::None,
        scored: true,
        schedule: Schedule { frequency: Frequency::Quarter, release_lag_days: 30, grace_days: 45 },
        derived: None,
        retired_from: None,
        method_note: String::new(),
        notes: Vec::new(),
        interpreted: Vec::new(),
    }
}

pub(crate) fn coverage() -> IndicatorDefined {
    IndicatorDefined {
        measure_kind: MeasureKind::Coverage,
        basis: Some(Basis::StockAt),
        ..indicator("coverage", Accumulation::Ratio)
    }
}

pub(crate) fn target(number: u32, of: &str, operator: Operator, value: Option<&str>) -> TargetSet {
    TargetSet {
        number,
        area: id("city"),
        indicator: id(of),
        operator,
        operator_source: OperatorSource::Stated,
        value: value.map(dec),
        max: None,
        tolerance: None,
        other_series: None,
        steps: Vec::new(),
        required_step: None,
        path_kind: PathKind::Linear,
        due_as_written: "到2026年".into(),
        effective_deadline: date(2026, 12, 31),
        source: None,
        notes: Vec::new(),
        interpreted: Vec::new(),
    }
}

pub(crate) fn qualitative(number: u32) -> TargetSet {
    TargetSet {
        steps: vec!["省内领先".into(), "国内领先".into()],
        required_step: Some("国内领先".into()),
        ..target(number, "level", Operator::Qualitative, None)
    }
}

pub(crate) fn exceeds(number: u32) -> TargetSet {
    TargetSet { other_series: Some(id("gdp-growth")), ..target(number, "rd-growth", Operator::ExceedsSeries, None) }
}

pub(crate) fn assignment(agency: &str, role: AssignmentRole, scope: Scope) -> AgencyAssigned {
    AgencyAssigned { agency: id(agency), role, scope }
}

pub(crate) fn registered(agency: &str) -> AgencyRegistered {
    AgencyRegistered { agency: id(agency), name: name(agency), uscc: String::new() }
}

pub(crate) fn project(project: &str, kind: ProjectKind) -> ProjectRegistered {
    ProjectRegistered {
        project: id(project),
        area: id("circle"),
        kind,
        name: name(project),
        industry: String::new(),
        aliases: Vec::new(),
        mentions: Vec::new(),
        notes: Vec::new(),
    }
}

fn indicators() -> Vec<IndicatorDefined> {
    let circles = AreasAtStage { area_kind: AreaKind::Circle, at_least: AreaStage::Building };
    vec![
        indicator("labs", Accumulation::Stock),
        indicator("added", Accumulation::Cumulative),
        indicator("revenue", Accumulation::AnnualFlow),
        indicator("invested", Accumulation::RunningTotal),
        indicator("intensity", Accumulation::Ratio),
        coverage(),
        indicator("rd-growth", Accumulation::Paired),
        IndicatorDefined { scored: false, ..indicator("gdp-growth", Accumulation::Ratio) },
        indicator("level", Accumulation::None),
        IndicatorDefined { derived: Some(circles), ..indicator("circles", Accumulation::Stock) },
    ]
}

fn definitions() -> Vec<Payload> {
    let mut all: Vec<Payload> = vec![area("city", AreaKind::City).into(), area("circle", AreaKind::Circle).into()];
    all.extend(indicators().into_iter().map(Payload::from));
    let in_circle = TargetSet { area: id("circle"), ..target(10, "added", Operator::AtLeast, Some("20")) };
    let targets = [
        target(1, "labs", Operator::AtLeast, Some("9")),
        target(2, "added", Operator::AtLeast, Some("100")),
        target(3, "revenue", Operator::MoreThan, Some("3200")),
        target(4, "invested", Operator::AtLeast, Some("80")),
        target(5, "intensity", Operator::AtLeast, Some("3.1")),
        target(6, "coverage", Operator::FullCoverage, None),
        exceeds(7),
        qualitative(8),
        target(9, "circles", Operator::AtLeast, Some("4")),
        in_circle,
    ];
    all.extend(targets.into_iter().map(Payload::from));
    all.extend(["bureau", "district", "inspectors", "stranger"].map(|agency| registered(agency).into()));
    all.extend([
        assignment("bureau", AssignmentRole::Lead, Scope::Plan).into(),
        assignment("district", AssignmentRole::Responsible, Scope::Plan).into(),
        assignment("inspectors", AssignmentRole::Supervising, Scope::Plan).into(),
    ]);
    all.extend(["park", "centre", "hub"].map(|id| project(id, ProjectKind::Project).into()));
    all.push(project("vaccines", ProjectKind::Direction).into());
    all
}

/// A figure of the city's headline; the multiplier is the plan's.
pub(crate) fn figure(of: &str, basis: Basis, period: ReferencePeriod, value: &str) -> MeasurementReported {
    MeasurementReported {
        area: id("city"),
        indicator: id(of),
        dimension: TOTAL.into(),
        basis,
        period,
        figure: Figure::Value(dec(value)),
        unit_multiplier: if matches!(of, "revenue" | "invested") { 8 } else { 0 },
        obs_status: ObsStatus::Unvalidated,
    }
}

pub(crate) fn fraction(numerator: &str, denominator: &str) -> Figure {
    Figure::Fraction { numerator: dec(numerator), denominator: dec(denominator) }
}

pub(crate) fn span(start: Date, end: Date) -> ReferencePeriod {
    ReferencePeriod::Period { start, end }
}

pub(crate) fn year(year: i16) -> ReferencePeriod {
    span(date(year, 1, 1), date(year, 12, 31))
}

/// Additions of a period.
pub(crate) fn added(start: Date, end: Date, value: &str) -> MeasurementReported {
    figure("added", Basis::Period, span(start, end), value)
}

/// Additions since the plan's start.
pub(crate) fn added_until(end: Date, value: &str) -> MeasurementReported {
    figure("added", Basis::PlanToDate, span(date(2022, 1, 1), end), value)
}

pub(crate) fn corrected(measurement: Uuid, value: &str) -> MeasurementCorrected {
    MeasurementCorrected {
        measurement,
        figure: Figure::Value(dec(value)),
        obs_status: ObsStatus::Normal,
        reason: "抄写有误".into(),
    }
}

pub(crate) fn retracted(measurement: Uuid) -> MeasurementRetracted {
    MeasurementRetracted { measurement, reason: "重复上报".into() }
}

pub(crate) fn accepted(event: Uuid) -> VerificationAccepted {
    VerificationAccepted { event, finding: "与台账一致".into() }
}

pub(crate) fn rejected(event: Uuid) -> VerificationRejected {
    VerificationRejected { event, reason: "无佐证".into() }
}

pub(crate) fn milestone(project: &str, milestone: &str) -> MilestonePlanned {
    MilestonePlanned {
        project: id(project),
        milestone: id(milestone),
        milestone_type: MilestoneType::Delivery,
        title: name("竣工"),
        due_date: date(2025, 3, 31),
        weight: Decimal::ONE,
    }
}

pub(crate) fn reached(project: &str, milestone: &str, reach_date: Date) -> MilestoneReached {
    MilestoneReached { project: id(project), milestone: id(milestone), reach_date }
}

pub(crate) fn partially(project: &str, milestone: &str, percent: &str) -> MilestonePartiallyReached {
    MilestonePartiallyReached {
        project: id(project),
        milestone: id(milestone),
        as_of: date(2025, 3, 31),
        percent: dec(percent),
        shortfall: "设备未到".into(),
    }
}

pub(crate) fn missed(project: &str, milestone: &str, as_of: Date) -> MilestoneMissed {
    MilestoneMissed { project: id(project), milestone: id(milestone), as_of, reason: "资金未到位".into() }
}

pub(crate) fn assessed(step: &str) -> QualitativeAssessmentRecorded {
    QualitativeAssessmentRecorded {
        area: id("city"),
        indicator: id("level"),
        as_of: date(2025, 5, 1),
        step: step.into(),
        finding: "专家评审".into(),
        obs_status: ObsStatus::Normal,
    }
}
