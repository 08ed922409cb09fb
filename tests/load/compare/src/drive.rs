//! Clients that send what was prepared, and the times they saw. The same for every store.
//!
//! Requests are made before the clock starts; encoding, sending, waiting and decoding happen within. Where requests run out
//! before the time is over, the measurement ends there.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::process;

/// Runs before anything counts.
const WARM_UP: Duration = Duration::from_millis(300);
/// Events that are prepared at most: about a gigabyte.
const PREPARED_MAX: u64 = 1_000_000;

/// Who sends what, to any store.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    /// As figures name it.
    pub(crate) name: &'static str,
    /// Tasks that send, each for itself; on a stream, submissions under way.
    pub(crate) clients: usize,
    /// Connections they share, where the store's client shares them.
    pub(crate) connections: usize,
    /// Events of a request.
    pub(crate) batch: usize,
    /// One `SubmitStream` with `clients` submissions under way.
    pub(crate) stream: bool,
    /// Events a second that no store here exceeds: as many are prepared.
    pub(crate) most: u64,
}

impl Load {
    /// Requests to prepare for so much time.
    pub(crate) fn requests(&self, duration: Duration) -> usize {
        let millis = u64::try_from((duration + WARM_UP).as_millis()).unwrap_or(u64::MAX);
        let events = (self.most.saturating_mul(millis) / 1_000).min(PREPARED_MAX);
        usize::try_from(events).unwrap_or(0).div_ceil(self.batch)
    }

    /// In words.
    pub(crate) fn shape(&self) -> String {
        let Self { clients, connections, batch, stream, .. } = self;
        if *stream {
            format!("1 stream, {clients} under way × {batch}")
        } else {
            format!("{clients} on {connections} × {batch}")
        }
    }
}

/// Prepared requests, taken by whoever is free.
pub(crate) struct Pool<R>(Mutex<Inner<R>>);

struct Inner<R> {
    requests: std::vec::IntoIter<R>,
    dry: Option<Instant>,
}

impl<R> Pool<R> {
    /// These requests.
    pub(crate) fn new(requests: Vec<R>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Inner { requests: requests.into_iter(), dry: None })))
    }

    /// The next one, until there are none.
    pub(crate) fn take(&self) -> Option<R> {
        let mut inner = self.0.lock().expect("no client panicked");
        let request = inner.requests.next();
        if request.is_none() {
            inner.dry.get_or_insert_with(Instant::now);
        }
        request
    }

    /// When they had run out.
    fn dry(&self) -> Option<Instant> {
        self.0.lock().expect("no client panicked").dry
    }
}

/// When to count and when to stop.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    from: Instant,
    pub(crate) until: Instant,
}

/// An acknowledgement.
pub(crate) struct Acknowledged {
    sent: Instant,
    at: Instant,
    events: u32,
}

impl Acknowledged {
    /// Of a request with so many events, sent then, just now.
    pub(crate) fn now(sent: Instant, events: usize) -> Self {
        Self { sent, at: Instant::now(), events: u32::try_from(events).unwrap_or(u32::MAX) }
    }
}

/// Sends one request and waits for its acknowledgement; panics where it is refused.
pub(crate) trait Caller: Send + 'static {
    /// What it sends.
    type Request: Send + 'static;
    /// Does so.
    fn call(&mut self, request: Self::Request) -> impl Future<Output = ()> + Send;
}

/// How a load went.
#[derive(Default, Clone)]
pub(crate) struct Run {
    /// Of the part that counts.
    pub(crate) elapsed: Duration,
    /// Acknowledged within it.
    pub(crate) events: u64,
    /// Microseconds of the requests acknowledged within it, in order of size.
    pub(crate) latencies: Vec<u32>,
    /// Acknowledged in all, with warm-up and what was under way at the end.
    pub(crate) acknowledged: u64,
    /// Processor time of the clients over all of it, in nanoseconds.
    pub(crate) client_cpu: u64,
    /// The same of the server, until it was done with what the load left to do.
    pub(crate) server_cpu: u64,
}

