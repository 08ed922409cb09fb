//! Rules of figures: reported, corrected, retracted, nothing to report.
//!
//! Place in the flow: called by `decide`; what a number must be is in `figure`, what a period must be in `period`. It
//! must not know: who sends, targets' values.

use uuid::Uuid;

use super::Rejection;
use super::case::{Case, Spoken};
use super::rejection::{refuse_if, reject};
use super::{figure, period};
use crate::event::{
    Event, IndicatorDefined, MeasurementCorrected, MeasurementReported, MeasurementRetracted, NothingToReport, Payload,
    ReferencePeriod, TOTAL,
};
use crate::id::{AreaId, IndicatorId};
use crate::state::{LiveFigure, PlanState, Slot};
use crate::vocabulary::Accumulation;

/// Longest key or value of a dimension, in bytes.
const DIMENSION_PART_MAX: usize = 63;

/// A figure for a free period.
pub(super) fn reported(case: &Case<'_>, reported: &MeasurementReported) -> Result<Spoken, Rejection> {
    let indicator = measured(case, &reported.area, &reported.indicator)?;
    dimension(case, &reported.dimension)?;
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
    Ok(Spoken { date: reported.period.reference_date(), field: "period.end" })
}

/// Another number for the live figure of a period. A total may fall this way, and only this way (SCORING §1).
pub(super) fn corrected(case: &Case<'_>, corrected: &MeasurementCorrected) -> Result<Spoken, Rejection> {
    let (named, _) = live(case, "measurement", &corrected.measurement)?;
    case.required("reason", &corrected.reason)?;
    let unknown = || case.unknown("measurement", "measurement", "测量值", &corrected.measurement.to_string());
    let (series, slot) = case.state.series.place_of(&named.input.event_id).ok_or_else(unknown)?;
    let indicator = case.indicator("measurement", &series.indicator)?;
    figure::check(case, indicator, corrected.figure)?;
    Ok(Spoken { date: slot.end, field: "measurement" })
}

/// The live figure ends and its period is free again. Nothing is said of a day, so it is never back-dated.
pub(super) fn retracted(case: &Case<'_>, retracted: &MeasurementRetracted) -> Result<(), Rejection> {
    live(case, "measurement", &retracted.measurement)?;
    case.required("reason", &retracted.reason)
}

/// No change in a period.
pub(super) fn nothing(case: &Case<'_>, nothing: &NothingToReport) -> Result<Spoken, Rejection> {
    measured(case, &nothing.area, &nothing.indicator)?;
    if let ReferencePeriod::Period { start, end } = nothing.period {
        period::ordered(case, start, end)?;
    }
    Ok(Spoken { date: nothing.period.reference_date(), field: "period.end" })
}

/// The indicator, if it takes figures in that area: it has a target there, or is a series for comparison.
fn measured<'a>(case: &Case<'a>, area: &AreaId, id: &IndicatorId) -> Result<&'a IndicatorDefined, Rejection> {
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
    Ok(indicator)
}

/// Whether figures of an indicator are reported: not where they are derived, nor where steps are assessed instead.
pub fn takes_figures(indicator: &IndicatorDefined) -> bool {
    indicator.derived.is_none() && indicator.accumulation != Accumulation::None
}

/// `_T`, or `key=value` of slugs: dimensions become keys of views.
fn dimension(case: &Case<'_>, text: &str) -> Result<(), Rejection> {
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
        case.path("dimension"),
        "{shown:?} is neither {TOTAL} nor key=value of a-z, 0-9 and '-', at most {DIMENSION_PART_MAX} each",
        "{shown:?} 既非 {TOTAL}，也非由 a-z、0-9 和“-”组成的 key=value（各不超过 {DIMENSION_PART_MAX} 位）",
    ))
}

/// The measurement that an event names, if it is the live one of its period.
pub(super) fn live<'a>(case: &Case<'a>, field: &str, id: &Uuid) -> Result<(&'a Event, &'a LiveFigure), Rejection> {
    let named = case.named(field, id)?;
    let kind = named.input.payload.type_name();
    let measurement = matches!(named.input.payload, Payload::MeasurementReported(_) | Payload::MeasurementCorrected(_));
    refuse_if!(
        !measurement,
        WrongEventType,
        case.path(field),
        "{id} is a {kind}; name a MeasurementReported or MeasurementCorrected",
        "{id} 是 {kind}；请指明 MeasurementReported 或 MeasurementCorrected",
    );
    if let Some(figure) = case.state.series.live(id) {
        return Ok((named, figure));
    }
    let position = named.position;
    Err(match live_instead(case.state, named) {
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

/// The live figure of the period that a superseded measurement was of.
fn live_instead<'a>(state: &'a PlanState, named: &Event) -> Option<&'a LiveFigure> {
    if let Payload::MeasurementReported(m) = &named.input.payload {
        return state.series(&m.area, &m.indicator, &m.dimension)?.live(&Slot::of(m.basis, m.period));
    }
    let (series, slot) = state.series.place_of(&named.input.event_id)?;
    series.live(&slot)
}
