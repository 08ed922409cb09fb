//! A hosted plan: its log, its ingest, and the projector on a thread of its own.

use std::convert::Infallible;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use songhua_domain::event::PlanCreated;
use songhua_domain::id::PlanId;
use songhua_ingest::{Clock, IngestOptions, PlanIdentity, PlanIngest, SystemClock, seen_by_snapshots};
use songhua_log::{
    Applied, Checkpoint, EventLog, Evidence, FollowError, Follower, HashAlgorithm, Identity, Position, SegmentLog,
    SegmentOptions, follow,
};
use songhua_progress::PlanReader;
use songhua_projector::{PROJECTOR_VERSION, Projector};
use songhua_relay::RelayHandle;
use songhua_views::{Options, Views, ViewsError};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::NodeError;
use crate::demo::SimulatedClock;

/// Views that take more are not waited for when a plan is opened: sled reads several hundred MB in a second.
const OPENED_LATER_BYTES: u64 = 64 << 20;
/// Records that may be behind when what was grown beside takes over: under load there are always some.
const CLOSE: u64 = 1_000;
/// How soon what found no room even to begin is begun again: a reset, or a successor.
const AGAIN: Duration = Duration::from_secs(2);

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
    /// Follow; a new number means: rebuild the views.
    Follow(u64),
    Stop,
}

/// What becomes of views that are grown beside those that are read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Beside {
    /// How far they are.
    pub applied: Applied,
    /// The last rebuild that was asked for and is done, or begun anew where there was nothing to read meanwhile.
    pub done: u64,
    /// The last one that failed.
    pub failed: u64,
    /// Why it failed.
    pub why: String,
}

impl Beside {
    /// The last rebuild that was asked for and is over.
    fn ended(&self) -> u64 {
        self.done.max(self.failed)
    }
}

/// Where the projector says how it is.
struct Voice {
    applied: watch::Sender<Applied>,
    state: watch::Sender<FollowerState>,
    beside: watch::Sender<Beside>,
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

    /// Following ended. Where room may come, views that could not be reset are still to be: nothing of them is read.
    fn stopped(&self, error: &FollowError) {
        if is_for_room(error) {
            self.applied.send_modify(|now| now.position = Position::NONE);
            self.say(FollowerState::Rebuilding);
        } else {
            self.say(FollowerState::Stopped(error.to_string()));
        }
    }

    /// Growing beside ended.
    fn grown(&self, generation: u64, ended: &Result<Grown, FollowError>) {
        match ended {
            Ok(Grown::TookOver) => {
                // Whatever stopped the old ones is gone with them.
                self.say(FollowerState::Running);
                // The next one begins at nothing, also before its first step.
                self.beside.send_modify(|beside| (beside.done, beside.applied) = (generation, Applied::default()));
            }
            Ok(Grown::Told) => {}
            Err(error) => self.failed(generation, error),
        }
    }

