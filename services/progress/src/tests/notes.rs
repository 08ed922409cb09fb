//! ListProgressNotes, the last note beside targets and projects, and the status of projects.

use jiff::civil::{Date, date};
use songhua_domain::event::{ProgressNoteRecorded, ProjectStatusChanged, Scope};
use songhua_domain::vocabulary::{ProjectStatus, Reason};
use songhua_views::{FactRow, Said};
use songhua_wire::pb;
use songhua_wire::pb::progress_service_server::ProgressService;
use uuid::Uuid;

use super::fixture::{Fixture, ask, id, known, on, park, reason, recorded};

const PARENT: &str = "plans/harbin";

/// A note that says its own name.
fn note(fixture: &mut Fixture, agency: &str, scope: Scope, as_of: Date, progress: &str) -> u64 {
    let (problems, next_steps) = (String::new(), String::new());
    let note = ProgressNoteRecorded { scope, as_of, progress: progress.to_owned(), problems, next_steps };
    fixture.fact(date(2026, 11, 1), Some(agency), Said::Note(note))
}

fn target() -> Scope {
    Scope::Target(id("city"), id("intensity"))
}

/// Notes of different days, in another order; tells the position of the one of `may`.
fn noted(fixture: &mut Fixture) -> u64 {
    note(fixture, "bureau", target(), date(2026, 6, 30), "june");
    note(fixture, "bureau", Scope::Indicator(id("intensity")), date(2026, 8, 31), "august");
    note(fixture, "office", Scope::Area(id("city")), date(2026, 9, 1), "city");
    let may = note(fixture, "office", Scope::Project(id("hall")), date(2026, 5, 1), "may");
    note(fixture, "bureau", target(), date(2026, 6, 30), "june again");
    note(fixture, "office", Scope::Plan, date(2026, 1, 1), "plan");
    may
}

async fn list(fixture: &Fixture, request: pb::ListProgressNotesRequest) -> pb::ListProgressNotesResponse {
    let request = pb::ListProgressNotesRequest { parent: PARENT.to_owned(), ..request };
    fixture.server.list_progress_notes(ask(request)).await.unwrap().into_inner()
}

async fn notes(fixture: &Fixture, filter: &str, as_of: Option<pb::AsOf>) -> Vec<String> {
    let request = pb::ListProgressNotesRequest { filter: filter.to_owned(), as_of, ..Default::default() };
    list(fixture, request).await.notes.into_iter().map(|note| note.progress).collect()
}

#[tokio::test]
async fn notes_are_listed_newest_first_by_the_day_they_speak_of() {
    let mut fixture = Fixture::published();
    assert!(notes(&fixture, "", None).await.is_empty());
    let may = noted(&mut fixture);
    for (filter, expected) in [
        ("", vec!["city", "august", "june again", "june", "may", "plan"]),
        ("area = city", vec!["city", "june again", "june"]),
        ("area = circle-a", vec!["may"]),
        ("indicator = intensity", vec!["august", "june again", "june"]),
        ("project = hall", vec!["may"]),
        ("agency = office AND as_of_date >= 2026-05-01", vec!["city", "may"]),
        ("agency = nobody", vec![]),
    ] {
        assert_eq!(notes(&fixture, filter, None).await, expected, "{filter}");
    }
    assert_eq!(notes(&fixture, "", on(date(2026, 6, 30))).await, ["june again", "june", "may", "plan"]);
    assert_eq!(notes(&fixture, "", on(date(2026, 6, 29))).await, ["may", "plan"]);
    assert_eq!(notes(&fixture, "", known(date(2026, 6, 30), may)).await, ["june", "may"]);
    assert_eq!(notes(&fixture, "", known(date(2026, 12, 1), may - 1)).await, ["city", "august", "june"]);
    let wrong = pb::ListProgressNotesRequest {
        parent: PARENT.to_owned(),
        filter: "scope = x".to_owned(),
        ..Default::default()
    };
    assert_eq!(reason(fixture.server.list_progress_notes(ask(wrong)).await), Reason::BadFilter);
}

#[tokio::test]
async fn notes_come_in_pages_with_who_said_what_about_what() {
    let mut fixture = Fixture::published();
    let may = noted(&mut fixture);
    let first = list(&fixture, pb::ListProgressNotesRequest { page_size: 4, ..Default::default() }).await;
    assert_eq!((first.notes.len(), first.total_size), (4, 6));
    let page_token = first.next_page_token;
    let rest = list(&fixture, pb::ListProgressNotesRequest { page_size: 4, page_token, ..Default::default() }).await;
    let [of_hall, _] = <[_; 2]>::try_from(rest.notes).unwrap();
    assert_eq!((of_hall.position, of_hall.agency.as_str()), (may, "office"));
    assert_eq!(of_hall.scope, Some((&Scope::Project(id("hall"))).into()));
    assert_eq!(of_hall.agency_name, None, "the office is no agency of this plan");
    let of_bureau =
        list(&fixture, pb::ListProgressNotesRequest { filter: "agency = bureau".to_owned(), ..Default::default() });
    assert_eq!(of_bureau.await.notes[0].agency_name.as_ref().unwrap().zh, "bureau名");
}

