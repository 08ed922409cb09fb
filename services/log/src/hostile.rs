//! A log in memory that behaves as badly as the contract allows, for tests: a competing writer, lost answers, batches
//! that land late or never, and a durable head that is seen late. All of it follows from a seed.
//!
//! Place in the flow: stands in for a cluster. Whoever works with this works with JetStream. It must not know files.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;

use crate::admission::{Appended, check_batch};
use crate::contract::{AppendError, AppendOutcome, EventLog, Heads, ReadError};
use crate::identity::{Identity, Position};
use crate::memory::Table;
use crate::record::{Batch, Key, Record, StoredRecord, Submission};

const BATCH_RECORDS_MAX: usize = 1_000;
/// The keys of the competing writer start with these bytes.
pub const COMPETITOR: [u8; 8] = *b"HOSTILE!";

/// How hostile: "1 in n", where 0 is never.
#[derive(Debug, Clone, Copy)]
pub struct Hostility {
    /// Everything that happens follows from it.
    pub seed: u64,
    /// 1 in so many appends finds that a competitor was there first.
    pub competitor: u64,
    /// 1 in so many appends gets no answer: a third each has landed, lands late, never lands.
    pub unknown: u64,
    /// Records become visible only after up to so many calls.
    pub lag: u64,
    /// 1 in so many competitors begins as the batch that it beats: with its first key, and perhaps its first bytes.
    pub twin: u64,
}

impl Hostility {
    /// Much of everything.
    pub const fn harsh(seed: u64) -> Self {
        Self { seed, competitor: 4, unknown: 3, lag: 3, twin: 0 }
    }

    /// Harsh, and the competitor is another node that begins with the same event (the day, which has one id on every
    /// node). Its records are then not all under [`COMPETITOR`] keys.
    pub const fn twins(seed: u64) -> Self {
        Self { twin: 2, ..Self::harsh(seed) }
    }

    /// A second writer is possible, but there is none, and every answer arrives.
    pub const fn calm(seed: u64) -> Self {
        Self { seed, competitor: 0, unknown: 0, lag: 0, twin: 0 }
    }
}

/// A batch that is still on its way.
#[derive(Debug)]
struct Late {
    expected_head: Position,
    batch: Batch,
    calls_left: u64,
}

#[derive(Debug)]
struct World {
    table: Table,
    /// The durable head, as seen from here.
    visible: Position,
    /// The last position that this handle knows of.
    known: Position,
    late: Vec<Late>,
    random: XorShift,
    calls_until_visible: u64,
    competitors: u64,
    recorded_time_us: i64,
    closed: bool,
}

/// A log in memory without an exclusive writer.
#[derive(Debug)]
pub struct HostileLog {
    identity: Identity,
    hostility: Hostility,
    world: Mutex<World>,
}

impl HostileLog {
    /// An empty log.
    pub fn new(identity: Identity, hostility: Hostility) -> Self {
        let world = World {
            table: Table::default(),
            visible: Position::NONE,
            known: Position::NONE,
            late: Vec::new(),
            random: XorShift::new(hostility.seed),
            calls_until_visible: 0,
            competitors: 0,
            recorded_time_us: 0,
            closed: false,
        };
        Self { identity, hostility, world: Mutex::new(world) }
    }

    /// Takes no more appends and releases everybody who waits.
    pub fn close(&self) {
        self.world().closed = true;
    }

    /// The world, after one more call has passed.
    fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.tick(self.hostility.lag);
        world
    }

    fn outcome(&self, expected_head: Position, batch: Batch) -> Appended {
        let mut world = self.world();
        if world.closed {
            return Err(AppendError::Closed);
        }
        if world.random.one_in(self.hostility.competitor) {
            world.compete(&batch, self.hostility.twin);
        }
        if !world.random.one_in(self.hostility.unknown) {
            return Ok(world.store(expected_head, batch));
        }
        let reason = match world.random.below(3) {
            0 => {
                // Landed or lost the race; only the answer is gone.
                let known = world.known;
                world.store(expected_head, batch);
                world.known = known;
                "no answer within the time limit"
            }
            1 => {
                let calls_left = 1 + world.random.below(6);
                world.late.push(Late { expected_head, batch, calls_left });
                "connection lost while sending"
            }
            _ => "connection refused while sending",
        };
        Ok(AppendOutcome::Unknown { reason: reason.to_owned() })
    }
}

