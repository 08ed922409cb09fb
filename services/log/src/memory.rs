//! A log in memory, for tests: durable at once, and gone with the handle.
//!
//! Place in the flow: stands in for the segment log where a test is not about disks. It must not know files.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use tokio::sync::watch;

use crate::admission::{Appended, Fence, check_batch};
use crate::contract::{AppendError, AppendOutcome, EventLog, Heads, ReadError};
use crate::identity::{Identity, Position};
use crate::record::{Batch, Key, StoredRecord};

const BATCH_RECORDS_MAX: usize = 4_096;

/// Records in order, and where each key stands.
#[derive(Debug, Default)]
pub(crate) struct Table {
    records: Vec<StoredRecord>,
    keys: HashMap<Key, usize>,
}

impl Table {
    /// The last position.
    pub(crate) fn head(&self) -> Position {
        Position(self.records.len() as u64)
    }

    /// Adds a batch that has passed every check.
    pub(crate) fn push(&mut self, batch: Batch) -> AppendOutcome {
        let first = self.head().next();
        for submission in batch.submissions {
            let submission_first = self.head().next();
            let submission_last = self.head().plus(submission.records.len() as u64);
            for record in submission.records {
                let position = self.head().next();
                let recorded_time_us = submission.recorded_time_us;
                let (key, bytes) = (record.key, record.bytes);
                self.keys.entry(key).or_insert(self.records.len());
                self.records.push(StoredRecord {
                    position,
                    submission_first,
                    submission_last,
                    recorded_time_us,
                    key,
                    bytes,
                });
            }
        }
        AppendOutcome::Stored { first, last: self.head() }
    }

    /// Reads as the contract says, up to `durable`.
    pub(crate) fn read(&self, from: Position, max_bytes: usize, durable: Position) -> Vec<StoredRecord> {
        let from = from.max(Position::FIRST).0 as usize - 1;
        let mut taken = 0;
        let mut read = Vec::new();
        for record in self.records.iter().take(durable.0 as usize).skip(from) {
            if taken > max_bytes && record.position == record.submission_first {
                break;
            }
            taken += record.bytes.len();
            read.push(record.clone());
        }
        read
    }

    /// Finds a key, up to `durable`.
    pub(crate) fn find(&self, key: &Key, durable: Position) -> Option<StoredRecord> {
        let record = self.keys.get(key).and_then(|index| self.records.get(*index));
        record.filter(|record| record.position <= durable).cloned()
    }
}

/// A log in memory with an exclusive writer.
#[derive(Debug)]
pub struct MemoryLog {
    identity: Identity,
    fence: Fence,
    table: Mutex<Table>,
    published: watch::Sender<(Position, bool)>,
}

impl MemoryLog {
    /// An empty log.
    pub fn new(identity: Identity) -> Self {
        let published = watch::Sender::new((Position::NONE, false));
        Self { identity, fence: Fence::default(), table: Mutex::default(), published }
    }

    /// Takes no more appends and releases everybody who waits.
    pub fn close(&self) {
        self.published.send_modify(|published| published.1 = true);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self, expected_head: Position, batch: Batch) -> Result<AppendOutcome, BoxFuture<'static, Appended>> {
        let mut table = self.table();
        if !self.fence.passes(expected_head, table.head()) {
            return Err(self.fence.refuse(table.head()));
        }
        let stored = table.push(batch);
        self.published.send_modify(|published| published.0 = table.head());
        Ok(stored)
    }
}

impl EventLog for MemoryLog {
    fn identity(&self) -> Identity {
        self.identity
    }

    fn max_batch(&self) -> usize {
        BATCH_RECORDS_MAX
    }

    fn exclusive_writer(&self) -> bool {
        true
    }

    fn append(&self, expected_head: Position, batch: Batch) -> BoxFuture<'static, Appended> {
        if let Err(refused) = check_batch(&batch, BATCH_RECORDS_MAX) {
            return Box::pin(std::future::ready(Err(refused)));
        }
        if self.published.borrow().1 {
            return Box::pin(std::future::ready(Err(AppendError::Closed)));
        }
        match self.store(expected_head, batch) {
            Ok(stored) => Box::pin(std::future::ready(Ok(stored))),
            Err(conflict) => conflict,
        }
    }

    fn read(&self, from: Position, max_bytes: usize) -> BoxFuture<'_, Result<Vec<StoredRecord>, ReadError>> {
        let table = self.table();
        Box::pin(std::future::ready(Ok(table.read(from, max_bytes, table.head()))))
    }

    fn find(&self, key: &Key) -> BoxFuture<'_, Result<Option<StoredRecord>, ReadError>> {
        let table = self.table();
        Box::pin(std::future::ready(Ok(table.find(key, table.head()))))
    }

    fn heads(&self) -> Heads {
        let head = self.table().head();
        Heads { written: head, durable: head }
    }

    fn wait(&self, position: Position) -> BoxFuture<'_, Heads> {
        Box::pin(async move {
            let mut published = self.published.subscribe();
            // Fails only when the sender is gone, and `self` holds it.
            let _ = published.wait_for(|(durable, closed)| *closed || *durable >= position).await;
            self.heads()
        })
    }

    fn read_only(&self) -> Option<String> {
        None
    }
}
