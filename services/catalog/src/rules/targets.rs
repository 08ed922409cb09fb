//! Rules of targets: SCORING.md §1 and the operator table of `seeds/README.md`.
//!
//! Place in the flow: part of `rules`. It must not know: projects, agencies.

use std::collections::BTreeMap;

use songhua_domain::id::IndicatorId;
use songhua_domain::quantity::Decimal;
use songhua_domain::vocabulary::{Accumulation, MeasureKind, Operator, OperatorSource};

use crate::fault::{Faults, Place};
use crate::format::{Draft, Indicator, PlanFile, Target};
use crate::shapes::Entry;

/// Notes what is wrong with each target, and between targets, indicators and the plan's dates.
pub(super) fn check(draft: &Draft, faults: &Faults) {
    let Ok(file) = &draft.targets else { return };
    let indicators: BTreeMap<&IndicatorId, &Indicator> = match &draft.indicators {
        Ok(indicators) => indicators.indicators.iter().map(|indicator| (&indicator.id, indicator)).collect(),
        Err(_) => BTreeMap::new(),
    };
    for Entry { place, index, item: target } in file.targets.entries() {
        check_number(target, *index, place, faults);
        check_fields(target, place, faults);
        check_values(target, place, faults);
        check_wording(target, place, faults);
        if let Ok(plan) = &draft.plan {
            check_period(target, plan, place, faults);
        }
        if let Some(indicator) = indicators.get(&target.indicator.0) {
            check_indicator(target, indicator, place, faults);
        }
    }
    if let Ok(indicators) = &draft.indicators
        && file.targets.is_whole()
    {
        for indicator in indicators.indicators.entries() {
            check_listed(indicator, file.targets.iter(), faults);
        }
    }
}

/// Numbers count 1, 2, 3 … in the order of the file.
fn check_number(target: &Target, index: usize, place: &Place, faults: &Faults) {
    if target.number as usize != index + 1 {
        let reason = format!("{} stands where {} must: numbers count without a hole", target.number, index + 1);
        faults.add(&place.field("number"), reason);
    }
}

/// The fields that an operator sets; the others are null.
const fn fields_set(operator: Operator) -> &'static [&'static str] {
    match operator {
        Operator::AtLeast | Operator::MoreThan => &["value"],
        Operator::Between => &["value", "max"],
        Operator::Approximately => &["value", "tolerance"],
        Operator::FullCoverage => &[],
        Operator::ExceedsSeries => &["other_series"],
        Operator::Qualitative => &["steps", "required_step"],
    }
}

fn check_fields(target: &Target, place: &Place, faults: &Faults) {
    let given = [
        ("value", target.value.is_some()),
        ("max", target.max.is_some()),
        ("tolerance", target.tolerance.is_some()),
        ("other_series", target.other_series.is_some()),
        ("steps", target.steps.is_some()),
        ("required_step", target.required_step.is_some()),
    ];
    for (field, given) in given {
        match (fields_set(target.operator).contains(&field), given) {
            (true, false) => faults.add(&place.field(field), format!("{} needs it", target.operator)),
            (false, true) => faults.add(&place.field(field), format!("{} takes none: write null", target.operator)),
            _ => {}
        }
    }
}

fn check_values(target: &Target, place: &Place, faults: &Faults) {
    if let Some(value) = target.value.filter(|value| *value <= Decimal::ZERO) {
        faults.add(&place.field("value"), format!("{value} is not above zero"));
    }
    if let (Some(value), Some(max)) = (target.value, target.max)
        && max <= value
    {
        faults.add(&place.field("max"), format!("{max} is not above value, {value}"));
    }
    if let Some(tolerance) = target.tolerance.filter(|share| *share <= Decimal::ZERO || *share >= Decimal::ONE) {
        faults.add(&place.field("tolerance"), format!("{tolerance} is no fraction between 0 and 1 (\"0.1\" is 10 %)"));
    }
    let Some(steps) = &target.steps else { return };
    if steps.len() < 2 || steps.iter().enumerate().any(|(index, step)| steps[..index].contains(step)) {
        faults.add(&place.field("steps"), "must be two or more different steps, lowest first");
    }
    if let Some(step) = target.required_step.as_ref().filter(|step| !steps.contains(step)) {
        faults.add(&place.field("required_step"), format!("{step:?} is none of the steps"));
    }
}

