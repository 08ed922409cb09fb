//! Events: what an agency or the plan office says, and what the log keeps of it.
//!
//! Place in the flow: wire decodes an [`EventInput`], ingest decides on it and appends an [`Event`]; every follower
//! folds `Event`s. An event is never changed; a later event corrects it.

mod conduct;
mod definition;
mod delivery;
mod measurement;
mod revision;
mod system;

use std::sync::Arc;

pub use conduct::*;
pub use definition::*;
pub use delivery::*;
use jiff::Timestamp;
use jiff::civil::Date;
pub use measurement::*;
pub use revision::*;
use serde::{Deserialize, Serialize};
pub use system::*;
use uuid::Uuid;

use crate::id::AgencyId;
use crate::vocabulary::Role;

/// Most evidence entries of one event.
pub const EVIDENCE_MAX: usize = 32;
/// Longest comment, source reference, reason or note, in characters.
pub const TEXT_LENGTH_MAX: usize = 4_000;

/// What a client sends. The same decoded content under the same id, from the same agency, is the same event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventInput {
    /// Drawn by the client; the idempotency key, for ever.
    pub event_id: Uuid,
    /// When it became true in the world. Absent for measurements, whose period says it.
    pub effective_date: Option<Date>,
    /// What happened.
    pub payload: Payload,
    /// Free text for readers. No personal data.
    pub comment: String,
    /// Document and page the event rests on.
    pub source_ref: String,
    /// Digests of files that stay with the agency.
    pub evidence: Vec<Evidence>,
    /// Ties events of one business case together; opaque.
    pub correlation_id: String,
    /// The event that made this one happen, if any.
    pub causation_id: Option<Uuid>,
    /// Who at the agency stands for it, by staff code.
    pub staff: StaffCodes,
}

/// Who filed, reviewed and approved an event, by the agency's own codes: no names (填报人、审核人、批准人). Empty = not said.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StaffCodes {
    /// 填报人.
    pub filer: String,
    /// 审核人; not the filer.
    pub reviewer: String,
    /// 批准人; not the filer.
    pub approver: String,
}

/// A file that stays with the agency, named by its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
    /// For example `application/pdf`.
    pub media_type: String,
    /// Title for readers.
    pub title: String,
    /// Where the agency keeps it.
    pub locator: String,
}

/// Who an event came from, as the server established it. Never taken from the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Name of the principal, `system` for the server itself.
    pub principal: String,
    /// The agency it acts for; none for the plan office and the server.
    pub agency: Option<AgencyId>,
    /// The role it acted in.
    pub role: Role,
    /// SHA-256 of the credential; zeros for the server itself.
    pub credential_digest: [u8; 32],
    /// The agency on whose behalf an operator filed it, if not its own.
    pub on_behalf_of: Option<AgencyId>,
}

/// An event as the log keeps it, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its place in the log. Not part of the record: the log assigns it.
    pub position: u64,
    /// When ingest accepted it: the clock, but never before the event in front of it.
    pub recorded_time: Timestamp,
    /// Who sent it; all events of a submission share one.
    pub actor: Arc<Actor>,
    /// The submission it came with.
    pub submission: SubmissionRef,
    /// Whether recorded − effective exceeded the plan's number of days (补录).
    pub back_dated: bool,
    /// What was sent.
    pub input: Arc<EventInput>,
}

/// An event's place in its submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubmissionRef {
    /// Drawn by the client or the server.
    pub id: Uuid,
    /// From 0.
    pub index: u32,
    /// Events in the submission.
    pub count: u32,
}

macro_rules! payloads {
    ($($(#[$doc:meta])* $variant:ident = $token:literal,)*) => {
        /// What happened. One variant for each event type.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Payload {
            $($(#[$doc])* $variant($variant),)*
        }
        impl Payload {
            /// Names of all event types.
            pub const TYPE_NAMES: &'static [&'static str] = &[$(stringify!($variant),)*];

            /// Name of the event type, for example `MeasurementReported`.
            pub const fn type_name(&self) -> &'static str {
                match self { $(Self::$variant(_) => stringify!($variant),)* }
            }
            /// The event's token in topics and filters, for example `measurement.reported`.
            pub const fn type_token(&self) -> &'static str {
                match self { $(Self::$variant(_) => $token,)* }
            }
        }
        $(impl From<$variant> for Payload {
            fn from(payload: $variant) -> Self {
                Self::$variant(payload)
            }
        })*
    };
}

