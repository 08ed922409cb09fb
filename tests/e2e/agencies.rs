//! ListAgencies: what it says an agency may report is what ingest takes from it, target by target, project by project.

use std::collections::BTreeSet;

use songhua_tests::{Client, assigned, date, event, introduce};
use songhua_wire::pb;
use songhua_wire::pb::AssignmentRole::{Lead, Responsible, Supervising};
use songhua_wire::pb::event_input::Payload;
use songhua_wire::pb::scope::Kind;
use songhua_wire::pb::{Accumulation, Basis, MeasureKind};

use crate::progress_world::{BUREAU, LOOK, World, last_part, reason, seen};

/// Agencies with assignments of every shape.
fn shapes() -> Vec<(&'static str, Vec<(pb::AssignmentRole, Kind)>)> {
    let area = |id: &str| Kind::Area(id.to_owned());
    let indicator = |id: &str| Kind::Indicator(id.to_owned());
    let project = |id: &str| Kind::Project(id.to_owned());
    let target = |area: &str, indicator: &str| {
        Kind::Target(pb::TargetRef { area: area.to_owned(), indicator: indicator.to_owned() })
    };
    vec![
        ("district", vec![(Responsible, Kind::Plan(true))]),
        ("hit", vec![(Lead, area("circle-hit"))]),
        ("heu", vec![(Responsible, area("circle-heu")), (Lead, target("circle-hit", "platforms"))]),
        ("statistics", vec![(Lead, indicator("rd-intensity")), (Supervising, Kind::Plan(true))]),
        ("assessor", vec![(Lead, indicator("ecosystem-circles"))]),
        ("builder", vec![(Lead, project("aerospace-park"))]),
        ("inspectors", vec![(Supervising, Kind::Plan(true)), (Supervising, area("circle-hit"))]),
        ("nobody", vec![]),
    ]
}

async fn agencies(world: &World, filter: &str) -> Vec<pb::Agency> {
    let request = pb::ListAgenciesRequest {
        parent: world.name(""),
        page_size: 1_000,
        filter: filter.to_owned(),
        ..Default::default()
    };
    world.auditor.progress.clone().list_agencies(request).await.unwrap().into_inner().agencies
}

/// A figure of a target that nothing but a missing assignment, or the indicator itself, can make wrong.
fn figure(target: &pb::TargetProgress, defined: &pb::IndicatorDefined, dimension: &str) -> pb::EventInput {
    let (plan_start, year) = (date(2022, 1, 1), (date(2025, 1, 1), date(2025, 12, 31)));
    let (basis, start, end) = match defined.accumulation() {
        Accumulation::Cumulative | Accumulation::RunningTotal => (Basis::PlanToDate, Some(plan_start), year.1),
        Accumulation::AnnualFlow | Accumulation::Paired => (Basis::FullYear, Some(year.0), year.1),
        _ => match defined.basis() {
            Basis::Unspecified | Basis::StockAt => (Basis::StockAt, None, year.1),
            basis => (basis, Some(year.0), year.1),
        },
    };
    let kind = if defined.measure_kind() == MeasureKind::Coverage {
        pb::figure::Kind::Fraction(pb::Fraction { numerator: "1".to_owned(), denominator: "2".to_owned() })
    } else {
        pb::figure::Kind::Value("1".to_owned())
    };
    let mut event = event(Payload::MeasurementReported(pb::MeasurementReported {
        area: target.area.clone(),
        indicator: target.indicator.clone(),
        dimension: dimension.to_owned(),
        basis: basis.into(),
        period: Some(pb::ReferencePeriod { start, end: Some(end) }),
        figure: Some(pb::Figure { kind: Some(kind) }),
        unit_multiplier: defined.unit_multiplier,
        ..Default::default()
    }));
    event.source_ref = "e2e".to_owned();
    event
}

fn milestone(project: &str) -> pb::EventInput {
    event(Payload::MilestonePlanned(pb::MilestonePlanned {
        project: project.to_owned(),
        milestone: "never-stored".to_owned(),
        milestone_type: pb::MilestoneType::Approval.into(),
        title: Some(pb::Name { zh: "审批".to_owned(), en: String::new() }),
        due_date: Some(date(2026, 12, 1)),
        weight: String::new(),
    }))
}

/// Whether ingest would take the event; every reason to refuse it must be one of `expected`.
async fn takes(world: &World, by: &Client, event: pb::EventInput, expected: &[&str]) -> bool {
    let request =
        pb::SubmitRequest { parent: world.name(""), events: vec![event], validate_only: true, ..Default::default() };
    let Err(refused) = by.ingest.clone().submit(request).await else { return true };
    assert!(expected.contains(&reason(&refused).as_str()), "{refused:?}");
    false
}

