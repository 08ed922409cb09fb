//! ListVerifications: the queue, what left it, and the files beside events.

use jiff::civil::{Date, date};
use songhua_domain::event::{Evidence, MilestoneReached, MilestoneReopened};
use songhua_domain::vocabulary::{Basis, Reason};
use songhua_views::{EntryFigure, EntryKind, FactRow, MilestoneFact, Said, VerificationStep};
use songhua_wire::pb;
use songhua_wire::pb::progress_service_server::ProgressService;
use uuid::Uuid;

use super::fixture::{Figure, Fixture, ask, decimal, id, known, on, park, reason, recorded};

const PARENT: &str = "plans/harbin";

/// The event at a position.
fn event(position: u64) -> Uuid {
    Uuid::from_u128(u128::from(position))
}

/// A step, and what it does to the total of `indicator` in the city.
pub(super) fn step(fixture: &mut Fixture, day: Date, of: u64, indicator: &str, step: VerificationStep) -> u64 {
    fixture.open_day(day);
    let note = format!("{step:?}");
    fixture.fact(day, Some("checker"), Said::Verification { event: event(of), of, step, note });
    let kind = match step {
        VerificationStep::Requested => return fixture.head(),
        VerificationStep::Reopened => EntryKind::Reopened { of },
        VerificationStep::Accepted => EntryKind::Verified { of },
        VerificationStep::Rejected => EntryKind::Rejected { of },
    };
    let spoken = Figure::value(Basis::StockAt, date(2026, 6, 30), "0").saying(kind, EntryFigure::None);
    fixture.figure("city", indicator, spoken)
}

/// A figure of the city.
pub(super) fn report(fixture: &mut Fixture, day: Date, indicator: &str, value: &str) -> u64 {
    fixture.open_day(day);
    fixture.figure("city", indicator, Figure::value(Basis::StockAt, date(2026, 6, 30), value))
}

async fn list(fixture: &Fixture, request: pb::ListVerificationsRequest) -> pb::ListVerificationsResponse {
    let request = pb::ListVerificationsRequest { parent: PARENT.to_owned(), ..request };
    fixture.server.list_verifications(ask(request)).await.unwrap().into_inner()
}

/// `subject STATE days` of each.
async fn queue(fixture: &Fixture, filter: &str, as_of: Option<pb::AsOf>) -> Vec<String> {
    let request = pb::ListVerificationsRequest { filter: filter.to_owned(), as_of, ..Default::default() };
    let shown = |one: pb::VerificationItem| {
        let state = one.state().as_str_name().replace("VERIFICATION_STATE_", "");
        format!("{} {state} {}", one.subject.rsplit('/').next().unwrap(), one.days_waiting)
    };
    list(fixture, request).await.items.into_iter().map(shown).collect()
}

#[tokio::test]
async fn an_event_goes_through_the_queue_on_the_days_this_was_recorded() {
    use VerificationStep::{Accepted, Rejected, Reopened, Requested};
    let mut fixture = Fixture::published();
    let intensity = report(&mut fixture, date(2026, 7, 1), "intensity", "2.96");
    step(&mut fixture, date(2026, 7, 5), intensity, "intensity", Requested);
    step(&mut fixture, date(2026, 7, 10), intensity, "intensity", Accepted);
    step(&mut fixture, date(2026, 8, 1), intensity, "intensity", Reopened);
    let rejected = step(&mut fixture, date(2026, 9, 1), intensity, "intensity", Rejected);
    let only = "indicator = intensity";
    for (day, waiting, rest) in [
        // The headline before is verified.
        (date(2026, 6, 30), vec![], vec![]),
        (date(2026, 7, 4), vec!["intensity UNVERIFIED 3"], vec![]),
        (date(2026, 7, 9), vec!["intensity REQUESTED 4"], vec![]),
        (date(2026, 7, 10), vec![], vec!["intensity VERIFIED 0"]),
        (date(2026, 8, 31), vec!["intensity REOPENED 30"], vec![]),
        (date(2026, 9, 2), vec![], vec!["intensity REJECTED 1"]),
    ] {
        assert_eq!(queue(&fixture, only, on(day)).await, waiting, "{day}");
        for (state, shown) in [("VERIFIED", "VERIFIED"), ("REJECTED", "REJECTED")] {
            let decided = queue(&fixture, &format!("{only} AND state = {state}"), on(day)).await;
            let expected: Vec<_> = rest.iter().filter(|one| one.contains(shown)).copied().collect();
            assert_eq!(decided, expected, "{day} {state}");
        }
    }
    // As known before the rejection's entry, the figure still waits.
    let before = known(date(2026, 11, 23), rejected - 2);
    assert_eq!(queue(&fixture, only, before).await, ["intensity REOPENED 114"]);
    let note = "state = REJECTED".to_owned();
    let item =
        list(&fixture, pb::ListVerificationsRequest { filter: note, ..Default::default() }).await.items.remove(0);
    assert_eq!((item.note.as_str(), item.agency.as_str(), item.kind.as_str()), ("Rejected", "bureau", "MEASUREMENT"));
    assert_eq!(item.event_id, event(intensity).to_string());
}

