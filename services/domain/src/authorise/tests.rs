//! Who may send what, by name.

use jiff::civil::date;

use crate::decide::tests::support::*;
use crate::event::*;
use crate::vocabulary::*;

const OUT: Reason = Reason::OutOfScope;
const ROLE: Reason = Reason::RoleNotAllowed;
const OWN: Reason = Reason::SelfVerification;

fn labs() -> MeasurementReported {
    figure("labs", Basis::StockAt, ReferencePeriod::AsOf(date(2025, 6, 1)), "3")
}

fn of_songbei() -> MeasurementReported {
    MeasurementReported { dimension: "district=songbei".into(), ..labs() }
}

#[test]
fn a_reader_sends_nothing() {
    let mut world = World::published();
    let event = world.ok(&agency("bureau"), labs());
    let sent: [(Payload, &str); 6] = [
        (registered("new").into(), "agency_registered"),
        (milestone("park", "m").into(), "milestone_planned"),
        (labs().into(), "measurement_reported"),
        (corrected(event, "4").into(), "measurement_corrected"),
        (accepted(event).into(), "verification_accepted"),
        (assessed("国内领先").into(), "qualitative_assessment_recorded"),
    ];
    for (payload, field) in sent {
        world.refused(&reader(), payload, ROLE, field);
    }
}

#[test]
fn definitions_come_from_the_plan_office_alone() {
    let mut world = World::published();
    for actor in [agency("bureau"), auditor()] {
        world.refused(&actor, registered("new"), ROLE, "agency_registered");
        let lead = assignment("bureau", AssignmentRole::Supervising, Scope::Plan);
        world.refused(&actor, lead, ROLE, "agency_assigned");
    }
}

#[test]
fn the_plan_office_and_the_auditor_report_no_figures_and_no_milestones() {
    let mut world = World::published();
    world.ok(&office(), milestone("park", "m"));
    for actor in [office(), auditor(), server()] {
        world.refused(&actor, labs(), ROLE, "measurement_reported");
        let day = date(2025, 4, 1);
        world.refused(&actor, reached("park", "m", day), ROLE, "milestone_reached");
    }
}

#[test]
fn the_server_is_known_by_its_name_role_and_missing_credential() {
    let mut world = World::published();
    let day = DayOpened { date: TODAY };
    for actor in [
        Actor { credential_digest: [1; 32], ..server() },
        Actor { principal: "office-1".into(), ..server() },
        Actor { role: Role::Auditor, ..server() },
    ] {
        world.refused(&actor, day.clone(), Reason::ServerOnly, "day_opened");
    }
    world.ok(&server(), day);
}

#[test]
fn the_headline_comes_from_the_lead_and_dimensions_from_who_is_responsible_too() {
    let mut world = World::published();
    let message = world.refused(&agency("district"), labs(), OUT, "measurement_reported");
    assert!(message.contains("district") && message.contains("areas/city/targets/labs"), "{message}");
    world.refused(&agency("stranger"), of_songbei(), OUT, "measurement_reported");
    world.refused(&agency("inspectors"), of_songbei(), OUT, "measurement_reported");
    world.ok(&agency("district"), of_songbei());
    world.ok(&agency("bureau"), labs());
    let harbour = MeasurementReported { dimension: "district=daoli".into(), ..labs() };
    world.ok(&agency("bureau"), harbour);
}

#[test]
fn a_narrower_lead_takes_the_headline_over() {
    let mut world = World::published();
    let scope = Scope::Target(id("city"), id("labs"));
    world.ok(&office(), assignment("stranger", AssignmentRole::Lead, scope));
    world.refused(&agency("bureau"), labs(), OUT, "measurement_reported");
    let event = world.ok(&agency("stranger"), labs());
    world.refused(&agency("bureau"), corrected(event, "4"), OUT, "measurement_corrected");
    let correction = world.ok(&agency("stranger"), corrected(event, "4"));
    world.refused(&agency("bureau"), retracted(correction), OUT, "measurement_retracted");
    world.ok(&agency("stranger"), retracted(correction));
}

#[test]
fn a_scope_covers_its_own_targets_and_projects_only() {
    let mut world = World::published();
    world.ok(&office(), registered("circle-office"));
    world.ok(&office(), assignment("circle-office", AssignmentRole::Responsible, Scope::Area(id("circle"))));
    let circle = agency("circle-office");
    let added = |area: &str| MeasurementReported {
        area: id(area),
        dimension: "level=national".into(),
        ..added(date(2025, 1, 1), date(2025, 3, 31), "1")
    };
    world.ok(&circle, added("circle"));
    world.refused(&circle, added("city"), OUT, "measurement_reported");
    world.ok(&circle, milestone("park", "m"));
    world.ok(&office(), assignment("stranger", AssignmentRole::Responsible, Scope::Project(id("hub"))));
    world.refused(&agency("stranger"), milestone("park", "n"), OUT, "milestone_planned");
    world.ok(&agency("stranger"), milestone("hub", "n"));
    world.refused(&agency("stranger"), added("circle"), OUT, "measurement_reported");
    world.ok(&office(), assignment("stranger", AssignmentRole::Responsible, Scope::Indicator(id("added"))));
    world.ok(&agency("stranger"), added("city"));
}

