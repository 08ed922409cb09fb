//! The one table from a reason to a gRPC code, and refusals as a status with its details.
//!
//! Place in the flow: every role builds a [`Refusal`] and turns it into a `tonic::Status` here, so that no refusal
//! leaves without its reason; clients turn a status back. It must not know: why something is refused.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use prost::Message;
use songhua_domain::vocabulary::Reason;
use tonic::Code;
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::google::rpc;
pub use crate::violation::Violation;
use crate::violation::Violations;

/// `ErrorInfo.domain` of every refusal.
pub const ERROR_DOMAIN: &str = "songhua";
/// Locale of the translated message.
pub const LOCALE: &str = "zh-CN";

// A status travels in HTTP headers, of which some clients take 8 KiB in all. The details are base64 and repeat the
// message, and the message is percent-encoded: these limits keep the worst case below that.
const MESSAGE_BYTES_MAX: usize = 600;
const METADATA_BYTES_MAX: usize = 600;
const VIOLATIONS_BYTES_MAX: usize = 2_000;

/// The gRPC code of a reason; `proto/songhua/v1/error.proto` says the same.
pub const fn code_of(reason: Reason) -> Code {
    match reason {
        Reason::InvalidField
        | Reason::UnknownResource
        | Reason::ServerOnly
        | Reason::FutureDate
        | Reason::SourceRefRequired
        | Reason::TargetRule
        | Reason::BasisNotAllowed
        | Reason::FigureNotAllowed
        | Reason::UnitMismatch
        | Reason::WrongEventType
        | Reason::TooManyEvents
        | Reason::RequestTooLarge
        | Reason::EventTooLarge
        | Reason::BadFilter
        | Reason::BadPageToken => Code::InvalidArgument,
        Reason::PlanNotPublished
        | Reason::PlanAlreadyPublished
        | Reason::PlanDigestMismatch
        | Reason::AlreadyDefined
        | Reason::MeasurementExists
        | Reason::PeriodOverlap
        | Reason::TotalDecreased
        | Reason::DerivedIndicator
        | Reason::Superseded
        | Reason::MilestoneState
        | Reason::PlanClosed
        | Reason::PeriodClosed
        | Reason::PeriodState
        | Reason::IndicatorRetired
        | Reason::AgencySucceeded
        | Reason::SupervisionState
        | Reason::VerificationState
        | Reason::BackupRefused
        | Reason::NotSupported => Code::FailedPrecondition,
        Reason::RoleNotAllowed | Reason::OutOfScope | Reason::SelfVerification => Code::PermissionDenied,
        Reason::TokenMissing | Reason::TokenInvalid => Code::Unauthenticated,
        Reason::EventIdReused => Code::AlreadyExists,
        Reason::QueueFull => Code::ResourceExhausted,
        Reason::LogReadOnly
        | Reason::DiskFull
        | Reason::OutcomeUnknown
        | Reason::ShuttingDown
        | Reason::UpgradeNeeded
        | Reason::ViewsRebuilding
        | Reason::PositionNotApplied => Code::Unavailable,
        Reason::PlanNotFound | Reason::ResourceNotFound => Code::NotFound,
        Reason::PositionAhead => Code::OutOfRange,
        Reason::Internal => Code::Internal,
    }
}

/// Whether a client may send the same request again without changing it and without anybody acting.
pub const fn may_retry(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::QueueFull
            | Reason::DiskFull
            | Reason::OutcomeUnknown
            | Reason::ShuttingDown
            | Reason::ViewsRebuilding
            | Reason::PositionNotApplied
    )
}

/// A refused request, before it becomes a status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The code of the closed list.
    pub reason: Reason,
    /// English, a lower-case fragment with the values and the way out.
    pub message: String,
    /// The same in Chinese.
    pub message_zh: String,
    /// Fields to mend.
    pub violations: Vec<Violation>,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// Values and limits of the message.
    pub metadata: BTreeMap<String, String>,
}

impl Refusal {
    /// A refusal without fields, delay or metadata.
    pub const fn new(reason: Reason, message: String, message_zh: String) -> Self {
        Self { reason, message, message_zh, violations: Vec::new(), retry_after: None, metadata: BTreeMap::new() }
    }
    /// The same with one more field to mend.
    #[must_use]
    pub fn with_violation(mut self, field: impl Into<String>, description: impl Into<String>) -> Self {
        self.violations.push(Violation { field: field.into(), description: description.into() });
        self
    }
    /// The same with a delay after which to try again.
    #[must_use]
    pub const fn with_retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }
    /// The same with one more value of the message.
    #[must_use]
    pub fn with_metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }
}

