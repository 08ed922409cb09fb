//! ListRevisions: what was changed afterwards, of figures and of what was defined.

use jiff::civil::{Date, date};
use songhua_domain::event::{
    MilestoneCancelled, MilestonePartiallyReached, MilestoneReached, MilestoneReopened, ProjectStatusChanged,
};
use songhua_domain::id::MilestoneId;
use songhua_domain::vocabulary::{Basis, ProjectStatus, Reason};
use songhua_views::{EntryFigure, EntryKind, FactRow, MilestoneFact, MilestoneRow, Revised, Said, ViewBatch};
use songhua_wire::pb;
use songhua_wire::pb::progress_service_server::ProgressService;
use uuid::Uuid;

use super::fixture::{Figure, Fixture, ask, decimal, id, known, on, park, reason, recorded};

const PARENT: &str = "plans/harbin";

async fn list(fixture: &Fixture, request: pb::ListRevisionsRequest) -> pb::ListRevisionsResponse {
    let request = pb::ListRevisionsRequest { parent: PARENT.to_owned(), ..request };
    fixture.server.list_revisions(ask(request)).await.unwrap().into_inner()
}

/// `type: before → after` of each.
async fn revisions(fixture: &Fixture, filter: &str, as_of: Option<pb::AsOf>) -> Vec<String> {
    let request = pb::ListRevisionsRequest { filter: filter.to_owned(), as_of, ..Default::default() };
    let shown = |one: pb::Revision| format!("{}: {} → {}", one.event_type, one.before, one.after);
    list(fixture, request).await.revisions.into_iter().map(shown).collect()
}

/// Changes on three days of 2026; tells the position of the rejection, the last of 1 September.
fn revised(fixture: &mut Fixture) -> u64 {
    let end = date(2025, 12, 31);
    let firms = |value: &str| Figure::value(Basis::StockAt, end, value);
    fixture.open_day(date(2026, 7, 1));
    let first = fixture.figure("circle-b", "firms", firms("12"));
    let value = |text: &str| EntryFigure::Value(decimal(text));
    let second =
        fixture.figure("circle-b", "firms", firms("0").saying(EntryKind::Revised { of: first }, value("13.0")));
    let moved = Revised {
        event_type: "milestone.rescheduled".to_owned(),
        subject: "projects/park/milestones/hall".to_owned(),
        area: Some(id("circle-a")),
        indicator: None,
        before: "2026-06-30".to_owned(),
        after: "2026-09-30".to_owned(),
        reason: "late permits".to_owned(),
    };
    fixture.fact(date(2026, 7, 1), Some("bureau"), Said::Revision(Box::new(moved)));
    fixture.open_day(date(2026, 9, 1));
    fixture.figure("circle-b", "firms", firms("0").saying(EntryKind::Verified { of: second }, EntryFigure::None));
    fixture.figure("circle-b", "firms", firms("0").saying(EntryKind::Reopened { of: second }, EntryFigure::None));
    let rejected = firms("0").saying(EntryKind::Rejected { of: second }, EntryFigure::None);
    let rejected = fixture.figure("circle-b", "firms", rejected);
    fixture.open_day(date(2026, 11, 1));
    let title = Revised {
        event_type: "plan.revised".to_owned(),
        subject: String::new(),
        area: None,
        indicator: None,
        before: "2026-12-31".to_owned(),
        after: "2027-12-31".to_owned(),
        reason: "extended".to_owned(),
    };
    fixture.fact(date(2026, 11, 1), None, Said::Revision(Box::new(title)));
    rejected
}

const CORRECTED: &str = "measurement.corrected: 60 → 62.0";
const REVISED: &str = "measurement.revised: 12 → 13.0";
const MOVED: &str = "milestone.rescheduled: 2026-06-30 → 2026-09-30";
const REOPENED: &str = "verification.reopened: 13.0 → 13.0";
const REJECTED: &str = "verification.rejected: 13.0 → ";
const EXTENDED: &str = "plan.revised: 2026-12-31 → 2027-12-31";

#[tokio::test]
async fn revisions_are_listed_newest_first_from_the_day_they_were_recorded() {
    assert!(revisions(&Fixture::empty(), "", None).await.is_empty());
    let mut fixture = Fixture::published();
    assert_eq!(revisions(&fixture, "", None).await, [CORRECTED]);
    let rejected = revised(&mut fixture);
    for (as_of, expected) in [
        (None, vec![EXTENDED, REJECTED, REOPENED, MOVED, REVISED, CORRECTED]),
        (on(date(2026, 10, 31)), vec![REJECTED, REOPENED, MOVED, REVISED, CORRECTED]),
        (on(date(2026, 8, 31)), vec![MOVED, REVISED, CORRECTED]),
        (on(date(2026, 6, 30)), vec![CORRECTED]),
        (known(date(2026, 11, 23), rejected), vec![REJECTED, REOPENED, MOVED, REVISED, CORRECTED]),
        (known(date(2026, 11, 23), rejected - 1), vec![REOPENED, MOVED, REVISED, CORRECTED]),
        (known(date(2026, 8, 31), rejected), vec![MOVED, REVISED, CORRECTED]),
    ] {
        assert_eq!(revisions(&fixture, "", as_of).await, expected, "{as_of:?}");
    }
}

