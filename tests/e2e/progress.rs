//! Progress on the real Harbin plan before anybody reports: what the plan holds, lists, pages, filters, the overview.

use std::collections::BTreeSet;

use songhua_tests::{PLAN, Sandbox, date, event, stock};
use songhua_wire::pb;
use songhua_wire::pb::event_input::Payload;
use tonic::Code;

use crate::progress_world::{LOOK, World, last_part, only, reason, seen};

fn by_operator(plan: &pb::Plan) -> Vec<(pb::Operator, u32)> {
    plan.operators.iter().map(|count| (count.operator(), count.count)).collect()
}

#[tokio::test]
async fn the_harbin_plan_has_72_targets_by_operator_and_35_projects_33_after_merges() {
    let sandbox = Sandbox::start().await;
    let request = pb::GetPlanRequest { name: PLAN.to_owned(), as_of: None };
    let answer = sandbox.admin().await.progress.get_plan(request).await.unwrap().into_inner();
    let plan = answer.plan.unwrap();
    assert_eq!((plan.target_count, plan.project_count, plan.project_count_after_merges), (72, 35, 33));
    assert_eq!((plan.area_count, plan.indicator_count, plan.categories.len()), (11, 52, 5));
    let operators = [
        (pb::Operator::AtLeast, 62),
        (pb::Operator::MoreThan, 4),
        (pb::Operator::Between, 2),
        (pb::Operator::Approximately, 1),
        (pb::Operator::FullCoverage, 1),
        (pb::Operator::ExceedsSeries, 1),
        (pb::Operator::Qualitative, 1),
    ];
    assert_eq!(by_operator(&plan), operators);
    assert_eq!((plan.start_date, plan.end_date), (Some(date(2022, 1, 1)), Some(date(2026, 12, 31))));
    assert_eq!((plan.time_zone.as_str(), plan.digest.len()), ("Asia/Shanghai", 32));
    let state = answer.state.unwrap();
    assert_eq!((state.calc_version, state.light_rule_version, state.simulated), (1, 1, false));
}

#[tokio::test]
async fn the_plan_can_be_read_as_soon_as_the_server_says_that_it_serves() {
    for _ in 0..5 {
        let sandbox = Sandbox::start().await;
        let request = pb::GetPlanRequest { name: PLAN.to_owned(), as_of: None };
        let answer = sandbox.admin().await.progress.get_plan(request).await;
        assert!(answer.is_ok(), "{answer:?}");
    }
}

#[tokio::test]
async fn eight_circles_are_listed_four_of_them_with_seven_targets_and_their_projects() {
    let world = World::harbin().await;
    let mut progress = world.bureau.progress.clone();
    let list = |filter: &str| pb::ListCirclesRequest {
        parent: PLAN.to_owned(),
        filter: filter.to_owned(),
        as_of: Some(seen(LOOK, world.set_up)),
        ..Default::default()
    };
    let page = progress.list_circles(list("")).await.unwrap().into_inner();
    let shown: Vec<_> = page.circles.iter().map(|one| (last_part(&one.name), one.targets.len())).collect();
    let expected = ["circle-hit", "circle-heu", "circle-usth", "circle-hvri"].map(|id| (id.to_owned(), 7));
    let second = ["circle-neau", "circle-nefu", "circle-xuefulu", "circle-songbei"].map(|id| (id.to_owned(), 0));
    assert_eq!(shown, [expected, second].concat());
    assert_eq!(page.total_size, 8);
    let first = page.circles.first().unwrap();
    assert_eq!((first.stage(), first.batch, first.project_count), (pb::AreaStage::Building, 1, 9));
    // Nobody has reported anything: grey, with a word, and nobody answers for it but the bureau that leads the plan.
    for target in page.circles.iter().flat_map(|circle| &circle.targets) {
        assert_eq!((target.status(), target.light()), (pb::Status::NoData, pb::Light::Grey), "{}", target.name);
        assert_eq!(target.status_label.as_ref().unwrap().zh, "无数据");
        assert_eq!(target.lead_agency, "science-bureau");
    }
    for (filter, count) in [("batch = 2", 4), ("kind = ZONE", 2), ("kind = CITY", 1), ("stage = BUILDING", 4)] {
        let found = progress.list_circles(list(filter)).await.unwrap().into_inner();
        assert_eq!((found.circles.len(), found.total_size), (count, u32::try_from(count).unwrap()), "{filter}");
    }
    let request = pb::GetCircleRequest { name: world.name("areas/circle-usth"), as_of: None };
    let one = progress.get_circle(request).await.unwrap().into_inner();
    assert_eq!((one.circle.unwrap().targets.len(), one.projects.len()), (7, 9));
}

