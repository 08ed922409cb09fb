//! ListReportingPeriods: which are open, and who has reported.

use jiff::civil::{Date, date};
use songhua_domain::event::{PlanClosedOut, ReportingPeriodClosed, ReportingPeriodOpened};
use songhua_domain::vocabulary::{Basis, Frequency, Reason};
use songhua_views::{EntryFigure, EntryKind, Said};
use songhua_wire::pb;
use songhua_wire::pb::progress_service_server::ProgressService;
use songhua_wire::time::date_to_pb;

use super::fixture::{Figure, Fixture, ask, id, known, on, reason};

const PARENT: &str = "plans/harbin";

pub(super) fn open(fixture: &mut Fixture, day: Date, period: &str, (start, end): (Date, Date), due_date: Date) -> u64 {
    let frequency = if period.starts_with('y') { Frequency::Year } else { Frequency::Quarter };
    let note = format!("please report {period}");
    let opened = ReportingPeriodOpened { period: id(period), frequency, start, end, due_date, note };
    fixture.open_day(day);
    fixture.fact(day, None, Said::PeriodOpened(opened))
}

pub(super) fn close(fixture: &mut Fixture, day: Date, period: &str) -> u64 {
    let closed = ReportingPeriodClosed { period: id(period), reason: "all in".to_owned() };
    fixture.open_day(day);
    fixture.fact(day, None, Said::PeriodClosed(closed))
}

const Y2025: (Date, Date) = (date(2025, 1, 1), date(2025, 12, 31));

/// The year 2025 opened, closed, opened again; two more periods. Tells the position of the closing.
fn periods(fixture: &mut Fixture) -> u64 {
    open(fixture, date(2026, 1, 10), "y2025", Y2025, date(2026, 3, 31));
    open(fixture, date(2026, 1, 11), "q4-2025", (date(2025, 10, 1), date(2025, 12, 31)), date(2026, 2, 28));
    let closed = close(fixture, date(2026, 4, 15), "y2025");
    open(fixture, date(2026, 5, 1), "y2025", Y2025, date(2026, 6, 30));
    open(fixture, date(2026, 11, 20), "y2026", (date(2026, 1, 1), date(2026, 12, 31)), date(2027, 3, 31));
    closed
}

async fn list(fixture: &Fixture, request: pb::ListReportingPeriodsRequest) -> pb::ListReportingPeriodsResponse {
    let request = pb::ListReportingPeriodsRequest { parent: PARENT.to_owned(), ..request };
    fixture.server.list_reporting_periods(ask(request)).await.unwrap().into_inner()
}

/// `id`, with `!` where it is closed.
async fn names(fixture: &Fixture, filter: &str, as_of: Option<pb::AsOf>) -> Vec<String> {
    let request = pb::ListReportingPeriodsRequest { filter: filter.to_owned(), as_of, ..Default::default() };
    let shown = |one: pb::ReportingPeriod| {
        let id = one.name.strip_prefix("plans/harbin/reportingPeriods/").unwrap().to_owned();
        if one.open { id } else { id + "!" }
    };
    list(fixture, request).await.periods.into_iter().map(shown).collect()
}

#[tokio::test]
async fn periods_are_open_and_closed_on_the_days_this_was_recorded() {
    let mut fixture = Fixture::published();
    assert!(names(&fixture, "", None).await.is_empty());
    let closed = periods(&mut fixture);
    for (day, expected) in [
        (date(2026, 1, 9), vec![]),
        (date(2026, 1, 11), vec!["q4-2025", "y2025"]),
        (date(2026, 4, 15), vec!["q4-2025", "y2025!"]),
        (date(2026, 5, 1), vec!["q4-2025", "y2025"]),
        (date(2026, 11, 23), vec!["y2026", "q4-2025", "y2025"]),
    ] {
        assert_eq!(names(&fixture, "", on(day)).await, expected, "{day}");
    }
    assert_eq!(names(&fixture, "", known(date(2026, 11, 23), closed - 1)).await, ["q4-2025", "y2025"]);
    assert_eq!(names(&fixture, "", known(date(2026, 11, 23), closed)).await, ["q4-2025", "y2025!"]);
    let shut = known(date(2026, 11, 23), closed);
    assert_eq!(names(&fixture, "open = false", shut).await, ["y2025!"]);
    assert_eq!(names(&fixture, "frequency = QUARTER", None).await, ["q4-2025"]);
    let request =
        pb::ListReportingPeriodsRequest { filter: "open = false".to_owned(), as_of: shut, ..Default::default() };
    assert_eq!(list(&fixture, request).await.periods[0].reason, "all in");
    let wrong = pb::ListReportingPeriodsRequest {
        parent: PARENT.to_owned(),
        filter: "frequency = DAY".to_owned(),
        ..Default::default()
    };
    assert_eq!(reason(fixture.server.list_reporting_periods(ask(wrong)).await), Reason::BadFilter);
}

