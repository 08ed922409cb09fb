//! Rules of conducting a plan: reporting periods, reminders, notes, supervision.
//!
//! Place in the flow: called by `decide`. It must not know: who sends, what a closed period refuses (`period`).

use super::Rejection;
use super::agency;
use super::case::{Case, Spoken, bounded};
use super::rejection::{refuse_if, reject};
use crate::event::{
    ProgressNoteRecorded, ReminderIssued, ReportingPeriodClosed, ReportingPeriodOpened, SupervisionAnswered,
    SupervisionClosed, SupervisionIssued, TEXT_LENGTH_MAX,
};
use crate::id::{ReportingPeriodId, SupervisionId};
use crate::state::{ReportingPeriod, Supervision};
use crate::vocabulary::{SupervisionOutcome, SupervisionStatus};

/// A new period, or a closed one again: then it is what it is said to be now, for its dates may have been mistyped.
pub(super) fn opened(case: &Case<'_>, opened: &ReportingPeriodOpened) -> Result<(), Rejection> {
    let (start, end, due) = (opened.start, opened.end, opened.due_date);
    refuse_if!(
        start > end,
        InvalidField,
        case.path("end_date"),
        "{end} lies before the start, {start}",
        "{end} 早于开始日期 {start}",
    );
    refuse_if!(
        due < end,
        InvalidField,
        case.path("due_date"),
        "{due} lies before the end, {end}: there is nothing to report yet",
        "{due} 早于结束日期 {end}：届时尚无数据可报",
    );
    bounded(&case.path("note"), &opened.note, TEXT_LENGTH_MAX)?;
    let id = &opened.period;
    refuse_if!(
        case.state.conduct.periods.get(id).is_some_and(|known| !known.closed),
        PeriodState,
        case.path("period"),
        "period {id} is open; close it first, then it can be opened again, also with other dates",
        "报告期 {id} 已开放；请先关闭，再重新开放（可更改日期）",
    );
    apart(case, opened)
}

/// No day of the period is in another one of its frequency: a figure lies in one period at most.
fn apart(case: &Case<'_>, opened: &ReportingPeriodOpened) -> Result<(), Rejection> {
    let frequency = opened.frequency;
    let mut periods = case.state.conduct.periods.iter();
    let other =
        periods.find(|(id, period)| **id != opened.period && period.overlaps(frequency, opened.start, opened.end));
    let Some((id, ReportingPeriod { start, end, .. })) = other else { return Ok(()) };
    Err(reject!(
        PeriodState,
        case.path("start_date"),
        "shares days with period {id}, {frequency} from {start} to {end}; periods of a frequency follow each other",
        "与报告期 {id}（{frequency}，{start} 至 {end}）重叠；同一频率的报告期须首尾相接",
    ))
}

/// No new figures for the period.
pub(super) fn closed(case: &Case<'_>, closed: &ReportingPeriodClosed) -> Result<(), Rejection> {
    let id = &closed.period;
    let known = period(case, id)?;
    refuse_if!(known.closed, PeriodState, case.path("period"), "period {id} is closed already", "报告期 {id} 已关闭",);
    case.required("reason", &closed.reason)
}

fn period<'a>(case: &Case<'a>, id: &ReportingPeriodId) -> Result<&'a ReportingPeriod, Rejection> {
    let known = case.state.conduct.periods.get(id);
    known.ok_or_else(|| case.unknown("period", "reporting period", "报告期", id.as_str()))
}

/// An agency is reminded of something that the plan knows.
pub(super) fn reminded(case: &Case<'_>, reminder: &ReminderIssued) -> Result<(), Rejection> {
    agency::acting(case, "agency", &reminder.agency)?;
    agency::known(case, &reminder.scope)?;
    if let Some(id) = &reminder.period {
        period(case, id)?;
    }
    case.required("message", &reminder.message)
}

/// Something is said about something that the plan knows.
pub(super) fn noted(case: &Case<'_>, note: &ProgressNoteRecorded) -> Result<Spoken, Rejection> {
    agency::known(case, &note.scope)?;
    let texts = [("progress", &note.progress), ("problems", &note.problems), ("next_steps", &note.next_steps)];
    for (field, text) in texts {
        bounded(&case.path(field), text, TEXT_LENGTH_MAX)?;
    }
    refuse_if!(
        texts.iter().all(|(_, text)| text.trim().is_empty()),
        InvalidField,
        case.path("progress"),
        "is empty, as are problems and next_steps; say at least one",
        "进展、存在问题、下一步措施均为空；请至少填写一项",
    );
    Ok(Spoken { date: note.as_of, field: "as_of_date" })
}

/// An agency is told to put something right, by a day that has not passed.
pub(super) fn issued(case: &Case<'_>, issued: &SupervisionIssued) -> Result<(), Rejection> {
    let (id, due, today) = (&issued.supervision, issued.due_date, case.moment.today);
    if case.state.conduct.supervisions.contains_key(id) {
        return Err(case.already("supervision", "supervision", "督办事项", id.as_str()));
    }
    agency::acting(case, "agency", &issued.agency)?;
    agency::known(case, &issued.scope)?;
    refuse_if!(
        due < today,
        InvalidField,
        case.path("due_date"),
        "{due} lies before today, {today}; give the agency time",
        "{due} 早于今天（{today}）；请给出办理时间",
    );
    case.required("demand", &issued.demand)?;
    bounded(&case.path("document"), &issued.document, TEXT_LENGTH_MAX)
}

/// Any number of times until the matter is closed.
pub(super) fn answered(case: &Case<'_>, answered: &SupervisionAnswered) -> Result<(), Rejection> {
    standing(case, &answered.supervision)?;
    case.required("answer", &answered.answer)
}

/// Put right is only what the agency said it did; withdrawn is what should not have been issued.
pub(super) fn settled(case: &Case<'_>, closed: &SupervisionClosed) -> Result<(), Rejection> {
    let id = &closed.supervision;
    let matter = standing(case, id)?;
    let agency = &matter.agency;
    refuse_if!(
        closed.outcome == SupervisionOutcome::Rectified && matter.status != SupervisionStatus::Answered,
        SupervisionState,
        case.path("outcome"),
        "is RECTIFIED, but agency {agency} has not answered {id}; wait for the answer, or withdraw it",
        "为 RECTIFIED，但单位 {agency} 尚未回复 {id}；请待其回复，或予以撤销",
    );
    case.required("finding", &closed.finding)
}

/// The matter, if it is not closed.
fn standing<'a>(case: &Case<'a>, id: &SupervisionId) -> Result<&'a Supervision, Rejection> {
    let matter = case.state.supervision(id);
    let matter = matter.ok_or_else(|| case.unknown("supervision", "supervision", "督办事项", id.as_str()))?;
    refuse_if!(
        matter.status == SupervisionStatus::Closed,
        SupervisionState,
        case.path("supervision"),
        "{id} is closed, which is final; issue another one",
        "{id} 已销号，不再变动；请另行督办",
    );
    Ok(matter)
}
