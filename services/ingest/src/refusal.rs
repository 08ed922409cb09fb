//! How ingest says no: every refusal has a reason code, a message in two languages, and the field where there is one.

use std::time::Duration;

use songhua_access::AccessError;
use songhua_domain::decide::Rejection;
use songhua_domain::vocabulary::Reason;
use songhua_log::{AppendError, ReadError};
use songhua_wire::record::DecodeError;
use songhua_wire::status::{Refusal, Violation};

use crate::open::OpenError;
use crate::options::IngestOptions;

/// A refused submission. Nothing of it was stored, unless the reason is `OUTCOME_UNKNOWN`.
pub type Refused = Box<Refusal>;

fn refuse(reason: Reason, message: String, message_zh: String) -> Refused {
    Box::new(Refusal::new(reason, message, message_zh))
}

/// The plan's rules refused event `index`.
pub(crate) fn from_rejection(index: usize, rejection: Rejection) -> Refused {
    let field = if rejection.field.is_empty() {
        format!("events[{index}]")
    } else {
        format!("events[{index}].{}", rejection.field)
    };
    let mut refused = refuse(rejection.reason, rejection.message.clone(), rejection.message_zh);
    refused.violations.push(Violation { field, description: rejection.message });
    refused
}

/// The caller's role or plan does not allow it.
pub fn from_access(error: &AccessError) -> Refused {
    refuse(error.reason(), error.to_string(), error.message_zh())
}

/// No such plan, or the caller may not see it.
pub fn plan_not_found(plan: &str) -> Refused {
    refuse(
        Reason::PlanNotFound,
        format!("plan {plan:?} does not exist, is not published, or is not visible to you"),
        format!("方案 {plan:?} 不存在、尚未发布或对您不可见"),
    )
}

/// Fields that cannot be read; never empty.
pub(crate) fn invalid_fields(violations: Vec<Violation>) -> Refused {
    let message =
        violations.first().map_or_else(String::new, |first| format!("{}: {}", first.field, first.description));
    let mut refused = refuse(Reason::InvalidField, message.clone(), format!("字段无效：{message}"));
    refused.violations = violations;
    refused
}

/// One field that cannot be read.
pub(crate) fn invalid_field(field: &str, description: String) -> Refused {
    invalid_fields(vec![Violation { field: field.to_owned(), description }])
}

/// A limit was exceeded.
pub(crate) fn too_large(reason: Reason, what: &str, size: usize, limit: usize, unit: &str) -> Refused {
    let mut refused = refuse(
        reason,
        format!("{what} has {size} {unit}, the limit is {limit}: split or shorten it"),
        format!("{what} 含 {size} {unit}，上限为 {limit}：请拆分或缩短"),
    );
    refused.metadata.insert("size".to_owned(), size.to_string());
    refused.metadata.insert("limit".to_owned(), limit.to_string());
    refused
}

/// The id belongs to other content or another agency. Says nothing about where or whose.
pub(crate) fn event_id_reused(index: usize, id: uuid::Uuid) -> Refused {
    let message = format!("event id {id} is taken by another event: draw a new id for a new event");
    let mut refused =
        refuse(Reason::EventIdReused, message.clone(), format!("事件编号 {id} 已被其他事件占用：新事件请使用新编号"));
    refused.violations.push(Violation { field: format!("events[{index}].event_id"), description: message });
    refused
}

/// Too much is waiting.
pub(crate) fn queue_full(options: &IngestOptions) -> Refused {
    let mut refused = refuse(
        Reason::QueueFull,
        format!(
            "too much is waiting (limits: {} submissions, {} bytes): send the same events again after the delay",
            options.queue_submissions_max, options.queue_bytes_max
        ),
        "排队已满：请稍后重发同样的事件".to_owned(),
    );
    refused.retry_after = Some(options.retry_delay);
    refused
}

