//! EXCEEDS_SERIES: for each year the own value beside that of the other series.

use maud::{Markup, html};
use songhua_domain::quantity::Decimal;
use songhua_wire::pb;

use super::{MARGIN, Scale, WIDTH, text};
use crate::number::decimal;

/// Most years, the last ones.
const YEARS_MAX: usize = 6;
/// The highest value ends here.
const TOP: i64 = 2;
/// The lowest.
const BOTTOM: i64 = 27;

/// Draws the years; none if there are none.
pub(super) fn draw(target: &pb::TargetProgress) -> Option<Markup> {
    let skipped = target.years.len().saturating_sub(YEARS_MAX);
    let years = target.years.iter().skip(skipped);
    let years: Vec<_> = years.map(|year| (year.year, decimal(&year.own), decimal(&year.other))).collect();
    let values: Vec<Decimal> = years.iter().flat_map(|(_, own, other)| [*own, *other]).flatten().collect();
    let scale = Scale::over(&values)?;
    let step = (WIDTH - MARGIN - MARGIN) / i64::try_from(years.len()).ok()?;
    let bar = |class: &str, x: i64, value: Option<Decimal>| {
        let zero = from_bottom(&scale, Decimal::ZERO);
        let end = value.map(|value| from_bottom(&scale, value));
        html! { @if let Some(end) = end { rect class=(class) x=(x) y=(zero.min(end)) width="13" height=((zero - end).abs()) {} } }
    };
    Some(html! {
        path.axis d={ "M0 " (from_bottom(&scale, Decimal::ZERO)) "H" (WIDTH) } {}
        @for (index, (year, own, other)) in (0i64..).zip(&years) {
            @let middle = MARGIN + step * index + step / 2;
            (bar("measure", middle - 14, *own))
            (bar("other", middle + 1, *other))
            (text("tick", Decimal::from(middle), 37, &year.to_string()))
        }
    })
}

/// Values grow upwards.
fn from_bottom(scale: &Scale, value: Decimal) -> Decimal {
    Decimal::from(TOP + BOTTOM) - scale.place(value, TOP, BOTTOM)
}
