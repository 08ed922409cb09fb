//! What an agency sees: its own, what was filed for it or is addressed to it, and what its assignments cover.

use jiff::civil::date;
use songhua_domain::event::{
    Actor, AgencyRegistered, AgencySucceeded, AssignmentEnded, EventInput, Name, ProjectMerged, ReminderIssued, Scope,
    SupervisionClosed, SupervisionIssued,
};
use songhua_domain::state::Assignments;
use songhua_domain::vocabulary::{AssignmentRole, Role, SupervisionOutcome};
use songhua_wire::about::About;
use songhua_wire::pb;
use songhua_wire::record::{RecordHeader, decode_header};

use super::fixture::{COLLEGE, WATER, World, all, assigned, clerk, event, figure, follow, next, office, planned};
use crate::scope::{is_assigned, is_own};

fn header(area: &str, subject: &str) -> RecordHeader {
    RecordHeader {
        plan: "p".parse().unwrap(),
        area: (!area.is_empty()).then(|| area.parse().unwrap()),
        subject: format!("plans/p{subject}"),
        event_type: "measurement.reported",
        agency: None,
        on_behalf_of: None,
    }
}

fn about(area: &str, indicator: &str, project: &str) -> About {
    About {
        area: (!area.is_empty()).then(|| area.parse().unwrap()),
        indicator: (!indicator.is_empty()).then(|| indicator.parse().unwrap()),
        projects: (!project.is_empty()).then(|| project.parse().unwrap()).into_iter().collect(),
        ..About::default()
    }
}

#[test]
fn a_record_is_about_what_its_area_and_subject_name() {
    let of = |area, subject| About::of(&header(area, subject));
    assert_eq!(of("", ""), about("", "", ""));
    assert_eq!(of("a", "/areas/a"), about("a", "", ""));
    assert_eq!(of("a", "/areas/a/targets/i"), about("a", "i", ""));
    assert_eq!(of("", "/indicators/i"), about("", "i", ""));
    assert_eq!(of("a", "/indicators/i"), about("a", "i", ""), "a series that is only compared with");
    assert_eq!(of("a", "/projects/x"), about("a", "", "x"));
    assert_eq!(of("a", "/projects/x/milestones/m"), about("a", "", "x"));
    assert_eq!(of("", "/agencies/y"), about("", "", ""));
    assert_eq!(of("", "/reportingPeriods/q"), about("", "", ""));
    let matter = About { supervision: Some("s".parse().unwrap()), ..about("a", "", "") };
    assert_eq!(of("a", "/supervisions/s"), matter);
    // An id that is called as a collection is an id.
    assert_eq!(of("projects", "/areas/projects/targets/indicators"), about("projects", "indicators", ""));
}

/// The world's assignments and one more.
async fn assignments(scope: Scope) -> Assignments {
    let world = World::published().await;
    world.put(&office(), vec![assigned(COLLEGE, scope)]).await;
    world.state.lock().unwrap().assignments().clone()
}

#[tokio::test]
async fn an_assignment_covers_what_lies_in_its_scope() {
    let college = COLLEGE.parse().unwrap();
    let target = || Scope::Target("lakeside".parse().unwrap(), "tech-firms".parse().unwrap());
    let lake = about("lakeside", "", "");
    let firms = about("lakeside", "tech-firms", "");
    let output = about("lakeside", "eco-output", "");
    let elsewhere = about("county", "tech-firms", "");
    let defined = about("", "tech-firms", "");
    let base = about("lakeside", "", "pilot-base");
    let all = [&lake, &firms, &output, &elsewhere, &defined, &base, &about("", "", "")];
    let table = [
        (Scope::Plan, [true; 7]),
        (Scope::Area("lakeside".parse().unwrap()), [true, true, true, false, false, true, false]),
        (Scope::Indicator("tech-firms".parse().unwrap()), [false, true, false, true, true, false, false]),
        (target(), [false, true, false, false, false, false, false]),
        (Scope::Project("pilot-base".parse().unwrap()), [false, false, false, false, false, true, false]),
    ];
    for (scope, expected) in table {
        let assignments = assignments(scope.clone()).await;
        let seen = all.map(|about| is_assigned(&college, &assignments, about));
        assert_eq!(seen, expected, "{scope:?}");
    }
}

