//! Single resources: what the plan, its overview, areas, indicators and projects say of themselves.

use jiff::civil::date;
use songhua_domain::vocabulary::{Basis, Reason};
use songhua_wire::pb;
use songhua_wire::pb::progress_service_server::ProgressService;
use songhua_wire::time::date_to_pb;

use super::fixture::{Figure, Fixture, ask, reason};

async fn overview(fixture: &Fixture, as_of: Option<pb::AsOf>) -> pb::GetOverviewResponse {
    let request = pb::GetOverviewRequest { name: "plans/harbin".to_owned(), as_of };
    fixture.server.get_overview(ask(request)).await.unwrap().into_inner()
}

async fn indicator(fixture: &Fixture, id: &str) -> pb::GetIndicatorResponse {
    let request =
        pb::GetIndicatorRequest { name: format!("plans/harbin/indicators/{id}"), as_of: None, ..Default::default() };
    fixture.server.get_indicator(ask(request)).await.unwrap().into_inner()
}

async fn target(fixture: &Fixture, id: &str) -> pb::TargetProgress {
    indicator(fixture, id).await.indicator.unwrap().targets.remove(0)
}

fn zh(target: &pb::TargetProgress) -> &str {
    &target.status_label.as_ref().unwrap().zh
}

fn count_of(statuses: &[pb::StatusCount], status: pb::Status) -> u32 {
    statuses.iter().find(|count| count.status() == status).unwrap().count
}

#[tokio::test]
async fn the_plan_is_counted() {
    let fixture = Fixture::published();
    let request = pb::GetPlanRequest { name: "plans/harbin".to_owned(), as_of: None };
    let plan = fixture.server.get_plan(ask(request)).await.unwrap().into_inner().plan.unwrap();
    assert_eq!((plan.target_count, plan.area_count, plan.indicator_count), (7, 4, 7));
    assert_eq!((plan.project_count, plan.project_count_after_merges), (4, 3));
    let operators: Vec<_> = plan.operators.iter().map(|count| (count.operator(), count.count)).collect();
    assert_eq!(operators[..2], [(pb::Operator::AtLeast, 3), (pb::Operator::MoreThan, 1)]);
    assert_eq!(operators.len(), 5);
    assert_eq!(plan.digest, [3; 32]);
    assert_eq!(plan.light_rule.unwrap().behind_below_points, "-10");
    assert_eq!((plan.time_zone.as_str(), plan.end_date), ("Asia/Shanghai", Some(date_to_pb(date(2026, 12, 31)))));
}

#[tokio::test]
async fn the_overview_counts_every_status_and_lists_what_is_behind_worst_first() {
    let fixture = Fixture::published();
    let overview = overview(&fixture, None).await;
    assert_eq!((overview.time_progress.as_str(), overview.days_left, overview.target_count), ("97.9", 38, 7));
    assert_eq!(overview.statuses.len(), 15);
    assert_eq!(overview.statuses.iter().map(|count| count.count).sum::<u32>(), 7);
    for (status, count) in [
        (pb::Status::OnTrack, 2),
        (pb::Status::Behind, 2),
        (pb::Status::NoPath, 1),
        (pb::Status::NoData, 1),
        (pb::Status::AwaitingAssessment, 1),
        (pb::Status::Missed, 0),
    ] {
        assert_eq!(count_of(&overview.statuses, status), count, "{status:?}");
    }
    let attention: Vec<_> = overview.attention.iter().map(|target| target.indicator.as_str()).collect();
    assert_eq!(attention, ["output", "coverage"]);
    let areas: Vec<_> = overview.areas.iter().map(|area| (area.name.as_str(), area.target_count)).collect();
    let names = ["city", "zone-x", "circle-a", "circle-b"].map(|area| format!("plans/harbin/areas/{area}"));
    assert_eq!(areas, [(names[0].as_str(), 4), (&names[1], 0), (&names[2], 2), (&names[3], 1)]);
    assert_eq!(count_of(&overview.areas[0].statuses, pb::Status::Behind), 2);
}

