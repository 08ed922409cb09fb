//! Rules of agencies that change, and random reorganisations against a plain model.

use std::sync::Arc;

use jiff::civil::date;
use proptest::prelude::*;
use proptest::sample::select;

use super::properties::refolded;
use super::support::*;
use crate::event::*;
use crate::id::AgencyId;
use crate::state::PlanState;
use crate::vocabulary::*;

pub(crate) fn renamed(agency: &str, zh: &str) -> AgencyRenamed {
    AgencyRenamed { agency: id(agency), name: name(zh), uscc: String::new(), reason: "机构改革".into() }
}

pub(crate) fn succeeded(agency: &str, successor: &str) -> AgencySucceeded {
    AgencySucceeded { agency: id(agency), successor: id(successor), reason: "机构改革".into() }
}

pub(crate) fn ended(agency: &str, role: AssignmentRole, scope: Scope) -> AssignmentEnded {
    AssignmentEnded { agency: id(agency), role, scope, reason: "职责调整".into() }
}

const GONE: Reason = Reason::AgencySucceeded;
const INVALID: Reason = Reason::InvalidField;
const UNKNOWN: Reason = Reason::UnknownResource;

fn labs() -> MeasurementReported {
    figure("labs", Basis::StockAt, ReferencePeriod::AsOf(date(2025, 6, 1)), "3")
}

#[test]
fn a_renamed_agency_keeps_its_code_unless_another_one_is_given() {
    let mut world = World::published();
    let code = "91350100M000100Y43";
    world.ok(&office(), AgencyRegistered { uscc: code.into(), ..registered("coded") });
    world.ok(&office(), renamed("coded", "新局"));
    let held = |world: &World, of: &str| {
        let agency = world.state.agency(&id(of)).unwrap();
        (agency.name.zh.clone(), agency.uscc.clone())
    };
    assert_eq!(held(&world, "coded"), ("新局".into(), code.into()));
    let coded = |agency: &str, uscc: &str| AgencyRenamed { uscc: uscc.into(), ..renamed(agency, "新局") };
    world.ok(&office(), coded("coded", code));
    world.refused(&office(), coded("bureau", code), Reason::AlreadyDefined, "agency_renamed.uscc");
    world.refused(&office(), coded("bureau", "91350100M000100Y44"), INVALID, "agency_renamed.uscc");
    world.refused(&office(), renamed("none", "新局"), UNKNOWN, "agency_renamed.agency");
    world.refused(&office(), renamed("bureau", ""), INVALID, "agency_renamed.display_name.zh");
    let silent = AgencyRenamed { reason: String::new(), ..renamed("bureau", "新局") };
    world.refused(&office(), silent, INVALID, "agency_renamed.reason");
    world.ok(&office(), succeeded("bureau", "stranger"));
    world.refused(&office(), renamed("bureau", "新局"), GONE, "agency_renamed.agency");
}

#[test]
fn a_successor_is_known_another_agency_and_not_succeeded_itself() {
    let mut world = World::published();
    world.refused(&office(), succeeded("none", "bureau"), UNKNOWN, "agency_succeeded.agency");
    world.refused(&office(), succeeded("bureau", "none"), UNKNOWN, "agency_succeeded.successor");
    world.refused(&office(), succeeded("bureau", "bureau"), INVALID, "agency_succeeded.successor");
    let silent = AgencySucceeded { reason: String::new(), ..succeeded("bureau", "stranger") };
    world.refused(&office(), silent, INVALID, "agency_succeeded.reason");
    world.ok(&office(), succeeded("bureau", "stranger"));
    world.refused(&office(), succeeded("bureau", "district"), GONE, "agency_succeeded.agency");
    world.refused(&office(), succeeded("district", "bureau"), GONE, "agency_succeeded.successor");
    world.refused(&office(), succeeded("stranger", "bureau"), GONE, "agency_succeeded.successor");
    world.ok(&office(), succeeded("stranger", "district"));
    assert_eq!(world.state.successor_of(&id("bureau")), Some(&id("district")));
    assert_eq!(world.state.successor_of(&id("district")), None);
}