#[tokio::test]
async fn what_waits_longest_comes_first_then_headlines_that_nobody_asked_about() {
    let mut fixture = Fixture::published();
    assert!(queue(&Fixture::empty(), "", None).await.is_empty());
    let output = report(&mut fixture, date(2026, 7, 1), "rival", "1");
    let intensity = report(&mut fixture, date(2026, 7, 2), "intensity", "2.98");
    step(&mut fixture, date(2026, 8, 1), intensity, "intensity", VerificationStep::Requested);
    step(&mut fixture, date(2026, 9, 1), output, "rival", VerificationStep::Requested);
    let all = queue(&fixture, "", None).await;
    assert_eq!(all[..2], ["intensity REQUESTED 114", "rival REQUESTED 83"]);
    let rest: Vec<_> = all[2..].iter().map(|one| one.split(' ').next().unwrap()).collect();
    assert_eq!(rest, ["output", "firms", "growth", "coverage"], "in the order they were sent");
    for (filter, expected) in [
        ("state = REQUESTED AND area = city", 2),
        ("state != UNVERIFIED AND state != VERIFIED", 2),
        ("kind = MILESTONE", 0),
        ("agency = bureau", 6),
        ("indicator = rival", 1),
        // All that counts, not only headlines: of 2025 all figures but the verified one, and two milestones.
        ("state = UNVERIFIED", 7),
        ("state = UNVERIFIED AND kind = MILESTONE", 2),
    ] {
        assert_eq!(queue(&fixture, filter, None).await.len(), expected, "{filter}");
    }
    let first = list(&fixture, pb::ListVerificationsRequest { page_size: 4, ..Default::default() }).await;
    assert_eq!((first.items.len(), first.total_size), (4, 6));
    let page_token = first.next_page_token;
    let rest = list(&fixture, pb::ListVerificationsRequest { page_size: 4, page_token, ..Default::default() }).await;
    assert_eq!((rest.items.len(), rest.next_page_token.as_str()), (2, ""));
    for filter in ["state = DONE", "kind = FIGURE"] {
        let request =
            pb::ListVerificationsRequest { parent: PARENT.to_owned(), filter: filter.to_owned(), ..Default::default() };
        assert_eq!(reason(fixture.server.list_verifications(ask(request)).await), Reason::BadFilter);
    }
}

#[tokio::test]
async fn what_was_corrected_since_waits_no_longer() {
    let mut fixture = Fixture::published();
    let intensity = report(&mut fixture, date(2026, 7, 1), "intensity", "2.96");
    step(&mut fixture, date(2026, 7, 5), intensity, "intensity", VerificationStep::Requested);
    assert_eq!(queue(&fixture, "state = REQUESTED", None).await.len(), 1);
    let corrected = Figure::value(Basis::StockAt, date(2026, 6, 30), "0");
    let corrected = corrected.saying(EntryKind::Corrected { of: intensity }, EntryFigure::Value(decimal("2.97")));
    fixture.figure("city", "intensity", corrected);
    assert!(queue(&fixture, "state = REQUESTED", None).await.is_empty());
    assert_eq!(queue(&fixture, "indicator = intensity", None).await, ["intensity UNVERIFIED 141"]);
}