#[tokio::test]
async fn own_is_what_it_sent_and_what_was_filed_for_it() {
    let water = WATER.parse().unwrap();
    let world = World::published().await;
    let state = world.state.lock().unwrap().clone();
    let sent = RecordHeader { agency: Some(WATER.parse().unwrap()), ..header("a", "/areas/a") };
    let filed = RecordHeader {
        agency: Some(COLLEGE.parse().unwrap()),
        on_behalf_of: Some(WATER.parse().unwrap()),
        ..header("a", "/areas/a")
    };
    let own = |header| is_own(&water, header, &state);
    assert!(own(&sent) && own(&filed) && !own(&header("a", "/areas/a")));
}

#[tokio::test]
async fn a_successor_sees_what_was_sent_by_and_addressed_to_the_agency_that_ended() {
    let world = World::published().await;
    let county = || Scope::Area("county".parse().unwrap());
    let sent = world.put(&clerk(COLLEGE), vec![figure("county", "tech-firms", "_T", date(2026, 1, 31))]).await;
    let (agency, message) = (COLLEGE.parse().unwrap(), "please report".to_owned());
    let reminder = ReminderIssued { agency, scope: county(), period: None, message };
    let reminded = world.put(&office(), vec![event(reminder)]).await;
    let water = world.caller(Role::Agency, Some(WATER));
    let filter = pb::ReplayFilter {
        event_types: vec!["measurement.*".to_owned(), "reminder.*".to_owned()],
        areas: vec!["county".to_owned()],
        ..Default::default()
    };
    let before = world.positions(&water, filter.clone()).await;
    assert!(!before.contains(&sent) && !before.contains(&reminded), "{before:?}");
    let (agency, successor) = (COLLEGE.parse().unwrap(), WATER.parse().unwrap());
    let ended = AgencySucceeded { agency, successor, reason: "reform".to_owned() };
    world.put(&office(), vec![event(ended)]).await;
    let after = world.positions(&water, filter).await;
    assert!(after.contains(&sent) && after.contains(&reminded), "{after:?}");
}

#[tokio::test]
async fn an_agency_that_ended_sees_nothing_of_its_successor_nor_of_another_it_succeeded() {
    let world = World::published().await;
    let reminder = |agency: &str| {
        let (scope, message) = (Scope::Area("county".parse().unwrap()), "please report".to_owned());
        event(ReminderIssued { agency: agency.parse().unwrap(), scope, period: None, message })
    };
    for agency in ["heir", "sibling"] {
        let name = Name { zh: agency.to_owned(), en: String::new() };
        let registered = AgencyRegistered { agency: agency.parse().unwrap(), name, uscc: String::new() };
        world.put(&office(), vec![event(registered)]).await;
    }
    let filed_for = |agency: &str| Actor { on_behalf_of: Some(agency.parse().unwrap()), ..office() };
    let mut seen_by_heir = Vec::new();
    let mut seen_by_sibling = Vec::new();
    for agency in ["heir", "sibling"] {
        let reminded = world.put(&office(), vec![reminder(agency)]).await;
        let filed = world.put(&filed_for(agency), vec![reminder(WATER)]).await;
        seen_by_heir.extend([reminded, filed]);
        if agency == "sibling" {
            seen_by_sibling.extend([reminded, filed]);
        }
    }
    for agency in [COLLEGE, "sibling"] {
        let (agency, successor) = (agency.parse().unwrap(), "heir".parse().unwrap());
        world.put(&office(), vec![event(AgencySucceeded { agency, successor, reason: "reform".to_owned() })]).await;
    }
    let filter = pb::ReplayFilter { event_types: vec!["reminder.*".to_owned()], ..Default::default() };
    for (agency, expected) in [("heir", seen_by_heir), ("sibling", seen_by_sibling), (COLLEGE, Vec::new())] {
        let reader = world.caller(Role::Agency, Some(agency));
        assert_eq!(world.positions(&reader, filter.clone()).await, expected, "{agency}");
    }
}

#[tokio::test]
async fn an_agency_sees_that_its_assignment_ended() {
    let world = World::published().await;
    let firms = || Scope::Indicator("new-forest".parse().unwrap());
    world.put(&office(), vec![assigned(COLLEGE, firms()), assigned(WATER, firms())]).await;
    let end = |agency: &str| {
        let (agency, reason) = (agency.parse().unwrap(), "reform".to_owned());
        event(AssignmentEnded { agency, role: AssignmentRole::Supervising, scope: firms(), reason })
    };
    let own = world.put(&office(), vec![end(COLLEGE)]).await;
    let others = world.put(&office(), vec![end(WATER)]).await;
    let types = pb::ReplayFilter { event_types: vec!["agency.assignment-ended".to_owned()], ..Default::default() };
    assert_eq!(world.positions(&world.caller(Role::Agency, Some(COLLEGE)), types.clone()).await, [own]);
    // What it is about is a filter for those who see everything.
    let of_forest = pb::ReplayFilter { indicators: vec!["new-forest".to_owned()], ..types };
    assert_eq!(world.positions(&world.auditor(), of_forest).await, [own, others]);
}

