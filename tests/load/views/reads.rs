//! Paced reads: a request at each due moment, timed from that moment, so that a slow answer is not hidden by its own delay.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::ToSpan;
use songhua_tests::{Client, PLAN, Random};
use songhua_wire::pb;
use tokio::sync::{Semaphore, mpsc};

use crate::server::History;

/// Most reads under way at once: far above what the bars allow to wait.
const UNDER_WAY: usize = 512;

/// What was measured, in microseconds.
pub(crate) struct Timed(Vec<u64>);

impl Timed {
    pub(crate) fn per_mille(&self, per_mille: usize) -> u64 {
        let place = (self.0.len() * per_mille / 1_000).min(self.0.len().saturating_sub(1));
        self.0.get(place).copied().unwrap_or_default()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

impl From<Vec<u64>> for Timed {
    fn from(mut all: Vec<u64>) -> Self {
        all.sort_unstable();
        Self(all)
    }
}

/// What is asked.
#[derive(Clone)]
pub(crate) struct Question {
    pub(crate) name: Option<String>,
    pub(crate) as_of: Option<pb::AsOf>,
}

/// Asks `rate` questions a second for `duration`.
pub(crate) async fn paced(
    clients: &[Client],
    rate: u32,
    duration: Duration,
    mut question: impl FnMut(u64) -> Question,
) -> Timed {
    let total = u64::from(rate) * duration.as_secs();
    let (mut moments, gate) = (moments(rate, total), Arc::new(Semaphore::new(UNDER_WAY)));
    let failed = Arc::new(AtomicU64::new(0));
    let mut asked = Vec::new();
    for number in 0..total {
        let due = moments.recv().await.expect("a moment for each");
        let permit = Arc::clone(&gate).acquire_owned().await.expect("open");
        let client = clients[usize::try_from(number).unwrap_or(0) % clients.len()].clone();
        let (question, failed) = (question(number), Arc::clone(&failed));
        asked.push(tokio::spawn(async move {
            if ask(client, question).await.is_err() {
                failed.fetch_add(1, Ordering::Relaxed);
            }
            drop(permit);
            micros(due.elapsed())
        }));
    }
    let mut all = Vec::with_capacity(asked.len());
    for one in asked {
        all.push(one.await.expect("a read ends"));
    }
    let failed = failed.load(Ordering::Relaxed);
    assert_eq!(failed, 0, "{failed} of {total} reads failed");
    all.into()
}

/// When each of `total` requests is due, told at that moment: by a thread, for the runtime's timer counts milliseconds.
fn moments(rate: u32, total: u64) -> mpsc::UnboundedReceiver<Instant> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let (begin, every) = (Instant::now() + Duration::from_millis(100), Duration::from_secs(1) / rate);
    std::thread::spawn(move || {
        for number in 0..total {
            let due = begin + every * u32::try_from(number).expect("a short run");
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if sender.send(due).is_err() {
                return;
            }
        }
    });
    receiver
}

async fn ask(mut client: Client, question: Question) -> Result<(), tonic::Status> {
    let Question { name, as_of } = question;
    match name {
        Some(name) => drop(client.progress.get_circle(pb::GetCircleRequest { name, as_of }).await?),
        None => drop(client.progress.get_overview(pb::GetOverviewRequest { name: PLAN.to_owned(), as_of }).await?),
    }
    Ok(())
}

/// A random day of the history, as known at a random position behind the plan's definitions.
pub(crate) fn anywhere(random: &mut Random, history: &History) -> pb::AsOf {
    let History { defined, records, days: (first, last) } = *history;
    let days = u64::try_from((last - first).get_days()).unwrap_or(0);
    let day = first + i64::try_from(random.below(days + 1)).unwrap_or(0).days();
    pb::AsOf {
        valid_date: Some(crate::events::pb_date(day)),
        known: Some(pb::as_of::Known::KnownPosition(defined + random.below(records - defined + 1))),
        min_position: 0,
    }
}

pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
