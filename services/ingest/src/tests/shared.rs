//! A log that several nodes write to, with the accidents that a test wants: what stands in for a cluster.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;

use futures::future::BoxFuture;
use songhua_log::memory::MemoryLog;
use songhua_log::{
    AppendError, AppendOutcome, Batch, EventLog, Heads, Identity, Key, Position, ReadError, Record, StoredRecord,
    Submission,
};
use songhua_wire::record::{Envelope, Said, encode_event};

use super::fixture::{log_identity, plan_identity};
use crate::group::key_of;

type Appended = Result<AppendOutcome, AppendError>;

/// What happens to an append instead of being stored. Gets the log behind, the expected head and the batch.
type Accident = Box<dyn FnOnce(&MemoryLog, Position, Batch) -> BoxFuture<'static, Appended> + Send>;

/// See the module.
pub(super) struct SharedLog {
    inner: MemoryLog,
    exclusive: bool,
    accidents: Mutex<VecDeque<Accident>>,
}

impl SharedLog {
    pub(super) fn new() -> Self {
        Self { inner: MemoryLog::new(log_identity()), exclusive: false, accidents: Mutex::default() }
    }

    /// One that says that it has a single writer.
    pub(super) fn exclusive() -> Self {
        Self { exclusive: true, ..Self::new() }
    }

    /// The next append without an accident of its own has this one.
    pub(super) fn befall(
        &self,
        accident: impl FnOnce(&MemoryLog, Position, Batch) -> BoxFuture<'static, Appended> + Send + 'static,
    ) {
        self.accidents.lock().unwrap().push_back(Box::new(accident));
    }
}

/// "No answer": the writer cannot know what became of it.
pub(super) fn no_answer() -> BoxFuture<'static, Appended> {
    Box::pin(std::future::ready(Ok(AppendOutcome::Unknown { reason: "no answer".to_owned() })))
}

/// A record as another node would write it.
pub(super) fn foreign(event: &songhua_domain::event::Event, subject: &str) -> Batch {
    let bytes = encode_event(&Envelope {
        plan: &plan_identity().plan,
        area: None,
        subject,
        recorded_time: event.recorded_time,
        actor: &event.actor,
        submission: event.submission,
        back_dated: event.back_dated,
        trace_parent: "",
        said: &Said::of(Arc::clone(&event.input)),
    });
    let records = vec![Record { key: key_of(event.input.event_id), bytes }];
    Batch { submissions: vec![Submission { recorded_time_us: event.recorded_time.as_microsecond(), records }] }
}

impl EventLog for SharedLog {
    fn identity(&self) -> Identity {
        self.inner.identity()
    }

    fn max_batch(&self) -> usize {
        1_000
    }

    fn exclusive_writer(&self) -> bool {
        self.exclusive
    }

    fn append(&self, expected_head: Position, batch: Batch) -> BoxFuture<'static, Appended> {
        if let Err(error) = songhua_log::check_batch(&batch, self.max_batch()) {
            return Box::pin(std::future::ready(Err(error)));
        }
        let accident = self.accidents.lock().unwrap().pop_front();
        match accident {
            Some(accident) => accident(&self.inner, expected_head, batch),
            None => self.inner.append(expected_head, batch),
        }
    }

    fn read(&self, from: Position, max_bytes: usize) -> BoxFuture<'_, Result<Vec<StoredRecord>, ReadError>> {
        self.inner.read(from, max_bytes)
    }

    fn find(&self, key: &Key) -> BoxFuture<'_, Result<Option<StoredRecord>, ReadError>> {
        self.inner.find(key)
    }

    fn heads(&self) -> Heads {
        self.inner.heads()
    }

    fn wait(&self, position: Position) -> BoxFuture<'_, Heads> {
        self.inner.wait(position)
    }

    fn read_only(&self) -> Option<String> {
        None
    }
}
