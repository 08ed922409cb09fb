//! Payloads that came with version 2 of the schema, and staff codes.

use serde_json::{Value, json};
use songhua_domain::event::{Payload, TOTAL};
use songhua_domain::vocabulary::ObsStatus;

use super::{accepted, refused};

/// Texts of payloads of version 2: token, pointer, field, longest.
const TEXTS: [(&str, &str, &str, usize); 35] = [
    ("plan.revised", "/planRevised/documents/0/title", "plan_revised.documents[0].title", 200),
    ("plan.revised", "/planRevised/title/zh", "plan_revised.title.zh", 200),
    ("plan.revised", "/planRevised/title/en", "plan_revised.title.en", 200),
    ("plan.revised", "/planRevised/changes", "plan_revised.changes", 4_000),
    ("plan.revised", "/planRevised/reason", "plan_revised.reason", 4_000),
    ("plan.closed-out", "/planClosedOut/finding", "plan_closed_out.finding", 4_000),
    ("calculation.adopted", "/calculationAdopted/reason", "calculation_adopted.reason", 4_000),
    ("indicator.redefined", "/indicatorRedefined/displayName/zh", "indicator_redefined.display_name.zh", 200),
    ("indicator.redefined", "/indicatorRedefined/aliases/0", "indicator_redefined.aliases[0]", 200),
    ("indicator.redefined", "/indicatorRedefined/methodNote", "indicator_redefined.method_note", 4_000),
    ("indicator.redefined", "/indicatorRedefined/reason", "indicator_redefined.reason", 4_000),
    ("indicator.retired", "/indicatorRetired/reason", "indicator_retired.reason", 4_000),
    ("target.revised", "/targetRevised/requiredStep", "target_revised.required_step", 200),
    ("target.revised", "/targetRevised/dueAsWritten", "target_revised.due_as_written", 200),
    ("target.revised", "/targetRevised/source/text", "target_revised.source.text", 4_000),
    ("target.revised", "/targetRevised/reason", "target_revised.reason", 4_000),
    ("baseline.restated", "/baselineRestated/reason", "baseline_restated.reason", 4_000),
    ("target.decomposed", "/targetDecomposed/note", "target_decomposed.note", 4_000),
    ("agency.renamed", "/agencyRenamed/displayName/zh", "agency_renamed.display_name.zh", 200),
    ("agency.renamed", "/agencyRenamed/uscc", "agency_renamed.uscc", 200),
    ("agency.renamed", "/agencyRenamed/reason", "agency_renamed.reason", 4_000),
    ("agency.succeeded", "/agencySucceeded/reason", "agency_succeeded.reason", 4_000),
    ("agency.assignment-ended", "/assignmentEnded/reason", "assignment_ended.reason", 4_000),
    ("project.status-changed", "/projectStatusChanged/reason", "project_status_changed.reason", 4_000),
    ("milestone.reopened", "/milestoneReopened/reason", "milestone_reopened.reason", 4_000),
    ("measurement.revised", "/measurementRevised/reason", "measurement_revised.reason", 4_000),
    ("verification.requested", "/verificationRequested/note", "verification_requested.note", 4_000),
    ("reporting-period.opened", "/reportingPeriodOpened/note", "reporting_period_opened.note", 4_000),
    ("reminder.issued", "/reminderIssued/message", "reminder_issued.message", 4_000),
    ("note.recorded", "/progressNoteRecorded/progress", "progress_note_recorded.progress", 4_000),
    ("note.recorded", "/progressNoteRecorded/problems", "progress_note_recorded.problems", 4_000),
    ("note.recorded", "/progressNoteRecorded/nextSteps", "progress_note_recorded.next_steps", 4_000),
    ("supervision.issued", "/supervisionIssued/document", "supervision_issued.document", 200),
    ("supervision.answered", "/supervisionAnswered/answer", "supervision_answered.answer", 4_000),
    ("supervision.closed", "/supervisionClosed/finding", "supervision_closed.finding", 4_000),
];

#[test]
fn texts_of_the_second_version_have_limits_and_no_control_characters() {
    for (token, pointer, field, longest) in TEXTS {
        let long = |length: usize| json!("环".repeat(length));
        accepted(token, pointer, long(longest));
        refused(token, pointer, long(longest + 1), field, &format!("at most {longest}"));
        refused(token, pointer, json!("bell\u{7}"), field, "control character U+0007");
    }
}