impl From<Violations> for Refusal {
    /// Fields that cannot be read: `INVALID_FIELD`, with the first one in the message.
    fn from(violations: Violations) -> Self {
        let first = violations.first().to_string();
        let mut refusal = Self::new(Reason::InvalidField, first.clone(), format!("字段无效：{first}"));
        refusal.violations = violations.into_vec();
        refusal
    }
}

impl From<Refusal> for tonic::Status {
    fn from(refusal: Refusal) -> Self {
        let message = cut(refusal.message, MESSAGE_BYTES_MAX);
        let mut details = ErrorDetails::new();
        details.set_error_info(refusal.reason.code(), ERROR_DOMAIN, carried_metadata(refusal.metadata));
        let violations = carried_violations(refusal.violations);
        if !violations.is_empty() {
            details.set_bad_request(violations);
        }
        if refusal.retry_after.is_some() {
            details.set_retry_info(refusal.retry_after);
        }
        details.set_localized_message(LOCALE, cut(refusal.message_zh, MESSAGE_BYTES_MAX));
        Self::with_error_details(code_of(refusal.reason), message, details)
    }
}

/// The violations that fit, at least one; a sender who mends these learns of the rest.
fn carried_violations(violations: Vec<Violation>) -> Vec<FieldViolation> {
    let mut room = VIOLATIONS_BYTES_MAX;
    let mut carried = Vec::new();
    for Violation { field, description } in violations {
        let (field, description) = (cut(field, MESSAGE_BYTES_MAX), cut(description, MESSAGE_BYTES_MAX));
        let Some(left) = room.checked_sub(field.len() + description.len()) else { break };
        room = left;
        carried.push(FieldViolation::new(field, description));
    }
    carried
}

fn carried_metadata(metadata: BTreeMap<String, String>) -> HashMap<String, String> {
    let mut room = METADATA_BYTES_MAX;
    metadata
        .into_iter()
        .map_while(|(key, value)| {
            let left = room.checked_sub(key.len() + value.len())?;
            room = left;
            Some((key, value))
        })
        .collect()
}

/// The text, cut to `longest` bytes at a character.
fn cut(mut text: String, longest: usize) -> String {
    const MARK: &str = "…";
    if text.len() > longest {
        text.truncate(text.floor_char_boundary(longest - MARK.len()));
        text.push_str(MARK);
    }
    text
}

/// What a server of Songhua said; none if the status is not of this contract, or of a reason not known yet.
pub fn refusal_from(status: &tonic::Status) -> Option<Refusal> {
    let details = status.get_error_details();
    let info = details.error_info().filter(|info| info.domain == ERROR_DOMAIN)?;
    let mut refusal = Refusal::new(Reason::from_code(&info.reason).ok()?, status.message().to_owned(), String::new());
    refusal.metadata = info.metadata.clone().into_iter().collect();
    if let Some(localized) = details.localized_message().filter(|localized| localized.locale == LOCALE) {
        refusal.message_zh.clone_from(&localized.message);
    }
    if let Some(request) = details.bad_request() {
        let violations = request.field_violations.iter();
        refusal.violations = violations
            .map(|found| Violation { field: found.field.clone(), description: found.description.clone() })
            .collect();
    }
    refusal.retry_after = details.retry_info().and_then(|info| info.retry_delay);
    Some(refusal)
}

/// What the transport said of a message that it could not read, in words of this contract; none if `status` says
/// anything else.
pub fn unreadable(status: &tonic::Status) -> Option<Refusal> {
    if !status.details().is_empty() {
        return None;
    }
    let (reason, zh) = match status.code() {
        Code::OutOfRange => (Reason::RequestTooLarge, "请求过大，请拆分"),
        Code::Internal => (Reason::InvalidField, "请求无法解析，请检查消息编码"),
        _ => return None,
    };
    let message = format!("the message cannot be read: {}", status.message());
    Some(Refusal::new(reason, message, format!("{zh}：{}", status.message())))
}

/// A status as a message, for answers within a stream: the same details as a unary error.
pub fn to_rpc_status(status: &tonic::Status) -> rpc::Status {
    let details = rpc::Status::decode(status.details()).map(|carried| carried.details).unwrap_or_default();
    rpc::Status { code: status.code().into(), message: status.message().to_owned(), details }
}

/// The status that a message within a stream stands for.
pub fn from_rpc_status(status: &rpc::Status) -> tonic::Status {
    let details = status.encode_to_vec().into();
    tonic::Status::with_details(Code::from_i32(status.code), status.message.clone(), details)
}

#[cfg(test)]
mod tests;
