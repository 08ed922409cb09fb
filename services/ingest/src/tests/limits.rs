//! The unary call: what it refuses, each with the reason in its details.

use std::collections::BTreeMap;
use std::sync::Arc;

use songhua_access::{AccessState, Directory, Principal, digest_of};
use songhua_domain::event::{AccessGranted, AccessRevoked, EventInput, SystemEvent, SystemPayload};
use songhua_domain::vocabulary::{Reason, Role};
use songhua_wire::event::input_to_pb;
use songhua_wire::pb;
use songhua_wire::pb::ingest_service_server::IngestService;
use songhua_wire::status::{Refusal, refusal_from};
use tonic::{Code, Request, Status};
use uuid::Uuid;

use super::fixture::{LEAD, MORNING, Plan, figure, id, nothing, plan_identity, time};
use crate::handle::PlanRegistry;
use crate::service::IngestServer;

/// Tokens that are granted: (token, role, agency, only for this plan).
const GRANTS: [(&str, Role, Option<&str>, Option<&str>); 4] = [
    ("lead", Role::Agency, Some(LEAD), None),
    ("reader", Role::Reader, None, None),
    ("elsewhere", Role::Agency, Some(LEAD), Some("another-plan")),
    ("admin", Role::Admin, None, None),
];

/// A node with one plan, and who may use it.
pub(super) struct Node {
    pub(super) plan: Plan,
    pub(super) plans: Arc<PlanRegistry>,
    pub(super) directory: Arc<Directory>,
}

impl Node {
    pub(super) async fn new() -> Self {
        let plan = Plan::published().await;
        let plans = Arc::new(PlanRegistry::default());
        plans.insert(plan_identity().plan, plan.ingest.clone());
        let directory = Arc::new(Directory::new(AccessState::default()));
        for (number, (token, role, agency, plan)) in GRANTS.into_iter().enumerate() {
            let granted = AccessGranted {
                grant_id: id(number as u128 + 1),
                principal: format!("{token}-clerk"),
                role,
                agency: agency.map(|agency| agency.parse().unwrap()),
                plan: plan.map(|plan| plan.parse().unwrap()),
                token_sha256: digest_of(token),
                expires: None,
            };
            directory.evolve(&system(SystemPayload::AccessGranted(granted)));
        }
        Self { plan, plans, directory }
    }

    pub(super) fn server(&self) -> IngestServer {
        IngestServer::new(Arc::clone(&self.plans), Arc::clone(&self.directory))
    }

    pub(super) fn principal(&self, token: &str) -> Principal {
        self.directory.authenticate(token, time(MORNING)).unwrap()
    }

    pub(super) fn revoke(&self, grant: u128) {
        let revoked = AccessRevoked { grant_id: id(grant), reason: "left".to_owned() };
        self.directory.evolve(&system(SystemPayload::AccessRevoked(revoked)));
    }

    async fn submit(&self, token: &str, request: pb::SubmitRequest) -> Result<Vec<pb::Receipt>, Status> {
        let mut request = Request::new(request);
        request.extensions_mut().insert(self.principal(token));
        self.server().submit(request).await.map(|response| response.into_inner().receipts)
    }

    /// Refused, with this reason and code, and nothing stored.
    async fn refused(&self, token: &str, request: pb::SubmitRequest, reason: Reason, code: Code) -> Refusal {
        let before = self.plan.log.heads();
        let status = self.submit(token, request).await.unwrap_err();
        let refusal = refusal_from(&status).expect("a reason in the details");
        assert_eq!((refusal.reason, status.code()), (reason, code), "{}", refusal.message);
        assert!(!refusal.message_zh.is_empty());
        assert_eq!(self.plan.log.heads(), before);
        refusal
    }
}

fn system(payload: SystemPayload) -> SystemEvent {
    SystemEvent { event_id: Uuid::now_v7(), recorded_time: time(MORNING), principal: "system".to_owned(), payload }
}

pub(super) fn request(events: &[EventInput]) -> pb::SubmitRequest {
    pb::SubmitRequest {
        parent: "plans/qingshui-2025-2027".to_owned(),
        events: events.iter().map(input_to_pb).collect(),
        ..Default::default()
    }
}

