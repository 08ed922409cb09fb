//! A plan of every operator, accumulation and way to be derived, small enough to be read whole.

use jiff::civil::{Date, date};
use songhua_domain::event::*;
use songhua_domain::id::{AreaId, IndicatorId};
use songhua_domain::quantity::Decimal;
use songhua_domain::score::LightRule;
use songhua_domain::vocabulary::*;
use uuid::Uuid;

/// The plan's id.
pub(super) const PLAN: &str = "p";
/// The log's id.
pub(super) const LOG: Uuid = Uuid::from_u128(99);
/// The plan's first and last day.
pub(super) const START: Date = date(2022, 1, 1);
pub(super) const END: Date = date(2026, 12, 31);
/// The steps of what is judged by hand.
pub(super) const STEPS: [&str; 3] = ["跟跑", "并跑", "领跑"];

pub(super) fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(super) fn name(text: &str) -> Name {
    Name { zh: text.to_owned(), en: format!("{text} (en)") }
}

pub(super) fn genesis() -> LogCreated {
    LogCreated { log_id: LOG, plan: Some(id(PLAN)), epoch: 1, simulated: false, hash_algorithm: 1 }
}

pub(super) fn forked(new_size: u64) -> HistoryForked {
    let (old_leaf_hash, old_root, reason) = ([1; 32], [2; 32], "磁盘损坏".to_owned());
    HistoryForked { old_epoch: 1, epoch: 2, old_size: new_size + 3, old_leaf_hash, old_root, new_size, reason }
}

pub(super) fn document(edition: &str) -> Document {
    Document { id: id(edition), title: format!("{edition} 正文"), sha256: None, notes: Vec::new() }
}

pub(super) fn source(edition: &str) -> SourceSpan {
    SourceSpan { document: id(edition), line_first: 3, line_last: 4, text: "到2026年末".to_owned() }
}

pub(super) fn plan() -> PlanDefined {
    let unit = |code: &str| Unit { code: code.to_owned(), name: name(code) };
    PlanDefined {
        plan: id(PLAN),
        title: name("方案"),
        city: name("某市"),
        administrative_division_code: "230100".to_owned(),
        start: START,
        end: END,
        time_zone: "Asia/Shanghai".to_owned(),
        calc_version: 1,
        late_after_days: 300,
        documents: vec![document("text")],
        units: ["个", "元", "%", "级"].map(unit).to_vec(),
        categories: vec![Category { id: id("input"), name: name("投入"), order: 1 }],
        remarks: Vec::new(),
        light_rule: LightRule::default(),
    }
}

pub(super) fn area(area: &str, kind: AreaKind, stage: Option<AreaStage>, order: u32) -> AreaDesignated {
    AreaDesignated {
        area: id(area),
        kind,
        name: name(area),
        aliases: Vec::new(),
        stage,
        batch: u32::from(kind == AreaKind::Circle),
        hosts: vec!["某大学".to_owned()],
        participants: Vec::new(),
        industries: Vec::new(),
        sites: Vec::new(),
        order,
        source: Some(source("text")),
        notes: Vec::new(),
    }
}

/// An indicator of the kind that goes with `accumulation`.
pub(super) fn indicator(indicator: &str, accumulation: Accumulation, frequency: Frequency) -> IndicatorDefined {
    use Accumulation as A;
    let (unit, unit_multiplier, measure_kind, basis) = match accumulation {
        A::Stock => ("个", 0, MeasureKind::Count, Some(Basis::StockAt)),
        A::Cumulative => ("个", 0, MeasureKind::Count, None),
        A::AnnualFlow | A::RunningTotal => ("元", 8, MeasureKind::Money, None),
        A::Ratio => ("%", 0, MeasureKind::Share, Some(Basis::StockAt)),
        A::Paired => ("%", 0, MeasureKind::Comparison, Some(Basis::FullYear)),
        A::None => ("级", 0, MeasureKind::Qualitative, None),
    };
    IndicatorDefined {
        indicator: id(indicator),
        category: (accumulation == A::Ratio).then(|| id("input")),
        name: name(indicator),
        aliases: Vec::new(),
        unit: unit.to_owned(),
        unit_multiplier,
        unit_label: name(unit),
        measure_kind,
        result_type: ResultType::Output,
        accumulation,
        basis,
        ascending: true,
        aggregation: if accumulation == A::Cumulative { Aggregation::Sum } else { Aggregation::None },
        scored: true,
        schedule: Schedule { frequency, release_lag_days: 20, grace_days: 25 },
        derived: None,
        retired_from: None,
        method_note: String::new(),
        notes: Vec::new(),
        interpreted: Vec::new(),
    }
}

pub(super) fn target(
    number: u32,
    (area, indicator): (&str, &str),
    operator: Operator,
    value: Option<Decimal>,
) -> TargetSet {
    let qualitative = operator == Operator::Qualitative;
    TargetSet {
        number,
        area: id(area),
        indicator: id(indicator),
        operator,
        operator_source: OperatorSource::Stated,
        value,
        max: (operator == Operator::Between).then(|| Decimal::from(150)),
        tolerance: (operator == Operator::Approximately).then(|| Decimal::new(1, 1)),
        other_series: (operator == Operator::ExceedsSeries).then(|| id("gdp-growth")),
        steps: if qualitative { STEPS.map(str::to_owned).to_vec() } else { Vec::new() },
        required_step: qualitative.then(|| STEPS[2].to_owned()),
        path_kind: if indicator == "circles" { PathKind::EndOnly } else { PathKind::Linear },
        due_as_written: "到2026年".to_owned(),
        effective_deadline: END,
        source: Some(source("text")),
        notes: Vec::new(),
        interpreted: Vec::new(),
    }
}

