//! GetAgency, and the ledgers of agencies.

use jiff::civil::{Date, date};
use songhua_domain::event::{
    AgencyAssigned, AgencyRegistered, AgencyRenamed, AgencySucceeded, ProgressNoteRecorded, ReminderIssued, Scope,
    TargetDecomposed, TaskShare,
};
use songhua_domain::vocabulary::{AssignmentRole, Basis, Reason};
use songhua_views::{EntryFigure, EntryKind, MilestoneFact, Said, VerificationStep};
use songhua_wire::pb;
use songhua_wire::pb::progress_service_server::ProgressService;

use super::fixture::{Figure, Fixture, ask, decimal, id, known, name, on, park, reason};
use super::supervisions::{close, issue};
use super::verifications::{report, step};

const DAY: Date = date(2026, 11, 2);

async fn get(fixture: &Fixture, agency: &str, as_of: Option<pb::AsOf>) -> pb::GetAgencyResponse {
    let request = pb::GetAgencyRequest { name: format!("plans/harbin/agencies/{agency}"), as_of, ..Default::default() };
    fixture.server.get_agency(ask(request)).await.unwrap().into_inner()
}

async fn ledger(fixture: &Fixture, agency: &str, as_of: Option<pb::AsOf>) -> pb::AgencyLedger {
    get(fixture, agency, as_of).await.agency.unwrap().ledger.unwrap()
}

fn remind(fixture: &mut Fixture, day: Date, words: &str) -> u64 {
    let (agency, scope, message) = (id("bureau"), Scope::Plan, words.to_owned());
    fixture.open_day(day);
    fixture.fact(day, None, Said::Reminder(ReminderIssued { agency, scope, period: Some(id("y2025")), message }))
}

/// Its project and one more target; something of every board on its account.
fn busy() -> Fixture {
    let mut fixture = Fixture::published();
    for scope in [Scope::Project(park()), Scope::Target(id("circle-b"), id("firms"))] {
        fixture.define(AgencyAssigned { agency: id("bureau"), role: AssignmentRole::Lead, scope });
    }
    let share = |agency: &str, value: &str| TaskShare {
        agency: id(agency),
        dimension: "_T".to_owned(),
        due_date: date(2026, 6, 30),
        value: decimal(value),
    };
    let tasks = vec![share("bureau", "2.9"), share("office", "3")];
    let (area, indicator, note) = (id("city"), id("intensity"), String::new());
    fixture.define(TargetDecomposed { area, indicator, tasks, note });
    issue(&mut fixture, date(2026, 7, 1), "permits", Scope::Project(park()), date(2026, 8, 31));
    issue(&mut fixture, date(2026, 7, 2), "figures", Scope::Plan, date(2026, 12, 31));
    issue(&mut fixture, date(2026, 7, 3), "closed", Scope::Plan, date(2026, 7, 31));
    close(&mut fixture, date(2026, 9, 1), "closed");
    remind(&mut fixture, date(2026, 9, 2), "first");
    remind(&mut fixture, DAY, "second");
    let (progress, problems) = ("half way".to_owned(), String::new());
    let note = ProgressNoteRecorded {
        scope: Scope::Project(park()),
        as_of: DAY,
        progress,
        next_steps: problems.clone(),
        problems,
    };
    fixture.fact(DAY, Some("bureau"), Said::Note(note));
    fixture
}

#[tokio::test]
async fn an_agencys_account_holds_what_each_board_says_of_it() {
    let fixture = busy();
    let account = get(&fixture, "bureau", None).await;
    let ledger = account.agency.unwrap().ledger.unwrap();
    assert_eq!((ledger.target_count, ledger.due_count, ledger.overdue_count), (2, 0, 1));
    assert_eq!(ledger.statuses.iter().map(|status| status.count).sum::<u32>(), 2);
    assert_eq!(ledger.unverified_count, 0, "that of intensity is verified, and firms has none");
    // Of park: hall reached in part and overdue, opening to come.
    assert_eq!((ledger.milestone_count, ledger.milestone_overdue_count), (2, 1));
    assert_eq!((ledger.supervision_open_count, ledger.supervision_overdue_count), (2, 1));
    assert_eq!(ledger.reminder_count, 2);

    let [duty] = <[_; 1]>::try_from(account.duties).unwrap();
    assert_eq!((duty.area.as_str(), duty.indicator.as_str(), duty.reminder_count), ("circle-b", "firms", 2));
    let [task] = <[_; 1]>::try_from(account.tasks).unwrap();
    assert_eq!((task.target.as_str(), task.actual.as_str()), ("plans/harbin/areas/city/targets/intensity", "2.97"));
    let open: Vec<_> = account.milestones.iter().map(|item| item.bucket()).collect();
    assert_eq!(open, [pb::DueBucket::Overdue, pb::DueBucket::Due30]);
    let matters: Vec<_> = account.supervisions.iter().map(|matter| matter.demand.as_str()).collect();
    assert_eq!(matters, ["finish permits", "finish figures", "finish closed"]);
    let reminders: Vec<_> =
        account.reminders.iter().map(|one| (one.message.as_str(), one.agency.as_str(), one.period.as_str())).collect();
    assert_eq!(reminders, [("second", "bureau", "y2025"), ("first", "bureau", "y2025")]);
    assert_eq!(account.notes.len(), 1);
    assert_eq!(account.state.unwrap().known_position, fixture.head());
}