#[tokio::test]
async fn the_overview_names_what_is_missing() {
    let fixture = Fixture::published();
    let todos = overview(&fixture, None).await.todos;
    let counts: Vec<_> = todos.iter().map(|todo| (todo.kind.as_str(), todo.count)).collect();
    assert_eq!(counts, [("UNASSIGNED", 6), ("NO_BASELINE", 3), ("NO_MILESTONE", 1), ("NOT_REPORTED", 1)]);
    assert_eq!(todos[2].names, ["plans/harbin/projects/lab"]);
    assert_eq!(todos[3].names, ["plans/harbin/areas/circle-b/targets/firms"]);
}

#[tokio::test]
async fn before_and_after_the_plan_time_progress_is_clamped_and_days_are_not() {
    let fixture = Fixture::published();
    for (day, progress, left) in [(date(2021, 6, 1), "0.0", 2_039), (date(2027, 1, 10), "100.0", -10)] {
        let as_of = pb::AsOf { valid_date: Some(date_to_pb(day)), ..Default::default() };
        let overview = overview(&fixture, Some(as_of)).await;
        assert_eq!((overview.time_progress.as_str(), overview.days_left), (progress, left));
    }
}

#[tokio::test]
async fn a_target_with_a_baseline_shows_every_component() {
    let fixture = Fixture::published();
    let target = target(&fixture, "intensity").await;
    assert_eq!(target.name, "plans/harbin/areas/city/targets/intensity");
    assert_eq!((target.status(), target.light()), (pb::Status::OnTrack, pb::Light::Green));
    let label = target.status_label.clone().unwrap();
    assert_eq!((label.zh.as_str(), label.en.as_str()), ("正常（已核）", "on track (verified)"));
    assert_eq!((target.value.as_str(), target.actual.as_str()), ("3.00", "2.97"));
    assert_eq!((target.target_rate.as_str(), target.increment_rate.as_str()), ("99.0", "94.0"));
    assert_eq!((target.gap.as_str(), target.scale.as_str(), target.deviation.as_str()), ("0.03", "1", "7.0"));
    assert!(target.expected.starts_with("2.9000547"), "{}", target.expected);
    assert!(target.required_pace.starts_with("0.00078947"), "{}", target.required_pace);
    assert_eq!(
        (target.forecast.as_str(), target.pace_per_day.as_str(), target.time_progress.as_str()),
        ("", "", "97.9")
    );
    assert_eq!((target.path_source(), target.maintain), (pb::PathSource::Baseline, false));
    assert_eq!(target.path_start, target.baseline);
    assert_eq!(target.baseline.as_ref().unwrap().value, "2.50");
    assert_eq!((target.scored_date, target.age_days), (Some(date_to_pb(date(2025, 12, 31))), 327));
    assert_eq!(target.headline, target.newest_verified);
    let headline = target.headline.unwrap();
    assert_eq!((headline.value.as_str(), headline.verified), ("2.97", true));
    assert_eq!((target.lead_agency.as_str(), target.lead_agency_name.unwrap().zh.as_str()), ("bureau", "bureau名"));
}

#[tokio::test]
async fn targets_of_every_kind_show_what_they_are_judged_by() {
    let fixture = Fixture::published();
    let output = target(&fixture, "output").await;
    assert_eq!((output.actual.as_str(), zh(&output)), ("62.0", "滞后（自报）"));
    assert_eq!((output.path_source(), output.lead_agency.as_str()), (pb::PathSource::PlanStart, ""));
    assert_eq!(output.marks, ["PROVISIONAL"]);

    let coverage = target(&fixture, "coverage").await;
    assert_eq!((coverage.actual.as_str(), coverage.uncovered.as_str(), coverage.value.as_str()), ("95", "5", ""));
    assert_eq!(coverage.headline.unwrap().value, "95");

    let growth = target(&fixture, "growth").await;
    assert_eq!(zh(&growth), "正常（参考，自报）");
    let year = pb::YearComparison { year: 2025, own: "9.0".into(), other: "6.5".into(), gap: "2.5".into() };
    assert_eq!((growth.years, growth.gap.as_str(), growth.actual.as_str()), (vec![year], "2.5", ""));

    let firms = target(&fixture, "firms").await;
    assert_eq!((firms.status(), zh(&firms)), (pb::Status::NoPath, "无基期"));
    assert_eq!((firms.path_source(), firms.target_rate.as_str()), (pb::PathSource::Unspecified, "50.0"));

    let brand = target(&fixture, "brand").await;
    assert_eq!((brand.required_step.as_str(), zh(&brand)), ("leading", "待评估"));
}

