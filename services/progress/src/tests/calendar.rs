//! GetCalendar: milestones by due date, projects by completion.

use jiff::civil::{Date, date};
use songhua_domain::event::{MilestonePlanned, MilestoneRescheduled};
use songhua_domain::vocabulary::{MilestoneType, Reason};
use songhua_views::MilestoneFact;
use songhua_wire::pb;
use songhua_wire::pb::DueBucket::{self, Cancelled, Due30, Due90, Later, Met, Overdue};
use songhua_wire::pb::progress_service_server::ProgressService;

use super::fixture::{Fixture, ask, decimal, id, known, last, name, on, park, reason};

fn request() -> pb::GetCalendarRequest {
    pb::GetCalendarRequest { name: "plans/harbin".to_owned(), ..Default::default() }
}

async fn calendar(fixture: &Fixture, request: pb::GetCalendarRequest) -> pb::GetCalendarResponse {
    fixture.server.get_calendar(ask(request)).await.unwrap().into_inner()
}

/// Milestone, bucket, days to its due date.
fn items(calendar: &pb::GetCalendarResponse) -> Vec<(&str, DueBucket, i32)> {
    let shown = |item: &pb::CalendarItem| (item.bucket(), item.days_to_due);
    let names = calendar.items.iter().map(|item| last(&item.milestone.as_ref().unwrap().name));
    names.zip(calendar.items.iter().map(shown)).map(|(name, (bucket, days))| (name, bucket, days)).collect()
}

/// Project, completion.
fn projects(calendar: &pb::GetCalendarResponse) -> Vec<(&str, &str)> {
    calendar.projects.iter().map(|project| (last(&project.name), project.completion.as_str())).collect()
}

fn plan_milestone(fixture: &mut Fixture, milestone: &str, due_date: Date) {
    let planned = MilestonePlanned {
        project: park(),
        milestone: id(milestone),
        milestone_type: MilestoneType::Delivery,
        title: name(milestone),
        due_date,
        weight: decimal("1"),
    };
    fixture.milestone(milestone, MilestoneFact::Planned(planned));
}

#[tokio::test]
async fn milestones_stand_by_due_date_each_in_its_bucket() {
    let mut fixture = Fixture::published();
    for (milestone, due) in [
        ("today", date(2026, 11, 23)),
        ("day-30", date(2026, 12, 23)),
        ("day-31", date(2026, 12, 24)),
        ("day-90", date(2027, 2, 21)),
        ("day-91", date(2027, 2, 22)),
    ] {
        plan_milestone(&mut fixture, milestone, due);
    }
    let calendar = calendar(&fixture, request()).await;
    let expected = [
        ("ground", Met, -1242),
        ("canteen", Cancelled, -145),
        ("hall", Overdue, -54),
        ("today", Due30, 0),
        ("opening", Due30, 27),
        ("day-30", Due30, 30),
        ("day-31", Due90, 31),
        ("day-90", Due90, 90),
        ("day-91", Later, 91),
    ];
    assert_eq!(items(&calendar), expected);
    let counts: Vec<_> = calendar.buckets.iter().map(|one| (one.bucket(), one.count)).collect();
    assert_eq!(counts, [(Overdue, 1), (Due30, 3), (Due90, 2), (Later, 1), (Met, 1), (Cancelled, 1)]);
    let first = &calendar.items[0];
    assert_eq!(first.project, "plans/harbin/projects/park");
    assert_eq!((first.project_name.as_ref().unwrap().zh.as_str(), first.lead_agency.as_str()), ("park名", ""));
}

