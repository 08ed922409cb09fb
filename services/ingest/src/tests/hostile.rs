//! The hostile backend: competing writers, lost answers, batches that land late or never, records that are seen late.
//! Whatever it does, what was acknowledged is stored once, where the receipt says.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::{BoxFuture, join_all};
use songhua_domain::event::{EventInput, LogCreated, SubmissionRef};
use songhua_domain::folding::Folding;
use songhua_domain::vocabulary::Reason;
use songhua_log::hostile::{COMPETITOR, HostileLog, Hostility, XorShift};
use songhua_log::{
    AppendError, AppendOutcome, Batch, EventLog, Heads, Identity, Key, Position, ReadError, StoredRecord, leaf_hash,
};
use songhua_wire::record::{Envelope, Said, encode_event};
use uuid::Uuid;

use super::fixture::{
    FUTURE, LEAD, MORNING, OTHER, Plan, TODAY, TestClock, agency, definitions, events, figure, log_identity, nothing,
    numbers, plan_identity, time,
};
use crate::day::{server_event, system_actor};
use crate::handle::Receipt;
use crate::options::IngestOptions;

/// The hostile log, in which the competitor is another node of the same plan: what it writes can be read.
struct Rival(HostileLog);

impl Rival {
    fn translated(record: StoredRecord) -> StoredRecord {
        if !record.key.starts_with(&COMPETITOR) {
            return record;
        }
        let genesis = LogCreated {
            log_id: log_identity().log_id,
            plan: Some(plan_identity().plan),
            epoch: 1,
            simulated: true,
            hash_algorithm: 1,
        };
        let event_id = Uuid::from_bytes(record.key);
        let input = match record.position {
            Position::FIRST => server_event(event_id, genesis.into()),
            _ => EventInput { event_id, ..nothing(0, 10, "from the other node") },
        };
        let bytes = encode_event(&Envelope {
            plan: &plan_identity().plan,
            area: None,
            subject: "plans/qingshui-2025-2027",
            recorded_time: time(MORNING),
            actor: &system_actor(),
            submission: SubmissionRef { id: event_id, index: 0, count: 1 },
            back_dated: false,
            trace_parent: "",
            said: &Said::of(input),
        });
        StoredRecord {
            bytes: Bytes::copy_from_slice(&bytes),
            recorded_time_us: time(MORNING).as_microsecond(),
            ..record
        }
    }
}

impl EventLog for Rival {
    fn identity(&self) -> Identity {
        self.0.identity()
    }
    fn max_batch(&self) -> usize {
        self.0.max_batch()
    }
    fn exclusive_writer(&self) -> bool {
        self.0.exclusive_writer()
    }
    fn append(&self, expected: Position, batch: Batch) -> BoxFuture<'static, Result<AppendOutcome, AppendError>> {
        self.0.append(expected, batch)
    }
    fn read(&self, from: Position, max_bytes: usize) -> BoxFuture<'_, Result<Vec<StoredRecord>, ReadError>> {
        Box::pin(async move { Ok(self.0.read(from, max_bytes).await?.into_iter().map(Self::translated).collect()) })
    }
    fn find(&self, key: &Key) -> BoxFuture<'_, Result<Option<StoredRecord>, ReadError>> {
        let found = self.0.find(key);
        Box::pin(async move { Ok(found.await?.map(Self::translated)) })
    }
    fn heads(&self) -> Heads {
        self.0.heads()
    }
    fn wait(&self, position: Position) -> BoxFuture<'_, Heads> {
        self.0.wait(position)
    }
    fn read_only(&self) -> Option<String> {
        self.0.read_only()
    }
}

/// What a run leaves to be judged.
struct Run {
    plan: Plan,
    seed: u64,
    /// Receipts by event id; every one that was ever given.
    acknowledged: BTreeMap<Uuid, Vec<Receipt>>,
    /// Whose last answer was a refusal that promises that nothing is stored.
    refused: Vec<Uuid>,
    unknown: usize,
}

impl Run {
    async fn of(hostility: Hostility, submissions: usize) -> Self {
        let log = Arc::new(Rival(HostileLog::new(log_identity(), hostility)));
        let plan = Plan::published_on(log).await;
        let mut run =
            Self { plan, seed: hostility.seed, acknowledged: BTreeMap::new(), refused: Vec::new(), unknown: 0 };
        let mut random = XorShift::new(hostility.seed ^ 0x5047);
        let mut sent = Vec::new();
        while sent.len() < submissions {
            let first = sent.len();
            sent.extend((first..first + 10).map(|number| some_events(&mut random, number as u128)));
            join_all(sent[first..].iter().map(|(actor, events)| run.plan.submit(&agency(actor), events.clone())))
                .await
                .into_iter()
                .enumerate()
                .for_each(|(index, answer)| run.note(&sent[first + index].1, answer));
            run.resend(&mut random, &sent).await;
        }
        run
    }

    /// Clients repeat themselves.
    async fn resend(&mut self, random: &mut XorShift, sent: &[(&str, Vec<EventInput>)]) {
        let (actor, events) = &sent[random.below(sent.len() as u64) as usize];
        let answer = self.plan.submit(&agency(actor), events.clone()).await;
        self.note(events, answer);
    }

