//! Events that a plan seldom sees: revisions, successions, supervision, periods, notes. One of each type.

use songhua_tests::{agency, assigned, date, event, stock};
use songhua_wire::pb;
use songhua_wire::pb::event_input::Payload;
use songhua_wire::pb::scope::Kind;

use crate::progress_world::{BUREAU, World, accepted};
use crate::relay::{PARK, planned};

const REASON: &str = "机构改革";

fn why() -> String {
    REASON.to_owned()
}

fn name(zh: &str) -> Option<pb::Name> {
    Some(pb::Name { zh: zh.to_owned(), en: String::new() })
}

fn scope(kind: Kind) -> Option<pb::Scope> {
    Some(pb::Scope { kind: Some(kind) })
}

fn target() -> Kind {
    Kind::Target(pb::TargetRef { area: "circle-hit".to_owned(), indicator: "tech-firms".to_owned() })
}

/// Everything that is rare, but for the close-out, which a plan under way does not take.
pub(crate) async fn rare_events(world: &World) {
    let lead = by_agency(world).await;
    evidence(world, &lead).await;
    revisions(world).await;
    agencies(world).await;
    conduct(world).await;
}

/// What an agency says of what it said before.
async fn by_agency(world: &World) -> pb::Receipt {
    let figure = world.stored(&world.bureau, stock("circle-hit", "tech-firms", date(2026, 6, 30), "250")).await;
    let revised = pb::MeasurementRevised {
        measurement: figure.event_id,
        figure: Some(pb::Figure { kind: Some(pb::figure::Kind::Value("252".to_owned())) }),
        obs_status: pb::ObsStatus::Normal.into(),
        reason: "年报数".to_owned(),
    };
    let revised = world.stored(&world.bureau, event(Payload::MeasurementRevised(revised))).await;
    let requested = pb::VerificationRequested { event: revised.event_id.clone(), note: "请核验".to_owned() };
    world.stored(&world.bureau, event(Payload::VerificationRequested(requested))).await;
    world.stored(&world.auditor, accepted(&revised)).await;
    let reopened = pb::VerificationReopened { event: revised.event_id.clone(), reason: "数据存疑".to_owned() };
    world.stored(&world.auditor, event(Payload::VerificationReopened(reopened))).await;
    let (project, milestone) = (PARK.to_owned(), "groundbreaking".to_owned());
    let reopened = pb::MilestoneReopened { project: project.clone(), milestone, reason: "复工".to_owned() };
    world.stored(&world.bureau, event(Payload::MilestoneReopened(reopened))).await;
    let status = pb::ProjectStatus::Implementation.into();
    let changed = pb::ProjectStatusChanged { project, status, reason: "开工".to_owned() };
    let mut changed = event(Payload::ProjectStatusChanged(changed));
    changed.effective_date = Some(date(2026, 11, 1));
    world.stored(&world.bureau, changed).await;
    revised
}

/// Evidence for what is about a target, a milestone, and an area; one file is withdrawn.
async fn evidence(world: &World, figure: &pb::Receipt) {
    let evidence = |of: &pb::Receipt| {
        let file = pb::Evidence { sha256: vec![7; 32], media_type: "application/pdf".to_owned(), ..Default::default() };
        let attached = pb::EvidenceAttached { event: of.event_id.clone(), evidence: vec![file] };
        event(Payload::EvidenceAttached(attached))
    };
    let attached = world.stored(&world.bureau, evidence(figure)).await;
    let withdrawn =
        pb::EvidenceWithdrawn { event: attached.event_id, sha256: vec![7; 32], reason: "文件有误".to_owned() };
    world.stored(&world.bureau, event(Payload::EvidenceWithdrawn(withdrawn))).await;
    let planned = world.stored(&world.bureau, planned("operation", date(2026, 12, 15))).await;
    world.stored(&world.bureau, evidence(&planned)).await;
    let (area, reason) = ("circle-hit".to_owned(), "开工".to_owned());
    let stage = pb::AreaStage::Building.into();
    let mut changed = event(Payload::AreaStageChanged(pb::AreaStageChanged { area, stage, reason }));
    changed.effective_date = Some(date(2026, 11, 1));
    let changed = world.stored(&world.office, changed).await;
    world.stored(&world.office, evidence(&changed)).await;
}

