//! GetMatrix and GetLeague: areas beside each other.

use jiff::civil::date;
use songhua_domain::event::IndicatorDefined;
use songhua_domain::vocabulary::{Accumulation, AreaKind, Basis, Operator, Reason};
use songhua_wire::pb;
use songhua_wire::pb::progress_service_server::ProgressService;
use songhua_wire::time::date_to_pb;

use super::fixture::{Figure, Fixture, area, ask, indicator_defined, known, last, on, reason, target};

const PLAN: &str = "plans/harbin";

async fn matrix(fixture: &Fixture, kind: pb::AreaKind, as_of: Option<pb::AsOf>) -> pb::GetMatrixResponse {
    let request = pb::GetMatrixRequest { name: PLAN.to_owned(), kind: kind.into(), as_of };
    fixture.server.get_matrix(ask(request)).await.unwrap().into_inner()
}

fn ids(matrix: &pb::GetMatrixResponse) -> (Vec<&str>, Vec<&str>) {
    let areas = matrix.areas.iter().map(|area| last(&area.name));
    (areas.collect(), matrix.rows.iter().map(|row| row.indicator.as_str()).collect())
}

fn league_request() -> pb::GetLeagueRequest {
    pb::GetLeagueRequest { name: PLAN.to_owned(), ..Default::default() }
}

async fn leagues(fixture: &Fixture, request: pb::GetLeagueRequest) -> Vec<pb::League> {
    fixture.server.get_league(ask(request)).await.unwrap().into_inner().leagues
}

/// Area, rank, rank before, change of the one league.
async fn places(fixture: &Fixture, request: pb::GetLeagueRequest) -> Vec<(String, u32, u32, i32)> {
    let [league] = <[_; 1]>::try_from(leagues(fixture, request).await).unwrap();
    let shown = |place: pb::LeaguePlace| (place.area, place.rank, place.previous_rank, place.rank_change);
    league.places.into_iter().map(shown).collect()
}

/// Reports firms of an area at a day.
fn firms(fixture: &mut Fixture, area: &str, day: jiff::civil::Date, value: &str) -> u64 {
    fixture.figure(area, "firms", Figure::value(Basis::StockAt, day, value))
}

/// A third circle, with 100 firms to come to.
fn third_circle(fixture: &mut Fixture) {
    fixture.define(area("circle-c", AreaKind::Circle, 5, 2, None));
    fixture.define(target(8, "circle-c", "firms", Operator::AtLeast, Some("100")));
}

#[tokio::test]
async fn circles_stand_across_and_indicators_down_in_the_order_of_the_source() {
    let fixture = Fixture::published();
    let circles = matrix(&fixture, pb::AreaKind::Unspecified, None).await;
    assert_eq!(ids(&circles), (vec!["circle-a", "circle-b"], vec!["firms", "growth"]));
    assert_eq!(circles.areas.iter().map(|area| area.target_count).collect::<Vec<_>>(), [2, 1]);
    let [a, b] = &circles.rows[0].cells[..] else { panic!("two areas") };
    assert_eq!((a.actual.as_str(), a.value.as_str(), a.target_rate.as_str(), a.age_days), ("100", "200", "50.0", 327));
    assert_eq!((a.status(), a.light(), a.verified), (pb::Status::NoPath, pb::Light::Grey, false));
    assert_eq!(a.target, "plans/harbin/areas/circle-a/targets/firms");
    assert_eq!((b.status(), b.status_label.as_ref().unwrap().zh.as_str()), (pb::Status::NoData, "无数据"));
    // The circle has no such target.
    let none = pb::MatrixCell { area: "circle-b".to_owned(), ..Default::default() };
    assert_eq!(circles.rows[1].cells[1], none);
    let city = matrix(&fixture, pb::AreaKind::City, None).await;
    assert_eq!(ids(&city), (vec!["city"], vec!["intensity", "output", "coverage", "brand"]));
    assert!(city.rows[0].cells[0].verified);
}

#[tokio::test]
async fn only_areas_with_a_target_are_in_the_matrix() {
    let fixture = Fixture::published();
    assert_eq!(ids(&matrix(&fixture, pb::AreaKind::Zone, None).await), (vec![], vec![]));
    assert_eq!(ids(&matrix(&Fixture::empty(), pb::AreaKind::Circle, None).await), (vec![], vec![]));
    let request = pb::GetMatrixRequest { name: PLAN.to_owned(), kind: 99, as_of: None };
    assert_eq!(reason(fixture.server.get_matrix(ask(request)).await), Reason::InvalidField);
}

#[tokio::test]
async fn a_cell_shows_what_was_known_then_on_that_day() {
    let mut fixture = Fixture::published();
    let before = fixture.head();
    firms(&mut fixture, "circle-b", date(2026, 6, 30), "60");
    let today = date(2026, 11, 23);
    let status = async |as_of| matrix(&fixture, pb::AreaKind::Circle, as_of).await.rows[0].cells[1].status();
    assert_eq!(status(known(today, before)).await, pb::Status::NoData);
    assert_eq!(status(known(today, before + 1)).await, pb::Status::MetSoFar);
    assert_eq!(status(on(date(2026, 6, 29))).await, pb::Status::NoData);
}