payloads! {
    /// Genesis: record 1 of every log.
    LogCreated = "log.created",
    /// A day began in the plan's time zone.
    DayOpened = "day.opened",
    /// The plan itself.
    PlanDefined = "plan.defined",
    /// All definitions are in; the plan becomes visible.
    PlanPublished = "plan.published",
    /// A city, zone or circle.
    AreaDesignated = "area.designated",
    /// An area moved to another stage.
    AreaStageChanged = "area.stage-changed",
    /// An indicator.
    IndicatorDefined = "indicator.defined",
    /// A target of an indicator in an area.
    TargetSet = "target.set",
    /// Where a target starts from.
    BaselineSet = "baseline.set",
    /// Points on the way (年度目标).
    InterimTargetsSet = "interim-targets.set",
    /// The rule that turns deviations into lights.
    LightRuleAdopted = "light-rule.adopted",
    /// An agency.
    AgencyRegistered = "agency.registered",
    /// An agency answers for something.
    AgencyAssigned = "agency.assigned",
    /// A project.
    ProjectRegistered = "project.registered",
    /// Two names, one project.
    ProjectMerged = "project.merged",
    /// A milestone of a project.
    MilestonePlanned = "milestone.planned",
    /// Another due date.
    MilestoneRescheduled = "milestone.rescheduled",
    /// Met.
    MilestoneReached = "milestone.reached",
    /// Partially met.
    MilestonePartiallyReached = "milestone.partially-reached",
    /// Not met, as of a review.
    MilestoneMissed = "milestone.missed",
    /// No longer wanted.
    MilestoneCancelled = "milestone.cancelled",
    /// A figure.
    MeasurementReported = "measurement.reported",
    /// The figure was wrong.
    MeasurementCorrected = "measurement.corrected",
    /// The figure should not have been sent.
    MeasurementRetracted = "measurement.retracted",
    /// No change in this period: silence is not zero.
    NothingToReport = "measurement.nothing-to-report",
    /// A step on a scale, judged by hand.
    QualitativeAssessmentRecorded = "assessment.recorded",
    /// More evidence for an earlier event.
    EvidenceAttached = "evidence.attached",
    /// A supervising agency checked it and agrees.
    VerificationAccepted = "verification.accepted",
    /// A supervising agency checked it and disagrees.
    VerificationRejected = "verification.rejected",
    /// A new edition of the plan's text, or another last day.
    PlanRevised = "plan.revised",
    /// The plan is assessed and closed (收官).
    PlanClosedOut = "plan.closed-out",
    /// Another version of the arithmetic, from the day of recording on.
    CalculationAdopted = "calculation.adopted",
    /// An indicator has another name, method or schedule.
    IndicatorRedefined = "indicator.redefined",
    /// An indicator is no longer scored.
    IndicatorRetired = "indicator.retired",
    /// A target asks for something else.
    TargetRevised = "target.revised",
    /// A target's baseline was wrong or is better known.
    BaselineRestated = "baseline.restated",
    /// A target is handed down to agencies and years (任务分解).
    TargetDecomposed = "target.decomposed",
    /// An agency has another name.
    AgencyRenamed = "agency.renamed",
    /// An agency ends; another takes over all it answers for.
    AgencySucceeded = "agency.succeeded",
    /// An agency no longer answers for something.
    AssignmentEnded = "agency.assignment-ended",
    /// A project is at another status, from the effective date on.
    ProjectStatusChanged = "project.status-changed",
    /// A milestone that was met or cancelled is open again.
    MilestoneReopened = "milestone.reopened",
    /// Better data came (scheduled revision).
    MeasurementRevised = "measurement.revised",
    /// A file no longer supports an event.
    EvidenceWithdrawn = "evidence.withdrawn",
    /// Whoever reported asks to have it checked.
    VerificationRequested = "verification.requested",
    /// A verification is taken back.
    VerificationReopened = "verification.reopened",
    /// Agencies report for a period from now on; opens a closed one again.
    ReportingPeriodOpened = "reporting-period.opened",
    /// No new figures for the period.
    ReportingPeriodClosed = "reporting-period.closed",
    /// An agency is reminded (催报).
    ReminderIssued = "reminder.issued",
    /// How it goes, in words (进展, 存在问题, 下一步措施).
    ProgressNoteRecorded = "note.recorded",
    /// An agency is told to put something right (督办).
    SupervisionIssued = "supervision.issued",
    /// The agency says what it did.
    SupervisionAnswered = "supervision.answered",
    /// The matter is closed (销号).
    SupervisionClosed = "supervision.closed",
    /// The log was restored to an earlier point; a new epoch begins.
    HistoryForked = "log.history-forked",
}
