//! Rules of events that change the plan, its indicators and its targets, and of a plan that is closed out.

use jiff::civil::{Date, date};

use super::support::*;
use crate::event::*;
use crate::vocabulary::*;

pub(crate) fn edition(document: &str) -> Document {
    Document { id: id(document), title: "修订版".into(), sha256: None, notes: Vec::new() }
}

/// A revision that adds the edition `second`.
pub(crate) fn plan_revised() -> PlanRevised {
    PlanRevised {
        documents: vec![edition("second")],
        title: Name::default(),
        end: None,
        changes: "新增目标".into(),
        reason: "中期评估".into(),
    }
}

pub(crate) fn closed_out(as_of: Date) -> PlanClosedOut {
    PlanClosedOut { as_of, finding: "总体完成".into() }
}

pub(crate) fn adopted(calc_version: u32) -> CalculationAdopted {
    CalculationAdopted { calc_version, reason: "口径统一".into() }
}

pub(crate) fn redefined(indicator: &str) -> IndicatorRedefined {
    IndicatorRedefined {
        indicator: id(indicator),
        name: name("新名称"),
        aliases: vec!["旧名称".into()],
        method_note: "按新制度统计".into(),
        schedule: None,
        break_from: None,
        reason: "统计制度调整".into(),
    }
}

pub(crate) fn retired(indicator: &str, retired_from: Date) -> IndicatorRetired {
    IndicatorRetired { indicator: id(indicator), retired_from, reason: "不再统计".into() }
}

/// The city's target with another N, due as before.
pub(crate) fn target_revised(of: &str, value: Option<&str>) -> TargetRevised {
    TargetRevised {
        area: id("city"),
        indicator: id(of),
        value: value.map(dec),
        max: None,
        tolerance: None,
        required_step: None,
        due_as_written: "到2026年".into(),
        effective_deadline: date(2026, 12, 31),
        source: None,
        reason: "中期调整".into(),
    }
}

pub(crate) fn restated(of: &str, date: Date, value: &str) -> BaselineRestated {
    BaselineRestated { area: id("city"), indicator: id(of), baseline: at(date, value), reason: "普查修订".into() }
}

pub(crate) fn share(agency: &str, due_date: Date, value: &str) -> TaskShare {
    TaskShare { agency: id(agency), dimension: TOTAL.into(), due_date, value: dec(value) }
}

pub(crate) fn decomposed(of: &str, tasks: &[TaskShare]) -> TargetDecomposed {
    TargetDecomposed { area: id("city"), indicator: id(of), tasks: tasks.to_vec(), note: String::new() }
}

pub(crate) fn baseline(of: &str, date: Date, value: &str) -> BaselineSet {
    BaselineSet { area: id("city"), indicator: id(of), baseline: at(date, value) }
}

fn interim(of: &str, date: Date, value: &str) -> InterimTargetsSet {
    InterimTargetsSet { area: id("city"), indicator: id(of), interim: vec![at(date, value)], reason: String::new() }
}

fn cited(document: &str) -> Option<SourceSpan> {
    Some(SourceSpan { document: id(document), line_first: 1, line_last: 2, text: "…".into() })
}

fn labs(day: Date) -> MeasurementReported {
    figure("labs", Basis::StockAt, ReferencePeriod::AsOf(day), "3")
}

const EVE: Date = date(2021, 12, 31);
const INVALID: Reason = Reason::InvalidField;
const RULE: Reason = Reason::TargetRule;

#[test]
fn a_revision_adds_editions_and_changes_title_and_end() {
    let mut world = World::published();
    let longer = PlanRevised { title: name("方案（修订）"), end: Some(date(2027, 12, 31)), ..plan_revised() };
    world.ok(&office(), longer);
    let plan = world.state.plan().unwrap();
    assert_eq!((plan.title.zh.as_str(), plan.end), ("方案（修订）", date(2027, 12, 31)));
    let documents: Vec<&str> = plan.documents.iter().map(|document| document.id.as_str()).collect();
    assert_eq!(documents, ["text", "second"]);
    world.ok(&office(), PlanRevised { documents: vec![edition("third")], ..plan_revised() });
    let plan = world.state.plan().unwrap();
    assert_eq!((plan.title.zh.as_str(), plan.end, plan.documents.len()), ("方案（修订）", date(2027, 12, 31), 3));
}

