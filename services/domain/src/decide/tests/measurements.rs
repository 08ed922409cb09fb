//! Rules of figures and their periods.

use jiff::civil::date;
use uuid::Uuid;

use super::support::*;
use crate::event::*;
use crate::state::Slot;
use crate::vocabulary::*;

fn refused(world: &mut World, figure: MeasurementReported, reason: Reason, field: &str) -> String {
    world.refused(&agency("bureau"), figure, reason, &format!("measurement_reported.{field}"))
}

fn labs(day: i8, value: &str) -> MeasurementReported {
    figure("labs", Basis::StockAt, ReferencePeriod::AsOf(date(2025, 6, day)), value)
}

fn covered(numerator: &str, denominator: &str) -> MeasurementReported {
    let period = ReferencePeriod::AsOf(date(2025, 3, 31));
    MeasurementReported { figure: fraction(numerator, denominator), ..figure("coverage", Basis::StockAt, period, "0") }
}

#[test]
fn a_figure_is_of_an_indicator_with_a_target_in_the_area() {
    let mut world = World::published();
    let unknown = Reason::UnknownResource;
    refused(&mut world, MeasurementReported { area: id("none"), ..labs(1, "3") }, unknown, "area");
    refused(&mut world, MeasurementReported { indicator: id("none"), ..labs(1, "3") }, unknown, "indicator");
    refused(&mut world, MeasurementReported { area: id("circle"), ..labs(1, "3") }, unknown, "indicator");
    let input = world.input(labs(1, "3"));
    let (_, decision) = world.send(&agency("bureau"), input).unwrap();
    assert_eq!((decision.area, decision.subject.as_str()), (Some(id("city")), "plans/p/areas/city/targets/labs"));
}

#[test]
fn a_series_for_comparison_is_reported_in_any_area_without_a_target() {
    let mut world = World::published();
    let input = world.input(figure("gdp-growth", Basis::FullYear, year(2024), "-0.5"));
    let (_, decision) = world.send(&agency("bureau"), input).unwrap();
    assert_eq!((decision.area, decision.subject.as_str()), (Some(id("city")), "plans/p/indicators/gdp-growth"));
    let circle = figure("gdp-growth", Basis::FullYear, year(2024), "5.5");
    world.ok(&agency("bureau"), MeasurementReported { area: id("circle"), ..circle });
}

#[test]
fn a_derived_indicator_takes_no_figures() {
    let mut world = World::published();
    let circles = figure("circles", Basis::StockAt, ReferencePeriod::AsOf(TODAY), "4");
    refused(&mut world, circles, Reason::DerivedIndicator, "indicator");
}

#[test]
fn a_qualitative_indicator_takes_no_number() {
    let mut world = World::published();
    let level = figure("level", Basis::StockAt, ReferencePeriod::AsOf(TODAY), "4");
    refused(&mut world, level, Reason::FigureNotAllowed, "figure");
}

#[test]
fn each_accumulation_takes_its_bases() {
    let day = ReferencePeriod::AsOf(date(2025, 3, 31));
    let first_quarter = span(date(2025, 1, 1), date(2025, 3, 31));
    let since_start = span(date(2022, 1, 1), date(2025, 3, 31));
    let all = [
        (Basis::StockAt, day),
        (Basis::Period, first_quarter),
        (Basis::YearToDate, first_quarter),
        (Basis::PlanToDate, since_start),
        (Basis::FullYear, year(2024)),
    ];
    for (of, taken) in [
        ("labs", &[Basis::StockAt][..]),
        ("added", &[Basis::Period, Basis::PlanToDate]),
        ("invested", &[Basis::Period, Basis::PlanToDate]),
        ("revenue", &[Basis::YearToDate, Basis::FullYear]),
        ("intensity", &[Basis::FullYear]),
        ("rd-growth", &[Basis::FullYear]),
    ] {
        for (basis, period) in all {
            let mut world = World::published();
            let reported = figure(of, basis, period, "3");
            if taken.contains(&basis) {
                world.ok(&agency("bureau"), reported);
            } else {
                refused(&mut world, reported, Reason::BasisNotAllowed, "basis");
            }
        }
    }
}

