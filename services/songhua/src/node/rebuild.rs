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
pub(super) async fn report(node: Arc<Node>, plan: PlanId, rebuild: Rebuild, answers: Answers) {
    loop {
        let answer = rebuild.answer(&node, &plan).await;
        let last = !matches!(&answer, Ok(progress) if progress.digest.is_empty());
        if answers.send(answer).await.is_err() || last {
            return;
        }
        tokio::time::sleep(EVERY).await;
    }
}

impl Rebuild {
    async fn answer(&self, node: &Node, plan: &PlanId) -> Result<pb::RebuildViewsResponse, Status> {
        let (beside, read, state) = (*self.beside.borrow(), *self.applied.borrow(), self.state.borrow().clone());
        match state {
            FollowerState::Running if beside.done >= self.number => {
                let (digest, position) = digest_of(node, plan).await?;
                Ok(pb::RebuildViewsResponse {
                    applied_position: position,
                    durable_position: read.durable.0.max(position),
                    digest,
                })
            }
            FollowerState::Stopped(detail) if beside.failed.max(beside.done) >= self.number => {
                Err(Status::from(Refusal::new(
                    Reason::ViewsRebuilding,
                    format!("projector stopped: {detail}"),
                    format!("投影已停止：{detail}"),
                )))
            }
            // Where nothing could be read meanwhile, what is read is what is rebuilt.
            _ if beside.done >= self.number => Ok(progress(read)),
            _ => Ok(progress(beside.applied)),
        }
    }
}

const fn progress(applied: Applied) -> pb::RebuildViewsResponse {
    let (applied_position, durable_position) = (applied.position.0, applied.durable.0);
    pb::RebuildViewsResponse { applied_position, durable_position, digest: Vec::new() }
}
