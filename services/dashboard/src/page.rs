//! Whole pages: the sheet, the plans to choose from, and why there is nothing to show.
//!
//! Place in the flow: puts the parts together. It must not know HTTP.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use songhua_wire::pb;

use crate::number::day;
use crate::{Asked, Lang, Sheet, attention, chart, head, legend, matrix, status, targets};

/// The style of every page.
const STYLE: &str = include_str!("sheet.css");

/// A plan to choose.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanLink {
    /// Its id.
    pub plan: String,
    /// Its title.
    pub title: Option<pb::Name>,
    /// Everything in it is simulated.
    pub simulated: bool,
}

/// The sheet of a plan. `several` = there are other plans to choose.
pub fn render(sheet: &Sheet<'_>, several: bool) -> String {
    let lang = sheet.asked.lang;
    let state = sheet.overview.state.clone().unwrap_or_default();
    let body = html! {
        @if state.simulated { p.watermark aria-hidden="true" { "模拟数据 SIMULATED" } }
        (head::choose(sheet.asked, several))
        main {
            (head::head(sheet))
            (matrix::areas(sheet))
            (matrix::matrix(sheet))
            (attention::attention(sheet))
            (targets::targets(sheet))
            (legend::legend(sheet))
        }
    };
    shell(lang, lang.one(sheet.overview.title.as_ref()), &running(&state), &body)
}

/// What stands on every printed page; numbers and days only, so that nothing can break out of the style.
fn running(state: &pb::ReadState) -> String {
    let simulated = if state.simulated { "模拟数据 SIMULATED DATA" } else { "" };
    format!(
        "@page {{ @top-left {{ content: \"{simulated}\"; font-weight: bold }} \
         @top-right {{ content: \"截至 as of {}\" }} \
         @bottom-left {{ content: \"所知位置 known position {} · 算法 calc {} · 亮灯规则 light rule {}\" }} \
         @bottom-right {{ content: counter(page) \" / \" counter(pages) }} }}",
        day(state.valid_date.as_ref()),
        state.known_position,
        state.calc_version,
        state.light_rule_version
    )
}

/// The plans to choose from.
pub fn plans(asked: &Asked, plans: &[PlanLink]) -> String {
    let lang = asked.lang;
    let body = html! {
        main {
            h1 { (lang.both("选择方案", "Choose a plan")) }
            ul.plans {
                @for one in plans {
                    li {
                        a href=(Asked { plan: Some(one.plan.clone()), ..asked.clone() }.link()) {
                            (lang.name(one.title.as_ref())) " " code { (one.plan) }
                        }
                        @if one.simulated { " " span.simulated { (lang.both("模拟数据", "SIMULATED DATA")) } }
                    }
                }
            }
        }
    };
    shell(lang, lang.sort("选择方案", "Choose a plan").0.1, "", &body)
}

/// Why there is nothing to show, and what mends it.
pub fn fault(asked: &Asked, title: (&str, &str), reasons: &[String]) -> String {
    let lang = asked.lang;
    let body = html! {
        main {
            h1 { (lang.both(title.0, title.1)) }
            ul { @for reason in reasons { li { (reason) } } }
            p { a href=(Asked { lang, ..Asked::default() }.link()) { (lang.both("返回", "back")) } }
        }
    };
    shell(lang, lang.sort(title.0, title.1).0.1, "", &body)
}

fn shell(lang: Lang, title: &str, running: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang=(lang.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                title { (title) }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) (PreEscaped(running)) }
            }
            body {
                svg.shared width="0" height="0" aria-hidden="true" { defs { (status::symbols()) (chart::definitions()) } }
                (body)
            }
        }
    };
    page.into_string()
}
