//! The plan of the bench: areas, indicators, 72 targets, projects.
//!
//! Place in the flow: the first events of the mix. It must not know: what is reported later.

use jiff::civil::date;
use songhua_domain::event::{
    AreaDesignated, AreasAtStage, DayOpened, IndicatorDefined, LogCreated, Name, Payload, PlanDefined, PlanPublished,
    ProjectRegistered, Schedule, TargetSet, Unit,
};
use songhua_domain::quantity::Decimal;
use songhua_domain::score::LightRule;
use songhua_domain::vocabulary::{
    Accumulation, Aggregation, AreaKind, AreaStage, Frequency, MeasureKind, Operator, OperatorSource, PathKind,
    ProjectKind, ResultType,
};
use uuid::Uuid;

use crate::mix::{AREAS, INDICATORS, PROJECTS};

const RIVAL: &str = "indicator-3";
const STEPS: [&str; 3] = ["none", "known", "leading"];

/// A name in two languages.
pub(crate) fn name(text: &str) -> Name {
    Name { zh: text.to_owned(), en: text.to_owned() }
}

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

/// Everything up to and with the publication.
pub(crate) fn definitions() -> Vec<Payload> {
    let (log_id, plan_id) = (Uuid::from_u128(1), Some(id("plan")));
    let log = LogCreated { log_id, plan: plan_id, epoch: 1, simulated: false, hash_algorithm: 1 };
    let mut all: Vec<Payload> = vec![log.into(), plan().into()];
    for number in 0..AREAS {
        all.push(area_designated(&format!("circle-{number}"), AreaKind::Circle, None, number as u32 + 1).into());
    }
    for (number, (accumulation, _)) in INDICATORS.into_iter().enumerate() {
        all.push(indicator_defined(&format!("indicator-{number}"), accumulation, None).into());
    }
    for target in 0..AREAS * INDICATORS.len() {
        let (area, indicator) = (target / INDICATORS.len(), target % INDICATORS.len());
        let (area, indicator) = (format!("circle-{area}"), format!("indicator-{indicator}"));
        all.push(target_set(target as u32 + 1, &area, &indicator, Operator::AtLeast).into());
    }
    for number in 0..PROJECTS {
        all.push(project(&format!("project-{number}")).into());
    }
    all.push(DayOpened { date: date(2021, 12, 31) }.into());
    all.push(PlanPublished { event_count: all.len() as u32 - 2, digest: [3; 32] }.into());
    all
}

fn plan() -> PlanDefined {
    PlanDefined {
        plan: id("plan"),
        title: name("规划"),
        city: name("城"),
        administrative_division_code: "230100".to_owned(),
        start: date(2022, 1, 1),
        end: date(2026, 12, 31),
        time_zone: "Asia/Shanghai".to_owned(),
        calc_version: 1,
        late_after_days: 60,
        documents: Vec::new(),
        units: vec![Unit { code: "%".to_owned(), name: name("百分比") }],
        categories: Vec::new(),
        remarks: Vec::new(),
        light_rule: LightRule::default(),
    }
}

fn area_designated(area: &str, kind: AreaKind, stage: Option<AreaStage>, order: u32) -> AreaDesignated {
    AreaDesignated {
        area: id(area),
        kind,
        name: name(area),
        aliases: Vec::new(),
        stage,
        batch: 0,
        hosts: Vec::new(),
        participants: Vec::new(),
        industries: Vec::new(),
        sites: Vec::new(),
        order,
        source: None,
        notes: Vec::new(),
    }
}

fn indicator_defined(indicator: &str, accumulation: Accumulation, derived: Option<AreasAtStage>) -> IndicatorDefined {
    IndicatorDefined {
        indicator: id(indicator),
        category: None,
        name: name(indicator),
        aliases: Vec::new(),
        unit: if accumulation == Accumulation::Ratio { "%" } else { "家" }.to_owned(),
        unit_multiplier: 0,
        unit_label: name("家"),
        measure_kind: MeasureKind::Count,
        result_type: ResultType::Output,
        accumulation,
        basis: None,
        ascending: true,
        aggregation: Aggregation::None,
        scored: true,
        schedule: Schedule { frequency: Frequency::Quarter, release_lag_days: 30, grace_days: 15 },
        derived,
        retired_from: None,
        method_note: String::new(),
        notes: Vec::new(),
        interpreted: Vec::new(),
    }
}

fn target_set(number: u32, area: &str, indicator: &str, operator: Operator) -> TargetSet {
    let qualitative = operator == Operator::Qualitative;
    let steps = if qualitative { STEPS.map(str::to_owned).to_vec() } else { Vec::new() };
    TargetSet {
        number,
        area: id(area),
        indicator: id(indicator),
        operator,
        operator_source: OperatorSource::Stated,
        value: matches!(operator, Operator::AtLeast | Operator::MoreThan).then(|| Decimal::new(1_050, 2)),
        max: None,
        tolerance: None,
        other_series: (operator == Operator::ExceedsSeries).then(|| id(RIVAL)),
        required_step: qualitative.then(|| STEPS[2].to_owned()),
        steps,
        path_kind: PathKind::Linear,
        due_as_written: "到2026年末".to_owned(),
        effective_deadline: date(2026, 12, 31),
        source: None,
        notes: Vec::new(),
        interpreted: Vec::new(),
    }
}

fn project(project: &str) -> ProjectRegistered {
    ProjectRegistered {
        project: id(project),
        area: id("circle-0"),
        kind: ProjectKind::Project,
        name: name(project),
        industry: String::new(),
        aliases: Vec::new(),
        mentions: Vec::new(),
        notes: Vec::new(),
    }
}
