//! What a client sends: `EventInput`, both ways.
//!
//! Place in the flow: ingest reads a request's events here before anything is decided; [`crate::record`] reads and
//! writes the same message inside a record. A message that is accepted contains only values of the domain; one that is
//! not names every field to mend. It must not know: what the plan contains, or whether an event is allowed.

mod area;
mod common;
mod conduct;
mod delivery;
mod indicator;
pub(crate) mod measurement;
mod plan;
mod revision;

use songhua_domain::event::{self as domain, EVIDENCE_MAX};

use crate::field::{CORRELATION_LENGTH_MAX, FromWire};
use crate::pb;
use crate::time::date_to_pb;
use crate::violation::{At, Found, Origin, Violations};

/// Reads what a client sent.
///
/// # Errors
/// [`Violations`], one for each field that is malformed, too long, out of range or missing.
pub fn input_from_pb(input: &pb::EventInput) -> Result<domain::EventInput, Violations> {
    let found = Found::new(Origin::Client);
    let value = domain::EventInput::read(found.root(), input);
    found.settle(value)
}

/// An event as a client would send it. Reading it again gives an equal event.
pub fn input_to_pb(input: &domain::EventInput) -> pb::EventInput {
    pb::EventInput {
        event_id: input.event_id.to_string(),
        effective_date: input.effective_date.map(date_to_pb),
        comment: input.comment.clone(),
        source_ref: input.source_ref.clone(),
        evidence: input.evidence.iter().map(pb::Evidence::from).collect(),
        correlation_id: input.correlation_id.clone(),
        causation_id: input.causation_id.map(|id| id.to_string()).unwrap_or_default(),
        staff: (input.staff != domain::StaffCodes::default()).then(|| (&input.staff).into()),
        payload: Some((&input.payload).into()),
    }
}

/// What [`input_to_pb`] gives of `input`, made of the message that it was read from: figures, nearly all there is, keep
/// their texts instead of having them copied.
pub(crate) fn restated(input: &domain::EventInput, sent: pb::EventInput) -> pb::EventInput {
    use pb::event_input::Payload;
    let (domain::Payload::MeasurementReported(reported), Some(Payload::MeasurementReported(named))) =
        (&input.payload, sent.payload)
    else {
        return input_to_pb(input);
    };
    let bare = measurement::unnamed(reported);
    let pb::MeasurementReported { area, indicator, .. } = named;
    let dimension = if named.dimension == reported.dimension { named.dimension } else { reported.dimension.clone() };
    pb::EventInput {
        event_id: input.event_id.to_string(),
        effective_date: input.effective_date.map(date_to_pb),
        comment: sent.comment,
        source_ref: sent.source_ref,
        evidence: input.evidence.iter().map(pb::Evidence::from).collect(),
        correlation_id: sent.correlation_id,
        causation_id: input.causation_id.map(|id| id.to_string()).unwrap_or_default(),
        staff: (input.staff != domain::StaffCodes::default()).then(|| (&input.staff).into()),
        payload: Some(Payload::MeasurementReported(pb::MeasurementReported { area, indicator, dimension, ..bare })),
    }
}

impl FromWire for domain::EventInput {
    type Wire = pb::EventInput;
    fn read(at: At<'_>, wire: &pb::EventInput) -> Option<Self> {
        use domain::EventInput;
        crate::violation::gather!(EventInput {
            event_id: at.field("event_id").uuid(&wire.event_id),
            effective_date: at.field("effective_date").optional_date(wire.effective_date.as_ref()),
            comment: at.field("comment").text(&wire.comment),
            source_ref: at.field("source_ref").text(&wire.source_ref),
            evidence: at.field("evidence").each(&wire.evidence, EVIDENCE_MAX, domain::Evidence::read),
            correlation_id: at.field("correlation_id").line(&wire.correlation_id, CORRELATION_LENGTH_MAX),
            causation_id: at.field("causation_id").optional_uuid(&wire.causation_id),
            staff: at.field("staff").optional_message(wire.staff.as_ref()).map(Option::unwrap_or_default),
            payload: payload(at, wire.payload.as_ref()),
        })
    }
}

