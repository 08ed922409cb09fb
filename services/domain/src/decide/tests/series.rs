//! Rules of SCORING §1 about the figures of a series: one for each period, none that overlap, totals that do not fall.

use jiff::civil::date;

use super::support::*;
use crate::event::*;
use crate::vocabulary::*;

const EXISTS: Reason = Reason::MeasurementExists;
const OVERLAP: Reason = Reason::PeriodOverlap;
const FALLS: Reason = Reason::TotalDecreased;

fn refused(world: &mut World, figure: MeasurementReported, reason: Reason, field: &str) -> String {
    world.refused(&agency("bureau"), figure, reason, &format!("measurement_reported.{field}"))
}

/// Additions of a quarter of 2024, from 1.
fn quarter(number: i8, value: &str) -> MeasurementReported {
    added(date(2024, 3 * number - 2, 1), date(2024, 3 * number, 1).last_of_month(), value)
}

/// The total at the end of a quarter of 2024.
fn total(number: i8, value: &str) -> MeasurementReported {
    added_until(date(2024, 3 * number, 1).last_of_month(), value)
}

#[test]
fn a_hole_in_a_chain_of_periods_is_not_refused() {
    let mut world = World::published();
    world.ok(&agency("bureau"), quarter(1, "3"));
    world.ok(&agency("bureau"), quarter(4, "3"));
    world.ok(&agency("bureau"), quarter(2, "3"));
    let series = world.state.series(&id("city"), &id("added"), TOTAL).unwrap();
    assert_eq!(series.figures().count(), 3);
}

#[test]
fn each_area_and_dimension_is_a_series_of_its_own() {
    let mut world = World::published();
    let bureau = agency("bureau");
    world.ok(&bureau, quarter(1, "3"));
    world.ok(&bureau, total(2, "30"));
    let songbei = |figure| MeasurementReported { dimension: "district=songbei".into(), ..figure };
    let circle = |figure| MeasurementReported { area: id("circle"), ..figure };
    let half = || added(date(2024, 2, 1), date(2024, 7, 31), "1");
    for elsewhere in [&songbei as &dyn Fn(MeasurementReported) -> MeasurementReported, &circle] {
        // Neither the same period, nor an overlapping one, nor a lower total.
        world.ok(&bureau, elsewhere(quarter(1, "1")));
        world.ok(&bureau, elsewhere(total(4, "2")));
        world.ok(&bureau, elsewhere(added(date(2024, 4, 1), date(2024, 12, 31), "1")));
        refused(&mut world, elsewhere(half()), OVERLAP, "period");
    }
    refused(&mut world, half(), OVERLAP, "period");
    refused(&mut world, total(4, "29"), FALLS, "figure.value");
}

#[test]
fn a_year_to_date_and_the_full_year_stand_side_by_side() {
    let mut world = World::published();
    let bureau = agency("bureau");
    let until = |month, value| {
        figure("revenue", Basis::YearToDate, span(date(2024, 1, 1), date(2024, month, 1).last_of_month()), value)
    };
    let whole = |value| figure("revenue", Basis::FullYear, year(2024), value);
    world.ok(&bureau, until(6, "900"));
    world.ok(&bureau, until(9, "800"));
    world.ok(&bureau, whole("700"));
    world.ok(&bureau, until(3, "950"));
    for again in [until(6, "901"), until(9, "801"), whole("701")] {
        refused(&mut world, again, EXISTS, "period");
    }
    world.ok(&bureau, figure("revenue", Basis::FullYear, year(2023), "1"));
}

#[test]
fn a_corrected_or_revised_figure_keeps_its_period() {
    let mut world = World::published();
    let bureau = agency("bureau");
    let (period, sum) = (world.ok(&bureau, quarter(1, "3")), world.ok(&bureau, total(2, "30")));
    let (period, sum) = (world.ok(&bureau, corrected(period, "4")), world.ok(&bureau, revised(sum, "20")));
    world.ok(&bureau, revised(period, "5"));
    world.ok(&bureau, corrected(sum, "21"));
    refused(&mut world, quarter(1, "3"), EXISTS, "period");
    refused(&mut world, total(2, "30"), EXISTS, "period");
    refused(&mut world, added(date(2024, 3, 31), date(2024, 4, 30), "1"), OVERLAP, "period");
    refused(&mut world, added(date(2024, 6, 1), date(2024, 7, 31), "1"), OVERLAP, "period");
    refused(&mut world, added_until(date(2024, 2, 1), "1"), OVERLAP, "period.end");
}

