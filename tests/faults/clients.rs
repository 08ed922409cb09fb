//! Clients that send until the server is gone, and tell the model what they send and hear.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use songhua_tests::load::Events;
use songhua_tests::{Client, PushStream};
use songhua_wire::pb;
use songhua_wire::status::refusal_from;
use tokio::task::JoinSet;
use tonic::Status;

use crate::oracle::Model;

/// Characters of a large event's comment: 3 bytes each.
const LARGE: usize = 3_900;
/// Before a client that was told to come back comes back.
const PAUSE: Duration = Duration::from_millis(10);

/// How a client sends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// `SubmitStream`, else `Submit`.
    pub(crate) stream: bool,
    /// Submissions under way, on a stream at most 16.
    pub(crate) window: usize,
    /// Events of a submission.
    pub(crate) events: usize,
    /// Events of 12 KB instead of 300 bytes: 80 of them fill a submission.
    pub(crate) large: bool,
    /// Submissions after which it stops.
    pub(crate) most: usize,
}

/// One event after the other.
pub(crate) const SINGLE: Shape = Shape { stream: false, window: 1, events: 1, large: false, most: 400 };
/// One batch after the other.
pub(crate) const BATCHES: Shape = Shape { events: 10, most: 40, ..SINGLE };
/// A stream of small submissions.
pub(crate) const STREAM: Shape = Shape { stream: true, window: 16, events: 3, large: false, most: 300 };
/// Fills a segment of 64 MiB in seconds.
pub(crate) const LARGE_STREAM: Shape = Shape { stream: true, window: 4, events: 80, large: true, most: 90 };

/// What a client needs.
#[derive(Clone)]
pub(crate) struct Desk {
    /// Of the server.
    pub(crate) client: Client,
    /// What everybody sends is told to it.
    pub(crate) model: Arc<Mutex<Model>>,
    /// New events.
    pub(crate) events: Arc<Events>,
    /// All are to end.
    pub(crate) stop: Arc<AtomicBool>,
}

/// Clients at work.
pub(crate) struct Load {
    pub(crate) clients: JoinSet<()>,
    pub(crate) stop: Arc<AtomicBool>,
}

impl Load {
    /// Waits until all clients have ended: stopped, done, or without a server.
    pub(crate) async fn ended(mut self) {
        while let Some(client) = self.clients.join_next().await {
            client.expect("a client does not panic");
        }
    }

    /// Whether all clients have ended.
    pub(crate) fn is_over(&mut self) -> bool {
        while let Some(ended) = self.clients.try_join_next() {
            ended.expect("a client does not panic");
        }
        self.clients.is_empty()
    }

    /// Has all clients end with what is under way, and waits for that.
    pub(crate) async fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.ended().await;
    }
}

impl Desk {
    /// Sends as the shape says; `number` is this client's in the model.
    pub(crate) async fn work(self, number: usize, shape: Shape) {
        if shape.stream { self.stream(number, shape).await } else { self.unary(number, shape).await }
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn next(&self, client: usize, shape: Shape) -> (usize, pb::SubmitRequest) {
        let mut request = self.events.submission(shape.events);
        if shape.large {
            for event in &mut request.events {
                event.comment = "松".repeat(LARGE);
            }
        }
        (self.model.lock().expect("nobody panicked").sent(client, &request), request)
    }

    fn heard(&self, number: usize, answer: Result<&[pb::Receipt], &Status>) {
        self.model.lock().expect("nobody panicked").answered(number, answer);
    }

    async fn unary(mut self, client: usize, shape: Shape) {
        for _ in 0..shape.most {
            if self.stopped() {
                return;
            }
            let (number, request) = self.next(client, shape);
            match self.client.ingest.submit(request).await {
                Ok(response) => self.heard(number, Ok(&response.into_inner().receipts)),
                Err(status) => {
                    self.heard(number, Err(&status));
                    if !goes_on(&status).await {
                        return;
                    }
                }
            }
        }
    }

    async fn stream(self, client: usize, shape: Shape) {
        let Ok(mut stream) = PushStream::open(&self.client).await else { return };
        let (mut under_way, mut sent) = (VecDeque::new(), 0);
        loop {
            while under_way.len() < shape.window && sent < shape.most && !self.stopped() {
                let (number, request) = self.next(client, shape);
                under_way.push_back((stream.send(request).await, number));
                sent += 1;
            }
            let Some((expected, number)) = under_way.pop_front() else { return };
            let Ok(Some((tag, answer))) = stream.answer().await else { return };
            assert_eq!(tag, expected, "answers come in the order of the requests");
            self.heard(number, answer.as_deref());
            if let Err(status) = answer
                && !goes_on(&status).await
            {
                return;
            }
        }
    }
}

/// Whether the server may take the next submission; waits a little before.
async fn goes_on(status: &Status) -> bool {
    let reason = refusal_from(status).map(|refusal| refusal.reason.code());
    let goes_on = matches!(reason, Some("QUEUE_FULL" | "DISK_FULL" | "OUTCOME_UNKNOWN"));
    if goes_on {
        tokio::time::sleep(PAUSE).await;
    }
    goes_on
}
