//! What a client may not send, and how it is told: each case changes one field of a good event.

use serde_json::{Value, json};
use songhua_domain::event::{Figure, Payload, ReferencePeriod, TOTAL};
use songhua_domain::quantity::Decimal;
use songhua_domain::vocabulary::ObsStatus;
use songhua_wire::event::{input_from_pb, input_to_pb};
use songhua_wire::pb;
use songhua_wire::violation::Violation;

use crate::samples;

mod second_version;

/// The good event of type `token`, with the value at each JSON pointer replaced.
fn changed(token: &str, changes: &[(&str, Value)]) -> pb::EventInput {
    let mut json = serde_json::to_value(input_to_pb(&samples::input(token))).unwrap();
    for (pointer, value) in changes {
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        let parent = json.pointer_mut(parent).unwrap_or_else(|| panic!("no {pointer}"));
        match parent {
            Value::Array(list) => list[field.parse::<usize>().unwrap()] = value.clone(),
            parent => parent[field] = value.clone(),
        }
    }
    serde_json::from_value(json).unwrap()
}

fn violations(input: &pb::EventInput) -> Vec<Violation> {
    input_from_pb(input).map_or_else(|found| found.into_vec(), |accepted| panic!("accepted {accepted:?}"))
}

#[track_caller]
fn refused(token: &str, pointer: &str, value: Value, field: &str, description: &str) {
    let found = violations(&changed(token, &[(pointer, value)]));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].field, field);
    assert!(found[0].description.contains(description), "{}", found[0]);
}

#[track_caller]
fn accepted(token: &str, pointer: &str, value: Value) -> Payload {
    input_from_pb(&changed(token, &[(pointer, value)])).unwrap().payload
}

#[test]
fn every_good_event_is_accepted_and_comes_back_equal() {
    for input in samples::inputs() {
        assert_eq!(input_from_pb(&input_to_pb(&input)), Ok(input));
    }
}

#[test]
fn an_empty_event_names_every_required_field() {
    let found = violations(&pb::EventInput::default());
    let fields: Vec<_> = found.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["event_id", "payload"]);
    let empty = pb::event_input::Payload::MeasurementReported(pb::MeasurementReported::default());
    let found = violations(&pb::EventInput { payload: Some(empty), ..pb::EventInput::default() });
    let fields: Vec<_> = found.iter().map(|violation| violation.field.as_str()).collect();
    let payload = ["area", "indicator", "basis", "period", "figure"];
    let expected = payload.map(|field| format!("measurement_reported.{field}"));
    assert_eq!(fields[0], "event_id");
    assert_eq!(fields[1..], expected);
}

#[test]
fn a_code_that_is_unset_or_unknown_is_refused_with_the_known_ones() {
    let pointer = "/measurementReported/basis";
    let known = "one of BASIS_STOCK_AT, BASIS_PERIOD, BASIS_YEAR_TO_DATE, BASIS_PLAN_TO_DATE, BASIS_FULL_YEAR";
    refused("measurement.reported", pointer, json!("BASIS_UNSPECIFIED"), "measurement_reported.basis", known);
    let mut input = changed("measurement.reported", &[]);
    let Some(pb::event_input::Payload::MeasurementReported(measurement)) = &mut input.payload else { panic!() };
    measurement.basis = 99;
    assert!(violations(&input)[0].description.starts_with("99 is not allowed here; one of BASIS_STOCK_AT"));
}

#[test]
fn a_date_is_whole_exists_and_is_of_our_time() {
    let field = "measurement_reported.period.end";
    let cases = [
        (json!({"year": 2026, "month": 2, "day": 30}), "there is no day 2026-02-30"),
        (json!({"year": 2026, "month": 3}), "year, month and day are all required"),
        (json!({"year": 2201, "month": 1, "day": 1}), "year 2201 is not between 1900 and 2200"),
        (json!({"year": -1, "month": 1, "day": 1}), "year -1"),
        (Value::Null, "is required"),
    ];
    for (value, description) in cases {
        refused("measurement.reported", "/measurementReported/period/end", value, field, description);
    }
}

