//! Rules of assessments, evidence and verification.

use jiff::civil::date;
use uuid::Uuid;

use super::support::*;
use crate::event::*;
use crate::state::{LiveFigure, Slot};
use crate::vocabulary::*;

const JUNE: ReferencePeriod = ReferencePeriod::AsOf(date(2025, 6, 1));

fn labs() -> MeasurementReported {
    figure("labs", Basis::StockAt, JUNE, "3")
}

fn live(world: &World) -> Option<LiveFigure> {
    world.state.series(&id("city"), &id("labs"), TOTAL)?.live(&Slot::of(Basis::StockAt, JUNE))
}

const ACCEPTED: &str = "verification_accepted.event";
const REJECTED: &str = "verification_rejected.event";

#[test]
fn a_live_figure_is_verified_once_and_a_correction_voids_it() {
    let mut world = World::published();
    let first = world.ok(&agency("bureau"), labs());
    world.ok(&agency("inspectors"), accepted(first));
    assert_eq!(live(&world).unwrap().verified_by.map(u64::from), Some(world.state.head()));
    world.refused(&auditor(), accepted(first), Reason::Superseded, ACCEPTED);
    let second = world.ok(&agency("bureau"), corrected(first, "4"));
    assert_eq!(live(&world).unwrap().verified_by, None);
    world.refused(&auditor(), accepted(first), Reason::Superseded, ACCEPTED);
    world.ok(&auditor(), accepted(second));
}

#[test]
fn a_rejected_figure_is_no_longer_live_and_its_period_is_free() {
    let mut world = World::published();
    let first = world.ok(&agency("bureau"), labs());
    let second = world.ok(&agency("bureau"), corrected(first, "4"));
    world.refused(&agency("inspectors"), rejected(first), Reason::Superseded, REJECTED);
    world.ok(&agency("inspectors"), rejected(second));
    assert_eq!(live(&world), None);
    world.refused(&agency("inspectors"), accepted(second), Reason::Superseded, ACCEPTED);
    let field = "measurement_corrected.measurement";
    world.refused(&agency("bureau"), corrected(second, "5"), Reason::Superseded, field);
    world.ok(&agency("bureau"), labs());
}

#[test]
fn an_audit_may_reject_what_was_verified() {
    let mut world = World::published();
    let event = world.ok(&agency("bureau"), labs());
    world.ok(&agency("inspectors"), accepted(event));
    world.ok(&auditor(), rejected(event));
    assert_eq!(live(&world), None);
}

#[test]
fn verification_says_what_was_looked_at_and_why() {
    let mut world = World::published();
    let event = world.ok(&agency("bureau"), labs());
    let silent = VerificationAccepted { finding: String::new(), ..accepted(event) };
    world.refused(&auditor(), silent, Reason::InvalidField, "verification_accepted.finding");
    let silent = VerificationRejected { reason: String::new(), ..rejected(event) };
    world.refused(&auditor(), silent, Reason::InvalidField, "verification_rejected.reason");
}

#[test]
fn only_reports_are_verified() {
    let mut world = World::published();
    world.refused(&auditor(), accepted(Uuid::from_u128(1 << 100)), Reason::UnknownResource, ACCEPTED);
    let planned = world.ok(&office(), milestone("park", "m"));
    world.refused(&auditor(), accepted(planned), Reason::WrongEventType, ACCEPTED);
    let event = world.ok(&agency("bureau"), labs());
    let verification = world.ok(&auditor(), accepted(event));
    world.refused(&agency("inspectors"), rejected(verification), Reason::WrongEventType, REJECTED);
    let retraction = world.ok(&agency("bureau"), retracted(event));
    world.refused(&auditor(), accepted(retraction), Reason::WrongEventType, ACCEPTED);
    world.refused(&auditor(), accepted(event), Reason::Superseded, ACCEPTED);
}

#[test]
fn rejecting_a_milestone_report_brings_back_what_held_before() {
    let mut world = World::published();
    let district = agency("district");
    let status = |world: &World| world.state.milestone(&id("park"), &id("m")).unwrap().status();
    world.ok(&office(), milestone("park", "m"));
    let half = world.ok(&district, partially("park", "m", "50"));
    let met = world.ok(&district, reached("park", "m", date(2025, 4, 1)));
    let last = world.state.head();
    let message = world.refused(&auditor(), rejected(half), Reason::Superseded, REJECTED);
    assert!(message.contains(&format!("position {last}")), "{message}");
    world.ok(&agency("inspectors"), accepted(met));
    world.refused(&agency("inspectors"), accepted(met), Reason::Superseded, ACCEPTED);
    let input = world.input(rejected(met));
    let (_, decision) = world.send(&auditor(), input).unwrap();
    assert_eq!(decision.subject, "plans/p/projects/park/milestones/m");
    assert_eq!(status(&world), MilestoneStatus::PartiallyMet);
    world.refused(&auditor(), rejected(met), Reason::Superseded, REJECTED);
    world.ok(&auditor(), rejected(half));
    assert_eq!(status(&world), MilestoneStatus::Scheduled);
    world.refused(&auditor(), rejected(half), Reason::Superseded, REJECTED);
    world.ok(&district, reached("park", "m", date(2025, 4, 1)));
}

