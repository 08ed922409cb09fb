//! Projects and milestones: planned, moved, reached, overdue; completion by weights; lists and their filters.

use songhua_tests::{PLAN, date, event};
use songhua_wire::google::type_::Date;
use songhua_wire::pb;
use songhua_wire::pb::event_input::Payload;

use crate::progress_world::{LOOK, World, accepted, known, last_part, reason, rejected, seen};

const PARK: &str = "aerospace-park";

fn planned(id: &str, kind: pb::MilestoneType, due: Date, weight: &str) -> pb::EventInput {
    event(Payload::MilestonePlanned(pb::MilestonePlanned {
        project: PARK.to_owned(),
        milestone: id.to_owned(),
        milestone_type: kind.into(),
        title: Some(pb::Name { zh: format!("节点 {id}"), en: id.to_owned() }),
        due_date: Some(due),
        weight: weight.to_owned(),
    }))
}

/// A plan that changes on [`LOOK`], whenever the test runs.
fn on_look(mut event: pb::EventInput) -> pb::EventInput {
    event.effective_date = Some(LOOK);
    event
}

fn moved(id: &str, from: Date, to: Date) -> pb::EventInput {
    on_look(event(Payload::MilestoneRescheduled(pb::MilestoneRescheduled {
        project: PARK.to_owned(),
        milestone: id.to_owned(),
        previous_due_date: Some(from),
        due_date: Some(to),
        reason: "征地推迟".to_owned(),
    })))
}

fn reached(id: &str, on: Date) -> pb::EventInput {
    let (project, milestone) = (PARK.to_owned(), id.to_owned());
    event(Payload::MilestoneReached(pb::MilestoneReached { project, milestone, reach_date: Some(on) }))
}

fn partially(id: &str, on: Date, percent: &str) -> pb::EventInput {
    event(Payload::MilestonePartiallyReached(pb::MilestonePartiallyReached {
        project: PARK.to_owned(),
        milestone: id.to_owned(),
        as_of_date: Some(on),
        percent: percent.to_owned(),
        shortfall: "设备未到".to_owned(),
    }))
}

fn cancelled(id: &str) -> pb::EventInput {
    let (project, milestone) = (PARK.to_owned(), id.to_owned());
    let reason = "合并建设".to_owned();
    on_look(event(Payload::MilestoneCancelled(pb::MilestoneCancelled { project, milestone, reason })))
}

/// Approval (weight 1) reached, groundbreaking (3) moved twice and reached, delivery (4) half done, operation (2) open.
async fn a_park_under_way(world: &World) -> pb::Receipt {
    let by_bureau = async |event| Box::pin(world.stored(&world.bureau, event)).await;
    by_bureau(planned("approval", pb::MilestoneType::Approval, date(2026, 1, 31), "")).await;
    by_bureau(planned("groundbreaking", pb::MilestoneType::Groundbreaking, date(2026, 3, 31), "3")).await;
    by_bureau(planned("delivery", pb::MilestoneType::Delivery, date(2026, 10, 31), "4")).await;
    by_bureau(planned("operation", pb::MilestoneType::Operation, date(2026, 12, 15), "2")).await;
    by_bureau(reached("approval", date(2026, 1, 20))).await;
    by_bureau(moved("groundbreaking", date(2026, 3, 31), date(2026, 5, 31))).await;
    by_bureau(moved("groundbreaking", date(2026, 5, 31), date(2026, 7, 31))).await;
    by_bureau(reached("groundbreaking", date(2026, 7, 15))).await;
    by_bureau(partially("delivery", date(2026, 11, 1), "50")).await
}

#[tokio::test]
async fn a_projects_completion_is_the_weighted_share_of_its_milestones() {
    let world = World::harbin().await;
    let last = a_park_under_way(&world).await;
    let project = world.project_at(PARK, seen(LOOK, last.position)).await;
    // (1 × 1 + 3 × 1 + 4 × 0.5 + 2 × 0) / 10
    assert_eq!((project.completion.as_str(), project.milestone_count, project.met_count), ("60.0", 4, 2));
    assert_eq!((project.overdue_count, project.next_due_date), (1, Some(date(2026, 10, 31))));
    assert_eq!(project.lead_agency, "science-bureau");
    let milestones: Vec<_> =
        project.milestones.iter().map(|one| (last_part(&one.name), one.status(), one.overdue)).collect();
    let expected = [
        ("approval", pb::MilestoneStatus::Met, false),
        ("groundbreaking", pb::MilestoneStatus::Met, false),
        ("delivery", pb::MilestoneStatus::PartiallyMet, true),
        ("operation", pb::MilestoneStatus::Scheduled, false),
    ];
    assert_eq!(milestones, expected.map(|(id, status, overdue)| (id.to_owned(), status, overdue)));
    assert_eq!(project.milestones.iter().map(|one| one.weight.as_str()).collect::<Vec<_>>(), ["1", "3", "4", "2"]);

    // Cancelled: it no longer counts in the weights.
    let cancelled = world.stored(&world.office, cancelled("operation")).await;
    let project = world.project_at(PARK, seen(LOOK, cancelled.position)).await;
    assert_eq!((project.completion.as_str(), project.milestone_count), ("75.0", 3));
    // A project nobody has planned anything for has no completion, which is not zero.
    let empty = world.project_at("hit-silicon-valley", seen(LOOK, 0)).await;
    assert_eq!((empty.completion.as_str(), empty.milestone_count, empty.next_due_date), ("", 0, None));
}