#[tokio::test]
async fn what_is_listed_is_what_ingest_takes() {
    let world = World::harbin().await;
    for (agency, assignments) in shapes() {
        let assignments = assignments.into_iter().map(|(role, scope)| assigned(agency, role, scope));
        for event in introduce(agency, Lead, &[]).into_iter().chain(assignments) {
            world.stored(&world.office, event).await;
        }
    }
    let settled = world.stored(&world.office, introduce("last", Lead, &[]).remove(0)).await;
    let request = pb::ListIndicatorsRequest {
        parent: world.name(""),
        page_size: 1_000,
        as_of: Some(seen(LOOK, settled.position)),
        ..Default::default()
    };
    let indicators = world.auditor.progress.clone().list_indicators(request).await.unwrap().into_inner().indicators;
    let request = pb::ListProjectsRequest { parent: world.name(""), page_size: 1_000, ..Default::default() };
    let projects = world.auditor.progress.clone().list_projects(request).await.unwrap().into_inner().projects;
    assert_eq!(projects.len(), 35);
    let listed = agencies(&world, "").await;
    assert_eq!(listed.len(), shapes().len() + 2);
    let mut headlines = BTreeSet::new();
    for agency in &listed {
        let id = last_part(&agency.name);
        let (_, token) = world.sandbox.grant(pb::Role::Agency, &id, "").await;
        let clerk = world.sandbox.client(Some(&token)).await;
        for indicator in &indicators {
            let defined = indicator.definition.as_ref().unwrap();
            let words = defined.accumulation() == Accumulation::None;
            let expected: &[&str] =
                if words { &["OUT_OF_SCOPE", "FIGURE_NOT_ALLOWED"] } else { &["OUT_OF_SCOPE", "DERIVED_INDICATOR"] };
            for target in &indicator.targets {
                let headline = takes(&world, &clerk, figure(target, defined, ""), expected).await;
                let dimension = takes(&world, &clerk, figure(target, defined, "district=x"), expected).await;
                let found = agency.reportable_targets.iter().find(|one| one.name == target.name);
                let said = (found.is_some_and(|one| one.headline), found.is_some());
                assert_eq!(said, (headline, dimension), "{id} {}", target.name);
                assert!(!headline || headlines.insert(&target.name), "two agencies report one headline");
            }
        }
        for project in &projects {
            let event = milestone(&last_part(&project.name));
            let taken = takes(&world, &clerk, event, &["OUT_OF_SCOPE", "MILESTONE_STATE"]).await;
            assert_eq!(agency.reportable_projects.contains(&project.name), taken, "{id} {}", project.name);
        }
    }
    // The bureau leads the plan: everything that takes figures has its one lead.
    assert_eq!(
        headlines.len(),
        listed.iter().find(|one| last_part(&one.name) == BUREAU).unwrap().reportable_targets.len()
    );
}

#[tokio::test]
async fn every_role_may_list_agencies_and_the_command_shows_them() {
    let world = World::harbin().await;
    let mut last = None;
    let hit = introduce("hit", Lead, &[Kind::Area("circle-hit".to_owned())]);
    for event in hit.into_iter().chain(introduce("inspectors", Supervising, &[Kind::Plan(true)])) {
        last = Some(world.stored(&world.office, event).await);
    }
    world.indicator("platforms", &last.unwrap()).await;
    let listed = agencies(&world, "").await;
    assert_eq!(agencies(&world, "agency = hit").await, listed[..1]);
    for (role, agency) in [(pb::Role::Agency, "hit"), (pb::Role::Reader, ""), (pb::Role::Admin, "")] {
        let (_, token) = world.sandbox.grant(role, agency, "").await;
        let mut client = world.sandbox.client(Some(&token)).await;
        let request = pb::ListAgenciesRequest { parent: world.name(""), ..Default::default() };
        assert_eq!(client.progress.list_agencies(request).await.unwrap().into_inner().agencies, listed, "{role:?}");
    }
    let shown = world.sandbox.run(&["progress", "agencies"]);
    assert_eq!(shown.code, 0, "{shown:?}");
    for word in ["hit", "测试单位", "LEAD areas/circle-hit", "SUPERVISING plan", BUREAU, "LEAD plan", "已知位置 known"]
    {
        assert!(shown.stdout.contains(word), "{word}:\n{}", shown.stdout);
    }
    let json = world.sandbox.run(&["--json", "progress", "agencies"]);
    let printed: pb::ListAgenciesResponse = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(printed.agencies, listed);
}
