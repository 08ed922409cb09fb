//! `grpc.health.v1`: per service, and per follower as `projector/<plan>`, `relay/<plan>`.
//!
//! Place in the flow: looks at what the node's parts say of themselves and tells the health service.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use songhua_audit::AuditServer;
use songhua_domain::id::PlanId;
use songhua_ingest::IngestServer;
use songhua_progress::ProgressServer;
use songhua_wire::pb::admin_service_server::AdminServiceServer;
use songhua_wire::pb::audit_service_server::AuditServiceServer;
use songhua_wire::pb::ingest_service_server::IngestServiceServer;
use songhua_wire::pb::progress_service_server::ProgressServiceServer;
use tonic::server::NamedService;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::admin::{AdminServer, plan_status};
use super::{FollowerState, Node};

/// How soon a change is told.
const EVERY: Duration = Duration::from_millis(500);

/// Tells until `shutdown` resolves; then says that nothing is served any more.
pub(super) async fn watch(node: Arc<Node>, reporter: HealthReporter, shutdown: impl Future<Output = ()>) {
    let mut said = Said::new();
    let telling = async {
        loop {
            tell(&node, &reporter, &mut said).await;
            tokio::time::sleep(EVERY).await;
        }
    };
    tokio::select! {
        () = telling => {}
        () = shutdown => {}
    }
    for name in [
        <IngestServiceServer<IngestServer>>::NAME,
        <ProgressServiceServer<ProgressServer>>::NAME,
        <AuditServiceServer<AuditServer>>::NAME,
        <AdminServiceServer<AdminServer>>::NAME,
    ] {
        reporter.set_service_status(name, ServingStatus::NotServing).await;
    }
}

/// Plans that take no writes, as far as it was said in the server's own log.
type Said = BTreeMap<PlanId, String>;

async fn tell(node: &Node, reporter: &HealthReporter, said: &mut Said) {
    let (mut writes, mut reads) = (true, true);
    for plan in node.hosted_plans().await {
        let seen = node.with_hosted(&plan, |hosted| {
            (plan_status(&plan, hosted), *hosted.state.borrow() == FollowerState::Running)
        });
        let Some((seen, followed)) = seen.await else { continue };
        writes &= seen.read_only.is_empty();
        reads &= followed;
        // One that is off is no follower.
        for follower in seen.followers.iter().filter(|follower| follower.state != "OFF") {
            let name = format!("{}/{plan}", follower.name);
            reporter.set_service_status(name, status(follower.state == "RUNNING")).await;
        }
        say_once(said, plan, seen.read_only);
    }
    let all_open = node.failed_plans().await.is_empty();
    reporter.set_service_status(<IngestServiceServer<IngestServer>>::NAME, status(writes && all_open)).await;
    reporter.set_service_status(<ProgressServiceServer<ProgressServer>>::NAME, status(reads && all_open)).await;
    reporter.set_service_status(<AuditServiceServer<AuditServer>>::NAME, status(all_open)).await;
}

fn say_once(said: &mut Said, plan: PlanId, reason: String) {
    if !reason.is_empty() && said.get(&plan) != Some(&reason) {
        tracing::error!(%plan, reason, "the plan takes no writes");
        said.insert(plan, reason);
    }
}

const fn status(serving: bool) -> ServingStatus {
    if serving { ServingStatus::Serving } else { ServingStatus::NotServing }
}
