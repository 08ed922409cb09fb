//! Which history a stream tells: a position means something only within its log and epoch.

use std::fmt;

use uuid::Uuid;

use super::Failure;

/// A log and its epoch, as the first response of a call names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct History {
    /// UUID of the log.
    pub(crate) log_id: Vec<u8>,
    /// Its epoch.
    pub(crate) epoch: u32,
}

impl History {
    /// Notes what a call tells; refuses it if an earlier one told of another history.
    pub(crate) fn recognise(self, known: &mut Option<Self>) -> Result<(), Failure> {
        match known {
            Some(known) if *known != self => Err(Failure::Failed(format!(
                "the server now has another history ({self}, before {known}): start anew / 服务端已是另一份历史：请重新开始"
            ))),
            _ => {
                *known = Some(self);
                Ok(())
            }
        }
    }
}

impl fmt::Display for History {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let log = Uuid::from_slice(&self.log_id).map_or_else(|_| "?".to_owned(), |id| id.to_string());
        write!(formatter, "log {log} epoch {}", self.epoch)
    }
}
