//! ListStaleness: what is owed, since when, and by whom.

use jiff::civil::{Date, date};
use songhua_domain::event::{
    AgencyAssigned, AgencyRegistered, AgencySucceeded, AreasAtStage, IndicatorDefined, PlanClosedOut, ReminderIssued,
    Schedule, Scope,
};
use songhua_domain::vocabulary::{
    Accumulation, AreaKind, AreaStage, AssignmentRole, Basis, Frequency, Operator, Reason,
};
use songhua_views::{EntryFigure, EntryKind, Said};
use songhua_wire::pb;
use songhua_wire::pb::progress_service_server::ProgressService;
use songhua_wire::time::{date_from_pb, date_to_pb};

use super::fixture::{Figure, Fixture, ask, id, indicator_defined, known, name, on, reason, target};
use super::periods::{close, open};

const TODAY: Date = date(2026, 11, 23);
/// Of every indicator here but those that a test schedules otherwise: yearly, 150 days to report.
const DUE_DAYS: i32 = 150;

fn request() -> pb::ListStalenessRequest {
    pb::ListStalenessRequest { parent: "plans/harbin".to_owned(), ..Default::default() }
}

async fn board(fixture: &Fixture, request: pb::ListStalenessRequest) -> pb::ListStalenessResponse {
    fixture.server.list_staleness(ask(request)).await.unwrap().into_inner()
}

/// `area/indicator`, end of the period, days overdue.
fn shown(board: &pb::ListStalenessResponse) -> Vec<(String, Date, i32)> {
    let one = |duty: &pb::Duty| {
        let end = date_from_pb(duty.period_end.as_ref().unwrap()).unwrap();
        (format!("{}/{}", duty.area, duty.indicator), end, duty.days_overdue)
    };
    board.duties.iter().map(one).collect()
}

async fn owed(fixture: &Fixture, as_of: Option<pb::AsOf>) -> Vec<(String, Date, i32)> {
    shown(&board(fixture, pb::ListStalenessRequest { as_of, ..request() }).await)
}

/// The one duty of a target.
async fn duty(fixture: &Fixture, area: &str, indicator: &str, as_of: Option<pb::AsOf>) -> Option<pb::Duty> {
    let filter = format!("area = {area} AND indicator = {indicator}");
    board(fixture, pb::ListStalenessRequest { filter, as_of, ..request() }).await.duties.pop()
}

fn end_of(duty: Option<&pb::Duty>) -> Option<Date> {
    duty.map(|duty| date_from_pb(duty.period_end.as_ref().unwrap()).unwrap())
}

/// Somebody says that firms of circle B did not change.
fn nothing(fixture: &mut Fixture, start: Date, end: Date) {
    let silent = Figure::period(start, end, "0").saying(EntryKind::Nothing, EntryFigure::None);
    fixture.figure("circle-b", "firms", silent);
}

fn remind(fixture: &mut Fixture, day: Date, agency: &str, scope: Scope) {
    fixture.open_day(day);
    let reminder = ReminderIssued { agency: id(agency), scope, period: None, message: "overdue".to_owned() };
    fixture.fact(day, None, Said::Reminder(reminder));
}

#[tokio::test]
async fn a_target_owes_the_first_period_without_a_figure() {
    let fixture = Fixture::published();
    // Five targets have the figure of 2025, and 2026 has not ended; one was never reported.
    let answer = board(&fixture, request()).await;
    assert_eq!(shown(&answer), [("circle-b/firms".to_owned(), date(2022, 12, 31), 1273)]);
    assert_eq!((answer.total_size, answer.overdue_count), (1, 1));
    let duty = &answer.duties[0];
    assert_eq!((duty.due_date, duty.last_reference_date), (Some(date_to_pb(date(2023, 5, 30))), None));
    assert_eq!(
        (duty.frequency(), duty.status(), duty.light()),
        (pb::Frequency::Year, pb::Status::NoData, pb::Light::Grey)
    );
    assert_eq!((duty.agency.as_str(), duty.nothing_to_report, duty.reminder_count), ("", false, 0));
    assert_eq!(duty.target, "plans/harbin/areas/circle-b/targets/firms");
}

#[tokio::test]
async fn a_figure_is_owed_from_the_end_of_its_period_and_late_from_the_day_after_it_is_due() {
    let fixture = Fixture::published();
    for (day, days) in [
        (date(2022, 12, 30), None),
        (date(2022, 12, 31), Some(-DUE_DAYS)),
        (date(2023, 5, 30), Some(0)),
        (date(2023, 5, 31), Some(1)),
    ] {
        let duty = duty(&fixture, "circle-b", "firms", on(day)).await;
        assert_eq!(duty.map(|duty| duty.days_overdue), days, "{day}");
    }
}