#[test]
fn a_period_has_the_shape_of_its_basis() {
    let mut world = World::published();
    let shape = Reason::BasisNotAllowed;
    let stock = figure("labs", Basis::StockAt, year(2024), "3");
    refused(&mut world, stock, shape, "period.start");
    let flow = |basis, start, end| figure("revenue", basis, span(start, end), "3");
    let day = figure("revenue", Basis::FullYear, ReferencePeriod::AsOf(date(2024, 12, 31)), "3");
    refused(&mut world, day, shape, "period.start");
    let half = flow(Basis::FullYear, date(2024, 1, 1), date(2024, 6, 30));
    refused(&mut world, half, shape, "period");
    let two = flow(Basis::FullYear, date(2023, 1, 1), date(2024, 12, 31));
    refused(&mut world, two, shape, "period");
    let late = flow(Basis::YearToDate, date(2025, 2, 1), date(2025, 3, 31));
    refused(&mut world, late, shape, "period.start");
    let across = flow(Basis::YearToDate, date(2024, 1, 1), date(2025, 3, 31));
    refused(&mut world, across, shape, "period.start");
    let backwards = added(date(2025, 3, 31), date(2025, 1, 1), "3");
    refused(&mut world, backwards, Reason::InvalidField, "period.end");
}

#[test]
fn a_year_to_date_of_31_december_is_a_full_year() {
    let mut world = World::published();
    let whole = figure("revenue", Basis::YearToDate, year(2024), "3");
    let message = refused(&mut world, whole, Reason::BasisNotAllowed, "basis");
    assert!(message.contains("FULL_YEAR"), "{message}");
}

#[test]
fn additions_before_the_plan_do_not_count_and_a_total_since_inception_may() {
    let mut world = World::published();
    let before = added(date(2021, 12, 1), date(2022, 1, 31), "3");
    refused(&mut world, before, Reason::BasisNotAllowed, "period.start");
    let later = figure("added", Basis::PlanToDate, span(date(2022, 2, 1), date(2025, 1, 1)), "3");
    refused(&mut world, later, Reason::BasisNotAllowed, "period.start");
    let since = |period| figure("invested", Basis::PlanToDate, period, "30");
    world.ok(&agency("bureau"), since(span(date(2010, 1, 1), date(2025, 1, 1))));
    world.ok(&agency("bureau"), since(ReferencePeriod::AsOf(date(2025, 2, 1))));
    let other_start = since(ReferencePeriod::AsOf(date(2025, 1, 1)));
    refused(&mut world, other_start, Reason::MeasurementExists, "period");
    world.ok(&agency("bureau"), figure("invested", Basis::Period, span(date(2020, 1, 1), date(2020, 12, 31)), "1"));
}

#[test]
fn a_figure_is_not_of_a_day_to_come_and_has_no_effective_date() {
    let mut world = World::published();
    let tomorrow = figure("labs", Basis::StockAt, ReferencePeriod::AsOf(date(2025, 7, 1)), "3");
    refused(&mut world, tomorrow, Reason::FutureDate, "period.end");
    let mut input = world.input(labs(1, "3"));
    input.effective_date = Some(date(2025, 6, 1));
    world.refused_input(&agency("bureau"), input, Reason::InvalidField, "effective_date");
    world.ok(&agency("bureau"), labs(30, "3"));
}

