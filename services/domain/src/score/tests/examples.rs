//! Every case of the shared examples, compared field by field.

use jiff::civil::Date;
use serde_json::Value;

use super::super::{CalcVersion, DatedValue, LightRule, Observation, Score, Series, TargetSpec, score};
use super::support::in_order;
use crate::quantity::{Decimal, parse_decimal, rounded};
use crate::vocabulary::{Accumulation, Basis, Frequency, ObsStatus, Operator, PathKind};

const EXAMPLES: &str = include_str!("../examples.json");
const CASES: usize = 39;

fn text<'a>(of: &'a Value, key: &str) -> Option<&'a str> {
    of.get(key)?.as_str()
}

fn date(of: &Value, key: &str) -> Option<Date> {
    text(of, key).map(|text| text.parse().unwrap())
}

fn number(of: &Value, key: &str) -> Option<Decimal> {
    text(of, key).map(|text| parse_decimal(text).unwrap())
}

fn days(of: &Value, key: &str) -> u32 {
    of.get(key).and_then(Value::as_u64).unwrap().try_into().unwrap()
}

fn dated(of: &Value) -> DatedValue {
    DatedValue { date: date(of, "date").unwrap(), value: number(of, "value").unwrap() }
}

fn list(of: &Value, key: &str) -> Vec<Value> {
    of.get(key).and_then(Value::as_array).cloned().unwrap_or_default()
}

fn spec(of: &Value) -> TargetSpec {
    let operator = Operator::from_code(text(of, "operator").unwrap()).unwrap();
    let qualitative = operator == Operator::Qualitative;
    TargetSpec {
        plan_start: date(of, "plan_start").unwrap(),
        plan_end: date(of, "deadline").unwrap(),
        deadline: date(of, "deadline").unwrap(),
        operator,
        accumulation: Accumulation::from_code(text(of, "accumulation").unwrap()).unwrap(),
        path_kind: text(of, "path_kind").map_or(PathKind::Linear, |code| PathKind::from_code(code).unwrap()),
        ascending: of.get("ascending").and_then(Value::as_bool).unwrap_or(true),
        value: if qualitative { None } else { number(of, "target") },
        max: number(of, "max"),
        tolerance: number(of, "tolerance"),
        percent: text(of, "unit").is_none_or(|unit| unit == "%"),
        steps: list(of, "scale").iter().map(|step| step.as_str().unwrap().to_owned()).collect(),
        required_step: text(of, "target").filter(|_| qualitative).map(str::to_owned),
        baseline: of.get("baseline").map(dated),
        interim: list(of, "interim").iter().map(dated).collect(),
        frequency: Frequency::from_code(text(of, "frequency").unwrap()).unwrap(),
        release_lag_days: days(of, "release_lag_days"),
        grace_days: days(of, "grace_days"),
        retired_from: None,
    }
}

fn observation(of: &Value, qualitative: bool) -> Observation {
    Observation {
        position: of.get("position").and_then(Value::as_u64).unwrap(),
        series: if text(of, "series") == Some("other") { Series::Other } else { Series::Own },
        basis: Basis::from_code(text(of, "basis").unwrap()).unwrap(),
        start: date(of, "start"),
        end: date(of, "as_of").or_else(|| date(of, "end")).unwrap(),
        value: if qualitative { None } else { number(of, "value") },
        numerator: number(of, "numerator"),
        denominator: number(of, "denominator"),
        step: text(of, "value").filter(|_| qualitative).map(str::to_owned),
        // What is not said to be final is as received.
        obs_status: text(of, "obs_status").map_or(ObsStatus::Unvalidated, |code| ObsStatus::from_code(code).unwrap()),
        verified: of.get("verified").and_then(Value::as_bool).unwrap_or(false),
    }
}

fn scored(case: &Value) -> Score {
    let spec = spec(&case["indicator"]);
    let qualitative = spec.operator == Operator::Qualitative;
    let observations = list(case, "observations").iter().map(|of| observation(of, qualitative)).collect();
    let observations = in_order(observations);
    score(CalcVersion::V1, &spec, &LightRule::default(), &observations, date(case, "valid_at").unwrap())
}

fn shown(value: Option<Decimal>) -> Value {
    value.map_or(Value::Null, |value| Value::String(rounded(value, 1).to_string()))
}

#[test]
fn every_shared_example_has_its_answer() {
    let file: Value = serde_json::from_str(EXAMPLES).unwrap();
    let cases = list(&file, "cases");
    assert_eq!(cases.len(), CASES);
    let mut wrong = Vec::new();
    for case in &cases {
        let score = scored(case);
        for (field, expected) in case["expect"].as_object().unwrap() {
            let got = match field.as_str() {
                "status" => Value::String(score.status.code().to_owned()),
                "actual" => shown(score.actual),
                "target_rate" => shown(score.target_rate),
                "increment_rate" => shown(score.increment_rate),
                "deviation" => shown(score.deviation),
                "forecast" => shown(score.forecast),
                "gap" => shown(score.gap),
                other => panic!("the examples expect {other:?}, which no test reads"),
            };
            if got != *expected {
                wrong.push(format!("{}: {field} is {got}, not {expected}", case["name"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_shared_example_expects_seven_fields() {
    let file: Value = serde_json::from_str(EXAMPLES).unwrap();
    for case in list(&file, "cases") {
        assert_eq!(case["expect"].as_object().unwrap().len(), 7, "{}", case["name"]);
    }
}

#[test]
fn a_score_survives_being_written_and_read() {
    let file: Value = serde_json::from_str(EXAMPLES).unwrap();
    for case in list(&file, "cases") {
        let score = scored(&case);
        let text = serde_json::to_string(&score).unwrap();
        assert_eq!(serde_json::from_str::<Score>(&text).unwrap(), score, "{}", case["name"]);
    }
}