#[tokio::test]
async fn a_target_and_a_project_show_the_newest_note_that_speaks_of_them() {
    let mut fixture = Fixture::published();
    let may = noted(&mut fixture);
    let before = fixture.head();
    let of_target = |fixture: &Fixture, as_of| {
        let request = pb::GetCircleRequest { name: format!("{PARENT}/areas/city"), as_of };
        let server = std::sync::Arc::clone(&fixture.server);
        async move {
            let circle = server.get_circle(ask(request)).await.unwrap().into_inner().circle.unwrap();
            let target = circle.targets.into_iter().find(|target| target.indicator == "intensity").unwrap();
            target.last_note.map(|note| note.progress).unwrap_or_default()
        }
    };
    assert_eq!(of_target(&fixture, None).await, "august");
    assert_eq!(of_target(&fixture, on(date(2026, 8, 30))).await, "june again");
    assert_eq!(of_target(&fixture, known(date(2026, 8, 30), may)).await, "june");
    assert_eq!(of_target(&fixture, on(date(2026, 6, 29))).await, "", "notes on the plan are on no target");
    // A project shows what was said of one that was merged into it.
    note(&mut fixture, "office", Scope::Project(park()), date(2026, 4, 1), "april");
    let of_project = |project: &str, position| {
        let name = format!("{PARENT}/projects/{project}");
        let as_of = known(date(2026, 11, 23), position);
        let request = pb::GetProjectRequest { name, as_of };
        let server = std::sync::Arc::clone(&fixture.server);
        async move {
            let project = server.get_project(ask(request)).await.unwrap().into_inner().project.unwrap();
            project.last_note.map(|note| note.progress).unwrap_or_default()
        }
    };
    assert_eq!(of_project("park", before).await, "may");
    assert_eq!(of_project("park", fixture.head()).await, "may");
    assert_eq!(of_project("park", may - 1).await, "");
    assert_eq!(of_project("lab", before).await, "");
}

#[tokio::test]
async fn a_projects_status_holds_from_its_effective_date_whenever_it_came() {
    let mut fixture = Fixture::published();
    let mut status = |status, effective| {
        let reason = "decided".to_owned();
        fixture.apply(|batch, position| {
            let row = FactRow {
                recorded_time_us: recorded(position).as_microsecond(),
                recorded_day: Some(date(2026, 11, 1)),
                effective: Some(effective),
                agency: None,
                event_id: Uuid::from_u128(u128::from(position)),
                said: Said::ProjectStatus(ProjectStatusChanged { project: park(), status, reason }),
            };
            batch.fact(position, &row).unwrap();
        })
    };
    status(ProjectStatus::Implementation, date(2024, 1, 1));
    let third = status(ProjectStatus::Suspended, date(2026, 3, 1));
    // Said later, holds from an earlier day.
    let fourth = status(ProjectStatus::Preparation, date(2023, 1, 1));
    let last = status(ProjectStatus::Identification, date(2024, 1, 1));
    for (day, position, expected) in [
        (date(2022, 12, 31), last, pb::ProjectStatus::Unspecified),
        (date(2023, 1, 1), last, pb::ProjectStatus::Preparation),
        (date(2023, 1, 1), third, pb::ProjectStatus::Unspecified),
        (date(2024, 1, 1), fourth, pb::ProjectStatus::Implementation),
        (date(2024, 1, 1), last, pb::ProjectStatus::Identification),
        (date(2026, 3, 1), last, pb::ProjectStatus::Suspended),
        (date(2026, 3, 1), third - 1, pb::ProjectStatus::Implementation),
    ] {
        let name = format!("{PARENT}/projects/park");
        let request = pb::GetProjectRequest { name, as_of: known(day, position) };
        let project = fixture.server.get_project(ask(request)).await.unwrap().into_inner().project.unwrap();
        assert_eq!(project.status(), expected, "{day} as known at {position}");
    }
}

#[tokio::test]
async fn a_milestone_that_was_moved_counts_as_slipped_from_the_day_it_was_moved() {
    let fixture = Fixture::published();
    for (day, expected) in [(date(2026, 11, 23), 1), (date(2026, 1, 1), 0)] {
        let request = pb::GetProjectRequest { name: format!("{PARENT}/projects/park"), as_of: on(day) };
        let project = fixture.server.get_project(ask(request)).await.unwrap().into_inner().project.unwrap();
        assert_eq!(project.slipped_count, expected, "{day}");
    }
}
