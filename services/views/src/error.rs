//! Why views cannot answer.
//!
//! Place in the flow: every operation on views. The way out is mostly the same: throw the views away and let the
//! projector rebuild them from the log. Not so where the disk only refuses: then what is there can be read on.

use std::io::{self, ErrorKind};
use std::path::Path;

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
    /// The disk, its quota or its permissions refuse for now. Nothing is damaged, nothing is to be reset: try again.
    #[error("views in {dir} cannot be written: {detail}; they go on as soon as that is granted")]
    NoRoom {
        /// Where they are.
        dir: String,
        /// What the operating system said.
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
    /// Not opened yet, or a reset failed half-way: nothing can be read.
    #[error("views in {dir} are closed: not opened yet, or their last reset failed")]
    Closed {
        /// Where they are.
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

/// Whether the disk, its quota or its permissions refuse what was asked, so that it may be granted later.
const fn refuses(kind: ErrorKind) -> bool {
    use ErrorKind::{FileTooLarge, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(kind, StorageFull | QuotaExceeded | ReadOnlyFilesystem | PermissionDenied | FileTooLarge)
}

impl ViewsError {
    /// What the operating system said of the views in `dir`.
    pub(crate) fn of_io(dir: &Path, error: &io::Error) -> Self {
        let (dir, detail) = (dir.display().to_string(), error.to_string());
        if refuses(error.kind()) { Self::NoRoom { dir, detail } } else { Self::Store { dir, detail } }
    }
}