#[tokio::test]
async fn pages_of_ten_walk_every_indicator_exactly_once() {
    let sandbox = Sandbox::start().await;
    let mut progress = sandbox.admin().await.progress;
    let mut request = pb::ListIndicatorsRequest { parent: PLAN.to_owned(), page_size: 10, ..Default::default() };
    let (mut seen, mut pages) = (Vec::new(), 0);
    loop {
        let page = progress.list_indicators(request.clone()).await.unwrap().into_inner();
        assert!(page.indicators.len() <= 10);
        assert_eq!(page.total_size, 52);
        seen.extend(page.indicators.into_iter().map(|indicator| indicator.name));
        pages += 1;
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!((pages, seen.len(), seen.iter().collect::<BTreeSet<_>>().len()), (6, 52, 52));
    // The last token goes with no other filter, list or plan, and garbage is no token.
    let changed = pb::ListIndicatorsRequest { filter: "scored = true".to_owned(), ..request.clone() };
    let garbage = pb::ListIndicatorsRequest { page_token: "zz".to_owned(), ..request.clone() };
    for wrong in [changed, garbage] {
        let status = progress.list_indicators(wrong).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "BAD_PAGE_TOKEN"));
    }
    let other_list = pb::ListProjectsRequest {
        parent: PLAN.to_owned(),
        page_size: 10,
        page_token: request.page_token,
        ..Default::default()
    };
    assert_eq!(reason(&progress.list_projects(other_list).await.unwrap_err()), "BAD_PAGE_TOKEN");
    let negative = pb::ListIndicatorsRequest { parent: PLAN.to_owned(), page_size: -1, ..Default::default() };
    assert_eq!(reason(&progress.list_indicators(negative).await.unwrap_err()), "INVALID_FIELD");
}

#[tokio::test]
async fn later_pages_stay_at_the_position_of_the_first() {
    let world = World::harbin().await;
    let mut progress = world.bureau.progress.clone();
    let mut request = pb::ListIndicatorsRequest { parent: PLAN.to_owned(), page_size: 30, ..Default::default() };
    let first = progress.list_indicators(request.clone()).await.unwrap().into_inner();
    let receipt = world.stored(&world.bureau, stock("city", "registered-incubators", date(2026, 9, 30), "150")).await;
    world.indicator("registered-incubators", &receipt).await;
    request.page_token = first.next_page_token;
    let second = progress.list_indicators(request).await.unwrap().into_inner();
    assert_eq!(second.state.unwrap().known_position, first.state.unwrap().known_position);
    let is_incubators = |one: &&pb::Indicator| last_part(&one.name) == "registered-incubators";
    let found = first.indicators.iter().chain(&second.indicators).find(is_incubators).unwrap();
    assert_eq!(found.targets.first().unwrap().status(), pb::Status::NoData);
}

#[tokio::test]
async fn filters_pick_by_status_area_category_and_an_unknown_field_is_refused_with_the_known_ones() {
    let world = World::harbin().await;
    let receipt = world.stored(&world.bureau, stock("city", "new-rd-institutions", date(2026, 9, 30), "51")).await;
    let mut progress = world.bureau.progress.clone();
    let list = |filter: &str| pb::ListIndicatorsRequest {
        parent: PLAN.to_owned(),
        filter: filter.to_owned(),
        as_of: Some(seen(LOOK, receipt.position)),
        ..Default::default()
    };
    let expected = [
        ("status = MET_SO_FAR", 2),
        (r#"area = "circle-hvri""#, 7),
        ("category = innovative-firms", 11),
        ("area = city AND status = MET_SO_FAR AND category = innovation-capability", 1),
        ("category = innovation-capability AND status != NO_DATA", 1),
        ("operator = MORE_THAN", 4),
        ("accumulation = PAIRED", 1),
        ("scored = false", 1),
        ("area = nowhere", 0),
    ];
    for (filter, count) in expected {
        let page = progress.list_indicators(list(filter)).await.unwrap().into_inner();
        let names: Vec<_> = page.indicators.iter().map(|one| last_part(&one.name)).collect();
        assert_eq!(names.len(), count, "{filter}: {names:?}");
    }
    let status = progress.list_indicators(list("colour = red")).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "BAD_FILTER"));
    for known in ["colour", "category", "area", "operator", "accumulation", "status", "scored"] {
        assert!(status.message().contains(known), "{known} in {}", status.message());
    }
    for broken in ["status =", "status = PURPLE", "status MET", "area = city OR area = zone-ai", "area = \"city"] {
        assert_eq!(reason(&progress.list_indicators(list(broken)).await.unwrap_err()), "BAD_FILTER", "{broken}");
    }
}