#[test]
fn a_long_past_figure_is_marked_and_names_its_source() {
    let mut world = World::published();
    let mut input = world.input(figure("intensity", Basis::FullYear, year(2022), "2.1"));
    input.source_ref = String::new();
    world.refused_input(&agency("bureau"), input.clone(), Reason::SourceRefRequired, "source_ref");
    input.source_ref = "统计年鉴".into();
    let (event, decision) = world.send(&agency("bureau"), input).unwrap();
    assert!(decision.back_dated);
    let mut input = world.input(corrected(event, "2.2"));
    input.source_ref = String::new();
    world.refused_input(&agency("bureau"), input, Reason::SourceRefRequired, "source_ref");
    let mut input = world.input(retracted(event));
    input.source_ref = String::new();
    assert!(!world.send(&agency("bureau"), input).unwrap().1.back_dated);
}

#[test]
fn a_period_has_one_live_figure_in_each_dimension() {
    let mut world = World::published();
    world.ok(&agency("bureau"), labs(1, "3"));
    let position = world.state.head();
    let message = refused(&mut world, labs(1, "4"), Reason::MeasurementExists, "period");
    assert!(message.contains(&format!("position {position} ")), "{message}");
    world.ok(&agency("bureau"), labs(2, "4"));
    let songbei = MeasurementReported { dimension: "district=songbei".into(), ..labs(1, "1") };
    world.ok(&agency("district"), songbei.clone());
    world.refused(&agency("district"), songbei, Reason::MeasurementExists, "measurement_reported.period");
}

#[test]
fn a_dimension_is_the_total_or_a_key_and_a_value() {
    let mut world = World::published();
    for bad in ["", "total", "district=", "=x", "District=x", "a=b=c", "区=松北", "a b=c"] {
        let figure = MeasurementReported { dimension: bad.into(), ..labs(1, "3") };
        refused(&mut world, figure, Reason::InvalidField, "dimension");
    }
}

#[test]
fn periods_do_not_overlap() {
    let mut world = World::published();
    world.ok(&agency("bureau"), added(date(2024, 1, 1), date(2024, 3, 31), "3"));
    world.ok(&agency("bureau"), added(date(2024, 7, 1), date(2024, 9, 30), "3"));
    for (start, end) in [
        (date(2024, 3, 31), date(2024, 4, 30)),
        (date(2023, 12, 1), date(2024, 1, 1)),
        (date(2024, 2, 1), date(2024, 2, 29)),
        (date(2023, 1, 1), date(2024, 12, 31)),
        (date(2024, 4, 1), date(2024, 7, 1)),
    ] {
        refused(&mut world, added(start, end, "1"), Reason::PeriodOverlap, "period");
    }
    world.ok(&agency("bureau"), added(date(2024, 4, 1), date(2024, 6, 30), "0"));
    world.ok(&agency("bureau"), added(date(2022, 1, 1), date(2023, 12, 31), "9"));
}

#[test]
fn a_period_does_not_straddle_the_day_of_a_total() {
    let mut world = World::published();
    world.ok(&agency("bureau"), added_until(date(2023, 12, 31), "10"));
    let across = added(date(2023, 12, 1), date(2024, 1, 31), "1");
    refused(&mut world, across, Reason::PeriodOverlap, "period");
    let from_the_day = added(date(2023, 12, 31), date(2024, 1, 31), "1");
    refused(&mut world, from_the_day, Reason::PeriodOverlap, "period");
    world.ok(&agency("bureau"), added(date(2023, 12, 1), date(2023, 12, 31), "1"));
    world.ok(&agency("bureau"), added(date(2024, 1, 1), date(2024, 3, 31), "1"));
    for day in [date(2024, 1, 1), date(2024, 3, 30)] {
        refused(&mut world, added_until(day, "11"), Reason::PeriodOverlap, "period.end");
    }
    world.ok(&agency("bureau"), added_until(date(2024, 3, 31), "11"));
}

