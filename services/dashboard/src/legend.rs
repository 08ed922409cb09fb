//! How to read the sheet: every shape with its word, every part of a chart.
//!
//! Place in the flow: last on the page. It must not know any target.

use maud::{Markup, html};

use crate::number::shown;
use crate::{Sheet, status};

/// The parts of a chart: what to draw, and what it is.
const PARTS: [(&str, &str, &str); 9] = [
    ("<rect class='measure' x='0' y='6' width='30' height='8'/>", "实际", "actual"),
    ("<rect class='goal-marker' x='13' y='1' width='4' height='18'/>", "目标", "target"),
    ("<rect class='goal-marker open' x='13' y='1' width='4' height='18'/>", "须超过", "to be exceeded"),
    ("<rect class='between' x='3' y='2' width='24' height='16'/>", "区间目标", "target range"),
    (
        "<rect class='fuzzy' x='3' y='2' width='22' height='16'/><rect class='goal-marker about' x='25' y='1' width='4' height='18'/>",
        "约数目标及容差",
        "about, with its tolerance",
    ),
    (
        "<path class='expected-line' d='M15 6V20'/><path class='expected-marker' d='M11 0H19L15 7Z'/>",
        "按序时应达",
        "expected by now",
    ),
    ("<rect class='range far-behind' width='30' height='20'/>", "严重滞后区", "far behind the path"),
    ("<rect class='range behind' width='30' height='20'/>", "滞后区", "behind the path"),
    ("<rect class='range on-track' width='30' height='20'/>", "正常区，或无路径", "on the path, or no path"),
];

/// Shapes, charts, and what the numbers rest on.
pub(crate) fn legend(sheet: &Sheet<'_>) -> Markup {
    let lang = sheet.asked.lang;
    let state = sheet.overview.state.clone().unwrap_or_default();
    let rule = sheet.plan.light_rule.clone().unwrap_or_default();
    html! {
        section.legend aria-labelledby="legend" {
            h2 #legend { (lang.both("图例", "how to read this")) }
            ul.counts { @for one in status::WORST_FIRST { li { (status::sign(lang, one)) } } }
            ul.counts {
                @for (shape, zh, en) in PARTS {
                    li {
                        svg.part width="30" height="20" viewBox="0 0 30 20" aria-hidden="true" { (maud::PreEscaped(shape)) }
                        " " (lang.both(zh, en))
                    }
                }
                li {
                    svg.part width="30" height="20" viewBox="0 0 30 20" aria-hidden="true" {
                        rect.measure x="3" y="2" width="11" height="18" {}
                        rect.other x="15" y="7" width="11" height="13" {}
                    }
                    " " (lang.both("本值与对比值，按年", "own and other value, by year"))
                }
            }
            p.note {
                (lang.both(
                    "点击图形可展开其数据表。自报＝牵头单位上报、未经核验；参考＝路径由首个数据推定。",
                    "A chart opens the table of its numbers. Self-reported = nobody has verified it; for reference = the path is inferred from the first figure.",
                ))
            }
        }
        footer {
            p {
                (lang.both("算法版本", "calc version")) " " b { (state.calc_version) } " · "
                (lang.both("亮灯规则版本", "light rule version")) " " b { (state.light_rule_version) }
                @if !rule.behind_below_points.is_empty() {
                    " (" (shown(&rule.behind_below_points)) " / " (shown(&rule.far_behind_below_points)) ")"
                }
                " · " (lang.both("所知位置", "known position")) " " b { (state.known_position) } " · "
                @if state.r#final { (lang.both("不再变化", "final")) }
                @else { (lang.both("仍可能变化", "may still change")) }
                " · " (state.plan)
            }
        }
    }
}