macro_rules! payloads {
    ($($variant:ident $field:ident $tag:literal = $token:literal,)*) => {
        fn payload(at: At<'_>, wire: Option<&pb::event_input::Payload>) -> Option<domain::Payload> {
            match wire {
                $(Some(pb::event_input::Payload::$variant(wire)) => {
                    domain::$variant::read(at.field(stringify!($field)), wire).map(domain::Payload::$variant)
                })*
                None => at.field("payload").refuse("is required: set one of the event types"),
            }
        }
        /// Token of every event type, in the order of the contract.
        pub const TYPE_TOKENS: &[&str] = &[$($token,)*];
        /// Token of the event type whose payload has this field number in `EventInput`.
        pub(crate) const fn type_token(tag: u32) -> Option<&'static str> {
            match tag { $($tag => Some($token),)* _ => None }
        }
        /// Field number of a payload in `EventInput`.
        pub(crate) const fn payload_tag(payload: &pb::event_input::Payload) -> u32 {
            match payload { $(pb::event_input::Payload::$variant(_) => $tag,)* }
        }

        impl From<&domain::Payload> for pb::event_input::Payload {
            fn from(payload: &domain::Payload) -> Self {
                match payload { $(domain::Payload::$variant(value) => Self::$variant(value.into()),)* }
            }
        }
    };
}

payloads! {
    LogCreated log_created 16 = "log.created",
    DayOpened day_opened 17 = "day.opened",
    PlanDefined plan_defined 18 = "plan.defined",
    PlanPublished plan_published 19 = "plan.published",
    AreaDesignated area_designated 20 = "area.designated",
    AreaStageChanged area_stage_changed 21 = "area.stage-changed",
    IndicatorDefined indicator_defined 22 = "indicator.defined",
    TargetSet target_set 23 = "target.set",
    BaselineSet baseline_set 24 = "baseline.set",
    InterimTargetsSet interim_targets_set 25 = "interim-targets.set",
    LightRuleAdopted light_rule_adopted 26 = "light-rule.adopted",
    AgencyRegistered agency_registered 27 = "agency.registered",
    AgencyAssigned agency_assigned 28 = "agency.assigned",
    ProjectRegistered project_registered 29 = "project.registered",
    ProjectMerged project_merged 30 = "project.merged",
    MilestonePlanned milestone_planned 31 = "milestone.planned",
    MilestoneRescheduled milestone_rescheduled 32 = "milestone.rescheduled",
    MilestoneReached milestone_reached 33 = "milestone.reached",
    MilestonePartiallyReached milestone_partially_reached 34 = "milestone.partially-reached",
    MilestoneMissed milestone_missed 35 = "milestone.missed",
    MilestoneCancelled milestone_cancelled 36 = "milestone.cancelled",
    MeasurementReported measurement_reported 37 = "measurement.reported",
    MeasurementCorrected measurement_corrected 38 = "measurement.corrected",
    MeasurementRetracted measurement_retracted 39 = "measurement.retracted",
    NothingToReport nothing_to_report 40 = "measurement.nothing-to-report",
    QualitativeAssessmentRecorded qualitative_assessment_recorded 41 = "assessment.recorded",
    EvidenceAttached evidence_attached 42 = "evidence.attached",
    VerificationAccepted verification_accepted 43 = "verification.accepted",
    VerificationRejected verification_rejected 44 = "verification.rejected",
    PlanRevised plan_revised 45 = "plan.revised",
    PlanClosedOut plan_closed_out 46 = "plan.closed-out",
    CalculationAdopted calculation_adopted 47 = "calculation.adopted",
    IndicatorRedefined indicator_redefined 48 = "indicator.redefined",
    IndicatorRetired indicator_retired 49 = "indicator.retired",
    TargetRevised target_revised 50 = "target.revised",
    BaselineRestated baseline_restated 51 = "baseline.restated",
    TargetDecomposed target_decomposed 52 = "target.decomposed",
    AgencyRenamed agency_renamed 53 = "agency.renamed",
    AgencySucceeded agency_succeeded 54 = "agency.succeeded",
    AssignmentEnded assignment_ended 55 = "agency.assignment-ended",
    ProjectStatusChanged project_status_changed 56 = "project.status-changed",
    MilestoneReopened milestone_reopened 57 = "milestone.reopened",
    MeasurementRevised measurement_revised 58 = "measurement.revised",
    EvidenceWithdrawn evidence_withdrawn 59 = "evidence.withdrawn",
    VerificationRequested verification_requested 60 = "verification.requested",
    VerificationReopened verification_reopened 61 = "verification.reopened",
    ReportingPeriodOpened reporting_period_opened 62 = "reporting-period.opened",
    ReportingPeriodClosed reporting_period_closed 63 = "reporting-period.closed",
    ReminderIssued reminder_issued 64 = "reminder.issued",
    ProgressNoteRecorded progress_note_recorded 65 = "note.recorded",
    SupervisionIssued supervision_issued 66 = "supervision.issued",
    SupervisionAnswered supervision_answered 67 = "supervision.answered",
    SupervisionClosed supervision_closed 68 = "supervision.closed",
    HistoryForked history_forked 69 = "log.history-forked",
}
