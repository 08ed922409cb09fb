//! The data directory that was in use before: which epochs it served, and what it had that is not restored.
//!
//! Place in the flow: `restore --compare`. Reads as far as the old logs go, also past damage; changes nothing there.

use std::path::{Path, PathBuf};

use serde::Serialize;
use songhua_access::AccessState;
use songhua_log::backup::{LogEntry, directory_of};
use songhua_log::walk::{Walked, walk};
use songhua_log::{Epoch, OpenError, Position, StoredRecord, leaf_hash};
use songhua_wire::record::decode_header;
use songhua_wire::system::decode_system_event;
use uuid::Uuid;

/// A data directory that was in use.
#[derive(Debug)]
pub(crate) struct Old(pub(crate) PathBuf);

/// A record that was in the old log and is not in the restored one.
#[derive(Debug, Serialize)]
pub(crate) struct Lost {
    /// Its position there.
    pub(crate) position: u64,
    /// Its event.
    pub(crate) event_id: Uuid,
    /// Type of the event.
    pub(crate) event_type: String,
    /// Whose word it was.
    pub(crate) agency: Option<String>,
}

/// What a comparison found.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    /// What is not in the restored log.
    pub(crate) lost: Vec<Lost>,
    /// What could not be read of the old one, and so was not compared.
    pub(crate) damaged: Vec<String>,
}

impl Old {
    /// The epoch of the log there; none = there is no log, or it is another one, or it has no record.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn epoch(&self, entry: &LogEntry) -> Result<Option<Epoch>, String> {
        let (mut found, mut damage) = (None, None);
        let mut visit = |walked: Walked| {
            match walked {
                Walked::Frame(frame) => found = Some(frame.identity),
                Walked::Damage { file, detail, .. } => damage = Some(format!("{}: {detail}", file.display())),
            }
            found.is_none()
        };
        match walk(&self.0.join(entry.directory()), Position::FIRST, true, &mut visit) {
            Err(OpenError::NoLog { .. }) => return Ok(None),
            walked => walked.map_err(|error| error.to_string())?,
        }
        if let (None, Some(damage)) = (found, damage) {
            return Err(damage);
        }
        Ok(found.filter(|identity| identity.log_id == entry.log_id).map(|identity| identity.epoch))
    }

    /// How many records the log there begins with that the one in `directory` begins with as well.
    ///
    /// # Errors
    /// One of the two cannot be read.
    pub(super) fn common(&self, entry: &LogEntry, directory: &Path) -> Result<u64, OpenError> {
        // Half a hash for each record tells them apart.
        let half = |record: &StoredRecord| leaf_hash(&record.bytes).first_chunk::<8>().copied();
        let mut leaves = Vec::new();
        records(directory, Position::FIRST, &mut |record| leaves.push(half(record)))?;
        let mut parted = leaves.len() as u64;
        records(&self.0.join(entry.directory()), Position::FIRST, &mut |record| {
            let before = record.position.0 - 1;
            if leaves.get(before as usize).is_some_and(|leaf| *leaf != half(record)) {
                parted = parted.min(before);
            }
        })?;
        Ok(parted)
    }

    /// What stands there behind `size` records.
    ///
    /// # Errors
    /// There is no log, or it cannot be read.
    pub(super) fn behind(&self, entry: &LogEntry, size: u64) -> Result<Compared, OpenError> {
        let mut lost = Vec::new();
        let damaged = records(&self.0.join(entry.directory()), Position(size + 1), &mut |record| {
            let header = decode_header(&record.bytes).ok();
            lost.push(Lost {
                position: record.position.0,
                event_id: Uuid::from_bytes(record.key),
                event_type: header.as_ref().map_or("", |header| header.event_type).to_owned(),
                agency: header
                    .and_then(|header| header.on_behalf_of.or(header.agency))
                    .map(|agency| agency.to_string()),
            });
        })?;
        Ok(Compared { lost, damaged })
    }

    /// The grants as they stood there.
    ///
    /// # Errors
    /// There is no system log, or it cannot be read.
    pub(crate) fn access(&self) -> Result<AccessState, OpenError> {
        let mut access = AccessState::default();
        records(&self.0.join(directory_of(None)), Position::FIRST, &mut |record| {
            if let Ok(event) = decode_system_event(&record.bytes) {
                access.evolve(&event);
            }
        })?;
        Ok(access)
    }
}