#[tokio::test]
async fn what_was_not_known_was_owed() {
    let fixture = Fixture::published();
    let then = owed(&fixture, known(TODAY, fixture.published)).await;
    // Brands are assessed by a checker: nobody reports them.
    let targets: Vec<_> = then.iter().map(|(target, ..)| target.as_str()).collect();
    let all = ["city/intensity", "city/output", "circle-a/firms", "circle-a/growth", "city/coverage", "circle-b/firms"];
    assert_eq!(targets, all);
    assert!(then.iter().all(|(_, end, _)| *end == date(2022, 12, 31)));
    // On a day before its reference date, a figure is not there.
    let early = duty(&fixture, "circle-a", "firms", on(date(2025, 12, 30))).await;
    assert_eq!(end_of(early.as_ref()), Some(date(2022, 12, 31)));
    assert_eq!(owed(&Fixture::empty(), None).await, []);
}

#[tokio::test]
async fn the_schedule_says_which_period_is_next() {
    for (frequency, end) in [(Frequency::Month, date(2026, 1, 31)), (Frequency::Quarter, date(2026, 3, 31))] {
        let mut fixture = Fixture::published();
        let schedule = Schedule { frequency, release_lag_days: 10, grace_days: 5 };
        fixture.define(IndicatorDefined { schedule, ..indicator_defined("firms", Accumulation::Stock) });
        let duty = duty(&fixture, "circle-a", "firms", None).await.unwrap();
        assert_eq!(end_of(Some(&duty)), Some(end));
        assert_eq!(duty.last_reference_date, Some(date_to_pb(date(2025, 12, 31))));
        assert_eq!((duty.days_overdue, duty.status()), ((TODAY - end).get_days() - 15, pb::Status::Stale));
    }
}

#[tokio::test]
async fn two_series_owe_the_year_that_one_of_them_lacks() {
    let mut fixture = Fixture::published();
    let year = |year: i16, value: &str| Figure::value(Basis::FullYear, date(year, 12, 31), value);
    let day = on(date(2026, 12, 31));
    assert_eq!(end_of(duty(&fixture, "circle-a", "growth", day).await.as_ref()), Some(date(2026, 12, 31)));
    fixture.figure("circle-a", "growth", year(2026, "9.5"));
    assert_eq!(end_of(duty(&fixture, "circle-a", "growth", day).await.as_ref()), Some(date(2026, 12, 31)));
    fixture.figure("city", "rival", year(2026, "7.0"));
    assert_eq!(duty(&fixture, "circle-a", "growth", day).await, None);
}

#[tokio::test]
async fn after_the_deadline_only_its_own_figure_is_owed() {
    let mut fixture = Fixture::published();
    let after = on(date(2027, 6, 1));
    let late = owed(&fixture, after).await;
    assert_eq!(late.len(), 6);
    assert!(late.iter().all(|(_, end, days)| (*end, *days) == (date(2026, 12, 31), 2)));
    fixture.figure("circle-b", "firms", Figure::value(Basis::StockAt, date(2026, 12, 31), "1"));
    assert_eq!(duty(&fixture, "circle-b", "firms", after).await, None);
}

#[tokio::test]
async fn a_sum_that_is_met_owes_nothing_more() {
    let mut fixture = Fixture::published();
    let at = |day| on(day);
    assert!(duty(&fixture, "city", "output", at(date(2027, 1, 1))).await.is_some());
    fixture.figure("city", "output", Figure::period(date(2026, 1, 1), date(2026, 6, 30), "40"));
    for day in [date(2026, 12, 31), date(2027, 1, 1), date(2027, 6, 1)] {
        assert_eq!(duty(&fixture, "city", "output", at(day)).await, None, "{day}");
    }
}

#[tokio::test]
async fn a_year_to_date_that_is_enough_still_owes_the_whole_year() {
    let mut fixture = Fixture::published();
    fixture.define(indicator_defined("flow", Accumulation::AnnualFlow));
    fixture.define(target(8, "city", "flow", Operator::AtLeast, Some("100")));
    let so_far = Figure::value(Basis::YearToDate, date(2026, 10, 31), "120");
    fixture.figure("city", "flow", so_far);
    assert_eq!(duty(&fixture, "city", "flow", on(date(2026, 12, 31))).await, None);
    let after = duty(&fixture, "city", "flow", on(date(2027, 6, 1))).await.unwrap();
    assert_eq!((after.days_overdue, after.status()), (2, pb::Status::MetProvisional));
    fixture.figure("city", "flow", Figure::value(Basis::FullYear, date(2026, 12, 31), "130"));
    assert_eq!(duty(&fixture, "city", "flow", on(date(2027, 6, 1))).await, None);
}

