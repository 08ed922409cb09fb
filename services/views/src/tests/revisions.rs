//! The model after definitions that change earlier ones.

use jiff::civil::date;
use songhua_domain::event::{
    AgencyAssigned, AgencyRegistered, AgencyRenamed, AgencySucceeded, AssignmentEnded, BaselineRestated,
    CalculationAdopted, Document, IndicatorDefined, IndicatorRedefined, IndicatorRetired, LightRuleAdopted, Name,
    PlanClosedOut, PlanDefined, PlanRevised, Schedule, ScheduleOverride, Scope, SourceSpan, TargetDecomposed,
    TargetRevised, TargetSet, TaskShare,
};
use songhua_domain::id::{AgencyId, AreaId, IndicatorId};
use songhua_domain::quantity::Decimal;
use songhua_domain::score::{DatedValue, LightRule};
use songhua_domain::vocabulary::{
    Accumulation, Aggregation, AssignmentRole, Frequency, MeasureKind, Operator, OperatorSource, PathKind, ResultType,
};

use super::id;
use crate::{Break, ClosedOut, Definition, Model};

/// A model with what was folded into it.
#[derive(Default)]
struct Folded {
    model: Model,
}

impl Folded {
    fn new() -> Self {
        let mut folded = Self::default();
        folded.fold(plan());
        folded.fold(indicator());
        folded.fold(target());
        for agency in ["a", "b", "c"] {
            folded.fold(AgencyRegistered { agency: id(agency), name: name(agency), uscc: "old".to_owned() });
        }
        folded
    }

    fn fold(&mut self, definition: impl Into<Definition>) -> u64 {
        let position = self.model.position + 1;
        let definition = definition.into();
        // As from the store.
        let key = definition.key(position);
        let definition = Definition::read(&key, &definition.encode(&key).unwrap()).unwrap();
        self.model.fold(position, definition);
        position
    }

    fn assign(&mut self, agency: &str, role: AssignmentRole, scope: Scope) -> u64 {
        self.fold(AgencyAssigned { agency: id(agency), role, scope })
    }

    fn lead(&self) -> Option<&str> {
        self.model.lead_of_target(&id("city"), &id("output")).map(AgencyId::as_str)
    }
}

fn why() -> String {
    "why".to_owned()
}

fn name(text: &str) -> Name {
    Name { zh: text.to_owned(), en: String::new() }
}

fn document(edition: &str) -> Document {
    Document { id: id(edition), title: edition.to_owned(), sha256: None, notes: Vec::new() }
}

fn plan() -> PlanDefined {
    PlanDefined {
        plan: id("plan"),
        title: name("规划"),
        city: name("城"),
        administrative_division_code: String::new(),
        start: date(2022, 1, 1),
        end: date(2026, 12, 31),
        time_zone: "UTC".to_owned(),
        calc_version: 1,
        late_after_days: 60,
        documents: vec![document("first")],
        units: Vec::new(),
        categories: Vec::new(),
        remarks: Vec::new(),
        light_rule: LightRule::default(),
    }
}

fn schedule(frequency: Frequency) -> Schedule {
    Schedule { frequency, release_lag_days: 30, grace_days: 15 }
}

fn indicator() -> IndicatorDefined {
    IndicatorDefined {
        indicator: id("output"),
        category: None,
        name: name("产出"),
        aliases: vec!["old".to_owned()],
        unit: "家".to_owned(),
        unit_multiplier: 0,
        unit_label: name("家"),
        measure_kind: MeasureKind::Count,
        result_type: ResultType::Output,
        accumulation: Accumulation::Cumulative,
        basis: None,
        ascending: true,
        aggregation: Aggregation::None,
        scored: true,
        schedule: schedule(Frequency::Quarter),
        derived: None,
        retired_from: None,
        method_note: "counted".to_owned(),
        notes: Vec::new(),
        interpreted: Vec::new(),
    }
}

fn source(text: &str) -> Option<SourceSpan> {
    Some(SourceSpan { document: id("first"), line_first: 1, line_last: 1, text: text.to_owned() })
}

