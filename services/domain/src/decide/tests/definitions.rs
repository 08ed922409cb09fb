//! Rules of the plan, its phases, areas, indicators, agencies and light rules.

use jiff::civil::date;

use super::support::*;
use crate::event::*;
use crate::score::LightRule;
use crate::vocabulary::*;

#[test]
fn genesis_and_days_are_written_by_the_server_alone_and_days_go_forward() {
    let mut world = World::default();
    world.refused(&office(), genesis(), Reason::ServerOnly, "log_created");
    world.ok(&server(), genesis());
    world.refused(&server(), genesis(), Reason::AlreadyDefined, "log_created");
    let day = |day| DayOpened { date: date(2025, 6, day) };
    world.refused(&office(), day(1), Reason::ServerOnly, "day_opened");
    world.ok(&server(), day(2));
    world.refused(&server(), day(2), Reason::InvalidField, "day_opened.date");
    world.refused(&server(), day(1), Reason::InvalidField, "day_opened.date");
    world.ok(&server(), day(3));
    assert_eq!(world.state.last_day(), Some(date(2025, 6, 3)));
}

#[test]
fn the_plan_comes_first_and_once() {
    let mut world = World::empty();
    world.refused(&office(), area("city", AreaKind::City), Reason::PlanNotPublished, "area_designated");
    world.ok(&office(), plan());
    world.refused(&office(), plan(), Reason::AlreadyDefined, "plan_defined.plan");
    assert_eq!(world.state.definition_count(), 1);
}

#[test]
fn a_plan_with_a_faulty_frame_is_refused() {
    let mut world = World::empty();
    let mut refused = |plan: PlanDefined, field: &str| {
        world.refused(&office(), plan, Reason::InvalidField, &format!("plan_defined.{field}"));
    };
    refused(PlanDefined { plan: id("q"), ..plan() }, "plan");
    refused(PlanDefined { end: date(2021, 12, 31), ..plan() }, "end_date");
    refused(PlanDefined { calc_version: 3, ..plan() }, "calc_version");
    refused(PlanDefined { units: Vec::new(), ..plan() }, "units");
    refused(PlanDefined { time_zone: String::new(), ..plan() }, "time_zone");
    refused(PlanDefined { title: name(" "), ..plan() }, "title.zh");
    let rule = LightRule { far_behind_below_points: dec("-5"), ..LightRule::default() };
    refused(PlanDefined { light_rule: rule, ..plan() }, "light_rule.far_behind_below_points");
    let mut twice = plan();
    twice.units.push(twice.units[0].clone());
    world.refused(&office(), twice, Reason::AlreadyDefined, "plan_defined.units[4].code");
}

#[test]
fn before_publication_only_the_plan_office_adds_definitions() {
    let mut world = World::loading();
    let labs = figure("labs", Basis::StockAt, ReferencePeriod::AsOf(TODAY), "3");
    world.refused(&agency("bureau"), labs, Reason::PlanNotPublished, "measurement_reported");
    world.refused(&agency("bureau"), milestone("park", "m"), Reason::PlanNotPublished, "milestone_planned");
    world.refused(&auditor(), assessed("省内领先"), Reason::PlanNotPublished, "qualitative_assessment_recorded");
    world.refused(&agency("bureau"), registered("new"), Reason::RoleNotAllowed, "agency_registered");
    world.ok(&office(), milestone("park", "m"));
}

#[test]
fn publication_counts_the_definitions_and_comes_once() {
    let mut world = World::loading();
    let event_count = world.state.definition_count();
    let published = PlanPublished { event_count, digest: [7; 32] };
    let short = PlanPublished { event_count: event_count - 1, ..published };
    world.refused(&office(), short, Reason::InvalidField, "plan_published.event_count");
    world.ok(&server(), DayOpened { date: TODAY });
    world.ok(&office(), published.clone());
    assert_eq!(world.state.published(), Some(&published));
    world.refused(&office(), published.clone(), Reason::PlanAlreadyPublished, "plan_published");
    let other = PlanPublished { digest: [8; 32], ..published };
    world.refused(&office(), other, Reason::PlanDigestMismatch, "plan_published.digest");
}