#[tokio::test]
async fn retired_and_derived_indicators_owe_nothing() {
    let mut fixture = Fixture::published();
    fixture.retire("firms", date(2026, 7, 1));
    assert!(duty(&fixture, "circle-b", "firms", on(date(2026, 6, 30))).await.is_some());
    assert_eq!(duty(&fixture, "circle-b", "firms", on(date(2026, 7, 1))).await, None);
    let of = |day| pb::ListStalenessRequest {
        filter: "indicator = firms".to_owned(),
        period_end: Some(date_to_pb(date(2025, 12, 31))),
        as_of: on(day),
        ..request()
    };
    assert_eq!(board(&fixture, of(date(2026, 6, 30))).await.total_size, 1);
    assert_eq!(board(&fixture, of(date(2026, 7, 1))).await.total_size, 0);
    let derived = Some(AreasAtStage { area_kind: AreaKind::Circle, at_least: AreaStage::Building });
    fixture.define(IndicatorDefined { derived, ..indicator_defined("firms", Accumulation::Stock) });
    assert_eq!(owed(&fixture, None).await, []);
}

#[tokio::test]
async fn a_plan_that_is_closed_out_owes_nothing() {
    let mut fixture = Fixture::published();
    fixture.define(PlanClosedOut { as_of: date(2027, 6, 1), finding: "done".to_owned() });
    assert_eq!(owed(&fixture, on(date(2027, 5, 31))).await.len(), 6);
    assert_eq!(owed(&fixture, on(date(2027, 6, 1))).await, []);
}

#[tokio::test]
async fn a_word_that_there_is_nothing_to_report_is_no_figure_but_not_late() {
    let mut fixture = Fixture::published();
    let duty = async |fixture: &Fixture, as_of| duty(fixture, "circle-b", "firms", as_of).await.unwrap();
    nothing(&mut fixture, date(2022, 1, 1), date(2022, 12, 31));
    // Only of that period: the next one has ended, too.
    let next = duty(&fixture, None).await;
    assert_eq!((end_of(Some(&next)), next.nothing_to_report), (Some(date(2023, 12, 31)), false));
    let before_next = duty(&fixture, on(date(2023, 12, 30))).await;
    assert_eq!((end_of(Some(&before_next)), before_next.nothing_to_report), (Some(date(2022, 12, 31)), true));
    assert_eq!(before_next.days_overdue, 0);
    let before = fixture.head();
    nothing(&mut fixture, date(2023, 1, 1), date(2025, 12, 31));
    let last = duty(&fixture, None).await;
    assert_eq!((end_of(Some(&last)), last.nothing_to_report), (Some(date(2025, 12, 31)), true));
    assert_eq!(board(&fixture, request()).await.overdue_count, 0);
    assert_eq!(end_of(Some(&duty(&fixture, known(TODAY, before)).await)), Some(date(2023, 12, 31)));
    // What was said of a period that ends later does not count on an earlier day.
    let early = duty(&fixture, on(date(2025, 12, 30))).await;
    assert_eq!((end_of(Some(&early)), early.nothing_to_report), (Some(date(2023, 12, 31)), false));
    // And of the deadline.
    nothing(&mut fixture, date(2026, 1, 1), date(2026, 12, 31));
    let deadline = duty(&fixture, on(date(2027, 6, 1))).await;
    assert_eq!((deadline.nothing_to_report, deadline.days_overdue), (true, 0));
}

#[tokio::test]
async fn a_board_of_one_period_shows_who_has_not_reported_for_it() {
    let mut fixture = Fixture::published();
    let of = |day| pb::ListStalenessRequest { period_end: Some(date_to_pb(day)), ..request() };
    let targets = async |fixture: &Fixture, day| shown(&board(fixture, of(day)).await).len();
    let [(missing, ..)] = &shown(&board(&fixture, of(date(2025, 12, 31))).await)[..] else { panic!("one is missing") };
    assert_eq!(missing, "circle-b/firms");
    // The last one is not over yet.
    for day in [date(2024, 12, 31), date(2026, 12, 31)] {
        assert_eq!(targets(&fixture, day).await, 6, "{day}");
    }
    let answer = board(&fixture, of(date(2026, 12, 31))).await;
    assert_eq!((answer.overdue_count, answer.duties[0].days_overdue), (0, -188));
    // What was met for good then needed no figure; what was not yet met did.
    fixture.figure("city", "output", Figure::period(date(2026, 1, 1), date(2026, 6, 30), "40"));
    assert_eq!((targets(&fixture, date(2026, 12, 31)).await, targets(&fixture, date(2024, 12, 31)).await), (5, 6));
    // A figure of a day ahead is not there yet.
    let early = pb::ListStalenessRequest { as_of: on(date(2025, 12, 30)), ..of(date(2025, 12, 31)) };
    assert_eq!(board(&fixture, early).await.total_size, 6);
}

