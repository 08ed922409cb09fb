//! Records that cannot be judged, and a log that cannot be read.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::future::BoxFuture;
use songhua_domain::vocabulary::Reason;
use songhua_log::memory::MemoryLog;
use songhua_log::record::{Key, StoredRecord};
use songhua_log::{AppendError, AppendOutcome, Batch, EventLog, Heads, Identity, Position, ReadError, Record};
use songhua_wire::pb;
use songhua_wire::record::READER_VERSION;
use uuid::Uuid;

use super::fixture::{World, all, end, identity};

async fn with_record(bytes: &[u8]) -> (World, u64) {
    let world = World::published().await;
    let time = world.state.lock().unwrap().last_recorded_time().unwrap().as_microsecond();
    let record = Record { key: *Uuid::new_v4().as_bytes(), bytes: Bytes::copy_from_slice(bytes) };
    world.append(time, vec![record]).await;
    let head = world.head();
    (world, head)
}

fn filtered() -> pb::ReplayRequest {
    let filter = pb::ReplayFilter { areas: vec!["lakeside".to_owned()], ..Default::default() };
    pb::ReplayRequest { filter: Some(filter), ..all() }
}

#[tokio::test]
async fn a_record_of_a_newer_binary_stops_a_filter_and_not_an_auditor_who_takes_all() {
    let newer = READER_VERSION as u8 + 1;
    let (world, head) = with_record(&[0x08, newer, 0x10, newer, 0x18, 0x07]).await;
    let auditor = world.auditor();
    let refused = end(world.begin(&auditor, filtered()).await.unwrap()).await;
    assert_eq!((refused.reason, refused.metadata["position"].as_str()), (Reason::UpgradeNeeded, &*head.to_string()));
    assert_eq!(world.replay(&auditor, all()).await.len() as u64, head);
}

#[tokio::test]
async fn a_record_that_is_none_is_a_fault_that_names_its_position() {
    let (world, head) = with_record(b"\xff\xff\xff").await;
    let refused = end(world.begin(&world.auditor(), filtered()).await.unwrap()).await;
    assert_eq!((refused.reason, refused.metadata["position"].as_str()), (Reason::Internal, &*head.to_string()));
    assert!(refused.message.contains(&format!("record {head}")), "{refused:?}");
}

/// Damaged from a position on.
struct Damaged(MemoryLog, Position, fn(Position) -> ReadError);

impl EventLog for Damaged {
    fn identity(&self) -> Identity {
        self.0.identity()
    }
    fn max_batch(&self) -> usize {
        self.0.max_batch()
    }
    fn exclusive_writer(&self) -> bool {
        self.0.exclusive_writer()
    }
    fn append(&self, head: Position, batch: Batch) -> BoxFuture<'static, Result<AppendOutcome, AppendError>> {
        self.0.append(head, batch)
    }
    fn read(&self, from: Position, max_bytes: usize) -> BoxFuture<'_, Result<Vec<StoredRecord>, ReadError>> {
        Box::pin(async move {
            if from >= self.1 {
                return Err(self.2(self.1));
            }
            let mut records = self.0.read(from, max_bytes).await?;
            records.retain(|record| record.position < self.1);
            Ok(records)
        })
    }
    fn find(&self, key: &Key) -> BoxFuture<'_, Result<Option<StoredRecord>, ReadError>> {
        self.0.find(key)
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

#[tokio::test]
async fn damage_ends_the_stream_after_what_stands_before_it() {
    let damage = |position| ReadError::Damaged { position, detail: "checksum".to_owned() };
    let failure = |_| ReadError::Io("no such device".to_owned());
    for (fault, reason) in [(damage as fn(Position) -> ReadError, Reason::LogReadOnly), (failure, Reason::Internal)] {
        let log: Arc<dyn EventLog> = Arc::new(Damaged(MemoryLog::new(identity()), Position(12), fault));
        let world = World::on(log).await;
        world.publish().await;
        let answers: Vec<_> = world.begin(&world.auditor(), all()).await.unwrap().collect().await;
        let good: Vec<_> = answers.iter().flatten().flat_map(|response| &response.records).collect();
        assert!(good.iter().map(|record| record.position).eq(1..=11));
        let refused = end(world.begin(&world.auditor(), all()).await.unwrap()).await;
        assert_eq!(refused.reason, reason, "{refused:?}");
        assert!(reason != Reason::LogReadOnly || refused.metadata["position"] == "12", "{refused:?}");
    }
}
