//! One replay: reads the log, lets the judge choose, sends what passes, waits where it must.
//!
//! ```text
//! seek ─▶ [ where? ▸ read ≤ 768 KiB ▸ judge ▸ room for a response? ▸ token still valid? ▸ send ] ─▶ wait for the durable head ─▶ …
//! ```
//! Whatever it waits for, a reader that has heard nothing for the time of a heartbeat gets one.
//! A slow reader fills its channel, and then this waits: it holds at most one read and the channel's responses. Whoever
//! writes the log never waits for this.
//!
//! Place in the flow: one task for each call. It must not know what a filter asks, nor what the bytes mean.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use songhua_access::{Directory, Principal};
use songhua_domain::state::PlanState;
use songhua_log::{Position, StoredRecord};
use songhua_wire::pb;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tonic::Status;

use crate::history::PlanHistory;
use crate::judge::{Judge, Verdict};
use crate::postings::{Part, Postings};
use crate::refusal::{self, Refused};

/// Bytes of records that are read at once, unless a submission is larger.
const READ_BYTES: usize = 768 * 1024;
/// Bytes of records of a response.
const RESPONSE_BYTES: usize = 1024 * 1024;
/// How soon to look again for the state of records that became durable this moment.
const STATE_LAG: Duration = Duration::from_millis(2);

/// Where responses go.
pub(crate) type Sender = mpsc::Sender<Result<pb::ReplayResponse, Status>>;

/// Who reads.
pub(crate) struct Reader {
    pub(crate) directory: Arc<Directory>,
    pub(crate) principal: Principal,
    /// Longest silence.
    pub(crate) heartbeat: Duration,
}

/// A replay under way.
pub(crate) struct Replay {
    history: PlanHistory,
    reader: Reader,
    judge: Judge,
    /// Where the filter's records may be; none = anywhere.
    postings: Option<Arc<Postings>>,
    /// The next position to look at.
    next: u64,
    /// The last position; none = for ever.
    to: Option<u64>,
    simulated: bool,
    /// When the last response went out, or the call began, and what it said was scanned.
    said: (Instant, Option<u64>),
}

impl Replay {
    pub(crate) fn new(
        history: PlanHistory,
        reader: Reader,
        judge: Judge,
        from: u64,
        to: Option<u64>,
        simulated: bool,
    ) -> Self {
        let unions = judge.filter.unions();
        let views = history.views().filter(|_| !unions.is_empty()).cloned();
        let postings = views.map(|views| Arc::new(Postings::new(views, unions)));
        Self { history, reader, judge, postings, next: from, to, simulated, said: (Instant::now(), None) }
    }