#[tokio::test]
async fn revisions_are_filtered_by_what_they_are_about() {
    let mut fixture = Fixture::published();
    revised(&mut fixture);
    for (filter, expected) in [
        ("area = circle-b", vec![REJECTED, REOPENED, REVISED]),
        ("area = circle-a", vec![MOVED]),
        ("indicator = output", vec![CORRECTED]),
        ("indicator != output", vec![EXTENDED, REJECTED, REOPENED, MOVED, REVISED]),
        ("type = measurement.revised", vec![REVISED]),
        ("agency != bureau", vec![EXTENDED]),
    ] {
        assert_eq!(revisions(&fixture, filter, None).await, expected, "{filter}");
    }
    let wrong = pb::ListRevisionsRequest {
        parent: PARENT.to_owned(),
        filter: "type = measurement.reported".to_owned(),
        ..Default::default()
    };
    assert_eq!(reason(fixture.server.list_revisions(ask(wrong)).await), Reason::BadFilter);
}

/// A revision without words of its own, and the event that it is of.
fn said(
    fixture: &mut Fixture,
    (event_type, subject, after): (&str, &str, &str),
    effective: Option<Date>,
    also: impl FnOnce(&mut ViewBatch<'_>, u64, FactRow),
) -> u64 {
    let revised = Revised {
        event_type: event_type.to_owned(),
        subject: subject.to_owned(),
        area: Some(id("circle-a")),
        indicator: None,
        before: String::new(),
        after: after.to_owned(),
        reason: String::new(),
    };
    fixture.apply(|batch, position| {
        let row = FactRow {
            recorded_time_us: recorded(position).as_microsecond(),
            recorded_day: batch.day(),
            effective,
            agency: None,
            event_id: Uuid::from_u128(u128::from(position)),
            said: Said::Revision(Box::new(revised)),
        };
        batch.fact(position, &row).unwrap();
        also(batch, position, row);
    })
}

/// Something that happened to milestone `ground`, and that revises.
fn moved(fixture: &mut Fixture, event_type: &str, fact: MilestoneFact) -> u64 {
    let subject = "projects/park/milestones/ground";
    said(fixture, (event_type, subject, ""), None, |batch, position, row| {
        let FactRow { recorded_time_us, effective, agency, event_id, .. } = row;
        let row = MilestoneRow { fact, recorded_time_us, effective, agency, event_id };
        batch.milestone(&park(), &id("ground"), position, &row).unwrap();
    })
}

#[tokio::test]
async fn a_revision_of_a_milestone_says_its_status_just_before_and_since() {
    let mut fixture = Fixture::published();
    let (project, milestone, reason) = (park(), id("ground"), String::new());
    fixture.open_day(date(2026, 11, 1));
    let reopened = MilestoneReopened { project: project.clone(), milestone, reason: reason.clone() };
    let first = moved(&mut fixture, "milestone.reopened", MilestoneFact::Reopened(reopened));
    let milestone: MilestoneId = id("ground");
    let part = MilestonePartiallyReached {
        project: project.clone(),
        milestone: milestone.clone(),
        as_of: date(2026, 11, 1),
        percent: decimal("50"),
        shortfall: String::new(),
    };
    fixture.milestone("ground", MilestoneFact::PartiallyReached(part));
    let reached =
        MilestoneReached { project: project.clone(), milestone: milestone.clone(), reach_date: date(2026, 11, 2) };
    let of = fixture.milestone("ground", MilestoneFact::Reached(reached));
    fixture.milestone("ground", MilestoneFact::Verified { of, finding: String::new() });
    let again = MilestoneFact::VerificationReopened { of, reason: reason.clone() };
    moved(&mut fixture, "verification.reopened", again);
    let rejected = moved(&mut fixture, "verification.rejected", MilestoneFact::Rejected { of, reason: reason.clone() });
    let cancelled = MilestoneCancelled { project, milestone, reason };
    moved(&mut fixture, "milestone.cancelled", MilestoneFact::Cancelled(cancelled));
    let expected = [
        "milestone.cancelled: PARTIALLY_MET → CANCELLED",
        "verification.rejected: MET → PARTIALLY_MET",
        "verification.reopened: MET → MET",
        "milestone.reopened: MET → SCHEDULED",
    ];
    assert_eq!(revisions(&fixture, "area = circle-a", None).await, expected);
    let then = known(date(2026, 11, 23), rejected);
    assert_eq!(revisions(&fixture, "area = circle-a", then).await, expected[1..], "as it was shown then");
    let then = known(date(2026, 11, 23), first);
    assert_eq!(revisions(&fixture, "area = circle-a", then).await, expected[3..]);
}

#[tokio::test]
async fn a_revision_of_a_project_says_its_status_before_on_the_day_from_which_it_holds() {
    let mut fixture = Fixture::published();
    for (status, day) in [
        (ProjectStatus::Suspended, date(2026, 6, 1)),
        (ProjectStatus::Cancelled, date(2026, 9, 1)),
        // Recorded later, of a day between.
        (ProjectStatus::Implementation, date(2026, 7, 1)),
    ] {
        let said_of = ("project.status-changed", "projects/park", status.code());
        said(&mut fixture, said_of, Some(day), |batch, position, row| {
            let changed = ProjectStatusChanged { project: park(), status, reason: String::new() };
            batch.fact(position, &FactRow { said: Said::ProjectStatus(changed), ..row }).unwrap();
        });
    }
    assert_eq!(
        revisions(&fixture, "type = project.status-changed", None).await,
        [
            "project.status-changed: SUSPENDED → IMPLEMENTATION",
            "project.status-changed: SUSPENDED → CANCELLED",
            "project.status-changed:  → SUSPENDED",
        ]
    );
}

/// All pages of a list, each of `page_size`; `between` is done after each.
async fn pages(
    fixture: &mut Fixture,
    filter: &str,
    page_size: i32,
    mut between: impl FnMut(&mut Fixture),
) -> (Vec<u64>, Vec<u32>) {
    let (mut page_token, mut positions, mut totals) = (String::new(), Vec::new(), Vec::new());
    loop {
        let filter = filter.to_owned();
        let request = pb::ListRevisionsRequest { page_size, page_token, filter, ..Default::default() };
        let page = list(fixture, request).await;
        assert!(page.revisions.len() <= page_size as usize);
        positions.extend(page.revisions.iter().map(|one| one.position));
        totals.push(page.total_size);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return (positions, totals);
        }
        assert_eq!(page.revisions.len(), page_size as usize, "only the last page is not full");
        between(fixture);
    }
}

