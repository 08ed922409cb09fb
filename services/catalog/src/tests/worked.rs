//! The worked examples of `services/domain/README.md`, scored on the real plan, and the second plan's targets at their
//! edge.

use std::collections::BTreeSet;
use std::fs;

use jiff::civil::Date;
use songhua_domain::event::{Payload, TargetSet};
use songhua_domain::quantity::{Decimal, parse_decimal, rounded};
use songhua_domain::score::{
    CalcVersion, DatedValue, LightRule, Observation, Score, Series, TargetSpec, put_in_order, score,
};
use songhua_domain::vocabulary::{Accumulation, Basis, ObsStatus, Operator, Status};

use super::scratch::{Scratch, harbin, repository};
use crate::Catalog;

/// A target of a plan, with what scoring is told of it.
struct Target {
    set: TargetSet,
    spec: TargetSpec,
    rule: LightRule,
}

/// Every target, from the events that define the plan.
fn targets(catalog: &Catalog) -> Vec<Target> {
    let events = catalog.definitions();
    let plan = events.iter().find_map(|event| match &event.payload {
        Payload::PlanDefined(plan) => Some(plan),
        _ => None,
    });
    let indicators = || {
        events.iter().filter_map(|event| match &event.payload {
            Payload::IndicatorDefined(indicator) => Some(indicator),
            _ => None,
        })
    };
    let sets = events.iter().filter_map(|event| match &event.payload {
        Payload::TargetSet(set) => Some(set.clone()),
        _ => None,
    });
    let plan = plan.unwrap();
    sets.map(|set| {
        let indicator = indicators().find(|indicator| indicator.indicator == set.indicator).unwrap();
        let spec = TargetSpec {
            plan_start: plan.start,
            plan_end: plan.end,
            deadline: set.effective_deadline,
            operator: set.operator,
            accumulation: indicator.accumulation,
            path_kind: set.path_kind,
            ascending: indicator.ascending,
            value: set.value,
            max: set.max,
            tolerance: set.tolerance,
            percent: indicator.unit == "%",
            steps: set.steps.clone(),
            required_step: set.required_step.clone(),
            baseline: None,
            interim: Vec::new(),
            frequency: indicator.schedule.frequency,
            release_lag_days: indicator.schedule.release_lag_days,
            grace_days: indicator.schedule.grace_days,
            retired_from: indicator.retired_from,
        };
        Target { set, spec, rule: plan.light_rule.clone() }
    })
    .collect()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

/// `BASIS date value` or `BASIS first..last value`, and `A` where it is final.
fn observation(text: &str, series: Series, position: u64) -> Observation {
    let words: Vec<_> = text.split(' ').collect();
    let (start, end) = words[1].split_once("..").map_or((None, words[1]), |(start, end)| (Some(day(start)), end));
    let counts =
        words[2].split_once('/').map(|(part, whole)| (parse_decimal(part).unwrap(), parse_decimal(whole).unwrap()));
    let value = parse_decimal(words[2]).ok();
    Observation {
        position,
        series,
        basis: Basis::from_code(words[0]).unwrap(),
        start,
        end: day(end),
        value,
        numerator: counts.map(|counts| counts.0),
        denominator: counts.map(|counts| counts.1),
        step: (counts.is_none() && value.is_none()).then(|| words[2].to_owned()),
        obs_status: if words.get(3) == Some(&"A") { ObsStatus::Normal } else { ObsStatus::Provisional },
        verified: false,
    }
}

/// What `key` says of a score, written with as many decimals as `expected`.
fn component(key: &str, score: &Score, by_line: &Score, expected: &str) -> String {
    let shown = |value: Option<Decimal>| {
        let decimals = parse_decimal(expected).map_or(0, |expected| expected.scale());
        value.map_or_else(|| "none".to_owned(), |value| rounded(value, decimals).to_string())
    };
    match key {
        "status" => score.status.code().to_owned(),
        "mark" => {
            score.marks.iter().map(|mark| mark.code()).find(|code| *code == expected).unwrap_or("none").to_owned()
        }
        "step" => score.step.clone().unwrap_or_else(|| "none".to_owned()),
        "actual" => shown(score.actual),
        "uncovered" => shown(score.uncovered),
        "expected" => shown(score.expected),
        "scale" => shown(score.scale),
        "deviation" => shown(score.deviation),
        "target_rate" => shown(score.target_rate),
        "increment_rate" => shown(score.increment_rate),
        "pace" => shown(score.pace_per_day),
        "forecast" => shown(score.forecast),
        "gap" => shown(score.gap),
        "required_pace" => shown(score.required_pace),
        "pace_v2" => shown(by_line.pace_per_day),
        "forecast_v2" => shown(by_line.forecast),
        other => panic!("the README says {other:?}, which no test reads"),
    }
}

/// One block of the README: its operator, the days it speaks of, and what it says that is not so.
fn check(block: &str, targets: &[Target], wrong: &mut Vec<String>) -> (Operator, Vec<Date>) {
    let lines = || block.lines().map(|line| line.split_once(" = ").unwrap());
    let said = |key: &str| lines().find(|(name, _)| *name == key).unwrap().1;
    let number: u32 = said("target").split(' ').next().unwrap().parse().unwrap();
    let Target { set, spec, rule } = targets.iter().find(|target| target.set.number == number).unwrap();
    let name = format!("{number} {}/{} {}", set.area, set.indicator, set.operator.code());
    assert_eq!(said("target"), name);
    let source = set.source.as_ref().unwrap();
    assert_eq!(said("source"), format!("{} {}", source.line_first, source.text));
    let baseline = lines().find(|(key, _)| *key == "baseline").map(|(_, text)| text.split_once(' ').unwrap());
    let baseline = baseline.map(|(date, value)| DatedValue { date: day(date), value: parse_decimal(value).unwrap() });
    let spec = TargetSpec { baseline, ..spec.clone() };
    let told = lines().filter_map(|(key, text)| match key {
        "figure" => Some((Series::Own, text)),
        "other" => Some((Series::Other, text)),
        _ => None,
    });
    let mut observations: Vec<_> =
        (1..).zip(told).map(|(position, (series, text))| observation(text, series, position)).collect();
    put_in_order(&mut observations);
    let mut days: Vec<Date> = Vec::new();
    for (key, expected) in lines().skip_while(|(key, _)| *key != "day") {
        if key == "day" {
            days.push(day(expected));
            continue;
        }
        let by = |version| score(version, &spec, rule, &observations, *days.last().unwrap());
        let found = component(key, &by(CalcVersion::V1), &by(CalcVersion::V2), expected);
        if found != expected {
            wrong.push(format!("{name} on {}: {key} is {found}, not {expected}", days.last().unwrap()));
        }
    }
    (set.operator, days)
}

#[test]
fn the_worked_examples_of_the_readme_come_out_as_written() {
    let readme = fs::read_to_string(repository("services/domain/README.md")).unwrap();
    let targets = targets(&harbin());
    let blocks = readme.split("```worked\n").skip(1).map(|rest| rest.split("\n```").next().unwrap());
    let mut wrong = Vec::new();
    let checked: Vec<_> = blocks.map(|block| check(block, &targets, &mut wrong)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let operators: BTreeSet<_> = checked.iter().map(|(operator, _)| *operator).collect();
    assert_eq!(operators, Operator::ALL.iter().copied().collect());
    for (operator, days) in checked {
        let deadline = day("2026-12-31");
        let both = days.contains(&day("2026-11-23")) && days.iter().any(|day| *day > deadline);
        assert!(both, "{}: today and a day after the deadline", operator.code());
    }
}

#[test]
fn every_target_of_another_citys_plan_is_met_on_one_side_of_its_number_and_missed_on_the_other() {
    for Target { set, spec, rule } in targets(&Scratch::new().read().unwrap()) {
        let goal = set.value.unwrap();
        let basis = match spec.accumulation {
            Accumulation::Stock => Basis::StockAt,
            Accumulation::Cumulative | Accumulation::RunningTotal => Basis::PlanToDate,
            Accumulation::AnnualFlow | Accumulation::Ratio => Basis::FullYear,
            other => panic!("{other:?} has no number"),
        };
        let status = |value: Decimal| {
            let text = format!("{} {} {value} A", basis.code(), set.effective_deadline);
            let after = set.effective_deadline.tomorrow().unwrap();
            score(CalcVersion::V1, &spec, &rule, &[observation(&text, Series::Own, 1)], after).status
        };
        let little = Decimal::new(1, 2);
        let (better, worse) =
            if spec.ascending { (goal + little, goal - little) } else { (goal - little, goal + little) };
        let equal = if set.operator == Operator::MoreThan { Status::Missed } else { Status::Met };
        let name = format!("{}/{}", set.area, set.indicator);
        assert_eq!((status(better), status(goal), status(worse)), (Status::Met, equal, Status::Missed), "{name}");
    }
}