#[tokio::test]
async fn a_period_that_is_opened_again_with_other_dates_is_as_it_was_on_the_days_before() {
    let mut fixture = Fixture::published();
    open(&mut fixture, date(2026, 1, 10), "q4-2025", (date(2025, 9, 1), date(2025, 12, 30)), date(2026, 1, 31));
    close(&mut fixture, date(2026, 1, 12), "q4-2025");
    open(&mut fixture, date(2026, 1, 13), "q4-2025", (date(2025, 10, 1), date(2025, 12, 31)), date(2026, 2, 28));
    for (day, start, end, open) in [
        (date(2026, 1, 12), date(2025, 9, 1), date(2025, 12, 30), false),
        (date(2026, 1, 13), date(2025, 10, 1), date(2025, 12, 31), true),
    ] {
        let request = pb::ListReportingPeriodsRequest { as_of: on(day), ..Default::default() };
        let [period] = <[_; 1]>::try_from(list(&fixture, request).await.periods).unwrap();
        let expected = (Some(date_to_pb(start)), Some(date_to_pb(end)), open);
        assert_eq!((period.start_date, period.end_date, period.open), expected, "{day}");
    }
}

#[tokio::test]
async fn a_period_says_who_has_reported_and_who_has_not() {
    let mut fixture = Fixture::published();
    periods(&mut fixture);
    let y2025 = |fixture: &Fixture, as_of| {
        let filter = "frequency = YEAR".to_owned();
        let request =
            pb::ListReportingPeriodsRequest { filter, as_of, parent: PARENT.to_owned(), ..Default::default() };
        let server = std::sync::Arc::clone(&fixture.server);
        async move { server.list_reporting_periods(ask(request)).await.unwrap().into_inner().periods.pop().unwrap() }
    };
    let counts =
        |one: &pb::ReportingPeriod| (one.expected_count, one.reported_count, one.nothing_count, one.missing.len());
    let before = fixture.head();
    let found = y2025(&fixture, None).await;
    assert_eq!(counts(&found), (6, 5, 0, 1));
    assert_eq!((found.reason.as_str(), found.note.as_str()), ("", "please report y2025"));
    let [missing] = <[_; 1]>::try_from(found.missing).unwrap();
    assert_eq!((missing.area.as_str(), missing.indicator.as_str()), ("circle-b", "firms"));
    assert_eq!(missing.period_end, Some(date_to_pb(date(2025, 12, 31))));
    // Due when the period says so.
    assert_eq!((missing.due_date, missing.days_overdue), (Some(date_to_pb(date(2026, 6, 30))), 146));
    let then = y2025(&fixture, on(date(2026, 2, 1))).await;
    assert_eq!(then.missing[0].days_overdue, -58, "as due when it was opened first");

    let nothing = Figure::period(Y2025.0, Y2025.1, "0").saying(EntryKind::Nothing, EntryFigure::None);
    fixture.figure("circle-b", "firms", nothing);
    assert_eq!(counts(&y2025(&fixture, None).await), (6, 5, 1, 0));
    fixture.figure("circle-b", "firms", Figure::value(Basis::StockAt, Y2025.1, "12"));
    assert_eq!(counts(&y2025(&fixture, None).await), (6, 6, 0, 0));
    assert_eq!(counts(&y2025(&fixture, known(date(2026, 11, 23), before)).await), (6, 5, 0, 1));
}

#[tokio::test]
async fn the_board_of_periods_and_that_of_staleness_say_the_same_of_a_duty() {
    let mut fixture = Fixture::published();
    periods(&mut fixture);
    let missing = async |fixture: &Fixture, as_of| {
        let request =
            pb::ListReportingPeriodsRequest { filter: "frequency = YEAR".to_owned(), as_of, ..Default::default() };
        list(fixture, request).await.periods.pop().unwrap().missing
    };
    for day in [date(2026, 2, 1), date(2026, 4, 20), date(2026, 5, 2), date(2026, 11, 23)] {
        let (parent, period_end) = (PARENT.to_owned(), Some(date_to_pb(Y2025.1)));
        let request = pb::ListStalenessRequest { parent, period_end, as_of: on(day), ..Default::default() };
        let board = fixture.server.list_staleness(ask(request)).await.unwrap().into_inner();
        let missing = missing(&fixture, on(day)).await;
        assert_eq!((&missing, missing.len()), (&board.duties, 1), "{day}");
        assert_eq!(missing[0].period_closed, day == date(2026, 4, 20), "{day}");
    }
    fixture.define(PlanClosedOut { as_of: date(2027, 6, 1), finding: "done".to_owned() });
    assert_eq!(missing(&fixture, on(date(2027, 5, 31))).await.len(), 1);
    assert_eq!(missing(&fixture, on(date(2027, 6, 1))).await, []);
}

#[tokio::test]
async fn periods_come_in_pages() {
    let mut fixture = Fixture::published();
    periods(&mut fixture);
    let first = list(&fixture, pb::ListReportingPeriodsRequest { page_size: 2, ..Default::default() }).await;
    assert_eq!((first.periods.len(), first.total_size), (2, 3));
    let page_token = first.next_page_token;
    let rest = list(&fixture, pb::ListReportingPeriodsRequest { page_size: 2, page_token, ..Default::default() }).await;
    assert_eq!((rest.periods.len(), rest.next_page_token.as_str()), (1, ""));
}