#[tokio::test]
async fn a_day_on_which_no_period_ends_is_refused_with_the_nearest_that_do() {
    let mut fixture = Fixture::published();
    let refused = async |fixture: &Fixture, day| {
        let request = pb::ListStalenessRequest { period_end: Some(date_to_pb(day)), ..request() };
        let refused = fixture.server.list_staleness(ask(request)).await.unwrap_err();
        let message = refused.message().to_owned();
        assert_eq!(reason(Err::<tonic::Response<()>, _>(refused)), Reason::InvalidField);
        message.split_once("the nearest are ").map(|(_, near)| near.to_owned()).unwrap_or(message)
    };
    for (day, near) in [
        // The plan's first day has no period before it.
        (date(2021, 12, 31), "YEAR 2022-12-31"),
        (date(2026, 9, 30), "YEAR 2025-12-31, 2026-12-31"),
        (date(2027, 12, 31), "YEAR 2026-12-31"),
    ] {
        assert_eq!(refused(&fixture, day).await, near, "{day}");
    }
    let schedule = Schedule { frequency: Frequency::Month, release_lag_days: 0, grace_days: 0 };
    fixture.define(IndicatorDefined { schedule, ..indicator_defined("firms", Accumulation::Stock) });
    let near = refused(&fixture, date(2026, 11, 15)).await;
    assert_eq!(near, "MONTH 2026-10-31, 2026-11-30; YEAR 2025-12-31, 2026-12-31");
    let month = pb::ListStalenessRequest { period_end: Some(date_to_pb(date(2026, 9, 30))), ..request() };
    assert_eq!(board(&fixture, month).await.total_size, 2);
}

#[tokio::test]
async fn a_period_misses_nothing_any_more_once_the_plan_is_closed_out() {
    let mut fixture = Fixture::published();
    fixture.define(PlanClosedOut { as_of: date(2027, 6, 1), finding: "done".to_owned() });
    for (day, count) in [(date(2027, 5, 31), 1), (date(2027, 6, 1), 0)] {
        let period_end = Some(date_to_pb(date(2025, 12, 31)));
        let request = pb::ListStalenessRequest { period_end, as_of: on(day), ..request() };
        assert_eq!(board(&fixture, request).await.total_size, count, "{day}");
    }
}

#[tokio::test]
async fn an_opened_period_says_when_its_figures_are_due_and_a_closed_one_that_they_are_missed() {
    let mut fixture = Fixture::published();
    let shown = async |fixture: &Fixture, day| {
        let duty = duty(fixture, "circle-b", "firms", on(day)).await.unwrap();
        (date_from_pb(duty.due_date.as_ref().unwrap()).unwrap(), duty.days_overdue, duty.period_closed)
    };
    let y2022 = (date(2022, 1, 1), date(2022, 12, 31));
    // Another frequency, and another year, say nothing of it.
    open(&mut fixture, date(2023, 1, 4), "q4-2022", (date(2022, 10, 1), date(2022, 12, 31)), date(2023, 1, 31));
    open(&mut fixture, date(2023, 1, 4), "y2021", (date(2021, 1, 1), date(2021, 12, 31)), date(2023, 1, 31));
    open(&mut fixture, date(2023, 1, 5), "y2022", y2022, date(2023, 3, 31));
    close(&mut fixture, date(2023, 2, 15), "y2022");
    open(&mut fixture, date(2023, 4, 10), "y2022", y2022, date(2023, 4, 20));
    close(&mut fixture, date(2023, 5, 1), "y2022");
    let (by_rule, first, again) = (date(2023, 5, 30), date(2023, 3, 31), date(2023, 4, 20));
    for (day, expected) in [
        (date(2023, 1, 4), (by_rule, -146, false)),
        (date(2023, 1, 5), (first, -85, false)),
        // Closed before it was due.
        (date(2023, 2, 15), (first, 1, true)),
        (date(2023, 2, 17), (first, 2, true)),
        (date(2023, 4, 10), (again, -10, false)),
        (date(2023, 4, 21), (again, 1, false)),
        (date(2023, 5, 3), (again, 13, true)),
    ] {
        assert_eq!(shown(&fixture, day).await, expected, "{day}");
    }
    // What was said to be nothing is not missed.
    nothing(&mut fixture, y2022.0, y2022.1);
    let duty = duty(&fixture, "circle-b", "firms", on(date(2023, 5, 3))).await.unwrap();
    assert_eq!((duty.nothing_to_report, duty.days_overdue, duty.period_closed), (true, 0, true));
}

