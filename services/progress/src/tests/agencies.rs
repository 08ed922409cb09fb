//! ListAgencies: what each assignment lets an agency report. That ingest takes just this is tested end to end.

use jiff::civil::date;
use songhua_domain::event::{AgencyAssigned, AgencyRegistered, Scope};
use songhua_domain::vocabulary::AssignmentRole::{self, Lead, Responsible, Supervising};
use songhua_domain::vocabulary::Reason;
use songhua_wire::pb;
use songhua_wire::pb::progress_service_server::ProgressService;
use songhua_wire::time::date_to_pb;

use super::fixture::{Fixture, ask, id, name, park, reason};

/// Targets that take figures; the one for brand is assessed.
const ALL: &str = "city/intensity city/output circle-a/firms circle-a/growth city/coverage circle-b/firms";

async fn agencies(fixture: &Fixture, request: pb::ListAgenciesRequest) -> pb::ListAgenciesResponse {
    let request = pb::ListAgenciesRequest { parent: "plans/harbin".to_owned(), ..request };
    fixture.server.list_agencies(ask(request)).await.unwrap().into_inner()
}

async fn agency(fixture: &Fixture, agency: &str) -> pb::Agency {
    let request = pb::ListAgenciesRequest { filter: format!("agency = {agency}"), ..Default::default() };
    let [agency] = <[_; 1]>::try_from(agencies(fixture, request).await.agencies).unwrap();
    agency
}

/// `area/indicator`, `*` where the agency reports the headline; then the projects.
async fn reports(fixture: &Fixture, id: &str) -> (String, String) {
    let agency = agency(fixture, id).await;
    let target = |target: &pb::ReportableTarget| {
        let name = target.name.strip_prefix("plans/harbin/areas/").unwrap().replace("targets/", "");
        if target.headline { format!("{name}*") } else { name }
    };
    let targets: Vec<_> = agency.reportable_targets.iter().map(target).collect();
    let projects: Vec<_> =
        agency.reportable_projects.iter().map(|name| name.strip_prefix("plans/harbin/projects/").unwrap()).collect();
    (targets.join(" "), projects.join(" "))
}

fn assign(fixture: &mut Fixture, agency: &str, role: AssignmentRole, scope: Scope) {
    fixture.define(AgencyAssigned { agency: id(agency), role, scope });
}

#[tokio::test]
async fn an_agency_reports_what_its_assignments_cover_and_the_headline_where_it_leads() {
    let target = || Scope::Target(id("circle-a"), id("firms"));
    let led = |targets: &str| targets.split(' ').map(|one| format!("{one}*")).collect::<Vec<_>>().join(" ");
    let table = [
        (Responsible, Scope::Plan, ALL.to_owned(), "lab park"),
        // The bureau leads a narrower scope.
        (Lead, Scope::Plan, led(ALL).replacen("intensity*", "intensity", 1), "lab park"),
        (Lead, Scope::Area(id("circle-a")), led("circle-a/firms circle-a/growth"), "lab park"),
        (Responsible, Scope::Area(id("city")), "city/intensity city/output city/coverage".to_owned(), ""),
        (Lead, Scope::Indicator(id("firms")), led("circle-a/firms circle-b/firms"), ""),
        (Lead, Scope::Indicator(id("brand")), String::new(), ""),
        (Responsible, target(), "circle-a/firms".to_owned(), ""),
        (Lead, target(), led("circle-a/firms"), ""),
        (Responsible, Scope::Project(park()), String::new(), "park"),
        (Responsible, Scope::Project(id("hall")), String::new(), ""),
        (Responsible, Scope::Project(id("vaccine")), String::new(), ""),
        (Supervising, Scope::Plan, String::new(), ""),
    ];
    for (role, scope, targets, projects) in table {
        let mut fixture = Fixture::published();
        fixture.define(AgencyRegistered { agency: id("office"), name: name("office"), uscc: String::new() });
        assign(&mut fixture, "office", role, scope.clone());
        let expected = (targets, projects.to_owned());
        assert_eq!(reports(&fixture, "office").await, expected, "{role:?} {scope:?}");
    }
}

