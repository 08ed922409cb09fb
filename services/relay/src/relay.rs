//! The loop: wait for the connection, read the position, publish batch after batch; after any trouble, from the start.
//!
//! ```text
//! connected ▸ stream there? ▸ what stands last, is anything missing? ▸ [ fill ▸ publish, fenced ▸ … ] ─ trouble ─▶ pause ─▶ again
//!                               └─ not ours, not whole: say it, look again in 10 s
//! ```
//! The next batch is filled while one is in flight; there is never a second one in flight, so the stream is always a
//! prefix of what the source gives. It must not know what is published.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use songhua_domain::id::PlanId;
use songhua_log::{Applied, EventLog};
use songhua_views::Views;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::batch::{BATCH_BYTES_MAX, Publisher};
use crate::changes::Changes;
use crate::connection::Connection;
use crate::events::{Events, Voice};
use crate::extent::Extent;
use crate::message::{Place, RelayPayload};
use crate::source::{RelayFrom, Room, Source};
use crate::status::{RelayState, RelayStatus, Trouble};
use crate::stream::{Spec, TopicStream, is_limited};
use crate::subject;

/// First pause after a trouble that passes; doubled after each further one.
const PAUSE_FIRST: Duration = Duration::from_millis(50);
/// The longest such pause.
const PAUSE_MOST: Duration = Duration::from_secs(3);
/// How soon a trouble that somebody must end is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// How often the stream is looked at while nothing troubles it: somebody may have deleted or emptied it.
const CHECK_EVERY: Duration = Duration::from_secs(5);
/// How long a batch in flight is waited for at the end.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// The plan to publish.
pub struct PlanSource {
    /// Its id.
    pub plan: PlanId,
    /// Its log.
    pub log: Arc<dyn EventLog>,
    /// Its views, for status changes.
    pub views: Views,
    /// How far the views are.
    pub applied: watch::Receiver<Applied>,
    /// Whether everything in it is simulated.
    pub simulated: bool,
}

/// How to publish.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where a stream that is created begins.
    pub from: RelayFrom,
    /// How payloads are written.
    pub payload: RelayPayload,
    /// Replicas of a stream that is created.
    pub replicas: usize,
    /// Most bytes of a stream that is created; none = unlimited.
    pub max_bytes: Option<u64>,
}

/// The relays of one plan: its events, and the status changes that follow from them.
#[derive(Debug)]
pub struct PlanRelay;

impl PlanRelay {
    /// Lets the relays of a plan run, each on a task of its own. They never hold up who writes the log.
    pub fn spawn(connection: &Connection, source: PlanSource, options: &Options) -> RelayHandle {
        let PlanSource { plan, log, views, applied, simulated } = source;
        let identity = log.identity();
        let voice = Voice { plan: plan.clone(), identity, simulated, payload: options.payload };
        let spec = |name: &str, subjects: Vec<String>, what: &str| Spec {
            name: format!("SONGHUA_{name}_{plan}"),
            subjects,
            description: format!("{what} of plan {plan}, published by songhua"),
            identity,
            replicas: options.replicas,
            max_bytes: options.max_bytes,
        };
        let events = Events::new(voice.clone(), Arc::clone(&log));
        let changes = Changes::new(voice, log, views, applied);
        let (stop, stopping) = watch::channel(false);
        let filters = (subject::event_filters(plan.as_str()), subject::change_filters(plan.as_str()));
        let events = start(connection, events, options.from, spec("EVENTS", filters.0, "Events"), &stopping);
        let changes =
            start(connection, changes, options.from, spec("PROGRESS", filters.1, "Status changes"), &stopping);
        RelayHandle { events, changes, stop }
    }
}

fn start(
    connection: &Connection,
    source: impl Source,
    from: RelayFrom,
    spec: Spec,
    stopping: &watch::Receiver<bool>,
) -> (watch::Receiver<RelayStatus>, JoinHandle<()>) {
    let waiting =
        RelayStatus { state: RelayState::Waiting, position: 0, durable: source.end(), detail: connection.why_down() };
    let (status, watched) = watch::channel(waiting);
    let (connection, stopping, ended) = (connection.clone(), stopping.clone(), status.clone());
    let relay =
        Relay { connection, source, from, known: None, spec, status, stopping, pause: PAUSE_FIRST, warned: false };
    let task = async move {
        if AssertUnwindSafe(relay.run()).catch_unwind().await.is_err() {
            tracing::error!("a relay ended unexpectedly");
            ended.send_modify(|status| {
                status.state = RelayState::Stopped;
                status.detail =
                    "ended unexpectedly: a defect; restart the node / 发布任务意外终止，请重启节点".to_owned();
            });
        }
    };
    (watched, tokio::spawn(task))
}

