//! Values: postcard, and what a row that cannot be read looks like.
//!
//! Place in the flow: between the types of this crate and sled. It must not know which table a value goes to.

use jiff::civil::Date;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use songhua_domain::id::{AreaId, IndicatorId};
use songhua_domain::vocabulary::Status;

use crate::error::ViewsError;
use crate::key;

/// A change of a target's status, as the projector found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The event that made it.
    pub position: u64,
    /// Its number among the changes of that event, from 0.
    pub n: u32,
    /// The target's area.
    pub area: AreaId,
    /// The target's indicator.
    pub indicator: IndicatorId,
    /// The status before; none for the first.
    pub from: Option<Status>,
    /// The status now.
    pub to: Status,
    /// The day both statuses were computed for.
    pub date: Date,
}

/// The value of a change's row.
#[derive(Serialize, Deserialize)]
pub(crate) struct ChangeValue {
    pub(crate) area: AreaId,
    pub(crate) indicator: IndicatorId,
    pub(crate) from: Option<Status>,
    pub(crate) to: Status,
    pub(crate) date: Date,
}

impl Change {
    /// Reads the `n`th change of the event at `position`.
    pub(crate) fn read(key: &[u8], position: u64, n: u32, value: &[u8]) -> Result<Self, ViewsError> {
        let ChangeValue { area, indicator, from, to, date } = decode(key, value)?;
        Ok(Self { position, n, area, indicator, from, to, date })
    }
}

/// Writes a value.
pub(crate) fn encode<T: Serialize>(key: &[u8], value: &T) -> Result<Vec<u8>, ViewsError> {
    postcard::to_stdvec(value).map_err(|error| unreadable(key, &error.to_string()))
}

/// Reads a value, all of it.
pub(crate) fn decode<T: DeserializeOwned>(key: &[u8], bytes: &[u8]) -> Result<T, ViewsError> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(unreadable(key, &format!("{} bytes too many", rest.len()))),
        Err(error) => Err(unreadable(key, &error.to_string())),
    }
}

/// A row that is not what its table holds.
pub(crate) fn unreadable(key: &[u8], detail: &str) -> ViewsError {
    let key = key.iter().map(|byte| format!("{byte:02x}")).collect();
    ViewsError::Row { key, detail: detail.to_owned() }
}

/// The position that ends a key that must have one.
pub(crate) fn position_of(key: &[u8]) -> Result<u64, ViewsError> {
    key::last_position(key).ok_or_else(|| unreadable(key, "key too short"))
}
