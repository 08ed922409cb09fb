//! One event of each type, with every optional field filled: what the committed fixtures hold.

use std::str::FromStr;

use jiff::civil::{Date, date};
use songhua_domain::event::*;
use songhua_domain::quantity::{Decimal, parse_decimal};
use songhua_domain::score::{DatedValue, LightRule};
use songhua_domain::vocabulary::*;
use uuid::{Uuid, uuid};

mod second_version;

pub(crate) const EVENT: Uuid = uuid!("0197a3c2-5b1e-7c40-9d2f-3e8a6b4c1d20");
pub(crate) const OTHER_EVENT: Uuid = uuid!("0197a3c2-0000-7c40-9d2f-3e8a6b4c1d21");
pub(crate) const LOG: Uuid = uuid!("5d3e7f80-94b2-4f6a-8c0e-1a2b3c4d5e6f");
pub(crate) const SUBMISSION: Uuid = uuid!("0197a3c2-5b1e-7000-8000-000000000001");

pub(crate) fn id<T: FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text} is no id"))
}

fn decimal(text: &str) -> Decimal {
    parse_decimal(text).unwrap()
}

fn name(zh: &str, en: &str) -> Name {
    Name { zh: zh.to_owned(), en: en.to_owned() }
}

fn list(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn span(line: u32, text: &str) -> SourceSpan {
    SourceSpan { document: id("source-text"), line_first: line, line_last: line + 2, text: text.to_owned() }
}

fn evidence() -> Evidence {
    Evidence {
        sha256: [0xE1; 32],
        media_type: "application/pdf".to_owned(),
        title: "2026年一季度统计公报".to_owned(),
        locator: "archive/2026/q1.pdf".to_owned(),
    }
}

fn dated(date: Date, value: &str) -> DatedValue {
    DatedValue { date, value: decimal(value) }
}

fn schedule() -> Schedule {
    Schedule { frequency: Frequency::Quarter, release_lag_days: 30, grace_days: 45 }
}

fn history_forked() -> HistoryForked {
    let (old_leaf_hash, old_root, reason) = ([0xF1; 32], [0xF2; 32], "磁盘损坏，从备份恢复".to_owned());
    HistoryForked { old_epoch: 1, epoch: 2, old_size: 4_321, old_leaf_hash, old_root, new_size: 4_300, reason }
}

fn definitions() -> Vec<Payload> {
    vec![
        LogCreated { log_id: LOG, plan: Some(id("demo")), epoch: 1, simulated: true, hash_algorithm: 1 }.into(),
        DayOpened { date: date(2026, 4, 1) }.into(),
        history_forked().into(),
        plan_defined().into(),
        PlanPublished { event_count: 198, digest: [0xD1; 32] }.into(),
        AreaDesignated {
            area: id("circle-hit"),
            kind: AreaKind::Circle,
            name: name("环哈工大创新创业生态圈", "HIT innovation circle"),
            aliases: list(&["环哈工大"]),
            stage: Some(AreaStage::Designated),
            batch: 1,
            hosts: list(&["哈尔滨工业大学"]),
            participants: list(&["南岗区"]),
            industries: list(&["航空航天", "机器人"]),
            sites: list(&["西大直街"]),
            order: 4,
            source: Some(span(41, "环哈工大")),
            notes: list(&["原文作“生态圈”"]),
        }
        .into(),
        AreaStageChanged { area: id("circle-hit"), stage: AreaStage::Building, reason: "开工".to_owned() }.into(),
        indicator_defined().into(),
        target_set().into(),
        BaselineSet { area: id("city"), indicator: id("rd-intensity"), baseline: dated(date(2021, 12, 31), "2.05") }
            .into(),
        InterimTargetsSet {
            area: id("city"),
            indicator: id("rd-intensity"),
            interim: vec![dated(date(2024, 12, 31), "2.6"), dated(date(2025, 12, 31), "2.85")],
            reason: String::new(),
        }
        .into(),
        LightRuleAdopted {
            rule: LightRule { version: 2, ..LightRule::default() },
            schedules: vec![ScheduleOverride { indicator: id("rd-intensity"), schedule: schedule() }],
            reason: "改为按季评分".to_owned(),
        }
        .into(),
        AgencyRegistered {
            agency: id("sti-bureau"),
            name: name("科技局", "Science Bureau"),
            uscc: "11230100001234567X".to_owned(),
        }
        .into(),
        AgencyAssigned {
            agency: id("sti-bureau"),
            role: AssignmentRole::Lead,
            scope: Scope::Target(id("city"), id("rd-intensity")),
        }
        .into(),
    ]
}

fn plan_defined() -> PlanDefined {
    PlanDefined {
        plan: id("demo"),
        title: name("实施方案", "The plan"),
        city: name("哈尔滨市", "Harbin"),
        administrative_division_code: "230100".to_owned(),
        start: date(2022, 1, 1),
        end: date(2026, 12, 31),
        time_zone: "Asia/Shanghai".to_owned(),
        calc_version: 1,
        late_after_days: 366,
        documents: vec![Document {
            id: id("source-text"),
            title: "实施方案".to_owned(),
            sha256: Some([0xD0; 32]),
            notes: list(&["转载本"]),
        }],
        units: vec![Unit { code: "%".to_owned(), name: name("百分比", "percent") }],
        categories: vec![Category { id: id("innovation"), name: name("创新能力", "Innovation"), order: 1 }],
        remarks: vec![Remark {
            kind: "GOAL".to_owned(),
            text: name("创新活力充分激发", "Vitality released"),
            source: Some(span(17, "创新活力\n充分激发")),
            note: "没有数字".to_owned(),
        }],
        light_rule: LightRule::default(),
    }
}

fn indicator_defined() -> IndicatorDefined {
    IndicatorDefined {
        indicator: id("rd-intensity"),
        category: Some(id("innovation")),
        name: name("研发投入强度", "R&D intensity"),
        aliases: list(&["R&D/GDP"]),
        unit: "%".to_owned(),
        unit_multiplier: 4,
        unit_label: name("%", "percent"),
        measure_kind: MeasureKind::Share,
        result_type: ResultType::Outcome,
        accumulation: Accumulation::Ratio,
        basis: Some(Basis::FullYear),
        ascending: true,
        aggregation: Aggregation::Sum,
        scored: false,
        schedule: schedule(),
        derived: Some(AreasAtStage { area_kind: AreaKind::Circle, at_least: AreaStage::Building }),
        retired_from: Some(date(2027, 1, 1)),
        method_note: "全社会研发经费 / 地区生产总值".to_owned(),
        notes: list(&["按年公布"]),
        interpreted: list(&["basis"]),
    }
}

fn target_set() -> TargetSet {
    TargetSet {
        number: 7,
        area: id("city"),
        indicator: id("rd-intensity"),
        operator: Operator::Between,
        operator_source: OperatorSource::Stated,
        value: Some(decimal("3.10")),
        max: Some(decimal("3.5")),
        tolerance: Some(decimal("0.1")),
        other_series: Some(id("gdp-growth")),
        steps: list(&["国内领先", "国际领先"]),
        required_step: Some("国际领先".to_owned()),
        path_kind: PathKind::Linear,
        due_as_written: "到2026年末".to_owned(),
        effective_deadline: date(2026, 12, 31),
        source: Some(span(23, "研发投入强度达到3.1%")),
        notes: list(&["上限为编辑示例"]),
        interpreted: list(&["max"]),
    }
}

fn deliveries() -> Vec<Payload> {
    vec![
        ProjectRegistered {
            project: id("aerospace-park"),
            area: id("circle-hit"),
            kind: ProjectKind::Project,
            name: name("航天产业园", "Aerospace park"),
            industry: "航空航天".to_owned(),
            aliases: list(&["卫星产业园"]),
            mentions: vec![span(52, "航天产业园")],
            notes: list(&["两处提到"]),
        }
        .into(),
        ProjectMerged {
            project: id("satellite-park"),
            into: id("aerospace-park"),
            interpreted: true,
            reason: "同一项目".to_owned(),
        }
        .into(),
        MilestonePlanned {
            project: id("aerospace-park"),
            milestone: id("groundbreaking"),
            milestone_type: MilestoneType::Groundbreaking,
            title: name("开工", "Groundbreaking"),
            due_date: date(2026, 6, 30),
            weight: decimal("2.5"),
        }
        .into(),
        MilestoneRescheduled {
            project: id("aerospace-park"),
            milestone: id("groundbreaking"),
            previous_due_date: date(2026, 6, 30),
            due_date: date(2026, 9, 30),
            reason: "土地手续".to_owned(),
        }
        .into(),
        MilestoneReached {
            project: id("aerospace-park"),
            milestone: id("groundbreaking"),
            reach_date: date(2026, 9, 12),
        }
        .into(),
        MilestonePartiallyReached {
            project: id("aerospace-park"),
            milestone: id("delivery"),
            as_of: date(2026, 10, 1),
            percent: decimal("62.5"),
            shortfall: "二号厂房未封顶".to_owned(),
        }
        .into(),
        MilestoneMissed {
            project: id("aerospace-park"),
            milestone: id("delivery"),
            as_of: date(2026, 12, 31),
            reason: "设备未到".to_owned(),
        }
        .into(),
        MilestoneCancelled {
            project: id("aerospace-park"), milestone: id("delivery"), reason: "并入二期".to_owned()
        }
        .into(),
    ]
}

fn figures() -> Vec<Payload> {
    let quarter = ReferencePeriod::Period { start: date(2026, 1, 1), end: date(2026, 3, 31) };
    vec![
        MeasurementReported {
            area: id("city"),
            indicator: id("rd-intensity"),
            dimension: "district=songbei".to_owned(),
            basis: Basis::YearToDate,
            period: quarter,
            figure: Figure::Fraction { numerator: decimal("168.40"), denominator: decimal("5490.1") },
            unit_multiplier: 8,
            obs_status: ObsStatus::Provisional,
        }
        .into(),
        MeasurementCorrected {
            measurement: OTHER_EVENT,
            figure: Figure::Value(decimal("-0.50")),
            obs_status: ObsStatus::Normal,
            reason: "单位错误".to_owned(),
        }
        .into(),
        MeasurementRetracted { measurement: OTHER_EVENT, reason: "重复填报".to_owned() }.into(),
        NothingToReport {
            area: id("city"),
            indicator: id("rd-intensity"),
            period: ReferencePeriod::AsOf(date(2026, 3, 31)),
        }
        .into(),
        QualitativeAssessmentRecorded {
            area: id("city"),
            indicator: id("brand-level"),
            as_of: date(2026, 3, 31),
            step: "国内领先".to_owned(),
            finding: "第三方评估".to_owned(),
            obs_status: ObsStatus::Normal,
        }
        .into(),
        EvidenceAttached { event: OTHER_EVENT, evidence: vec![evidence()] }.into(),
        VerificationAccepted { event: OTHER_EVENT, finding: "与年报一致".to_owned() }.into(),
        VerificationRejected { event: OTHER_EVENT, reason: "与年报不符".to_owned() }.into(),
    ]
}

/// One input of each event type, in the order of the contract; those of version 2 with staff codes.
pub(crate) fn inputs() -> Vec<EventInput> {
    let first = definitions().into_iter().chain(deliveries()).chain(figures());
    let first = first.map(|payload| filled(payload, StaffCodes::default()));
    let second = second_version::payloads().into_iter().map(|payload| filled(payload, staff()));
    first.chain(second).collect()
}

/// Inputs of event types of version 1 that say what only version 2 has a place for.
pub(crate) fn widened() -> Vec<EventInput> {
    let measured = EventInput { staff: staff(), ..input("measurement.reported") };
    let mut planned = input("milestone.planned");
    if let Payload::MilestonePlanned(it) = &mut planned.payload {
        it.milestone_type = MilestoneType::Payment;
    }
    let mut interim = input("interim-targets.set");
    if let Payload::InterimTargetsSet(it) = &mut interim.payload {
        it.reason = "中期评估调整".to_owned();
    }
    vec![measured, planned, interim]
}

fn staff() -> StaffCodes {
    let code = |text: &str| text.to_owned();
    StaffCodes { filer: code("T-0417"), reviewer: code("S-0032"), approver: code("J-01") }
}

fn filled(payload: Payload, staff: StaffCodes) -> EventInput {
    EventInput {
        event_id: EVENT,
        effective_date: Some(date(2026, 3, 31)),
        payload,
        comment: "第一行\n第二行".to_owned(),
        source_ref: "公报 第3页".to_owned(),
        evidence: vec![evidence()],
        correlation_id: "case-17".to_owned(),
        causation_id: Some(OTHER_EVENT),
        staff,
    }
}

/// The input whose event type has this token.
pub(crate) fn input(token: &str) -> EventInput {
    inputs().into_iter().find(|input| input.payload.type_token() == token).unwrap()
}

pub(crate) fn actor() -> Actor {
    Actor {
        principal: "staff-0417".to_owned(),
        agency: Some(id("sti-bureau")),
        role: Role::Agency,
        credential_digest: [0xC1; 32],
        on_behalf_of: Some(id("statistics-bureau")),
    }
}

/// One system event of each type, with a name for its fixture.
pub(crate) fn system_events() -> Vec<(&'static str, SystemEvent)> {
    let grant = AccessGranted {
        grant_id: OTHER_EVENT,
        principal: "staff-0417".to_owned(),
        role: Role::Agency,
        agency: Some(id("sti-bureau")),
        plan: Some(id("demo")),
        token_sha256: [0xA1; 32],
        expires: Some("2027-01-01T00:00:00Z".parse().unwrap()),
    };
    let refused = AttemptRefused {
        method: "/songhua.v1.IngestService/Submit".to_owned(),
        reason: "TOKEN_INVALID".to_owned(),
        credential_digest: [0; 32],
        count: 3,
    };
    let restored = Restored {
        old_epoch: 1,
        epoch: 2,
        old_size: 12,
        old_root: [0xF3; 32],
        backup_time: "2026-11-22T18:00:00Z".parse().unwrap(),
        reason: "磁盘损坏，从备份恢复".to_owned(),
    };
    let genesis = LogCreated { log_id: LOG, plan: None, epoch: 1, simulated: false, hash_algorithm: 1 };
    let plan = PlanCreated { plan: id("demo"), log_id: LOG, simulated: true, fixed_now: None };
    let revoked = AccessRevoked { grant_id: OTHER_EVENT, reason: "离职".to_owned() };
    [
        ("log.created", SystemPayload::LogCreated(genesis)),
        ("plan.created", SystemPayload::PlanCreated(plan)),
        ("access.granted", SystemPayload::AccessGranted(grant)),
        ("access.revoked", SystemPayload::AccessRevoked(revoked)),
        ("attempt.refused", SystemPayload::AttemptRefused(refused)),
        ("restored", SystemPayload::Restored(restored)),
    ]
    .map(|(token, payload)| (token, system_event(payload)))
    .into()
}

fn system_event(payload: SystemPayload) -> SystemEvent {
    SystemEvent {
        event_id: EVENT,
        recorded_time: "2026-11-23T04:05:06.789Z".parse().unwrap(),
        principal: "admin-01".to_owned(),
        payload,
    }
}