/// The running relays of a plan.
pub struct RelayHandle {
    events: (watch::Receiver<RelayStatus>, JoinHandle<()>),
    changes: (watch::Receiver<RelayStatus>, JoinHandle<()>),
    stop: watch::Sender<bool>,
}

impl RelayHandle {
    /// How the relay of events is.
    pub fn status(&self) -> watch::Receiver<RelayStatus> {
        self.events.0.clone()
    }

    /// How the relay of status changes is.
    pub fn progress_status(&self) -> watch::Receiver<RelayStatus> {
        self.changes.0.clone()
    }

    /// Ends both within two seconds: a batch in flight is finished, or abandoned. Which it was, the stream tells at the
    /// next start.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let deadline = Instant::now() + LAST_WAIT;
        for (_, mut task) in [self.events, self.changes] {
            if tokio::time::timeout_at(deadline, &mut task).await.is_err() {
                task.abort();
            }
        }
    }
}

/// One source, one stream.
struct Relay<S> {
    connection: Connection,
    source: S,
    /// Where a stream that is created begins.
    from: RelayFrom,
    /// What is known to be in the stream, or to be left out of it.
    known: Option<Place>,
    spec: Spec,
    status: watch::Sender<RelayStatus>,
    stopping: watch::Receiver<bool>,
    pause: Duration,
    /// Whether it was said what the stream lacks.
    warned: bool,
}

