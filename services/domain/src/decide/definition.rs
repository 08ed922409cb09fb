//! Rules of the events that define a plan: the plan itself, areas, the light rule, publication.
//!
//! Place in the flow: called by `decide`. It must not know: who sends, indicators and targets (`indicator`, `target`),
//! agencies (`agency`).

use std::collections::BTreeSet;

use super::Rejection;
use super::case::{Case, bounded};
use super::rejection::{refuse_if, reject};
use super::revision::calc_version;
use crate::event::{
    AreaDesignated, AreaStageChanged, DayOpened, HistoryForked, LightRuleAdopted, LogCreated, PlanDefined,
    PlanPublished, TEXT_LENGTH_MAX,
};
use crate::quantity::Decimal;
use crate::score::LightRule;
use crate::vocabulary::AreaKind;

/// Genesis comes first and once.
pub(super) fn log_created(case: &Case<'_>, _: &LogCreated) -> Result<(), Rejection> {
    let head = case.state.head();
    refuse_if!(
        head != 0,
        AlreadyDefined,
        case.path(""),
        "genesis is record 1 of a log; this one has {head} records",
        "创世记录是日志的第 1 条；本日志已有 {head} 条",
    );
    Ok(())
}

/// A later epoch begins behind what stays of the one before.
pub(super) fn history_forked(case: &Case<'_>, forked: &HistoryForked) -> Result<(), Rejection> {
    let (head, epoch) = (case.state.head(), case.state.genesis().map_or(0, |genesis| genesis.epoch));
    let (begins, stays) = (forked.epoch, forked.new_size);
    refuse_if!(
        begins <= epoch || stays != head,
        InvalidField,
        case.path("epoch"),
        "epoch {begins} behind {stays} records; the log is at epoch {epoch} and has {head}",
        "纪元 {begins} 接在 {stays} 条之后；本日志为纪元 {epoch}，共 {head} 条",
    );
    case.required("reason", &forked.reason)
}

/// Days are opened in order, each once.
pub(super) fn day_opened(case: &Case<'_>, day: &DayOpened) -> Result<(), Rejection> {
    let Some(last) = case.state.last_day() else { return Ok(()) };
    let date = day.date;
    refuse_if!(
        date <= last,
        InvalidField,
        case.path("date"),
        "{date} is not after {last}, the day opened last",
        "{date} 不晚于上一个已开启的日期 {last}",
    );
    Ok(())
}

/// The plan itself.
pub(super) fn plan(case: &Case<'_>, plan: &PlanDefined) -> Result<(), Rejection> {
    let (id, start, end) = (&plan.plan, plan.start, plan.end);
    if let Some(owner) = case.state.genesis().and_then(|genesis| genesis.plan.as_ref()) {
        refuse_if!(
            owner != id,
            InvalidField,
            case.path("plan"),
            "this log is of plan {owner}, not {id}",
            "本日志属于规划 {owner}，不属于 {id}",
        );
    }
    case.name("title", &plan.title)?;
    case.name("city", &plan.city)?;
    refuse_if!(
        start > end,
        InvalidField,
        case.path("end_date"),
        "{end} lies before the start, {start}",
        "{end} 早于开始日期 {start}",
    );
    calc_version(case, plan.calc_version)?;
    refuse_if!(
        plan.time_zone.is_empty(),
        InvalidField,
        case.path("time_zone"),
        "is empty; give an IANA name such as Asia/Shanghai",
        "为空；请填写 IANA 时区名，如 Asia/Shanghai",
    );
    lists(case, plan)?;
    light_rule(case, "light_rule", &plan.light_rule, 1)
}

/// What definitions will name: units, editions of the text, categories.
fn lists(case: &Case<'_>, plan: &PlanDefined) -> Result<(), Rejection> {
    refuse_if!(
        plan.units.is_empty(),
        InvalidField,
        case.path("units"),
        "is empty; indicators need a unit",
        "为空；指标需要计量单位",
    );
    unique(case, "units", "code", plan.units.iter().map(|unit| unit.code.as_str()))?;
    unique(case, "documents", "document", plan.documents.iter().map(|document| document.id.as_str()))?;
    unique(case, "categories", "category", plan.categories.iter().map(|category| category.id.as_str()))?;
    for (index, remark) in plan.remarks.iter().enumerate() {
        case.span(&format!("remarks[{index}].source"), plan, remark.source.as_ref())?;
    }
    Ok(())
}

