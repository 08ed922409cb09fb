//! A hosted plan: its log, its ingest, and the projector on a thread of its own.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use songhua_domain::event::PlanCreated;
use songhua_domain::id::PlanId;
use songhua_ingest::{Clock, IngestOptions, PlanIdentity, PlanIngest, SystemClock};
use songhua_log::{
    Applied, EventLog, FollowError, Follower, HashAlgorithm, Identity, Position, SegmentLog, SegmentOptions, follow,
};
use songhua_progress::PlanReader;
use songhua_projector::Projector;
use songhua_relay::RelayHandle;
use songhua_views::{Options, Views};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::NodeError;
use crate::demo::SimulatedClock;

/// What a follower is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FollowerState {
    /// Behind by more than what comes in; its readers are told to wait.
    Rebuilding,
    /// Caught up once, following.
    Running,
    /// Ended; the detail says why.
    Stopped(String),
}

/// What the projector's thread is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    /// Follow; a new number means: throw the views away first.
    Follow(u64),
    Stop,
}

/// Where the projector says how it is.
struct Voice {
    applied: watch::Sender<Applied>,
    state: watch::Sender<FollowerState>,
    /// For readers: why they must wait. A projector that has stopped leaves views that can be read, only old.
    rebuilding: watch::Sender<Option<String>>,
}

impl Voice {
    fn say(&self, state: FollowerState) {
        let reason = match &state {
            FollowerState::Rebuilding => Some("the views are catching up with the log".to_owned()),
            FollowerState::Running | FollowerState::Stopped(_) => None,
        };
        self.rebuilding.send_replace(reason);
        self.state.send_replace(state);
    }
}

/// A plan that this node hosts.
pub(crate) struct Hosted {
    /// Its ingest.
    pub ingest: PlanIngest,
    /// Its views.
    pub views: Views,
    /// How far the projector is.
    pub applied: watch::Receiver<Applied>,
    /// What the projector is doing.
    pub state: watch::Receiver<FollowerState>,
    /// The clock of a plan whose "now" is fixed.
    pub simulated_clock: Option<Arc<SimulatedClock>>,
    /// Its relays; none = topics are off.
    pub relay: Option<RelayHandle>,
    rebuilding: watch::Receiver<Option<String>>,
    log: Arc<SegmentLog>,
    ingest_ended: JoinHandle<()>,
    command: watch::Sender<Command>,
    projector_ended: JoinHandle<()>,
}

impl Hosted {
    /// Opens the plan in `directory` and lets it run.
    pub(super) async fn open(
        directory: &Path,
        created: &PlanCreated,
        options: IngestOptions,
        views_cache_bytes: u64,
    ) -> Result<Self, NodeError> {
        let plan = &created.plan;
        let (log, report) = SegmentLog::open(&directory.join("log"), SegmentOptions::default())
            .map_err(|source| NodeError::Log { plan: plan.clone(), source })?;
        if log.identity().log_id != created.log_id {
            return Err(NodeError::Foreign {
                plan: plan.clone(),
                found: log.identity().log_id,
                wanted: created.log_id,
            });
        }
        if let Some(cut) = report.cut {
            tracing::warn!(%plan, file = %cut.file.display(), offset = cut.offset, bytes = cut.bytes, "torn tail was cut; nothing acknowledged was in it");
        }
        if let Some(reason) = &report.read_only {
            tracing::error!(%plan, reason, "the plan is read-only until the operator acts");
        }
        let log = Arc::new(log);
        let dynamic: Arc<dyn EventLog> = Arc::clone(&log) as Arc<dyn EventLog>;
        let plan_identity = PlanIdentity { plan: plan.clone(), simulated: created.simulated };
        let snapshots = directory.join("snapshots");
        let simulated_clock = created.fixed_now.map(|end| Arc::new(SimulatedClock::new(end)));
        let clock: Arc<dyn Clock> = match &simulated_clock {
            Some(simulated) => Arc::clone(simulated) as Arc<dyn Clock>,
            None => Arc::new(SystemClock),
        };
        let opened = songhua_ingest::open(Arc::clone(&dynamic), &plan_identity, snapshots, clock, options);
        let (ingest, summary, ingest_ended) =
            opened.await.map_err(|source| NodeError::Ingest { plan: plan.clone(), source })?;
        tracing::info!(%plan, head = summary.head, snapshot = summary.snapshot_position, "plan opened");

        let projector = songhua_projector::open(&directory.join("views"), Options { cache_bytes: views_cache_bytes, ..Options::default() })
            .map_err(|error| NodeError::Views { plan: plan.clone(), detail: error.to_string() })?;
        let views = projector.views().clone();
        let (applied_sender, applied) = watch::channel(Applied::default());
        let (state_sender, state) = watch::channel(FollowerState::Rebuilding);
        let (rebuilding_sender, rebuilding) = watch::channel(None);
        let voice = Voice { applied: applied_sender, state: state_sender, rebuilding: rebuilding_sender };
        // Before anybody can read: what the views lack of the log is still to come.
        voice.say(FollowerState::Rebuilding);
        let (command, commands) = watch::channel(Command::Follow(0));
        let runtime = tokio::runtime::Handle::current();
        // The fold works on disk and CPU: it gets a thread, so that no request waits behind it.
        let projector_ended = tokio::task::spawn_blocking(move || {
            runtime.block_on(run(projector, dynamic, &voice, commands));
        });
        let relay = None;
        Ok(Self {
            ingest,
            views,
            applied,
            state,
            simulated_clock,
            relay,
            rebuilding,
            log,
            ingest_ended,
            command,
            projector_ended,
        })
    }

