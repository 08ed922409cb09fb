//! What SCORING §1 refuses in a plan.

use jiff::civil::{Date, date};

use super::support::*;
use crate::event::*;
use crate::score::DatedValue;
use crate::vocabulary::*;

/// A plan with an indicator `new` that has no target yet.
fn with(indicator: IndicatorDefined) -> World {
    let mut world = World::loading();
    world.ok(&office(), indicator);
    world
}

fn new(accumulation: Accumulation) -> World {
    with(indicator("new", accumulation))
}

fn at_least(value: &str) -> TargetSet {
    target(11, "new", Operator::AtLeast, Some(value))
}

#[track_caller]
fn refused(world: &mut World, target: TargetSet, field: &str) {
    world.refused(&office(), target, Reason::TargetRule, &format!("target_set.{field}"));
}

#[test]
fn a_pair_of_area_and_indicator_and_a_number_have_one_target() {
    let mut world = new(Accumulation::Stock);
    let again = target(11, "labs", Operator::AtLeast, Some("1"));
    world.refused(&office(), again, Reason::AlreadyDefined, "target_set.indicator");
    let number = TargetSet { number: 1, ..at_least("1") };
    world.refused(&office(), number, Reason::AlreadyDefined, "target_set.number");
    let zero = TargetSet { number: 0, ..at_least("1") };
    world.refused(&office(), zero, Reason::InvalidField, "target_set.number");
    let area = TargetSet { area: id("none"), ..at_least("1") };
    world.refused(&office(), area, Reason::UnknownResource, "target_set.area");
    let indicator = TargetSet { indicator: id("none"), ..at_least("1") };
    world.refused(&office(), indicator, Reason::UnknownResource, "target_set.indicator");
}

#[test]
fn a_series_for_comparison_has_no_target() {
    let mut world = World::loading();
    refused(&mut world, target(11, "gdp-growth", Operator::AtLeast, Some("5")), "indicator");
}

#[test]
fn a_goal_of_zero_or_less_is_refused() {
    let mut world = new(Accumulation::Stock);
    refused(&mut world, at_least("0"), "value");
    refused(&mut world, at_least("-1"), "value");
    world.ok(&office(), at_least("0.1"));
}

#[test]
fn a_deadline_lies_within_the_plan_and_a_flows_is_a_31_december() {
    let due = |day| TargetSet { effective_deadline: day, ..at_least("5") };
    let mut world = new(Accumulation::Stock);
    refused(&mut world, due(date(2022, 1, 1)), "effective_deadline");
    refused(&mut world, due(date(2027, 1, 1)), "effective_deadline");
    world.ok(&office(), due(date(2026, 6, 30)));
    let mut world = new(Accumulation::AnnualFlow);
    refused(&mut world, due(date(2026, 6, 30)), "effective_deadline");
    world.ok(&office(), due(date(2025, 12, 31)));
}

#[test]
fn approximately_has_a_tolerance_between_0_and_1() {
    let mut world = new(Accumulation::Cumulative);
    let about = |tolerance: Option<&str>| TargetSet {
        tolerance: tolerance.map(dec),
        ..target(11, "new", Operator::Approximately, Some("100"))
    };
    for tolerance in [None, Some("0"), Some("1"), Some("-0.1")] {
        refused(&mut world, about(tolerance), "tolerance");
    }
    world.ok(&office(), about(Some("0.1")));
}

#[test]
fn an_operator_has_its_own_fields_and_no_others() {
    let mut world = new(Accumulation::Stock);
    refused(&mut world, target(11, "new", Operator::AtLeast, None), "value");
    refused(&mut world, TargetSet { max: Some(dec("9")), ..at_least("5") }, "max");
    refused(&mut world, TargetSet { tolerance: Some(dec("0.1")), ..at_least("5") }, "tolerance");
    refused(&mut world, TargetSet { other_series: Some(id("gdp-growth")), ..at_least("5") }, "other_series");
    refused(&mut world, TargetSet { steps: vec!["一".into()], ..at_least("5") }, "steps");
    refused(&mut world, TargetSet { required_step: Some("一".into()), ..at_least("5") }, "required_step");
    let between =
        |max: Option<&str>| TargetSet { max: max.map(dec), ..target(11, "new", Operator::Between, Some("3")) };
    refused(&mut world, between(None), "max");
    refused(&mut world, between(Some("3")), "max");
    world.ok(&office(), between(Some("5")));
}