#[test]
fn a_revision_changes_something_and_says_what_and_why() {
    let mut world = World::published();
    let mut refused = |revised: PlanRevised, reason, field: &str| {
        world.refused(&office(), revised, reason, &format!("plan_revised.{field}"));
    };
    let empty = PlanRevised { documents: Vec::new(), ..plan_revised() };
    refused(empty, INVALID, "documents");
    let english = Name { zh: String::new(), en: "Plan".into() };
    refused(PlanRevised { title: english, ..plan_revised() }, INVALID, "title.zh");
    refused(PlanRevised { changes: " ".into(), ..plan_revised() }, INVALID, "changes");
    refused(PlanRevised { reason: String::new(), ..plan_revised() }, INVALID, "reason");
    let known = PlanRevised { documents: vec![edition("second"), edition("text")], ..plan_revised() };
    refused(known, Reason::AlreadyDefined, "documents[1].document");
    let twice = PlanRevised { documents: vec![edition("second"), edition("second")], ..plan_revised() };
    refused(twice, Reason::AlreadyDefined, "documents[1].document");
}

#[test]
fn a_revised_end_leaves_no_target_due_after_the_plan() {
    let mut world = World::published();
    let until = |end| PlanRevised { end: Some(end), ..plan_revised() };
    let message = world.refused(&office(), until(date(2026, 12, 30)), RULE, "plan_revised.end_date");
    assert!(message.contains("2026-12-31") && message.contains("/targets/"), "{message}");
    world.refused(&office(), until(EVE), INVALID, "plan_revised.end_date");
    world.ok(&office(), until(date(2026, 12, 31)));
}

#[test]
fn before_publication_nothing_is_revised() {
    let mut world = World::loading();
    let sent: [Payload; 6] = [
        plan_revised().into(),
        closed_out(date(2027, 1, 15)).into(),
        adopted(2).into(),
        redefined("labs").into(),
        target_revised("labs", Some("8")).into(),
        restated("labs", EVE, "3").into(),
    ];
    for payload in sent {
        let field = crate::decide::path(&world.input(payload.clone()), "");
        world.refused(&office(), payload, Reason::PlanNotPublished, &field);
    }
}

#[test]
fn a_revised_plan_takes_indicators_and_targets_of_the_new_edition() {
    let mut world = World::published();
    let new = || indicator("new", Accumulation::Stock);
    let target = |source| TargetSet { source, ..target(11, "new", Operator::AtLeast, Some("5")) };
    world.refused(&office(), new(), Reason::PlanAlreadyPublished, "indicator_defined");
    world.refused(&office(), target(cited("text")), Reason::PlanAlreadyPublished, "target_set");
    world.ok(&office(), plan_revised());
    world.ok(&office(), new());
    for source in [None, cited("text")] {
        world.refused(&office(), target(source), RULE, "target_set.source.document");
    }
    world.refused(&office(), target(cited("none")), Reason::UnknownResource, "target_set.source.document");
    world.ok(&office(), target(cited("second")));
    let published = world.state.published().unwrap().event_count;
    assert_eq!(world.state.definition_count(), published, "later definitions are not counted");
    let report = figure("new", Basis::StockAt, ReferencePeriod::AsOf(TODAY), "3");
    world.ok(&agency("bureau"), report);
}

#[test]
fn another_calculation_is_one_that_is_known_and_not_in_force() {
    let mut world = World::published();
    assert_eq!(world.state.calc_version(), 1);
    for version in [0, 1, 3] {
        world.refused(&office(), adopted(version), INVALID, "calculation_adopted.calc_version");
    }
    let silent = CalculationAdopted { reason: String::new(), ..adopted(2) };
    world.refused(&office(), silent, INVALID, "calculation_adopted.reason");
    world.ok(&office(), adopted(2));
    assert_eq!(world.state.calc_version(), 2);
    world.refused(&office(), adopted(2), INVALID, "calculation_adopted.calc_version");
    world.ok(&office(), adopted(1));
    let mut world = World::empty();
    world.ok(&office(), PlanDefined { calc_version: 2, ..plan() });
    assert_eq!(world.state.calc_version(), 2);
}

