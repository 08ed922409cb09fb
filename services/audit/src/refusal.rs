//! How audit says no: every refusal has a reason code, a message in two languages, and the field where there is one.
//!
//! Place in the flow: made before a stream begins or where it ends early, turned into a status by the service. It must
//! not know: gRPC codes, which belong to the table in `wire`.

use songhua_access::AccessError;
use songhua_domain::vocabulary::Reason;
use songhua_log::{Position, ReadError};
use songhua_wire::record::DecodeError;
use songhua_wire::status::Refusal;
use songhua_wire::violation::{Violation, Violations};

/// Why there is no stream, or no more of it.
pub(crate) type Refused = Box<Refusal>;

fn refuse(reason: Reason, message: String, message_zh: String) -> Refused {
    Box::new(Refusal::new(reason, message, message_zh))
}

/// The caller's role or plan does not allow it, or its token is no longer valid.
pub(crate) fn from_access(error: &AccessError) -> Refused {
    refuse(error.reason(), error.to_string(), error.message_zh())
}

/// A token of role AGENCY that names none has no scope.
pub(crate) fn no_agency() -> Refused {
    let message = "the token names no agency; have one granted that does".to_owned();
    refuse(Reason::OutOfScope, message, "令牌未指明单位；请申请指明单位的令牌".to_owned())
}

/// No such plan, or the caller may not see it.
pub(crate) fn plan_not_found(plan: &str) -> Refused {
    refuse(
        Reason::PlanNotFound,
        format!("plan {plan:?} does not exist, is not published, or is not visible to you"),
        format!("方案 {plan:?} 不存在、尚未发布或对您不可见"),
    )
}

/// Fields that cannot be read.
pub(crate) fn invalid_fields(violations: Violations) -> Refused {
    Box::new(violations.into())
}

/// Names that name nothing in the plan; the first is in the message.
pub(crate) fn unknown_resources(violations: Violations) -> Refused {
    let first = violations.first().to_string();
    let mut refused = refuse(Reason::UnknownResource, first.clone(), format!("方案中没有：{first}"));
    refused.violations = violations.into_vec();
    refused
}

/// A position that is not there yet.
pub(crate) fn position_ahead(field: &'static str, position: u64, durable: Position) -> Refused {
    let fault = format!("{position} lies ahead: the log ends on disk at position {durable}");
    let message_zh = format!("{field} {position} 尚不存在：日志已落盘到位置 {durable}");
    let refusal = Refusal::new(Reason::PositionAhead, format!("{field} {fault}"), message_zh);
    Box::new(refusal.with_violation(field, fault).with_metadata("durable_position", durable.to_string()))
}

/// The server is stopping.
pub(crate) fn shutting_down() -> Refused {
    refuse(
        Reason::ShuttingDown,
        "the server is stopping: go on from scanned_position + 1 once it is back".to_owned(),
        "服务正在停止：恢复后请从 scanned_position + 1 继续".to_owned(),
    )
}

/// The log could not be read.
pub(crate) fn from_read(error: &ReadError) -> Refused {
    match error {
        ReadError::Damaged { position, .. } => {
            let message = format!("record {position} cannot be replayed, the operator acts: {error}");
            let refusal =
                Refusal::new(Reason::LogReadOnly, message, format!("第 {position} 条记录已损坏，需运维处理：{error}"));
            Box::new(refusal.with_metadata("position", position.to_string()))
        }
        ReadError::Io(_) => internal(&error.to_string()),
    }
}

/// A record of the log cannot be judged.
pub(crate) fn from_decode(position: Position, error: &DecodeError) -> Refused {
    let mut refused = match error {
        DecodeError::UpgradeNeeded { .. } => refuse(
            Reason::UpgradeNeeded,
            format!("record {position}: {error}"),
            format!("第 {position} 条记录由更新的程序写入：请升级程序"),
        ),
        DecodeError::Malformed(_) => internal(&format!("record {position}: {error}")),
    };
    refused.metadata.insert("position".to_owned(), position.to_string());
    refused
}

/// A fault of ours.
pub(crate) fn internal(detail: &str) -> Refused {
    tracing::error!(detail, "internal fault in audit");
    refuse(Reason::Internal, format!("internal fault: {detail}"), "服务内部错误，请联系运维".to_owned())
}

/// Faults of a request, field by field.
#[derive(Default)]
pub(crate) struct Faults(Vec<Violation>);

impl Faults {
    /// Notes what is wrong with `field`.
    pub(crate) fn note(&mut self, field: impl Into<String>, description: impl ToString) {
        self.0.push(Violation { field: field.into(), description: description.to_string() });
    }

    /// Refuses if anything was noted.
    pub(crate) fn settle(self, refuse: fn(Violations) -> Refused) -> Result<(), Refused> {
        Violations::from_vec(self.0).map_or(Ok(()), |violations| Err(refuse(violations)))
    }
}
