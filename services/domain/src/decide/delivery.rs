//! Rules of projects and their milestones.
//!
//! Place in the flow: called by `decide`. It must not know: completion, who sends.
//!
//! States are those of OCDS. From SCHEDULED, PARTIALLY_MET and NOT_MET a milestone may be reported on, rescheduled and
//! cancelled; MET and CANCELLED are ends, but for a rejected report, which brings back what held before it, and for a
//! reopening, after which nothing is reported yet.

use super::Rejection;
use super::case::{Case, Spoken};
use super::rejection::{refuse_if, reject};
use crate::event::{
    MilestoneCancelled, MilestoneMissed, MilestonePartiallyReached, MilestonePlanned, MilestoneReached,
    MilestoneReopened, MilestoneRescheduled, ProjectMerged, ProjectRegistered, ProjectStatusChanged,
};
use crate::id::{MilestoneId, ProjectId};
use crate::quantity::Decimal;
use crate::state::{Milestone, Project};
use crate::vocabulary::{MilestoneStatus, ProjectKind, ProjectStatus};

/// A project.
pub(super) fn registered(case: &Case<'_>, project: &ProjectRegistered) -> Result<(), Rejection> {
    if case.state.project(&project.project).is_some() {
        return Err(case.already("project", "project", "项目", project.project.as_str()));
    }
    case.area("area", &project.area)?;
    case.name("display_name", &project.name)?;
    let plan = case.plan()?;
    project
        .mentions
        .iter()
        .enumerate()
        .try_for_each(|(index, span)| case.span(&format!("mentions[{index}]"), plan, Some(span)))
}

/// Two names, one project. Both must still stand for themselves, so that merges never form a chain or a circle.
pub(super) fn merged(case: &Case<'_>, merged: &ProjectMerged) -> Result<(), Rejection> {
    let (ends, into) = (&merged.project, &merged.into);
    refuse_if!(
        ends == into,
        InvalidField,
        case.path("into"),
        "{into} cannot be merged into itself",
        "{into} 不能并入自身",
    );
    both_stand(case, ends, into)?;
    let open = case.state.milestones_of(ends).find(|(_, milestone)| is_open(milestone));
    if let Some((id, milestone)) = open {
        let status = milestone.status();
        return Err(reject!(
            MilestoneState,
            case.path("project"),
            "milestone {id} of {ends} is {status}; cancel it and plan it for {into} first",
            "{ends} 的节点 {id} 处于 {status}；请先取消，并在 {into} 下重新计划",
        ));
    }
    case.required("reason", &merged.reason)
}

/// Neither project is merged, and none is merged into the one that ends.
fn both_stand(case: &Case<'_>, ends: &ProjectId, into: &ProjectId) -> Result<(), Rejection> {
    let project = case.project("project", ends)?;
    if let Some(earlier) = &project.merged_into {
        return Err(reject!(
            AlreadyDefined,
            case.path("project"),
            "{ends} is merged into {earlier} already",
            "{ends} 已并入 {earlier}",
        ));
    }
    if let Some(on) = &case.project("into", into)?.merged_into {
        return Err(reject!(
            InvalidField,
            case.path("into"),
            "{into} is merged into {on}; merge into {on}",
            "{into} 已并入 {on}；请并入 {on}",
        ));
    }
    let target = case.state.projects().find(|(_, other)| other.merged_into.as_ref() == Some(ends));
    if let Some((other, _)) = target {
        return Err(reject!(
            InvalidField,
            case.path("project"),
            "{other} is merged into {ends}, which therefore goes on; merge {into} into {ends} instead",
            "{other} 已并入 {ends}，{ends} 须继续存在；请改将 {into} 并入 {ends}",
        ));
    }
    Ok(())
}

/// A milestone of a project that has milestones.
pub(super) fn planned(case: &Case<'_>, planned: &MilestonePlanned) -> Result<(), Rejection> {
    let (id, weight) = (&planned.project, planned.weight);
    let project = case.project("project", id)?;
    let direction = project.definition.kind == ProjectKind::Direction;
    refuse_if!(
        direction,
        MilestoneState,
        case.path("project"),
        "{id} is a research direction and has no milestones",
        "{id} 是研究方向，不设节点",
    );
    if let Some(into) = &project.merged_into {
        return Err(reject!(
            MilestoneState,
            case.path("project"),
            "{id} is merged into {into}; plan the milestone there",
            "{id} 已并入 {into}；请在其下计划节点",
        ));
    }
    goes_on(case, id, project)?;
    if case.state.milestone(id, &planned.milestone).is_some() {
        return Err(case.already("milestone", "milestone", "节点", planned.milestone.as_str()));
    }
    refuse_if!(
        weight <= Decimal::ZERO,
        InvalidField,
        case.path("weight"),
        "is {weight}; a weight is above 0",
        "为 {weight}；权重须大于 0",
    );
    case.name("title", &planned.title)
}

/// Nothing is left to do in a project that ended.
fn goes_on(case: &Case<'_>, id: &ProjectId, project: &Project) -> Result<(), Rejection> {
    if let Some(status @ (ProjectStatus::Completed | ProjectStatus::Cancelled)) = project.status_on(case.moment.today) {
        return Err(reject!(
            MilestoneState,
            case.path("project"),
            "{id} is {status} and takes no new or reopened milestones; send ProjectStatusChanged first if it goes on",
            "{id} 处于 {status}，不再新设或重启节点；如继续实施，请先提交 ProjectStatusChanged",
        ));
    }
    Ok(())
}

