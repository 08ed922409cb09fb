//! Rules of figures: reported, corrected, revised, retracted, nothing to report.
//!
//! Place in the flow: called by `decide`; what a number must be is in `figure`, what a period must be in `period`. It
//! must not know: who sends, targets' values.

use jiff::civil::Date;
use uuid::Uuid;

use super::Rejection;
use super::case::{Case, Spoken};
use super::indicator::in_use;
use super::rejection::{refuse_if, reject};
use super::{figure, period};
use crate::event::{
    Event, Figure, IndicatorDefined, MeasurementCorrected, MeasurementReported, MeasurementRetracted,
    MeasurementRevised, NothingToReport, Payload, ReferencePeriod, TOTAL,
};
use crate::id::{AreaId, IndicatorId};
use crate::state::{LiveFigure, Place};
use crate::vocabulary::Accumulation;

/// Longest key or value of a dimension, in bytes.
const DIMENSION_PART_MAX: usize = 63;

/// A figure for a free period.
pub(super) fn reported(case: &Case<'_>, reported: &MeasurementReported) -> Result<Spoken, Rejection> {
    let reference = reported.period.reference_date();
    let days = period::days(reported.basis, reported.period);
    let indicator = measured(case, &reported.area, &reported.indicator, days)?;
    dimension(case, "dimension", &reported.dimension)?;
    period::shape(case, indicator, reported.basis, reported.period)?;
    let (said, wanted) = (reported.unit_multiplier, indicator.unit_multiplier);
    refuse_if!(
        said != wanted,
        UnitMismatch,
        case.path("unit_multiplier"),
        "is 10^{said}; the indicator is in 10^{wanted}, convert the number",
        "为 10^{said}；指标的单位倍数是 10^{wanted}，请换算",
    );
    figure::check(case, indicator, reported.figure)?;
    period::free(case, reported)?;
    Ok(Spoken { date: reference, field: "period.end" })
}

/// Another number for the live figure of a period: it was wrong.
pub(super) fn corrected(case: &Case<'_>, corrected: &MeasurementCorrected) -> Result<Spoken, Rejection> {
    replaced(case, &corrected.measurement, corrected.figure, &corrected.reason)
}

/// Another number for the live figure of a period: better data came.
pub(super) fn revised(case: &Case<'_>, revised: &MeasurementRevised) -> Result<Spoken, Rejection> {
    replaced(case, &revised.measurement, revised.figure, &revised.reason)
}

/// A total may fall this way, and only this way (SCORING §1).
fn replaced(case: &Case<'_>, earlier: &Uuid, figure: Figure, reason: &str) -> Result<Spoken, Rejection> {
    live(case, "measurement", earlier)?;
    case.required("reason", reason)?;
    let unknown = || case.unknown("measurement", "measurement", "测量值", &earlier.to_string());
    let filed = case.refs.filed(earlier).ok_or_else(unknown)?;
    let Place::Figure(series, slot) = filed.place else { return Err(unknown()) };
    let indicator = case.indicator("measurement", &series.indicator)?;
    figure::check(case, indicator, figure)?;
    Ok(Spoken { date: slot.end, field: "measurement" })
}

/// The live figure ends and its period is free again. Nothing is said of a day, so it is never back-dated.
pub(super) fn retracted(case: &Case<'_>, retracted: &MeasurementRetracted) -> Result<(), Rejection> {
    live(case, "measurement", &retracted.measurement)?;
    case.required("reason", &retracted.reason)
}

/// No change in a period.
pub(super) fn nothing(case: &Case<'_>, nothing: &NothingToReport) -> Result<Spoken, Rejection> {
    let reference = nothing.period.reference_date();
    measured(case, &nothing.area, &nothing.indicator, (reference, reference))?;
    if let ReferencePeriod::Period { start, end } = nothing.period {
        period::ordered(case, start, end)?;
    }
    Ok(Spoken { date: reference, field: "period.end" })
}

