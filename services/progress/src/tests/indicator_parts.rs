//! GetIndicator: history, vintages, years, contributions, tasks, breaks of one indicator.

use jiff::civil::{Date, date};
use songhua_domain::event::{IndicatorDefined, IndicatorRedefined, InterimTargetsSet, TargetDecomposed, TaskShare};
use songhua_domain::score::DatedValue;
use songhua_domain::vocabulary::{Accumulation, Aggregation, Basis, Operator, Reason};
use songhua_views::{EntryFigure, EntryKind, SeriesKey};
use songhua_wire::pb;
use songhua_wire::pb::progress_service_server::ProgressService;
use songhua_wire::time::{date_from_pb, date_to_pb};

use super::fixture::{Figure, Fixture, ask, decimal, id, indicator_defined, known, name, on, reason, target};

const TODAY: Date = date(2026, 11, 23);

fn request(indicator: &str) -> pb::GetIndicatorRequest {
    pb::GetIndicatorRequest { name: format!("plans/harbin/indicators/{indicator}"), ..Default::default() }
}

async fn get(fixture: &Fixture, request: pb::GetIndicatorRequest) -> pb::GetIndicatorResponse {
    fixture.server.get_indicator(ask(request)).await.unwrap().into_inner()
}

fn firms(value: &str) -> Figure {
    Figure::value(Basis::StockAt, date(2025, 12, 31), value)
}

fn value(value: &str) -> EntryFigure {
    EntryFigure::Value(decimal(value))
}

/// Reports firms of a district of circle A.
fn district(fixture: &mut Fixture, district: &str, figure: Figure) -> u64 {
    let dimension = format!("district={district}");
    fixture.append(&SeriesKey { area: id("circle-a"), indicator: id("firms"), dimension }, figure)
}

/// Kind, value, how it ended, of each vintage of the one period there is.
fn vintages(answer: &pb::GetIndicatorResponse) -> Vec<(&str, String, &str)> {
    let [period] = &answer.vintages[..] else { panic!("one period") };
    let numbers: Vec<u32> = period.vintages.iter().map(|vintage| vintage.number).collect();
    assert_eq!(numbers, (1..=numbers.len()).map(|number| u32::try_from(number).unwrap()).collect::<Vec<_>>());
    let shown = |vintage: &pb::Vintage| match vintage.figure.as_ref().and_then(|figure| figure.kind.clone()) {
        Some(pb::figure::Kind::Value(value)) => value,
        _ => vintage.step.clone(),
    };
    period.vintages.iter().map(|one| (one.kind.as_str(), shown(one), one.ended.as_str())).collect()
}

#[tokio::test]
async fn a_history_is_cut_to_its_newest_figures() {
    let mut fixture = Fixture::published();
    fixture.figure("circle-b", "firms", Figure::value(Basis::StockAt, date(2024, 12, 31), "7"));
    let cut = get(&fixture, pb::GetIndicatorRequest { history_size: 1, ..request("firms") }).await;
    // The newest is the one that was recorded last; the newest period is the last to end.
    assert_eq!((cut.history_count, cut.history.len(), cut.history[0].area.as_str()), (2, 1, "circle-b"));
    assert_eq!((cut.vintages.len(), cut.vintages[0].area.as_str()), (1, "circle-a"));
    let whole = get(&fixture, request("firms")).await;
    assert_eq!((whole.history_count, whole.history.len()), (2, 2));
    assert_eq!(whole.vintages.iter().map(|one| one.area.as_str()).collect::<Vec<_>>(), ["circle-b", "circle-a"]);
    let negative = pb::GetIndicatorRequest { history_size: -1, ..request("firms") };
    assert_eq!(reason(fixture.server.get_indicator(ask(negative)).await), Reason::InvalidField);
}