/// When to try again what found no room: somebody has to make it first.
const NO_ROOM_DELAY: Duration = Duration::from_secs(2);

/// The log had no room: nothing was stored.
pub fn disk_full(reason: &str) -> Refused {
    let mut refused = refuse(
        Reason::DiskFull,
        format!(
            "no room in the log, nothing was stored: the operator makes room on the disk (or mends its quota or \
             permissions), send the same events again after the delay: {reason}"
        ),
        format!("日志所在磁盘没有空间，本次未入库：请运维清理磁盘（或修正配额、权限），稍后重发同样的事件：{reason}"),
    );
    refused.retry_after = Some(NO_ROOM_DELAY);
    refused
}

/// The log takes no writes.
pub(crate) fn read_only(reason: &str) -> Refused {
    refuse(
        Reason::LogReadOnly,
        format!("the plan takes no writes: {reason}"),
        format!("该方案暂停写入，需运维处理：{reason}"),
    )
}

/// It is not known whether the submission is stored.
pub(crate) fn outcome_unknown(detail: &str) -> Refused {
    refuse(
        Reason::OutcomeUnknown,
        format!(
            "not known whether it was stored ({detail}): send the same events again, stored ones come back as duplicates"
        ),
        "无法确认是否已入库：请重发同样的事件，已入库的会以 duplicate 返回".to_owned(),
    )
}

/// Why a plan takes no writes whose decider or acknowledger is gone.
pub(crate) const ENDED: &str = "ingest ended by a fault, the server's own log says which: restart the server";

/// Ingest ended before it answered.
pub(crate) fn unanswered() -> Refused {
    outcome_unknown(ENDED)
}

/// The server is stopping.
pub(crate) fn shutting_down() -> Refused {
    refuse(
        Reason::ShuttingDown,
        "the server is stopping: send the same events again once it is back".to_owned(),
        "服务正在停止：恢复后请重发同样的事件".to_owned(),
    )
}

/// The request asks for something this server does not do.
pub(crate) fn not_supported(message: &str, message_zh: &str) -> Refused {
    refuse(Reason::NotSupported, message.to_owned(), message_zh.to_owned())
}

/// A fault of ours.
pub(crate) fn internal(detail: &str) -> Refused {
    tracing::error!(detail, "internal fault in ingest");
    refuse(Reason::Internal, format!("internal fault: {detail}"), "服务内部错误，请联系运维".to_owned())
}

/// The log could not look up an id.
pub(crate) fn from_read(error: &ReadError) -> Refused {
    match error {
        ReadError::Damaged { .. } => read_only(&error.to_string()),
        ReadError::Io(_) => internal(&error.to_string()),
    }
}

/// A record of the log cannot be read.
pub(crate) fn from_decode(position: u64, error: &DecodeError) -> Refused {
    match error {
        DecodeError::UpgradeNeeded { .. } => refuse(
            Reason::UpgradeNeeded,
            format!("record {position}: {error}"),
            format!("第 {position} 条记录由更新的程序写入：请升级程序"),
        ),
        DecodeError::Malformed(_) => internal(&format!("record {position}: {error}")),
    }
}

/// What other writers stored cannot be folded.
pub(crate) fn from_open(error: &OpenError) -> Refused {
    match error {
        OpenError::Record { position, source } => from_decode(*position, source),
        OpenError::Read(error) => from_read(error),
        other => internal(&other.to_string()),
    }
}

/// The log did not take the batch.
pub(crate) fn from_append(error: &AppendError) -> Refused {
    match error {
        // The batch may have been under way when the write or sync failed: then it may be there after a restart.
        AppendError::ReadOnly { reason } => outcome_unknown(reason),
        AppendError::NoRoom { reason } => disk_full(reason),
        AppendError::Closed => shutting_down(),
        AppendError::Empty | AppendError::TooManyRecords { .. } | AppendError::RecordSize { .. } => {
            internal(&error.to_string())
        }
    }
}
