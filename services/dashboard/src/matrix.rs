//! Areas by status, and the matrix: circles across, indicators down.
//!
//! Place in the flow: behind the head. Each field says status, figure, rate and age; on a narrow screen a row becomes a
//! block. It must not know charts.

use maud::{Markup, html};
use songhua_domain::vocabulary::Status;
use songhua_wire::pb;

use crate::number::{NOTHING, percent, shown};
use crate::{Lang, Sheet, status};

/// Every area that has targets, and how many of them have which status.
pub(crate) fn areas(sheet: &Sheet<'_>) -> Markup {
    let lang = sheet.asked.lang;
    let (with, without): (Vec<_>, Vec<_>) = sheet.overview.areas.iter().partition(|area| area.target_count > 0);
    let occurs = |wanted: Status| with.iter().any(|area| count(area, wanted) > 0);
    let columns: Vec<Status> = status::WORST_FIRST.into_iter().filter(|one| occurs(*one)).collect();
    html! {
        section aria-labelledby="areas" {
            h2 #areas { (lang.both("各区域", "areas by status")) }
            table.areas {
                thead { tr {
                    th scope="col" { (lang.both("区域", "area")) }
                    th.number scope="col" { (lang.both("目标", "targets")) }
                    @for column in &columns { th.number scope="col" { (status::sign(lang, *column)) } }
                } }
                tbody { @for area in &with { tr {
                    th scope="row" { (lang.name(area.display_name.as_ref())) }
                    td.number { span.key { (lang.both("目标", "targets")) } b { (area.target_count) } }
                    @for column in &columns {
                        @let count = count(area, *column);
                        td.number.none[count == 0] {
                            span.key { (status::sign(lang, *column)) }
                            @if count > 0 { (count) } @else { "·" }
                        }
                    }
                } } }
            }
            @if !without.is_empty() {
                p.note {
                    (lang.both("尚无目标", "no targets yet")) ": "
                    @for (index, area) in without.iter().enumerate() {
                        @if index > 0 { " · " }
                        (lang.name(area.display_name.as_ref()))
                    }
                }
            }
        }
    }
}

fn count(area: &pb::AreaSummary, wanted: Status) -> u32 {
    area.statuses.iter().filter(|one| status::of(one.status) == wanted).map(|one| one.count).sum()
}

/// The matrix, if any circle has a target.
pub(crate) fn matrix(sheet: &Sheet<'_>) -> Markup {
    let (lang, matrix) = (sheet.asked.lang, sheet.matrix);
    html! {
        @if !matrix.rows.is_empty() {
            section aria-labelledby="matrix" {
                h2 #matrix { (lang.both("生态圈 × 指标", "circles × indicators")) }
                table.matrix {
                    thead { tr {
                        th scope="col" { (lang.both("指标", "indicator")) }
                        @for area in &matrix.areas { th scope="col" { (lang.name(area.display_name.as_ref())) } }
                    } }
                    tbody { @for row in &matrix.rows { tr {
                        th scope="row" {
                            @let (name, unit) = (named(row.indicator_name.as_ref()), named(row.unit_label.as_ref()));
                            (lang.both(&format!("{}（{}）", name.0, unit.0), &format!("{}, {}", name.1, unit.1)))
                        }
                        @for (cell, area) in row.cells.iter().zip(&matrix.areas) { (field(lang, cell, area)) }
                    } } }
                }
            }
        }
    }
}

fn field(lang: Lang, cell: &pb::MatrixCell, area: &pb::AreaSummary) -> Markup {
    let key = html! { span.key { (lang.name(area.display_name.as_ref())) } };
    if cell.target.is_empty() {
        return html! { td.none { (key) (NOTHING) } };
    }
    html! {
        td class={ "cell " (status::tone(status::of(cell.status))) } {
            (key)
            (status::labelled(lang, cell.status, cell.status_label.as_ref()))
            span.figures {
                b { (shown(&cell.actual)) } " / " (shown(&cell.value)) " = " (percent(&cell.target_rate))
                @if !cell.actual.is_empty() { small { " " (age(lang, cell.age_days)) } }
            }
        }
    }
}

/// How old the figure is.
fn age(lang: Lang, days: i32) -> String {
    match lang {
        Lang::Zh => format!("{days} 天前"),
        Lang::En => format!("{days} d ago"),
    }
}

fn named(name: Option<&pb::Name>) -> (&str, &str) {
    name.map_or(("", ""), |name| (name.zh.as_str(), name.en.as_str()))
}