#[test]
fn the_successor_holds_every_assignment_and_the_old_agency_sends_nothing_any_more() {
    let mut world = World::published();
    let event = world.ok(&agency("bureau"), labs());
    world.ok(&office(), assignment("bureau", AssignmentRole::Supervising, Scope::Area(id("circle"))));
    world.refused(&agency("stranger"), corrected(event, "4"), Reason::OutOfScope, "measurement_corrected");
    world.ok(&office(), succeeded("bureau", "stranger"));
    assert_eq!(world.state.lead_of(&id("city"), &id("labs")), Some(&id("stranger")));
    let supervising = (AssignmentRole::Supervising, Scope::Area(id("circle")));
    assert!(world.state.assignments().contains(&id("stranger"), supervising.0, &supervising.1));
    assert!(!world.state.assignments().contains(&id("bureau"), supervising.0, &supervising.1));
    let message = world.refused(&agency("bureau"), corrected(event, "4"), GONE, "measurement_corrected");
    assert!(message.contains("bureau") && message.contains("stranger"), "{message}");
    let filed = Actor { on_behalf_of: Some(id("bureau")), ..agency("stranger") };
    world.refused(&filed, corrected(event, "4"), GONE, "measurement_corrected");
    let again = assignment("bureau", AssignmentRole::Responsible, Scope::Plan);
    world.refused(&office(), again, GONE, "agency_assigned.agency");
    let tasks = [TaskShare { agency: id("bureau"), ..super::revisions::share("bureau", date(2025, 12, 31), "1") }];
    let shared = super::revisions::decomposed("labs", &tasks);
    world.refused(&office(), shared, GONE, "target_decomposed.tasks[0].agency");
    world.ok(&agency("stranger"), corrected(event, "4"));
}

#[test]
fn who_reported_does_not_verify_through_a_succession_either() {
    let mut world = World::published();
    world.ok(&office(), assignment("stranger", AssignmentRole::Supervising, Scope::Plan));
    let by_bureau = world.ok(&agency("bureau"), labs());
    world.ok(&agency("stranger"), accepted(by_bureau));
    let later = world.ok(&agency("bureau"), corrected(by_bureau, "4"));
    world.ok(&office(), succeeded("bureau", "stranger"));
    let field = "verification_accepted.event";
    world.refused(&agency("stranger"), accepted(later), Reason::SelfVerification, field);
    world.ok(&office(), registered("new"));
    world.ok(&office(), succeeded("stranger", "new"));
    world.refused(&agency("new"), accepted(later), Reason::SelfVerification, field);
    world.ok(&agency("inspectors"), accepted(later));
}

#[test]
fn the_successor_attaches_evidence_to_what_the_old_agency_sent() {
    let mut world = World::published();
    let event = world.ok(&agency("bureau"), labs());
    let file = Evidence { sha256: [1; 32], media_type: "image/png".into(), title: "".into(), locator: "".into() };
    let attached = EvidenceAttached { event, evidence: vec![file] };
    world.refused(&agency("stranger"), attached.clone(), Reason::OutOfScope, "evidence_attached.event");
    world.ok(&office(), succeeded("bureau", "stranger"));
    world.ok(&agency("stranger"), attached);
}