#[tokio::test]
async fn the_newest_periods_keep_all_their_vintages_in_whatever_order_they_came() {
    let mut fixture = Fixture::published();
    let at = |year: i16, value: &str| Figure::value(Basis::StockAt, date(year, 12, 31), value);
    for year in [2023, 2026, 2024, 2023, 2022, 2025, 2026] {
        fixture.figure("circle-b", "firms", at(year, &year.to_string()));
    }
    for (history_size, expected) in [
        (1, vec![(2026, 2)]),
        (2, vec![(2025, 1), (2026, 2)]),
        (4, vec![(2023, 2), (2024, 1), (2025, 1), (2026, 2)]),
        (9, vec![(2022, 1), (2023, 2), (2024, 1), (2025, 1), (2026, 2)]),
    ] {
        let request = pb::GetIndicatorRequest { area: "circle-b".to_owned(), history_size, ..request("firms") };
        let answer = get(&fixture, request).await;
        let year = |of: &pb::PeriodVintages| match of.vintages[0].figure.as_ref().unwrap().kind.as_ref().unwrap() {
            pb::figure::Kind::Value(value) => value.parse().unwrap(),
            pb::figure::Kind::Fraction(_) => panic!("no fraction was sent"),
        };
        let shown: Vec<(i32, usize)> = answer.vintages.iter().map(|one| (year(one), one.vintages.len())).collect();
        assert_eq!(shown, expected);
        let positions: Vec<_> = answer.history.iter().map(|one| one.position).collect();
        assert_eq!((positions.len(), positions.is_sorted()), (history_size.min(7) as usize, true));
        assert_eq!(positions.last(), Some(&fixture.head()));
    }
}

#[tokio::test]
async fn one_area_is_shown_if_it_is_named() {
    let fixture = Fixture::published();
    for (area, figures) in [("circle-a", 1), ("circle-b", 0), ("city", 0)] {
        let one = get(&fixture, pb::GetIndicatorRequest { area: area.to_owned(), ..request("firms") }).await;
        let targets = one.indicator.unwrap().targets;
        assert!(targets.iter().all(|target| target.area == area) && one.years.iter().all(|year| year.area == area));
        assert_eq!((one.history.len(), one.history_count, one.vintages.len()), (figures, figures as u32, figures));
        assert_eq!(targets.is_empty(), area == "city");
    }
    for (area, expected) in [("moon", Reason::UnknownResource), ("No Id", Reason::InvalidField)] {
        let wrong = pb::GetIndicatorRequest { area: area.to_owned(), ..request("firms") };
        assert_eq!(reason(fixture.server.get_indicator(ask(wrong)).await), expected);
    }
}

#[tokio::test]
async fn a_period_keeps_all_that_was_ever_said_of_it() {
    let mut fixture = Fixture::published();
    let of = fixture.head();
    let first = fixture.figure("circle-b", "firms", firms("10"));
    let corrected = firms("11").saying(EntryKind::Corrected { of: first }, value("11"));
    let corrected = fixture.figure("circle-b", "firms", corrected);
    let revised = firms("12").saying(EntryKind::Revised { of: corrected }, value("12"));
    let revised = fixture.figure("circle-b", "firms", revised);
    fixture.figure("circle-b", "firms", firms("0").saying(EntryKind::Retracted { of: revised }, EntryFigure::None));
    let again = fixture.figure("circle-b", "firms", firms("13"));
    let verified = firms("0").saying(EntryKind::Verified { of: again }, EntryFigure::None);
    let verified = fixture.figure("circle-b", "firms", verified);
    let rejected = firms("0").saying(EntryKind::Rejected { of: again }, EntryFigure::None);
    let rejected = fixture.figure("circle-b", "firms", rejected);
    let b = |as_of| pb::GetIndicatorRequest { area: "circle-b".to_owned(), as_of, ..request("firms") };
    let now = get(&fixture, b(None)).await;
    let said = |kind, value: &str, ended| (kind, value.to_owned(), ended);
    let expected = [
        said("REPORTED", "10", "SUPERSEDED"),
        said("CORRECTED", "11", "SUPERSEDED"),
        said("REVISED", "12", "RETRACTED"),
        said("REPORTED", "13", "REJECTED"),
    ];
    assert_eq!(vintages(&now), expected);
    let last = &now.vintages[0].vintages[3];
    assert_eq!((last.ended_by, last.position, last.verified, last.agency.as_str()), (rejected, again, true, "bureau"));
    // As known before the last two events; and before the period was first spoken of.
    let then = get(&fixture, b(known(TODAY, verified - 1))).await;
    assert_eq!(vintages(&then)[2..], [expected[2].clone(), said("REPORTED", "13", "")]);
    assert!(!then.vintages[0].vintages[3].verified);
    assert_eq!(get(&fixture, b(known(TODAY, of))).await.vintages, []);
}