async fn opened() -> Node {
    let node = Node::new().await;
    node.submit("lead", request(&[figure(800, 60, "30")])).await.unwrap();
    node
}

fn fields(refusal: &Refusal) -> Vec<&str> {
    refusal.violations.iter().map(|found| found.field.as_str()).collect()
}

#[tokio::test]
async fn a_submission_is_answered_with_receipts_in_its_order() {
    let node = opened().await;
    let head = node.plan.log.heads().durable.0;
    let receipts = node.submit("lead", request(&[figure(1, 10, "31"), figure(800, 60, "30")])).await.unwrap();
    assert_eq!(receipts.iter().map(|receipt| receipt.position).collect::<Vec<_>>(), [head + 1, head]);
    assert_eq!(receipts.iter().map(|receipt| receipt.duplicate).collect::<Vec<_>>(), [false, true]);
    assert_eq!(receipts[0].event_id, id(1).to_string());
    assert_eq!(receipts[0].leaf_hash.len(), 32);
    let checked = pb::SubmitRequest { validate_only: true, ..request(&[figure(2, 11, "31")]) };
    assert_eq!(node.submit("lead", checked).await.unwrap()[0].position, 0);
}

#[tokio::test]
async fn no_event_and_too_many_are_refused_and_a_thousand_are_not() {
    let node = opened().await;
    let refusal = node.refused("lead", request(&[]), Reason::InvalidField, Code::InvalidArgument).await;
    assert_eq!(fields(&refusal), ["events"]);
    let thousand: Vec<_> = (2_000..3_000).map(|number| nothing(number, 10, "")).collect();
    let more = [thousand.clone(), vec![nothing(3_000, 10, "")]].concat();
    let refusal = node.refused("lead", request(&more), Reason::TooManyEvents, Code::InvalidArgument).await;
    let limits = BTreeMap::from([("limit".to_owned(), "1000".to_owned()), ("size".to_owned(), "1001".to_owned())]);
    assert_eq!(refusal.metadata, limits);
    assert_eq!(node.submit("lead", request(&thousand)).await.unwrap().len(), 1_000);
}

#[tokio::test]
async fn a_request_above_one_mebibyte_is_refused() {
    let node = opened().await;
    let large: Vec<_> = (1..=300).map(|number| nothing(number, 10, &"x".repeat(3_900))).collect();
    let refusal = node.refused("lead", request(&large), Reason::RequestTooLarge, Code::InvalidArgument).await;
    assert_eq!(refusal.metadata["limit"], (1 << 20).to_string());
    node.submit("lead", request(&large[..250])).await.unwrap();
}

#[tokio::test]
async fn an_event_above_60_kibibytes_is_refused_and_named() {
    let node = opened().await;
    let mut large = request(&[figure(1, 10, "31"), figure(2, 11, "31")]);
    large.events[1].comment = "x".repeat(60 << 10);
    let refusal = node.refused("lead", large, Reason::EventTooLarge, Code::InvalidArgument).await;
    assert_eq!(refusal.metadata["limit"], (60 << 10).to_string());
    assert!(refusal.message.contains("events[1]"));
}

#[tokio::test]
async fn a_parent_that_is_no_plan_is_refused() {
    let node = opened().await;
    for parent in
        ["", "plans", "plans/", "plan/qingshui-2025-2027", "plans/Qingshui", "qingshui-2025-2027", "plans/a/b"]
    {
        let request = pb::SubmitRequest { parent: parent.to_owned(), ..request(&[figure(1, 10, "31")]) };
        let refusal = node.refused("lead", request, Reason::InvalidField, Code::InvalidArgument).await;
        assert_eq!(fields(&refusal), ["parent"]);
    }
}