#[test]
fn a_redefinition_changes_words_and_schedule_and_keeps_what_figures_are() {
    let mut world = World::published();
    let before = world.state.indicator(&id("labs")).unwrap().clone();
    let schedule = Schedule { frequency: Frequency::Year, release_lag_days: 90, grace_days: 30 };
    let break_from = Some(date(2026, 1, 1));
    world.ok(&office(), IndicatorRedefined { schedule: Some(schedule), break_from, ..redefined("labs") });
    let after = world.state.indicator(&id("labs")).unwrap();
    let expected = IndicatorDefined {
        name: name("新名称"),
        aliases: vec!["旧名称".into()],
        method_note: "按新制度统计".into(),
        schedule,
        ..before.as_ref().clone()
    };
    assert_eq!(**after, expected);
    world.ok(&office(), redefined("labs"));
    assert_eq!(world.state.indicator(&id("labs")).unwrap().schedule, schedule, "none = unchanged");
    world.refused(&office(), redefined("none"), Reason::UnknownResource, "indicator_redefined.indicator");
    let nameless = IndicatorRedefined { name: name(""), ..redefined("labs") };
    world.refused(&office(), nameless, INVALID, "indicator_redefined.display_name.zh");
    let silent = IndicatorRedefined { reason: String::new(), ..redefined("labs") };
    world.refused(&office(), silent, INVALID, "indicator_redefined.reason");
}

#[test]
fn a_light_rules_schedules_are_those_of_the_indicators() {
    let mut world = World::published();
    let schedule = Schedule { frequency: Frequency::Month, release_lag_days: 5, grace_days: 5 };
    let schedules = vec![ScheduleOverride { indicator: id("labs"), schedule }];
    let rule = crate::score::LightRule { version: 2, ..Default::default() };
    world.ok(&office(), LightRuleAdopted { rule, schedules, reason: "会议决定".into() });
    assert_eq!(world.state.indicator(&id("labs")).unwrap().schedule, schedule);
}

#[test]
fn a_retired_indicator_takes_nothing_of_that_day_or_later() {
    let mut world = World::published();
    let from = date(2025, 4, 1);
    let live = world.ok(&agency("bureau"), labs(date(2025, 5, 1)));
    world.today = Some(from);
    world.ok(&office(), retired("labs", from));
    world.ok(&office(), retired("level", from));
    world.today = Some(TODAY);
    let gone = Reason::IndicatorRetired;
    let message = world.refused(&agency("bureau"), labs(from), gone, "measurement_reported.indicator");
    assert!(message.contains("2025-04-01"), "{message}");
    let nothing = |day| {
        let (area, indicator, period) = (id("city"), id("labs"), ReferencePeriod::AsOf(day));
        NothingToReport { area, indicator, period }
    };
    world.refused(&agency("bureau"), nothing(from), gone, "nothing_to_report.indicator");
    let field = "qualitative_assessment_recorded.indicator";
    world.refused(&auditor(), assessed("国内领先"), gone, field);
    world.ok(&agency("bureau"), labs(date(2025, 3, 31)));
    world.ok(&agency("bureau"), nothing(date(2025, 3, 31)));
    world.ok(&auditor(), QualitativeAssessmentRecorded { as_of: date(2025, 3, 31), ..assessed("国内领先") });
    world.ok(&agency("bureau"), corrected(live, "4"));
}

#[test]
fn retiring_an_indicator_leaves_what_was_shown_and_judged() {
    let mut world = World::published();
    let field = "indicator_retired.retired_from";
    let message = world.refused(&office(), retired("labs", date(2025, 6, 29)), INVALID, field);
    assert!(message.contains("2025-06-30"), "{message}");
    let message = world.refused(&office(), retired("added", date(2027, 1, 1)), RULE, field);
    assert!(message.contains("/targets/added") && message.contains("2026-12-31"), "{message}");
    world.ok(&office(), retired("labs", TODAY));
    world.ok(&office(), retired("added", date(2026, 12, 31)));
    let sooner = TargetRevised { effective_deadline: date(2026, 12, 30), ..target_revised("added", Some("90")) };
    let message = world.refused(&office(), sooner, RULE, "target_revised.effective_deadline");
    assert!(message.contains("2026-12-31"), "{message}");
    world.today = Some(date(2027, 1, 1));
    world.refused(&office(), retired("revenue", date(2026, 12, 31)), INVALID, field);
    world.refused(&office(), retired("revenue", date(2027, 1, 1)), RULE, field);
    world.ok(&office(), retired("gdp-growth", date(2027, 1, 1)));
}