#[tokio::test]
async fn an_assessment_is_a_vintage_too() {
    let mut fixture = Fixture::published();
    let step = EntryFigure::Step("known".to_owned());
    fixture.figure("city", "brand", firms("0").saying(EntryKind::Assessed, step));
    assert_eq!(vintages(&get(&fixture, request("brand")).await), [("ASSESSED", "known".to_owned(), "")]);
}

#[tokio::test]
async fn a_strip_has_every_year_of_the_plan_up_to_the_day() {
    let mut fixture = Fixture::published();
    let before = fixture.head();
    let interim = vec![DatedValue { date: date(2024, 12, 31), value: decimal("2.60") }];
    fixture.define(InterimTargetsSet { area: id("city"), indicator: id("intensity"), interim, reason: String::new() });
    let strip = async |as_of| get(&fixture, pb::GetIndicatorRequest { as_of, ..request("intensity") }).await.years;
    let shown = |year: &pb::YearResult| {
        let expected: String = year.expected.chars().take(6).collect();
        (year.year, year.actual.clone(), expected, year.interim_target.clone(), year.status())
    };
    let year = |year, actual: &str, expected: &str, interim: &str, status| {
        (year, actual.to_owned(), expected.to_owned(), interim.to_owned(), status)
    };
    let (no_data, on_track) = (pb::Status::NoData, pb::Status::OnTrack);
    let now: Vec<_> = strip(None).await.iter().map(shown).collect();
    let expected = [
        year(2022, "", "2.5333", "", no_data),
        year(2023, "", "2.5666", "", no_data),
        year(2024, "", "2.6", "2.60", no_data),
        year(2025, "2.97", "2.8", "", on_track),
        // Today.
        year(2026, "2.97", "2.9791", "", on_track),
    ];
    assert_eq!(now, expected);
    // Without the interim target, as known before; and not beyond the day.
    let then: Vec<_> = strip(known(date(2024, 12, 31), before)).await.iter().map(shown).collect();
    assert_eq!(then.len(), 3);
    assert_eq!(then[2], year(2024, "", "2.8001", "", no_data));
    assert_eq!(strip(on(date(2031, 1, 1))).await.len(), 5);
    assert_eq!(strip(on(date(2021, 6, 1))).await.len(), 0);
    assert_eq!(get(&fixture, request("firms")).await.years.len(), 10);
}