/// The indicator, if it takes figures of those days in that area: it has a target there, or is a series for comparison.
fn measured<'a>(
    case: &Case<'a>,
    area: &AreaId,
    id: &IndicatorId,
    days: (Date, Date),
) -> Result<&'a IndicatorDefined, Rejection> {
    case.area("area", area)?;
    let indicator = case.indicator("indicator", id)?;
    if indicator.scored {
        case.target(area, id)?;
    }
    refuse_if!(
        indicator.derived.is_some(),
        DerivedIndicator,
        case.path("indicator"),
        "the figure of {id} follows from the stages of areas; report those with AreaStageChanged",
        "指标 {id} 由区域所处阶段推算；请用 AreaStageChanged 上报阶段",
    );
    refuse_if!(
        !takes_figures(indicator) && !matches!(case.input.payload, Payload::NothingToReport(_)),
        FigureNotAllowed,
        case.path("figure"),
        "{id} is judged by steps and takes no number; a supervising agency sends QualitativeAssessmentRecorded",
        "指标 {id} 按等级评估，不接受数值；由督查单位提交 QualitativeAssessmentRecorded",
    );
    in_use(case, indicator, days.1)?;
    period::open(case, indicator, days)?;
    Ok(indicator)
}

/// Whether figures of an indicator are reported: not where they are derived, nor where steps are assessed instead.
pub fn takes_figures(indicator: &IndicatorDefined) -> bool {
    indicator.derived.is_none() && indicator.accumulation != Accumulation::None
}

/// `_T`, or `key=value` of slugs: dimensions become keys of views.
pub(super) fn dimension(case: &Case<'_>, field: &str, text: &str) -> Result<(), Rejection> {
    let slug = |part: &str| {
        (1..=DIMENSION_PART_MAX).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    if text == TOTAL || text.split_once('=').is_some_and(|(key, value)| slug(key) && slug(value)) {
        return Ok(());
    }
    let shown: String = text.chars().take(80).collect();
    Err(reject!(
        InvalidField,
        case.path(field),
        "{shown:?} is neither {TOTAL} nor key=value of a-z, 0-9 and '-', at most {DIMENSION_PART_MAX} each",
        "{shown:?} 既非 {TOTAL}，也非由 a-z、0-9 和“-”组成的 key=value（各不超过 {DIMENSION_PART_MAX} 位）",
    ))
}

/// The measurement that an event names, if it is the live one of its period.
pub(super) fn live<'a>(case: &Case<'a>, field: &str, id: &Uuid) -> Result<(&'a Event, LiveFigure), Rejection> {
    let named = case.named(field, id)?;
    let kind = named.input.payload.type_name();
    refuse_if!(
        !is_figure(&named.input.payload),
        WrongEventType,
        case.path(field),
        "{id} is a {kind}; name a MeasurementReported, MeasurementCorrected or MeasurementRevised",
        "{id} 是 {kind}；请指明 MeasurementReported、MeasurementCorrected 或 MeasurementRevised",
    );
    let position = named.position;
    let now = case.refs.filed(id).and_then(|filed| case.state.series.now(&filed));
    Err(match now {
        Some(now) if now.position == position => return Ok((named, now)),
        Some(now) => {
            let now = now.position;
            reject!(
                Superseded,
                case.path(field),
                "position {position} is no longer live: position {now} holds its period; name that event",
                "第 {position} 条已失效，其期间现由第 {now} 条占用；请指明后者",
            )
        }
        None => reject!(
            Superseded,
            case.path(field),
            "position {position} was retracted or rejected and its period is free; report it anew",
            "第 {position} 条已撤回或核验不通过，其期间已空出；请重新上报",
        ),
    })
}

/// Whether an event says the number of a period.
pub(super) const fn is_figure(payload: &Payload) -> bool {
    use Payload as P;
    matches!(payload, P::MeasurementReported(_) | P::MeasurementCorrected(_) | P::MeasurementRevised(_))
}