#[test]
fn after_publication_the_frame_is_closed_and_the_rest_stays_open() {
    let mut world = World::published();
    let closed = Reason::PlanAlreadyPublished;
    world.refused(&office(), plan(), closed, "plan_defined");
    world.refused(&office(), indicator("late", Accumulation::Stock), closed, "indicator_defined");
    world.refused(&office(), target(11, "labs", Operator::AtLeast, Some("1")), closed, "target_set");
    world.ok(&office(), area("new-circle", AreaKind::Circle));
    world.ok(&office(), registered("new"));
    world.ok(&office(), assignment("new", AssignmentRole::Lead, Scope::Area(id("new-circle"))));
    world.ok(&office(), project("new-hub", ProjectKind::Project));
    let baseline = BaselineSet { area: id("city"), indicator: id("labs"), baseline: at(date(2021, 12, 31), "3") };
    world.ok(&office(), baseline);
    let published = world.state.published().unwrap();
    assert_eq!(world.state.definition_count(), published.event_count, "later definitions are not counted");
}

#[test]
fn an_id_is_defined_once() {
    let mut world = World::loading();
    let taken = Reason::AlreadyDefined;
    world.refused(&office(), area("circle", AreaKind::Zone), taken, "area_designated.area");
    world.refused(&office(), indicator("labs", Accumulation::Stock), taken, "indicator_defined.indicator");
    world.refused(&office(), registered("bureau"), taken, "agency_registered.agency");
    world.refused(&office(), project("park", ProjectKind::Project), taken, "project_registered.project");
    world.ok(&office(), milestone("park", "m"));
    world.refused(&office(), milestone("park", "m"), taken, "milestone_planned.milestone");
    world.ok(&office(), milestone("centre", "m"));
}

#[test]
fn a_plan_has_one_city() {
    let mut world = World::loading();
    world.refused(&office(), area("town", AreaKind::City), Reason::AlreadyDefined, "area_designated.kind");
}

#[test]
fn what_a_definition_names_is_in_the_plan() {
    let mut world = World::loading();
    let unknown = Reason::UnknownResource;
    let stock = || indicator("new", Accumulation::Stock);
    let category = IndicatorDefined { category: Some(id("none")), ..stock() };
    world.refused(&office(), category, unknown, "indicator_defined.category");
    let unit = IndicatorDefined { unit: "公斤".into(), ..stock() };
    world.refused(&office(), unit, unknown, "indicator_defined.unit");
    let source = SourceSpan { document: id("none"), line_first: 1, line_last: 1, text: "…".into() };
    let quoted = AreaDesignated { source: Some(source), ..area("new", AreaKind::Zone) };
    world.refused(&office(), quoted, unknown, "area_designated.source.document");
    let elsewhere = ProjectRegistered { area: id("none"), ..project("new", ProjectKind::Project) };
    world.refused(&office(), elsewhere, unknown, "project_registered.area");
    world.refused(&office(), milestone("none", "m"), unknown, "milestone_planned.project");
    let lead = |agency: &str, scope| assignment(agency, AssignmentRole::Lead, scope);
    world.refused(&office(), lead("none", Scope::Plan), unknown, "agency_assigned.agency");
    let area = lead("district", Scope::Area(id("none")));
    world.refused(&office(), area, unknown, "agency_assigned.scope.area");
    let indicator = lead("district", Scope::Indicator(id("none")));
    world.refused(&office(), indicator, unknown, "agency_assigned.scope.indicator");
    let target = lead("district", Scope::Target(id("circle"), id("labs")));
    world.refused(&office(), target, unknown, "agency_assigned.scope.target");
    let project = lead("district", Scope::Project(id("none")));
    world.refused(&office(), project, unknown, "agency_assigned.scope.project");
}