#[tokio::test]
async fn dimensions_that_share_a_key_are_summed_where_they_add_up() {
    let mut fixture = Fixture::published();
    let contributions = async |fixture: &Fixture, as_of| {
        get(fixture, pb::GetIndicatorRequest { as_of, ..request("firms") }).await.contributions
    };
    assert_eq!(contributions(&fixture, None).await, []);
    let north = district(&mut fixture, "north", firms("60"));
    let south = district(&mut fixture, "south", firms("30"));
    let before = fixture.head();
    // They do not add up, unless the indicator says so.
    let [parts] = <[_; 1]>::try_from(contributions(&fixture, None).await).unwrap();
    let shown = |parts: &pb::Contributions| {
        (parts.area.clone(), parts.key.clone(), parts.sum.clone(), parts.difference.clone())
    };
    let expected = |sum: &str, difference: &str| {
        ("circle-a".to_owned(), "district".to_owned(), sum.to_owned(), difference.to_owned())
    };
    assert_eq!(shown(&parts), expected("", ""));
    let positions: Vec<_> =
        parts.parts.iter().map(|part| (part.dimension.as_str(), part.figure.as_ref().unwrap().position)).collect();
    assert_eq!(positions, [("district=north", north), ("district=south", south)]);
    let aggregation = Aggregation::Sum;
    fixture.define(IndicatorDefined { aggregation, ..indicator_defined("firms", Accumulation::Stock) });
    assert_eq!(shown(&contributions(&fixture, None).await[0]), expected("90", "10"));
    assert_eq!(shown(&contributions(&fixture, known(TODAY, before)).await[0]), expected("", ""));
    // A headline of another day is no whole of these parts; parts of two days have no sum.
    fixture.figure("circle-a", "firms", Figure::value(Basis::StockAt, date(2026, 6, 30), "110"));
    assert_eq!(shown(&contributions(&fixture, None).await[0]), expected("90", ""));
    assert_eq!(shown(&contributions(&fixture, on(date(2026, 6, 29))).await[0]), expected("90", "10"));
    district(&mut fixture, "south", Figure::value(Basis::StockAt, date(2026, 6, 30), "35"));
    assert_eq!(shown(&contributions(&fixture, None).await[0]), expected("", ""));
    // What no longer counts is not shown.
    district(&mut fixture, "north", firms("0").saying(EntryKind::Retracted { of: north }, EntryFigure::None));
    assert_eq!(contributions(&fixture, None).await[0].parts.len(), 1);
}

fn task(agency: &str, dimension: &str, due_date: Date, value: &str) -> TaskShare {
    TaskShare { agency: id(agency), dimension: dimension.to_owned(), due_date, value: decimal(value) }
}

/// Agency's part, actual, rate, overdue.
fn tasks(answer: &pb::GetIndicatorResponse) -> Vec<(String, String, bool)> {
    answer.tasks.iter().map(|task| (task.actual.clone(), task.rate.clone(), task.overdue)).collect()
}

#[tokio::test]
async fn a_part_of_a_target_is_counted_up_to_its_due_date() {
    let mut fixture = Fixture::published();
    let before = fixture.head();
    let (year, half) = (date(2025, 12, 31), date(2026, 6, 30));
    let shares = vec![
        task("bureau", "district=south", half, "40"),
        task("bureau", "_T", year, "100"),
        task("bureau", "district=north", date(2026, 12, 31), "80"),
    ];
    let (area, indicator) = (id("circle-a"), id("firms"));
    fixture.define(TargetDecomposed { area, indicator, tasks: shares, note: String::new() });
    district(&mut fixture, "south", firms("30"));
    // After its due date.
    district(&mut fixture, "south", Figure::value(Basis::StockAt, date(2026, 9, 30), "50"));
    let shown = |actual: &str, rate: &str, overdue| (actual.to_owned(), rate.to_owned(), overdue);
    let get = async |as_of| get(&fixture, pb::GetIndicatorRequest { as_of, ..request("firms") }).await;
    let now = get(None).await;
    assert_eq!(tasks(&now), [shown("100", "100.0", false), shown("30", "75.0", true), shown("", "", false)]);
    let first = &now.tasks[0];
    assert_eq!(
        (first.target.as_str(), first.task.as_ref().unwrap().value.as_str()),
        ("plans/harbin/areas/circle-a/targets/firms", "100")
    );
    assert_eq!(first.agency_name.as_ref().unwrap().zh, "bureau名");
    // The due date itself is not late; later figures count on no earlier day; nothing was handed down before.
    assert_eq!(tasks(&get(on(half)).await)[1], shown("30", "75.0", false));
    assert_eq!(tasks(&get(on(date(2025, 12, 30))).await)[0], shown("", "", false));
    assert_eq!(tasks(&get(known(TODAY, before)).await), []);
}

