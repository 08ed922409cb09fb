//! Events that come later in a plan's life, short to write.

use jiff::civil::{Date, date};
use uuid::Uuid;

use super::{dec, id};
use crate::event::*;
use crate::vocabulary::*;

pub(crate) fn revised(measurement: Uuid, value: &str) -> MeasurementRevised {
    MeasurementRevised {
        measurement,
        figure: Figure::Value(dec(value)),
        obs_status: ObsStatus::Normal,
        reason: "年报修订".into(),
    }
}

/// A file of that digest.
pub(crate) fn file(digest: u8) -> Evidence {
    Evidence { sha256: [digest; 32], media_type: "application/pdf".into(), title: "".into(), locator: "".into() }
}

pub(crate) fn attached(event: Uuid, digest: u8) -> EvidenceAttached {
    EvidenceAttached { event, evidence: vec![file(digest)] }
}

pub(crate) fn withdrawn(event: Uuid, digest: u8) -> EvidenceWithdrawn {
    EvidenceWithdrawn { event, sha256: [digest; 32], reason: "文件有误".into() }
}

pub(crate) fn requested(event: Uuid) -> VerificationRequested {
    VerificationRequested { event, note: "请核验".into() }
}

pub(crate) fn unverified(event: Uuid) -> VerificationReopened {
    VerificationReopened { event, reason: "复查".into() }
}

/// Quarterly; due a month after its end.
pub(crate) fn opened(period: &str, start: Date, end: Date) -> ReportingPeriodOpened {
    let due_date = end.saturating_add(jiff::Span::new().days(30));
    ReportingPeriodOpened {
        period: id(period),
        frequency: Frequency::Quarter,
        start,
        end,
        due_date,
        note: String::new(),
    }
}

/// The second quarter of 2025, in which figures of June lie.
pub(crate) fn second_quarter() -> ReportingPeriodOpened {
    opened("q2-2025", date(2025, 4, 1), date(2025, 6, 30))
}

pub(crate) fn closed(period: &str) -> ReportingPeriodClosed {
    ReportingPeriodClosed { period: id(period), reason: "数据已汇总".into() }
}

pub(crate) fn reminder(agency: &str, scope: Scope) -> ReminderIssued {
    ReminderIssued { agency: id(agency), scope, period: None, message: "请及时上报".into() }
}

pub(crate) fn note(scope: Scope) -> ProgressNoteRecorded {
    ProgressNoteRecorded {
        scope,
        as_of: date(2025, 6, 1),
        progress: "已完成选址".into(),
        problems: String::new(),
        next_steps: String::new(),
    }
}

pub(crate) fn supervision(supervision: &str, agency: &str) -> SupervisionIssued {
    SupervisionIssued {
        supervision: id(supervision),
        agency: id(agency),
        scope: Scope::Target(id("city"), id("labs")),
        demand: "限期整改".into(),
        due_date: date(2025, 7, 31),
        document: "督办函〔2025〕3号".into(),
    }
}

pub(crate) fn answer(supervision: &str) -> SupervisionAnswered {
    SupervisionAnswered { supervision: id(supervision), answer: "已整改".into() }
}

pub(crate) fn settled(supervision: &str, outcome: SupervisionOutcome) -> SupervisionClosed {
    SupervisionClosed { supervision: id(supervision), outcome, finding: "现场复核".into() }
}

pub(crate) fn status(project: &str, status: ProjectStatus) -> ProjectStatusChanged {
    ProjectStatusChanged { project: id(project), status, reason: "主管部门批复".into() }
}

pub(crate) fn cancelled(project: &str, milestone: &str) -> MilestoneCancelled {
    MilestoneCancelled { project: id(project), milestone: id(milestone), reason: "不再建设".into() }
}

pub(crate) fn reopened(project: &str, milestone: &str) -> MilestoneReopened {
    MilestoneReopened { project: id(project), milestone: id(milestone), reason: "验收未通过".into() }
}