#[test]
fn an_assignment_that_stands_ends_and_may_be_given_again() {
    let mut world = World::published();
    let lead = || ended("bureau", AssignmentRole::Lead, Scope::Plan);
    let not = ended("bureau", AssignmentRole::Responsible, Scope::Plan);
    world.refused(&office(), not, UNKNOWN, "assignment_ended.agency");
    world.refused(&office(), ended("none", AssignmentRole::Lead, Scope::Plan), UNKNOWN, "assignment_ended.agency");
    let nowhere = ended("bureau", AssignmentRole::Lead, Scope::Area(id("none")));
    world.refused(&office(), nowhere, UNKNOWN, "assignment_ended.scope.area");
    let silent = AssignmentEnded { reason: String::new(), ..lead() };
    world.refused(&office(), silent, INVALID, "assignment_ended.reason");
    world.ok(&office(), lead());
    assert_eq!(world.state.lead_of(&id("city"), &id("labs")), None);
    world.refused(&agency("bureau"), labs(), Reason::OutOfScope, "measurement_reported");
    world.refused(&office(), lead(), UNKNOWN, "assignment_ended.agency");
    world.ok(&office(), assignment("district", AssignmentRole::Lead, Scope::Plan));
    world.ok(&agency("district"), labs());
    world.ok(&office(), ended("district", AssignmentRole::Responsible, Scope::Plan));
    let other = MeasurementReported { dimension: "district=songbei".into(), ..labs() };
    world.ok(&agency("district"), other);
}

#[test]
fn changes_of_agencies_come_from_the_plan_office_alone() {
    let mut world = World::published();
    for actor in [agency("bureau"), auditor(), reader()] {
        let role = Reason::RoleNotAllowed;
        world.refused(&actor, renamed("bureau", "新局"), role, "agency_renamed");
        world.refused(&actor, succeeded("bureau", "stranger"), role, "agency_succeeded");
        let lead = ended("bureau", AssignmentRole::Lead, Scope::Plan);
        world.refused(&actor, lead, role, "assignment_ended");
    }
}

/// One act of a reorganisation.
#[derive(Clone, Debug)]
enum Act {
    Assign(&'static str, AssignmentRole, Scope),
    End(&'static str, AssignmentRole, Scope),
    Succeed(&'static str, &'static str),
}

const AGENCIES: [&str; 5] = ["bureau", "district", "inspectors", "stranger", "none"];

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let agency = || select(AGENCIES.to_vec());
    let scopes =
        vec![Scope::Plan, Scope::Area(id("city")), Scope::Target(id("city"), id("labs")), Scope::Project(id("park"))];
    let what = (select(AssignmentRole::ALL.to_vec()), select(scopes));
    let assign = (agency(), what.clone()).prop_map(|(agency, (role, scope))| Act::Assign(agency, role, scope));
    let end = (agency(), what).prop_map(|(agency, (role, scope))| Act::End(agency, role, scope));
    let succeed = (agency(), agency()).prop_map(|(agency, successor)| Act::Succeed(agency, successor));
    proptest::collection::vec(prop_oneof![4 => assign, 2 => end, 1 => succeed], 1..40)
}

/// Assignments as a list, successions as pairs.
#[derive(Debug)]
struct Plain {
    assigned: Vec<(String, AssignmentRole, Scope)>,
    successions: Vec<(String, String)>,
}

impl Plain {
    fn published() -> Self {
        let all = [
            ("bureau", AssignmentRole::Lead),
            ("district", AssignmentRole::Responsible),
            ("inspectors", AssignmentRole::Supervising),
        ];
        let assigned = all.map(|(agency, role)| (agency.to_owned(), role, Scope::Plan)).to_vec();
        Self { assigned, successions: Vec::new() }
    }

    fn acts(&self, agency: &str) -> bool {
        agency != "none" && self.successions.iter().all(|(ended, _)| ended != agency)
    }

    /// Does it and says whether it was allowed.
    fn apply(&mut self, act: &Act) -> bool {
        match act {
            Act::Assign(agency, role, scope) => {
                let taken = |(of, is, on): &(String, AssignmentRole, Scope)| {
                    is == role && on == scope && (of == agency || *role == AssignmentRole::Lead)
                };
                let allowed = self.acts(agency) && !self.assigned.iter().any(taken);
                if allowed {
                    self.assigned.push(((*agency).to_owned(), *role, scope.clone()));
                }
                allowed
            }
            Act::End(agency, role, scope) => {
                let ended = ((*agency).to_owned(), *role, scope.clone());
                let count = self.assigned.len();
                self.assigned.retain(|assigned| *assigned != ended);
                self.assigned.len() < count
            }
            Act::Succeed(agency, successor) => {
                let allowed = agency != successor && self.acts(agency) && self.acts(successor);
                if allowed {
                    self.successions.push(((*agency).to_owned(), (*successor).to_owned()));
                    self.pass(agency, successor);
                }
                allowed
            }
        }
    }

