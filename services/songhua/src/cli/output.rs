//! Where results go: standard output, as text or as JSON. Messages about them go to standard error.

use std::fmt::Display;
use std::io::Write;

use serde::Serialize;

use super::Failure;

/// Prints a value as text. A closed pipe is not a fault.
pub(crate) fn text(value: &impl Display) -> Result<(), Failure> {
    write(format!("{value}").trim_end())
}

/// Prints a value as JSON, indented.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    write(&serde_json::to_string_pretty(value).map_err(Failure::failed)?)
}

fn write(text: &str) -> Result<(), Failure> {
    bytes(format!("{text}\n").as_bytes())
}

/// Writes bytes as they are.
pub(crate) fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    match std::io::stdout().write_all(bytes) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::failed(error)),
        _ => Ok(()),
    }
}
