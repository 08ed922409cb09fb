//! The chart of a target: a bullet graph after Stephen Few, years of two series, or steps; where there is nothing to draw,
//! words.
//!
//! Place in the flow: stands in the row of its target, over the table of its numbers. It must not know colours: shapes have
//! classes, `sheet.css` has their shades.

mod bullet;
mod steps;
mod years;

use maud::{Markup, PreEscaped, html};
use songhua_domain::quantity::{Decimal, rounded};
use songhua_wire::pb;

use crate::Lang;
use crate::number::{actual, goal};

/// Width of a chart.
const WIDTH: i64 = 240;
/// Free at the left and at the right, so that markers are whole.
const MARGIN: i64 = 4;
/// Height of a chart.
const HEIGHT: i64 = 38;

/// Draws the target.
pub(crate) fn draw(lang: Lang, target: &pb::TargetProgress, rule: Option<&pb::LightRule>) -> Markup {
    let drawn = match target.operator() {
        pb::Operator::Qualitative => steps::draw(target),
        pb::Operator::ExceedsSeries => years::draw(target),
        _ => bullet::draw(target, rule),
    };
    match drawn {
        Some(shapes) => frame(lang, target, &goal(target), &shapes),
        None => html! { span.words { (lang.both("没有数据，无图可画", "no data, nothing to draw")) } },
    }
}

fn frame(lang: Lang, target: &pb::TargetProgress, goal: &str, shapes: &Markup) -> Markup {
    let label = format!(
        "{}：{} {}，{} {}，{}",
        lang.one(target.indicator_name.as_ref()),
        lang.sort("实际", "actual").0.1,
        actual(target),
        lang.sort("目标", "target").0.1,
        goal,
        lang.one(target.status_label.as_ref()),
    );
    html! {
        svg.chart role="img" aria-label=(label) viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } width=(WIDTH) height=(HEIGHT) {
            (shapes)
        }
    }
}

/// What charts share, once in the page: the hatch of a band, the fade of a fuzzy one.
pub(crate) fn definitions() -> Markup {
    PreEscaped(
        "<pattern id='hatch' width='5' height='5' patternUnits='userSpaceOnUse' patternTransform='rotate(45)'>\
         <path d='M0 0V5' stroke='#000' stroke-width='1.6'/></pattern>\
         <linearGradient id='fuzzy'><stop offset='0' stop-color='#000' stop-opacity='.08'/>\
         <stop offset='1' stop-color='#000' stop-opacity='.75'/></linearGradient>"
            .to_owned(),
    )
}

/// From values to places across the chart.
#[derive(Debug, Clone, Copy)]
struct Scale {
    low: Decimal,
    high: Decimal,
}

impl Scale {
    /// A scale that begins at zero, or below it, and ends at the largest of `values`; none if nothing is between.
    fn over(values: &[Decimal]) -> Option<Self> {
        let low = values.iter().copied().fold(Decimal::ZERO, Decimal::min);
        let high = values.iter().copied().fold(Decimal::ZERO, Decimal::max);
        (low < high).then_some(Self { low, high })
    }

    /// The place of `value` between `from` and `to`; the nearest end if it lies outside.
    fn place(&self, value: Decimal, from: i64, to: i64) -> Decimal {
        let share = value.clamp(self.low, self.high).checked_sub(self.low);
        let span = self.high.checked_sub(self.low);
        let share = share.zip(span).and_then(|(part, whole)| part.checked_div(whole)).unwrap_or_default();
        let length = Decimal::from(to - from);
        rounded(Decimal::from(from) + share.clamp(Decimal::ZERO, Decimal::ONE) * length, 1)
    }

    /// The place of `value` across the chart.
    fn x(&self, value: Decimal) -> Decimal {
        self.place(value, MARGIN, WIDTH - MARGIN)
    }
}

/// A rectangle from `from` to `to`.
fn rect(class: &str, from: Decimal, to: Decimal, top: i64, height: i64) -> Markup {
    html! { rect class=(class) x=(from.min(to)) y=(top) width=((to - from).abs()) height=(height) {} }
}

/// A short text at `x`, kept inside of the chart.
fn text(class: &str, x: Decimal, y: i64, words: &str) -> Markup {
    let half = Decimal::from(words.chars().map(|one| if one.is_ascii() { 3 } else { 5 }).sum::<i64>());
    let anchor = if x < half {
        "start"
    } else if x + half > Decimal::from(WIDTH) {
        "end"
    } else {
        "middle"
    };
    let x = match anchor {
        "start" => Decimal::ZERO,
        "end" => Decimal::from(WIDTH),
        _ => x,
    };
    html! { text class=(class) x=(x) y=(y) text-anchor=(anchor) { (words) } }
}
