//! Why an event is refused, in both languages.
//!
//! Place in the flow: made by `authorise` and `decide`, turned into a status by wire. It must not know: gRPC codes.

use crate::vocabulary::Reason;

/// A refusal. It changes nothing and does not consume the event id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {field}: {message}")]
pub struct Rejection {
    /// The code of the closed list.
    pub reason: Reason,
    /// Path of the field within `EventInput`, as the proto names it: `measurement_reported.period.end`.
    pub field: String,
    /// English, a lower-case fragment with the values, the limit and the way out.
    pub message: String,
    /// The same in Chinese.
    pub message_zh: String,
}

impl Rejection {
    pub(crate) fn new(
        reason: Reason,
        field: impl Into<String>,
        message: impl Into<String>,
        message_zh: impl Into<String>,
    ) -> Self {
        Self { reason, field: field.into(), message: message.into(), message_zh: message_zh.into() }
    }
}

/// A [`Rejection`] from a reason, a field and the two texts, which capture variables like `format!`.
macro_rules! reject {
    ($reason:ident, $field:expr, $en:literal, $zh:literal $(,)?) => {
        $crate::decide::Rejection::new($crate::vocabulary::Reason::$reason, $field, format!($en), format!($zh))
    };
}

/// Leaves the function with [`reject!`] if the condition holds. Each use is one rule.
macro_rules! refuse_if {
    ($broken:expr, $reason:ident, $field:expr, $en:literal, $zh:literal $(,)?) => {
        if $broken {
            return Err($crate::decide::rejection::reject!($reason, $field, $en, $zh));
        }
    };
}

pub(crate) use {refuse_if, reject};
