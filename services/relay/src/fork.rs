//! Where the log left an earlier epoch of its own: a restore goes on behind an earlier position (`HistoryForked`).
//!
//! Place in the flow: asked when a stream ends with a message of an earlier epoch. Everything up to the fork is the same
//! in both; what the stream has behind it was taken back, and the events relay says so by publishing the fork itself.

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
    let mut epochs = Epochs::default();
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
            let left = begins(record).map_err(unreadable)?.and_then(|payload| epochs.left(&payload, epoch));
            if left.is_some() {
                return Ok(left);
            }
        }
        tokio::task::yield_now().await;
    }
}

/// The epochs that a log came through.
#[derive(Default)]
struct Epochs {
    current: Option<u32>,
}

impl Epochs {
    /// Where the log left `epoch`, if it did with this record. What was restored may have been cut before the fork that
    /// began its own epoch: then only the next fork names that.
    fn left(&mut self, payload: &Payload, epoch: u32) -> Option<u64> {
        match payload {
            Payload::LogCreated(created) => self.current = Some(created.epoch),
            Payload::HistoryForked(forked) if self.current == Some(epoch) || forked.old_epoch == epoch => {
                return Some(forked.new_size);
            }
            Payload::HistoryForked(forked) => self.current = Some(forked.epoch),
            _ => {}
        }
        None
    }
}

/// The payload of a record that begins an epoch.
fn begins(record: &StoredRecord) -> Result<Option<Payload>, DecodeError> {
    if !BEGINNINGS.contains(&decode_header(&record.bytes)?.event_type) {
        return Ok(None);
    }
    decode_event(record.position.0, &record.bytes).map(|event| Some(event.input.payload.clone()))
}

#[cfg(test)]
mod tests {
    use songhua_domain::event::HistoryForked;

    use super::*;

    fn forked(old_epoch: u32, epoch: u32, new_size: u64) -> Payload {
        let (old_leaf_hash, old_root, reason) = ([1; 32], [2; 32], String::new());
        Payload::HistoryForked(HistoryForked {
            old_epoch,
            epoch,
            old_size: new_size + 9,
            old_leaf_hash,
            old_root,
            new_size,
            reason,
        })
    }

    fn left(forks: &[Payload], epoch: u32) -> Option<u64> {
        let mut epochs = Epochs { current: Some(1) };
        forks.iter().find_map(|fork| epochs.left(fork, epoch))
    }

    #[test]
    fn an_epoch_is_left_at_the_fork_that_ends_it_also_where_its_own_beginning_was_cut() {
        let chain = [forked(1, 2, 10), forked(2, 4, 20)];
        assert_eq!([1, 2, 3, 4].map(|epoch| left(&chain, epoch)), [Some(10), Some(20), None, None]);
        // Epoch 2 began behind position 10, and was restored only up to 5.
        let cut = [forked(2, 3, 5)];
        assert_eq!([1, 2, 3].map(|epoch| left(&cut, epoch)), [Some(5), Some(5), None]);
    }
}