#[tokio::test]
async fn slips_are_summed_up_without_what_was_cancelled() {
    let mut fixture = Fixture::published();
    let slips =
        |calendar: &pb::GetCalendarResponse| (calendar.slipped_count, calendar.slip_days, calendar.reschedule_count);
    assert_eq!(slips(&calendar(&fixture, request()).await), (1, 92, 1));
    let before = fixture.head();
    for (milestone, from, to) in [
        ("hall", date(2026, 9, 30), date(2026, 10, 10)),
        ("canteen", date(2026, 7, 1), date(2026, 8, 1)),
        // Moved forward.
        ("opening", date(2026, 12, 20), date(2026, 12, 15)),
    ] {
        let (project, milestone_id, reason) = (park(), id(milestone), "late".to_owned());
        let moved =
            MilestoneRescheduled { project, milestone: milestone_id, previous_due_date: from, due_date: to, reason };
        fixture.milestone(milestone, MilestoneFact::Rescheduled(moved));
    }
    let now = calendar(&fixture, request()).await;
    // One is late, one was brought forward: the days are added up with their signs.
    assert_eq!((slips(&now), now.projects[0].slipped_count), ((1, 97, 3), 1));
    let days: Vec<_> = now.items.iter().map(|item| item.milestone.as_ref().unwrap().slip_days).collect();
    assert_eq!(days, [0, 31, 102, -5]);
    // Moved back to where it was at first.
    let (project, milestone, reason) = (park(), id("hall"), "caught up".to_owned());
    let (previous_due_date, due_date) = (date(2026, 10, 10), date(2026, 6, 30));
    let moved = MilestoneRescheduled { project, milestone, previous_due_date, due_date, reason };
    fixture.milestone("hall", MilestoneFact::Rescheduled(moved));
    assert_eq!(slips(&calendar(&fixture, request()).await), (0, -5, 4));
    let then = pb::GetCalendarRequest { as_of: known(date(2026, 11, 23), before), ..request() };
    assert_eq!(slips(&calendar(&fixture, then).await), (1, 92, 1));
}

#[tokio::test]
async fn projects_that_go_on_stand_least_complete_first() {
    let fixture = Fixture::published();
    let all = calendar(&fixture, request()).await;
    assert_eq!(projects(&all), [("park", "50.0"), ("lab", "")]);
    assert_eq!((all.without_milestone_count, all.projects[0].milestones.len()), (1, 0));
    // One that is asked for is shown, whatever it is; so is one that was merged.
    for (project, count) in [("park", 4), ("vaccine", 0), ("hall", 0)] {
        let one = pb::GetCalendarRequest { name: format!("plans/harbin/projects/{project}"), ..request() };
        let one = calendar(&fixture, one).await;
        assert_eq!((projects(&one)[0].0, one.projects.len(), one.items.len()), (project, 1, count));
    }
}

#[tokio::test]
async fn a_calendar_is_of_one_area_if_one_is_named() {
    let fixture = Fixture::published();
    for (area, count) in [("circle-a", 4), ("circle-b", 0)] {
        let area = pb::GetCalendarRequest { area: area.to_owned(), ..request() };
        let of_area = calendar(&fixture, area).await;
        assert_eq!((of_area.items.len(), of_area.projects.is_empty()), (count, count == 0));
    }
    let table = [
        (pb::GetCalendarRequest { area: "moon".to_owned(), ..request() }, Reason::UnknownResource),
        (pb::GetCalendarRequest { area: "No Id".to_owned(), ..request() }, Reason::InvalidField),
        (
            pb::GetCalendarRequest { name: "plans/harbin/projects/moon".to_owned(), ..request() },
            Reason::ResourceNotFound,
        ),
        (pb::GetCalendarRequest { name: "plans/harbin/areas/city".to_owned(), ..request() }, Reason::InvalidField),
    ];
    for (request, expected) in table {
        assert_eq!(reason(fixture.server.get_calendar(ask(request)).await), expected);
    }
}

#[tokio::test]
async fn another_day_sees_another_calendar_and_earlier_knowledge_too() {
    let fixture = Fixture::published();
    let early = calendar(&fixture, pb::GetCalendarRequest { as_of: on(date(2023, 6, 14)), ..request() }).await;
    // Neither reached, nor moved, nor cancelled yet.
    let expected = [("ground", Due30, 16), ("hall", Later, 1112), ("canteen", Later, 1113), ("opening", Later, 1285)];
    assert_eq!(items(&early), expected);
    assert_eq!((early.slipped_count, projects(&early)), (0, vec![("park", "0.0"), ("lab", "")]));
    let unplanned = pb::GetCalendarRequest { as_of: known(date(2026, 11, 23), fixture.published), ..request() };
    let unplanned = calendar(&fixture, unplanned).await;
    assert_eq!((unplanned.items.len(), unplanned.without_milestone_count), (0, 2));
    let empty = calendar(&Fixture::empty(), request()).await;
    assert_eq!((empty.items.len(), empty.projects.len(), empty.buckets.len()), (0, 0, 6));
}