#[test]
fn a_quotation_has_lines_in_order() {
    let mut world = World::loading();
    let source = SourceSpan { document: id("text"), line_first: 3, line_last: 2, text: "…".into() };
    let quoted = AreaDesignated { source: Some(source), ..area("new", AreaKind::Zone) };
    world.refused(&office(), quoted, Reason::InvalidField, "area_designated.source.line_first");
}

#[test]
fn an_indicator_names_the_basis_that_its_accumulation_takes() {
    let mut world = World::loading();
    let mut refused = |accumulation, basis| {
        let indicator = IndicatorDefined { basis, ..indicator("new", accumulation) };
        world.refused(&office(), indicator, Reason::TargetRule, "indicator_defined.basis");
    };
    refused(Accumulation::Stock, None);
    refused(Accumulation::Stock, Some(Basis::FullYear));
    refused(Accumulation::Ratio, None);
    refused(Accumulation::Ratio, Some(Basis::Period));
    refused(Accumulation::Cumulative, Some(Basis::Period));
    refused(Accumulation::AnnualFlow, Some(Basis::FullYear));
    refused(Accumulation::RunningTotal, Some(Basis::PlanToDate));
    refused(Accumulation::Paired, Some(Basis::StockAt));
    refused(Accumulation::None, Some(Basis::StockAt));
}

#[test]
fn an_indicators_kind_direction_and_aggregation_fit_its_accumulation() {
    let mut world = World::loading();
    let mut refused = |indicator: IndicatorDefined, reason, field: &str| {
        world.refused(&office(), indicator, reason, &format!("indicator_defined.{field}"));
    };
    let of = |accumulation| indicator("new", accumulation);
    let words = IndicatorDefined { measure_kind: MeasureKind::Qualitative, ..of(Accumulation::Stock) };
    refused(words, Reason::TargetRule, "measure_kind");
    let covered = IndicatorDefined { measure_kind: MeasureKind::Coverage, ..of(Accumulation::Stock) };
    refused(covered, Reason::TargetRule, "accumulation");
    let falling = IndicatorDefined { ascending: false, ..of(Accumulation::Cumulative) };
    refused(falling, Reason::TargetRule, "ascending");
    let summed = IndicatorDefined { aggregation: Aggregation::Sum, ..of(Accumulation::Ratio) };
    refused(summed, Reason::InvalidField, "aggregation");
    let huge = IndicatorDefined { unit_multiplier: 16, ..of(Accumulation::Stock) };
    refused(huge, Reason::InvalidField, "unit_multiplier");
}

#[test]
fn a_stage_has_a_day_that_has_come_and_a_reason() {
    let mut world = World::published();
    let change = AreaStageChanged { area: id("circle"), stage: AreaStage::Building, reason: "开工".into() };
    world.refused(&office(), change.clone(), Reason::InvalidField, "effective_date");
    let mut input = world.input(change.clone());
    input.effective_date = Some(date(2025, 7, 1));
    world.refused_input(&office(), input, Reason::FutureDate, "effective_date");
    let mut input = world.input(change);
    input.effective_date = Some(date(2022, 1, 1));
    input.source_ref = String::new();
    let (_, decision) = world.send(&office(), input).unwrap();
    assert!(!decision.back_dated, "definitions are not 补录");
    assert_eq!((decision.area, decision.subject.as_str()), (Some(id("circle")), "plans/p/areas/circle"));
    let stages = &world.state.area(&id("circle")).unwrap().stages;
    assert_eq!(stages[..], [(date(2022, 1, 1), AreaStage::Building)]);
}

