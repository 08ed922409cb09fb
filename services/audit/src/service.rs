//! The gRPC face of audit: who asks, for which plan; then one task for each call. The caller has been authenticated
//! before; its [`Principal`] comes with the request.

use std::sync::Arc;

use songhua_access::{AccessError, Directory, Permission, Principal};
use songhua_domain::vocabulary::Role;
use songhua_wire::pb;
use songhua_wire::pb::audit_service_server::AuditService;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::history::HistoryRegistry;
use crate::judge::Judge;
use crate::refusal::{self, Refused};
use crate::request::{self, Ask};
use crate::stream::{Reader, Replay};

/// Responses that wait for a slow reader; nothing is read ahead beyond them.
const RESPONSES_WAITING: usize = 2;

/// Serves `AuditService`.
pub struct AuditServer {
    histories: Arc<HistoryRegistry>,
    directory: Arc<Directory>,
    stop: watch::Receiver<bool>,
}

impl AuditServer {
    /// A server for the plans of a node. Streams look again into `directory` before each response, and end with
    /// `SHUTTING_DOWN` once `stop` is true or closed.
    pub const fn new(histories: Arc<HistoryRegistry>, directory: Arc<Directory>, stop: watch::Receiver<bool>) -> Self {
        Self { histories, directory, stop }
    }

    /// Checks everything that can be checked before the stream begins.
    fn admit(&self, caller: Principal, request: &pb::ReplayRequest) -> Result<Replay, Refused> {
        let plan = request::plan(&request.parent)?;
        tracing::Span::current().record("plan", plan.as_str());
        caller.require(Permission::Replay, Some(&plan)).map_err(|error| refusal::from_access(&error))?;
        let found = self.histories.get(&plan);
        if *self.stop.borrow() {
            return Err(refusal::shutting_down());
        }
        let history = found.ok_or_else(|| refusal::plan_not_found(plan.as_str()))?;
        let state = history.state().ok_or_else(refusal::shutting_down)?;
        // Until it is published a plan is invisible to all but the plan office.
        if caller.role != Role::Admin && state.published().is_none() {
            return Err(refusal::plan_not_found(plan.as_str()));
        }
        let agency = match caller.role {
            Role::Agency => Some(caller.agency.clone().ok_or_else(refusal::no_agency)?),
            _ => None,
        };
        let Ask { from, to, heartbeat, filter } = Ask::read(request, &state, history.log().heads().durable)?;
        let reader = Reader { directory: Arc::clone(&self.directory), principal: caller, heartbeat };
        Ok(Replay::new(history, reader, Judge { filter, agency }, from, to, state.is_simulated()))
    }
}

#[tonic::async_trait]
impl AuditService for AuditServer {
    type ReplayStream = ReceiverStream<Result<pb::ReplayResponse, Status>>;

    async fn replay(&self, request: Request<pb::ReplayRequest>) -> Result<Response<Self::ReplayStream>, Status> {
        let caller = request.extensions().get::<Principal>().cloned();
        let caller = caller.ok_or_else(|| Status::from(*refusal::from_access(&AccessError::TokenMissing)))?;
        let replay = self.admit(caller, request.get_ref()).map_err(|refused| Status::from(*refused))?;
        let (sender, receiver) = mpsc::channel(RESPONSES_WAITING);
        tokio::spawn(replay.run(sender, self.stop.clone()));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}
