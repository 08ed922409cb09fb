//! Another city's plan of another shape, with nothing but data changed: fewer areas, other thresholds, a target that
//! goes down, another time zone. And two plans on one server that do not see each other.

use songhua_tests::{PLAN, Sandbox, ServeOptions, date, event};
use songhua_wire::google::type_::Date;
use songhua_wire::pb;
use songhua_wire::pb::event_input::Payload;
use tonic::Code;

use crate::progress_world::{BUREAU, World, baseline, last_part, only, period, reason, seen};

const FOLDER: &str = "tests/fixtures/plans/qingshui-2025-2027";
const QINGSHUI: &str = "plans/qingshui-2025-2027";
const DAY: Date = date(2026, 11, 23);

fn both() -> ServeOptions {
    ServeOptions { plans: vec![FOLDER.to_owned(), "seeds/harbin-2022-2026".to_owned()], ..Default::default() }
}

async fn qingshui() -> World {
    World::of(ServeOptions { plans: vec![FOLDER.to_owned()], ..Default::default() }, QINGSHUI).await
}

fn share_of(year: i32, value: &str) -> pb::EventInput {
    let days = (date(year, 1, 1), date(year, 12, 31));
    period("county", "poor-water-share", pb::Basis::FullYear, days, value)
}

#[tokio::test]
async fn a_plan_of_another_shape_is_counted_listed_and_looked_at_like_the_first() {
    let world = qingshui().await;
    let mut progress = world.bureau.progress.clone();
    let request = pb::GetPlanRequest { name: QINGSHUI.to_owned(), as_of: None };
    let plan = progress.get_plan(request).await.unwrap().into_inner().plan.unwrap();
    assert_eq!((plan.target_count, plan.area_count, plan.project_count_after_merges), (7, 3, 3));
    assert_eq!(plan.time_zone, "Asia/Urumqi");
    assert_eq!(plan.light_rule.unwrap().behind_below_points, "-5");
    let circles = pb::ListCirclesRequest { parent: QINGSHUI.to_owned(), ..Default::default() };
    let circles = progress.list_circles(circles).await.unwrap().into_inner().circles;
    let shown: Vec<_> = circles.iter().map(|one| (one.display_name.clone().unwrap().zh, one.targets.len())).collect();
    assert_eq!(shown, [("环青水农技学院创新圈".to_owned(), 1)]);
    let mut request = pb::ListIndicatorsRequest { parent: QINGSHUI.to_owned(), page_size: 4, ..Default::default() };
    let first = progress.list_indicators(request.clone()).await.unwrap().into_inner();
    request.page_token = first.next_page_token;
    let second = progress.list_indicators(request).await.unwrap().into_inner();
    let ids: Vec<_> = first.indicators.iter().chain(&second.indicators).map(|one| one.name.clone()).collect();
    let expected = ["poor-water-share", "treatment-funds", "new-forest", "tech-firms", "eco-output", "agri-talent"];
    assert_eq!(ids, expected.map(|id| world.name(&format!("indicators/{id}"))));
    let overview = world.overview(seen(DAY, 0)).await;
    assert_eq!((overview.target_count, overview.statuses.iter().map(|one| one.count).sum::<u32>()), (7, 7));
    // 692 of 1,095 days.
    assert_eq!((overview.time_progress.as_str(), overview.days_left), ("63.2", 403));
}

#[tokio::test]
async fn a_descending_ratio_is_judged_downwards() {
    let world = qingshui().await;
    world.stored(&world.office, baseline("county", "poor-water-share", date(2024, 12, 31), "20")).await;
    let receipt = world.stored(&world.bureau, share_of(2025, "16.50")).await;
    let target = only(&world.indicator_at("poor-water-share", seen(DAY, receipt.position)).await.unwrap());
    // From 20 down to 5: at the end of 2025, after 365 of 1,095 days, 15 was expected.
    assert_eq!((target.expected.as_str(), target.scale.as_str()), ("15", "15"));
    assert_eq!((target.deviation.as_str(), target.gap.as_str()), ("-10.0", "11.5"));
    // With the decimals that were reported.
    assert_eq!(target.actual, "16.50");
    assert_eq!((target.target_rate.as_str(), target.increment_rate.as_str()), ("", "23.3"));
    // Yellow by this plan's own thresholds, −5 and −20.
    assert_eq!((target.status(), target.light()), (pb::Status::Behind, pb::Light::Yellow));
    let right = event(Payload::MeasurementCorrected(pb::MeasurementCorrected {
        measurement: receipt.event_id.clone(),
        figure: crate::progress_world::value("4.99"),
        reason: "断面复核".to_owned(),
        ..Default::default()
    }));
    let right = world.stored(&world.bureau, right).await;
    let target = only(&world.indicator_at("poor-water-share", seen(DAY, right.position)).await.unwrap());
    assert_eq!((target.status(), target.gap.as_str()), (pb::Status::MetSoFar, "-0.01"));
}