#[tokio::test]
async fn a_falling_figure_is_forecast_as_nothing_not_as_less() {
    let mut fixture = Fixture::published();
    fixture.figure("circle-b", "firms", Figure::value(Basis::StockAt, date(2024, 12, 31), "10000"));
    fixture.figure("circle-b", "firms", Figure::value(Basis::StockAt, date(2025, 12, 31), "40"));
    let request = pb::GetCircleRequest { name: "plans/harbin/areas/circle-b".to_owned(), as_of: None };
    let circle = fixture.server.get_circle(ask(request)).await.unwrap().into_inner().circle.unwrap();
    let target = &circle.targets[0];
    assert_eq!(
        (target.status(), target.light(), zh(target)),
        (pb::Status::FarBehind, pb::Light::Red, "严重滞后（参考，自报）")
    );
    assert_eq!((target.forecast.as_str(), target.deviation.as_str(), target.maintain), ("0", "-0.1", true));
    assert!(target.pace_per_day.starts_with("-27.28"), "{}", target.pace_per_day);
    assert_eq!(target.path_source(), pb::PathSource::Interpreted);
    assert_eq!(target.marks, ["PROVISIONAL", "REFERENCE", "MAINTAIN", "CLOSING_WINDOW"]);
    let attention = overview(&fixture, None).await.attention;
    assert_eq!(attention.iter().map(|target| target.number).collect::<Vec<_>>(), [7, 2, 5]);
}

#[tokio::test]
async fn a_stale_target_keeps_its_last_known_status_beside_it() {
    let mut fixture = Fixture::published();
    fixture.figure("circle-b", "firms", Figure::value(Basis::StockAt, date(2024, 12, 31), "51"));
    let attention = overview(&fixture, None).await.attention;
    let stale = attention.last().unwrap();
    assert_eq!((stale.status(), stale.last_known_status()), (pb::Status::Stale, pb::Status::MetSoFar));
    assert_eq!((zh(stale), stale.light()), ("过期", pb::Light::Grey));
}

#[tokio::test]
async fn the_history_of_an_indicator_keeps_what_was_superseded() {
    let fixture = Fixture::published();
    let history = indicator(&fixture, "output").await.history;
    let [reported, corrected] = &history[..] else { panic!("{history:?}") };
    assert_eq!((reported.live, reported.superseded_by, reported.corrects), (false, corrected.position, 0));
    assert_eq!((corrected.live, corrected.superseded_by, corrected.corrects), (true, 0, reported.position));
    let value = pb::Figure { kind: Some(pb::figure::Kind::Value("62.0".to_owned())) };
    assert_eq!(corrected.figure, Some(value));
    assert_eq!((corrected.area.as_str(), corrected.dimension.as_str()), ("city", "_T"));
    assert_eq!((corrected.basis(), corrected.agency.as_str()), (pb::Basis::Period, "bureau"));
    assert_eq!(corrected.period.as_ref().unwrap().start, Some(date_to_pb(date(2022, 1, 1))));
    let verified = indicator(&fixture, "intensity").await.history;
    assert!(verified[0].verified && verified[0].live && verified.len() == 1);
    assert_eq!(verified[0].period.as_ref().unwrap().start, None);
}