#[tokio::test]
async fn a_milestone_moved_twice_keeps_its_first_date_its_slip_and_its_whole_history() {
    let world = World::harbin().await;
    let last = a_park_under_way(&world).await;
    let project = world.project_at(PARK, seen(LOOK, last.position)).await;
    let moved = project.milestones.iter().find(|one| last_part(&one.name) == "groundbreaking").unwrap();
    assert_eq!((moved.original_due_date, moved.due_date), (Some(date(2026, 3, 31)), Some(date(2026, 7, 31))));
    assert_eq!((moved.reschedule_count, moved.slip_days), (2, 122));
    assert_eq!(moved.reach_date, Some(date(2026, 7, 15)));
    let changes: Vec<_> = moved.changes.iter().map(|one| (one.event_type.as_str(), one.date)).collect();
    let expected = [
        ("MilestonePlanned", Some(date(2026, 3, 31))),
        ("MilestoneRescheduled", Some(date(2026, 5, 31))),
        ("MilestoneRescheduled", Some(date(2026, 7, 31))),
        ("MilestoneReached", Some(date(2026, 7, 15))),
    ];
    assert_eq!(changes, expected);
    let second = moved.changes.get(2).unwrap();
    assert_eq!((second.previous_due_date, second.text.as_str()), (Some(date(2026, 5, 31)), "征地推迟"));
    assert!(moved.changes.iter().all(|one| one.agency == "science-bureau" && one.recorded_time.is_some()));

    // As known after the first move only.
    let after_first = moved.changes.get(1).unwrap().position;
    let project = world.project_at(PARK, known(LOOK, after_first)).await;
    let then = project.milestones.iter().find(|one| last_part(&one.name) == "groundbreaking").unwrap();
    assert_eq!((then.due_date, then.reschedule_count, then.slip_days), (Some(date(2026, 5, 31)), 1, 61));
    assert_eq!((then.status(), then.overdue), (pb::MilestoneStatus::Scheduled, true));
    // As it was on the day before it was reached.
    let project = world.project_at(PARK, seen(date(2026, 7, 14), last.position)).await;
    let then = project.milestones.iter().find(|one| last_part(&one.name) == "groundbreaking").unwrap();
    assert_eq!((then.status(), then.reach_date), (pb::MilestoneStatus::Scheduled, None));
}

#[tokio::test]
async fn the_states_of_a_milestone_refuse_what_does_not_fit() {
    let world = World::harbin().await;
    a_park_under_way(&world).await;
    let refused = async |event| world.refused(&world.bureau, event).await;
    assert_eq!(refused(moved("delivery", date(2026, 1, 1), date(2026, 12, 1))).await, "MILESTONE_STATE");
    assert_eq!(refused(reached("approval", date(2026, 2, 1))).await, "MILESTONE_STATE");
    assert_eq!(refused(reached("topping-out", date(2026, 2, 1))).await, "UNKNOWN_RESOURCE");
    assert_eq!(refused(reached("operation", date(2099, 1, 1))).await, "FUTURE_DATE");
    assert_eq!(refused(partially("operation", date(2026, 11, 1), "100")).await, "INVALID_FIELD");
    let twice = planned("approval", pb::MilestoneType::Approval, date(2026, 1, 31), "");
    assert_eq!(refused(twice).await, "ALREADY_DEFINED");
    let mut direction = planned("approval", pb::MilestoneType::Approval, date(2026, 1, 31), "");
    if let Some(Payload::MilestonePlanned(planned)) = &mut direction.payload {
        planned.project = "bio-vaccines".to_owned();
    }
    assert_eq!(refused(direction).await, "MILESTONE_STATE");
}