#[test]
fn a_total_is_compared_with_what_is_live_now() {
    let mut world = World::published();
    let bureau = agency("bureau");
    let second = world.ok(&bureau, total(2, "30"));
    let second = world.ok(&bureau, revised(second, "20"));
    refused(&mut world, total(3, "19"), FALLS, "figure.value");
    let third = world.ok(&bureau, total(3, "20"));
    world.ok(&bureau, corrected(third, "40"));
    refused(&mut world, total(4, "39"), FALLS, "figure.value");
    world.ok(&bureau, total(4, "40"));
    refused(&mut world, total(1, "21"), FALLS, "figure.value");
    world.ok(&bureau, retracted(second));
    world.ok(&bureau, total(1, "21"));
}

#[test]
fn a_total_is_below_no_earlier_one_and_above_no_later_one() {
    let mut world = World::published();
    let bureau = agency("bureau");
    world.ok(&bureau, total(1, "10"));
    let second = world.ok(&bureau, total(2, "20"));
    // A correction may fall, also below an earlier total, which is then wrong as well or will be corrected.
    world.ok(&bureau, corrected(second, "5"));
    let message = refused(&mut world, total(4, "7"), FALLS, "figure.value");
    assert!(message.contains("2024-03-31"), "{message}");
    world.ok(&bureau, total(4, "12"));
    let message = refused(&mut world, added_until(date(2023, 12, 31), "6"), FALLS, "figure.value");
    assert!(message.contains("2024-06-30"), "{message}");
    world.ok(&bureau, added_until(date(2023, 12, 31), "5"));
}

#[test]
fn a_rejected_figure_leaves_its_period_free() {
    let mut world = World::published();
    let bureau = agency("bureau");
    let (period, sum) = (world.ok(&bureau, quarter(1, "3")), world.ok(&bureau, total(2, "30")));
    world.ok(&auditor(), rejected(period));
    world.ok(&agency("inspectors"), rejected(sum));
    world.ok(&bureau, added(date(2024, 3, 1), date(2024, 9, 30), "1"));
    refused(&mut world, quarter(1, "3"), OVERLAP, "period");
    refused(&mut world, total(2, "30"), OVERLAP, "period.end");
    world.ok(&bureau, total(4, "2"));
}

#[test]
fn a_replaced_number_fits_the_indicator_as_well() {
    let mut world = World::published();
    let bureau = agency("bureau");
    let period = ReferencePeriod::AsOf(date(2025, 3, 31));
    let covered =
        MeasurementReported { figure: fraction("9", "10"), ..figure("coverage", Basis::StockAt, period, "0") };
    let measurement = world.ok(&bureau, covered);
    for wrong in [fraction("11", "10"), Figure::Value(dec("90")), fraction("-1", "10")] {
        for payload in [
            Payload::from(MeasurementCorrected { figure: wrong, ..corrected(measurement, "0") }),
            Payload::from(MeasurementRevised { figure: wrong, ..revised(measurement, "0") }),
        ] {
            let input = world.input(payload);
            assert_eq!(world.send(&bureau, input).unwrap_err().reason, Reason::FigureNotAllowed);
        }
    }
    world.ok(&bureau, MeasurementRevised { figure: fraction("10", "10"), ..revised(measurement, "0") });
}

#[test]
fn a_revision_takes_the_place_of_the_live_figure_and_voids_its_verification() {
    let mut world = World::published();
    let (bureau, field) = (agency("bureau"), "measurement_revised.measurement");
    let first = world.ok(&bureau, total(2, "30"));
    world.ok(&auditor(), accepted(first));
    let second = world.ok(&bureau, revised(first, "31"));
    let live = world.state.head();
    let message = world.refused(&bureau, revised(first, "32"), Reason::Superseded, field);
    assert!(message.contains(&format!("position {live} ")), "{message}");
    assert_eq!(world.state.series.live(&world.filed[&second]).unwrap().verified_by, None);
    let silent = MeasurementRevised { reason: " ".into(), ..revised(second, "32") };
    world.refused(&bureau, silent, Reason::InvalidField, "measurement_revised.reason");
    let mut dated = world.input(revised(second, "32"));
    dated.effective_date = Some(TODAY);
    world.refused_input(&bureau, dated, Reason::InvalidField, "effective_date");
    world.ok(&auditor(), accepted(second));
}