#[tokio::test]
async fn pages_of_any_size_are_the_whole_list_as_it_was_when_the_first_was_read() {
    let mut fixture = Fixture::published();
    revised(&mut fixture);
    for filter in [
        "",
        "area = circle-b",
        "area != circle-b",
        "type = measurement.revised",
        "type != measurement.revised AND area = circle-b",
        "agency = bureau",
        "agency != bureau",
        "agency = nobody",
    ] {
        let (whole, totals) = pages(&mut fixture, filter, 1_000, |_| ()).await;
        assert_eq!(totals, [whole.len() as u32], "{filter}");
        for size in 1..=whole.len() as i32 + 1 {
            let (found, totals) = pages(&mut fixture, filter, size, |_| ()).await;
            assert_eq!(found, whole, "{filter}, by {size}");
            assert!(totals.iter().all(|total| *total == whole.len() as u32), "{filter}, by {size}: {totals:?}");
        }
    }
    let (whole, _) = pages(&mut fixture, "", 1_000, |_| ()).await;
    let (found, totals) = pages(&mut fixture, "", 2, |fixture| {
        revised(fixture);
    })
    .await;
    assert_eq!((found, totals), (whole, vec![6; 3]), "what is recorded meanwhile is on no page");
}

#[tokio::test]
async fn revisions_come_in_pages_with_words_and_the_figure_they_change() {
    let mut fixture = Fixture::published();
    revised(&mut fixture);
    let first = list(&fixture, pb::ListRevisionsRequest { page_size: 5, ..Default::default() }).await;
    assert_eq!((first.revisions.len(), first.total_size), (5, 6));
    let page_token = first.next_page_token;
    let rest = list(&fixture, pb::ListRevisionsRequest { page_size: 5, page_token, ..Default::default() }).await;
    let [corrected] = <[_; 1]>::try_from(rest.revisions).unwrap();
    assert_eq!(corrected.event_label.as_ref().unwrap().zh, "更正");
    assert_eq!(corrected.subject, "plans/harbin/areas/city/targets/output");
    assert_eq!((corrected.dimension.as_str(), corrected.basis()), ("_T", pb::Basis::Period));
    assert!(corrected.period.unwrap().start.is_some());
    let [extended, _, _, moved, _] = <[_; 5]>::try_from(first.revisions).unwrap();
    assert_eq!((extended.subject.as_str(), extended.agency.as_str()), ("plans/harbin", ""));
    assert_eq!(moved.subject, "plans/harbin/projects/park/milestones/hall");
    assert_eq!((moved.reason.as_str(), moved.period), ("late permits", None));
}