#[test]
fn full_coverage_is_for_a_coverage_only() {
    let mut world = new(Accumulation::Ratio);
    refused(&mut world, target(11, "new", Operator::FullCoverage, None), "operator");
    refused(&mut world, target(11, "new", Operator::FullCoverage, Some("100")), "value");
    let mut world = with(IndicatorDefined { indicator: id("new"), ..coverage() });
    world.ok(&office(), target(11, "new", Operator::FullCoverage, None));
}

#[test]
fn exceeds_series_compares_two_yearly_series_of_one_unit() {
    let exceeds = |other: &str| TargetSet { indicator: id("new"), other_series: Some(id(other)), ..exceeds(11) };
    let mut world = new(Accumulation::Paired);
    refused(&mut world, at_least("5"), "operator");
    refused(&mut world, exceeds("new"), "other_series");
    refused(&mut world, exceeds("labs"), "other_series");
    let missing = TargetSet { other_series: None, ..exceeds("gdp-growth") };
    refused(&mut world, missing, "other_series");
    world.refused(&office(), exceeds("none"), Reason::UnknownResource, "target_set.other_series");
    let permille = IndicatorDefined { unit: "个".into(), ..indicator("count", Accumulation::Ratio) };
    world.ok(&office(), permille);
    refused(&mut world, exceeds("count"), "other_series");
    world.ok(&office(), exceeds("gdp-growth"));
    let mut world = new(Accumulation::AnnualFlow);
    refused(&mut world, exceeds("gdp-growth"), "operator");
}

#[test]
fn qualitative_has_a_scale_with_the_required_step_on_it() {
    let mut world = new(Accumulation::None);
    let scale = || TargetSet { indicator: id("new"), ..qualitative(11) };
    refused(&mut world, TargetSet { steps: Vec::new(), ..scale() }, "steps");
    refused(&mut world, TargetSet { required_step: None, ..scale() }, "required_step");
    refused(&mut world, TargetSet { required_step: Some("国际领先".into()), ..scale() }, "required_step");
    let twice = vec!["国内领先".to_owned(), "国内领先".to_owned()];
    refused(&mut world, TargetSet { steps: twice, ..scale() }, "steps[1]");
    refused(&mut world, at_least("5"), "operator");
    world.ok(&office(), scale());
    let mut world = new(Accumulation::Stock);
    refused(&mut world, scale(), "operator");
}

#[test]
fn lower_is_better_with_at_least_more_than_and_exceeds_series_only() {
    let falling = IndicatorDefined { ascending: false, ..indicator("new", Accumulation::Stock) };
    let mut world = with(falling);
    let between = TargetSet { max: Some(dec("9")), ..target(11, "new", Operator::Between, Some("5")) };
    refused(&mut world, between, "operator");
    world.ok(&office(), target(11, "new", Operator::MoreThan, Some("5")));
}

fn baseline(of: &str, date: Date, value: &str) -> BaselineSet {
    BaselineSet { area: id("city"), indicator: id(of), baseline: at(date, value) }
}

fn interim(of: &str, points: &[DatedValue]) -> InterimTargetsSet {
    InterimTargetsSet { area: id("city"), indicator: id(of), interim: points.to_vec(), reason: String::new() }
}

