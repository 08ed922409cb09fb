//! What holds for every event: sizes of its texts, the phase of the plan, and its dates.
//!
//! Place in the flow: first and last step of `decide`. It must not know: the rules of any one event.

use jiff::civil::Date;

use super::Rejection;
use super::case::{Case, Spoken, bounded};
use super::rejection::{refuse_if, reject};
use crate::event::{EVIDENCE_MAX, Evidence, Payload, PlanPublished, StaffCodes, TEXT_LENGTH_MAX};
use crate::evolve::is_definition;
use crate::vocabulary::Role;

/// Longest correlation id, in characters.
const CORRELATION_LENGTH_MAX: usize = 128;

/// Sizes of the parts that every event has.
pub(super) fn check(case: &Case<'_>) -> Result<(), Rejection> {
    let input = case.input;
    refuse_if!(input.event_id.is_nil(), InvalidField, "event_id", "is the nil UUID; draw one", "为空 UUID；请生成一个",);
    bounded("comment", &input.comment, TEXT_LENGTH_MAX)?;
    bounded("source_ref", &input.source_ref, TEXT_LENGTH_MAX)?;
    bounded("correlation_id", &input.correlation_id, CORRELATION_LENGTH_MAX)?;
    evidence("evidence", &input.evidence)?;
    staff(&input.staff)
}

/// Four eyes: who files does not review or approve.
fn staff(codes: &StaffCodes) -> Result<(), Rejection> {
    let filer = &codes.filer;
    for (field, code) in [("staff.reviewer", &codes.reviewer), ("staff.approver", &codes.approver)] {
        refuse_if!(
            !filer.is_empty() && code == filer,
            InvalidField,
            field,
            "{code} is also the filer; let another person do it, or leave it out",
            "{code} 也是填报人；须由他人担任，或留空",
        );
    }
    Ok(())
}

/// A list of files that stay with the agency; `path` is the whole path of the list.
pub(super) fn evidence(path: &str, entries: &[Evidence]) -> Result<(), Rejection> {
    let count = entries.len();
    refuse_if!(
        count > EVIDENCE_MAX,
        InvalidField,
        path,
        "has {count} entries; at most {EVIDENCE_MAX}",
        "有 {count} 条；最多 {EVIDENCE_MAX} 条",
    );
    for (index, entry) in entries.iter().enumerate() {
        let at = |field: &str| format!("{path}[{index}].{field}");
        refuse_if!(
            entry.media_type.is_empty(),
            InvalidField,
            at("media_type"),
            "is empty; for example application/pdf",
            "为空；例如 application/pdf",
        );
        bounded(&at("media_type"), &entry.media_type, TEXT_LENGTH_MAX)?;
        bounded(&at("title"), &entry.title, TEXT_LENGTH_MAX)?;
        bounded(&at("locator"), &entry.locator, TEXT_LENGTH_MAX)?;
    }
    Ok(())
}

/// Whether an event of this kind may come before, or after, the plan was published.
pub(super) fn phase(case: &Case<'_>) -> Result<(), Rejection> {
    let payload = &case.input.payload;
    if matches!(payload, Payload::LogCreated(_) | Payload::HistoryForked(_) | Payload::DayOpened(_)) {
        return Ok(());
    }
    match case.state.published() {
        Some(published) => after(case, published),
        None => before(case),
    }
}

/// The frame of a published plan opens by a revision; a plan that is closed out takes what mends it, and what fills the
/// place of what was rejected since.
fn after(case: &Case<'_>, published: &PlanPublished) -> Result<(), Rejection> {
    let payload = &case.input.payload;
    if let Payload::PlanPublished(again) = payload {
        refuse_if!(
            again.digest != published.digest,
            PlanDigestMismatch,
            case.path("digest"),
            "the plan was published with another digest; load the same folder as before, or use a new plan id",
            "规划已以另一摘要发布；请加载原目录，或使用新的规划标识",
        );
    }
    let name = payload.type_name();
    refuse_if!(
        matches!(payload, Payload::PlanPublished(_) | Payload::PlanDefined(_)),
        PlanAlreadyPublished,
        case.path(""),
        "the plan is published and takes no further {name}; send PlanRevised, or load it under a new plan id",
        "规划已发布，不再接受 {name}；请提交 PlanRevised，或以新的规划标识加载",
    );
    if let Some(closed) = case.state.closed_out().filter(|_| !mends(payload) && !case.state.refills(payload)) {
        let day = closed.as_of;
        refuse_if!(
            matches!(payload, Payload::MeasurementRetracted(_)),
            PlanClosed,
            case.path(""),
            "the plan was closed out as of {day}: what is retracted could not be reported anew; send \
             MeasurementCorrected instead",
            "规划已于 {day} 收官，撤回后无法重新上报；请改为提交 MeasurementCorrected",
        );
        return Err(reject!(
            PlanClosed,
            case.path(""),
            "the plan was closed out as of {day} and takes no further {name}; \
             what is there can be corrected, revised and verified, and what was rejected since can be said anew",
            "规划已于 {day} 收官，不再接受 {name}；已有内容仍可更正、修订和核验，收官后核验不通过的可在原处重报",
        ));
    }
    refuse_if!(
        matches!(payload, Payload::IndicatorDefined(_) | Payload::TargetSet(_)) && case.state.later_editions.is_none(),
        PlanAlreadyPublished,
        case.path(""),
        "the plan is published and takes no further {name} before a PlanRevised; send that first",
        "规划已发布，须先提交 PlanRevised 方可接受 {name}",
    );
    Ok(())
}