#[test]
fn a_total_does_not_fall_unless_it_is_a_correction() {
    let mut world = World::published();
    let bureau = agency("bureau");
    world.ok(&bureau, added_until(date(2023, 12, 31), "10"));
    let third = world.ok(&bureau, added_until(date(2025, 3, 31), "30"));
    let falls = Reason::TotalDecreased;
    refused(&mut world, added_until(date(2024, 12, 31), "9"), falls, "figure.value");
    refused(&mut world, added_until(date(2024, 12, 31), "31"), falls, "figure.value");
    world.ok(&bureau, added_until(date(2024, 12, 31), "10"));
    let third = world.ok(&bureau, corrected(third, "12"));
    refused(&mut world, added_until(date(2025, 4, 30), "11"), falls, "figure.value");
    world.ok(&bureau, revised(third, "11"));
    world.ok(&bureau, added_until(date(2025, 4, 30), "11"));
}

#[test]
fn a_coverage_is_two_numbers_with_the_part_within_the_whole() {
    let mut world = World::published();
    let figure_reason = Reason::FigureNotAllowed;
    let one = figure("coverage", Basis::StockAt, ReferencePeriod::AsOf(date(2025, 3, 31)), "90");
    refused(&mut world, one, figure_reason, "figure.value");
    refused(&mut world, covered("11", "10"), figure_reason, "figure.fraction.numerator");
    refused(&mut world, covered("-1", "10"), figure_reason, "figure.fraction.numerator");
    refused(&mut world, covered("-2", "-1"), figure_reason, "figure.fraction.numerator");
    world.ok(&agency("bureau"), covered("0", "0"));
}

#[test]
fn two_numbers_are_for_a_ratio_with_a_whole_above_0() {
    let mut world = World::published();
    let two = MeasurementReported { figure: fraction("1", "2"), ..labs(1, "0") };
    refused(&mut world, two, Reason::FigureNotAllowed, "figure.fraction");
    let intensity = |numerator: &str, denominator: &str| MeasurementReported {
        figure: fraction(numerator, denominator),
        ..figure("intensity", Basis::FullYear, year(2024), "0")
    };
    let denominator = "figure.fraction.denominator";
    refused(&mut world, intensity("1", "0"), Reason::FigureNotAllowed, denominator);
    refused(&mut world, intensity("1", "-2"), Reason::FigureNotAllowed, denominator);
    world.ok(&agency("bureau"), intensity("3", "100"));
}

#[test]
fn only_growth_is_negative_and_counts_are_whole() {
    let mut world = World::published();
    let figure_reason = Reason::FigureNotAllowed;
    refused(&mut world, labs(1, "-1"), figure_reason, "figure.value");
    refused(&mut world, labs(1, "1.5"), figure_reason, "figure.value");
    refused(&mut world, figure("intensity", Basis::FullYear, year(2024), "-1"), figure_reason, "figure.value");
    world.ok(&agency("bureau"), labs(1, "3.00"));
    world.ok(&agency("bureau"), figure("rd-growth", Basis::FullYear, year(2024), "-3.2"));
    world.ok(&agency("bureau"), figure("revenue", Basis::FullYear, year(2024), "3200.55"));
}

#[test]
fn a_count_in_ten_thousands_has_at_most_four_decimals() {
    let mut world = World::loading();
    world.ok(&office(), IndicatorDefined { unit_multiplier: 4, ..indicator("people", Accumulation::Stock) });
    world.ok(&office(), target(11, "people", Operator::AtLeast, Some("5")));
    let event_count = world.state.definition_count();
    world.ok(&office(), PlanPublished { event_count, digest: [0; 32] });
    let people = |value: &str| MeasurementReported { indicator: id("people"), unit_multiplier: 4, ..labs(1, value) };
    refused(&mut world, people("1.00005"), Reason::FigureNotAllowed, "figure.value");
    world.ok(&agency("bureau"), people("1.2345"));
}

#[test]
fn a_number_is_in_the_indicators_multiplier() {
    let mut world = World::published();
    let yuan = MeasurementReported { unit_multiplier: 4, ..figure("revenue", Basis::FullYear, year(2024), "3") };
    refused(&mut world, yuan, Reason::UnitMismatch, "unit_multiplier");
}