fn target() -> TargetSet {
    TargetSet {
        number: 1,
        area: id("city"),
        indicator: id("output"),
        operator: Operator::AtLeast,
        operator_source: OperatorSource::Stated,
        value: Some(Decimal::TEN),
        max: None,
        tolerance: None,
        other_series: None,
        steps: Vec::new(),
        required_step: None,
        path_kind: PathKind::Linear,
        due_as_written: "到2026年末".to_owned(),
        effective_deadline: date(2026, 12, 31),
        source: source("达到10家"),
        notes: Vec::new(),
        interpreted: Vec::new(),
    }
}

#[test]
fn a_revised_plan_has_its_editions_added_and_keeps_what_is_not_said() {
    let mut folded = Folded::new();
    let revised = |edition, title, end| PlanRevised {
        documents: vec![document(edition)],
        title,
        end,
        changes: why(),
        reason: why(),
    };
    folded.fold(revised("second", Name::default(), Some(date(2027, 6, 30))));
    folded.fold(revised("third", name("新规划"), None));
    let plan = folded.model.plan.as_ref().unwrap();
    let editions: Vec<_> = plan.documents.iter().map(|document| document.title.as_str()).collect();
    assert_eq!(editions, ["first", "second", "third"]);
    assert_eq!((plan.title.zh.as_str(), plan.end), ("新规划", date(2027, 6, 30)));
    let spec = folded.model.target_spec(&id("city"), &id("output")).unwrap();
    assert_eq!((spec.plan_end, spec.deadline), (date(2027, 6, 30), date(2026, 12, 31)));
}

#[test]
fn the_arithmetic_and_the_close_out_are_those_adopted_last() {
    let mut folded = Folded::new();
    assert_eq!((folded.model.calc_version, &folded.model.closed_out), (1, &None));
    folded.fold(CalculationAdopted { calc_version: 2, reason: why() });
    let event = PlanClosedOut { as_of: date(2027, 1, 31), finding: "done".to_owned() };
    let position = folded.fold(event.clone());
    assert_eq!((folded.model.calc_version, folded.model.closed_out), (2, Some(ClosedOut { position, event })));
}

#[test]
fn an_indicator_is_redefined_and_its_own_schedule_takes_the_place_of_a_light_rules() {
    let mut folded = Folded::new();
    let (indicator, month) = (id::<IndicatorId>("output"), schedule(Frequency::Month));
    let schedules = vec![ScheduleOverride { indicator: indicator.clone(), schedule: month }];
    folded.fold(LightRuleAdopted { rule: LightRule::default(), schedules, reason: why() });
    let redefined = |schedule, break_from| IndicatorRedefined {
        indicator: id("output"),
        name: name("总产出"),
        aliases: vec!["new".to_owned()],
        method_note: String::new(),
        schedule,
        break_from,
        reason: why(),
    };
    folded.fold(redefined(None, None));
    assert_eq!(folded.model.schedule(&indicator), Some(month));
    let position = folded.fold(redefined(Some(schedule(Frequency::Year)), Some(date(2024, 1, 1))));
    assert_eq!(folded.model.schedule(&indicator), Some(schedule(Frequency::Year)));
    assert_eq!(folded.model.breaks[&indicator], [Break { position, from: date(2024, 1, 1), reason: why() }]);
    let defined = &folded.model.indicators[&indicator];
    assert_eq!((defined.name.zh.as_str(), defined.method_note.as_str()), ("总产出", ""));
    assert_eq!((&defined.aliases, defined.unit.as_str()), (&vec!["new".to_owned()], "家"));
    folded.fold(IndicatorRetired { indicator: indicator.clone(), retired_from: date(2025, 1, 1), reason: why() });
    let spec = folded.model.target_spec(&id("city"), &indicator).unwrap();
    assert_eq!((spec.retired_from, spec.frequency), (Some(date(2025, 1, 1)), Frequency::Year));
}