async fn revisions(world: &World) {
    let (area, indicator) = ("circle-hit".to_owned(), "tech-firms".to_owned());
    let document =
        pb::Document { document: "revision-2026".to_owned(), title: "修订版".to_owned(), ..Default::default() };
    let (start, end) = (date(2026, 1, 1), date(2026, 12, 31));
    for payload in [
        Payload::PlanRevised(pb::PlanRevised {
            documents: vec![document],
            changes: "文字修订".to_owned(),
            reason: why(),
            ..Default::default()
        }),
        Payload::CalculationAdopted(pb::CalculationAdopted { calc_version: 2, reason: why() }),
        Payload::BaselineRestated(pb::BaselineRestated {
            area: area.clone(),
            indicator: indicator.clone(),
            baseline: Some(pb::DatedValue { date: Some(start), value: "101".to_owned() }),
            reason: why(),
        }),
        Payload::TargetRevised(pb::TargetRevised {
            area: area.clone(),
            indicator: indicator.clone(),
            value: "900".to_owned(),
            due_as_written: "到2026年末".to_owned(),
            effective_deadline: Some(end),
            source: Some(pb::SourceSpan {
                document: "revision-2026".to_owned(),
                line_first: 1,
                line_last: 1,
                ..Default::default()
            }),
            reason: why(),
            ..Default::default()
        }),
        Payload::TargetDecomposed(pb::TargetDecomposed {
            area,
            indicator: indicator.clone(),
            tasks: vec![pb::TaskShare {
                agency: BUREAU.to_owned(),
                dimension: String::new(),
                due_date: Some(end),
                value: "900".to_owned(),
            }],
            note: String::new(),
        }),
        Payload::IndicatorRedefined(pb::IndicatorRedefined {
            indicator,
            display_name: name("科技企业"),
            reason: why(),
            ..Default::default()
        }),
        Payload::IndicatorRetired(pb::IndicatorRetired {
            indicator: "gdp-growth".to_owned(),
            retired_from: Some(date(2199, 12, 31)),
            reason: why(),
        }),
    ] {
        world.stored(&world.office, event(payload)).await;
    }
}

async fn agencies(world: &World) {
    let old = || "old-bureau".to_owned();
    world.stored(&world.office, agency("old-bureau", "原科技局")).await;
    let role = pb::AssignmentRole::Responsible;
    let area = || Kind::Area("circle-hit".to_owned());
    world.stored(&world.office, assigned("old-bureau", role, area())).await;
    for payload in [
        Payload::AgencyRenamed(pb::AgencyRenamed {
            agency: old(),
            display_name: name("科学技术局"),
            uscc: String::new(),
            reason: why(),
        }),
        Payload::AssignmentEnded(pb::AssignmentEnded {
            agency: old(),
            role: role.into(),
            scope: scope(area()),
            reason: why(),
        }),
        Payload::AgencySucceeded(pb::AgencySucceeded { agency: old(), successor: BUREAU.to_owned(), reason: why() }),
    ] {
        world.stored(&world.office, event(payload)).await;
    }
}

async fn conduct(world: &World) {
    let (period, supervision) = ("q4-2026".to_owned(), "dc-2026-007".to_owned());
    let opened = pb::ReportingPeriodOpened {
        period: period.clone(),
        frequency: pb::Frequency::Quarter.into(),
        start_date: Some(date(2026, 10, 1)),
        end_date: Some(date(2026, 12, 31)),
        due_date: Some(date(2027, 1, 20)),
        note: String::new(),
    };
    let reminder = pb::ReminderIssued {
        agency: BUREAU.to_owned(),
        scope: scope(target()),
        period: period.clone(),
        message: "请填报".to_owned(),
    };
    let closed = pb::ReportingPeriodClosed { period, reason: "截止".to_owned() };
    let note = |kind| {
        let (as_of_date, progress) = (Some(date(2026, 10, 31)), "进展顺利".to_owned());
        let note = pb::ProgressNoteRecorded { scope: scope(kind), as_of_date, progress, ..Default::default() };
        Payload::ProgressNoteRecorded(note)
    };
    let issued = pb::SupervisionIssued {
        supervision: supervision.clone(),
        agency: BUREAU.to_owned(),
        scope: scope(Kind::Area("circle-hit".to_owned())),
        demand: "限期报送".to_owned(),
        due_date: Some(date(2199, 12, 31)),
        document: String::new(),
    };
    let answered = pb::SupervisionAnswered { supervision: supervision.clone(), answer: "已报送".to_owned() };
    let (outcome, finding) = (pb::SupervisionOutcome::Rectified.into(), "已核实".to_owned());
    for (by, payload) in [
        (&world.office, Payload::ReportingPeriodOpened(opened)),
        (&world.office, Payload::ReminderIssued(reminder)),
        (&world.office, Payload::ReportingPeriodClosed(closed)),
        (&world.bureau, note(target())),
        (&world.bureau, note(Kind::Plan(true))),
        (&world.auditor, Payload::SupervisionIssued(issued)),
        (&world.bureau, Payload::SupervisionAnswered(answered)),
        (&world.auditor, Payload::SupervisionClosed(pb::SupervisionClosed { supervision, outcome, finding })),
    ] {
        world.stored(by, event(payload)).await;
    }
}
