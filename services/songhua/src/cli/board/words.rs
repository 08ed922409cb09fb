//! Words for cells: dates, names, statuses with their shapes, goals, scopes.
//!
//! Place in the flow: used by every board, by `watch` and by the ledger template. A status is a word with a shape, never
//! a colour alone. It must not know which table a word goes to.

use songhua_wire::google::type_::Date;
use songhua_wire::pb;

pub(in crate::cli) fn date(date: Option<&Date>) -> String {
    date.map_or_else(String::new, |date| format!("{:04}-{:02}-{:02}", date.year, date.month, date.day))
}

pub(in crate::cli) fn zh(name: Option<&pb::Name>) -> &str {
    name.map_or("", |name| name.zh.as_str())
}

pub(super) fn both(name: Option<&pb::Name>) -> String {
    name.map_or_else(String::new, |name| format!("{} {}", name.zh, name.en).trim().to_owned())
}

pub(super) fn dash(text: &str) -> &str {
    if text.is_empty() { "–" } else { text }
}

pub(super) fn percent(text: &str) -> String {
    if text.is_empty() { "–".to_owned() } else { format!("{text} %") }
}

/// The last part of a resource name.
pub(super) fn id(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}

/// A code of the contract without the name of its list.
pub(super) fn code(name: &'static str, list: &str) -> &'static str {
    name.strip_prefix(list).unwrap_or(name)
}

pub(super) const fn shape(light: pb::Light) -> &'static str {
    match light {
        pb::Light::Met => "✔",
        pb::Light::Missed => "✘",
        pb::Light::Provisional => "◐",
        pb::Light::Green => "●",
        pb::Light::Yellow => "▲",
        pb::Light::Red => "■",
        pb::Light::Grey => "○",
        pb::Light::None | pb::Light::Unspecified => "·",
    }
}

/// A shape and a word.
pub(super) fn light(light: pb::Light, label: Option<&pb::Name>) -> String {
    format!("{} {}", shape(light), zh(label))
}

/// What has to be reached; from above where less is better.
pub(in crate::cli) fn goal(target: &pb::TargetProgress) -> String {
    let unit = zh(target.unit_label.as_ref());
    let (beyond, at) = if target.descending { ("<", "≤") } else { (">", "≥") };
    match target.operator() {
        pb::Operator::MoreThan => format!("{beyond} {} {unit}", target.value),
        pb::Operator::Between => format!("{}–{} {unit}", target.value, target.max),
        pb::Operator::Approximately => format!("≈ {} {unit}", target.value),
        pb::Operator::FullCoverage => "100 %".to_owned(),
        pb::Operator::ExceedsSeries => format!("{beyond} 对比序列"),
        pb::Operator::Qualitative => target.required_step.clone(),
        pb::Operator::AtLeast | pb::Operator::Unspecified => format!("{at} {} {unit}", target.value),
    }
}

pub(super) const fn source(verified: bool) -> &'static str {
    if verified { "已核" } else { "自报" }
}

pub(super) fn lead(agency: &str) -> &str {
    if agency.is_empty() { "未分配" } else { agency }
}

pub(super) const fn yes(is: bool) -> &'static str {
    if is { "是" } else { "" }
}

/// What a scope covers, as a resource name below the plan. Event ids are made of it: it never changes.
pub(in crate::cli) fn scope(scope: Option<&pb::Scope>) -> String {
    use pb::scope::Kind;
    match scope.and_then(|scope| scope.kind.as_ref()) {
        Some(Kind::Plan(_)) | None => "plan".to_owned(),
        Some(Kind::Area(area)) => format!("areas/{area}"),
        Some(Kind::Indicator(indicator)) => format!("indicators/{indicator}"),
        Some(Kind::Target(target)) => format!("areas/{}/targets/{}", target.area, target.indicator),
        Some(Kind::Project(project)) => format!("projects/{project}"),
    }
}

/// A figure, or the step of an assessment.
pub(super) fn figure(figure: Option<&pb::Figure>, step: &str) -> String {
    match figure.and_then(|figure| figure.kind.as_ref()) {
        Some(pb::figure::Kind::Value(value)) => value.clone(),
        Some(pb::figure::Kind::Fraction(fraction)) => format!("{}/{}", fraction.numerator, fraction.denominator),
        None => step.to_owned(),
    }
}

/// SDMX `TIME_PERIOD`: a day, or an ISO 8601 interval.
pub(super) fn time_period(period: Option<&pb::ReferencePeriod>) -> String {
    let Some(period) = period else { return String::new() };
    match &period.start {
        Some(start) => format!("{}/{}", date(Some(start)), date(period.end.as_ref())),
        None => date(period.end.as_ref()),
    }
}

pub(super) fn time(time: Option<&pbjson_types::Timestamp>) -> String {
    let time = time.and_then(|time| songhua_wire::time::timestamp_from_pb(time).ok());
    time.map(|time| time.to_string()).unwrap_or_default()
}

/// What stands above everything of a simulated plan.
pub(in crate::cli) const SIMULATED: &str = "模拟数据 SIMULATED DATA";

/// What an answer rests on.
pub(super) fn foot(state: Option<&pb::ReadState>) -> String {
    let Some(state) = state else { return String::new() };
    let simulated = if state.simulated { " · 模拟数据 SIMULATED" } else { "" };
    let still = if state.r#final { "定 final" } else { "可变 may change" };
    format!(
        "\n截至 {} · 已知位置 known {} / {} · {still} · 算法 calc {} · 规则 rule {}{simulated}",
        date(state.valid_date.as_ref()),
        state.known_position,
        state.applied_position,
        state.calc_version,
        state.light_rule_version
    )
}

/// How many targets have each status, without those that none has.
pub(super) fn counts(statuses: &[pb::StatusCount]) -> String {
    let shown = statuses.iter().filter(|count| count.count > 0);
    let words = shown.map(|count| format!("{} {}", code(count.status().as_str_name(), "STATUS_"), count.count));
    words.collect::<Vec<_>>().join(", ")
}

/// A change of status as one line.
pub(in crate::cli) fn change(change: &pb::StatusChange) -> String {
    let pb::StatusChange { area, indicator, position, .. } = change;
    let from = if change.from == 0 { "–" } else { code(change.from().as_str_name(), "STATUS_") };
    let word = change.to_label.clone().unwrap_or_default();
    format!(
        "{} {} [{area}] {} [{indicator}] {from} → {} {} {} @ {position}",
        date(change.date.as_ref()),
        zh(change.area_name.as_ref()),
        zh(change.indicator_name.as_ref()),
        shape(change.to_light()),
        word.zh,
        word.en,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_from_above_is_told_from_one_from_below() {
        let goal = |operator: pb::Operator, ascending: bool| {
            let value = "10".to_owned();
            goal(&pb::TargetProgress { operator: operator.into(), value, descending: !ascending, ..Default::default() })
        };
        let cases = [
            (pb::Operator::AtLeast, "≥ 10 ", "≤ 10 "),
            (pb::Operator::MoreThan, "> 10 ", "< 10 "),
            (pb::Operator::ExceedsSeries, "> 对比序列", "< 对比序列"),
            (pb::Operator::Approximately, "≈ 10 ", "≈ 10 "),
        ];
        for (operator, rising, falling) in cases {
            assert_eq!([goal(operator, true), goal(operator, false)], [rising, falling], "{operator:?}");
        }
    }
}
