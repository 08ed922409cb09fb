//! Reports a rebuild of views as it goes: the stream behind `RebuildViews`.

use std::sync::Arc;
use std::time::Duration;

use songhua_domain::id::PlanId;
use songhua_domain::vocabulary::Reason;
use songhua_log::Applied;
use songhua_wire::pb;
use songhua_wire::status::Refusal;
use tokio::sync::{mpsc, watch};
use tonic::Status;

use super::admin::digest_of;
use super::hosting::Beside;
use super::{FollowerState, Node};

/// How often a watcher hears of it.
const EVERY: Duration = Duration::from_millis(100);

type Answers = mpsc::Sender<Result<pb::RebuildViewsResponse, Status>>;

/// A rebuild that was asked for.
pub(super) struct Rebuild {
    /// Its number.
    pub number: u64,
    /// How far the projector is with what is read.
    pub applied: watch::Receiver<Applied>,
    /// What is grown beside.
    pub beside: watch::Receiver<Beside>,
    /// What the projector is doing.
    pub state: watch::Receiver<FollowerState>,
}

/// Sends how far the rebuild is until it is done, then the digest. Ends early when the watcher goes away; the rebuild
/// itself goes on.
pub(super) async fn report(node: Arc<Node>, plan: PlanId, mut rebuild: Rebuild, answers: Answers) {
    loop {
        let (answer, done) = match rebuild.done() {
            Ok(done) => (Ok(progress(rebuild.applied())), done),
            Err(stopped) => (Err(stopped), false),
        };
        let goes_on = answer.is_ok();
        if answers.send(answer).await.is_err() || !goes_on {
            return;
        }
        if done {
            // Whoever has asked is gone, or has the digest: either way nothing is left to do.
            drop(answers.send(rebuild.digest(&node, &plan).await).await);
            return;
        }
        if !rebuild.step().await {
            drop(answers.send(Err(stopped("it has ended"))).await);
            return;
        }
    }
}

impl Rebuild {
    /// Whether what was asked for is read.
    fn done(&mut self) -> Result<bool, Status> {
        let (state, beside) = (self.state.borrow_and_update().clone(), self.beside.borrow().clone());
        match state {
            _ if beside.failed >= self.number => Err(stopped(&beside.why)),
            FollowerState::Running => Ok(beside.done >= self.number),
            FollowerState::Stopped(detail) if beside.done >= self.number => Err(stopped(&detail)),
            FollowerState::Stopped(_) | FollowerState::Rebuilding => Ok(false),
        }
    }

    /// How far it is. Where nothing could be read meanwhile, what is read is what is rebuilt.
    fn applied(&self) -> Applied {
        let beside = self.beside.borrow();
        if beside.done >= self.number { *self.applied.borrow() } else { beside.applied }
    }

    async fn digest(&self, node: &Node, plan: &PlanId) -> Result<pb::RebuildViewsResponse, Status> {
        let (digest, position) = digest_of(node, plan).await?;
        let durable_position = self.applied.borrow().durable.0.max(position);
        Ok(pb::RebuildViewsResponse { applied_position: position, durable_position, digest })
    }

    /// Waits until there is more to say: for a while, or until it is done. False if nobody is left to say anything.
    async fn step(&mut self) -> bool {
        let number = self.number;
        let ended = self.beside.wait_for(|beside| beside.done.max(beside.failed) >= number);
        let ended = tokio::time::timeout(EVERY, ended).await.map(|ended| ended.is_ok());
        match ended {
            // Done, but perhaps not read yet: the state follows.
            Ok(true) => !matches!(tokio::time::timeout(EVERY, self.state.changed()).await, Ok(Err(_))),
            Ok(false) => false,
            Err(_) => true,
        }
    }
}

fn stopped(detail: &str) -> Status {
    let (en, zh) = (format!("projector stopped: {detail}"), format!("投影已停止：{detail}"));
    Status::from(Refusal::new(Reason::ViewsRebuilding, en, zh))
}

const fn progress(applied: Applied) -> pb::RebuildViewsResponse {
    let (applied_position, durable_position) = (applied.position.0, applied.durable.0);
    pb::RebuildViewsResponse { applied_position, durable_position, digest: Vec::new() }
}