fn check_wording(target: &Target, place: &Place, faults: &Faults) {
    if target.operator_source == OperatorSource::Implied && target.operator != Operator::AtLeast {
        let reason = format!("a bare number (IMPLIED) is read as AT_LEAST, not {}", target.operator);
        faults.add(&place.field("operator_source"), reason);
    }
    if !target.due_inherited && !target.source.text.contains(&target.due_as_written) {
        let reason = format!(
            "{:?} is not in source.text; if the paragraph's head says it, due_inherited",
            target.due_as_written
        );
        faults.add(&place.field("due_as_written"), reason);
    }
}

fn check_period(target: &Target, plan: &PlanFile, place: &Place, faults: &Faults) {
    let deadline = target.effective_deadline;
    if deadline <= plan.start || deadline > plan.end {
        let reason =
            format!("{deadline} does not lie after the plan's start, {}, and by its end, {}", plan.start, plan.end);
        faults.add(&place.field("effective_deadline"), reason);
    }
}

/// The operator that an accumulation or a measure asks for, if there is only one.
const fn only_operator(indicator: &Indicator) -> Option<Operator> {
    match indicator.accumulation {
        Accumulation::Paired => Some(Operator::ExceedsSeries),
        Accumulation::None => Some(Operator::Qualitative),
        _ => None,
    }
}

fn check_indicator(target: &Target, indicator: &Indicator, place: &Place, faults: &Faults) {
    let (operator, accumulation) = (target.operator, indicator.accumulation);
    let refuse = |field, reason: String| faults.add(&place.field(field), reason);
    if !indicator.scored {
        refuse("indicator", format!("\"{}\" is not scored (scored: false)", indicator.id));
    }
    match (only_operator(indicator), operator) {
        (Some(only), _) if only != operator => {
            refuse("operator", format!("accumulation {accumulation} takes {only}, not {operator}"));
        }
        (None, Operator::ExceedsSeries) => refuse("operator", format!("{operator} takes PAIRED, not {accumulation}")),
        (None, Operator::Qualitative) => refuse("operator", format!("{operator} takes NONE, not {accumulation}")),
        (None, Operator::FullCoverage) if indicator.measure_kind != MeasureKind::Coverage => {
            refuse("operator", format!("{operator} takes measure_kind COVERAGE, not {}", indicator.measure_kind));
        }
        _ => {}
    }
    let turns = matches!(operator, Operator::AtLeast | Operator::MoreThan | Operator::ExceedsSeries);
    if !indicator.ascending && !turns {
        refuse("operator", format!("\"{}\" is descending, which {operator} does not allow", indicator.id));
    }
    let deadline = target.effective_deadline;
    if accumulation == Accumulation::AnnualFlow && (deadline.month(), deadline.day()) != (12, 31) {
        refuse("effective_deadline", format!("{deadline} is not 31 December, which ANNUAL_FLOW needs"));
    }
    if let Some(other) = target.other_series.as_ref().filter(|other| Some(*other) != indicator.compared_with.as_ref()) {
        refuse("other_series", format!("\"{}\" is not what \"{}\" is compared with", other.0, indicator.id));
    }
}

/// An indicator lists the numbers of the targets that use it.
fn check_listed<'a>(
    Entry { place, item: indicator, .. }: &Entry<Indicator>,
    targets: impl Iterator<Item = &'a Target>,
    faults: &Faults,
) {
    let users: Vec<u32> =
        targets.filter(|target| target.indicator.0 == indicator.id).map(|target| target.number).collect();
    if indicator.number != users {
        faults.add(
            &place.field("number"),
            format!("lists {:?}, but the targets that use it are {users:?}", indicator.number),
        );
    }
}
