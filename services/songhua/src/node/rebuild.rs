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
use super::{FollowerState, Node};

/// How often a watcher hears of it.
const EVERY: Duration = Duration::from_millis(100);

type Answers = mpsc::Sender<Result<pb::RebuildViewsResponse, Status>>;

/// Sends how far the projector is until it has caught up, then the digest. Ends early when the watcher goes away; the
/// rebuild itself goes on.
pub(super) async fn report(
    node: Arc<Node>,
    plan: PlanId,
    applied: watch::Receiver<Applied>,
    mut state: watch::Receiver<FollowerState>,
    answers: Answers,
) {
    // The projector says `Rebuilding` as soon as it has taken the command.
    drop(tokio::time::timeout(EVERY * 50, state.wait_for(|state| *state == FollowerState::Rebuilding)).await);
    loop {
        let now = *applied.borrow();
        let current = state.borrow().clone();
        let answer = match current {
            FollowerState::Rebuilding => Ok(progress(now, Vec::new())),
            FollowerState::Running => digest_of(&node, &plan).await.map(|(digest, _)| progress(now, digest)),
            FollowerState::Stopped(detail) => Err(Status::from(Refusal::new(
                Reason::ViewsRebuilding,
                format!("projector stopped: {detail}"),
                format!("投影已停止：{detail}"),
            ))),
        };
        let last = !matches!(&answer, Ok(progress) if progress.digest.is_empty());
        if answers.send(answer).await.is_err() || last {
            return;
        }
        tokio::time::sleep(EVERY).await;
    }
}

const fn progress(applied: Applied, digest: Vec<u8>) -> pb::RebuildViewsResponse {
    pb::RebuildViewsResponse { applied_position: applied.position.0, durable_position: applied.durable.0, digest }
}