#[tokio::test]
async fn an_agency_replays_its_own_scope_and_nothing_else() {
    let world = World::published().await;
    let lake = world.put(&clerk(COLLEGE), vec![figure("lakeside", "tech-firms", "_T", date(2026, 1, 31))]).await;
    let county = world.put(&clerk(COLLEGE), vec![figure("county", "tech-firms", "_T", date(2026, 1, 31))]).await;
    let mine = world.put(&clerk(WATER), vec![figure("county", "tech-firms", "district=x", date(2026, 1, 31))]).await;
    let mut filing = office();
    filing.on_behalf_of = Some(WATER.parse().unwrap());
    let filed = world.put(&filing, vec![planned("germplasm-garden", "planting")]).await;
    let base = world.put(&clerk(COLLEGE), vec![planned("pilot-base", "operation")]).await;
    let tail = |records: Vec<pb::ReplayRecord>| {
        records.iter().map(|record| record.position).filter(|position| *position >= lake).collect::<Vec<_>>()
    };
    let water = world.caller(Role::Agency, Some(WATER));
    let seen = world.replay(&water, all()).await;
    for record in seen.iter().filter(|record| record.position < lake) {
        let header = decode_header(&record.data).unwrap();
        assert_eq!(header.area, Some("lakeside".parse().unwrap()), "{header:?}");
    }
    assert_eq!(tail(seen), [lake, mine, filed, base]);
    let college = world.caller(Role::Agency, Some(COLLEGE));
    assert_eq!(tail(world.replay(&college, all()).await), [lake, county, base]);
    // A filter asks within the scope.
    let of_county = pb::ReplayFilter { areas: vec!["county".to_owned()], ..Default::default() };
    assert_eq!(world.positions(&water, of_county).await, [mine]);
    // Nobody of an agency that has nothing sees anything, also not that there is something.
    let stranger = world.caller(Role::Agency, Some("stranger"));
    assert_eq!(world.replay(&stranger, all()).await, []);
}

#[tokio::test]
async fn an_agency_sees_what_it_was_assigned_to() {
    let world = World::published().await;
    let firms = || Scope::Indicator("tech-firms".parse().unwrap());
    let own = world.put(&office(), vec![assigned(COLLEGE, firms())]).await;
    let others = world.put(&office(), vec![assigned(WATER, firms())]).await;
    let elsewhere = world.put(&office(), vec![assigned(WATER, Scope::Indicator("new-forest".parse().unwrap()))]).await;
    let types = pb::ReplayFilter { event_types: vec!["agency.assigned".to_owned()], ..Default::default() };
    let seen = world.positions(&world.caller(Role::Agency, Some(COLLEGE)), types).await;
    assert_eq!(seen, [own - 1, own, others], "not {elsewhere}, and its talents before");
}

#[tokio::test]
async fn what_a_record_names_beside_its_subject_counts_too() {
    let world = World::published().await;
    let firms = Scope::Indicator("tech-firms".parse().unwrap());
    let assignment = world.put(&office(), vec![assigned(WATER, firms)]).await;
    let base = Scope::Project("pilot-base".parse().unwrap());
    world.put(&office(), vec![assigned(COLLEGE, base)]).await;
    let (project, into) = ("germplasm-garden".parse().unwrap(), "pilot-base".parse().unwrap());
    let reason = "one site".to_owned();
    let merged = world.put(&office(), vec![event(ProjectMerged { project, into, interpreted: true, reason })]).await;
    let college = world.caller(Role::Agency, Some(COLLEGE));
    let of_base = pb::ReplayFilter {
        projects: vec!["pilot-base".to_owned()],
        event_types: vec!["project.merged".to_owned()],
        ..Default::default()
    };
    assert_eq!(world.positions(&world.auditor(), of_base.clone()).await, [merged]);
    assert_eq!(world.positions(&college, of_base).await, [merged]);
    let of_firms = pb::ReplayFilter {
        indicators: vec!["tech-firms".to_owned()],
        event_types: vec!["agency.assigned".to_owned()],
        ..Default::default()
    };
    assert_eq!(world.positions(&world.auditor(), of_firms).await, [assignment]);
}