#[test]
fn a_period_begins_before_it_ends() {
    let pointer = "/measurementReported/period/start";
    let late = json!({"year": 2026, "month": 4, "day": 1});
    let description = "2026-04-01 lies after the end 2026-03-31";
    refused("measurement.reported", pointer, late, "measurement_reported.period.start", description);
    let one_day = json!({"year": 2026, "month": 3, "day": 31});
    let Payload::MeasurementReported(measurement) = accepted("measurement.reported", pointer, one_day) else {
        panic!()
    };
    assert_eq!(measurement.period.start(), Some(measurement.period.reference_date()));
    let Payload::MeasurementReported(level) = accepted("measurement.reported", pointer, Value::Null) else { panic!() };
    assert!(matches!(level.period, ReferencePeriod::AsOf(_)));
}

#[test]
fn a_number_is_plain_digits() {
    let (pointer, field) = ("/measurementCorrected/figure/value", "measurement_corrected.figure.value");
    for bad in ["1e5", "NaN", "1,000", "１２", "", " 1", "0.123456789", "1000000000000000000"] {
        refused("measurement.corrected", pointer, json!(bad), field, &format!("{bad:?}"));
    }
    let fraction = "measurement_reported.figure.fraction.denominator";
    refused(
        "measurement.reported",
        "/measurementReported/figure/fraction/denominator",
        json!("x"),
        fraction,
        "decimal",
    );
    let Payload::MeasurementCorrected(padded) = accepted("measurement.corrected", pointer, json!("3.100")) else {
        panic!()
    };
    assert_eq!(padded.figure, Figure::Value(Decimal::new(31, 1)));
    refused(
        "measurement.corrected",
        "/measurementCorrected/figure",
        json!({}),
        "measurement_corrected.figure",
        "is required",
    );
}

#[test]
fn an_id_is_an_ascii_slug() {
    let pointer = "/measurementReported/area";
    for bad in ["环哈工大", "City", "", "a b"] {
        refused("measurement.reported", pointer, json!(bad), "measurement_reported.area", "area id");
    }
    let target = "agency_assigned.scope.target.indicator";
    refused("agency.assigned", "/agencyAssigned/scope/target/indicator", json!("指标"), target, "indicator id");
    refused("agency.assigned", "/agencyAssigned/scope", json!({}), "agency_assigned.scope", "is required");
    refused("agency.assigned", "/agencyAssigned/scope", json!({"plan": false}), "agency_assigned.scope.plan", "true");
}

#[test]
fn an_event_id_is_a_uuid_and_not_nil() {
    for bad in ["", "1", "00000000-0000-0000-0000-000000000000", "0197a3c25b1e7c409d2f3e8a6b4c1d20"] {
        refused("day.opened", "/eventId", json!(bad), "event_id", "is not a UUID");
    }
    refused("day.opened", "/causationId", json!("x"), "causation_id", "is not a UUID");
    refused(
        "measurement.retracted",
        "/measurementRetracted/measurement",
        json!(""),
        "measurement_retracted.measurement",
        "UUID",
    );
    let upper = changed("day.opened", &[("/eventId", json!("0197A3C2-5B1E-7C40-9D2F-3E8A6B4C1D20"))]);
    assert_eq!(input_from_pb(&upper).unwrap().event_id, samples::EVENT);
}

#[test]
fn texts_have_limits_and_no_control_characters() {
    let long = |length: usize| json!("环".repeat(length));
    refused("day.opened", "/comment", long(4_001), "comment", "has 4001 characters, at most 4000");
    refused("day.opened", "/correlationId", long(129), "correlation_id", "at most 128");
    let name = "agency_registered.display_name.zh";
    refused("agency.registered", "/agencyRegistered/displayName/zh", long(201), name, "at most 200");
    refused("day.opened", "/comment", json!("bell\u{7}"), "comment", "control character U+0007");
    refused("agency.registered", "/agencyRegistered/displayName/zh", json!("科技\n局"), name, "U+000A");
    for good in [long(4_000), json!("one\r\n\ttwo"), json!("")] {
        accepted("day.opened", "/comment", good);
    }
}