/// Codes of a list are there and differ.
pub(super) fn unique<'a>(
    case: &Case<'_>,
    list: &str,
    key: &str,
    codes: impl Iterator<Item = &'a str>,
) -> Result<(), Rejection> {
    let mut seen = BTreeSet::new();
    for (index, code) in codes.enumerate() {
        let at = || case.path(&format!("{list}[{index}].{key}"));
        refuse_if!(code.is_empty(), InvalidField, at(), "is empty", "为空");
        refuse_if!(
            !seen.insert(code),
            AlreadyDefined,
            at(),
            "{code} stands twice in {list}",
            "{code} 在 {list} 中重复",
        );
    }
    Ok(())
}

/// The rule of lights: versions follow each other, thresholds are in order (SCORING §5).
fn light_rule(case: &Case<'_>, field: &str, rule: &LightRule, expected: u32) -> Result<(), Rejection> {
    let at = |name: &str| case.path(&format!("{field}.{name}"));
    let (version, behind, far) = (rule.version, rule.behind_below_points, rule.far_behind_below_points);
    refuse_if!(
        version != expected,
        InvalidField,
        at("version"),
        "is {version}; the next version is {expected}",
        "为 {version}；下一个版本应为 {expected}",
    );
    refuse_if!(
        far >= behind,
        InvalidField,
        at("far_behind_below_points"),
        "{far} is not below {behind}, where a target starts to be behind",
        "{far} 不低于开始判为滞后的 {behind}",
    );
    let range = Decimal::ZERO..=Decimal::ONE_HUNDRED;
    let (shortfall, tolerance, coverage) =
        (rule.closing_shortfall_percent, rule.gap_tolerance_points, rule.coverage_yellow_percent);
    for (name, value) in [
        ("closing_shortfall_percent", shortfall),
        ("gap_tolerance_points", tolerance),
        ("coverage_yellow_percent", coverage),
    ] {
        refuse_if!(
            !range.contains(&value),
            InvalidField,
            at(name),
            "{value} is not from 0 to 100",
            "{value} 不在 0 至 100 之间",
        );
    }
    Ok(())
}

/// A city, zone or circle. A plan has one city.
pub(super) fn area(case: &Case<'_>, area: &AreaDesignated) -> Result<(), Rejection> {
    let id = &area.area;
    if case.state.area(id).is_some() {
        return Err(case.already("area", "area", "区域", id.as_str()));
    }
    if area.kind == AreaKind::City {
        let city = case.state.areas().find(|(_, known)| known.definition.kind == AreaKind::City);
        if let Some((city, _)) = city {
            return Err(reject!(
                AlreadyDefined,
                case.path("kind"),
                "the plan's city is {city} already; {id} can be a ZONE or a CIRCLE",
                "本规划的城市已是 {city}；{id} 可为 ZONE 或 CIRCLE",
            ));
        }
    }
    case.name("display_name", &area.name)?;
    case.span("source", case.plan()?, area.source.as_ref())
}

/// An area comes to a stage on a day: derived figures count from that day on, so it must be said.
pub(super) fn stage(case: &Case<'_>, change: &AreaStageChanged) -> Result<(), Rejection> {
    case.area("area", &change.area)?;
    case.required("reason", &change.reason)?;
    refuse_if!(
        case.input.effective_date.is_none(),
        InvalidField,
        "effective_date",
        "is missing; the area is at the stage from that day on",
        "缺失；区域自该日起处于新阶段",
    );
    Ok(())
}

/// Another rule of lights, from now on.
pub(super) fn light_rule_adopted(case: &Case<'_>, adopted: &LightRuleAdopted) -> Result<(), Rejection> {
    let next = case.state.light_rule().map_or(1, |rule| rule.version.saturating_add(1));
    light_rule(case, "rule", &adopted.rule, next)?;
    for (index, schedule) in adopted.schedules.iter().enumerate() {
        case.indicator(&format!("schedules[{index}].indicator"), &schedule.indicator)?;
    }
    case.required("reason", &adopted.reason)
}

/// The loader says how many definitions it sent: what is missing is noticed before anybody relies on it.
pub(super) fn published(case: &Case<'_>, published: &PlanPublished) -> Result<(), Rejection> {
    let (said, counted) = (published.event_count, case.state.definition_count());
    refuse_if!(
        said != counted,
        InvalidField,
        case.path("event_count"),
        "is {said}, but {counted} definition events are in the log; load the plan's folder again",
        "为 {said}，但日志中有 {counted} 条定义事件；请重新加载规划目录",
    );
    Ok(())
}

/// Notes of an editor: any number, each bounded.
pub(super) fn notes(case: &Case<'_>, field: &str, notes: &[String]) -> Result<(), Rejection> {
    notes
        .iter()
        .enumerate()
        .try_for_each(|(index, note)| bounded(&case.path(&format!("{field}[{index}]")), note, TEXT_LENGTH_MAX))
}