#[test]
fn a_correction_takes_the_place_of_the_live_figure_only() {
    let mut world = World::published();
    let bureau = agency("bureau");
    let field = "measurement_corrected.measurement";
    let first = world.ok(&bureau, labs(1, "3"));
    let second = world.ok(&bureau, corrected(first, "4"));
    let live = world.state.head();
    for stale in [first, first] {
        let message = world.refused(&bureau, corrected(stale, "5"), Reason::Superseded, field);
        assert!(message.contains(&format!("position {live} ")), "{message}");
    }
    let third = world.ok(&bureau, corrected(second, "5"));
    let live = world.state.head();
    let message = world.refused(&bureau, retracted(second), Reason::Superseded, "measurement_retracted.measurement");
    assert!(message.contains(&format!("position {live} ")), "{message}");
    refused(&mut world, labs(1, "6"), Reason::MeasurementExists, "period");
    world.refused(&bureau, corrected(Uuid::from_u128(1 << 100), "5"), Reason::UnknownResource, field);
    world.refused(&bureau, corrected(third, "1.5"), Reason::FigureNotAllowed, "measurement_corrected.figure.value");
    let silent = MeasurementCorrected { reason: " ".into(), ..corrected(third, "6") };
    world.refused(&bureau, silent, Reason::InvalidField, "measurement_corrected.reason");
    let retraction = world.ok(&bureau, retracted(third));
    world.refused(&bureau, corrected(retraction, "6"), Reason::WrongEventType, field);
}

#[test]
fn a_retracted_figure_leaves_its_period_free() {
    let mut world = World::published();
    let bureau = agency("bureau");
    let first = world.ok(&bureau, added_until(date(2024, 12, 31), "10"));
    world.ok(&bureau, retracted(first));
    let message = world.refused(&bureau, retracted(first), Reason::Superseded, "measurement_retracted.measurement");
    assert!(message.contains("free"), "{message}");
    world.ok(&bureau, added(date(2024, 12, 1), date(2025, 1, 31), "1"));
    world.ok(&bureau, added_until(date(2025, 1, 31), "3"));
    let series = world.state.series(&id("city"), &id("added"), TOTAL).unwrap();
    assert!(series.live(&Slot::of(Basis::PlanToDate, span(date(2022, 1, 1), date(2024, 12, 31)))).is_none());
    assert_eq!(series.figures().count(), 2);
}

#[test]
fn a_correction_may_follow_in_the_same_submission() {
    let mut world = World::published();
    // The log of `World` holds an event as soon as it is decided, as ingest's refs do.
    let first = world.ok(&agency("bureau"), labs(1, "3"));
    let second = world.ok(&agency("bureau"), corrected(first, "4"));
    let input = world.input(retracted(second));
    let (_, decision) = world.send(&agency("bureau"), input).unwrap();
    assert_eq!((decision.area, decision.subject.as_str()), (Some(id("city")), "plans/p/areas/city/targets/labs"));
}

#[test]
fn nothing_to_report_is_about_a_period_that_has_passed() {
    let mut world = World::published();
    let nothing = |of: &str, period| NothingToReport { area: id("city"), indicator: id(of), period };
    let district = agency("district");
    let field = "nothing_to_report.period.end";
    let june = span(date(2025, 6, 1), date(2025, 6, 30));
    world.ok(&district, nothing("added", june));
    world.ok(&district, nothing("level", june));
    let july = nothing("added", span(date(2025, 7, 1), date(2025, 7, 31)));
    world.refused(&district, july, Reason::FutureDate, field);
    let backwards = nothing("added", span(date(2025, 6, 2), date(2025, 6, 1)));
    world.refused(&district, backwards, Reason::InvalidField, field);
    world.refused(&district, nothing("circles", june), Reason::DerivedIndicator, "nothing_to_report.indicator");
}