#[test]
fn an_indicator_is_retired_once() {
    let mut world = World::published();
    let field = "indicator_retired.indicator";
    world.refused(&office(), retired("none", TODAY), Reason::UnknownResource, field);
    let silent = IndicatorRetired { reason: String::new(), ..retired("labs", TODAY) };
    world.refused(&office(), silent, INVALID, "indicator_retired.reason");
    world.ok(&office(), retired("labs", date(2026, 1, 1)));
    world.refused(&office(), retired("labs", TODAY), Reason::AlreadyDefined, field);
    let mut world = World::loading();
    let born = IndicatorDefined { retired_from: Some(TODAY), ..indicator("old", Accumulation::Stock) };
    world.ok(&office(), born);
    let event_count = world.state.definition_count();
    world.ok(&office(), PlanPublished { event_count, digest: [7; 32] });
    world.refused(&office(), retired("old", TODAY), Reason::AlreadyDefined, field);
}

#[test]
fn a_revised_target_keeps_its_operator_and_what_lies_on_its_way() {
    let mut world = World::published();
    world.ok(&office(), baseline("labs", EVE, "3"));
    world.ok(&office(), interim("labs", date(2024, 12, 31), "6"));
    let before = world.state.target(&id("city"), &id("labs")).unwrap().clone();
    world.ok(&office(), plan_revised());
    let revision = TargetRevised { source: cited("second"), ..target_revised("labs", Some("12")) };
    world.ok(&office(), revision);
    let after = world.state.target(&id("city"), &id("labs")).unwrap();
    let expected = TargetSet { value: Some(dec("12")), source: cited("second"), ..(*before.definition).clone() };
    assert_eq!(*after.definition, expected);
    assert_eq!((after.baseline, &after.interim), (before.baseline, &before.interim));
}

#[test]
fn after_a_new_edition_a_revised_target_cites_one_that_is_not_older_than_its_own() {
    let mut world = World::published();
    let revise = |source| TargetRevised { source, ..target_revised("labs", Some("8")) };
    world.ok(&office(), revise(None));
    world.ok(&office(), plan_revised());
    let field = "target_revised.source.document";
    for old in [None, cited("text")] {
        let message = world.refused(&office(), revise(old), RULE, field);
        assert!(message.contains("second"), "{message}");
    }
    world.ok(&office(), PlanRevised { documents: vec![edition("another")], ..plan_revised() });
    for edition in ["second", "second", "another"] {
        world.ok(&office(), revise(cited(edition)));
    }
    let message = world.refused(&office(), revise(cited("second")), RULE, field);
    assert!(message.contains("another"), "{message}");
}

#[test]
fn a_revised_target_obeys_the_rules_of_targets() {
    let mut world = World::published();
    let mut refused = |revised: TargetRevised, reason, field: &str| {
        world.refused(&office(), revised, reason, &format!("target_revised.{field}"));
    };
    let labs = || target_revised("labs", Some("8"));
    refused(target_revised("none", Some("8")), Reason::UnknownResource, "indicator");
    refused(TargetRevised { area: id("circle"), ..labs() }, Reason::UnknownResource, "indicator");
    refused(TargetRevised { source: cited("none"), ..labs() }, Reason::UnknownResource, "source.document");
    refused(TargetRevised { due_as_written: String::new(), ..labs() }, INVALID, "due_as_written");
    refused(TargetRevised { reason: String::new(), ..labs() }, INVALID, "reason");
    refused(target_revised("labs", None), RULE, "value");
    refused(target_revised("labs", Some("0")), RULE, "value");
    refused(TargetRevised { max: Some(dec("9")), ..labs() }, RULE, "max");
    refused(TargetRevised { tolerance: Some(dec("0.1")), ..labs() }, RULE, "tolerance");
    refused(TargetRevised { effective_deadline: date(2027, 1, 1), ..labs() }, RULE, "effective_deadline");
    let midyear = TargetRevised { effective_deadline: date(2026, 6, 30), ..target_revised("revenue", Some("5")) };
    refused(midyear, RULE, "effective_deadline");
    refused(target_revised("level", None), RULE, "required_step");
    let step = |step: &str| TargetRevised { required_step: Some(step.into()), ..target_revised("level", None) };
    refused(step("国际领先"), RULE, "required_step");
    world.ok(&office(), step("省内领先"));
    world.ok(&office(), target_revised("rd-growth", None));
}

