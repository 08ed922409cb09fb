//! All targets: one row each, with its chart, and the table of its numbers below the chart.
//!
//! Place in the flow: behind the list of what needs attention. Grouped by category of the plan, then, for indicators of
//! areas, by area; worst first within. It must not know the shapes of charts.

use std::collections::BTreeMap;

use maud::{Markup, html};
use songhua_wire::pb;

use crate::attention::{dated, gap, lead, needed};
use crate::number::{NOTHING, actual, at_most, day, goal, percent, shown, unit, with_unit};
use crate::{Lang, Sheet, chart, status};

/// A group of targets under a name.
struct Group<'a> {
    name: Option<&'a pb::Name>,
    targets: Vec<&'a pb::TargetProgress>,
}

/// The targets in groups.
pub(crate) fn targets(sheet: &Sheet<'_>) -> Markup {
    let lang = sheet.asked.lang;
    html! {
        section aria-labelledby="targets" {
            h2 #targets { (lang.both("全部目标", "all targets")) " " small { (sheet.overview.target_count) } }
            @for group in groups(sheet) {
                h3 { (lang.name(group.name)) " " small { (group.targets.len()) } }
                table.targets {
                    thead { tr { @for (class, zh, en) in COLUMNS { th scope="col" class=(class) { (lang.both(zh, en)) } } } }
                    tbody { @for target in &group.targets { (row(sheet, target)) } }
                }
            }
        }
    }
}

/// Categories in their order, then areas in the order of the source; those that have a target.
fn groups<'a>(sheet: &Sheet<'a>) -> Vec<Group<'a>> {
    let mut by_category: BTreeMap<&str, Vec<&pb::TargetProgress>> = BTreeMap::new();
    let mut by_area: BTreeMap<&str, Vec<&pb::TargetProgress>> = BTreeMap::new();
    for indicator in sheet.indicators {
        let category = indicator.definition.as_ref().map_or("", |definition| definition.category.as_str());
        let known = sheet.plan.categories.iter().any(|known| known.category == category);
        for target in &indicator.targets {
            let group = if known { by_category.entry(category) } else { by_area.entry(target.area.as_str()) };
            group.or_default().push(target);
        }
    }
    let mut categories: Vec<&pb::Category> = sheet.plan.categories.iter().collect();
    categories.sort_by_key(|category| category.order);
    let categories = categories
        .into_iter()
        .filter_map(|category| Some((category.display_name.as_ref(), by_category.remove(category.category.as_str())?)));
    let mut groups: Vec<_> = categories.collect();
    for area in &sheet.overview.areas {
        let id = area.name.rsplit('/').next().unwrap_or_default();
        groups.extend(by_area.remove(id).map(|targets| (area.display_name.as_ref(), targets)));
    }
    // An area that the overview does not name has no name either.
    groups.extend(by_area.into_values().map(|targets| (None, targets)));
    let sorted = |mut targets: Vec<&'a pb::TargetProgress>| {
        targets.sort_by_key(|target| (status::rank(status::of(target.status)), target.number));
        targets
    };
    groups.into_iter().map(|(name, targets)| Group { name, targets: sorted(targets) }).collect()
}

/// Class and heading of each column.
const COLUMNS: [(&str, &str, &str); 8] = [
    ("number", "序号", "no."),
    ("name", "指标", "indicator"),
    ("status", "状态", "status"),
    ("drawn", "进展图", "chart"),
    ("number", "实际 / 目标", "actual / target"),
    ("number", "完成率", "rate"),
    ("dated", "数据截至", "data as of"),
    ("lead", "牵头单位", "lead agency"),
];

fn row(sheet: &Sheet<'_>, target: &pb::TargetProgress) -> Markup {
    let (lang, rule) = (sheet.asked.lang, sheet.plan.light_rule.as_ref());
    let unit = unit(lang, target);
    let key = |index: usize| {
        let (_, zh, en) = COLUMNS[index];
        html! { span.key { (lang.both(zh, en)) } }
    };
    html! {
        tr id={ "t" (target.number) } {
            td.number { (key(0)) (target.number) }
            th.name scope="row" { (lang.name(target.indicator_name.as_ref())) }
            td.status { (key(2)) (status::labelled(lang, target.status, target.status_label.as_ref())) }
            td.drawn { details { summary { (chart::draw(lang, target, rule)) } (numbers(lang, target)) } }
            td.number { (key(4)) b { (actual(target)) } " / " (with_unit(&goal(target), unit)) }
            td.number { (key(5)) (percent(&target.target_rate)) }
            td.dated { (key(6)) (dated(lang, target)) }
            td.lead { (key(7)) (lead(lang, target)) }
        }
    }
}

/// Every number that the chart shows, and those behind its status.
fn numbers(lang: Lang, target: &pb::TargetProgress) -> Markup {
    let precise = |text: &str| at_most(text, 4);
    let dated = |value: Option<&pb::DatedValue>| {
        value.map_or_else(
            || NOTHING.to_owned(),
            |value| format!("{} ({})", shown(&value.value), day(value.date.as_ref())),
        )
    };
    let rows = [
        ("区域", "area", lang.one(target.area_name.as_ref()).to_owned()),
        ("单位", "unit", lang.one(target.unit_label.as_ref()).to_owned()),
        ("实际", "actual", actual(target)),
        ("目标", "target", goal(target)),
        ("期限", "deadline", day(target.effective_deadline.as_ref())),
        ("应达", "expected by now", precise(&target.expected)),
        ("偏差（百分点）", "deviation, points", shown(&target.deviation)),
        ("增量完成率", "increment rate", percent(&target.increment_rate)),
        ("差距", "gap", gap(target)),
        ("需日均", "needed per day", needed(target)),
        ("预计期末", "forecast", precise(&target.forecast)),
        ("路径起点", "start of the path", dated(target.path_start.as_ref())),
        ("基期", "baseline", dated(target.baseline.as_ref())),
        ("最近已核", "last verified", day(target.newest_verified.as_ref().and_then(|one| one.reference_date.as_ref()))),
        ("本年累计", "year to date", shown(&target.year_to_date)),
        ("未覆盖", "not covered", shown(&target.uncovered)),
        ("阶梯", "steps", target.steps.join(" → ")),
        ("标记", "marks", target.marks.join(", ")),
    ];
    let rows = rows.into_iter().filter(|(_, _, value)| !value.is_empty() && value != NOTHING);
    html! {
        table.numbers {
            caption { (target.number) " " (lang.name(target.indicator_name.as_ref())) }
            tbody {
                @for (zh, en, value) in rows { tr { th scope="row" { (lang.both(zh, en)) } td { (value) } } }
                @for year in &target.years {
                    tr { th scope="row" { (year.year) } td { (shown(&year.own)) " : " (shown(&year.other)) " = " (shown(&year.gap)) } }
                }
                @if let Some(source) = &target.source {
                    tr { th scope="row" { (lang.both("原文", "in the text")) } td lang="zh-CN" { (source.text) } }
                }
            }
        }
    }
}
