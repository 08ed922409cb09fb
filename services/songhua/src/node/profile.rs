//! The profile that the server leaves in its data directory, so that the command line on the same machine finds the
//! server and the token without flags.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Where the server is and which token to use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Profile {
    /// For example `http://127.0.0.1:7400`.
    pub server: String,
    /// A file with one token.
    pub token_file: PathBuf,
    /// The certificate to trust, if the server has its own.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

impl Profile {
    /// Where a data directory keeps its profile.
    pub(crate) fn path(data: &Path) -> PathBuf {
        data.join("profile.json")
    }

    /// Reads the profile of a data directory; none if there is none.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub(crate) fn read(data: &Path) -> io::Result<Option<Self>> {
        match fs::read(Self::path(data)) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes the profile, readable by its owner only.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn write(&self, data: &Path) -> io::Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(io::Error::other)?;
        write_private(&Self::path(data), &text)
    }
}

/// Writes a file that only its owner can read (mode 0600), whole or not at all.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}