    fn pass(&mut self, agency: &str, successor: &str) {
        let mut passed = Vec::new();
        for (of, role, scope) in std::mem::take(&mut self.assigned) {
            let one = (if of == agency { successor.to_owned() } else { of }, role, scope);
            if !passed.contains(&one) {
                passed.push(one);
            }
        }
        self.assigned = passed;
    }

    /// Follows the pairs as far as they lead.
    fn answers(&self, agency: &str) -> String {
        let mut now = agency.to_owned();
        for (ended, successor) in &self.successions {
            if *ended == now {
                now.clone_from(successor);
            }
        }
        now
    }
}

fn payload(act: &Act) -> Payload {
    match act.clone() {
        Act::Assign(agency, role, scope) => assignment(agency, role, scope).into(),
        Act::End(agency, role, scope) => ended(agency, role, scope).into(),
        Act::Succeed(agency, successor) => succeeded(agency, successor).into(),
    }
}

/// Who is assigned, who leads and who stands for whom are as in the plain model.
fn agree(state: &PlanState, plain: &Plain) {
    let known = AGENCIES.map(|agency| (agency, id::<AgencyId>(agency)));
    for (agency, id) in &known {
        let answers = plain.answers(agency);
        assert_eq!(state.successor_of(id).map_or(*agency, |now| now.as_str()), answers);
        for (other, other_id) in &known {
            assert_eq!(state.stands_for(id, other_id), answers == plain.answers(other));
        }
        for role in AssignmentRole::ALL {
            for scope in [Scope::Plan, Scope::Area(self::id("city")), Scope::Project(self::id("park"))] {
                let stands = plain.assigned.contains(&((*agency).to_owned(), *role, scope.clone()));
                assert_eq!(state.assignments().contains(id, *role, &scope), stands, "{agency} {role} {scope:?}");
            }
        }
    }
    let lead_of = |scope: &Scope| {
        let leads = |(_, role, on): &&(String, AssignmentRole, Scope)| *role == AssignmentRole::Lead && on == scope;
        plain.assigned.iter().find(leads).map(|(agency, _, _)| agency.as_str())
    };
    let scopes = [Scope::Target(id("city"), id("labs")), Scope::Area(id("city")), Scope::Plan];
    let lead = scopes.iter().find_map(lead_of);
    assert_eq!(state.lead_of(&id("city"), &id("labs")).map(AgencyId::as_str), lead);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn assignments_and_successions_are_those_of_the_plain_model(acts in acts()) {
        let (mut world, mut plain) = (World::published(), Plain::published());
        for act in &acts {
            let input = world.input(payload(act));
            let allowed = plain.apply(act);
            prop_assert_eq!(world.send(&office(), input).is_ok(), allowed, "{:?} after {:?}", act, plain);
            agree(&world.state, &plain);
        }
        let refolded = refolded(&world.log);
        prop_assert_eq!(&refolded, &world.state);
        let bytes = postcard::to_stdvec(&world.state).unwrap();
        prop_assert_eq!(postcard::from_bytes::<PlanState>(&bytes).unwrap(), refolded);
    }
}

#[test]
fn a_succession_in_a_circle_is_passed_over_by_the_fold() {
    let mut world = World::published();
    world.ok(&office(), succeeded("bureau", "stranger"));
    let mut event = world.log.values().last().unwrap().clone();
    Arc::make_mut(&mut event.input).payload = succeeded("stranger", "bureau").into();
    world.state.evolve(&event, None);
    assert_eq!(world.state.successor_of(&id("bureau")), Some(&id("stranger")));
    assert_eq!(world.state.successor_of(&id("stranger")), None);
}