    /// Creates the plan's log, before the system log names it. An empty one that an interrupted creation left is taken.
    pub(super) async fn create_log(directory: &Path, plan: &PlanId) -> Result<Uuid, NodeError> {
        let identity = Identity { log_id: Uuid::new_v4(), epoch: 1, hash: HashAlgorithm::Sha256 };
        let (log, _) = SegmentLog::open_or_create(&directory.join("log"), identity, SegmentOptions::default())
            .map_err(|source| NodeError::Log { plan: plan.clone(), source })?;
        let (log_id, head) = (log.identity().log_id, log.heads().durable);
        log.close().await;
        if head == Position::NONE { Ok(log_id) } else { Err(NodeError::Unknown { plan: plan.clone(), head: head.0 }) }
    }

    /// What readers of the plan need.
    pub(super) fn reader(&self) -> PlanReader {
        let clock: songhua_progress::Clock = match &self.simulated_clock {
            Some(simulated) => {
                let today = simulated.end();
                Arc::new(move || today)
            }
            None => Arc::new(jiff::Timestamp::now),
        };
        PlanReader::new(self.views.clone(), self.applied.clone(), self.rebuilding.clone(), clock)
    }

    /// The log of the plan.
    pub(crate) fn log(&self) -> &SegmentLog {
        &self.log
    }

    /// Throws the views away and rebuilds them.
    pub(crate) fn rebuild_views(&self) {
        self.command.send_modify(|command| {
            if let Command::Follow(generation) = command {
                *generation += 1;
            }
        });
    }

    /// Ends in order: ingest answers what it accepted, relays and projector stop, the log is closed.
    pub(super) async fn close(self) {
        let Self { ingest, relay, log, ingest_ended, command, projector_ended, .. } = self;
        drop(ingest);
        ended("ingest", ingest_ended).await;
        if let Some(relay) = relay {
            relay.stop().await;
        }
        command.send_replace(Command::Stop);
        ended("projector", projector_ended).await;
        log.close().await;
    }
}

async fn ended(what: &str, task: JoinHandle<()>) {
    if let Err(error) = task.await {
        tracing::error!(%error, what, "did not end in order");
    }
}

/// Follows until told to stop; starts again from zero when told to rebuild.
async fn run(mut projector: Projector, log: Arc<dyn EventLog>, voice: &Voice, mut commands: watch::Receiver<Command>) {
    while let Some(generation) = following(&mut commands) {
        voice.say(FollowerState::Rebuilding);
        let until_other = until_other(commands.clone(), generation);
        let ended = tokio::select! {
            ended = follow(Arc::clone(&log), &mut projector, &voice.applied, until_other) => ended,
            never = caught_up(voice, log.as_ref()) => match never {},
        };
        if let Err(error) = ended {
            tracing::error!(%error, "projector stopped");
            voice.say(FollowerState::Stopped(error.to_string()));
            // Only the operator can help now: a rebuild, or a newer binary.
            if commands.changed().await.is_err() {
                return;
            }
        }
        if matches!(*commands.borrow(), Command::Follow(next) if next != generation)
            && let Err(error) = reset(&mut projector, voice)
        {
            tracing::error!(%error, "views could not be thrown away");
        }
    }
    voice.say(FollowerState::Stopped("the server is stopping".to_owned()));
}

/// The generation to follow; none = stop. Copies the command out: its lock must not be held while following.
fn following(commands: &mut watch::Receiver<Command>) -> Option<u64> {
    match *commands.borrow_and_update() {
        Command::Follow(generation) => Some(generation),
        Command::Stop => None,
    }
}

fn reset(projector: &mut Projector, voice: &Voice) -> Result<(), FollowError> {
    voice.say(FollowerState::Rebuilding);
    projector.reset("asked for by the operator")?;
    voice.applied.send_modify(|now| now.position = Position::NONE);
    Ok(())
}

async fn until_other(mut commands: watch::Receiver<Command>, generation: u64) {
    // A closed channel means that the plan was dropped: stop.
    drop(commands.wait_for(|command| *command != Command::Follow(generation)).await);
}

/// Says `Running` once everything that was durable at the start is applied, and begins anew where the follower has
/// thrown its views away by itself.
async fn caught_up(voice: &Voice, log: &dyn EventLog) -> Infallible {
    let mut applied = voice.applied.subscribe();
    loop {
        let mut reached = log.heads().durable;
        if applied.wait_for(|now| now.position >= reached).await.is_err() {
            return std::future::pending().await;
        }
        voice.say(FollowerState::Running);
        let fell = applied.wait_for(|now| {
            let fell = now.position < reached;
            reached = reached.max(now.position);
            fell
        });
        if fell.await.is_err() {
            return std::future::pending().await;
        }
        voice.say(FollowerState::Rebuilding);
    }
}