#[test]
fn baseline_and_interim_targets_still_lie_before_the_revised_deadline_and_below_the_revised_goal() {
    let mut world = World::published();
    world.ok(&office(), baseline("labs", EVE, "3"));
    world.ok(&office(), interim("labs", date(2024, 12, 31), "6"));
    world.refused(&office(), target_revised("labs", Some("5")), RULE, "target_revised.value");
    world.ok(&office(), target_revised("labs", Some("6")));
    let due = |day| TargetRevised { effective_deadline: day, ..target_revised("labs", Some("9")) };
    world.refused(&office(), due(date(2024, 12, 31)), RULE, "target_revised.effective_deadline");
    world.ok(&office(), due(date(2025, 1, 1)));
    world.ok(&office(), baseline("coverage", date(2024, 6, 30), "60"));
    let covered = TargetRevised { effective_deadline: date(2024, 6, 30), ..target_revised("coverage", None) };
    world.refused(&office(), covered, RULE, "target_revised.effective_deadline");
}

#[test]
fn a_baseline_is_set_once_and_then_restated_with_the_reason() {
    let mut world = World::published();
    let field = "baseline_restated.baseline";
    world.refused(&office(), restated("labs", EVE, "3"), Reason::UnknownResource, field);
    world.ok(&office(), baseline("labs", EVE, "3"));
    let again = baseline("labs", EVE, "4");
    let message = world.refused(&office(), again, Reason::AlreadyDefined, "baseline_set.baseline");
    assert!(message.contains("BaselineRestated"), "{message}");
    let silent = BaselineRestated { reason: String::new(), ..restated("labs", EVE, "4") };
    world.refused(&office(), silent, INVALID, "baseline_restated.reason");
    let late = restated("labs", date(2026, 12, 31), "4");
    world.refused(&office(), late, RULE, "baseline_restated.baseline.date");
    world.ok(&office(), interim("labs", date(2024, 12, 31), "5"));
    world.refused(&office(), restated("labs", EVE, "6"), RULE, field);
    world.ok(&office(), restated("labs", date(2022, 6, 30), "4"));
    let held = world.state.target(&id("city"), &id("labs")).unwrap().baseline;
    assert_eq!(held, Some(at(date(2022, 6, 30), "4")));
    world.ok(&office(), baseline("added", EVE, "0"));
    world.refused(&office(), restated("added", EVE, "1"), RULE, "baseline_restated.baseline.value");
}

#[test]
fn interim_targets_are_set_once_and_then_replaced_with_the_reason() {
    let mut world = World::published();
    world.ok(&office(), interim("labs", date(2024, 12, 31), "5"));
    let field = "interim_targets_set.reason";
    for silent in ["", " "] {
        let again = InterimTargetsSet { reason: silent.into(), ..interim("labs", date(2024, 12, 31), "6") };
        let message = world.refused(&office(), again, Reason::AlreadyDefined, field);
        assert!(message.contains("2024-12-31"), "{message}");
    }
    world.ok(&office(), InterimTargetsSet { reason: "年度调整".into(), ..interim("labs", date(2025, 12, 31), "6") });
    let held = &world.state.target(&id("city"), &id("labs")).unwrap().interim;
    assert_eq!(held[..], [at(date(2025, 12, 31), "6")]);
    let long =
        InterimTargetsSet { reason: "长".repeat(TEXT_LENGTH_MAX + 1), ..interim("labs", date(2025, 12, 31), "6") };
    world.refused(&office(), long, INVALID, field);
}

