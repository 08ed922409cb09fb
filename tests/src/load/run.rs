//! One load: clients that send for a while, and how long each acknowledgement took.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use songhua_wire::pb;
use songhua_wire::pb::submit_stream_response::Result as Answer;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;

use super::{Events, Ingest, Target};

/// Runs before anything is measured.
const WARM_UP: Duration = Duration::from_millis(500);

/// Who sends what.
pub struct Load {
    /// As figures name it.
    pub name: &'static str,
    /// Tasks that send, each for itself.
    pub clients: usize,
    /// HTTP/2 connections they share.
    pub connections: usize,
    /// Submissions under way on a stream.
    pub window: usize,
    /// Events of a submission.
    pub batch: usize,
    /// `SubmitStream`, else `Submit`.
    pub stream: bool,
}

/// Times from sending to acknowledgement, in microseconds.
#[derive(Default)]
pub struct Latencies(Vec<u32>);

impl Latencies {
    /// One more.
    pub fn add(&mut self, took: Duration) {
        self.0.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// The smallest time that `per_mille` of a thousand do not exceed.
    pub fn quantile(&self, per_mille: usize) -> u32 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * per_mille).div_ceil(1_000).max(1);
        sorted.get(rank - 1).copied().unwrap_or_default()
    }
}

/// How a load went.
pub struct Measured {
    /// From the first measured acknowledgement's sending on.
    pub elapsed: Duration,
    /// Within that time.
    pub measured_events: u64,
    /// Warm-up and what was still under way at the end included.
    pub acknowledged_events: u64,
    /// Of submissions, within that time.
    pub latencies: Latencies,
    /// Submissions refused, for whatever reason.
    pub refused: u64,
    /// Processor time of the server.
    pub cpu: Option<Duration>,
}

impl Measured {
    /// Events a second.
    pub fn rate(&self) -> u64 {
        let micros = u64::try_from(self.elapsed.as_micros()).unwrap_or(u64::MAX).max(1);
        self.measured_events.saturating_mul(1_000_000) / micros
    }
}

/// What all clients of a load write to.
#[derive(Default)]
struct Tally {
    latencies: Latencies,
    measured: u64,
    acknowledged: u64,
    refused: u64,
}

/// When to count and when to stop.
#[derive(Clone, Copy)]
struct Times {
    from: Instant,
    until: Instant,
}

impl Tally {
    fn note(&mut self, times: Times, sent: Instant, events: usize, stored: bool) {
        let now = Instant::now();
        if !stored {
            self.refused += 1;
            return;
        }
        self.acknowledged += events as u64;
        if now >= times.from && now < times.until {
            self.latencies.add(now - sent);
            self.measured += events as u64;
        }
    }
}

/// Runs a load: warm-up, then `duration` that counts.
pub async fn measure(target: &Target, events: &Arc<Events>, load: &Load, duration: Duration) -> Measured {
    let mut channels = Vec::new();
    for _ in 0..load.connections {
        channels.push(target.connect().await);
    }
    let from = Instant::now() + WARM_UP;
    let times = Times { from, until: from + duration };
    let mut clients = JoinSet::new();
    for index in 0..load.clients {
        let ingest = target.ingest(channels[index % channels.len()].clone());
        let events = Arc::clone(events);
        let (batch, window) = (load.batch, load.window);
        if load.stream {
            clients.spawn(stream(ingest, events, times, batch, window));
        } else {
            clients.spawn(unary(ingest, events, times, batch));
        }
    }
    tokio::time::sleep_until(times.from.into()).await;
    let cpu_before = target.cpu();
    tokio::time::sleep_until(times.until.into()).await;
    let cpu = target.cpu().zip(cpu_before).map(|(after, before)| after - before);
    let mut sum = Tally::default();
    while let Some(tally) = clients.join_next().await {
        let tally = tally.expect("a client ends in order");
        sum.latencies.0.extend(tally.latencies.0);
        sum.measured += tally.measured;
        sum.acknowledged += tally.acknowledged;
        sum.refused += tally.refused;
    }
    Measured {
        elapsed: duration,
        measured_events: sum.measured,
        acknowledged_events: sum.acknowledged,
        latencies: sum.latencies,
        refused: sum.refused,
        cpu,
    }
}

async fn unary(mut ingest: Ingest, events: Arc<Events>, times: Times, batch: usize) -> Tally {
    let mut tally = Tally::default();
    while Instant::now() < times.until {
        let request = events.submission(batch);
        let sent = Instant::now();
        let answer = ingest.submit(request).await;
        tally.note(times, sent, batch, answer.is_ok());
    }
    tally
}

async fn stream(mut ingest: Ingest, events: Arc<Events>, times: Times, batch: usize, window: usize) -> Tally {
    let (requests, receiver) = mpsc::channel(window);
    let room = Arc::new(Semaphore::new(window));
    let sent: Arc<Mutex<VecDeque<Instant>>> = Arc::default();
    let (sender_room, sender_sent) = (Arc::clone(&room), Arc::clone(&sent));
    let sender = tokio::spawn(async move {
        let mut tag = 0;
        while Instant::now() < times.until {
            let request = Some(events.submission(batch));
            sender_room.acquire().await.expect("the window stays open").forget();
            sender_sent.lock().expect("no client panicked").push_back(Instant::now());
            if requests.send(pb::SubmitStreamRequest { tag, request }).await.is_err() {
                return;
            }
            tag += 1;
        }
    });
    let mut answers = ingest.submit_stream(ReceiverStream::new(receiver)).await.expect("the stream opens").into_inner();
    let (mut tally, mut expected) = (Tally::default(), 0);
    while let Some(answer) = answers.message().await.expect("the stream goes on") {
        assert_eq!(answer.tag, expected, "answers come in order");
        expected += 1;
        let begun = sent.lock().expect("no client panicked").pop_front().expect("one answer for each request");
        tally.note(times, begun, batch, matches!(answer.result, Some(Answer::Response(_))));
        room.add_permits(1);
    }
    sender.await.expect("the sender ends in order");
    tally
}