#[tokio::test]
async fn an_auditor_confirms_a_report_on_a_milestone_or_takes_it_back() {
    let world = World::harbin().await;
    let half = a_park_under_way(&world).await;
    let done = world.stored(&world.bureau, reached("delivery", date(2026, 11, 20))).await;
    let delivery = async |position| {
        let project = world.project_at(PARK, seen(LOOK, position)).await;
        let found = project.milestones.into_iter().find(|one| last_part(&one.name) == "delivery").unwrap();
        (found.status(), found.verified, found.percent)
    };
    assert_eq!(delivery(done.position).await, (pb::MilestoneStatus::Met, false, String::new()));
    let no = world.stored(&world.auditor, rejected(&done)).await;
    assert_eq!(delivery(no.position).await, (pb::MilestoneStatus::PartiallyMet, false, "50".to_owned()));
    let yes = world.stored(&world.auditor, accepted(&half)).await;
    assert_eq!(delivery(yes.position).await, (pb::MilestoneStatus::PartiallyMet, true, "50".to_owned()));
}

#[tokio::test]
async fn milestones_are_listed_by_due_date_and_filtered() {
    let world = World::harbin().await;
    let last = a_park_under_way(&world).await;
    let at = seen(LOOK, last.position);
    let expected = [
        ("", "approval groundbreaking delivery operation"),
        ("status = MET", "approval groundbreaking"),
        ("status != MET AND area = circle-hit", "delivery operation"),
        ("type = DELIVERY", "delivery"),
        ("due_date >= 2026-07-31 AND due_date < 2026-12-15", "groundbreaking delivery"),
        ("slipped = true", "groundbreaking"),
        ("project = aerospace-park AND slipped = false AND status = SCHEDULED", "operation"),
        ("project = hit-silicon-valley", ""),
    ];
    for (filter, names) in expected {
        let found = world.milestones(filter, at).await.unwrap();
        assert_eq!(found.join(" "), names, "{filter}");
    }
    let unknown = world.milestones("weight > 1", at).await.unwrap_err();
    assert_eq!(reason(&unknown), "BAD_FILTER");
    for field in ["area", "project", "status", "type", "due_date", "slipped"] {
        assert!(unknown.message().contains(field), "{field} in {}", unknown.message());
    }
    assert_eq!(reason(&world.milestones("due_date > 2026-02-30", at).await.unwrap_err()), "BAD_FILTER");

    // Of one project, page by page.
    let mut request = pb::ListMilestonesRequest {
        parent: format!("{PLAN}/projects/{PARK}"),
        page_size: 3,
        as_of: Some(at),
        ..Default::default()
    };
    let mut progress = world.bureau.progress.clone();
    let first = progress.list_milestones(request.clone()).await.unwrap().into_inner();
    request.page_token = first.next_page_token;
    let second = progress.list_milestones(request).await.unwrap().into_inner();
    assert_eq!((first.milestones.len(), second.milestones.len(), second.total_size), (3, 1, 4));
    assert!(second.next_page_token.is_empty() && second.milestones.iter().all(|one| one.changes.is_empty()));
}

#[tokio::test]
async fn the_overview_puts_the_worst_first_and_forgets_todos_that_are_done() {
    let world = World::harbin().await;
    let todo = async |position: u64, kind: &str| {
        let overview = world.overview(seen(LOOK, position)).await;
        overview.todos.into_iter().find(|todo| todo.kind == kind).unwrap()
    };
    let baselines = todo(0, "NO_BASELINE").await.count;
    let last = a_park_under_way(&world).await;
    let without = todo(last.position, "NO_MILESTONE").await;
    assert_eq!((without.count, without.names.contains(&world.name("projects/aerospace-park"))), (29, false));
    assert_eq!(todo(last.position, "UNASSIGNED").await.count, 0);

    let report = async |id: &str, on, value: &str| {
        let base = crate::progress_world::baseline("circle-heu", id, date(2021, 12, 31), "1");
        world.stored(&world.office, base).await;
        world.stored(&world.bureau, songhua_tests::stock("circle-heu", id, on, value)).await
    };
    report("carriers", date(2026, 9, 30), "8").await;
    report("tech-firms", date(2026, 9, 30), "20").await;
    let stale = report("platforms", date(2025, 12, 31), "15").await;
    let overview = world.overview(seen(LOOK, stale.position)).await;
    let attention: Vec<_> = overview.attention.iter().map(|one| (one.indicator.as_str(), one.status())).collect();
    let expected =
        [("tech-firms", pb::Status::FarBehind), ("carriers", pb::Status::Behind), ("platforms", pb::Status::Stale)];
    assert_eq!(attention, expected);
    assert_eq!(todo(stale.position, "NO_BASELINE").await.count, baselines - 3);
    assert_eq!(todo(stale.position, "NOT_REPORTED").await.count, 67);
    let heu = overview.areas.iter().find(|area| last_part(&area.name) == "circle-heu").unwrap();
    assert_eq!(heu.statuses.iter().map(|one| one.count).sum::<u32>(), 7);
}
