//! How progress says no: every refusal has a reason code, a message in two languages, and the field where there is one.
//!
//! Place in the flow: made wherever a request cannot be answered, turned into a status by the service. It must not
//! know: gRPC codes, which belong to the table in `wire`.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use songhua_access::AccessError;
use songhua_domain::id::PlanId;
use songhua_domain::vocabulary::{Frequency, Reason};
use songhua_views::ViewsError;
use songhua_wire::status::Refusal;

/// Why a request is not answered.
pub(crate) type Refused = Box<Refusal>;

/// When to read again while views are rebuilt.
const REBUILDING_RETRY: Duration = Duration::from_secs(1);

/// One field that cannot be read.
pub(crate) fn invalid_field(field: &str, fault: &str) -> Refused {
    let message = format!("{field}: {fault}");
    let refusal = Refusal::new(Reason::InvalidField, message.clone(), format!("字段无效：{message}"));
    Box::new(refusal.with_violation(field, fault))
}

/// No period ends on this day; `around` are days on which one does.
pub(crate) fn no_period_end(day: Date, around: &[(Frequency, Vec<Date>)]) -> Refused {
    let near = |(frequency, ends): &(Frequency, Vec<Date>)| {
        let ends: Vec<String> = ends.iter().map(Date::to_string).collect();
        format!("{} {}", frequency.code(), ends.join(", "))
    };
    let near: Vec<String> = around.iter().filter(|(_, ends)| !ends.is_empty()).map(near).collect();
    let (near, near_zh) = if near.is_empty() {
        ("no target is reported by periods".to_owned(), "没有按期报送的目标".to_owned())
    } else {
        (format!("the nearest are {}", near.join("; ")), format!("最近的期末为 {}", near.join("；")))
    };
    let fault = format!("no target has a period that ends on {day}; {near}");
    let message_zh = format!("period_end：没有目标的报送期止于 {day}；{near_zh}");
    let refusal = Refusal::new(Reason::InvalidField, format!("period_end: {fault}"), message_zh);
    Box::new(refusal.with_violation("period_end", fault))
}

/// The caller's role or plan does not allow it.
pub(crate) fn from_access(error: &AccessError) -> Refused {
    Box::new(Refusal::new(error.reason(), error.to_string(), error.message_zh()))
}

/// No such plan, or not visible yet.
pub(crate) fn plan_not_found(plan: &PlanId) -> Refused {
    let message = format!("plan {plan} does not exist, is not published, or is not visible to you");
    Box::new(Refusal::new(Reason::PlanNotFound, message, format!("方案 {plan} 不存在、尚未发布或对您不可见")))
}

/// The plan is visible now, but was not as known then; `known` 0 = before the first record.
pub(crate) fn not_published_then(plan: &PlanId, known: u64, published: u64) -> Refused {
    let message =
        format!("plan {plan} was not published as known at position {known}: it was published at position {published}");
    let message_zh = format!("截至位置 {known}，方案 {plan} 尚未发布：发布于位置 {published}");
    Box::new(Refusal::new(Reason::ResourceNotFound, message, message_zh))
}

/// No such resource, as known.
pub(crate) fn resource_not_found(name: &str, known: u64) -> Refused {
    let message = format!("{name} does not exist as known at position {known}");
    Box::new(Refusal::new(Reason::ResourceNotFound, message, format!("截至位置 {known}，{name} 不存在")))
}

/// The views have nothing to answer with until they are rebuilt.
pub(crate) fn rebuilding(why: &str) -> Refused {
    let message = format!("the views are being rebuilt ({why}): read again after the delay");
    let refusal = Refusal::new(Reason::ViewsRebuilding, message, "视图正在重建：请稍后重试".to_owned());
    Box::new(refusal.with_retry_after(REBUILDING_RETRY))
}

/// The views failed; the projector throws them away and rebuilds them.
pub(crate) fn from_views(error: &ViewsError) -> Refused {
    tracing::error!(%error, "views cannot be read");
    rebuilding("they could not be read")
}

/// A name in the request is of nothing in the plan.
pub(crate) fn unknown_resource(field: &str, id: &str) -> Refused {
    let shown: String = id.chars().take(200).collect();
    let fault = format!("{shown:?} is not in this plan");
    let message = format!("{field}: {fault}; use an id that the plan lists");
    let message_zh = format!("{field}：本规划中没有 {shown:?}；请使用规划中列出的编号");
    Box::new(Refusal::new(Reason::UnknownResource, message, message_zh).with_violation(field, fault))
}

/// The node stops.
pub(crate) fn shutting_down() -> Refused {
    let message = "the server is stopping: call again when it is back".to_owned();
    Box::new(Refusal::new(Reason::ShuttingDown, message, "服务正在停止：请在恢复后重新调用".to_owned()))
}

/// The position that `field` names is not known yet.
pub(crate) fn position_ahead(field: &str, position: u64, applied: u64) -> Refused {
    let message = format!("{field} {position} lies ahead: the views have applied position {applied}");
    let message_zh = format!("{field} {position} 尚未应用：目前已应用到位置 {applied}");
    let refusal = Refusal::new(Reason::PositionAhead, message, message_zh);
    Box::new(refusal.with_metadata("applied_position", applied.to_string()))
}

/// The named moment has not come.
pub(crate) fn time_ahead(time: Timestamp, now: Timestamp) -> Refused {
    let message = format!("known_time {time} lies in the future: now is {now}");
    Box::new(Refusal::new(Reason::PositionAhead, message, format!("known_time {time} 晚于当前时间 {now}")))
}

/// The position was not applied within the wait.
pub(crate) fn position_not_applied(position: u64, applied: u64, longest: Duration) -> Refused {
    let seconds = longest.as_secs();
    let message = format!(
        "min_position {position} was not applied within {seconds} s: the views have applied position {applied}"
    );
    let message_zh = format!("{seconds} 秒内未应用到 min_position {position}：目前已应用到位置 {applied}");
    let refusal = Refusal::new(Reason::PositionNotApplied, message, message_zh);
    Box::new(refusal.with_metadata("applied_position", applied.to_string()))
}

/// The filter cannot be read; `at` counts characters from 1.
pub(crate) fn bad_filter(at: usize, fault: &str) -> Refused {
    let message_zh = format!("筛选条件第 {at} 个字符处有误：{fault}");
    let refusal = Refusal::new(Reason::BadFilter, format!("filter at character {at}: {fault}"), message_zh);
    Box::new(refusal.with_violation("filter", format!("at character {at}: {fault}")))
}

/// The token is not of this list.
pub(crate) fn bad_page_token(fault: &str) -> Refused {
    let message = format!("page token {fault}: start the list again without a page token");
    let message_zh = "翻页令牌不属于此列表：请去掉 page_token 重新开始".to_owned();
    Box::new(Refusal::new(Reason::BadPageToken, message, message_zh).with_violation("page_token", fault))
}

/// A fault of ours.
pub(crate) fn internal(detail: &str) -> Refused {
    tracing::error!(detail, "internal fault in progress");
    Box::new(Refusal::new(Reason::Internal, format!("internal fault: {detail}"), "服务内部错误，请联系运维".to_owned()))
}