#[tokio::test]
async fn the_account_is_that_of_the_day_and_of_what_was_known() {
    let fixture = busy();
    let then = ledger(&fixture, "bureau", on(date(2026, 8, 31))).await;
    assert_eq!((then.supervision_open_count, then.supervision_overdue_count, then.reminder_count), (3, 1, 0));
    let early = get(&fixture, "bureau", known(date(2026, 11, 23), fixture.published)).await;
    let ledger = early.agency.unwrap().ledger.unwrap();
    assert_eq!((ledger.target_count, ledger.milestone_count, ledger.supervision_open_count), (1, 0, 0));
    assert!(early.tasks.is_empty() && early.notes.is_empty() && early.reminders.is_empty());
    let nobody = pb::GetAgencyRequest { name: "plans/harbin/agencies/nobody".to_owned(), ..Default::default() };
    assert_eq!(reason(fixture.server.get_agency(ask(nobody)).await), Reason::ResourceNotFound);
    let wrong = pb::GetAgencyRequest { name: "plans/harbin/areas/city".to_owned(), ..Default::default() };
    assert_eq!(reason(fixture.server.get_agency(ask(wrong)).await), Reason::InvalidField);
}

#[tokio::test]
async fn a_figure_that_is_due_is_not_overdue_before_its_day() {
    let mut fixture = Fixture::published();
    let scope = Scope::Target(id("circle-b"), id("firms"));
    fixture.define(AgencyRegistered { agency: id("office"), name: name("office"), uscc: String::new() });
    fixture.define(AgencyAssigned { agency: id("office"), role: AssignmentRole::Lead, scope });
    let counts = |ledger: pb::AgencyLedger| (ledger.due_count, ledger.overdue_count);
    // 31 December 2025 + 120 + 30 days = 30 May 2026; before, that of 2024 is late already.
    fixture.figure("circle-b", "firms", Figure::value(Basis::StockAt, date(2024, 12, 31), "5"));
    for (day, expected) in [
        (date(2025, 12, 30), (0, 0)),
        (date(2025, 12, 31), (1, 0)),
        (date(2026, 5, 30), (1, 0)),
        (date(2026, 5, 31), (0, 1)),
    ] {
        assert_eq!(counts(ledger(&fixture, "office", on(day)).await), expected, "{day}");
    }
    let nothing = Figure::period(date(2025, 1, 1), date(2025, 12, 31), "0");
    fixture.figure("circle-b", "firms", nothing.saying(EntryKind::Nothing, EntryFigure::None));
    assert_eq!(counts(ledger(&fixture, "office", None).await), (0, 0), "it said that there is nothing");
}

#[tokio::test]
async fn corrections_and_rejections_are_counted_on_the_day_they_were_recorded() {
    let mut fixture = Fixture::published();
    // The fixture corrects one.
    let start = fixture.head();
    let first = report(&mut fixture, date(2026, 7, 1), "coverage", "96");
    step(&mut fixture, date(2026, 8, 1), first, "coverage", VerificationStep::Rejected);
    let second = report(&mut fixture, date(2026, 8, 2), "coverage", "97");
    let spoken = || Figure::value(Basis::StockAt, date(2026, 6, 30), "0");
    fixture.open_day(date(2026, 8, 3));
    let revised = spoken().saying(EntryKind::Revised { of: second }, EntryFigure::Value(decimal("98")));
    let third = fixture.figure("city", "coverage", revised);
    fixture.figure("city", "coverage", spoken().saying(EntryKind::Retracted { of: third }, EntryFigure::None));
    // A report on a milestone, rejected: reports on it are in no series. One that stands before it.
    let note = String::new();
    fixture.milestone("opening", reached_opening());
    let reached = fixture.milestone("opening", reached_opening());
    let event = uuid::Uuid::from_u128(u128::from(reached));
    fixture.open_day(DAY);
    fixture.milestone("opening", MilestoneFact::Rejected { of: reached, reason: note.clone() });
    fixture.fact(DAY, None, Said::Verification { event, of: reached, step: VerificationStep::Rejected, note });
    let counts = |ledger: pb::AgencyLedger| (ledger.correction_count, ledger.rejected_count);
    for (as_of, expected) in [
        (known(date(2026, 11, 23), start), (1, 0)),
        (on(date(2026, 7, 31)), (1, 0)),
        (on(date(2026, 8, 1)), (1, 1)),
        (on(date(2026, 8, 3)), (2, 1)),
        (None, (2, 2)),
    ] {
        assert_eq!(counts(ledger(&fixture, "bureau", as_of).await), expected, "{as_of:?}");
    }
}