/// Whether an event puts right what is there, or says who answers for it now.
const fn mends(payload: &Payload) -> bool {
    use Payload as P;
    matches!(
        payload,
        P::MeasurementCorrected(_)
            | P::MeasurementRevised(_)
            | P::VerificationRequested(_)
            | P::VerificationAccepted(_)
            | P::VerificationRejected(_)
            | P::VerificationReopened(_)
            | P::EvidenceAttached(_)
            | P::EvidenceWithdrawn(_)
            | P::SupervisionAnswered(_)
            | P::SupervisionClosed(_)
            | P::BaselineRestated(_)
            | P::AgencyRegistered(_)
            | P::AgencyRenamed(_)
            | P::AgencySucceeded(_)
            | P::AgencyAssigned(_)
            | P::AssignmentEnded(_)
    )
}

/// A plan that is being loaded takes definitions of the plan office, the plan itself first.
fn before(case: &Case<'_>) -> Result<(), Rejection> {
    let payload = &case.input.payload;
    let loads = is_definition(payload) || matches!(payload, Payload::PlanPublished(_));
    refuse_if!(
        !loads || case.actor.role != Role::Admin,
        PlanNotPublished,
        case.path(""),
        "the plan is still being loaded and takes definitions of the plan office only; wait until it is published",
        "规划仍在加载，只接受规划管理方的定义；请待其发布",
    );
    match payload {
        Payload::PlanDefined(_) if case.state.plan().is_some() => {
            Err(reject!(AlreadyDefined, case.path("plan"), "the plan is already defined", "规划已定义"))
        }
        Payload::PlanDefined(_) => Ok(()),
        _ => case.plan().map(|_| ()),
    }
}

/// Checks the dates of the event; gives back whether it is back-dated (补录).
pub(super) fn dates(case: &Case<'_>, spoken: Option<Spoken>) -> Result<bool, Rejection> {
    effective_date(case)?;
    if let Some(spoken) = spoken {
        spoken_date(case, spoken)?;
    }
    let today = case.moment.today;
    let since = spoken.map(|spoken| spoken.date).or_else(|| effective_date_of_delivery(case));
    let (Some(since), Some(plan)) = (since, case.state.plan()) else { return Ok(false) };
    let (days, limit) = (days_between(since, today), plan.late_after_days);
    let back_dated = days > i64::from(limit);
    refuse_if!(
        back_dated && case.input.source_ref.trim().is_empty(),
        SourceRefRequired,
        "source_ref",
        "{since} is {days} days ago, more than {limit}: a back-dated event needs the document and page it rests on",
        "{since} 距今 {days} 天，超过 {limit} 天：补录事件须注明所依据的文件和页码",
    );
    Ok(back_dated)
}

fn effective_date(case: &Case<'_>) -> Result<(), Rejection> {
    let Some(effective) = case.input.effective_date else { return Ok(()) };
    let today = case.moment.today;
    refuse_if!(
        is_measurement(&case.input.payload),
        InvalidField,
        "effective_date",
        "is set; the period says when a measurement holds, leave it out",
        "不应填写；测量值的时间由其期间说明，请删去",
    );
    refuse_if!(
        effective > today,
        FutureDate,
        "effective_date",
        "{effective} lies after today, {today}; send the event when the day has come",
        "{effective} 晚于今天（{today}）；请到期后再提交",
    );
    Ok(())
}

/// The day in the payload has come, and the envelope does not say another one.
fn spoken_date(case: &Case<'_>, Spoken { date, field }: Spoken) -> Result<(), Rejection> {
    let today = case.moment.today;
    refuse_if!(
        date > today,
        FutureDate,
        case.path(field),
        "{date} lies after today, {today}; report after the day has come",
        "{date} 晚于今天（{today}）；请到期后再报",
    );
    let effective = case.input.effective_date.unwrap_or(date);
    refuse_if!(
        effective != date,
        InvalidField,
        "effective_date",
        "{effective} contradicts {date} in the event itself; leave it out or make them equal",
        "{effective} 与事件中的 {date} 不一致；请删去或改为一致",
    );
    Ok(())
}

/// Events of projects and milestones without a date of their own are as old as their effective date.
fn effective_date_of_delivery(case: &Case<'_>) -> Option<Date> {
    let dated = matches!(
        case.input.payload,
        Payload::MilestoneRescheduled(_)
            | Payload::MilestoneCancelled(_)
            | Payload::MilestoneReopened(_)
            | Payload::ProjectStatusChanged(_)
    );
    case.input.effective_date.filter(|_| dated)
}

const fn is_measurement(payload: &Payload) -> bool {
    matches!(
        payload,
        Payload::MeasurementReported(_)
            | Payload::MeasurementCorrected(_)
            | Payload::MeasurementRevised(_)
            | Payload::MeasurementRetracted(_)
            | Payload::NothingToReport(_)
    )
}

/// Days from `from` to `to`, a plain date difference (SCORING §3).
fn days_between(from: Date, to: Date) -> i64 {
    from.duration_until(to).as_hours() / 24
}
