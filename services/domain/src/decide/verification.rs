//! Rules of assessments, evidence and verification.
//!
//! Place in the flow: called by `decide`. It must not know: who sends (`authorise` keeps reporter and verifier apart).

use std::num::NonZeroU64;

use uuid::Uuid;

use super::Rejection;
use super::case::{Case, Spoken, bounded};
use super::indicator::in_use;
use super::rejection::{refuse_if, reject};
use super::{envelope, measurement, period};
use crate::event::{
    Event, EvidenceAttached, EvidenceWithdrawn, Payload, QualitativeAssessmentRecorded, TEXT_LENGTH_MAX,
    VerificationAccepted, VerificationRejected, VerificationReopened, VerificationRequested,
};
use crate::id::{MilestoneId, ProjectId};
use crate::state::{Checked, Place};
use crate::vocabulary::{MilestoneStatus, Operator};

/// A step on the target's own scale.
pub(super) fn assessed(case: &Case<'_>, recorded: &QualitativeAssessmentRecorded) -> Result<Spoken, Rejection> {
    let target = &case.target(&recorded.area, &recorded.indicator)?.definition;
    let (operator, step) = (target.operator, &recorded.step);
    refuse_if!(
        operator != Operator::Qualitative,
        FigureNotAllowed,
        case.path("indicator"),
        "the target is {operator} and judged by numbers; send MeasurementReported",
        "该目标为 {operator}，按数值评判；请提交 MeasurementReported",
    );
    let steps = target.steps.join(", ");
    refuse_if!(
        !target.steps.contains(step),
        InvalidField,
        case.path("step"),
        "{step:?} is not one of the steps: {steps}",
        "{step:?} 不在各级之中：{steps}",
    );
    let indicator = case.indicator("indicator", &recorded.indicator)?;
    in_use(case, indicator, recorded.as_of)?;
    period::open(case, indicator, (recorded.as_of, recorded.as_of))?;
    case.required("finding", &recorded.finding)?;
    Ok(Spoken { date: recorded.as_of, field: "as_of_date" })
}

/// More evidence for something that was said, which evidence itself, genesis and days are not.
pub(super) fn evidence(case: &Case<'_>, attached: &EvidenceAttached) -> Result<(), Rejection> {
    let named = case.named("event", &attached.event)?;
    let (id, kind) = (&attached.event, named.input.payload.type_name());
    let said = !matches!(
        named.input.payload,
        Payload::EvidenceAttached(_)
            | Payload::EvidenceWithdrawn(_)
            | Payload::LogCreated(_)
            | Payload::HistoryForked(_)
            | Payload::DayOpened(_)
    );
    refuse_if!(
        !said,
        WrongEventType,
        case.path("event"),
        "{id} is a {kind}; name the event that the evidence supports",
        "{id} 是 {kind}；请指明佐证所支持的事件",
    );
    refuse_if!(
        attached.evidence.is_empty(),
        InvalidField,
        case.path("evidence"),
        "is empty; attach at least one",
        "为空；至少附一项",
    );
    envelope::evidence(&case.path("evidence"), &attached.evidence)
}

/// A file that the named event carries, itself or as an attachment, no longer supports; said once, and not while what it
/// supports is verified: the checker looked at it.
pub(super) fn withdrawn(case: &Case<'_>, withdrawn: &EvidenceWithdrawn) -> Result<(), Rejection> {
    let (id, digest) = (&withdrawn.event, &withdrawn.sha256);
    let named = case.named("event", id)?;
    let input = &named.input;
    let (attached, supported) = match &input.payload {
        Payload::EvidenceAttached(attached) => (attached.evidence.as_slice(), &attached.event),
        _ => (&[] as &[_], id),
    };
    let carries = input.evidence.iter().chain(attached).any(|file| file.sha256 == *digest);
    refuse_if!(
        !carries,
        UnknownResource,
        case.path("sha256"),
        "event {id} carries no file of that digest; name the event that carries it",
        "事件 {id} 未附该摘要的文件；请指明附有该文件的事件",
    );
    refuse_if!(
        case.state.conduct.withdrawn.contains(&(*id, *digest)),
        Superseded,
        case.path("sha256"),
        "that file of event {id} was withdrawn already",
        "事件 {id} 的该文件已撤回",
    );
    if let Some(position) = verified(case, supported) {
        return Err(reject!(
            VerificationState,
            case.path("event"),
            "what the file supports was verified at position {position}; a checker sends VerificationReopened first",
            "该文件所佐证的事件已由第 {position} 条核验通过；请先由核验方提交 VerificationReopened",
        ));
    }
    case.required("reason", &withdrawn.reason)
}

/// Asked once for what is not verified yet.
pub(super) fn requested(case: &Case<'_>, requested: &VerificationRequested) -> Result<(), Rejection> {
    let id = &requested.event;
    if let Some(position) = verifiable(case, id)? {
        return Err(reject!(
            VerificationState,
            case.path("event"),
            "it was verified at position {position} already; there is nothing to ask for",
            "已由第 {position} 条核验通过，无须再请求",
        ));
    }
    refuse_if!(
        case.state.conduct.requested.contains(id),
        VerificationState,
        case.path("event"),
        "its verification is requested already; wait for the checker",
        "已请求核验；请等待核验方处理",
    );
    bounded(&case.path("note"), &requested.note, TEXT_LENGTH_MAX)
}

