//! GetCloseOut: what targets come to by verified figures only.

use jiff::civil::{Date, date};
use songhua_domain::event::{
    Category, MilestoneReached, PlanClosedOut, PlanDefined, Scope, SupervisionClosed, SupervisionIssued,
};
use songhua_domain::vocabulary::{Accumulation, Basis, Operator, SupervisionOutcome};
use songhua_views::{EntryFigure, EntryKind, MilestoneFact, Said};
use songhua_wire::pb;
use songhua_wire::pb::CloseOutOutcome::{self as Outcome, Met, Missed, NoData, NotScored, Pending, Unverified};
use songhua_wire::pb::progress_service_server::ProgressService;
use songhua_wire::time::date_to_pb;

use super::fixture::{Figure, Fixture, ask, id, indicator_defined, known, name, on, park, plan, target};

/// All figures of the last year are overdue.
const AFTER: Date = date(2027, 6, 1);

async fn close_out(fixture: &Fixture, as_of: Option<pb::AsOf>) -> pb::GetCloseOutResponse {
    let request = pb::GetCloseOutRequest { name: "plans/harbin".to_owned(), as_of };
    fixture.server.get_close_out(ask(request)).await.unwrap().into_inner()
}

fn outcomes(answer: &pb::GetCloseOutResponse) -> Vec<Outcome> {
    answer.targets.iter().map(pb::CloseOutTarget::outcome).collect()
}

fn counts(counts: &[pb::OutcomeCount]) -> Vec<(Outcome, u32)> {
    counts.iter().map(|count| (count.outcome(), count.count)).collect()
}

/// Reports a figure and has it verified.
fn verified(fixture: &mut Fixture, area: &str, indicator: &str, figure: impl Fn() -> Figure) {
    let of = fixture.figure(area, indicator, figure());
    fixture.figure(area, indicator, figure().saying(EntryKind::Verified { of }, EntryFigure::None));
}

#[tokio::test]
async fn every_target_comes_to_what_its_verified_figures_say() {
    let mut fixture = Fixture::published();
    let end = date(2026, 12, 31);
    verified(&mut fixture, "circle-b", "firms", || Figure::value(Basis::StockAt, end, "60"));
    verified(&mut fixture, "circle-a", "firms", || Figure::value(Basis::StockAt, end, "150"));
    fixture.retire("coverage", date(2026, 1, 1));
    let answer = close_out(&fixture, on(AFTER)).await;
    // Intensity has a verified figure of 2025 only; output and growth have none; brands were never assessed.
    assert_eq!(outcomes(&answer), [Pending, Unverified, Missed, Unverified, NotScored, NoData, Met]);
    let all = [(Met, 1), (Missed, 1), (Unverified, 2), (Pending, 1), (NoData, 1), (NotScored, 1)];
    assert_eq!(counts(&answer.outcomes), all);
    let met = &answer.targets[6];
    assert_eq!((met.verified.as_ref().unwrap().actual.as_str(), met.reported_actual.as_str()), ("60", "60"));
    assert_eq!(
        (met.reported_status(), met.outcome_label.as_ref().unwrap().en.as_str()),
        (pb::Status::Met, "met (verified)")
    );
    let output = &answer.targets[1];
    assert_eq!((output.verified.as_ref().unwrap().actual.as_str(), output.reported_actual.as_str()), ("", "62.0"));
    assert_eq!((output.category.as_str(), output.reported_status()), ("results", pb::Status::Overdue));
}

#[tokio::test]
async fn a_rejected_figure_or_a_void_verification_no_longer_counts() {
    let mut fixture = Fixture::published();
    let end = date(2026, 12, 31);
    let figure = || Figure::value(Basis::StockAt, end, "60");
    let of = fixture.figure("circle-b", "firms", figure());
    let reported = fixture.head();
    fixture.figure("circle-b", "firms", figure().saying(EntryKind::Verified { of }, EntryFigure::None));
    let confirmed = fixture.head();
    fixture.figure("circle-b", "firms", figure().saying(EntryKind::Reopened { of }, EntryFigure::None));
    let reopened = fixture.head();
    fixture.figure("circle-b", "firms", figure().saying(EntryKind::Rejected { of }, EntryFigure::None));
    for (position, expected) in
        [(reported, Unverified), (confirmed, Met), (reopened, Unverified), (fixture.head(), NoData)]
    {
        assert_eq!(outcomes(&close_out(&fixture, known(AFTER, position)).await)[6], expected, "{position}");
    }
}

#[tokio::test]
async fn nothing_is_missing_before_the_first_figure_is_due() {
    let fixture = Fixture::published();
    let on_day = async |day| outcomes(&close_out(&fixture, known(day, fixture.published)).await);
    assert_eq!(on_day(date(2023, 5, 30)).await, [Pending; 7]);
    // Brands are assessed at the end.
    let late = [NoData, NoData, NoData, NoData, NoData, Pending, NoData];
    assert_eq!(on_day(date(2023, 5, 31)).await, late);
    assert_eq!(on_day(date(2027, 5, 30)).await, late);
    assert_eq!(on_day(date(2027, 5, 31)).await, [NoData; 7]);
}