/// Shows `each` the records of the log in `directory` from `from` on. Says what could not be read there.
fn records(directory: &Path, from: Position, each: &mut dyn FnMut(&StoredRecord)) -> Result<Vec<String>, OpenError> {
    let mut damaged = Vec::new();
    walk(directory, from, true, &mut |walked| {
        match walked {
            Walked::Frame(frame) => frame.records.iter().filter(|record| record.position >= from).for_each(&mut *each),
            Walked::Damage { file, offset, position, resumes, detail } => {
                let begin = position.max(from);
                let range = match resumes {
                    Some((_, next)) if next <= from => return true,
                    Some((_, next)) => format!("positions {begin} to {}", next.0 - 1),
                    None => format!("from position {begin} to the end of the segment"),
                };
                damaged.push(format!("{range}: {} at byte {offset}: {detail}", file.display()));
            }
        }
        true
    })?;
    Ok(damaged)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use songhua_log::{Batch, EventLog, HashAlgorithm, Identity, Record, SegmentLog, SegmentOptions, Submission};

    use super::*;

    /// A log of one record in each of `count` batches; `from` on, they are other ones.
    async fn log(directory: &Path, epoch: Epoch, count: u8, from: u8) {
        let identity = Identity { log_id: Uuid::from_u128(7), epoch, hash: HashAlgorithm::Sha256 };
        SegmentLog::create(directory, identity).unwrap();
        let (log, _) = SegmentLog::open(directory, SegmentOptions::default()).unwrap();
        for n in 1..=count {
            let key = [if n < from { n } else { n + 100 }; 16];
            let records = vec![Record { key, bytes: key.to_vec().into() }];
            let submissions = vec![Submission { recorded_time_us: i64::from(n), records }];
            log.append(Position(u64::from(n) - 1), Batch { submissions }).await.unwrap();
        }
        log.close().await;
    }

    fn entry() -> LogEntry {
        let (log_id, segments) = (Uuid::from_u128(7), Vec::new());
        let plan = Some("p".to_owned());
        LogEntry { plan, log_id, epoch: 1, hash_algorithm: 1, head: 9, leaf_hash: String::new(), segments }
    }

    #[tokio::test]
    async fn logs_of_two_epochs_are_compared_from_where_they_parted_and_damage_is_said() {
        let home = tempfile::tempdir().unwrap();
        let (old, restored) = (Old(home.path().join("old")), home.path().join("restored"));
        let of_old = old.0.join(entry().directory());
        log(&of_old, 2, 9, 4).await;
        log(&restored, 3, 6, 99).await;
        assert_eq!((old.epoch(&entry()), old.common(&entry(), &restored).ok()), (Ok(Some(2)), Some(3)));
        let positions = |compared: &Compared| compared.lost.iter().map(|lost| lost.position).collect::<Vec<_>>();
        let compared = old.behind(&entry(), 3).unwrap();
        assert_eq!((positions(&compared), compared.damaged.len()), (vec![4, 5, 6, 7, 8, 9], 0));

        let segment = of_old.join("00000000000000000001.seg");
        let whole = fs::read(&segment).unwrap();
        let mut bytes = whole.clone();
        let key = [107; 16];
        let at = bytes.windows(16).position(|window| window == key).unwrap();
        bytes[at] ^= 1;
        fs::write(&segment, bytes).unwrap();
        let compared = old.behind(&entry(), 3).unwrap();
        assert_eq!(positions(&compared), [4, 5, 6, 8, 9]);
        let [damaged] = &compared.damaged[..] else { panic!("{compared:?}") };
        assert!(damaged.starts_with("positions 7 to 7: "), "{damaged}");

        // An epoch that cannot be read is not taken for none.
        let mut bytes = whole;
        bytes[..64].fill(0);
        fs::write(&segment, bytes).unwrap();
        assert!(old.epoch(&entry()).is_err());
    }
}