#[tokio::test]
async fn a_part_is_counted_as_its_indicator_counts() {
    let mut fixture = Fixture::published();
    let end = date(2026, 12, 31);
    let shares = |value: &str| vec![task("bureau", "_T", end, value)];
    fixture.figure("city", "output", Figure::period(date(2026, 1, 1), date(2026, 6, 30), "8"));
    let (area, indicator) = (id("city"), id("output"));
    fixture.define(TargetDecomposed { area, indicator, tasks: shares("100"), note: String::new() });
    // Periods add up: 62 and 8.
    let sum = tasks(&get(&fixture, request("output")).await);
    assert_eq!(sum, [("70.0".to_owned(), "70.0".to_owned(), false)]);
    // A year is its own: the one before tells nothing of it.
    fixture.define(indicator_defined("flow", Accumulation::AnnualFlow));
    fixture.define(target(8, "city", "flow", Operator::AtLeast, Some("100")));
    let (area, indicator) = (id("city"), id("flow"));
    fixture.define(TargetDecomposed { area, indicator, tasks: shares("50"), note: String::new() });
    fixture.figure("city", "flow", Figure::value(Basis::FullYear, date(2025, 12, 31), "90"));
    assert_eq!(tasks(&get(&fixture, request("flow")).await), [(String::new(), String::new(), false)]);
    fixture.figure("city", "flow", Figure::value(Basis::YearToDate, date(2026, 6, 30), "20"));
    assert_eq!(tasks(&get(&fixture, request("flow")).await), [("20".to_owned(), "40.0".to_owned(), false)]);
    let descending = |answer: pb::GetIndicatorResponse| answer.indicator.unwrap().targets.remove(0).descending;
    assert!(!descending(get(&fixture, request("firms")).await));
    // Lower is better.
    let lower = |indicator| IndicatorDefined { ascending: false, ..indicator_defined(indicator, Accumulation::Stock) };
    fixture.define(lower("firms"));
    assert!(descending(get(&fixture, request("firms")).await));
    let (area, indicator) = (id("circle-a"), id("firms"));
    let tasks_of = vec![task("bureau", "_T", date(2025, 12, 31), "100"), task("bureau", "_T", date(2026, 1, 31), "99")];
    fixture.define(TargetDecomposed { area, indicator, tasks: tasks_of, note: String::new() });
    let both = tasks(&get(&fixture, request("firms")).await);
    assert_eq!(both, [("100".to_owned(), String::new(), false), ("100".to_owned(), String::new(), true)]);
    // Nobody is late with what is retired.
    fixture.retire("firms", date(2026, 2, 1));
    assert!(!tasks(&get(&fixture, request("firms")).await)[1].2);
}

#[tokio::test]
async fn a_break_marks_paths_that_run_across_it() {
    let mut fixture = Fixture::published();
    let before = fixture.head();
    let redefined = |from| IndicatorRedefined {
        indicator: id("intensity"),
        name: name("intensity"),
        aliases: Vec::new(),
        method_note: String::new(),
        schedule: None,
        break_from: Some(from),
        reason: "census".to_owned(),
    };
    let shown = |answer: pb::GetIndicatorResponse| {
        let from = |one: &pb::SeriesBreak| date_from_pb(one.from.as_ref().unwrap()).unwrap();
        let marks = answer.indicator.unwrap().targets.remove(0).marks;
        (answer.breaks.iter().map(from).collect::<Vec<_>>(), marks.contains(&"SERIES_BREAK".to_owned()))
    };
    // Behind the scored date, 31 December 2025; then on the path's start; then between them.
    let table = [(date(2026, 1, 1), false), (date(2021, 12, 31), false), (date(2025, 12, 31), true)];
    for (from, marked) in table {
        fixture.define(redefined(from));
        let (breaks, mark) = shown(get(&fixture, request("intensity")).await);
        assert_eq!((breaks.contains(&from), breaks.is_sorted(), mark), (true, true, marked));
    }
    let intensity = |as_of| pb::GetIndicatorRequest { as_of, ..request("intensity") };
    assert_eq!(shown(get(&fixture, intensity(known(TODAY, before))).await), (vec![], false));
    let early = shown(get(&fixture, intensity(on(date(2025, 12, 30)))).await);
    assert_eq!(early, (vec![date(2021, 12, 31)], false));
    let now = get(&fixture, request("intensity")).await;
    assert_eq!((now.breaks[0].reason.as_str(), now.breaks[0].from), ("census", Some(date_to_pb(date(2021, 12, 31)))));
}