/// Every indicator: each accumulation, coverage, a series for comparison, one that is derived, one where less is better.
fn indicators() -> Vec<IndicatorDefined> {
    use Accumulation as A;
    use Frequency::{Month, Quarter, Year};
    let circles = AreasAtStage { area_kind: AreaKind::Circle, at_least: AreaStage::Building };
    let full_year = Some(Basis::FullYear);
    vec![
        indicator("labs", A::Stock, Quarter),
        indicator("added", A::Cumulative, Quarter),
        indicator("revenue", A::AnnualFlow, Month),
        indicator("invested", A::RunningTotal, Quarter),
        indicator("intensity", A::Ratio, Year),
        IndicatorDefined { ascending: false, ..indicator("energy", A::Ratio, Quarter) },
        IndicatorDefined { measure_kind: MeasureKind::Coverage, ..indicator("coverage", A::Ratio, Quarter) },
        indicator("rd-growth", A::Paired, Year),
        IndicatorDefined { scored: false, basis: full_year, ..indicator("gdp-growth", A::Ratio, Year) },
        indicator("level", A::None, Year),
        IndicatorDefined { derived: Some(circles), ..indicator("circles", A::Stock, Quarter) },
    ]
}

/// The targets: area, indicator, operator, N.
const TARGETS: [(&str, &str, Operator, i64); 14] = [
    ("city", "labs", Operator::AtLeast, 60),
    ("city", "added", Operator::Between, 100),
    ("city", "revenue", Operator::MoreThan, 90),
    ("city", "invested", Operator::Approximately, 95),
    ("city", "intensity", Operator::AtLeast, 3),
    ("city", "energy", Operator::AtLeast, 40),
    ("city", "coverage", Operator::FullCoverage, 0),
    ("city", "rd-growth", Operator::ExceedsSeries, 0),
    ("city", "level", Operator::Qualitative, 0),
    ("city", "circles", Operator::AtLeast, 2),
    ("circle-a", "added", Operator::AtLeast, 80),
    ("circle-b", "added", Operator::AtLeast, 90),
    ("circle-a", "labs", Operator::AtLeast, 70),
    ("circle-b", "revenue", Operator::MoreThan, 80),
];

pub(super) fn assignment(agency: &str, role: AssignmentRole, scope: Scope) -> AgencyAssigned {
    AgencyAssigned { agency: id(agency), role, scope }
}

pub(super) fn agency(agency: &str) -> AgencyRegistered {
    AgencyRegistered { agency: id(agency), name: name(agency), uscc: String::new() }
}

pub(super) fn project(project: &str, area: &str) -> ProjectRegistered {
    ProjectRegistered {
        project: id(project),
        area: id(area),
        kind: ProjectKind::Project,
        name: name(project),
        industry: String::new(),
        aliases: Vec::new(),
        mentions: vec![source("text")],
        notes: Vec::new(),
    }
}

pub(super) fn milestone(project: &str, milestone: &str, due_date: Date) -> MilestonePlanned {
    MilestonePlanned {
        project: id(project),
        milestone: id(milestone),
        milestone_type: MilestoneType::Delivery,
        title: name(milestone),
        due_date,
        weight: Decimal::new(15, 1),
    }
}

/// Everything between the plan itself and its publication.
pub(super) fn definitions() -> Vec<Payload> {
    let mut all: Vec<Payload> = vec![
        area("city", AreaKind::City, None, 1).into(),
        area("circle-a", AreaKind::Circle, Some(AreaStage::Planned), 2).into(),
        area("circle-b", AreaKind::Circle, None, 3).into(),
    ];
    all.extend(indicators().into_iter().map(Payload::from));
    for (number, (area, indicator, operator, value)) in (1..).zip(TARGETS) {
        let value = (value > 0).then(|| Decimal::from(value));
        all.push(target(number, (area, indicator), operator, value).into());
    }
    all.extend(["bureau", "district", "inspectors"].map(|id| agency(id).into()));
    all.extend([
        assignment("bureau", AssignmentRole::Lead, Scope::Plan).into(),
        assignment("district", AssignmentRole::Responsible, Scope::Plan).into(),
        assignment("inspectors", AssignmentRole::Supervising, Scope::Plan).into(),
        BaselineSet { area: id("city"), indicator: id("labs"), baseline: point(date(2021, 12, 31), 10) }.into(),
        project("park", "circle-a").into(),
        project("hub", "circle-b").into(),
        milestone("park", "ground", date(2023, 6, 30)).into(),
        milestone("hub", "opening", date(2026, 6, 30)).into(),
    ]);
    all
}

/// A value on a day.
pub(super) fn point(date: Date, value: i64) -> songhua_domain::score::DatedValue {
    songhua_domain::score::DatedValue { date, value: Decimal::from(value) }
}

/// Series that figures are reported of.
pub(super) fn measured() -> Vec<(AreaId, IndicatorId)> {
    let unscored = ("city", "gdp-growth");
    let of_targets = TARGETS.iter().map(|(area, indicator, ..)| (*area, *indicator));
    let taken = of_targets.filter(|(_, indicator)| !matches!(*indicator, "level" | "circles"));
    taken.chain([unscored]).map(|(area, indicator)| (id(area), id(indicator))).collect()
}
