//! `grpc.health.v1`: per service, and per follower as `projector/<plan>`.
//!
//! Place in the flow: looks at what the node's parts say of themselves and tells the health service.

use std::sync::Arc;
use std::time::Duration;

use songhua_ingest::IngestServer;
use songhua_log::EventLog;
use songhua_progress::ProgressServer;
use songhua_wire::pb::ingest_service_server::IngestServiceServer;
use songhua_wire::pb::progress_service_server::ProgressServiceServer;
use tonic::server::NamedService;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::{FollowerState, Node};

/// How soon a change is told.
const EVERY: Duration = Duration::from_millis(500);

/// Tells until `shutdown` resolves; then says that nothing is served any more.
pub(super) async fn watch(node: Arc<Node>, reporter: HealthReporter, shutdown: impl Future<Output = ()>) {
    let telling = async {
        loop {
            tell(&node, &reporter).await;
            tokio::time::sleep(EVERY).await;
        }
    };
    tokio::select! {
        () = telling => {}
        () = shutdown => {}
    }
    for name in [<IngestServiceServer<IngestServer>>::NAME, <ProgressServiceServer<ProgressServer>>::NAME] {
        reporter.set_service_status(name, ServingStatus::NotServing).await;
    }
}

async fn tell(node: &Node, reporter: &HealthReporter) {
    let (mut writes, mut reads) = (true, true);
    for plan in node.hosted_plans().await {
        let seen = node.with_hosted(&plan, |hosted| {
            (hosted.log().read_only().is_none(), *hosted.state.borrow() == FollowerState::Running)
        });
        let Some((written, followed)) = seen.await else { continue };
        writes &= written;
        reads &= followed;
        reporter.set_service_status(format!("projector/{plan}"), status(followed)).await;
    }
    let all_open = node.failed_plans().await.is_empty();
    reporter.set_service_status(<IngestServiceServer<IngestServer>>::NAME, status(writes && all_open)).await;
    reporter.set_service_status(<ProgressServiceServer<ProgressServer>>::NAME, status(reads && all_open)).await;
}

const fn status(serving: bool) -> ServingStatus {
    if serving { ServingStatus::Serving } else { ServingStatus::NotServing }
}