#[test]
fn a_token_of_an_agency_names_the_agency() {
    let mut world = World::published();
    let nobody = Actor { agency: None, ..agency("bureau") };
    world.refused(&nobody, labs(), OUT, "measurement_reported");
    world.refused(&nobody, milestone("park", "m"), OUT, "milestone_planned");
}

#[test]
fn nothing_to_report_comes_from_who_could_report() {
    let mut world = World::published();
    let period = ReferencePeriod::AsOf(date(2025, 6, 1));
    let nothing = NothingToReport { area: id("city"), indicator: id("labs"), period };
    world.refused(&agency("stranger"), nothing.clone(), OUT, "nothing_to_report");
    world.ok(&agency("district"), nothing);
}

#[test]
fn who_reported_does_not_verify() {
    let mut world = World::published();
    world.ok(&office(), assignment("bureau", AssignmentRole::Supervising, Scope::Plan));
    let event = world.ok(&agency("bureau"), labs());
    world.refused(&agency("bureau"), accepted(event), OWN, "verification_accepted.event");
    let auditor_of_bureau = Actor { agency: Some(id("bureau")), ..auditor() };
    world.refused(&auditor_of_bureau, accepted(event), OWN, "verification_accepted.event");
    let same_person = Actor { principal: "bureau-1".into(), ..auditor() };
    world.refused(&same_person, rejected(event), OWN, "verification_rejected.event");
    let on_behalf = Actor { on_behalf_of: Some(id("bureau")), ..auditor() };
    world.refused(&on_behalf, accepted(event), OWN, "verification_accepted.event");
    world.refused(&agency("stranger"), accepted(event), OUT, "verification_accepted");
    world.refused(&agency("district"), accepted(event), OUT, "verification_accepted");
    world.refused(&office(), accepted(event), ROLE, "verification_accepted");
    world.ok(&agency("inspectors"), accepted(event));
}

#[test]
fn supervision_covers_its_own_scope_only() {
    let mut world = World::published();
    let scope = Scope::Project(id("park"));
    world.ok(&office(), assignment("stranger", AssignmentRole::Supervising, scope));
    world.ok(&office(), milestone("park", "m"));
    let figure = world.ok(&agency("bureau"), labs());
    let report = world.ok(&agency("district"), reached("park", "m", date(2025, 4, 1)));
    world.refused(&agency("stranger"), accepted(figure), OUT, "verification_accepted");
    world.ok(&agency("stranger"), accepted(report));
}

#[test]
fn who_reports_on_a_target_neither_assesses_it_nor_checks_its_assessments() {
    let mut world = World::published();
    let field = "qualitative_assessment_recorded";
    world.ok(&office(), assignment("district", AssignmentRole::Supervising, Scope::Plan));
    for reporter in ["bureau", "district"] {
        world.refused(&agency(reporter), assessed("国内领先"), OWN, field);
    }
    let auditor_of_bureau = Actor { agency: Some(id("bureau")), ..auditor() };
    world.refused(&auditor_of_bureau, assessed("国内领先"), OWN, field);
    world.refused(&agency("stranger"), assessed("国内领先"), OUT, field);
    world.refused(&office(), assessed("国内领先"), ROLE, field);
    let own = world.ok(&auditor(), assessed("国内领先"));
    world.refused(&auditor(), accepted(own), OWN, "verification_accepted.event");
    for reporter in [agency("district"), auditor_of_bureau] {
        world.refused(&reporter, accepted(own), OWN, "verification_accepted.event");
        world.refused(&reporter, rejected(own), OWN, "verification_rejected.event");
        world.refused(&reporter, unverified(own), OWN, "verification_reopened.event");
    }
    world.ok(&agency("inspectors"), accepted(own));
}

#[test]
fn evidence_comes_from_who_sent_the_event() {
    let mut world = World::published();
    let file = Evidence { sha256: [1; 32], media_type: "image/png".into(), title: "".into(), locator: "".into() };
    let attached = |event| EvidenceAttached { event, evidence: vec![file.clone()] };
    let event = world.ok(&agency("bureau"), labs());
    world.refused(&agency("district"), attached(event), OUT, "evidence_attached.event");
    world.refused(&auditor(), attached(event), OUT, "evidence_attached.event");
    world.refused(&reader(), attached(event), ROLE, "evidence_attached");
    world.ok(&agency("bureau"), attached(event));
    let definition = world.ok(&office(), registered("new"));
    world.ok(&office(), attached(definition));
    let other_office = Actor { principal: "office-2".into(), ..office() };
    world.refused(&other_office, attached(definition), OUT, "evidence_attached.event");
}