#[tokio::test]
async fn who_is_reminded_or_supervised_sees_it_and_so_do_those_assigned_to_what_it_is_about() {
    let world = World::published().await;
    let elsewhere = || Scope::Target("county".parse().unwrap(), "new-forest".parse().unwrap());
    let reminder = |agency: &str, scope| {
        let (agency, message) = (agency.parse().unwrap(), "please report".to_owned());
        event(ReminderIssued { agency, scope, period: None, message })
    };
    let mine = world.put(&office(), vec![reminder(WATER, elsewhere())]).await;
    let lake = Scope::Area("lakeside".parse().unwrap());
    let covered = world.put(&office(), vec![reminder(COLLEGE, lake)]).await;
    let others = world.put(&office(), vec![reminder(COLLEGE, elsewhere())]).await;
    let issued = world.put(&office(), vec![supervised("matter-1", WATER, elsewhere())]).await;
    let supervision = "matter-1".parse().unwrap();
    let outcome = SupervisionOutcome::Withdrawn;
    let ended = event(SupervisionClosed { supervision, outcome, finding: "by mistake".to_owned() });
    let closed = world.put(&office(), vec![ended]).await;
    let hidden = world.put(&office(), vec![supervised("matter-2", COLLEGE, elsewhere())]).await;
    let types = |types: &[&str]| pb::ReplayFilter {
        event_types: types.iter().map(|one| (*one).to_owned()).collect(),
        ..Default::default()
    };
    let water = world.caller(Role::Agency, Some(WATER));
    let conduct = types(&["reminder.*", "supervision.*"]);
    assert_eq!(world.positions(&water, conduct.clone()).await, [mine, covered, issued, closed], "{others} {hidden}");
    assert_eq!(world.positions(&world.auditor(), conduct).await.len(), 6);
    // What it is about is a filter for those who see everything, also where only the matter says it.
    let of_forest = pb::ReplayFilter { indicators: vec!["new-forest".to_owned()], ..types(&["supervision.*"]) };
    assert_eq!(world.positions(&world.auditor(), of_forest).await, [issued, closed, hidden]);
}

fn supervised(supervision: &str, agency: &str, scope: Scope) -> EventInput {
    event(SupervisionIssued {
        supervision: supervision.parse().unwrap(),
        agency: agency.parse().unwrap(),
        scope,
        demand: "report".to_owned(),
        due_date: date(2027, 1, 31),
        document: String::new(),
    })
}

#[tokio::test(start_paused = true)]
async fn a_scope_that_grows_counts_for_what_comes_behind() {
    let world = World::published().await;
    let college = world.caller(Role::Agency, Some(COLLEGE));
    let mut stream = world.begin(&college, follow(world.head() + 1)).await.unwrap();
    let hidden = world.put(&clerk(WATER), vec![figure("lakeside", "tech-firms", "_T", date(2026, 1, 31))]).await;
    let beat = next(&mut stream).await;
    assert_eq!((beat.records.len(), beat.scanned_position), (0, hidden));
    let lake = Scope::Area("lakeside".parse().unwrap());
    let shown = world.put(&office(), vec![assigned(COLLEGE, lake)]).await;
    let then = world.put(&clerk(WATER), vec![figure("lakeside", "tech-firms", "_T", date(2026, 2, 28))]).await;
    let mut seen = Vec::new();
    while seen.len() < 2 {
        seen.extend(next(&mut stream).await.records.into_iter().map(|record| record.position));
    }
    assert_eq!(seen, [shown, then]);
}

#[tokio::test(start_paused = true)]
async fn an_agency_is_not_shown_a_record_before_the_state_that_judges_it() {
    let world = World::published().await;
    let head = world.head();
    let college = world.caller(Role::Agency, Some(COLLEGE));
    let mut stream = world.begin(&college, follow(head + 1)).await.unwrap();
    // Durable, but the state is a moment behind: what is said meanwhile stays at the state's head.
    let before = world.state.lock().unwrap().clone();
    let lake = Scope::Area("lakeside".parse().unwrap());
    world.put(&office(), vec![assigned(COLLEGE, lake)]).await;
    let after = std::mem::replace(&mut *world.state.lock().unwrap(), before);
    let beat = next(&mut stream).await;
    assert_eq!((beat.records.len(), beat.scanned_position, beat.durable_position), (0, head, head + 1));
    *world.state.lock().unwrap() = after;
    assert_eq!(next(&mut stream).await.records[0].position, head + 1);
}