#[test]
fn reports_on_a_cancelled_milestone_are_no_longer_verified() {
    let mut world = World::published();
    world.ok(&office(), milestone("park", "m"));
    let half = world.ok(&agency("district"), partially("park", "m", "50"));
    let end = MilestoneCancelled { project: id("park"), milestone: id("m"), reason: "停建".into() };
    world.ok(&office(), end);
    world.refused(&auditor(), accepted(half), Reason::MilestoneState, ACCEPTED);
}

#[test]
fn an_assessment_is_a_step_of_a_qualitative_target() {
    let mut world = World::published();
    let prefix = "qualitative_assessment_recorded";
    let other = |field: &str| format!("{prefix}.{field}");
    let inspectors = agency("inspectors");
    let numeric = QualitativeAssessmentRecorded { indicator: id("labs"), ..assessed("国内领先") };
    world.refused(&inspectors, numeric, Reason::FigureNotAllowed, &other("indicator"));
    world.refused(&inspectors, assessed("国际领先"), Reason::InvalidField, &other("step"));
    let silent = QualitativeAssessmentRecorded { finding: String::new(), ..assessed("国内领先") };
    world.refused(&inspectors, silent, Reason::InvalidField, &other("finding"));
    let early = QualitativeAssessmentRecorded { as_of: date(2025, 7, 1), ..assessed("国内领先") };
    world.refused(&inspectors, early, Reason::FutureDate, &other("as_of_date"));
    let nowhere = QualitativeAssessmentRecorded { area: id("circle"), ..assessed("国内领先") };
    world.refused(&inspectors, nowhere, Reason::UnknownResource, &other("indicator"));
    let event = world.ok(&inspectors, assessed("国内领先"));
    world.ok(&auditor(), accepted(event));
    world.refused(&auditor(), accepted(event), Reason::Superseded, ACCEPTED);
    world.ok(&auditor(), rejected(event));
    world.refused(&auditor(), rejected(event), Reason::Superseded, REJECTED);
}

#[test]
fn evidence_is_attached_to_what_was_said() {
    let mut world = World::published();
    let bureau = agency("bureau");
    let file = Evidence { sha256: [1; 32], media_type: "application/pdf".into(), title: "".into(), locator: "".into() };
    let attached = |event| EvidenceAttached { event, evidence: vec![file.clone()] };
    let event = world.ok(&bureau, labs());
    let field = "evidence_attached.event";
    world.refused(&bureau, attached(Uuid::from_u128(1 << 100)), Reason::UnknownResource, field);
    let empty = EvidenceAttached { event, evidence: Vec::new() };
    world.refused(&bureau, empty, Reason::InvalidField, "evidence_attached.evidence");
    let many = EvidenceAttached { event, evidence: vec![file.clone(); EVIDENCE_MAX + 1] };
    world.refused(&bureau, many, Reason::InvalidField, "evidence_attached.evidence");
    let input = world.input(attached(event));
    let (evidence, decision) = world.send(&bureau, input).unwrap();
    assert_eq!(decision.subject, "plans/p/areas/city/targets/labs");
    world.refused(&bureau, attached(evidence), Reason::WrongEventType, field);
    let retraction = world.ok(&bureau, retracted(event));
    world.ok(&bureau, attached(event));
    let input = world.input(attached(retraction));
    assert_eq!(world.send(&bureau, input).unwrap().1.subject, "plans/p/areas/city/targets/labs");
}

const REQUESTED: &str = "verification_requested.event";
const REOPENED: &str = "verification_reopened.event";

#[test]
fn a_verification_is_asked_for_once_until_it_is_decided() {
    let mut world = World::published();
    let (bureau, state) = (agency("bureau"), Reason::VerificationState);
    let first = world.ok(&bureau, labs());
    world.ok(&bureau, requested(first));
    world.refused(&bureau, requested(first), state, REQUESTED);
    world.refused(&office(), requested(first), state, REQUESTED);
    world.ok(&agency("inspectors"), accepted(first));
    world.refused(&bureau, requested(first), state, REQUESTED);
    world.ok(&auditor(), unverified(first));
    world.ok(&bureau, requested(first));
    let second = world.ok(&bureau, corrected(first, "4"));
    world.refused(&bureau, requested(first), Reason::Superseded, REQUESTED);
    world.ok(&bureau, requested(second));
    world.ok(&auditor(), rejected(second));
    world.refused(&bureau, requested(second), Reason::Superseded, REQUESTED);
    assert!(world.state.conduct.requested.is_empty());
}

