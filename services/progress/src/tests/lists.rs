//! Lists: order, filters, pages.

use jiff::civil::date;
use songhua_domain::vocabulary::{Basis, Reason};
use songhua_wire::pb;
use songhua_wire::pb::progress_service_server::ProgressService;

use super::fixture::{Figure, Fixture, ask, reason};

const PARENT: &str = "plans/harbin";

fn ids(names: impl IntoIterator<Item = String>) -> Vec<String> {
    names.into_iter().map(|name| name.rsplit('/').next().unwrap_or_default().to_owned()).collect()
}

async fn circles(fixture: &Fixture, filter: &str) -> Vec<String> {
    let request = pb::ListCirclesRequest { parent: PARENT.to_owned(), filter: filter.to_owned(), ..Default::default() };
    let answer = fixture.server.list_circles(ask(request)).await.unwrap().into_inner();
    ids(answer.circles.into_iter().map(|circle| circle.name))
}

async fn indicators(fixture: &Fixture, filter: &str) -> Vec<String> {
    let request =
        pb::ListIndicatorsRequest { parent: PARENT.to_owned(), filter: filter.to_owned(), ..Default::default() };
    let answer = fixture.server.list_indicators(ask(request)).await.unwrap().into_inner();
    ids(answer.indicators.into_iter().map(|indicator| indicator.name))
}

async fn projects(fixture: &Fixture, filter: &str) -> Vec<String> {
    let request =
        pb::ListProjectsRequest { parent: PARENT.to_owned(), filter: filter.to_owned(), ..Default::default() };
    let answer = fixture.server.list_projects(ask(request)).await.unwrap().into_inner();
    ids(answer.projects.into_iter().map(|project| project.name))
}

async fn milestones(fixture: &Fixture, parent: &str, filter: &str) -> Vec<String> {
    let request =
        pb::ListMilestonesRequest { parent: parent.to_owned(), filter: filter.to_owned(), ..Default::default() };
    let answer = fixture.server.list_milestones(ask(request)).await.unwrap().into_inner();
    ids(answer.milestones.into_iter().map(|milestone| milestone.name))
}

#[tokio::test]
async fn circles_are_listed_unless_another_kind_is_asked_for() {
    let fixture = Fixture::published();
    for (filter, expected) in [
        ("", vec!["circle-a", "circle-b"]),
        ("batch = 1", vec!["circle-a"]),
        ("kind = ZONE", vec!["zone-x"]),
        ("kind != CIRCLE", vec!["city", "zone-x"]),
        ("stage = DESIGNATED", vec!["circle-a"]),
        ("stage != DESIGNATED", vec!["circle-b"]),
    ] {
        assert_eq!(circles(&fixture, filter).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn an_indicator_matches_if_one_of_its_targets_matches_all() {
    let fixture = Fixture::published();
    for (filter, expected) in [
        ("", vec!["intensity", "output", "firms", "growth", "coverage", "brand", "rival"]),
        ("scored = false", vec!["rival"]),
        ("category = results", vec!["output"]),
        ("accumulation = STOCK", vec!["firms"]),
        ("area = circle-b", vec!["firms"]),
        ("status = BEHIND", vec!["output", "coverage"]),
        ("status = BEHIND AND operator = FULL_COVERAGE", vec!["coverage"]),
        ("area = circle-b AND status = NO_PATH", vec![]),
        ("area = circle-a AND status = NO_PATH", vec!["firms"]),
    ] {
        assert_eq!(indicators(&fixture, filter).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn projects_and_milestones_are_filtered_and_ordered() {
    let fixture = Fixture::published();
    for (filter, expected) in [
        ("", vec!["hall", "lab", "park", "vaccine"]),
        ("merged = true", vec!["hall"]),
        ("kind = DIRECTION", vec!["vaccine"]),
        ("area = city", vec![]),
    ] {
        assert_eq!(projects(&fixture, filter).await, expected, "{filter}");
    }
    for (filter, expected) in [
        ("", vec!["ground", "canteen", "hall", "opening"]),
        ("slipped = true", vec!["hall"]),
        ("status = CANCELLED", vec!["canteen"]),
        ("due_date >= 2026-09-30 AND project = park", vec!["hall", "opening"]),
        ("area != circle-a", vec![]),
        ("type = APPROVAL", vec![]),
    ] {
        assert_eq!(milestones(&fixture, PARENT, filter).await, expected, "{filter}");
        assert_eq!(milestones(&fixture, "plans/harbin/projects/park", filter).await, expected, "{filter}");
    }
    assert!(milestones(&fixture, "plans/harbin/projects/lab", "").await.is_empty());
    let unknown = pb::ListMilestonesRequest { parent: "plans/harbin/projects/none".to_owned(), ..Default::default() };
    assert_eq!(reason(fixture.server.list_milestones(ask(unknown)).await), Reason::ResourceNotFound);
}

#[tokio::test]
async fn all_pages_are_of_the_same_day_and_position() {
    let mut fixture = Fixture::published();
    let head = fixture.head();
    let request = |page_token: &str, filter: &str| pb::ListIndicatorsRequest {
        parent: PARENT.to_owned(),
        page_size: 4,
        page_token: page_token.to_owned(),
        filter: filter.to_owned(),
        as_of: None,
    };
    let first = fixture.server.list_indicators(ask(request("", ""))).await.unwrap().into_inner();
    assert_eq!((first.indicators.len(), first.total_size), (4, 7));
    fixture.figure("city", "coverage", Figure::value(Basis::StockAt, date(2026, 6, 30), "99"));
    let second = fixture.server.list_indicators(ask(request(&first.next_page_token, ""))).await.unwrap().into_inner();
    assert_eq!((second.indicators.len(), second.total_size, second.next_page_token.as_str()), (3, 7, ""));
    let state = second.state.unwrap();
    assert_eq!((state.known_position, state.applied_position), (head, head + 1));
    assert_eq!(state.valid_date, first.state.unwrap().valid_date);
    let other = request(&first.next_page_token, "scored = true");
    assert_eq!(reason(fixture.server.list_indicators(ask(other)).await), Reason::BadPageToken);
    let circles =
        pb::ListCirclesRequest { parent: PARENT.to_owned(), page_token: first.next_page_token, ..Default::default() };
    assert_eq!(reason(fixture.server.list_circles(ask(circles)).await), Reason::BadPageToken);
}

#[tokio::test]
async fn a_filter_of_another_list_is_refused() {
    let fixture = Fixture::published();
    let filter = "slipped = true".to_owned();
    let request = pb::ListProjectsRequest { parent: PARENT.to_owned(), filter, ..Default::default() };
    assert_eq!(reason(fixture.server.list_projects(ask(request)).await), Reason::BadFilter);
}