#[tokio::test]
async fn every_board_shows_a_plan_of_another_shape() {
    let world = qingshui().await;
    world.stored(&world.bureau, share_of(2025, "16.50")).await;
    let firms = songhua_tests::stock("lakeside", "tech-firms", date(2026, 10, 31), "31");
    let position = world.stored(&world.bureau, firms).await.position;
    let mut progress = world.bureau.progress.clone();
    let (name, parent, as_of) = (|| world.name(""), || world.name(""), Some(seen(DAY, position)));

    // Zones: one of them. Circles: the same. Each has a target that the other has not.
    for (kind, area, rows) in [(pb::AreaKind::Zone, "lakeside", 2), (pb::AreaKind::Circle, "agri-college", 1)] {
        let request = pb::GetMatrixRequest { name: name(), kind: kind.into(), as_of };
        let matrix = progress.get_matrix(request).await.unwrap().into_inner();
        assert_eq!(matrix.areas.iter().map(|one| last_part(&one.name)).collect::<Vec<_>>(), [area]);
        assert_eq!((matrix.rows.len(), matrix.rows[0].cells.len()), (rows, 1));
    }
    let request = pb::GetLeagueRequest { name: name(), as_of, ..Default::default() };
    assert_eq!(progress.get_league(request).await.unwrap().into_inner().leagues, [], "nothing to rank by");
    let request = pb::GetCalendarRequest { name: name(), area: String::new(), as_of };
    let calendar = progress.get_calendar(request).await.unwrap().into_inner();
    assert_eq!((calendar.items.len(), calendar.projects.len(), calendar.without_milestone_count), (0, 3, 3));
    let request = pb::ListStalenessRequest { parent: parent(), as_of, ..Default::default() };
    let owed = progress.list_staleness(request).await.unwrap().into_inner();
    assert!(owed.duties.iter().all(|duty| duty.agency == BUREAU) && owed.total_size > 0, "{owed:?}");
    let bureau = world.name(&format!("agencies/{BUREAU}"));
    let request = pb::GetAgencyRequest { name: bureau, as_of, ..Default::default() };
    let ledger = progress.get_agency(request).await.unwrap().into_inner();
    assert_eq!((ledger.duties.len() as u32, ledger.agency.unwrap().reportable_targets.len()), (owed.total_size, 7));
    let request = pb::ListAgenciesRequest { parent: parent(), as_of, ..Default::default() };
    assert_eq!(progress.list_agencies(request).await.unwrap().into_inner().total_size, 1);
    let request = pb::ListVerificationsRequest { parent: parent(), as_of: Some(today(position)), ..Default::default() };
    assert_eq!(progress.list_verifications(request).await.unwrap().into_inner().total_size, 2);
    let request = pb::ListRevisionsRequest { parent: parent(), as_of, ..Default::default() };
    assert_eq!(progress.list_revisions(request).await.unwrap().into_inner().total_size, 0);
    let request = pb::ListSupervisionsRequest { parent: parent(), as_of, ..Default::default() };
    assert_eq!(progress.list_supervisions(request).await.unwrap().into_inner().total_size, 0);
    let request = pb::ListReportingPeriodsRequest { parent: parent(), as_of, ..Default::default() };
    assert_eq!(progress.list_reporting_periods(request).await.unwrap().into_inner().total_size, 0);
    let request = pb::ListProgressNotesRequest { parent: parent(), as_of, ..Default::default() };
    assert_eq!(progress.list_progress_notes(request).await.unwrap().into_inner().total_size, 0);
    let request = pb::GetCloseOutRequest { name: name(), as_of };
    let statement = progress.get_close_out(request).await.unwrap().into_inner();
    assert_eq!((statement.closed, statement.targets.len(), statement.project_unplanned_count), (false, 7, 3));
    let request = pb::ListMilestonesRequest { parent: parent(), as_of, ..Default::default() };
    assert_eq!(progress.list_milestones(request).await.unwrap().into_inner().total_size, 0);
    let request = pb::ListProjectsRequest { parent: parent(), as_of, ..Default::default() };
    assert_eq!(progress.list_projects(request).await.unwrap().into_inner().total_size, 3);
    let request = pb::GetCircleRequest { name: world.name("areas/agri-college"), as_of };
    assert_eq!(progress.get_circle(request).await.unwrap().into_inner().circle.unwrap().targets.len(), 1);
    for indicator in ["poor-water-share", "treatment-funds", "new-forest", "tech-firms", "eco-output", "agri-talent"] {
        let answer = world.indicator_at(indicator, seen(DAY, position)).await.unwrap();
        // Two years of the plan have begun.
        assert_eq!(answer.years.len(), 2 * answer.indicator.unwrap().targets.len(), "{indicator}");
    }
    // Where less is better, the terminal and the ledger to fill in say so.
    for command in [&["progress", "indicator", "poor-water-share"][..], &["push", "--template", "--agency", BUREAU]] {
        let said = world.sandbox.run(command);
        assert!(said.code == 0 && said.stdout.contains("≤ 5 %"), "{said:?}");
    }
}