#[tokio::test]
async fn a_plan_that_is_not_here_and_one_that_is_not_yours_look_alike() {
    let node = opened().await;
    let away = pb::SubmitRequest { parent: "plans/nowhere".to_owned(), ..request(&[figure(1, 10, "31")]) };
    node.refused("lead", away.clone(), Reason::PlanNotFound, Code::NotFound).await;
    node.refused("elsewhere", away, Reason::PlanNotFound, Code::NotFound).await;
    node.refused("elsewhere", request(&[figure(1, 10, "31")]), Reason::PlanNotFound, Code::NotFound).await;
}

#[tokio::test]
async fn a_node_that_stops_says_so() {
    let node = opened().await;
    node.plans.clear();
    let status = node.submit("lead", request(&[figure(1, 10, "31")])).await.unwrap_err();
    assert_eq!(refusal_from(&status).unwrap().reason, Reason::ShuttingDown);
    assert_eq!(status.code(), Code::Unavailable);
}

#[tokio::test]
async fn waiting_for_a_checkpoint_is_not_supported() {
    let node = opened().await;
    let mut waits = request(&[figure(1, 10, "31")]);
    waits.set_wait(pb::Wait::Checkpointed);
    node.refused("lead", waits.clone(), Reason::NotSupported, Code::FailedPrecondition).await;
    waits.set_wait(pb::Wait::Durable);
    node.submit("lead", waits).await.unwrap();
}

#[tokio::test]
async fn a_wait_that_is_not_known_is_refused() {
    let node = opened().await;
    let waits = pb::SubmitRequest { wait: 77, ..request(&[figure(1, 10, "31")]) };
    let refusal = node.refused("lead", waits, Reason::InvalidField, Code::InvalidArgument).await;
    assert_eq!(fields(&refusal), ["wait"]);
}

#[tokio::test]
async fn nobody_is_no_principal() {
    let node = opened().await;
    let status = node.server().submit(Request::new(request(&[figure(1, 10, "31")]))).await.unwrap_err();
    assert_eq!(refusal_from(&status).unwrap().reason, Reason::TokenMissing);
    assert_eq!(status.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn readers_push_nothing() {
    let node = opened().await;
    let events = request(&[figure(1, 10, "31")]);
    node.refused("reader", events, Reason::RoleNotAllowed, Code::PermissionDenied).await;
}

#[tokio::test]
async fn a_submission_id_is_a_uuid_that_a_record_can_hold() {
    let node = opened().await;
    let bad = ["7", "00000000-0000-0000-0000-000000000000", "{0197a3c2-5b1e-7c40-9d2f-3e8a6b4c1d20}"];
    for submission_id in bad.map(str::to_owned) {
        let request = pb::SubmitRequest { submission_id, ..request(&[figure(1, 10, "31")]) };
        let refusal = node.refused("lead", request, Reason::InvalidField, Code::InvalidArgument).await;
        assert_eq!(fields(&refusal), ["submission_id"]);
    }
    let drawn = Uuid::now_v7();
    let request = pb::SubmitRequest { submission_id: drawn.to_string(), ..request(&[figure(1, 10, "31")]) };
    node.submit("lead", request).await.unwrap();
    let stored = super::fixture::events(node.plan.log.as_ref()).await.pop().unwrap();
    assert_eq!(stored.submission.id, drawn);
}

#[tokio::test]
async fn every_field_that_cannot_be_read_is_named_with_its_event() {
    let node = opened().await;
    let mut broken = request(&[figure(1, 10, "31"), figure(2, 11, "31"), figure(3, 12, "31")]);
    broken.events[0].event_id = "one".to_owned();
    broken.events[2].payload = None;
    let refusal = node.refused("lead", broken, Reason::InvalidField, Code::InvalidArgument).await;
    assert_eq!(fields(&refusal), ["events[0].event_id", "events[2].payload"]);
}

#[tokio::test]
async fn the_actor_is_the_principal_and_nothing_that_was_sent() {
    let node = opened().await;
    node.submit("lead", request(&[figure(1, 10, "31")])).await.unwrap();
    let stored = super::fixture::events(node.plan.log.as_ref()).await.pop().unwrap();
    assert_eq!(*stored.actor, node.principal("lead").actor());
    assert_eq!(stored.actor.credential_digest, digest_of("lead"));
}