fn reached_opening() -> MilestoneFact {
    let (project, milestone, reach_date) = (park(), id("opening"), date(2026, 8, 1));
    MilestoneFact::Reached(songhua_domain::event::MilestoneReached { project, milestone, reach_date })
}

#[tokio::test]
async fn the_account_of_an_agency_that_ended_is_its_successors() {
    let mut fixture = busy();
    let before = fixture.head();
    let of_bureau = ledger(&fixture, "bureau", None).await;
    fixture.define(AgencyRegistered { agency: id("office"), name: name("office"), uscc: String::new() });
    let reason = "merged".to_owned();
    let renamed =
        AgencyRenamed { agency: id("office"), name: name("big office"), uscc: String::new(), reason: reason.clone() };
    fixture.define(renamed);
    fixture.define(AgencySucceeded { agency: id("bureau"), successor: id("office"), reason });

    let ended = get(&fixture, "bureau", None).await;
    let agency = ended.agency.unwrap();
    assert_eq!((agency.succeeded_by.as_str(), agency.assignments.len()), ("office", 0));
    let empty = pb::AgencyLedger { statuses: agency.ledger.clone().unwrap().statuses, ..Default::default() };
    assert!(empty.statuses.iter().all(|status| status.count == 0));
    assert_eq!(agency.ledger, Some(empty));
    assert!(ended.duties.is_empty() && ended.supervisions.is_empty() && ended.reminders.is_empty());

    let successor = get(&fixture, "office", None).await;
    let agency = successor.agency.unwrap();
    assert_eq!((agency.ledger.as_ref(), agency.succeeded_by.as_str()), (Some(&of_bureau), ""));
    let former: Vec<_> = agency.former_names.iter().map(|name| name.en.as_str()).collect();
    assert_eq!((former, agency.display_name.unwrap().en.as_str()), (vec!["office"], "big office"));
    // Its own part and the one it took over.
    assert_eq!((successor.tasks.len(), successor.supervisions.len(), successor.notes.len()), (2, 3, 1));
    assert_eq!(ledger(&fixture, "bureau", known(date(2026, 11, 23), before)).await, of_bureau);
}

async fn list(fixture: &Fixture, request: pb::ListAgenciesRequest) -> pb::ListAgenciesResponse {
    let request = pb::ListAgenciesRequest { parent: "plans/harbin".to_owned(), ..request };
    fixture.server.list_agencies(ask(request)).await.unwrap().into_inner()
}

#[tokio::test]
async fn the_list_of_agencies_shows_the_same_ledgers_on_each_page() {
    let mut fixture = busy();
    fixture.define(AgencyRegistered { agency: id("office"), name: name("office"), uscc: String::new() });
    fixture.define(AgencyAssigned { agency: id("office"), role: AssignmentRole::Lead, scope: Scope::Area(id("city")) });
    let mut page_token = String::new();
    for agency in ["bureau", "office"] {
        let page = list(&fixture, pb::ListAgenciesRequest { page_size: 1, page_token, ..Default::default() }).await;
        let account = get(&fixture, agency, None).await.agency;
        assert!(account.as_ref().unwrap().ledger.as_ref().unwrap().target_count > 0, "{agency}");
        assert_eq!((page.agencies.first(), page.total_size), (account.as_ref(), 2));
        page_token = page.next_page_token;
    }
    assert_eq!(page_token, "");
}

#[tokio::test]
async fn the_basic_view_is_the_agency_without_its_account() {
    let fixture = busy();
    let basic = pb::AgencyView::Basic.into();
    let full = get(&fixture, "bureau", None).await;
    let without = pb::Agency { ledger: None, ..full.agency.unwrap() };
    assert!(!without.assignments.is_empty() && !without.reportable_targets.is_empty());
    let of = |view| pb::GetAgencyRequest { name: "plans/harbin/agencies/bureau".to_owned(), as_of: None, view };
    let answer = fixture.server.get_agency(ask(of(basic))).await.unwrap().into_inner();
    let agency = Some(without.clone());
    assert_eq!(answer, pb::GetAgencyResponse { agency, state: full.state, ..Default::default() });
    let listed = list(&fixture, pb::ListAgenciesRequest { view: basic, ..Default::default() }).await;
    assert_eq!(listed.agencies, [without]);
    assert_eq!(reason(fixture.server.get_agency(ask(of(7))).await), Reason::InvalidField);

    // A token of one view goes with no other.
    let mut fixture = fixture;
    fixture.define(AgencyRegistered { agency: id("office"), name: name("office"), uscc: String::new() });
    let page = pb::ListAgenciesRequest { view: basic, page_size: 1, ..Default::default() };
    let page_token = list(&fixture, page).await.next_page_token;
    let parent = "plans/harbin".to_owned();
    let other = pb::ListAgenciesRequest { parent, page_size: 1, page_token, ..Default::default() };
    assert_eq!(reason(fixture.server.list_agencies(ask(other)).await), Reason::BadPageToken);
}