/// Another status from a day on: not the one that holds on that day anyway.
pub(super) fn status_changed(case: &Case<'_>, changed: &ProjectStatusChanged) -> Result<(), Rejection> {
    let (id, status) = (&changed.project, changed.status);
    let project = case.project("project", id)?;
    let Some(from) = case.input.effective_date else {
        return Err(reject!(
            InvalidField,
            "effective_date",
            "is missing; the project is at the status from that day on",
            "缺失；项目自该日起处于新状态",
        ));
    };
    refuse_if!(
        project.status_on(from) == Some(status),
        InvalidField,
        case.path("status"),
        "{id} is {status} on {from} already",
        "{id} 在 {from} 已处于 {status}",
    );
    case.required("reason", &changed.reason)
}

/// Another due date, said by somebody who knows the current one.
pub(super) fn rescheduled(case: &Case<'_>, moved: &MilestoneRescheduled) -> Result<(), Rejection> {
    let milestone = open(case, &moved.project, &moved.milestone)?;
    let (said, current, new) = (moved.previous_due_date, milestone.due_date, moved.due_date);
    refuse_if!(
        said != current,
        MilestoneState,
        case.path("previous_due_date"),
        "is {said}, but the milestone is due on {current}; look at it again",
        "为 {said}，但节点的到期日是 {current}；请重新查看",
    );
    refuse_if!(new == current, InvalidField, case.path("due_date"), "is {new} already", "已是 {new}");
    case.required("reason", &moved.reason)
}

/// Met.
pub(super) fn reached(case: &Case<'_>, report: &MilestoneReached) -> Result<Spoken, Rejection> {
    open(case, &report.project, &report.milestone)?;
    Ok(Spoken { date: report.reach_date, field: "reach_date" })
}

/// Partially met.
pub(super) fn partially_reached(case: &Case<'_>, report: &MilestonePartiallyReached) -> Result<Spoken, Rejection> {
    open(case, &report.project, &report.milestone)?;
    let percent = report.percent;
    let inside = percent > Decimal::ZERO && percent < Decimal::ONE_HUNDRED;
    refuse_if!(
        !inside,
        InvalidField,
        case.path("percent"),
        "{percent} is not above 0 and below 100; send MilestoneReached for 100",
        "{percent} 不在 0 与 100 之间；100 请用 MilestoneReached",
    );
    case.required("shortfall", &report.shortfall)?;
    Ok(Spoken { date: report.as_of, field: "as_of_date" })
}

/// Not met as of a review, which cannot be before the due date.
pub(super) fn missed(case: &Case<'_>, report: &MilestoneMissed) -> Result<Spoken, Rejection> {
    let milestone = open(case, &report.project, &report.milestone)?;
    let (date, due) = (report.as_of, milestone.due_date);
    refuse_if!(
        date < due,
        InvalidField,
        case.path("as_of_date"),
        "{date} is before the due date, {due}: nothing is missed yet",
        "{date} 早于到期日 {due}：尚未逾期",
    );
    case.required("reason", &report.reason)?;
    Ok(Spoken { date, field: "as_of_date" })
}

/// No longer wanted.
pub(super) fn cancelled(case: &Case<'_>, ended: &MilestoneCancelled) -> Result<(), Rejection> {
    open(case, &ended.project, &ended.milestone)?;
    case.required("reason", &ended.reason)
}

/// Open again, as if nothing had been reported. A merged project has no open milestones.
pub(super) fn reopened(case: &Case<'_>, reopened: &MilestoneReopened) -> Result<(), Rejection> {
    let (project, id) = (&reopened.project, &reopened.milestone);
    let (definition, milestone) = (case.project("project", project)?, milestone(case, project, id)?);
    let status = milestone.status();
    refuse_if!(
        is_open(milestone),
        MilestoneState,
        case.path("milestone"),
        "{id} is {status}, which is open; only a MET or CANCELLED one is reopened",
        "{id} 处于 {status}，尚未终结；仅 MET 或 CANCELLED 的节点可重启",
    );
    if let Some(into) = &definition.merged_into {
        return Err(reject!(
            MilestoneState,
            case.path("project"),
            "{project} is merged into {into}; plan the milestone there",
            "{project} 已并入 {into}；请在其下计划节点",
        ));
    }
    goes_on(case, project, definition)?;
    case.required("reason", &reopened.reason)
}

fn is_open(milestone: &Milestone) -> bool {
    !matches!(milestone.status(), MilestoneStatus::Met | MilestoneStatus::Cancelled)
}

fn milestone<'a>(case: &Case<'a>, project: &ProjectId, id: &MilestoneId) -> Result<&'a Milestone, Rejection> {
    let milestone = case.state.milestone(project, id);
    milestone.ok_or_else(|| case.unknown("milestone", "milestone", "节点", id.as_str()))
}

/// The milestone, if it can still change.
fn open<'a>(case: &Case<'a>, project: &ProjectId, id: &MilestoneId) -> Result<&'a Milestone, Rejection> {
    case.project("project", project)?;
    let milestone = milestone(case, project, id)?;
    let status = milestone.status();
    refuse_if!(
        !is_open(milestone),
        MilestoneState,
        case.path("milestone"),
        "{id} is {status}, which is final; send MilestoneReopened first if it goes on",
        "{id} 处于 {status}，已终结；如继续实施，请先提交 MilestoneReopened",
    );
    Ok(milestone)
}