#[test]
fn light_rules_follow_each_other() {
    let mut world = World::published();
    let adopted = |version| LightRuleAdopted {
        rule: LightRule { version, ..LightRule::default() },
        schedules: Vec::new(),
        reason: "会议决定".into(),
    };
    for version in [0, 1, 3] {
        world.refused(&office(), adopted(version), Reason::InvalidField, "light_rule_adopted.rule.version");
    }
    let schedule = Schedule { frequency: Frequency::Year, release_lag_days: 0, grace_days: 0 };
    let schedules = vec![ScheduleOverride { indicator: id("none"), schedule }];
    let unknown = LightRuleAdopted { schedules, ..adopted(2) };
    world.refused(&office(), unknown, Reason::UnknownResource, "light_rule_adopted.schedules[0].indicator");
    let silent = LightRuleAdopted { reason: String::new(), ..adopted(2) };
    world.refused(&office(), silent, Reason::InvalidField, "light_rule_adopted.reason");
    world.ok(&office(), adopted(2));
    assert_eq!(world.state.light_rule().map(|rule| rule.version), Some(2));
}

#[test]
fn a_credit_code_is_checked_and_belongs_to_one_agency() {
    let mut world = World::published();
    let coded = |agency: &str, uscc: &str| AgencyRegistered { uscc: uscc.into(), ..registered(agency) };
    let bad = coded("one", "91350100M000100Y44");
    world.refused(&office(), bad, Reason::InvalidField, "agency_registered.uscc");
    world.ok(&office(), coded("one", "91350100M000100Y43"));
    let taken = coded("two", "91350100M000100Y43");
    world.refused(&office(), taken, Reason::AlreadyDefined, "agency_registered.uscc");
    world.ok(&office(), coded("two", ""));
    world.ok(&office(), coded("three", ""));
}

#[test]
fn each_exact_scope_has_one_lead_and_the_narrowest_one_leads_a_target() {
    let mut world = World::published();
    let lead = |agency: &str, scope| assignment(agency, AssignmentRole::Lead, scope);
    world.refused(&office(), lead("district", Scope::Plan), Reason::AlreadyDefined, "agency_assigned.role");
    world.refused(&office(), lead("bureau", Scope::Plan), Reason::AlreadyDefined, "agency_assigned.agency");
    let again = assignment("district", AssignmentRole::Responsible, Scope::Plan);
    world.refused(&office(), again, Reason::AlreadyDefined, "agency_assigned.agency");
    let leader = |world: &World| world.state.lead_of(&id("circle"), &id("added")).unwrap().to_string();
    assert_eq!(leader(&world), "bureau");
    world.ok(&office(), lead("district", Scope::Area(id("circle"))));
    assert_eq!(leader(&world), "district");
    world.ok(&office(), lead("stranger", Scope::Indicator(id("added"))));
    assert_eq!(leader(&world), "stranger");
    world.ok(&office(), lead("bureau", Scope::Target(id("circle"), id("added"))));
    assert_eq!(leader(&world), "bureau");
}

#[test]
fn texts_and_lists_are_bounded() {
    let mut world = World::published();
    let long = "字".repeat(TEXT_LENGTH_MAX + 1);
    let mut refused = |field: &str, change: &dyn Fn(&mut EventInput)| {
        let mut input = world.input(registered("new"));
        change(&mut input);
        world.refused_input(&office(), input, Reason::InvalidField, field);
    };
    refused("comment", &|input| input.comment.clone_from(&long));
    refused("source_ref", &|input| input.source_ref.clone_from(&long));
    refused("correlation_id", &|input| input.correlation_id = "x".repeat(129));
    refused("event_id", &|input| input.event_id = uuid::Uuid::nil());
    let file = Evidence { sha256: [0; 32], media_type: "application/pdf".into(), title: "".into(), locator: "".into() };
    refused("evidence", &|input| input.evidence = vec![file.clone(); EVIDENCE_MAX + 1]);
    let untyped = Evidence { media_type: String::new(), ..file.clone() };
    refused("evidence[0].media_type", &|input| input.evidence = vec![untyped.clone()]);
    let mut longest = world.input(registered("new"));
    longest.comment = "字".repeat(TEXT_LENGTH_MAX);
    world.send(&office(), longest).unwrap();
}
