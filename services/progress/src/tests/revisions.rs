//! ListRevisions: what was changed afterwards, of figures and of what was defined.

use jiff::civil::date;
use songhua_domain::vocabulary::{Basis, Reason};
use songhua_views::{EntryFigure, EntryKind, Revised, Said};
use songhua_wire::pb;
use songhua_wire::pb::progress_service_server::ProgressService;

use super::fixture::{Figure, Fixture, ask, decimal, id, known, on, reason};

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
