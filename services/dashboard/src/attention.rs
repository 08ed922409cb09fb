//! The red and yellow list: targets that somebody must look at, worst first, with who answers for them and what would be
//! needed.
//!
//! Place in the flow: behind the matrix; the order is that of the answer. It must not know which statuses are in it.

use maud::{Markup, html};
use songhua_wire::pb;

use crate::number::{NOTHING, actual, ahead, day, decimal, goal, pace, shown, unit, with_unit};
use crate::{Lang, Sheet, status};

/// Most letters of a note; the whole is in the answer of `ListProgressNotes`.
const NOTE_LETTERS: usize = 160;

/// The list.
pub(crate) fn attention(sheet: &Sheet<'_>) -> Markup {
    let (lang, targets) = (sheet.asked.lang, &sheet.overview.attention);
    html! {
        section aria-labelledby="attention" {
            h2 #attention { (lang.both("红黄清单", "what needs attention")) " " small { (targets.len()) } }
            @if targets.is_empty() {
                p { (lang.both("没有滞后、逾期或过期的目标。", "No target is behind, overdue or stale.")) }
            } @else {
                table.attention {
                    thead { tr { @for (class, zh, en) in COLUMNS { th scope="col" class=[class] { (lang.both(zh, en)) } } } }
                    tbody { @for target in targets { (row(lang, target)) } }
                }
            }
        }
    }
}

/// Class and heading of each column.
const COLUMNS: [(Option<&str>, &str, &str); 9] = [
    (Some("number"), "序号", "no."),
    (None, "状态", "status"),
    (None, "指标 · 区域", "indicator, area"),
    (Some("number"), "实际 / 目标", "actual / target"),
    (Some("number"), "差距", "gap"),
    (Some("number"), "需日均", "per day"),
    (None, "数据截至", "data as of"),
    (None, "牵头单位", "lead agency"),
    (None, "最近说明", "last note"),
];

fn row(lang: Lang, target: &pb::TargetProgress) -> Markup {
    let unit = unit(lang, target);
    let key = |index: usize| {
        let (_, zh, en) = COLUMNS[index];
        html! { span.key { (lang.both(zh, en)) } }
    };
    html! {
        tr {
            td.number { (key(0)) (target.number) }
            td.status { (key(1)) (status::labelled(lang, target.status, target.status_label.as_ref())) }
            th scope="row" { (lang.name(target.indicator_name.as_ref())) small.area { (lang.one(target.area_name.as_ref())) } }
            td.number { (key(3)) b { (actual(target)) } " / " (with_unit(&goal(target), unit)) }
            td.number { (key(4)) (gap(target)) }
            td.number { (key(5)) (needed(target)) }
            td.dated { (key(6)) (dated(lang, target)) }
            td.lead { (key(7)) (lead(lang, target)) }
            td.note { (key(8)) (last_note(lang, target)) }
        }
    }
}

/// The distance still to go; of a comparison the lead.
pub(crate) fn gap(target: &pb::TargetProgress) -> String {
    if target.operator() == pb::Operator::ExceedsSeries { ahead(&target.gap) } else { shown(&target.gap) }
}

/// A day, from now to the deadline; nothing where nothing is needed any more.
pub(crate) fn needed(target: &pb::TargetProgress) -> String {
    match decimal(&target.required_pace) {
        Some(value) if value.is_sign_positive() && !value.is_zero() => pace(&target.required_pace),
        _ => NOTHING.to_owned(),
    }
}

/// The day of the figure, and whether it is verified.
pub(crate) fn dated(lang: Lang, target: &pb::TargetProgress) -> Markup {
    let Some(headline) = &target.headline else { return html! { (NOTHING) } };
    html! {
        span.day { (day(target.scored_date.as_ref().or(headline.reference_date.as_ref()))) } " "
        @if headline.verified { (lang.both("已核", "verified")) } @else { (lang.both("自报", "self-reported")) }
    }
}

/// Who answers for it.
pub(crate) fn lead(lang: Lang, target: &pb::TargetProgress) -> Markup {
    html! {
        @if target.lead_agency.is_empty() { span.missing { (lang.both("未指定", "unassigned")) } }
        @else if target.lead_agency_name.is_some() { (lang.name(target.lead_agency_name.as_ref())) }
        @else { (target.lead_agency) }
    }
}

fn last_note(lang: Lang, target: &pb::TargetProgress) -> Markup {
    let Some(note) = &target.last_note else { return html! { (NOTHING) } };
    let parts = [
        ("进展", "progress", &note.progress),
        ("问题", "problems", &note.problems),
        ("下一步", "next", &note.next_steps),
    ];
    html! {
        span.day { (day(note.as_of_date.as_ref())) }
        @for (zh, en, text) in parts {
            @if !text.is_empty() { " " b { (lang.sort(zh, en).0.1) } " " (cut(text)) }
        }
    }
}

fn cut(text: &str) -> String {
    let mut letters = text.chars();
    let mut cut: String = letters.by_ref().take(NOTE_LETTERS).collect();
    cut.extend(letters.next().map(|_| '…'));
    cut
}