#[test]
fn a_baseline_lies_before_the_deadline_and_is_0_for_additions() {
    let mut world = World::published();
    let date_field = "baseline_set.baseline.date";
    world.refused(&office(), baseline("labs", date(2026, 12, 31), "3"), Reason::TargetRule, date_field);
    let value_field = "baseline_set.baseline.value";
    world.refused(&office(), baseline("added", date(2021, 12, 31), "1"), Reason::TargetRule, value_field);
    world.ok(&office(), baseline("added", date(2021, 12, 31), "0"));
    world.ok(&office(), baseline("labs", date(2021, 12, 31), "3"));
    world.ok(&office(), baseline("coverage", date(2021, 12, 31), "60"));
    let unknown = BaselineSet { area: id("circle"), ..baseline("labs", date(2021, 12, 31), "3") };
    world.refused(&office(), unknown, Reason::UnknownResource, "baseline_set.indicator");
    let held = world.state.target(&id("city"), &id("labs")).unwrap().baseline;
    assert_eq!(held, Some(at(date(2021, 12, 31), "3")));
}

#[test]
fn targets_without_a_number_have_no_path() {
    let mut world = World::published();
    for of in ["level", "rd-growth"] {
        let field = "baseline_set.indicator";
        world.refused(&office(), baseline(of, date(2021, 12, 31), "3"), Reason::TargetRule, field);
        let field = "interim_targets_set.indicator";
        world.refused(&office(), interim(of, &[at(date(2023, 12, 31), "3")]), Reason::TargetRule, field);
    }
}

#[test]
fn interim_targets_have_dates_of_their_own_within_the_path() {
    let mut world = World::published();
    let rule = (Reason::TargetRule, "interim_targets_set.interim");
    let twice = [at(date(2023, 12, 31), "20"), at(date(2023, 12, 31), "30")];
    world.refused(&office(), interim("added", &twice), rule.0, rule.1);
    for day in [date(2021, 12, 31), date(2026, 12, 31), date(2027, 1, 1)] {
        world.refused(&office(), interim("added", &[at(day, "50")]), rule.0, rule.1);
    }
    world.refused(&office(), interim("added", &[]), Reason::InvalidField, rule.1);
    world.ok(&office(), interim("added", &[at(date(2024, 12, 31), "60"), at(date(2023, 12, 31), "20")]));
    let held = &world.state.target(&id("city"), &id("added")).unwrap().interim;
    assert_eq!(held[..], [at(date(2023, 12, 31), "20"), at(date(2024, 12, 31), "60")]);
}

#[test]
fn interim_targets_lie_in_order_between_start_and_goal() {
    let mut world = World::published();
    let rule = (Reason::TargetRule, "interim_targets_set.interim");
    let falling = [at(date(2023, 12, 31), "60"), at(date(2024, 12, 31), "20")];
    world.refused(&office(), interim("added", &falling), rule.0, rule.1);
    world.refused(&office(), interim("added", &[at(date(2023, 12, 31), "101")]), rule.0, rule.1);
    world.ok(&office(), baseline("labs", date(2021, 12, 31), "3"));
    world.refused(&office(), interim("labs", &[at(date(2023, 12, 31), "2")]), rule.0, rule.1);
    world.ok(&office(), interim("labs", &[at(date(2023, 12, 31), "5"), at(date(2024, 12, 31), "5")]));
    world.ok(&office(), interim("intensity", &[at(date(2023, 12, 31), "2.5")]));
    let above = baseline("intensity", date(2021, 12, 31), "2.6");
    world.refused(&office(), above, Reason::TargetRule, "baseline_set.baseline");
}

#[test]
fn interim_targets_of_a_falling_indicator_fall() {
    let mut world = with(IndicatorDefined { ascending: false, ..indicator("new", Accumulation::Stock) });
    world.ok(&office(), at_least("5"));
    world.ok(&office(), baseline("new", date(2021, 12, 31), "10"));
    let rising = [at(date(2023, 12, 31), "7"), at(date(2024, 12, 31), "8")];
    world.refused(&office(), interim("new", &rising), Reason::TargetRule, "interim_targets_set.interim");
    world.ok(&office(), interim("new", &[at(date(2023, 12, 31), "8"), at(date(2024, 12, 31), "7")]));
}