#[test]
fn a_verification_that_is_taken_back_can_be_given_again() {
    let mut world = World::published();
    let event = world.ok(&agency("bureau"), labs());
    world.refused(&auditor(), unverified(event), Reason::VerificationState, REOPENED);
    world.ok(&agency("inspectors"), accepted(event));
    let silent = VerificationReopened { reason: String::new(), ..unverified(event) };
    world.refused(&auditor(), silent, Reason::InvalidField, "verification_reopened.reason");
    world.ok(&auditor(), unverified(event));
    assert_eq!(live(&world).unwrap().verified_by, None);
    world.refused(&auditor(), unverified(event), Reason::VerificationState, REOPENED);
    world.ok(&agency("inspectors"), accepted(event));
    let event = world.ok(&agency("inspectors"), assessed("国内领先"));
    world.ok(&auditor(), accepted(event));
    world.ok(&auditor(), unverified(event));
    world.ok(&auditor(), rejected(event));
    world.refused(&auditor(), unverified(event), Reason::Superseded, REOPENED);
}

#[test]
fn evidence_is_withdrawn_once_from_the_event_that_carries_it() {
    let mut world = World::published();
    let bureau = agency("bureau");
    let digest = "evidence_withdrawn.sha256";
    let mut input = world.input(labs());
    input.evidence = vec![file(1), file(2)];
    let (event, _) = world.send(&bureau, input).unwrap();
    let carrier = world.ok(&bureau, attached(event, 3));
    for (of, wrong) in [(event, 3), (carrier, 1), (event, 9)] {
        world.refused(&bureau, withdrawn(of, wrong), Reason::UnknownResource, digest);
    }
    let silent = EvidenceWithdrawn { reason: String::new(), ..withdrawn(event, 1) };
    world.refused(&bureau, silent, Reason::InvalidField, "evidence_withdrawn.reason");
    for (of, number) in [(event, 1), (event, 2), (carrier, 3)] {
        world.ok(&bureau, withdrawn(of, number));
        world.refused(&bureau, withdrawn(of, number), Reason::Superseded, digest);
    }
    let unknown = Uuid::from_u128(1 << 100);
    world.refused(&bureau, withdrawn(unknown, 1), Reason::UnknownResource, "evidence_withdrawn.event");
    world.ok(&bureau, attached(event, 1));
}

#[test]
fn evidence_stays_while_what_it_supports_is_verified() {
    let mut world = World::published();
    world.ok(&office(), milestone("park", "m"));
    let sent: [(Actor, Payload); 3] = [
        (agency("bureau"), labs().into()),
        (agency("inspectors"), assessed("国内领先").into()),
        (agency("district"), reached("park", "m", date(2025, 4, 1)).into()),
    ];
    for (sender, payload) in sent {
        let mut input = world.input(payload);
        input.evidence = vec![file(1)];
        let (event, _) = world.send(&sender, input).unwrap();
        let carrier = world.ok(&sender, attached(event, 2));
        world.ok(&auditor(), accepted(event));
        for (of, number) in [(event, 1), (carrier, 2)] {
            let gone = withdrawn(of, number);
            let message = world.refused(&sender, gone, Reason::VerificationState, "evidence_withdrawn.event");
            assert!(message.contains("VerificationReopened"), "{message}");
        }
        world.ok(&auditor(), unverified(event));
        world.ok(&sender, withdrawn(event, 1));
        world.ok(&sender, withdrawn(carrier, 2));
    }
}

#[test]
fn evidence_of_an_earlier_report_stays_while_that_one_is_verified() {
    let mut world = World::published();
    world.ok(&office(), milestone("park", "m"));
    let district = agency("district");
    let send = |world: &mut World, payload: Payload| {
        let mut input = world.input(payload);
        input.evidence = vec![file(1)];
        world.send(&district, input).unwrap().0
    };
    let first = send(&mut world, partially("park", "m", "50").into());
    world.ok(&auditor(), accepted(first));
    let second = send(&mut world, partially("park", "m", "70").into());
    world.ok(&district, withdrawn(second, 1));
    world.ok(&office(), cancelled("park", "m"));
    let field = "evidence_withdrawn.event";
    let message = world.refused(&district, withdrawn(first, 1), Reason::VerificationState, field);
    assert!(message.contains("VerificationReopened"), "{message}");
    world.refused(&auditor(), unverified(second), Reason::MilestoneState, REOPENED);
    world.ok(&auditor(), unverified(first));
    world.refused(&auditor(), unverified(first), Reason::MilestoneState, REOPENED);
    world.ok(&district, withdrawn(first, 1));
}