#[test]
fn ids_codes_days_and_numbers_of_the_second_version_are_checked() {
    let no_day = json!({"year": 2026, "month": 2, "day": 30});
    for (token, pointer, value, field, description) in [
        (
            "plan.revised",
            "/planRevised/documents/0/document",
            json!("修订"),
            "plan_revised.documents[0].document",
            "id",
        ),
        ("plan.revised", "/planRevised/endDate", no_day.clone(), "plan_revised.end_date", "no day"),
        ("plan.closed-out", "/planClosedOut/asOfDate", Value::Null, "plan_closed_out.as_of_date", "is required"),
        (
            "indicator.redefined",
            "/indicatorRedefined/displayName",
            json!({}),
            "indicator_redefined.display_name",
            "is required in zh or en",
        ),
        (
            "indicator.redefined",
            "/indicatorRedefined/schedule/frequency",
            json!("FREQUENCY_UNSPECIFIED"),
            "indicator_redefined.schedule.frequency",
            "one of FREQUENCY_MONTH",
        ),
        ("indicator.retired", "/indicatorRetired/retiredFrom", no_day, "indicator_retired.retired_from", "no day"),
        ("target.revised", "/targetRevised/value", json!("3,2"), "target_revised.value", "decimal"),
        (
            "target.revised",
            "/targetRevised/effectiveDeadline",
            Value::Null,
            "target_revised.effective_deadline",
            "is required",
        ),
        ("baseline.restated", "/baselineRestated/baseline", Value::Null, "baseline_restated.baseline", "is required"),
        ("target.decomposed", "/targetDecomposed/tasks", json!([]), "target_decomposed.tasks", "at least one"),
        (
            "target.decomposed",
            "/targetDecomposed/tasks/0/dimension",
            json!("松北"),
            "target_decomposed.tasks[0].dimension",
            "is not _T or key=value",
        ),
        (
            "target.decomposed",
            "/targetDecomposed/tasks/0/value",
            json!(""),
            "target_decomposed.tasks[0].value",
            "decimal",
        ),
        ("agency.succeeded", "/agencySucceeded/successor", json!(""), "agency_succeeded.successor", "agency id"),
        (
            "agency.assignment-ended",
            "/assignmentEnded/role",
            json!("ASSIGNMENT_ROLE_UNSPECIFIED"),
            "assignment_ended.role",
            "one of ASSIGNMENT_ROLE_LEAD",
        ),
        ("agency.assignment-ended", "/assignmentEnded/scope", json!({}), "assignment_ended.scope", "is required"),
        (
            "project.status-changed",
            "/projectStatusChanged/status",
            json!("PROJECT_STATUS_UNSPECIFIED"),
            "project_status_changed.status",
            "one of PROJECT_STATUS_IDENTIFICATION",
        ),
        ("milestone.reopened", "/milestoneReopened/milestone", json!("交付"), "milestone_reopened.milestone", "id"),
        ("measurement.revised", "/measurementRevised/figure", json!({}), "measurement_revised.figure", "is required"),
        (
            "measurement.revised",
            "/measurementRevised/measurement",
            json!("x"),
            "measurement_revised.measurement",
            "UUID",
        ),
        ("evidence.withdrawn", "/evidenceWithdrawn/sha256", json!("AAAA"), "evidence_withdrawn.sha256", "has 3 bytes"),
        ("verification.requested", "/verificationRequested/event", json!(""), "verification_requested.event", "UUID"),
        (
            "reporting-period.opened",
            "/reportingPeriodOpened/frequency",
            json!("FREQUENCY_UNSPECIFIED"),
            "reporting_period_opened.frequency",
            "one of FREQUENCY_MONTH",
        ),
        (
            "reporting-period.opened",
            "/reportingPeriodOpened/period",
            json!("三季度"),
            "reporting_period_opened.period",
            "period id",
        ),
        ("note.recorded", "/progressNoteRecorded/scope", Value::Null, "progress_note_recorded.scope", "is required"),
        ("supervision.issued", "/supervisionIssued/supervision", json!("7号"), "supervision_issued.supervision", "id"),
        (
            "supervision.closed",
            "/supervisionClosed/outcome",
            json!("SUPERVISION_OUTCOME_UNSPECIFIED"),
            "supervision_closed.outcome",
            "one of SUPERVISION_OUTCOME_RECTIFIED",
        ),
    ] {
        refused(token, pointer, value, field, description);
    }
}

#[test]
fn a_staff_code_is_a_short_code_and_no_name() {
    for part in ["filer", "reviewer", "approver"] {
        let (pointer, field) = (format!("/staff/{part}"), format!("staff.{part}"));
        let at = |value: &str| (pointer.clone(), json!(value));
        for bad in ["张三", "Zhang San", "a_b", &"7".repeat(33)] {
            let (pointer, value) = at(bad);
            refused("note.recorded", &pointer, value, &field, "names do not belong here");
        }
        for good in ["", "T-0417", &"7".repeat(32)] {
            let (pointer, value) = at(good);
            accepted("note.recorded", &pointer, value);
        }
    }
}

#[test]
fn what_a_payload_of_the_second_version_leaves_out_has_its_documented_meaning() {
    let unset = accepted("measurement.revised", "/measurementRevised/obsStatus", json!("OBS_STATUS_UNSPECIFIED"));
    assert!(matches!(unset, Payload::MeasurementRevised(revised) if revised.obs_status == ObsStatus::Unvalidated));
    let unset = accepted("plan.revised", "/planRevised/title", Value::Null);
    assert!(matches!(unset, Payload::PlanRevised(revised) if revised.title.zh.is_empty()));
    let unset = accepted("plan.revised", "/planRevised/endDate", Value::Null);
    assert!(matches!(unset, Payload::PlanRevised(revised) if revised.end.is_none()));
    let unset = accepted("indicator.redefined", "/indicatorRedefined/schedule", Value::Null);
    assert!(matches!(unset, Payload::IndicatorRedefined(redefined) if redefined.schedule.is_none()));
    let unset = accepted("reminder.issued", "/reminderIssued/period", json!(""));
    assert!(matches!(unset, Payload::ReminderIssued(reminder) if reminder.period.is_none()));
    let unset = accepted("target.decomposed", "/targetDecomposed/tasks/0/dimension", json!(""));
    assert!(matches!(unset, Payload::TargetDecomposed(it) if it.tasks[0].dimension == TOTAL));
    let unset = accepted("target.revised", "/targetRevised/source", Value::Null);
    assert!(matches!(unset, Payload::TargetRevised(revised) if revised.source.is_none()));
}
