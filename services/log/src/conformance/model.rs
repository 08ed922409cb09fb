//! Random operations against a plain list.

use bytes::Bytes;

use super::{Harness, fresh_key, of_batch, ours, put, read_all, some_batch};
use crate::contract::AppendOutcome;
use crate::hostile::XorShift;
use crate::identity::Position;
use crate::record::{Batch, Key};

const STEPS: u64 = 300;

/// The log does what a list does, whatever the order of operations. Set `SONGHUA_SEED` to repeat a run.
pub async fn random_operations_agree_with_a_plain_list(mut harness: impl Harness) {
    let given = std::env::var("SONGHUA_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0);
    tracing::info!(seed, "random operations");
    let mut run = Run { random: XorShift::new(seed), list: Vec::new(), seed };
    for _ in 0..STEPS {
        run.step(&mut harness).await;
    }
    let log = harness.log();
    assert_same(&ours(&read_all(&*log, 500).await), &run.list, seed);
}

type Entry = (Key, Bytes);

/// Lists of hundreds of records: only the first difference is worth reading.
fn assert_same(left: &[Entry], right: &[Entry], seed: u64) {
    let differs = left.iter().zip(right).position(|(left, right)| left != right);
    assert_eq!((differs, left.len()), (None, right.len()), "SONGHUA_SEED={seed}");
}

struct Run {
    random: XorShift,
    list: Vec<Entry>,
    seed: u64,
}

impl Run {
    async fn step(&mut self, harness: &mut impl Harness) {
        let (log, seed) = (harness.log(), self.seed);
        match self.random.below(10) {
            0..=3 => {
                let batch = self.batch();
                put(&*log, &batch).await;
                self.list.extend(of_batch(&batch));
            }
            4 if log.exclusive_writer() => self.append_ahead(harness).await,
            4 | 5 => {
                // Below the durable head: a head that may still come could be reached while the batch is on its way.
                let Some(below) = log.heads().durable.0.checked_sub(1) else { return };
                let wrong = Position(below - self.random.below(below + 1));
                let outcome = log.append(wrong, self.batch()).await.expect("append");
                assert!(!matches!(outcome, AppendOutcome::Stored { .. }), "SONGHUA_SEED={seed}");
            }
            6 => {
                let all = read_all(&*log, self.random.below(400) as usize).await;
                assert_same(&ours(&all), &self.list, seed);
            }
            7 => {
                log.wait(log.heads().written).await;
                let at = self.random.below(self.list.len() as u64 + 1) as usize;
                let known = self.list.get(at).cloned();
                let key = known.as_ref().map_or_else(fresh_key, |(key, _)| *key);
                let found = log.find(&key).await.expect("find").map(|record| (record.key, record.bytes));
                assert_eq!(found, known, "SONGHUA_SEED={seed}");
            }
            8 if self.random.one_in(6) => {
                drop(log);
                harness.reopen().await;
            }
            _ => {
                let durable = log.heads().durable;
                let from = Position(1 + self.random.below(durable.0 + 3));
                let read = log.read(from, self.random.below(300) as usize).await.expect("read");
                let first = read.first().map(|record| record.position);
                let readable = from <= log.heads().durable;
                assert!(first.is_none_or(|first| first == from), "SONGHUA_SEED={seed}");
                assert!(first.is_some() || !readable || from > durable, "SONGHUA_SEED={seed}");
            }
        }
    }

    /// Several batches, each decided on the one before, some of them let go.
    async fn append_ahead(&mut self, harness: &mut impl Harness) {
        let log = harness.log();
        let mut answers = Vec::new();
        for _ in 0..=self.random.below(6) {
            let batch = self.batch();
            let answer = log.append(log.heads().written, batch.clone());
            self.list.extend(of_batch(&batch));
            if !self.random.one_in(4) {
                answers.push(answer);
            }
        }
        for answer in answers {
            assert!(matches!(answer.await, Ok(AppendOutcome::Stored { .. })), "SONGHUA_SEED={}", self.seed);
        }
    }

    fn batch(&mut self) -> Batch {
        let sizes: Vec<usize> = (0..=self.random.below(3)).map(|_| 1 + self.random.below(4) as usize).collect();
        some_batch(&sizes)
    }
}