#[tokio::test]
async fn projects_are_listed_by_area_with_merged_ones_marked() {
    let sandbox = Sandbox::start().await;
    let mut progress = sandbox.admin().await.progress;
    let list = |filter: &str| pb::ListProjectsRequest {
        parent: PLAN.to_owned(),
        filter: filter.to_owned(),
        ..Default::default()
    };
    for (filter, count) in [("", 35), ("merged = false", 33), ("kind = DIRECTION", 3), ("area = circle-usth", 9)] {
        let page = progress.list_projects(list(filter)).await.unwrap().into_inner();
        assert_eq!((page.projects.len(), page.total_size), (count, u32::try_from(count).unwrap()), "{filter}");
    }
    let merged = progress.list_projects(list("merged = true")).await.unwrap().into_inner().projects;
    let into: Vec<_> = merged.iter().map(|one| (last_part(&one.name), last_part(&one.merged_into))).collect();
    let pair = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    let expected = [
        pair("data-exchange", "longjiang-data-exchange"),
        pair("ice-snow-design-centre", "ice-snow-culture-design-centre"),
    ];
    assert_eq!(into, expected);
    assert_eq!(reason(&progress.list_projects(list("status = MET")).await.unwrap_err()), "BAD_FILTER");
}

#[tokio::test]
async fn the_overview_counts_every_target_once_and_lists_what_is_missing() {
    let sandbox = Sandbox::start().await;
    let mut progress = sandbox.admin().await.progress;
    let request = pb::GetOverviewRequest { name: PLAN.to_owned(), as_of: Some(seen(LOOK, 0)) };
    let overview = progress.get_overview(request).await.unwrap().into_inner();
    let sum = |counts: &[pb::StatusCount]| counts.iter().map(|count| count.count).sum::<u32>();
    assert_eq!((overview.target_count, sum(&overview.statuses)), (72, 72));
    assert_eq!(overview.statuses.len(), 15);
    assert_eq!(overview.areas.iter().map(|area| sum(&area.statuses)).sum::<u32>(), 72);
    let targets_of = |id| overview.areas.iter().find(|area| last_part(&area.name) == id).unwrap().target_count;
    assert_eq!(["city", "zone-hnd", "zone-ai", "circle-hvri", "circle-neau"].map(targets_of), [35, 4, 5, 7, 0]);
    let count = |status: pb::Status| overview.statuses.iter().find(|one| one.status() == status).unwrap().count;
    assert_eq!(count(pb::Status::MetSoFar), 1);
    assert_eq!(count(pb::Status::AwaitingAssessment), 1);
    assert_eq!(count(pb::Status::NoData), 70);
    assert_eq!((overview.time_progress.as_str(), overview.days_left), ("97.9", 38));
    let todo = |kind: &str| overview.todos.iter().find(|todo| todo.kind == kind).unwrap();
    let unassigned = todo("UNASSIGNED");
    assert_eq!((unassigned.count, unassigned.names.len()), (72, 72));
    assert!(unassigned.names.contains(&format!("{PLAN}/areas/circle-hit/targets/platforms")));
    assert_eq!(todo("NOT_REPORTED").count, 70);
    // Three directions have no milestones and the merged ones are their successors'.
    assert_eq!(todo("NO_MILESTONE").count, 30);
}

#[tokio::test]
async fn circles_at_stage_building_make_the_derived_indicator_which_nobody_can_report() {
    let world = World::harbin().await;
    let target = only(&world.indicator_at("ecosystem-circles", seen(LOOK, 0)).await.unwrap());
    assert_eq!((target.status(), target.actual.as_str()), (pb::Status::MetSoFar, "4"));
    assert_eq!((target.number, target.gap.as_str(), target.target_rate.as_str()), (32, "0", "100.0"));
    let reported = stock("city", "ecosystem-circles", date(2026, 9, 30), "5");
    assert_eq!(world.refused(&world.bureau, reported).await, "DERIVED_INDICATOR");

    // A fifth circle is being built: the figure follows from the day it says, not from the day it was told.
    let mut change = event(Payload::AreaStageChanged(pb::AreaStageChanged {
        area: "circle-neau".to_owned(),
        stage: pb::AreaStage::Building.into(),
        reason: "开工".to_owned(),
    }));
    change.effective_date = Some(date(2026, 6, 1));
    let receipt = world.stored(&world.office, change).await;
    assert_eq!(world.target("ecosystem-circles", &receipt).await.actual, "5");
    let before = world.indicator_at("ecosystem-circles", seen(date(2026, 5, 31), receipt.position)).await.unwrap();
    assert_eq!(only(&before).actual, "4");
}

#[tokio::test]
async fn what_is_not_there_is_not_found_by_name() {
    let sandbox = Sandbox::start().await;
    let mut progress = sandbox.admin().await.progress;
    let plan = pb::GetPlanRequest { name: "plans/atlantis".to_owned(), as_of: None };
    assert_eq!(reason(&progress.get_plan(plan).await.unwrap_err()), "PLAN_NOT_FOUND");
    let indicator =
        pb::GetIndicatorRequest { name: format!("{PLAN}/indicators/happiness"), as_of: None, ..Default::default() };
    let status = progress.get_indicator(indicator).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "RESOURCE_NOT_FOUND"));
    assert!(status.message().contains("indicators/happiness"), "{}", status.message());
    let wrong =
        pb::GetIndicatorRequest { name: "indicators/rd-intensity".to_owned(), as_of: None, ..Default::default() };
    assert_eq!(reason(&progress.get_indicator(wrong).await.unwrap_err()), "INVALID_FIELD");
}
