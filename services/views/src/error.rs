//! Why views cannot answer.
//!
//! Place in the flow: every operation on views. Whatever is wrong, the way out is the same: throw the views away and
//! let the projector rebuild them from the log.

/// Why the views could not be opened, read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ViewsError {
    /// sled refused, found damage, or panicked.
    #[error("views in {dir} failed: {detail}; reset them, they are rebuilt from the log")]
    Store {
        /// Where they are.
        dir: String,
        /// What sled said.
        detail: String,
    },
    /// Written by another version of this program.
    #[error(
        "views in {dir} have layout {found}, this version reads {reads}; reset them, they are rebuilt from the log"
    )]
    OtherLayout {
        /// Where they are.
        dir: String,
        /// The layout found.
        found: u32,
        /// The layout of this version.
        reads: u32,
    },
    /// Another process, or a handle of this one, has them open. They are not damaged.
    #[error("views in {dir} are open elsewhere: stop that process first")]
    Locked {
        /// Where they are.
        dir: String,
    },
    /// A reset failed half-way; there are no views.
    #[error("views in {dir} are closed, since their last reset failed; reset them again")]
    Closed {
        /// Where they were.
        dir: String,
    },
    /// A row is not what its table holds.
    #[error("row {key} of the views cannot be read: {detail}; reset them, they are rebuilt from the log")]
    Row {
        /// The row's key in hexadecimal.
        key: String,
        /// What was wrong.
        detail: String,
    },
}