#[tokio::test]
async fn a_narrower_lead_takes_the_headline_and_the_wider_one_keeps_the_dimensions() {
    let mut fixture = Fixture::published();
    assert_eq!(reports(&fixture, "bureau").await, ("city/intensity*".to_owned(), String::new()));
    let before = fixture.head();
    fixture.define(AgencyRegistered { agency: id("office"), name: name("office"), uscc: String::new() });
    assign(&mut fixture, "office", Lead, Scope::Target(id("city"), id("intensity")));
    assert_eq!(reports(&fixture, "bureau").await.0, "city/intensity");
    assert_eq!(reports(&fixture, "office").await.0, "city/intensity*");
    // As known before, nothing had changed, and the office was not there.
    let as_of = Some(pb::AsOf { known: Some(pb::as_of::Known::KnownPosition(before)), ..Default::default() });
    let then = agencies(&fixture, pb::ListAgenciesRequest { as_of, ..Default::default() }).await;
    assert_eq!((then.total_size, then.agencies[0].reportable_targets[0].headline), (1, true));
}

#[tokio::test]
async fn a_retired_indicator_is_not_reported_from_that_day_on() {
    let mut fixture = Fixture::published();
    assign(&mut fixture, "bureau", Lead, Scope::Indicator(id("firms")));
    fixture.retire("firms", date(2026, 7, 1));
    for (day, reportable) in [(date(2026, 6, 30), 3), (date(2026, 7, 1), 1)] {
        let as_of = Some(pb::AsOf { valid_date: Some(date_to_pb(day)), ..Default::default() });
        let answer = agencies(&fixture, pb::ListAgenciesRequest { as_of, ..Default::default() }).await;
        assert_eq!(answer.agencies[0].reportable_targets.len(), reportable, "{day}");
    }
}

#[tokio::test]
async fn assignments_stand_in_their_order_and_agencies_come_in_pages() {
    let mut fixture = Fixture::published();
    for agency in ["zoo", "archive"] {
        fixture.define(AgencyRegistered { agency: id(agency), name: name(agency), uscc: String::new() });
    }
    for (role, scope) in [(Supervising, Scope::Plan), (Lead, Scope::Area(id("city"))), (Responsible, Scope::Plan)] {
        assign(&mut fixture, "zoo", role, scope);
    }
    let zoo = agency(&fixture, "zoo").await;
    let roles: Vec<_> = zoo.assignments.iter().map(pb::AgencyAssigned::role).collect();
    use pb::AssignmentRole as Role;
    assert_eq!(roles, [Role::Supervising, Role::Lead, Role::Responsible]);
    assert_eq!((zoo.name.as_str(), zoo.display_name.unwrap().zh.as_str()), ("plans/harbin/agencies/zoo", "zoo名"));

    let page = |page_token: &str| pb::ListAgenciesRequest {
        page_size: 2,
        page_token: page_token.to_owned(),
        ..Default::default()
    };
    let first = agencies(&fixture, page("")).await;
    let second = agencies(&fixture, page(&first.next_page_token)).await;
    let names: Vec<_> = first.agencies.iter().chain(&second.agencies).map(|agency| agency.name.as_str()).collect();
    let expected = ["plans/harbin/agencies/archive", "plans/harbin/agencies/bureau", "plans/harbin/agencies/zoo"];
    assert_eq!((names.as_slice(), first.total_size), (&expected[..], 3));
    let wrong = pb::ListAgenciesRequest {
        parent: "plans/harbin".to_owned(),
        filter: "role = LEAD".to_owned(),
        ..Default::default()
    };
    assert_eq!(reason(fixture.server.list_agencies(ask(wrong)).await), Reason::BadFilter);
}
