//! ListSupervisions: from the letter to its closing.

use jiff::civil::{Date, date};
use songhua_domain::event::{
    AgencyRegistered, AgencySucceeded, Scope, SupervisionAnswered, SupervisionClosed, SupervisionIssued,
};
use songhua_domain::vocabulary::{Reason, SupervisionOutcome};
use songhua_views::Said;
use songhua_wire::pb;
use songhua_wire::pb::progress_service_server::ProgressService;

use super::fixture::{Fixture, ask, id, known, name, on, park, reason};

const PARENT: &str = "plans/harbin";

pub(super) fn issue(fixture: &mut Fixture, day: Date, matter: &str, scope: Scope, due_date: Date) -> u64 {
    let issued = SupervisionIssued {
        supervision: id(matter),
        agency: id("bureau"),
        scope,
        demand: format!("finish {matter}"),
        due_date,
        document: "督办函〔2026〕1号".to_owned(),
    };
    fixture.open_day(day);
    fixture.fact(day, None, Said::SupervisionIssued(issued))
}

fn answer(fixture: &mut Fixture, day: Date, matter: &str, answer: &str) -> u64 {
    let said = SupervisionAnswered { supervision: id(matter), answer: answer.to_owned() };
    fixture.open_day(day);
    fixture.fact(day, Some("bureau"), Said::SupervisionAnswered(said))
}

pub(super) fn close(fixture: &mut Fixture, day: Date, matter: &str) -> u64 {
    let (outcome, finding) = (SupervisionOutcome::Rectified, "looked at".to_owned());
    fixture.open_day(day);
    fixture.fact(day, None, Said::SupervisionClosed(SupervisionClosed { supervision: id(matter), outcome, finding }))
}

async fn list(fixture: &Fixture, request: pb::ListSupervisionsRequest) -> pb::ListSupervisionsResponse {
    let request = pb::ListSupervisionsRequest { parent: PARENT.to_owned(), ..request };
    fixture.server.list_supervisions(ask(request)).await.unwrap().into_inner()
}

/// `id STATUS days overdue` of each.
async fn matters(fixture: &Fixture, filter: &str, as_of: Option<pb::AsOf>) -> Vec<String> {
    let request = pb::ListSupervisionsRequest { filter: filter.to_owned(), as_of, ..Default::default() };
    let shown = |one: pb::Supervision| {
        let status = one.status().as_str_name().replace("SUPERVISION_STATUS_", "");
        format!("{} {status} {}", one.name.rsplit('/').next().unwrap(), one.days_overdue)
    };
    list(fixture, request).await.supervisions.into_iter().map(shown).collect()
}

/// Three matters in 2026; the last is closed on 10 September.
fn supervised(fixture: &mut Fixture) -> u64 {
    issue(fixture, date(2026, 7, 1), "permits", Scope::Project(park()), date(2026, 8, 31));
    issue(fixture, date(2026, 7, 2), "figures", Scope::Target(id("city"), id("intensity")), date(2026, 7, 31));
    answer(fixture, date(2026, 8, 15), "permits", "half done");
    issue(fixture, date(2026, 9, 1), "plan", Scope::Plan, date(2026, 12, 31));
    answer(fixture, date(2026, 9, 5), "permits", "done");
    close(fixture, date(2026, 9, 10), "permits")
}

#[tokio::test]
async fn a_matter_is_issued_answered_and_closed_on_the_days_these_were_recorded() {
    let mut fixture = Fixture::published();
    assert!(matters(&fixture, "", None).await.is_empty());
    let closed = supervised(&mut fixture);
    for (day, expected) in [
        (date(2026, 6, 30), vec![]),
        (date(2026, 7, 1), vec!["permits ISSUED 0"]),
        (date(2026, 8, 1), vec!["figures ISSUED 1", "permits ISSUED 0"]),
        (date(2026, 8, 15), vec!["figures ISSUED 15", "permits ANSWERED 0"]),
        (date(2026, 9, 9), vec!["figures ISSUED 40", "permits ANSWERED 9", "plan ISSUED 0"]),
        (date(2026, 9, 10), vec!["figures ISSUED 41", "plan ISSUED 0", "permits CLOSED 0"]),
        (date(2026, 11, 23), vec!["figures ISSUED 115", "plan ISSUED 0", "permits CLOSED 0"]),
    ] {
        assert_eq!(matters(&fixture, "", on(day)).await, expected, "{day}");
    }
    let before = known(date(2026, 9, 10), closed - 1);
    assert_eq!(matters(&fixture, "", before).await, ["figures ISSUED 41", "permits ANSWERED 10", "plan ISSUED 0"]);
}

#[tokio::test]
async fn matters_are_filtered_and_come_in_pages() {
    let mut fixture = Fixture::published();
    supervised(&mut fixture);
    for (filter, expected) in [
        ("status = CLOSED", vec!["permits CLOSED 0"]),
        ("status != CLOSED AND overdue = false", vec!["plan ISSUED 0"]),
        ("overdue = true", vec!["figures ISSUED 115"]),
        ("area = circle-a", vec!["permits CLOSED 0"]),
        ("area = city", vec!["figures ISSUED 115"]),
        ("agency = office", vec![]),
    ] {
        assert_eq!(matters(&fixture, filter, None).await, expected, "{filter}");
    }
    let first = list(&fixture, pb::ListSupervisionsRequest { page_size: 2, ..Default::default() }).await;
    assert_eq!((first.supervisions.len(), first.total_size), (2, 3));
    let page_token = first.next_page_token;
    let rest = list(&fixture, pb::ListSupervisionsRequest { page_size: 2, page_token, ..Default::default() }).await;
    let [permits] = <[_; 1]>::try_from(rest.supervisions).unwrap();
    let answers: Vec<_> = permits.answers.iter().map(|one| (one.agency.as_str(), one.answer.as_str())).collect();
    assert_eq!(answers, [("bureau", "half done"), ("bureau", "done")]);
    assert_eq!((permits.outcome(), permits.finding.as_str()), (pb::SupervisionOutcome::Rectified, "looked at"));
    assert_eq!((permits.demand.as_str(), permits.document.as_str()), ("finish permits", "督办函〔2026〕1号"));
    let (issued, closed) = (permits.issued_time.unwrap(), permits.closed_time.unwrap());
    assert!(issued.seconds < closed.seconds && permits.issued_by.is_empty());
    let wrong = pb::ListSupervisionsRequest {
        parent: PARENT.to_owned(),
        filter: "status = DONE".to_owned(),
        ..Default::default()
    };
    assert_eq!(reason(fixture.server.list_supervisions(ask(wrong)).await), Reason::BadFilter);
}

#[tokio::test]
async fn what_an_agency_that_ended_had_to_do_is_its_successors() {
    let mut fixture = Fixture::published();
    supervised(&mut fixture);
    let before = fixture.head();
    fixture.define(AgencyRegistered { agency: id("office"), name: name("office"), uscc: String::new() });
    let reason = "merged".to_owned();
    fixture.define(AgencySucceeded { agency: id("bureau"), successor: id("office"), reason });
    assert_eq!(matters(&fixture, "agency = office", None).await.len(), 3);
    assert_eq!(matters(&fixture, "agency = bureau", None).await.len(), 0);
    let then = known(date(2026, 11, 23), before);
    assert_eq!(matters(&fixture, "agency = bureau", then).await.len(), 3);
    let first = list(&fixture, pb::ListSupervisionsRequest::default()).await.supervisions.remove(0);
    assert_eq!((first.agency.as_str(), first.agency_name.unwrap().zh.as_str()), ("office", "office名"));
}