#[tokio::test]
async fn of_a_milestones_reports_only_the_last_one_waits() {
    let mut fixture = Fixture::published();
    let ask_for = |fixture: &mut Fixture, of, step| {
        let note = String::new();
        fixture.fact(date(2026, 11, 2), None, Said::Verification { event: event(of), of, step, note })
    };
    fixture.open_day(date(2026, 11, 2));
    let (project, milestone, reach_date) = (park(), id("hall"), date(2026, 11, 1));
    let reached = MilestoneFact::Reached(MilestoneReached { project, milestone, reach_date });
    let reached = fixture.milestone("hall", reached);
    ask_for(&mut fixture, reached, VerificationStep::Requested);
    let request = pb::ListVerificationsRequest { filter: "state = REQUESTED".to_owned(), ..Default::default() };
    let [item] = <[_; 1]>::try_from(list(&fixture, request).await.items).unwrap();
    assert_eq!((item.kind.as_str(), item.step.as_str(), item.area.as_str()), ("MILESTONE", "MET", "circle-a"));
    assert_eq!(item.subject, "plans/harbin/projects/park/milestones/hall");
    assert_eq!(queue(&fixture, "state = UNVERIFIED AND kind = MILESTONE", None).await, ["ground UNVERIFIED 0"]);
    // Rejected, it brings the report before it back.
    ask_for(&mut fixture, reached, VerificationStep::Rejected);
    fixture.milestone("hall", MilestoneFact::Rejected { of: reached, reason: "no roof".to_owned() });
    let unasked = queue(&fixture, "state = UNVERIFIED AND kind = MILESTONE", None).await;
    assert_eq!(unasked, ["ground UNVERIFIED 0", "hall UNVERIFIED 0"]);
    assert_eq!(queue(&fixture, "state = REJECTED", None).await, ["hall REJECTED 21"]);
    let (project, milestone) = (park(), id("hall"));
    let reopened = MilestoneReopened { project, milestone, reason: "again".to_owned() };
    fixture.milestone("hall", MilestoneFact::Reopened(reopened));
    let unasked = queue(&fixture, "state = UNVERIFIED AND kind = MILESTONE", None).await;
    assert_eq!(unasked, ["ground UNVERIFIED 0"]);
}

#[tokio::test]
async fn an_item_shows_its_files_and_which_were_withdrawn() {
    let mut fixture = Fixture::published();
    let file = |byte| Evidence {
        sha256: [byte; 32],
        media_type: "application/pdf".to_owned(),
        title: format!("file {byte}"),
        locator: String::new(),
    };
    let intensity = report(&mut fixture, date(2026, 7, 1), "intensity", "2.96");
    // The fixture's facts are events of their own: they come as attachments, one with the figure itself.
    let day = date(2026, 7, 1);
    let files = |files| Said::Evidence { event: event(intensity), files };
    let first = fixture.fact(day, Some("bureau"), files(vec![file(1), file(2)]));
    let second = fixture.apply(|batch, position| {
        let row = FactRow {
            recorded_time_us: recorded(position).as_microsecond(),
            recorded_day: Some(day),
            effective: None,
            agency: Some(id("bureau")),
            event_id: event(intensity),
            said: files(vec![file(1), file(3)]),
        };
        batch.fact(position, &row).unwrap();
    });
    fixture.open_day(date(2026, 8, 1));
    let reason = "wrong scan".to_owned();
    let withdrawn = Said::EvidenceWithdrawn { event: event(first), sha256: [1; 32], reason };
    let withdrawn = fixture.fact(date(2026, 8, 1), Some("bureau"), withdrawn);
    let reason = "of another year".to_owned();
    let own = Said::EvidenceWithdrawn { event: event(intensity), sha256: [3; 32], reason };
    let own = fixture.fact(date(2026, 8, 1), Some("bureau"), own);
    let evidence = |as_of| {
        let filter = "indicator = intensity".to_owned();
        let request = pb::ListVerificationsRequest { parent: PARENT.to_owned(), filter, as_of, ..Default::default() };
        let server = std::sync::Arc::clone(&fixture.server);
        async move {
            let item = server.list_verifications(ask(request)).await.unwrap().into_inner().items.remove(0);
            let shown = |one: &pb::EvidenceState| {
                (one.evidence.as_ref().unwrap().sha256[0], one.position, one.withdrawn_by, one.reason.clone())
            };
            item.evidence.iter().map(shown).collect::<Vec<_>>()
        }
    };
    let none = String::new;
    let all = [(1, first, 0, none()), (2, first, 0, none()), (1, second, 0, none()), (3, second, 0, none())];
    assert_eq!(evidence(on(date(2026, 7, 31))).await, all);
    assert_eq!(evidence(known(date(2026, 11, 23), withdrawn - 1)).await, all);
    assert_eq!(evidence(known(date(2026, 11, 23), first)).await, all[..2]);
    let after = [
        (1, first, withdrawn, "wrong scan".to_owned()),
        (2, first, 0, none()),
        (1, second, 0, none()),
        (3, second, own, "of another year".to_owned()),
    ];
    assert_eq!(evidence(None).await, after);
}