#[tokio::test]
async fn a_sum_is_met_by_verified_figures_at_once_a_year_to_date_never_is() {
    let mut fixture = Fixture::published();
    fixture.define(indicator_defined("flow", Accumulation::AnnualFlow));
    fixture.define(target(8, "city", "flow", Operator::AtLeast, Some("100")));
    verified(&mut fixture, "city", "flow", || Figure::value(Basis::YearToDate, date(2026, 10, 31), "120"));
    verified(&mut fixture, "city", "output", || Figure::period(date(2026, 1, 1), date(2026, 6, 30), "101"));
    for day in [date(2026, 11, 23), AFTER] {
        let all = outcomes(&close_out(&fixture, on(day)).await);
        assert_eq!((all[1], all[7]), (Met, Pending), "{day}");
    }
    verified(&mut fixture, "city", "flow", || Figure::value(Basis::FullYear, date(2026, 12, 31), "130"));
    assert_eq!(outcomes(&close_out(&fixture, on(AFTER)).await)[7], Met);
}

#[tokio::test]
async fn outcomes_are_counted_by_category_and_by_area() {
    let mut fixture = Fixture::published();
    let categories = ["results", "unused"].map(|text| Category { id: id(text), name: name(text), order: 1 });
    fixture.define(PlanDefined { categories: categories.into(), ..plan() });
    let answer = close_out(&fixture, on(AFTER)).await;
    let [results] = &answer.categories[..] else { panic!("one category has a target") };
    assert_eq!((results.group.as_str(), results.display_name.as_ref().unwrap().zh.as_str()), ("results", "results名"));
    let all = [(Met, 0), (Missed, 0), (Unverified, 1), (Pending, 0), (NoData, 0), (NotScored, 0)];
    assert_eq!(counts(&results.outcomes), all);
    let areas: Vec<_> = answer.areas.iter().map(|group| group.group.as_str()).collect();
    assert_eq!(areas, ["city", "circle-a", "circle-b"]);
    assert_eq!(counts(&answer.areas[2].outcomes)[4], (NoData, 1));
}

#[tokio::test]
async fn a_plan_is_closed_from_the_day_of_the_assessment_as_known() {
    let mut fixture = Fixture::published();
    let before = fixture.head();
    let closed = PlanClosedOut { as_of: date(2027, 3, 1), finding: "done".to_owned() };
    let position = fixture.define(closed);
    let answer = close_out(&fixture, on(date(2027, 3, 1))).await;
    assert_eq!((answer.closed, answer.finding.as_str(), answer.position), (true, "done", position));
    assert_eq!(answer.as_of_date, Some(date_to_pb(date(2027, 3, 1))));
    assert_eq!((answer.title.unwrap().en.as_str(), answer.end_date), ("plan", Some(date_to_pb(date(2026, 12, 31)))));
    for as_of in [on(date(2027, 2, 28)), known(AFTER, before)] {
        let open = close_out(&fixture, as_of).await;
        assert_eq!((open.closed, open.finding.as_str(), open.position, open.as_of_date), (false, "", 0, None));
    }
}

#[tokio::test]
async fn projects_and_open_matters_are_counted() {
    let mut fixture = Fixture::published();
    let projects = |answer: &pb::GetCloseOutResponse| {
        (answer.project_count, answer.project_completed_count, answer.project_unplanned_count)
    };
    // Without the one that was merged; the direction lacks no milestone.
    let answer = close_out(&fixture, None).await;
    assert_eq!((projects(&answer), answer.supervision_open_count), ((3, 0, 1), 0));
    for milestone in ["hall", "opening"] {
        let (project, reach_date) = (park(), date(2026, 11, 20));
        let reached = MilestoneReached { project, milestone: id(milestone), reach_date };
        fixture.milestone(milestone, MilestoneFact::Reached(reached));
    }
    assert_eq!(projects(&close_out(&fixture, None).await), (3, 1, 1));
    assert_eq!(projects(&close_out(&fixture, on(date(2026, 11, 19))).await), (3, 0, 1));
    let issued = |text: &str| SupervisionIssued {
        supervision: id(text),
        agency: id("bureau"),
        scope: Scope::Plan,
        demand: "report".to_owned(),
        due_date: date(2026, 12, 1),
        document: String::new(),
    };
    fixture.fact(date(2026, 11, 1), None, Said::SupervisionIssued(issued("one")));
    fixture.fact(date(2026, 11, 1), None, Said::SupervisionIssued(issued("two")));
    let (outcome, finding) = (SupervisionOutcome::Withdrawn, "not needed".to_owned());
    let closed = SupervisionClosed { supervision: id("two"), outcome, finding };
    fixture.fact(date(2026, 11, 2), None, Said::SupervisionClosed(closed));
    let open = async |as_of| close_out(&fixture, as_of).await.supervision_open_count;
    assert_eq!((open(None).await, open(known(AFTER, fixture.head() - 1)).await), (1, 2));
}

#[tokio::test]
async fn an_empty_plan_has_every_outcome_with_0() {
    let answer = close_out(&Fixture::empty(), None).await;
    assert_eq!(counts(&answer.outcomes).len(), 6);
    assert!(counts(&answer.outcomes).iter().all(|(_, count)| *count == 0));
    assert!(answer.targets.is_empty() && answer.areas.is_empty() && answer.categories.is_empty());
}