/// Today, once `position` is applied: figures are recorded on the day the test runs.
fn today(position: u64) -> pb::AsOf {
    pb::AsOf { min_position: position, ..Default::default() }
}

#[tokio::test]
async fn today_is_the_day_in_the_plans_own_time_zone() {
    let sandbox = Sandbox::start_with(both()).await;
    let mut progress = sandbox.admin().await.progress;
    for (plan, zone) in [(QINGSHUI, "Asia/Urumqi"), (PLAN, "Asia/Shanghai")] {
        let here = || jiff::Timestamp::now().in_tz(zone).unwrap().date();
        let before = here();
        let request = pb::GetPlanRequest { name: plan.to_owned(), as_of: None };
        let state = progress.get_plan(request).await.unwrap().into_inner().state.unwrap();
        let shown = state.valid_date.unwrap();
        let shown = jiff::civil::date(shown.year as i16, shown.month as i8, shown.day as i8);
        // Midnight may pass between the two clocks.
        assert!(shown == before || shown == here(), "{shown} in {zone}");
    }
}

#[tokio::test]
async fn two_plans_on_one_server_do_not_see_each_other() {
    let world = World::of(both(), QINGSHUI).await;
    let firms = songhua_tests::stock("lakeside", "tech-firms", date(2026, 10, 31), "31");
    let receipt = world.stored(&world.bureau, firms).await;
    let answer = world.indicator_at("tech-firms", seen(DAY, receipt.position)).await.unwrap();
    let actuals: Vec<_> = answer.indicator.unwrap().targets.iter().map(|one| one.actual.clone()).collect();
    assert_eq!(actuals, ["", "31"]);
    let mut progress = world.bureau.progress.clone();
    let other = pb::GetIndicatorRequest {
        name: format!("{PLAN}/indicators/tech-firms"),
        as_of: Some(seen(DAY, 0)),
        ..Default::default()
    };
    let other = progress.get_indicator(other).await.unwrap().into_inner();
    assert!(other.history.is_empty() && other.indicator.unwrap().targets.iter().all(|one| one.actual.is_empty()));

    // A token for one plan does not open the other.
    let request = pb::GrantAccessRequest {
        principal: "reader-7".to_owned(),
        role: pb::Role::Reader.into(),
        plan: "qingshui-2025-2027".to_owned(),
        ..Default::default()
    };
    let token = world.office.admin.clone().grant_access(request).await.unwrap().into_inner().token;
    let mut reader = world.sandbox.client(Some(&token)).await.progress;
    let plan = |name: &str| pb::GetPlanRequest { name: name.to_owned(), as_of: None };
    assert!(reader.get_plan(plan(QINGSHUI)).await.is_ok());
    let status = reader.get_plan(plan(PLAN)).await.unwrap_err();
    assert_ne!(status.code(), Code::Ok);
    assert!(["OUT_OF_SCOPE", "PLAN_NOT_FOUND"].contains(&reason(&status).as_str()), "{status:?}");
}