#[tokio::test]
async fn areas_are_ranked_by_the_unrounded_rate_and_those_without_one_come_last() {
    let mut fixture = Fixture::published();
    third_circle(&mut fixture);
    let place = |area: &str, rank| (area.to_owned(), rank, rank, 0);
    // 100 of 200; nothing; 50.04 of 100.
    firms(&mut fixture, "circle-c", date(2025, 12, 31), "50.04");
    let ranked = places(&fixture, league_request()).await;
    assert_eq!(ranked, [place("circle-c", 1), place("circle-a", 2), place("circle-b", 0)]);
    let [league] = <[_; 1]>::try_from(leagues(&fixture, league_request()).await).unwrap();
    let rates: Vec<_> = league.places.iter().map(|place| place.target_rate.as_str()).collect();
    assert_eq!((league.indicator.as_str(), rates), ("firms", vec!["50.0", "50.0", ""]));
    // Level areas share a rank, the next one comes behind both.
    firms(&mut fixture, "circle-b", date(2025, 12, 31), "25.02");
    let ranked = places(&fixture, league_request()).await;
    assert_eq!(ranked, [place("circle-b", 1), place("circle-c", 1), place("circle-a", 3)]);
}

#[tokio::test]
async fn ranks_are_compared_with_an_earlier_day_by_the_same_knowledge() {
    let mut fixture = Fixture::published();
    third_circle(&mut fixture);
    firms(&mut fixture, "circle-c", date(2026, 1, 31), "60");
    let before = fixture.head();
    firms(&mut fixture, "circle-b", date(2026, 9, 30), "40");
    let answer = fixture.server.get_league(ask(league_request())).await.unwrap().into_inner();
    // 90 days before 23 November.
    assert_eq!(answer.compare_date, Some(date_to_pb(date(2026, 8, 25))));
    let place = |area: &str, rank, previous, change| (area.to_owned(), rank, previous, change);
    let now = places(&fixture, league_request()).await;
    assert_eq!(now, [place("circle-b", 1, 0, 0), place("circle-c", 2, 1, -1), place("circle-a", 3, 2, -1)]);
    let long_ago = pb::GetLeagueRequest { compare_date: Some(date_to_pb(date(2026, 1, 1))), ..league_request() };
    let compared = places(&fixture, long_ago).await;
    assert_eq!(compared, [place("circle-b", 1, 0, 0), place("circle-c", 2, 0, 0), place("circle-a", 3, 1, -2)]);
    let then = pb::GetLeagueRequest { as_of: known(date(2026, 11, 23), before), ..league_request() };
    let then = places(&fixture, then).await;
    assert_eq!(then, [place("circle-c", 1, 1, 0), place("circle-a", 2, 2, 0), place("circle-b", 0, 0, 0)]);
}

#[tokio::test]
async fn places_are_won_too() {
    let mut fixture = Fixture::published();
    firms(&mut fixture, "circle-b", date(2026, 1, 31), "10");
    firms(&mut fixture, "circle-b", date(2026, 10, 31), "40");
    let [first, second] = <[_; 2]>::try_from(places(&fixture, league_request()).await).unwrap();
    assert_eq!(first, ("circle-b".to_owned(), 1, 2, 1));
    assert_eq!(second, ("circle-a".to_owned(), 2, 1, -1));
}

#[tokio::test]
async fn where_lower_is_better_or_nothing_is_scored_nobody_is_ranked() {
    let mut fixture = Fixture::published();
    let unranked = [("circle-a".to_owned(), 0, 0, 0), ("circle-b".to_owned(), 0, 0, 0)];
    fixture.define(IndicatorDefined { ascending: false, ..indicator_defined("firms", Accumulation::Stock) });
    assert_eq!(places(&fixture, league_request()).await, unranked);
    fixture.retire("firms", date(2022, 1, 1));
    assert_eq!(places(&fixture, league_request()).await, unranked);
}

#[tokio::test]
async fn a_league_takes_two_areas_unless_the_indicator_is_asked_for() {
    let fixture = Fixture::published();
    let growth = pb::GetLeagueRequest { indicator: "growth".to_owned(), ..league_request() };
    assert_eq!(places(&fixture, growth).await, [("circle-a".to_owned(), 0, 0, 0)]);
    let city = pb::GetLeagueRequest { kind: pb::AreaKind::City.into(), ..league_request() };
    assert_eq!(leagues(&fixture, city).await, []);
    assert_eq!(leagues(&Fixture::empty(), league_request()).await, []);
    let table = [
        (pb::GetLeagueRequest { indicator: "moon".to_owned(), ..league_request() }, Reason::UnknownResource),
        (pb::GetLeagueRequest { indicator: "No Id".to_owned(), ..league_request() }, Reason::InvalidField),
        (pb::GetLeagueRequest { kind: 99, ..league_request() }, Reason::InvalidField),
        (
            pb::GetLeagueRequest { compare_date: Some(date_to_pb(date(2026, 11, 23))), ..league_request() },
            Reason::InvalidField,
        ),
    ];
    for (request, expected) in table {
        assert_eq!(reason(fixture.server.get_league(ask(request)).await), expected);
    }
}