impl<S: Source> Relay<S> {
    async fn run(mut self) {
        let mut stopping = self.stopping.clone();
        while let Err(trouble) = self.follow().await {
            let pause = self.troubled(trouble);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stopping.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// Publishes until told to stop.
    async fn follow(&mut self) -> Result<(), Trouble> {
        let mut stopping = self.stopping.clone();
        if !self.connection.is_up() {
            self.say(RelayState::Waiting, self.connection.why_down());
            tokio::select! {
                () = self.connection.up() => {}
                _ = stopping.wait_for(|stop| *stop) => return Ok(()),
            }
        }
        let breaks = self.connection.breaks();
        let head = self.source.head();
        let from = self.from.first(self.known, head);
        let stream = TopicStream::open(&self.connection, &self.spec, from, head).await?;
        self.source.resume(&stream).await?;
        let place = self.source.place();
        self.known = Some(place);
        self.status.send_modify(|status| status.position = place.position);
        self.source.verify(&stream).await?;
        let mut publisher = Publisher::open(&self.connection, stream.is_atomic).await?;
        self.warn(&stream);
        let room = self.room(&stream, &publisher);
        let mut at = At { last: stream.extent.last, extent: stream.extent, looked: Instant::now() };
        let mut batch = self.source.fill(&stream, room).await?;
        if batch.is_empty() {
            self.reached(self.source.place());
        }
        while !*stopping.borrow() {
            if at.looked.elapsed() >= CHECK_EVERY {
                look(&stream, &mut at).await?;
            }
            if batch.is_empty() {
                tokio::select! {
                    () = self.source.ready() => {}
                    () = tokio::time::sleep_until(at.looked + CHECK_EVERY) => {}
                    () = self.connection.broken(breaks) => return Err(Trouble::Passing(self.connection.why_down())),
                    _ = stopping.wait_for(|stop| *stop) => return Ok(()),
                }
                batch = self.source.fill(&stream, room).await?;
                if batch.is_empty() {
                    self.reached(self.source.place());
                }
                continue;
            }
            let place = batch.last().map_or_else(Place::default, |last| last.place);
            let (published, next) = tokio::join!(publisher.publish(batch, at.last), self.source.fill(&stream, room));
            at.last = published?;
            self.pause = PAUSE_FIRST;
            self.reached(place);
            batch = next?;
        }
        Ok(())
    }

    fn room(&self, stream: &TopicStream, publisher: &Publisher) -> Room {
        let most = self.connection.client().max_payload();
        let message_bytes = stream.message_bytes_max.map_or(most, |of_stream| of_stream.min(most));
        Room { messages: publisher.messages_max(), bytes: BATCH_BYTES_MAX, message_bytes }
    }

    /// Says once what the stream lacks, and why.
    fn warn(&mut self, stream: &TopicStream) {
        if self.warned || (stream.is_atomic && stream.incomplete.is_none()) {
            return;
        }
        self.warned = true;
        let version = self.connection.client().server_info().version;
        let cause = stream.incomplete.clone().unwrap_or_else(|| format!("nats-server {version} is older than 2.12"));
        let lacks = if stream.is_atomic {
            "the stream does not say where it begins (metadata)"
        } else {
            "the stream takes no atomic batches (allow_atomic): messages are published one by one, more slowly"
        };
        tracing::warn!(stream = stream.name, cause, "{lacks}");
    }

    /// Everything up to `place` is in the stream.
    fn reached(&mut self, place: Place) {
        self.known = Some(place);
        let (position, durable) = (place.position, self.source.end().max(place.position));
        self.tell(RelayStatus { state: RelayState::Running, position, durable, detail: String::new() });
    }

    /// Says what happened; gives how long to pause.
    fn troubled(&mut self, trouble: Trouble) -> Duration {
        match trouble {
            Trouble::Passing(detail) => {
                let pause = self.pause;
                self.pause = (pause * 2).min(PAUSE_MOST);
                self.say(RelayState::Waiting, detail);
                pause
            }
            Trouble::Lasting(detail) => {
                self.say(RelayState::Stopped, detail);
                LOOK_AGAIN
            }
        }
    }

    fn say(&self, state: RelayState, detail: String) {
        let position = self.status.borrow().position;
        self.tell(RelayStatus { state, position, durable: self.source.end().max(position), detail });
    }

    /// Tells it, and logs what is news.
    fn tell(&self, now: RelayStatus) {
        let before = self.status.send_replace(now.clone());
        if (before.state, &before.detail) == (now.state, &now.detail) {
            return;
        }
        let (stream, position, detail) = (&self.spec.name, now.position, now.detail);
        match now.state {
            RelayState::Running => tracing::info!(stream, position, "publishing"),
            RelayState::Waiting => tracing::warn!(stream, position, detail, "waiting"),
            RelayState::Stopped => tracing::error!(stream, position, detail, "nothing is published"),
        }
    }
}

/// Where the relay thinks that the stream is.
struct At {
    /// Its last sequence: the fence.
    last: u64,
    /// What it held at the last look.
    extent: Extent,
    looked: Instant,
}

/// Whether the stream still is what it was. A purge keeps the last sequence, and what was published behind it hides that
/// the stream was empty: so the first one is compared as well.
async fn look(stream: &TopicStream, at: &mut At) -> Result<(), Trouble> {
    let info = stream.info().await?.ok_or_else(|| stream.gone())?;
    if info.created.unix_timestamp_nanos() != stream.created {
        return Err(stream.gone());
    }
    stream.usable(&info.config)?;
    let (name, there) = (&stream.name, Extent::of(&info.state));
    if there.is_empty() && at.last >= at.extent.first {
        return Err(Trouble::passing(format!(
            "stream {name} was emptied; filling it again / 主题流已被清空，正在重新发布"
        )));
    }
    if there.last != at.last {
        let (there, ours) = (there.last, at.last);
        return Err(Trouble::passing(format!(
            "stream {name} ends at {there}, not at {ours}: somebody else wrote to it"
        )));
    }
    let begins_later = there.first > at.extent.first && !is_limited(&info.config);
    if begins_later || there.removed() > at.extent.removed() {
        return Err(Trouble::passing(format!(
            "messages were removed from stream {name}; looking at what is left / 主题流中的消息已被删除，正在检查"
        )));
    }
    (at.extent, at.looked) = (there, Instant::now());
    Ok(())
}

#[cfg(test)]
mod tests {
    use songhua_log::{HashAlgorithm, Identity};
    use uuid::Uuid;

    use super::*;
    use crate::connection::ConnectionOptions;
    use crate::message::Outgoing;

    /// A source that panics as soon as its relay runs.
    struct Broken;

    impl Source for Broken {
        async fn resume(&mut self, _: &TopicStream) -> Result<(), Trouble> {
            Ok(())
        }
        async fn verify(&self, _: &TopicStream) -> Result<(), Trouble> {
            Ok(())
        }
        async fn fill(&mut self, _: &TopicStream, _: Room) -> Result<Vec<Outgoing>, Trouble> {
            Ok(Vec::new())
        }
        async fn ready(&mut self) {}
        fn place(&self) -> Place {
            Place::default()
        }
        fn end(&self) -> u64 {
            assert!(tokio::task::try_id().is_none(), "a defect");
            0
        }
        fn head(&self) -> u64 {
            0
        }
    }

    #[tokio::test]
    async fn a_relay_that_panics_says_that_it_stopped() {
        // Nobody listens there.
        let servers = "127.0.0.1:1".parse().expect("an address");
        let options = ConnectionOptions { servers, credentials: None, ca: None };
        let connection = Connection::open(options).await.expect("a connection to be made");
        let spec = Spec {
            name: "S".to_owned(),
            subjects: Vec::new(),
            description: String::new(),
            identity: Identity { log_id: Uuid::nil(), epoch: 1, hash: HashAlgorithm::Sha256 },
            replicas: 1,
            max_bytes: None,
        };
        let (_stop, stopping) = watch::channel(false);
        let (mut status, task) = start(&connection, Broken, RelayFrom::Beginning, spec, &stopping);
        task.await.expect("the panic is caught");
        let stopped = status.wait_for(|status| status.state == RelayState::Stopped).await.expect("said").clone();
        assert!(stopped.detail.contains("unexpectedly") && !stopped.detail.is_ascii(), "{stopped:?}");
    }
}