impl Run {
    /// Events a second.
    pub(crate) fn rate(&self) -> u64 {
        let micros = u64::try_from(self.elapsed.as_micros()).unwrap_or(u64::MAX).max(1);
        self.events.saturating_mul(1_000_000) / micros
    }

    /// Microseconds that `per_mille` of a thousand do not exceed.
    pub(crate) fn quantile(&self, per_mille: usize) -> u64 {
        let rank = (self.latencies.len() * per_mille).div_ceil(1_000).max(1);
        self.latencies.get(rank - 1).copied().unwrap_or_default().into()
    }

    /// For those that are compared: something was measured.
    pub(crate) fn lasting(self) -> Self {
        assert!(self.elapsed > Duration::ZERO, "the prepared requests did not last for the warm-up");
        self
    }

    fn of(acknowledged: &[Acknowledged], times: Times, dry: Option<Instant>) -> Self {
        let end = dry.map_or(times.until, |dry| dry.min(times.until));
        let counted = || acknowledged.iter().filter(|one| one.at >= times.from && one.at < end);
        let micros = |one: &Acknowledged| u32::try_from((one.at - one.sent).as_micros()).unwrap_or(u32::MAX);
        let mut latencies: Vec<u32> = counted().map(micros).collect();
        latencies.sort_unstable();
        Self {
            elapsed: end.saturating_duration_since(times.from),
            events: counted().map(|one| u64::from(one.events)).sum(),
            latencies,
            acknowledged: acknowledged.iter().map(|one| u64::from(one.events)).sum(),
            ..Self::default()
        }
    }
}

/// One task a caller; all draw from the same requests.
pub(crate) async fn drive<C: Caller>(
    callers: Vec<C>,
    requests: Vec<C::Request>,
    batch: usize,
    duration: Duration,
) -> Run {
    let pool = Pool::new(requests);
    let (times, cpu) = begin(duration);
    let mut clients = JoinSet::new();
    for mut caller in callers {
        let pool = Arc::clone(&pool);
        clients.spawn(async move {
            let mut seen = Vec::with_capacity(1 << 16);
            while Instant::now() < times.until {
                let Some(request) = pool.take() else { break };
                let sent = Instant::now();
                caller.call(request).await;
                seen.push(Acknowledged::now(sent, batch));
            }
            seen
        });
    }
    let mut all = Vec::new();
    while let Some(seen) = clients.join_next().await {
        all.extend(seen.expect("a client ends in order"));
    }
    finish(&all, times, &pool, cpu).lasting()
}

/// The clock starts.
pub(crate) fn begin(duration: Duration) -> (Times, u64) {
    let from = Instant::now() + WARM_UP;
    (Times { from, until: from + duration }, process::own_cpu())
}

/// The last client has ended.
pub(crate) fn finish<R>(all: &[Acknowledged], times: Times, pool: &Pool<R>, cpu: u64) -> Run {
    let client_cpu = process::own_cpu() - cpu;
    Run { client_cpu, ..Run::of(all, times, pool.dry()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_acknowledged_between_warm_up_and_end_counts() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let times = Times { from: at(100), until: at(1_100) };
        let seen = |sent, at_: u64| Acknowledged { sent: at(sent), at: at(at_), events: 10 };
        let all = [seen(0, 99), seen(90, 100), seen(100, 600), seen(700, 1_099), seen(1_000, 1_100)];
        let run = Run::of(&all, times, None);
        assert_eq!((run.events, run.acknowledged, run.rate()), (30, 50, 30));
        assert_eq!(run.latencies, [10_000, 399_000, 500_000]);
        assert_eq!((run.quantile(500), run.quantile(990)), (399_000, 500_000));
        // Requests ran out half-way.
        let run = Run::of(&all, times, Some(at(601)));
        assert_eq!((run.events, run.elapsed), (20, Duration::from_millis(501)));
    }
}
