//! Rules of events that change the plan as a whole: another edition, another arithmetic, the end.
//!
//! Place in the flow: called by `decide`. It must not know: who sends, which events a revised or closed plan takes
//! (`envelope`).

use jiff::civil::Date;

use super::Rejection;
use super::case::{Case, bounded};
use super::definition::{notes, unique};
use super::rejection::{refuse_if, reject};
use crate::event::{
    CalculationAdopted, IndicatorDefined, Name, PlanClosedOut, PlanRevised, Schedule, TEXT_LENGTH_MAX, TargetSet,
};
use crate::score::{self, CALC_VERSIONS};

/// Another edition, title or last day: at least one of them.
pub(super) fn plan(case: &Case<'_>, revised: &PlanRevised) -> Result<(), Rejection> {
    let retitled = revised.title != Name::default();
    refuse_if!(
        revised.documents.is_empty() && !retitled && revised.end.is_none(),
        InvalidField,
        case.path("documents"),
        "is empty, and neither title nor last day is given: nothing would change",
        "为空，且未给出新标题或新的结束日期：没有任何变更",
    );
    if retitled {
        case.name("title", &revised.title)?;
    }
    documents(case, revised)?;
    end(case, revised)?;
    case.required("changes", &revised.changes)?;
    case.required("reason", &revised.reason)
}

/// Editions that the plan has not yet.
fn documents(case: &Case<'_>, revised: &PlanRevised) -> Result<(), Rejection> {
    unique(case, "documents", "document", revised.documents.iter().map(|document| document.id.as_str()))?;
    let known = &case.plan()?.documents;
    for (index, document) in revised.documents.iter().enumerate() {
        let field = |name: &str| format!("documents[{index}].{name}");
        if known.iter().any(|edition| edition.id == document.id) {
            return Err(case.already(&field("document"), "edition", "文件版本", document.id.as_str()));
        }
        bounded(&case.path(&field("title")), &document.title, TEXT_LENGTH_MAX)?;
        notes(case, &field("notes"), &document.notes)?;
    }
    Ok(())
}

/// No target may be left with a deadline after the plan.
fn end(case: &Case<'_>, revised: &PlanRevised) -> Result<(), Rejection> {
    let Some(end) = revised.end else { return Ok(()) };
    let start = case.plan()?.start;
    refuse_if!(
        end < start,
        InvalidField,
        case.path("end_date"),
        "{end} lies before the start, {start}",
        "{end} 早于开始日期 {start}",
    );
    let beyond = case.state.targets().map(|target| &target.definition).find(|target| target.effective_deadline > end);
    if let Some(target) = beyond {
        let (area, indicator, deadline) = (&target.area, &target.indicator, target.effective_deadline);
        return Err(reject!(
            TargetRule,
            case.path("end_date"),
            "{end} lies before {deadline}, the deadline of areas/{area}/targets/{indicator}; revise that target first",
            "{end} 早于 areas/{area}/targets/{indicator} 的截止日期 {deadline}；请先调整该目标",
        ));
    }
    Ok(())
}

/// The end has come, the figures that decide are due, and the assessment speaks of a day on which both is so: what is
/// closed out before stays without data.
pub(super) fn closed_out(case: &Case<'_>, closed: &PlanClosedOut) -> Result<(), Rejection> {
    let (day, end, today) = (closed.as_of, case.plan()?.end, case.moment.today);
    refuse_if!(
        day <= end,
        InvalidField,
        case.path("as_of_date"),
        "{day} is not after the plan's last day, {end}",
        "{day} 不晚于规划的最后一天 {end}",
    );
    refuse_if!(
        day > today,
        FutureDate,
        case.path("as_of_date"),
        "{day} lies after today, {today}; close the plan out when the day has come",
        "{day} 晚于今天（{today}）；请到期后再收官",
    );
    let targets = case.state.targets().map(|target| target.definition.as_ref());
    let last =
        targets.filter_map(|target| Some((awaited_before(case, target, day)?, target))).max_by_key(|last| last.0);
    if let Some((due, target)) = last.filter(|(due, _)| day < *due) {
        let (area, indicator, deadline) = (&target.area, &target.indicator, target.effective_deadline);
        return Err(reject!(
            TargetRule,
            case.path("as_of_date"),
            "{day} lies before {due}: until the day before, figures of areas/{area}/targets/{indicator} for {deadline} \
             may come in time; close the plan out as of {due} or later",
            "{day} 早于 {due}：在此之前 areas/{area}/targets/{indicator} 截止 {deadline} 的数据仍可按期上报；收官日期不得早于 {due}",
        ));
    }
    case.required("finding", &closed.finding)
}

/// The first day on which the figure of the deadline would be overdue (SCORING §5 row 4), or that of the series it is
/// compared with; none for what is no longer scored on `day`.
fn awaited_before(case: &Case<'_>, target: &TargetSet, day: Date) -> Option<Date> {
    let own = case.state.indicator(&target.indicator)?;
    let is_retired = |indicator: &IndicatorDefined| indicator.retired_from.is_some_and(|from| from <= day);
    if is_retired(own) {
        return None;
    }
    let other = target.other_series.as_ref().and_then(|other| case.state.indicator(other));
    let other = other.filter(|other| !is_retired(other));
    let due =
        |schedule: Schedule| score::due(target.effective_deadline, schedule.release_lag_days, schedule.grace_days);
    let last = [Some(own), other].into_iter().flatten().map(|indicator| due(indicator.schedule)).max();
    last.and_then(|last| last.tomorrow().ok())
}

/// Another arithmetic, one that is known.
pub(super) fn calculation(case: &Case<'_>, adopted: &CalculationAdopted) -> Result<(), Rejection> {
    let version = adopted.calc_version;
    calc_version(case, version)?;
    refuse_if!(
        version == case.state.calc_version(),
        InvalidField,
        case.path("calc_version"),
        "{version} is in force already",
        "版本 {version} 已在使用",
    );
    case.required("reason", &adopted.reason)
}

/// A version of the arithmetic that this server computes.
pub(super) fn calc_version(case: &Case<'_>, version: u32) -> Result<(), Rejection> {
    let known = CALC_VERSIONS.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    refuse_if!(
        !CALC_VERSIONS.contains(&version),
        InvalidField,
        case.path("calc_version"),
        "{version} is not a version of the arithmetic; this server computes {known}",
        "{version} 不是已知的算法版本；本服务可用：{known}",
    );
    Ok(())
}