    /// Runs until everything is sent, the reader has gone, or `stop` is true.
    pub(crate) async fn run(mut self, sender: Sender, mut stop: watch::Receiver<bool>) {
        let ended = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => Err(refusal::shutting_down()),
            () = sender.closed() => return,
            ended = self.stream(&sender) => ended,
        };
        // What was read must not wait for a reader that does not read.
        drop(self);
        if let Err(refused) = ended {
            // A reader that has gone away needs no reason.
            drop(sender.send(Err(Status::from(*refused))).await);
        }
    }

    async fn stream(&mut self, sender: &Sender) -> Result<(), Refused> {
        self.seek(sender).await?;
        loop {
            let state = self.history.state().ok_or_else(refusal::shutting_down)?;
            let end = self.end(&state);
            if self.next <= end {
                self.step(end, &state, sender).await?;
            } else if self.to.is_some_and(|to| self.next > to) {
                let complete = self.said.1 == Some(self.next - 1);
                return if complete { Ok(()) } else { self.send(Vec::new(), sender).await };
            } else {
                self.idle(sender).await?;
            }
        }
    }

    /// How far it can go now. An agency's scope, and what a matter is about, is known up to the head of the state.
    fn end(&self, state: &PlanState) -> u64 {
        let durable = self.history.log().heads().durable.0;
        let asks_state = self.judge.agency.is_some() || self.judge.filter.asks_state();
        let known = if asks_state { durable.min(state.head()) } else { durable };
        self.to.map_or(known, |to| to.min(known))
    }

    /// Skips what was recorded before the filter's bound: recorded times never fall, so halving finds the place.
    async fn seek(&mut self, sender: &Sender) -> Result<(), Refused> {
        let Some(from) = self.judge.filter.recorded_from else { return Ok(()) };
        let durable = self.history.log().heads().durable.0;
        let behind = self.to.map_or(durable, |to| to.min(durable)) + 1;
        let mut high = behind.max(self.next);
        while self.next < high {
            let middle = self.next + (high - self.next) / 2;
            let submission = self.read(middle, 0, sender).await?;
            match submission.last().filter(|record| record.recorded_time_us < from) {
                Some(record) => self.next = record.position.next().0.min(high),
                None => high = middle,
            }
        }
        Ok(())
    }

    async fn read(&mut self, from: u64, max_bytes: usize, sender: &Sender) -> Result<Vec<StoredRecord>, Refused> {
        let log = Arc::clone(self.history.log());
        let read = self.patiently(log.read(Position(from), max_bytes), sender).await?;
        there(read.map_err(|error| refusal::from_read(&error))?, from)
    }

    /// Waits for `work`. A reader must not hear nothing for too long meanwhile.
    async fn patiently<T>(&mut self, work: impl Future<Output = T> + Send, sender: &Sender) -> Result<T, Refused> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                () = tokio::time::sleep_until(self.said.0 + self.reader.heartbeat) => {}
            }
            self.send(Vec::new(), sender).await?;
        }
    }

    /// Reads on, up to `end`, and sends what passes.
    async fn step(&mut self, end: u64, state: &PlanState, sender: &Sender) -> Result<(), Refused> {
        let log = Arc::clone(self.history.log());
        let part = match self.postings.clone() {
            Some(postings) => {
                let part = postings.part(Arc::clone(&log), self.next, end);
                self.patiently(part, sender).await?
            }
            None => Part::All(end),
        };
        let (positions, until) = match part {
            Part::All(until) => {
                let mut records = self.read(self.next, READ_BYTES, sender).await?;
                records.retain(|record| record.position.0 <= until);
                let until = records.last().map_or(self.next, |record| record.position.0);
                return self.tell(records, until, end, state, sender).await;
            }
            Part::Some(positions, until) => (positions, until),
        };
        let Some(first) = positions.first().copied() else {
            return self.tell(Vec::new(), until, end, state, sender).await;
        };
        let selected = positions.len();
        let read = self.patiently(log.read_selected(positions, READ_BYTES), sender).await?;
        let records = there(read.map_err(|error| refusal::from_read(&error))?, first.0)?;
        let until = match records.last() {
            Some(last) if records.len() < selected => last.position.0,
            _ => until,
        };
        self.tell(records, until, end, state, sender).await
    }

    /// Sends what passes of `records`: all up to `until` of which that is not known before.
    async fn tell(
        &mut self,
        records: Vec<StoredRecord>,
        until: u64,
        end: u64,
        state: &PlanState,
        sender: &Sender,
    ) -> Result<(), Refused> {
        let last_read = records.last().map(|record| record.position.0);
        let (mut passed, mut bytes, mut over) = (Vec::new(), 0, false);
        for record in records {
            // A long scan lets others have their turn.
            tokio::task::consume_budget().await;
            match self.judge.judge(&record, state)? {
                Verdict::Pass => {}
                Verdict::Skip => {
                    self.next = record.position.next().0;
                    continue;
                }
                Verdict::Over => {
                    over = true;
                    break;
                }
            }
            if bytes + record.bytes.len() > RESPONSE_BYTES {
                self.send(std::mem::take(&mut passed), sender).await?;
                bytes = 0;
            }
            bytes += record.bytes.len();
            passed.push(pb::ReplayRecord { position: record.position.0, data: record.bytes });
            self.next = record.position.next().0;
        }
        // Where the last one was not read, it may be the one that ends it.
        if !over && last_read != Some(until) && self.judge.filter.recorded_until.is_some() {
            let last = self.read(until, 0, sender).await?;
            over = last.first().is_some_and(|record| self.judge.filter.is_over(record.recorded_time_us));
        }
        if over {
            (self.next, self.to) = (end + 1, Some(end));
        } else {
            self.next = until + 1;
        }
        if passed.is_empty() && self.said.0.elapsed() < self.reader.heartbeat {
            return Ok(());
        }
        // Records are parts of what was read: sent at once, so that few of them do not keep much in memory.
        self.send(passed, sender).await
    }

    /// Everything that is known has been looked at: waits for more, at most until a heartbeat is due.
    async fn idle(&mut self, sender: &Sender) -> Result<(), Refused> {
        let log = Arc::clone(self.history.log());
        let state_behind = log.heads().durable.0 >= self.next;
        tokio::select! {
            () = tokio::time::sleep_until(self.said.0 + self.reader.heartbeat) => {}
            () = tokio::time::sleep(STATE_LAG), if state_behind => return Ok(()),
            heads = log.wait(Position(self.next)), if !state_behind => {
                // Nothing more will come: the log was closed.
                let closed = heads.durable.0 < self.next;
                return if closed { Err(refusal::shutting_down()) } else { Ok(()) };
            }
        }
        self.send(Vec::new(), sender).await
    }

    /// Waits for room and sends. Asks whether the reader may read, while it waits and at last.
    async fn send(&mut self, records: Vec<pb::ReplayRecord>, sender: &Sender) -> Result<(), Refused> {
        let room = loop {
            let room = tokio::time::timeout(self.reader.heartbeat, sender.reserve()).await;
            let valid = self.reader.directory.recheck(&self.reader.principal, Timestamp::now());
            valid.map_err(|error| refusal::from_access(&error))?;
            match room {
                Ok(Ok(room)) => break room,
                // A reader that has gone away ends `run`.
                Ok(Err(_)) => return Ok(()),
                Err(_) => {}
            }
        };
        let scanned_position = self.next - 1;
        let durable_position = self.history.log().heads().durable.0;
        metrics::counter!("songhua_replayed_records_total").increment(records.len() as u64);
        let mut response = pb::ReplayResponse { records, scanned_position, durable_position, ..Default::default() };
        if self.said.1.is_none() {
            let identity = self.history.log().identity();
            response.log_id = identity.log_id.as_bytes().to_vec();
            response.epoch = identity.epoch;
            response.simulated = self.simulated;
        }
        self.said = (Instant::now(), Some(scanned_position));
        room.send(Ok(response));
        Ok(())
    }
}

/// Records that must be there.
fn there(records: Vec<StoredRecord>, from: u64) -> Result<Vec<StoredRecord>, Refused> {
    if records.is_empty() {
        return Err(refusal::internal(&format!("the log gives no record at its durable position {from}")));
    }
    Ok(records)
}