#[tokio::test]
async fn the_longest_overdue_come_first_in_pages_that_go_with_their_period() {
    let mut fixture = Fixture::published();
    let schedule = Schedule { frequency: Frequency::Month, release_lag_days: 0, grace_days: 0 };
    fixture.define(IndicatorDefined { schedule, ..indicator_defined("firms", Accumulation::Stock) });
    let all = owed(&fixture, None).await;
    let expected = [("circle-b/firms", date(2022, 1, 31), 1757), ("circle-a/firms", date(2026, 1, 31), 296)];
    assert_eq!(all, expected.map(|(target, end, days)| (target.to_owned(), end, days)));
    let first = board(&fixture, pb::ListStalenessRequest { page_size: 1, ..request() }).await;
    let page_token = first.next_page_token;
    let second = pb::ListStalenessRequest { page_size: 1, page_token: page_token.clone(), ..request() };
    assert_eq!(shown(&board(&fixture, second).await), all[1..]);
    let period_end = Some(date_to_pb(date(2026, 1, 31)));
    let other = pb::ListStalenessRequest { page_size: 1, page_token, period_end, ..request() };
    assert_eq!(reason(fixture.server.list_staleness(ask(other)).await), Reason::BadPageToken);
}

#[tokio::test]
async fn duties_are_filtered_by_what_they_show() {
    let mut fixture = Fixture::published();
    let scope = Scope::Target(id("circle-b"), id("firms"));
    fixture.define(AgencyAssigned { agency: id("bureau"), role: AssignmentRole::Lead, scope });
    let as_of = on(date(2027, 1, 1));
    for (filter, count) in [
        ("", 6),
        ("area = city", 3),
        ("indicator = firms", 2),
        ("agency = bureau", 2),
        ("agency != bureau", 4),
        ("frequency = YEAR", 6),
        ("frequency = MONTH", 0),
        ("overdue = true", 0),
        ("overdue = false AND area = circle-a", 2),
    ] {
        let filtered = pb::ListStalenessRequest { filter: filter.to_owned(), as_of, ..request() };
        assert_eq!(board(&fixture, filtered).await.total_size, count, "{filter}");
    }
    let wrong = pb::ListStalenessRequest { filter: "light = RED".to_owned(), ..request() };
    assert_eq!(reason(fixture.server.list_staleness(ask(wrong)).await), Reason::BadFilter);
}

#[tokio::test]
async fn reminders_count_from_the_end_of_the_period_for_the_agency_that_answers_for_it() {
    let mut fixture = Fixture::published();
    fixture.define(AgencyRegistered { agency: id("office"), name: name("office"), uscc: String::new() });
    remind(&mut fixture, date(2026, 12, 31), "bureau", Scope::Plan);
    remind(&mut fixture, date(2027, 1, 1), "bureau", Scope::Indicator(id("intensity")));
    remind(&mut fixture, date(2027, 1, 2), "bureau", Scope::Area(id("city")));
    remind(&mut fixture, date(2027, 1, 3), "bureau", Scope::Target(id("city"), id("intensity")));
    remind(&mut fixture, date(2027, 1, 4), "bureau", Scope::Area(id("circle-a")));
    remind(&mut fixture, date(2027, 1, 5), "office", Scope::Plan);
    let before = fixture.head();
    remind(&mut fixture, date(2027, 6, 1), "bureau", Scope::Plan);
    let count = async |fixture: &Fixture, as_of| {
        let duty = duty(fixture, "city", "intensity", as_of).await.unwrap();
        (duty.reminder_count, duty.agency)
    };
    assert_eq!(count(&fixture, on(date(2027, 1, 2))).await, (2, "bureau".to_owned()));
    assert_eq!(count(&fixture, on(date(2027, 6, 1))).await, (4, "bureau".to_owned()));
    assert_eq!(count(&fixture, known(date(2027, 6, 1), before)).await, (3, "bureau".to_owned()));
    // The successor inherits the reminders with the duty.
    let reason = "merged".to_owned();
    fixture.define(AgencySucceeded { agency: id("bureau"), successor: id("office"), reason });
    assert_eq!(count(&fixture, on(date(2027, 6, 1))).await, (5, "office".to_owned()));
}
