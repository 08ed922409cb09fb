//! A log with an exclusive writer whose disk obeys the test: it syncs, stands still or fails when told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures::future::BoxFuture;
use songhua_log::{
    AppendError, AppendOutcome, Batch, EventLog, Heads, Identity, Key, Position, ReadError, StoredRecord,
};
use tokio::sync::{oneshot, watch};

use super::fixture::log_identity;

type Appended = Result<AppendOutcome, AppendError>;

struct UnderWay {
    first: Position,
    last: Position,
    waiter: oneshot::Sender<Appended>,
}

#[derive(Default)]
struct Disk {
    records: Vec<StoredRecord>,
    durable: Position,
    stalled: bool,
    reads_stall: bool,
    under_way: VecDeque<UnderWay>,
    read_only: Option<String>,
    damaged_from: Option<Position>,
}

/// See the module.
pub(super) struct GatedLog {
    disk: Mutex<Disk>,
    durable: watch::Sender<Position>,
}

impl GatedLog {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { disk: Mutex::default(), durable: watch::Sender::new(Position::NONE) })
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap()
    }

    /// From now on nothing is synced until [`Self::sync_one`] or [`Self::flow`].
    pub(super) fn stall(&self) {
        self.disk().stalled = true;
    }

    /// From now on nothing is read.
    pub(super) fn stall_reads(&self, stall: bool) {
        self.disk().reads_stall = stall;
    }

    /// Syncs the batch that waits longest.
    pub(super) fn sync_one(&self) {
        let mut disk = self.disk();
        let under_way = disk.under_way.pop_front().expect("something is under way");
        disk.durable = under_way.last;
        drop(disk);
        self.durable.send_replace(under_way.last);
        let stored = AppendOutcome::Stored { first: under_way.first, last: under_way.last };
        drop(under_way.waiter.send(Ok(stored)));
    }

    /// Syncs everything, now and from now on.
    pub(super) fn flow(&self) {
        self.disk().stalled = false;
        while !self.disk().under_way.is_empty() {
            self.sync_one();
        }
    }

    /// The next sync fails: everybody is told, and the log takes no more writes.
    pub(super) fn fail(&self, reason: &str) {
        let mut disk = self.disk();
        disk.read_only = Some(reason.to_owned());
        for under_way in std::mem::take(&mut disk.under_way) {
            drop(under_way.waiter.send(Err(AppendError::ReadOnly { reason: reason.to_owned() })));
        }
    }

    /// Drops what is under way without an answer: whoever waits for it panics.
    pub(super) fn forget(&self) {
        self.disk().under_way.clear();
    }

    /// Records from here on cannot be read.
    pub(super) fn damage_from(&self, position: Position) {
        self.disk().damaged_from = Some(position);
    }

    pub(super) fn under_way(&self) -> usize {
        self.disk().under_way.len()
    }

    /// Waits until so many batches are under way.
    pub(super) async fn until_under_way(&self, batches: usize) {
        for _ in 0..2_000 {
            if self.under_way() == batches {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("{} batches are under way, not {batches}", self.under_way());
    }
}

impl EventLog for GatedLog {
    fn identity(&self) -> Identity {
        log_identity()
    }

    fn max_batch(&self) -> usize {
        4_096
    }

    fn exclusive_writer(&self) -> bool {
        true
    }

    fn append(&self, expected_head: Position, batch: Batch) -> BoxFuture<'static, Appended> {
        let (waiter, answer) = oneshot::channel();
        let mut disk = self.disk();
        if let Some(reason) = disk.read_only.clone() {
            return Box::pin(std::future::ready(Err(AppendError::ReadOnly { reason })));
        }
        let head = Position(disk.records.len() as u64);
        assert_eq!(expected_head, head, "nobody else writes");
        for submission in batch.submissions {
            let submission_first = Position(disk.records.len() as u64 + 1);
            let submission_last = Position(disk.records.len() as u64 + submission.records.len() as u64);
            for (place, record) in submission.records.into_iter().enumerate() {
                disk.records.push(StoredRecord {
                    position: submission_first.plus(place as u64),
                    submission_first,
                    submission_last,
                    recorded_time_us: submission.recorded_time_us,
                    key: record.key,
                    bytes: record.bytes,
                });
            }
        }
        let last = Position(disk.records.len() as u64);
        disk.under_way.push_back(UnderWay { first: head.next(), last, waiter });
        let stalled = disk.stalled;
        drop(disk);
        if !stalled {
            self.sync_one();
        }
        Box::pin(async move { answer.await.unwrap() })
    }

    fn read(&self, from: Position, _: usize) -> BoxFuture<'_, Result<Vec<StoredRecord>, ReadError>> {
        Box::pin(async move {
            while self.disk().reads_stall {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let disk = self.disk();
            let end = disk.damaged_from.map_or(disk.durable, |bad| Position(bad.0 - 1).min(disk.durable));
            let from = from.max(Position::FIRST);
            if from > end && from <= disk.durable {
                return Err(ReadError::Damaged { position: from, detail: "bytes do not match".to_owned() });
            }
            Ok(disk.records[..end.0 as usize].iter().skip(from.0 as usize - 1).cloned().collect())
        })
    }

    fn find(&self, key: &Key) -> BoxFuture<'_, Result<Option<StoredRecord>, ReadError>> {
        let found = self.disk().records.iter().find(|record| record.key == *key).cloned();
        Box::pin(std::future::ready(Ok(found)))
    }

    fn heads(&self) -> Heads {
        let disk = self.disk();
        Heads { written: Position(disk.records.len() as u64), durable: disk.durable }
    }

    fn wait(&self, position: Position) -> BoxFuture<'_, Heads> {
        Box::pin(async move {
            let mut durable = self.durable.subscribe();
            durable.wait_for(|durable| *durable >= position).await.unwrap();
            self.heads()
        })
    }

    fn read_only(&self) -> Option<String> {
        self.disk().read_only.clone()
    }
}
