//! Numbers and dates as people read them: from the decimals and days of an answer to text.
//!
//! Place in the flow: used by every part of the page. It must not know what a number means.

use std::str::FromStr;

use songhua_domain::quantity::{Decimal, rounded};
use songhua_wire::google::type_::Date;
use songhua_wire::pb;

use crate::Lang;

/// Stands where there is nothing.
pub(crate) const NOTHING: &str = "–";

/// Reads a decimal of an answer; none if it is empty.
pub(crate) fn decimal(text: &str) -> Option<Decimal> {
    Decimal::from_str(text).ok()
}

/// With at most two decimals, those that were reported: 15.10 stays 15.10.
pub(crate) fn shown(text: &str) -> String {
    at_most(text, 2)
}

/// A pace: small ones keep two digits that say something.
pub(crate) fn pace(text: &str) -> String {
    let Some(value) = decimal(text) else { return NOTHING.to_owned() };
    let decimals = (2..=8).find(|decimals| rounded(value, *decimals).mantissa().unsigned_abs() >= 10);
    at_most(text, if value.is_zero() { 0 } else { decimals.unwrap_or(8) })
}

/// With a sign for people, or a dash.
pub(crate) fn at_most(text: &str, decimals: u32) -> String {
    let Some(value) = decimal(text) else { return if text.is_empty() { NOTHING.to_owned() } else { text.to_owned() } };
    let value = if value.scale() > decimals { rounded(value, decimals).normalize() } else { value };
    value.to_string().replace('-', "\u{2212}")
}

/// A percentage, or a dash.
pub(crate) fn percent(text: &str) -> String {
    if text.is_empty() { NOTHING.to_owned() } else { format!("{} %", shown(text)) }
}

/// A day, or a dash.
pub(crate) fn day(date: Option<&Date>) -> String {
    date.map_or_else(|| NOTHING.to_owned(), |date| format!("{:04}-{:02}-{:02}", date.year, date.month, date.day))
}

/// A value with its unit; % stands close.
pub(crate) fn with_unit(value: &str, unit: &str) -> String {
    if value == NOTHING || unit.is_empty() { value.to_owned() } else { format!("{value} {unit}") }
}

/// What has to be reached; from above where less is better.
pub(crate) fn goal(target: &pb::TargetProgress) -> String {
    let value = shown(&target.value);
    match target.operator() {
        pb::Operator::MoreThan => format!("{}\u{a0}{value}", if target.descending { "<" } else { ">" }),
        pb::Operator::Between => format!("{value}–{}", shown(&target.max)),
        pb::Operator::Approximately => format!("≈\u{a0}{value}"),
        pb::Operator::FullCoverage => "100".to_owned(),
        pb::Operator::ExceedsSeries => ">\u{a0}0".to_owned(),
        pb::Operator::Qualitative => target.required_step.clone(),
        pb::Operator::AtLeast | pb::Operator::Unspecified => {
            format!("{}\u{a0}{value}", if target.descending { "≤" } else { "≥" })
        }
    }
}

/// A lead over another series, with its sign.
pub(crate) fn ahead(gap: &str) -> String {
    let plus = decimal(gap).is_some_and(|gap| gap.is_sign_positive() && !gap.is_zero());
    format!("{}{}", if plus { "+" } else { "" }, shown(gap))
}

/// The unit of [`actual`] and [`goal`].
pub(crate) fn unit(lang: Lang, target: &pb::TargetProgress) -> &str {
    match target.operator() {
        pb::Operator::ExceedsSeries => lang.sort("百分点", "points").0.1,
        pb::Operator::Qualitative => "",
        _ => lang.one(target.unit_label.as_ref()),
    }
}

/// What is reached: the figure, the step, or the lead over the other series.
pub(crate) fn actual(target: &pb::TargetProgress) -> String {
    match target.operator() {
        pb::Operator::Qualitative if target.step.is_empty() => NOTHING.to_owned(),
        pb::Operator::Qualitative => target.step.clone(),
        pb::Operator::ExceedsSeries => ahead(&target.gap),
        _ => shown(&target.actual),
    }
}