#[test]
fn only_a_number_is_shared_out_and_each_share_lies_within_the_target() {
    let mut world = World::published();
    let due = date(2025, 12, 31);
    let one = share("bureau", due, "4");
    let district = TaskShare { dimension: "district=songbei".into(), ..share("district", due, "0") };
    let later = share("bureau", date(2026, 12, 31), "9");
    let shares = [one.clone(), district, later];
    world.ok(&office(), decomposed("labs", &shares));
    assert_eq!(world.state.target(&id("city"), &id("labs")).unwrap().tasks[..], shares);
    for of in ["level", "rd-growth", "coverage"] {
        world.refused(&office(), decomposed(of, std::slice::from_ref(&one)), RULE, "target_decomposed.indicator");
    }
    let mut refused = |tasks: &[TaskShare], reason, field: &str| {
        world.refused(&office(), decomposed("labs", tasks), reason, &format!("target_decomposed.{field}"));
    };
    refused(&[], INVALID, "tasks");
    refused(&[share("none", due, "4")], Reason::UnknownResource, "tasks[0].agency");
    refused(&[one.clone(), share("bureau", date(2027, 1, 1), "4")], RULE, "tasks[1].due_date");
    refused(&[share("bureau", EVE, "4")], RULE, "tasks[0].due_date");
    refused(&[share("bureau", due, "-1")], RULE, "tasks[0].value");
    refused(&[one.clone(), share("bureau", due, "5")], Reason::AlreadyDefined, "tasks[1].due_date");
    let odd = TaskShare { dimension: "松北".into(), ..one };
    refused(&[odd], INVALID, "tasks[0].dimension");
}

#[test]
fn no_share_is_due_after_the_revised_deadline() {
    let mut world = World::published();
    let (early, late) = (date(2025, 12, 31), date(2026, 6, 30));
    world.ok(&office(), decomposed("labs", &[share("bureau", late, "4"), share("district", early, "4")]));
    let due = |day| TargetRevised { effective_deadline: day, ..target_revised("labs", Some("9")) };
    let message = world.refused(&office(), due(date(2026, 6, 29)), RULE, "target_revised.effective_deadline");
    assert!(message.contains("bureau") && message.contains("2026-06-30"), "{message}");
    world.clone().ok(&office(), due(late));
    world.ok(&office(), decomposed("labs", &[share("district", early, "4")]));
    world.ok(&office(), due(early));
}

#[test]
fn who_files_does_not_review_or_approve() {
    let mut world = World::published();
    let mut send = |filer: &str, reviewer: &str, approver: &str| {
        let mut input = world.input(labs(TODAY));
        input.staff = StaffCodes { filer: filer.into(), reviewer: reviewer.into(), approver: approver.into() };
        (world.clone(), input)
    };
    for (codes, field) in [(("a1", "a1", ""), "staff.reviewer"), (("a1", "b2", "a1"), "staff.approver")] {
        let (mut world, input) = send(codes.0, codes.1, codes.2);
        world.refused_input(&agency("bureau"), input, INVALID, field);
    }
    for codes in [("", "", ""), ("a1", "", ""), ("a1", "b2", "b2"), ("", "b2", "b2")] {
        let (mut world, input) = send(codes.0, codes.1, codes.2);
        world.send(&agency("bureau"), input).unwrap();
    }
}

#[test]
fn a_change_is_about_what_it_changes() {
    let mut world = World::published();
    world.ok(&office(), baseline("labs", EVE, "3"));
    let tasks = [share("bureau", date(2025, 12, 31), "4")];
    let of_target = (Some(id("city")), "plans/p/areas/city/targets/labs");
    let ended = super::agencies::ended("bureau", AssignmentRole::Lead, Scope::Plan);
    let changes: [(Payload, (Option<crate::id::AreaId>, &str)); 10] = [
        (plan_revised().into(), (None, "plans/p")),
        (adopted(2).into(), (None, "plans/p")),
        (redefined("labs").into(), (None, "plans/p/indicators/labs")),
        (retired("labs", TODAY).into(), (None, "plans/p/indicators/labs")),
        (TargetRevised { source: cited("second"), ..target_revised("labs", Some("8")) }.into(), of_target.clone()),
        (restated("labs", EVE, "2").into(), of_target.clone()),
        (decomposed("labs", &tasks).into(), of_target),
        (super::agencies::renamed("bureau", "新局").into(), (None, "plans/p/agencies/bureau")),
        (ended.into(), (None, "plans/p/agencies/bureau")),
        (super::agencies::succeeded("bureau", "stranger").into(), (None, "plans/p/agencies/bureau")),
    ];
    for (payload, (area, subject)) in changes {
        let input = world.input(payload);
        let (_, decision) = world.send(&office(), input).unwrap();
        assert_eq!((decision.area, decision.subject.as_str()), (area, subject));
        assert!(!decision.back_dated);
    }
}