#[tokio::test]
async fn a_circle_shows_its_targets_and_projects() {
    let fixture = Fixture::published();
    let request = pb::GetCircleRequest { name: "plans/harbin/areas/circle-a".to_owned(), as_of: None };
    let answer = fixture.server.get_circle(ask(request)).await.unwrap().into_inner();
    let circle = answer.circle.unwrap();
    assert_eq!((circle.kind(), circle.stage(), circle.batch), (pb::AreaKind::Circle, pb::AreaStage::Designated, 1));
    assert_eq!(circle.targets.iter().map(|target| target.number).collect::<Vec<_>>(), [3, 4]);
    assert_eq!((circle.project_count, answer.projects.len()), (3, 4));
    assert_eq!(answer.projects[0].merged_into, "plans/harbin/projects/park");
    assert_eq!(count_of(&circle.statuses, pb::Status::NoPath), 1);
}

#[tokio::test]
async fn a_project_is_as_complete_as_the_weights_of_its_milestones() {
    let fixture = Fixture::published();
    let request = pb::GetProjectRequest { name: "plans/harbin/projects/park".to_owned(), as_of: None };
    let park = fixture.server.get_project(ask(request)).await.unwrap().into_inner().project.unwrap();
    // (1 × 100 + 2 × 50 + 1 × 0) / 4; what is cancelled does not count.
    assert_eq!(park.completion, "50.0");
    assert_eq!((park.milestone_count, park.met_count, park.overdue_count), (3, 1, 1));
    assert_eq!(park.next_due_date, Some(date_to_pb(date(2026, 9, 30))));
    assert_eq!(park.aliases, ["park别名", "hall名", "hall别名"]);
    assert_eq!((park.merged_into.as_str(), park.lead_agency.as_str()), ("", ""));
    let hall = park.milestones.iter().find(|milestone| milestone.name.ends_with("/hall")).unwrap();
    assert_eq!((hall.status(), hall.percent.as_str(), hall.overdue), (pb::MilestoneStatus::PartiallyMet, "50", true));
    assert_eq!((hall.reschedule_count, hall.slip_days, hall.area.as_str()), (1, 92, "circle-a"));
    let changes: Vec<_> = hall.changes.iter().map(|change| change.event_type.as_str()).collect();
    assert_eq!(changes, ["MilestonePlanned", "MilestoneRescheduled", "MilestonePartiallyReached"]);
    assert_eq!((hall.changes[1].text.as_str(), hall.changes[1].agency.as_str()), ("late permits", "bureau"));
}

#[tokio::test]
async fn before_its_reports_a_project_is_not_complete_at_all() {
    let fixture = Fixture::published();
    let as_of = pb::AsOf { valid_date: Some(date_to_pb(date(2023, 1, 1))), ..Default::default() };
    let request = pb::GetProjectRequest { name: "plans/harbin/projects/park".to_owned(), as_of: Some(as_of) };
    let park = fixture.server.get_project(ask(request)).await.unwrap().into_inner().project.unwrap();
    assert_eq!((park.completion.as_str(), park.met_count, park.overdue_count), ("0.0", 0, 0));
    let request = pb::GetProjectRequest { name: "plans/harbin/projects/vaccine".to_owned(), as_of: None };
    let vaccine = fixture.server.get_project(ask(request)).await.unwrap().into_inner().project.unwrap();
    assert_eq!((vaccine.completion.as_str(), vaccine.milestone_count), ("", 0));
}

#[tokio::test]
async fn what_is_not_in_the_plan_is_not_found() {
    let fixture = Fixture::published();
    let name = |rest: &str| format!("plans/harbin/{rest}");
    let area = pb::GetCircleRequest { name: name("areas/none"), as_of: None };
    assert_eq!(reason(fixture.server.get_circle(ask(area)).await), Reason::ResourceNotFound);
    let indicator = pb::GetIndicatorRequest { name: name("indicators/none"), as_of: None, ..Default::default() };
    assert_eq!(reason(fixture.server.get_indicator(ask(indicator)).await), Reason::ResourceNotFound);
    let project = pb::GetProjectRequest { name: name("projects/none"), as_of: None };
    assert_eq!(reason(fixture.server.get_project(ask(project)).await), Reason::ResourceNotFound);
    let malformed = pb::GetCircleRequest { name: name("circles/circle-a"), as_of: None };
    assert_eq!(reason(fixture.server.get_circle(ask(malformed)).await), Reason::InvalidField);
}
