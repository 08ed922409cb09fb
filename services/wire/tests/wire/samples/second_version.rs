//! Payloads that came with version 2 of the schema.

use super::*;

/// One payload of each, in the order of the contract.
pub(super) fn payloads() -> Vec<Payload> {
    revisions().into_iter().chain(agencies()).chain(deliveries()).chain(conduct()).collect()
}

fn revisions() -> Vec<Payload> {
    vec![
        PlanRevised {
            documents: vec![Document {
                id: id("revision-2025"),
                title: "实施方案（2025年修订）".to_owned(),
                sha256: Some([0xD2; 32]),
                notes: list(&["市政府办公厅印发"]),
            }],
            title: name("实施方案（修订）", "The plan, revised"),
            end: Some(date(2027, 12, 31)),
            changes: "延长一年".to_owned(),
            reason: "中期评估".to_owned(),
        }
        .into(),
        PlanClosedOut { as_of: date(2027, 1, 31), finding: "主要目标基本完成".to_owned() }.into(),
        CalculationAdopted { calc_version: 2, reason: "口径统一".to_owned() }.into(),
        IndicatorRedefined {
            indicator: id("rd-intensity"),
            name: name("研发经费投入强度", "R&D expenditure intensity"),
            aliases: list(&["R&D/GDP", "研发强度"]),
            method_note: "按新核算口径".to_owned(),
            schedule: Some(schedule()),
            break_from: Some(date(2025, 1, 1)),
            reason: "统计制度调整".to_owned(),
        }
        .into(),
        IndicatorRetired {
            indicator: id("rd-intensity"),
            retired_from: date(2026, 1, 1),
            reason: "不再统计".to_owned(),
        }
        .into(),
        TargetRevised {
            area: id("city"),
            indicator: id("rd-intensity"),
            value: Some(decimal("3.20")),
            max: Some(decimal("3.6")),
            tolerance: Some(decimal("0.05")),
            required_step: Some("国际领先".to_owned()),
            due_as_written: "到2027年末".to_owned(),
            effective_deadline: date(2027, 12, 31),
            source: Some(span(9, "研发投入强度达到3.2%")),
            reason: "中期调整".to_owned(),
        }
        .into(),
        BaselineRestated {
            area: id("city"),
            indicator: id("rd-intensity"),
            baseline: dated(date(2021, 12, 31), "2.11"),
            reason: "经济普查修订".to_owned(),
        }
        .into(),
        TargetDecomposed {
            area: id("city"),
            indicator: id("tech-firms"),
            tasks: vec![TaskShare {
                agency: id("songbei-government"),
                dimension: "district=songbei".to_owned(),
                due_date: date(2025, 12, 31),
                value: decimal("120"),
            }],
            note: "按区分解".to_owned(),
        }
        .into(),
    ]
}

fn agencies() -> Vec<Payload> {
    vec![
        AgencyRenamed {
            agency: id("sti-bureau"),
            name: name("科学技术局", "Science and Technology Bureau"),
            uscc: "11230100001234567X".to_owned(),
            reason: "机构改革".to_owned(),
        }
        .into(),
        AgencySucceeded {
            agency: id("sti-bureau"), successor: id("innovation-bureau"), reason: "机构改革".to_owned()
        }
        .into(),
        AssignmentEnded {
            agency: id("sti-bureau"),
            role: AssignmentRole::Responsible,
            scope: Scope::Project(id("aerospace-park")),
            reason: "移交".to_owned(),
        }
        .into(),
    ]
}

fn deliveries() -> Vec<Payload> {
    vec![
        ProjectStatusChanged {
            project: id("aerospace-park"),
            status: ProjectStatus::Suspended,
            reason: "等待土地".to_owned(),
        }
        .into(),
        MilestoneReopened {
            project: id("aerospace-park"), milestone: id("delivery"), reason: "验收未通过".to_owned()
        }
        .into(),
        MeasurementRevised {
            measurement: OTHER_EVENT,
            figure: Figure::Value(decimal("3.05")),
            obs_status: ObsStatus::Normal,
            reason: "年报数".to_owned(),
        }
        .into(),
        EvidenceWithdrawn { event: OTHER_EVENT, sha256: [0xE1; 32], reason: "文件有误".to_owned() }.into(),
        VerificationRequested { event: OTHER_EVENT, note: "请核验".to_owned() }.into(),
        VerificationReopened { event: OTHER_EVENT, reason: "数据存疑".to_owned() }.into(),
    ]
}

fn conduct() -> Vec<Payload> {
    let target = || Scope::Target(id("city"), id("rd-intensity"));
    vec![
        ReportingPeriodOpened {
            period: id("q3-2026"),
            frequency: Frequency::Quarter,
            start: date(2026, 7, 1),
            end: date(2026, 9, 30),
            due_date: date(2026, 10, 20),
            note: "三季度填报".to_owned(),
        }
        .into(),
        ReportingPeriodClosed { period: id("q3-2026"), reason: "填报截止".to_owned() }.into(),
        ReminderIssued {
            agency: id("sti-bureau"),
            scope: target(),
            period: Some(id("q3-2026")),
            message: "请于本周内填报".to_owned(),
        }
        .into(),
        ProgressNoteRecorded {
            scope: target(),
            as_of: date(2026, 9, 30),
            progress: "进展顺利".to_owned(),
            problems: "数据滞后".to_owned(),
            next_steps: "加强统计".to_owned(),
        }
        .into(),
        SupervisionIssued {
            supervision: id("dc-2026-007"),
            agency: id("sti-bureau"),
            scope: Scope::Area(id("circle-hit")),
            demand: "限期报送".to_owned(),
            due_date: date(2026, 11, 30),
            document: "督办函〔2026〕7号".to_owned(),
        }
        .into(),
        SupervisionAnswered { supervision: id("dc-2026-007"), answer: "已报送".to_owned() }.into(),
        SupervisionClosed {
            supervision: id("dc-2026-007"),
            outcome: SupervisionOutcome::Rectified,
            finding: "已核实".to_owned(),
        }
        .into(),
    ]
}