#[test]
fn lists_have_limits() {
    let names = |length: usize| json!(vec!["别名"; length]);
    let field = "area_designated.aliases";
    refused("area.designated", "/areaDesignated/aliases", names(201), field, "has 201 entries, at most 200");
    accepted("area.designated", "/areaDesignated/aliases", names(200));
    refused("area.designated", "/areaDesignated/notes/0", json!(""), "area_designated.notes[0]", "is required");
    let interim = "interim_targets_set.interim";
    refused("interim-targets.set", "/interimTargetsSet/interim", json!([]), interim, "at least one");
    refused("evidence.attached", "/evidenceAttached/evidence", json!([]), "evidence_attached.evidence", "at least one");
}

#[test]
fn evidence_is_a_sha_256_and_at_most_32_files() {
    let mut input = changed("day.opened", &[]);
    input.evidence[0].sha256 = vec![1; 31];
    assert_eq!(violations(&input)[0].to_string(), "evidence[0].sha256: has 31 bytes, a SHA-256 has 32");
    input.evidence = vec![samples::input("day.opened").evidence.first().unwrap().into(); 33];
    assert_eq!(violations(&input)[0].to_string(), "evidence: has 33 entries, at most 32 are allowed");
}

#[test]
fn a_reason_or_finding_says_something() {
    let cases = [
        ("area.stage-changed", "/areaStageChanged/reason", "area_stage_changed.reason"),
        ("light-rule.adopted", "/lightRuleAdopted/reason", "light_rule_adopted.reason"),
        ("project.merged", "/projectMerged/reason", "project_merged.reason"),
        ("milestone.rescheduled", "/milestoneRescheduled/reason", "milestone_rescheduled.reason"),
        (
            "milestone.partially-reached",
            "/milestonePartiallyReached/shortfall",
            "milestone_partially_reached.shortfall",
        ),
        ("milestone.missed", "/milestoneMissed/reason", "milestone_missed.reason"),
        ("milestone.cancelled", "/milestoneCancelled/reason", "milestone_cancelled.reason"),
        ("measurement.corrected", "/measurementCorrected/reason", "measurement_corrected.reason"),
        ("measurement.retracted", "/measurementRetracted/reason", "measurement_retracted.reason"),
        ("assessment.recorded", "/qualitativeAssessmentRecorded/finding", "qualitative_assessment_recorded.finding"),
        ("verification.accepted", "/verificationAccepted/finding", "verification_accepted.finding"),
        ("verification.rejected", "/verificationRejected/reason", "verification_rejected.reason"),
        ("plan.revised", "/planRevised/reason", "plan_revised.reason"),
        ("plan.revised", "/planRevised/changes", "plan_revised.changes"),
        ("plan.closed-out", "/planClosedOut/finding", "plan_closed_out.finding"),
        ("calculation.adopted", "/calculationAdopted/reason", "calculation_adopted.reason"),
        ("indicator.redefined", "/indicatorRedefined/reason", "indicator_redefined.reason"),
        ("indicator.retired", "/indicatorRetired/reason", "indicator_retired.reason"),
        ("target.revised", "/targetRevised/reason", "target_revised.reason"),
        ("baseline.restated", "/baselineRestated/reason", "baseline_restated.reason"),
        ("agency.renamed", "/agencyRenamed/reason", "agency_renamed.reason"),
        ("agency.succeeded", "/agencySucceeded/reason", "agency_succeeded.reason"),
        ("agency.assignment-ended", "/assignmentEnded/reason", "assignment_ended.reason"),
        ("project.status-changed", "/projectStatusChanged/reason", "project_status_changed.reason"),
        ("milestone.reopened", "/milestoneReopened/reason", "milestone_reopened.reason"),
        ("measurement.revised", "/measurementRevised/reason", "measurement_revised.reason"),
        ("evidence.withdrawn", "/evidenceWithdrawn/reason", "evidence_withdrawn.reason"),
        ("verification.reopened", "/verificationReopened/reason", "verification_reopened.reason"),
        ("reporting-period.closed", "/reportingPeriodClosed/reason", "reporting_period_closed.reason"),
        ("reminder.issued", "/reminderIssued/message", "reminder_issued.message"),
        ("supervision.issued", "/supervisionIssued/demand", "supervision_issued.demand"),
        ("supervision.answered", "/supervisionAnswered/answer", "supervision_answered.answer"),
        ("supervision.closed", "/supervisionClosed/finding", "supervision_closed.finding"),
    ];
    for (token, pointer, field) in cases {
        for silent in ["", " \n"] {
            refused(token, pointer, json!(silent), field, "is required");
        }
    }
}

