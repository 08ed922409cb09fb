//! Views that the projector grows, and a server that answers from them.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use songhua_access::{Directory, Principal};
use songhua_domain::event::{AccessGranted, SystemEvent, SystemPayload};
use songhua_domain::vocabulary::Role;
use songhua_log::{Applied, Checkpoint, Follower, Position, StoredRecord, leaf_hash};
use songhua_progress::{PlanReader, ProgressServer, ReaderRegistry};
use songhua_projector::Projector;
use songhua_views::Options;
use tempfile::TempDir;
use tokio::sync::watch;
use tonic::Request;
use uuid::Uuid;

use super::dice::Dice;
use super::plan::{LOG, PLAN, id};

/// A projector with a directory of its own.
pub(super) struct Grown {
    projector: Projector,
    /// Servers stop when nobody could say any more that they should.
    stop: watch::Sender<bool>,
    dir: TempDir,
}

impl Grown {
    pub(super) fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { projector: open(dir.path()), stop: watch::Sender::new(false), dir }
    }

    /// Grown from zero over `records`, some submissions at a time.
    pub(super) fn over(records: &[StoredRecord], dice: &mut Dice) -> Self {
        let mut grown = Self::empty();
        grown.grow(records, dice);
        grown
    }

    /// Goes on over `records`, which begin with the first, some submissions at a time.
    pub(super) fn grow(&mut self, records: &[StoredRecord], dice: &mut Dice) {
        while self.applied() < records.len() {
            let most = self.applied() + *dice.of_all(&[1, 7, 40, 1_000]);
            self.apply_some(records, most);
        }
    }

    /// Goes on to the end of the submission that the record at `most` is of, or to the last of `records`, as one batch.
    pub(super) fn apply_some(&mut self, records: &[StoredRecord], most: usize) {
        let last = &records[most.min(records.len()) - 1];
        let end = usize::try_from(last.submission_last.0).unwrap().min(records.len());
        let last = &records[end - 1];
        let (position, leaf_hash) = (last.position, leaf_hash(&last.bytes));
        let checkpoint = Checkpoint { log_id: LOG, epoch: 1, position, leaf_hash };
        let begin = self.applied();
        self.projector.apply(&records[begin..end], checkpoint).unwrap();
    }

    /// Records that are in the views.
    pub(super) fn applied(&self) -> usize {
        usize::try_from(self.projector.views().applied()).unwrap()
    }

    pub(super) fn digest(&self) -> [u8; 32] {
        self.projector.views().digest().unwrap()
    }

    /// What is on the disk at this moment, opened again: the process died, and what was not yet written is lost.
    pub(super) fn crashed(&self) -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy(self.dir.path(), dir.path());
        Self { projector: open(dir.path()), stop: watch::Sender::new(false), dir }
    }

    /// A server for these views; `now` is past every history.
    pub(super) fn server(&self) -> ProgressServer {
        let position = Position(self.applied() as u64);
        let (_, applied) = watch::channel(Applied { position, durable: position });
        let (_, rebuilding) = watch::channel(None);
        let now: Timestamp = "2040-01-01T00:00:00Z".parse().unwrap();
        let reader = PlanReader::new(self.projector.views().clone(), applied, rebuilding, Arc::new(move || now));
        let readers = Arc::new(ReaderRegistry::default());
        readers.insert(&id(PLAN), &reader);
        let directory = Arc::new(Directory::default());
        let payload = SystemPayload::AccessGranted(grant());
        directory.evolve(&SystemEvent {
            event_id: Uuid::nil(),
            recorded_time: Timestamp::UNIX_EPOCH,
            principal: "office".to_owned(),
            payload,
        });
        ProgressServer::new(readers, directory, self.stop.subscribe())
    }
}

fn open(dir: &Path) -> Projector {
    songhua_projector::open(dir, Options { cache_bytes: 1 << 20, ..Options::default() }).unwrap()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else if let Err(error) = std::fs::copy(entry.path(), &to) {
            // Files come and go while the store runs.
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
        }
    }
}

/// The grant of a reader of every plan.
fn grant() -> AccessGranted {
    AccessGranted {
        grant_id: Uuid::from_u128(1),
        principal: "reader-1".to_owned(),
        role: Role::Reader,
        agency: None,
        plan: None,
        token_sha256: [0; 32],
        expires: None,
    }
}

/// A request from that reader.
pub(super) fn request<T>(message: T) -> Request<T> {
    let AccessGranted { grant_id, principal: name, role, agency, plan, token_sha256: credential_digest, .. } = grant();
    let mut request = Request::new(message);
    request.extensions_mut().insert(Principal { grant_id, name, role, agency, plan, credential_digest });
    request
}