    fn note(&mut self, events: &[EventInput], answer: crate::handle::Answer) {
        match answer {
            Ok(receipts) => {
                assert_eq!(receipts.len(), events.len(), "seed {}", self.seed);
                for receipt in receipts {
                    self.acknowledged.entry(receipt.event_id).or_default().push(receipt);
                }
            }
            Err(refused) if refused.reason == Reason::OutcomeUnknown => self.unknown += 1,
            Err(refused) => {
                let expected = matches!(
                    refused.reason,
                    Reason::FutureDate | Reason::OutOfScope | Reason::MeasurementExists | Reason::EventIdReused
                );
                assert!(expected, "seed {}: {}", self.seed, refused.message);
                self.refused.extend(events.iter().map(|event| event.event_id));
            }
        }
    }

    async fn judge(self) {
        let seed = self.seed;
        let head = self.plan.log.heads().written;
        self.plan.log.wait(head).await;
        let stored = events(self.plan.log.as_ref()).await;
        let mut places = BTreeMap::<Uuid, Vec<u64>>::new();
        for event in &stored {
            places.entry(event.input.event_id).or_default().push(event.position);
        }
        let twice: Vec<_> = places.iter().filter(|(_, places)| places.len() > 1).collect();
        assert!(twice.is_empty(), "seed {seed}: stored twice: {twice:?}");
        let records = self.plan.log.read(Position::FIRST, usize::MAX).await.unwrap();
        for receipt in self.acknowledged.values().flatten() {
            let place = places.get(&receipt.event_id);
            assert_eq!(place, Some(&vec![receipt.position]), "seed {seed}: {receipt:?}");
            let record = &records[receipt.position as usize - 1];
            assert_eq!(receipt.leaf_hash, leaf_hash(&record.bytes), "seed {seed}: {receipt:?}");
            let event = &stored[receipt.position as usize - 1];
            assert_eq!(receipt.recorded_time, event.recorded_time, "seed {seed}");
        }
        for first in self.acknowledged.values() {
            assert!(first.iter().filter(|receipt| !receipt.duplicate).count() <= 1, "seed {seed}: {first:?}");
        }
        let wrongly = self.refused.iter().find(|id| places.contains_key(id) && !self.acknowledged.contains_key(id));
        assert_eq!(wrongly, None, "seed {seed}: refused, but stored");
        assert!(stored.is_sorted_by_key(|event| event.recorded_time), "seed {seed}");
        // A last event draws the state up to the head.
        self.plan.persist(&agency(OTHER), vec![nothing(999_999, 10, "last")]).await;
        let state = self.plan.ingest.durable_state();
        // The competitor may have gone on since.
        let seen = events(self.plan.log.as_ref()).await;
        let folded = Folding::of(seen.iter().take(state.head() as usize));
        assert!(*state == folded, "seed {seed}: the state is not the fold");
    }
}

/// One to four events: new ones, forbidden ones, and figures that fight for the same days.
fn some_events(random: &mut XorShift, number: u128) -> (&'static str, Vec<EventInput>) {
    let actor = if random.one_in(2) { LEAD } else { OTHER };
    let count = u128::from(1 + random.below(4));
    let events = (0..count).map(|place| {
        let event = 10_000 + number * 10 + place;
        match random.below(12) {
            0 => nothing(event, FUTURE, ""),
            1 | 2 => figure(event, 1 + random.below(60) as i16, "31"),
            _ => nothing(event, 10, "quiet"),
        }
    });
    (actor, events.collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_is_stored_once_whatever_the_log_does() {
    for seed in 1..=8 {
        let run = Run::of(Hostility::harsh(seed), 500).await;
        assert!(run.acknowledged.len() > 300, "seed {seed}: {} acknowledged", run.acknowledged.len());
        run.judge().await;
    }
}

#[tokio::test]
async fn what_is_stored_is_acknowledged_also_when_it_is_seen_late() {
    for seed in 1..=4 {
        let run = Run::of(Hostility { lag: 6, ..Hostility::calm(seed) }, 100).await;
        // Every answer arrives and nobody competes: there is nothing that could be unknown.
        assert_eq!(run.unknown, 0, "seed {seed}");
        run.judge().await;
    }
}

#[tokio::test]
async fn a_plan_opens_again_on_a_hostile_log() {
    for seed in 1..=10 {
        let log: Arc<dyn EventLog> = Arc::new(Rival(HostileLog::new(log_identity(), Hostility::harsh(seed))));
        let directory = Arc::new(tempfile::tempdir().unwrap());
        for round in 0..3 {
            let (log, directory) = (Arc::clone(&log), Arc::clone(&directory));
            let opened = Plan::open_in(log, directory, TestClock::at(MORNING), IngestOptions::default()).await;
            let plan = opened.map_err(|error| format!("seed {seed}: {error}")).unwrap();
            plan.load().await;
            plan.persist(&agency(OTHER), vec![nothing(20_000 + round, 10, "")]).await;
            plan.close().await;
        }
        let stored = events(log.as_ref()).await;
        let times = |id: Uuid| stored.iter().filter(|event| event.input.event_id == id).count();
        assert!(definitions().iter().all(|event| times(event.event_id) == 1), "seed {seed}");
        assert_eq!(numbers(log.as_ref()).await, [20_000, 20_001, 20_002], "seed {seed}");
        let opened = super::fixture::days(log.as_ref()).await;
        assert_eq!(opened.iter().filter(|(day, _)| *day == TODAY).count(), 1, "seed {seed}");
    }
}
