//! The head of the sheet: which plan, which day, known how far; days left; how many targets have which status.
//!
//! Place in the flow: first on the page. It must not know single targets.

use maud::{Markup, html};
use songhua_domain::quantity::Decimal;
use songhua_wire::pb;

use crate::number::{day, decimal, percent};
use crate::{Asked, Lang, Sheet, status};

/// Title, facts and counts.
pub(crate) fn head(sheet: &Sheet<'_>) -> Markup {
    let (lang, overview) = (sheet.asked.lang, sheet.overview);
    let state = overview.state.clone().unwrap_or_default();
    html! {
        header {
            @if state.simulated { p.simulated { (lang.both("模拟数据", "SIMULATED DATA")) } }
            h1 { (lang.name(overview.title.as_ref())) }
            dl.facts {
                div { dt { (lang.both("数据截至日", "as of")) } dd { (day(state.valid_date.as_ref())) } }
                div {
                    dt { (lang.both("所知位置", "known position")) }
                    dd { (known(sheet.asked, &state)) }
                }
                div { (days_left(lang, overview.days_left)) }
                div {
                    dt { (lang.both("目标", "targets")) }
                    dd { (overview.target_count) }
                }
                div.wide {
                    dt { (lang.both("序时进度", "time elapsed")) }
                    dd { (percent(&overview.time_progress)) " " (elapsed(&overview.time_progress)) }
                }
            }
        }
        section aria-labelledby="counts" {
            h2 #counts { (lang.both("亮灯总览", "targets by status")) }
            (status::counts(lang, &overview.statuses))
            (todos(lang, &overview.todos))
        }
    }
}

fn known(asked: &Asked, state: &pb::ReadState) -> Markup {
    let (lang, last) = (asked.lang, state.applied_position);
    html! {
        (state.known_position)
        @if state.known_position != last { " / " (last) }
        @if let Some(time) = &asked.known_time { small { " (" (time) ")" } }
        @if state.known_position == last { small { " " (lang.both("最新", "latest")) } }
    }
}

fn days_left(lang: Lang, days: i32) -> Markup {
    html! {
        @if days < 0 {
            dt { (lang.both("已过期限", "past the end")) }
            dd { (days.unsigned_abs()) " " small { (lang.both("天", "days")) } }
        } @else {
            dt { (lang.both("剩余", "left")) }
            dd { (days) " " small { (lang.both("天", "days")) } }
        }
    }
}

/// A bar of the time that has passed; the number stands before it.
fn elapsed(percent: &str) -> Markup {
    let share = decimal(percent).unwrap_or_default().clamp(Decimal::ZERO, Decimal::ONE_HUNDRED);
    html! {
        svg.elapsed width="120" height="10" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" {
            rect.whole width="100" height="10" {}
            rect.passed width=(share) height="10" {}
        }
    }
}

/// What is missing to judge the plan.
fn todos(lang: Lang, todos: &[pb::Todo]) -> Markup {
    let open = todos.iter().filter(|todo| todo.count > 0);
    let open: Vec<_> = open.filter_map(|todo| Some((words(&todo.kind)?, todo.count))).collect();
    html! {
        @if !open.is_empty() {
            p.todos {
                (lang.both("待办", "to do")) ": "
                @for (index, ((zh, en), count)) in open.into_iter().enumerate() {
                    @if index > 0 { " · " }
                    (lang.both(zh, en)) " " b { (count) }
                }
            }
        }
    }
}

fn words(kind: &str) -> Option<(&'static str, &'static str)> {
    match kind {
        "UNASSIGNED" => Some(("未指定牵头单位", "no lead agency")),
        "NO_BASELINE" => Some(("缺基期", "no baseline")),
        "NO_MILESTONE" => Some(("项目无节点", "projects without milestones")),
        "NOT_REPORTED" => Some(("从未上报", "never reported")),
        _ => None,
    }
}

/// Another day, another knowledge, another order of languages; not printed.
pub(crate) fn choose(asked: &Asked, several: bool) -> Markup {
    let lang = asked.lang;
    let (zh, en) = (Asked { lang: Lang::Zh, ..asked.clone() }, Asked { lang: Lang::En, ..asked.clone() });
    html! {
        nav aria-label=(lang.sort("选择", "choose").0.1) {
            p {
                @if lang == Lang::En { a href=(zh.link()) lang="zh-CN" hreflang="zh-CN" { "中文在前" } }
                @else { a href=(en.link()) lang="en" hreflang="en" { "English first" } }
                @if several { a href=(Asked { lang, ..Asked::default() }.link()) { (lang.both("全部方案", "all plans")) } }
                @if asked.valid_date.is_some() || asked.known_position.is_some() || asked.known_time.is_some() {
                    @let now = Asked { plan: asked.plan.clone(), lang, ..Asked::default() };
                    a href=(now.link()) { (lang.both("回到今天", "back to today")) }
                }
            }
            form method="get" action="/" {
                @for (name, value) in asked.parameters() {
                    @if matches!(name, "plan" | "lang") { input type="hidden" name=(name) value=(value); }
                }
                label {
                    span { (lang.both("日期", "day")) }
                    input type="date" name="valid_date" value=[&asked.valid_date];
                }
                label {
                    span { (lang.both("当时位置", "known position")) }
                    input type="number" min="1" name="known_position" value=[asked.known_position];
                }
                label {
                    span { (lang.both("或当时时间", "or known time")) }
                    input type="text" name="known_time" placeholder="2026-11-01T00:00:00+08:00" value=[&asked.known_time];
                }
                button { (lang.both("查看", "show")) }
            }
        }
    }
}