impl World {
    fn tick(&mut self, lag: u64) {
        for late in &mut self.late {
            late.calls_left = late.calls_left.saturating_sub(1);
        }
        let arrived: Vec<Late> = self.late.extract_if(.., |late| late.calls_left == 0).collect();
        for late in arrived {
            if late.expected_head == self.table.head() {
                self.table.push(late.batch);
            }
        }
        self.calls_until_visible = self.calls_until_visible.saturating_sub(1);
        if self.calls_until_visible == 0 {
            // One submission at a time, or all at once.
            let step = self.table.read(self.visible.next(), 0, self.table.head());
            let one = step.last().map_or(self.visible, |record| record.position);
            self.visible = if lag == 0 || self.random.one_in(2) { self.table.head() } else { one };
            self.calls_until_visible = self.random.below(lag + 1);
        }
        self.known = self.known.max(self.visible);
    }

    fn store(&mut self, expected_head: Position, batch: Batch) -> AppendOutcome {
        let head = self.table.head();
        let conflict = expected_head != head;
        let outcome = if conflict { AppendOutcome::Conflict { head } } else { self.table.push(batch) };
        self.known = self.table.head();
        outcome
    }

    fn compete(&mut self, beaten: &Batch, twin: u64) {
        let records = (0..=self.random.below(3)).map(|_| {
            self.competitors += 1;
            let mut key = [0; 16];
            key[..8].copy_from_slice(&COMPETITOR);
            key[8..].copy_from_slice(&self.competitors.to_be_bytes());
            Record { key, bytes: Bytes::from_static(b"competitor") }
        });
        let mut records: Vec<Record> = records.collect();
        if self.random.one_in(twin) {
            self.imitate(&mut records, beaten);
        }
        self.recorded_time_us += 1;
        let submission = Submission { recorded_time_us: self.recorded_time_us, records };
        self.table.push(Batch { submissions: vec![submission] });
    }

    /// Gives `records` the first key of `beaten`, half the time with its bytes too.
    fn imitate(&mut self, records: &mut [Record], beaten: &Batch) {
        let theirs = beaten.submissions.first().and_then(|submission| submission.records.first());
        let (Some(first), Some(theirs)) = (records.first_mut(), theirs) else { return };
        first.key = theirs.key;
        if self.random.one_in(2) {
            first.bytes = theirs.bytes.clone();
        }
    }
}

impl EventLog for HostileLog {
    fn identity(&self) -> Identity {
        self.identity
    }

    fn max_batch(&self) -> usize {
        BATCH_RECORDS_MAX
    }

    fn exclusive_writer(&self) -> bool {
        false
    }

    fn append(&self, expected_head: Position, batch: Batch) -> BoxFuture<'static, Appended> {
        let checked = check_batch(&batch, BATCH_RECORDS_MAX);
        Box::pin(std::future::ready(checked.and_then(|()| self.outcome(expected_head, batch))))
    }

    fn read(&self, from: Position, max_bytes: usize) -> BoxFuture<'_, Result<Vec<StoredRecord>, ReadError>> {
        let world = self.world();
        Box::pin(std::future::ready(Ok(world.table.read(from, max_bytes, world.visible))))
    }

    fn find(&self, key: &Key) -> BoxFuture<'_, Result<Option<StoredRecord>, ReadError>> {
        let world = self.world();
        Box::pin(std::future::ready(Ok(world.table.find(key, world.visible))))
    }

    fn heads(&self) -> Heads {
        let world = self.world();
        Heads { written: world.known, durable: world.visible }
    }

    fn wait(&self, position: Position) -> BoxFuture<'_, Heads> {
        Box::pin(async move {
            loop {
                let heads = self.heads();
                if heads.durable >= position || self.world().closed {
                    return heads;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
    }

    fn read_only(&self) -> Option<String> {
        None
    }
}

/// A small pseudo-random generator for tests: the same numbers for the same seed, for ever.
#[derive(Debug, Clone)]
pub struct XorShift(u64);

impl XorShift {
    /// A generator; every seed gives another sequence.
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `limit`; 0 if that is 0.
    pub const fn below(&mut self, limit: u64) -> u64 {
        if limit == 0 { 0 } else { (self.next() >> 11) % limit }
    }

    /// True once in `n` times on average; never if `n` is 0.
    pub const fn one_in(&mut self, n: u64) -> bool {
        n > 0 && self.below(n) == 0
    }
}
