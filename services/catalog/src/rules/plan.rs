//! Rules of the plan itself and of its areas.
//!
//! Place in the flow: part of `rules`. It must not know: indicators, targets.

use jiff::tz::TimeZone;
use songhua_domain::quantity::Decimal;
use songhua_domain::score::CALC_VERSIONS;
use songhua_domain::vocabulary::AreaKind;

use crate::fault::{Faults, Place};
use crate::folder::{AREAS, PLAN};
use crate::format::{AreasFile, Document, PlanFile, Rule};
use crate::shapes::Entry;

/// The version of the folder's format that is read here.
const FORMAT: u32 = 1;
/// The arithmetic keeps this share fixed; the format names it so that a later version can free it.
const GAP_TOLERANCE_TARGET_PERCENT: Decimal = Decimal::from_parts(5, 0, 0, false, 0);

/// Notes what is wrong with `plan`.
pub(super) fn check(plan: &PlanFile, faults: &Faults) {
    let at = |field| Place::root(PLAN).field(field);
    if plan.format != FORMAT {
        faults.add(&at("format"), format!("{} is not read here: only format {FORMAT} is", plan.format));
    }
    if !CALC_VERSIONS.contains(&plan.calc_version) {
        let known = CALC_VERSIONS.iter().map(u32::to_string).collect::<Vec<_>>().join(" and ");
        faults.add(&at("calc_version"), format!("{} is not known: only {known} are", plan.calc_version));
    }
    if plan.start > plan.end {
        faults.add(&at("end"), format!("{} lies before the start, {}", plan.end, plan.start));
    }
    if let Err(error) = TimeZone::get(&plan.time_zone) {
        faults.add(&at("time_zone"), format!("{:?} is not an IANA time zone known here: {error}", plan.time_zone));
    }
    let digits = |code: &String| code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit());
    if plan.administrative_division_code.as_ref().is_some_and(|code| !digits(code)) {
        faults.add(&at("administrative_division_code"), "must be six digits (GB/T 2260)");
    }
    if plan.units.len() == 0 && plan.units.is_whole() {
        faults.add(&at("units"), "is empty; indicators need a unit");
    }
    plan.documents.entries().for_each(|document| check_document(document, faults));
    check_order(plan.categories.entries().map(|entry| (entry.place.field("order"), entry.item.order)), faults);
    check_rule(&plan.light_rule, &at("light_rule"), faults);
    if plan.light_rule.interpreted != plan.interpreted.iter().any(|field| field == "light_rule") {
        faults.add(
            &at("light_rule").field("interpreted"),
            "must be true exactly where the plan's interpreted names light_rule",
        );
    }
    for fact in plan.facts.entries() {
        if fact.item.value.is_some() && (fact.item.unit.is_none() || fact.item.value_as_written.is_none()) {
            faults.add(&fact.place.field("value"), "needs a unit and value_as_written beside it");
        }
    }
}

fn check_document(Entry { place, item: document, .. }: &Entry<Document>, faults: &Faults) {
    if document.file.is_some() != document.sha256.is_some() {
        faults.add(&place.field("sha256"), "file and sha256 are set both or neither");
    }
}

fn check_rule(rule: &Rule, place: &Place, faults: &Faults) {
    let refuse = |field, reason: String| faults.add(&place.field(field), reason);
    if rule.version != 1 {
        refuse("version", "must be 1: a plan is defined with the first rule, later ones are events".to_owned());
    }
    if rule.behind_below_points > Decimal::ZERO {
        refuse("behind_below_points", "is a deviation behind the path: zero or below".to_owned());
    }
    if rule.far_behind_below_points >= rule.behind_below_points {
        refuse("far_behind_below_points", format!("must lie below behind_below_points, {}", rule.behind_below_points));
    }
    if rule.gap_tolerance_target_percent != GAP_TOLERANCE_TARGET_PERCENT {
        let wanted = format!("must be \"{GAP_TOLERANCE_TARGET_PERCENT}\": the arithmetic knows no other");
        refuse("gap_tolerance_target_percent", wanted);
    }
    let shares = [
        ("closing_shortfall_percent", rule.closing_shortfall_percent),
        ("gap_tolerance_points", rule.gap_tolerance_points),
        ("coverage_yellow_percent", rule.coverage_yellow_percent),
    ];
    for (field, share) in shares {
        if !(Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(&share) {
            refuse(field, format!("{share} does not lie from 0 to 100"));
        }
    }
}

/// Notes what is wrong with the areas taken together.
pub(super) fn check_areas(areas: &AreasFile, faults: &Faults) {
    let cities = areas.areas.iter().filter(|area| area.kind == AreaKind::City).count();
    if cities != 1 && areas.areas.is_whole() {
        let reason = format!("{cities} areas are of kind CITY; exactly one must be");
        faults.add(&Place::root(AREAS).field("areas"), reason);
    }
    for area in areas.areas.entries() {
        if area.item.batch == Some(0) {
            faults.add(&area.place.field("batch"), "counts from 1; null where there is none");
        }
    }
    check_order(
        areas.areas.entries().map(|entry| (entry.place.field("source_order"), entry.item.source_order)),
        faults,
    );
}

/// Numbers of order count from 1 and stand once each.
fn check_order(orders: impl Iterator<Item = (Place, u32)>, faults: &Faults) {
    let mut seen: Vec<(Place, u32)> = Vec::new();
    for (place, order) in orders {
        if order == 0 {
            faults.add(&place, "counts from 1");
        }
        if let Some((first, _)) = seen.iter().find(|(_, taken)| *taken == order) {
            faults.add(&place, format!("{order} is taken by {}", first.path()));
        }
        seen.push((place, order));
    }
}