#[test]
fn a_dimension_is_the_total_or_one_pair_of_slugs() {
    let pointer = "/measurementReported/dimension";
    for bad in ["songbei", "district=", "=songbei", "District=songbei", "a=b=c", "区=松北", "_X", "a=-b"] {
        refused(
            "measurement.reported",
            pointer,
            json!(bad),
            "measurement_reported.dimension",
            "is not _T or key=value",
        );
    }
    for total in ["", "_T"] {
        let Payload::MeasurementReported(measurement) = accepted("measurement.reported", pointer, json!(total)) else {
            panic!()
        };
        assert_eq!(measurement.dimension, TOTAL);
    }
    accepted("measurement.reported", pointer, json!("level=national"));
}

#[test]
fn what_is_left_out_has_its_documented_meaning() {
    let pointer = "/measurementReported/obsStatus";
    let unset = accepted("measurement.reported", pointer, json!("OBS_STATUS_UNSPECIFIED"));
    assert!(matches!(unset, Payload::MeasurementReported(measured) if measured.obs_status == ObsStatus::Unvalidated));
    let unset = accepted("milestone.planned", "/milestonePlanned/weight", json!(""));
    assert!(matches!(unset, Payload::MilestonePlanned(planned) if planned.weight == Decimal::ONE));
    let unset = accepted("indicator.defined", "/indicatorDefined/basis", json!("BASIS_UNSPECIFIED"));
    assert!(matches!(unset, Payload::IndicatorDefined(defined) if defined.basis.is_none()));
    let unset = accepted("area.designated", "/areaDesignated/stage", json!("AREA_STAGE_UNSPECIFIED"));
    assert!(matches!(unset, Payload::AreaDesignated(area) if area.stage.is_none()));
    let unset = accepted("target.set", "/targetSet/value", json!(""));
    assert!(matches!(unset, Payload::TargetSet(target) if target.value.is_none()));
}

#[test]
fn a_name_is_given_in_one_language_at_least() {
    let pointer = "/agencyRegistered/displayName";
    accepted("agency.registered", pointer, json!({"zh": "科技局"}));
    accepted("agency.registered", pointer, json!({"en": "Science Bureau"}));
    for silent in [json!({}), json!({"zh": " "}), Value::Null] {
        refused("agency.registered", pointer, silent, "agency_registered.display_name", "is required in zh or en");
    }
}

#[test]
fn several_faults_are_told_at_once_in_the_order_of_the_fields() {
    let input = changed(
        "plan.defined",
        &[
            ("/comment", json!("\u{0}")),
            ("/planDefined/documents/0/document", json!("原文")),
            ("/planDefined/remarks/0/source/document", json!("原文")),
            ("/planDefined/lightRule/gapTolerancePoints", json!("half")),
        ],
    );
    let fields: Vec<_> = violations(&input).into_iter().map(|violation| violation.field).collect();
    let expected = [
        "comment",
        "plan_defined.documents[0].document",
        "plan_defined.remarks[0].source.document",
        "plan_defined.light_rule.gap_tolerance_points",
    ];
    assert_eq!(fields, expected);
}