    fn failed(&self, generation: u64, error: &FollowError) {
        self.beside.send_modify(|beside| (beside.failed, beside.why) = (generation, error.to_string()));
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
    /// What it grows beside.
    pub beside: watch::Receiver<Beside>,
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
        let snapshots = directory.join("snapshots");
        // Views and snapshots before the log: what they have seen of it is not cut.
        let views_options = Options { cache_bytes: views_cache_bytes, projector_version: PROJECTOR_VERSION };
        let views_directory = directory.join("views");
        let (projector, seen) = open_projector(&views_directory, views_options)
            .map_err(|error| NodeError::Views { plan: plan.clone(), detail: error.to_string() })?;
        let views = projector.views().clone();
        let seen = seen.into_iter().map(|seen| seen_by_views(&views_directory, seen));
        let evidence = seen.chain(seen_by_snapshots(&snapshots)).collect();
        let (log, report) = SegmentLog::open(&directory.join("log"), SegmentOptions::default().evidence(evidence))
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
        let simulated_clock = created.fixed_now.map(|end| Arc::new(SimulatedClock::new(end)));
        let clock: Arc<dyn Clock> = match &simulated_clock {
            Some(simulated) => Arc::clone(simulated) as Arc<dyn Clock>,
            None => Arc::new(SystemClock),
        };
        let opened = songhua_ingest::open(Arc::clone(&dynamic), &plan_identity, snapshots, clock, options);
        let (ingest, summary, ingest_ended) =
            opened.await.map_err(|source| NodeError::Ingest { plan: plan.clone(), source })?;
        tracing::info!(%plan, head = summary.head, snapshot = summary.snapshot_position, "plan opened");

        let (applied_sender, applied) = watch::channel(Applied::default());
        let (state_sender, state) = watch::channel(FollowerState::Rebuilding);
        let (rebuilding_sender, rebuilding) = watch::channel(None);
        let (beside_sender, beside) = watch::channel(Beside::default());
        let voice = Voice {
            applied: applied_sender,
            state: state_sender,
            beside: beside_sender,
            rebuilding: rebuilding_sender,
        };
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
            beside,
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

    /// Rebuilds the views beside those that are read. Gives the number of the rebuild.
    pub(crate) fn rebuild_views(&self) -> u64 {
        let mut number = 0;
        self.command.send_modify(|command| {
            if let Command::Follow(generation) = command {
                *generation += 1;
                number = *generation;
            }
        });
        number
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

/// The projector, and what its views have seen: as they say themselves, also where they cannot be opened, and as their
/// rows say. Large ones are opened on its thread: submissions need no views.
fn open_projector(directory: &Path, options: Options) -> Result<(Projector, Vec<Checkpoint>), ViewsError> {
    if let Some((projector, seen)) = songhua_projector::open_later(directory, options, OPENED_LATER_BYTES) {
        return Ok((projector, vec![seen]));
    }
    // Before they are opened: damaged ones are deleted.
    let said = Views::seen(directory);
    let projector = songhua_projector::open(directory, options)?;
    let grown = projector.views().checkpoint().ok().flatten();
    Ok((projector, said.into_iter().chain(grown).collect()))
}

fn seen_by_views(directory: &Path, seen: Checkpoint) -> Evidence {
    let Checkpoint { log_id, epoch, position, .. } = seen;
    Evidence { source: format!("the views in {}", directory.display()), log_id, epoch, position }
}

async fn ended(what: &str, task: JoinHandle<()>) {
    if let Err(error) = task.await {
        tracing::error!(%error, what, "did not end in order");
    }
}

/// Follows until told to stop; rebuilds when told to, or where another version has grown the views.
async fn run(mut projector: Projector, log: Arc<dyn EventLog>, voice: &Voice, mut commands: watch::Receiver<Command>) {
    projector.open_views();
    // The command under which a successor of another version's views failed: not tried again before another one comes.
    let mut failed = None;
    // It only found no room: the old views are followed for a while.
    let mut waits = false;
    while let Some(generation) = following(&mut commands) {
        let asked = { generation > voice.beside.borrow().ended() };
        let may_replace = failed != Some(generation);
        let outdated = may_replace && !std::mem::take(&mut waits) && projector.views().outdated();
        let until_other = until_other(commands.clone(), generation);
        let ended = if asked && *voice.state.borrow() == FollowerState::Rebuilding {
            // Nobody can read them: they are begun anew.
            begin_anew(&mut projector, voice, generation)
        } else if asked || outdated {
            let ended = grow_beside(&mut projector, &log, voice, until_other).await;
            if let Err(error) = &ended {
                tracing::error!(%error, "views were not rebuilt; those that are read are followed on");
                waits = is_for_room(error);
                failed = (!waits).then_some(generation);
            }
            voice.grown(generation, &ended);
            Ok(())
        } else {
            let until_outdated = until_outdated(projector.views().clone(), may_replace);
            let until = async {
                tokio::select! { () = until_other => {}, () = until_outdated => {} }
            };
            follow_alone(&mut projector, &log, voice, until).await
        };
        if let Err(error) = ended {
            tracing::error!(%error, "projector stopped");
            let room_may_come = is_for_room(&error);
            voice.stopped(&error);
            tokio::select! {
                // Otherwise only the operator can help: a rebuild, or a newer binary.
                changed = commands.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(AGAIN), if room_may_come => {}
            }
        }
    }
    if let Err(error) = projector.views().flush() {
        tracing::warn!(%error, "views were not written; they catch up at the next start");
    }
    voice.say(FollowerState::Stopped("the server is stopping".to_owned()));
}

const fn is_for_room(error: &FollowError) -> bool {
    matches!(error, FollowError::NoRoom { .. })
}

async fn follow_alone(
    projector: &mut Projector,
    log: &Arc<dyn EventLog>,
    voice: &Voice,
    until_other: impl Future<Output = ()> + Send,
) -> Result<(), FollowError> {
    tokio::select! {
        ended = follow(Arc::clone(log), projector, &voice.applied, until_other) => ended,
        never = caught_up(voice, log.as_ref()) => match never {},
    }
}

/// How growing beside ended.
enum Grown {
    /// Handles have turned to the new views.
    TookOver,
    /// Something else is to be done first.
    Told,
}

/// Follows, and grows a successor of the views beside them, until it has come as far and takes over. One thread does
/// both, a step of each by turns.
async fn grow_beside(
    projector: &mut Projector,
    log: &Arc<dyn EventLog>,
    voice: &Voice,
    until_other: impl Future<Output = ()> + Send,
) -> Result<Grown, FollowError> {
    tracing::info!("views are rebuilt beside those that are read");
    let mut successor = projector.successor().map_err(not_replaced)?;
    let (grown, seen) = watch::channel(Applied::default());
    // Views that cannot be followed any more are read on until others take over.
    let old = async {
        if let Err(error) = follow(Arc::clone(log), projector, &voice.applied, std::future::pending()).await {
            tracing::error!(%error, "the old views are followed no more");
        }
        std::future::pending::<Infallible>().await
    };
    let ended = tokio::select! {
        never = old => match never {},
        never = caught_up(voice, log.as_ref()) => match never {},
        ended = follow(Arc::clone(log), &mut successor, &grown, std::future::pending()) => ended.map(|()| Grown::Told),
        () = as_far(voice, seen) => projector.take_over(&successor).map(|()| Grown::TookOver).map_err(not_replaced),
        () = until_other => Ok(Grown::Told),
    };
    match &ended {
        Ok(Grown::TookOver) => tracing::info!("rebuilt views are read"),
        Ok(Grown::Told) => {}
        Err(_) => {
            if let Err(error) = successor.views().discard() {
                tracing::warn!(%error, "views that do not take over still take room");
            }
        }
    }
    ended
}

fn not_replaced(error: ViewsError) -> FollowError {
    let (follower, detail) = ("projector".to_owned(), error.to_string());
    match error {
        // Those of another handle are let go of soon.
        ViewsError::NoRoom { .. } | ViewsError::Locked { .. } => FollowError::NoRoom { follower, detail },
        _ => FollowError::State { follower, detail },
    }
}

/// Resolves once what is grown beside has come as far as what is read, and has caught up with the log.
async fn as_far(voice: &Voice, mut seen: watch::Receiver<Applied>) {
    loop {
        let now = *seen.borrow_and_update();
        voice.beside.send_modify(|beside| beside.applied = now);
        let read = voice.applied.borrow().position;
        if now.position >= read && now.position > Position::NONE && now.lag() <= CLOSE {
            return;
        }
        if seen.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The generation to follow; none = stop. Copies the command out: its lock must not be held while following.
fn following(commands: &mut watch::Receiver<Command>) -> Option<u64> {
    match *commands.borrow_and_update() {
        Command::Follow(generation) => Some(generation),
        Command::Stop => None,
    }
}

/// Resets the views, as was asked for. Without room for it, it is still to be done.
fn begin_anew(projector: &mut Projector, voice: &Voice, generation: u64) -> Result<(), FollowError> {
    voice.say(FollowerState::Rebuilding);
    let ended = projector.reset("asked for by the operator");
    match &ended {
        Ok(()) => {
            voice.applied.send_modify(|now| now.position = Position::NONE);
            voice.beside.send_modify(|beside| beside.done = generation);
        }
        Err(error) if is_for_room(error) => {}
        Err(error) => voice.failed(generation, error),
    }
    ended
}

/// Resolves once views can be read and are another version's, which closed ones do not say. Not at once: what found no
/// room to replace them is tried again then.
async fn until_outdated(views: Views, may_replace: bool) {
    tokio::time::sleep(AGAIN).await;
    while !views.is_open() {
        tokio::time::sleep(AGAIN).await;
    }
    if !may_replace || !views.outdated() {
        std::future::pending().await
    }
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

#[cfg(test)]
mod tests;