#[test]
fn a_revised_target_asks_for_something_else_and_keeps_its_number_operator_and_baseline() {
    let mut folded = Folded::new();
    let (area, indicator): (AreaId, IndicatorId) = (id("city"), id("output"));
    let baseline = DatedValue { date: date(2021, 12, 31), value: Decimal::ONE };
    let restated = BaselineRestated { area: area.clone(), indicator: indicator.clone(), baseline, reason: why() };
    folded.fold(restated);
    let revised = |source| TargetRevised {
        area: id("city"),
        indicator: id("output"),
        value: Some(Decimal::ONE_HUNDRED),
        max: None,
        tolerance: None,
        required_step: None,
        due_as_written: "到2026年6月末".to_owned(),
        effective_deadline: date(2026, 6, 30),
        source,
        reason: why(),
    };
    folded.fold(revised(None));
    let of = |model: &Model| model.target(&area, &indicator).cloned().unwrap();
    let expected = TargetSet {
        value: Some(Decimal::ONE_HUNDRED),
        due_as_written: "到2026年6月末".to_owned(),
        effective_deadline: date(2026, 6, 30),
        ..target()
    };
    assert_eq!((of(&folded.model).definition, of(&folded.model).baseline), (expected, Some(baseline)));
    folded.fold(revised(source("提高到100家")));
    assert_eq!(of(&folded.model).definition.source, source("提高到100家"));
}

#[test]
fn the_last_decomposition_of_a_target_counts() {
    let mut folded = Folded::new();
    let decomposed = |value: i64| TargetDecomposed {
        area: id("city"),
        indicator: id("output"),
        tasks: vec![TaskShare {
            agency: id("a"),
            dimension: "_T".to_owned(),
            due_date: date(2025, 1, 1),
            value: value.into(),
        }],
        note: String::new(),
    };
    folded.fold(decomposed(4));
    folded.fold(decomposed(5));
    let tasks: Vec<_> = folded.model.tasks.values().collect();
    assert_eq!(tasks, [&decomposed(5)]);
}

#[test]
fn a_renamed_agency_keeps_its_former_names_and_its_code_unless_another_is_given() {
    let mut folded = Folded::new();
    let renamed =
        |text, uscc: &str| AgencyRenamed { agency: id("a"), name: name(text), uscc: uscc.to_owned(), reason: why() };
    folded.fold(renamed("a2", ""));
    assert_eq!(folded.model.agencies[&id("a")].uscc, "old");
    folded.fold(renamed("a3", "new"));
    let agency = &folded.model.agencies[&id("a")];
    assert_eq!((&agency.name, agency.uscc.as_str()), (&name("a3"), "new"));
    assert_eq!(folded.model.former_names[&id("a")], [name("a"), name("a2")]);
}

#[test]
fn all_that_an_agency_answers_for_passes_to_its_successor_along_the_chain() {
    let mut folded = Folded::new();
    folded.assign("a", AssignmentRole::Lead, Scope::Plan);
    folded.assign("a", AssignmentRole::Responsible, Scope::Area(id("city")));
    let own = folded.assign("b", AssignmentRole::Responsible, Scope::Area(id("city")));
    folded.fold(AgencySucceeded { agency: id("a"), successor: id("b"), reason: why() });
    assert_eq!(folded.lead(), Some("b"));
    // What both had is the successor's once.
    let held: Vec<_> = folded.model.assignments.iter().map(|(position, of)| (*position, of.agency.as_str())).collect();
    assert_eq!(held, [(own - 2, "b"), (own, "b")]);
    folded.fold(AgencySucceeded { agency: id("b"), successor: id("c"), reason: why() });
    assert_eq!(folded.lead(), Some("c"));
    let standing = ["a", "b", "c", "d"].map(|agency| folded.model.standing(&id(agency)).to_string());
    assert_eq!(standing, ["c", "c", "c", "d"]);
    assert!(folded.model.in_force.contains(&id("c"), AssignmentRole::Responsible, &Scope::Area(id("city"))));
    assert!(!folded.model.in_force.contains(&id("a"), AssignmentRole::Lead, &Scope::Plan));
}

#[test]
fn an_assignment_that_ended_gives_way_to_a_wider_one() {
    let mut folded = Folded::new();
    let scope = Scope::Target(id("city"), id("output"));
    folded.assign("a", AssignmentRole::Lead, Scope::Plan);
    folded.assign("b", AssignmentRole::Lead, scope.clone());
    assert_eq!(folded.lead(), Some("b"));
    let ended = AssignmentEnded { agency: id("b"), role: AssignmentRole::Lead, scope, reason: why() };
    folded.fold(ended.clone());
    assert_eq!(folded.lead(), Some("a"));
    assert_eq!(folded.model.assignments.len(), 1);
    folded.fold(ended);
    assert_eq!(folded.model.assignments.len(), 1);
}