/// Only what is verified can be unverified, also an earlier report on a milestone: its evidence may prove wrong.
pub(super) fn reopened(case: &Case<'_>, reopened: &VerificationReopened) -> Result<(), Rejection> {
    case.named("event", &reopened.event)?;
    if verified(case, &reopened.event).is_none() {
        verifiable(case, &reopened.event)?;
        return Err(reject!(
            VerificationState,
            case.path("event"),
            "it is not verified; accept or reject it",
            "尚未核验通过；请核验通过或不通过",
        ));
    }
    case.required("reason", &reopened.reason)
}

/// A second opinion adds nothing: an event is verified once.
pub(super) fn accepted(case: &Case<'_>, accepted: &VerificationAccepted) -> Result<(), Rejection> {
    if let Some(position) = verifiable(case, &accepted.event)? {
        return Err(reject!(
            Superseded,
            case.path("event"),
            "it was verified at position {position} already",
            "已由第 {position} 条核验通过",
        ));
    }
    case.required("finding", &accepted.finding)
}

/// Also of a verified event: what an audit finds later outweighs what was found before.
pub(super) fn rejected(case: &Case<'_>, rejected: &VerificationRejected) -> Result<(), Rejection> {
    verifiable(case, &rejected.event)?;
    case.required("reason", &rejected.reason)
}

/// The position at which an event was verified, if that stands: also of a report that a later one or a cancellation
/// followed.
fn verified(case: &Case<'_>, id: &Uuid) -> Option<u64> {
    let (state, filed) = (case.state, case.refs.filed(id)?);
    match &filed.place {
        Place::Figure(..) => state.series.live(&filed)?.verified_by.map(NonZeroU64::get),
        Place::Assessment(..) => match state.assessments.get(&filed.position)? {
            Checked::Verified(by) => Some(*by),
            Checked::Rejected => None,
        },
        Place::Report(project, milestone) => {
            state.milestone(project, milestone)?.reports.iter().find(|report| report.event == *id)?.verified_by
        }
    }
}

/// Refuses an event that cannot be verified (any more); gives back the position at which it was.
fn verifiable(case: &Case<'_>, id: &Uuid) -> Result<Option<u64>, Rejection> {
    let named = case.named("event", id)?;
    match &named.input.payload {
        payload if measurement::is_figure(payload) => {
            measurement::live(case, "event", id).map(|(_, figure)| figure.verified_by.map(NonZeroU64::get))
        }
        Payload::QualitativeAssessmentRecorded(_) => {
            let position = named.position;
            match case.state.assessments.get(&position) {
                None => Ok(None),
                Some(Checked::Verified(by)) => Ok(Some(*by)),
                Some(Checked::Rejected) => Err(reject!(
                    Superseded,
                    case.path("event"),
                    "the assessment at position {position} was rejected; assess anew",
                    "第 {position} 条评估已核验不通过；请重新评估",
                )),
            }
        }
        Payload::MilestoneReached(m) => last_report(case, named, &m.project, &m.milestone),
        Payload::MilestonePartiallyReached(m) => last_report(case, named, &m.project, &m.milestone),
        Payload::MilestoneMissed(m) => last_report(case, named, &m.project, &m.milestone),
        other => {
            let kind = other.type_name();
            Err(reject!(
                WrongEventType,
                case.path("event"),
                "{id} is a {kind}; a measurement, an assessment or a report on a milestone can be verified",
                "{id} 是 {kind}；可核验的是测量值、评估或节点报告",
            ))
        }
    }
}

fn last_report(
    case: &Case<'_>,
    named: &Event,
    project: &ProjectId,
    id: &MilestoneId,
) -> Result<Option<u64>, Rejection> {
    let position = named.position;
    let milestone = case.state.milestone(project, id);
    let milestone = milestone.ok_or_else(|| case.unknown("event", "milestone", "节点", id.as_str()))?;
    let cancelled = milestone.status() == MilestoneStatus::Cancelled;
    refuse_if!(
        cancelled,
        MilestoneState,
        case.path("event"),
        "milestone {id} is CANCELLED; its reports are no longer verified",
        "节点 {id} 已取消，其报告不再核验",
    );
    match milestone.last_report() {
        Some(report) if report.event == named.input.event_id => Ok(report.verified_by),
        Some(report) => {
            let now = report.position;
            Err(reject!(
                Superseded,
                case.path("event"),
                "position {position} is not the last report on milestone {id}; name that at position {now}",
                "第 {position} 条不是节点 {id} 的最新报告；请指明第 {now} 条",
            ))
        }
        None => Err(reject!(
            Superseded,
            case.path("event"),
            "position {position} was rejected or set aside by a reopening, and nothing holds for milestone {id}; report anew",
            "第 {position} 条已核验不通过或因节点重启而失效，节点 {id} 暂无有效报告；请重新上报",
        )),
    }
}
