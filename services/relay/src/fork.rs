//! Where the log left an earlier epoch of its own: a restore goes on behind an earlier position (`HistoryForked`).
//!
//! Place in the flow: asked when a stream ends with a message of an earlier epoch. Everything up to the fork is the same
//! in both; what the stream has behind it was taken back, and the relay says so by publishing the fork itself.

use songhua_domain::event::Payload;
use songhua_log::{EventLog, Position, ReadError, StoredRecord};
use songhua_wire::record::{DecodeError, decode_event, decode_header};

use crate::status::Trouble;
use crate::stream::Last;

/// Bytes of records that are read at once.
const READ_BYTES: usize = 1 << 20;
/// Types of the events that begin an epoch.
const BEGINNINGS: [&str; 2] = ["log.created", "log.history-forked"];

/// The last position that this log has in common with the earlier epoch that `last` is of; none = it is of this epoch, or
/// of none that this log came through.
pub(crate) async fn left_at(log: &dyn EventLog, last: &Last) -> Result<Option<u64>, Trouble> {
    let identity = log.identity();
    match last.mark().map(|mark| mark.id) {
        Some(id) if id.log_id == identity.log_id && id.epoch < identity.epoch => behind(log, id.epoch).await,
        _ => Ok(None),
    }
}

/// Reads the log for the fork that ended `epoch`.
async fn behind(log: &dyn EventLog, epoch: u32) -> Result<Option<u64>, Trouble> {
    let mut current = None;
    let mut next = Position::FIRST;
    loop {
        let records = log.read(next, READ_BYTES).await.map_err(|error| match error {
            ReadError::Io(_) => Trouble::passing(error.to_string()),
            ReadError::Damaged { .. } => Trouble::lasting(error.to_string()),
        })?;
        let Some(last) = records.last() else { return Ok(None) };
        next = last.position.next();
        for record in &records {
            let unreadable = |error: DecodeError| Trouble::lasting(format!("position {}: {error}", record.position));
            match begins(record).map_err(unreadable)? {
                Some(Payload::LogCreated(created)) => current = Some(created.epoch),
                Some(Payload::HistoryForked(forked)) if current == Some(epoch) => return Ok(Some(forked.new_size)),
                Some(Payload::HistoryForked(forked)) => current = Some(forked.epoch),
                _ => {}
            }
        }
        tokio::task::yield_now().await;
    }
}

/// The payload of a record that begins an epoch.
fn begins(record: &StoredRecord) -> Result<Option<Payload>, DecodeError> {
    if !BEGINNINGS.contains(&decode_header(&record.bytes)?.event_type) {
        return Ok(None);
    }
    decode_event(record.position.0, &record.bytes).map(|event| Some(event.input.payload.clone()))
}
