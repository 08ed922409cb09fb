//! The gRPC face of ingest: checks limits, decodes, submits, answers. The caller has been authenticated before; its
//! [`Principal`] comes with the request.

use std::pin::Pin;
use std::sync::Arc;

use futures::stream::{FuturesOrdered, Stream, StreamExt};
use prost::Message;
use songhua_access::{AccessError, Directory, Permission, Principal};
use songhua_domain::event::Actor;
use songhua_domain::vocabulary::{Reason, Role};
use songhua_wire::event::input_from_pb;
use songhua_wire::field::uuid_from_text;
use songhua_wire::pb;
use songhua_wire::record::Said;
use songhua_wire::status::{to_rpc_status, unreadable};
use songhua_wire::time::timestamp_to_pb;
use songhua_wire::trace::TraceParent;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use uuid::Uuid;

use crate::handle::{Answer, PlanIngest, PlanRegistry, Receipt, Submission};
use crate::meter;
use crate::options::{EVENT_BYTES_MAX, EVENTS_MAX, REQUEST_BYTES_MAX};
use crate::refusal::{self, Refused};

/// Submissions of one stream that may be under way; the stream's flow control holds the rest back.
const STREAM_WINDOW: usize = 256;

/// Serves `IngestService`.
pub struct IngestServer {
    plans: Arc<PlanRegistry>,
    directory: Arc<Directory>,
}

impl IngestServer {
    /// A server for the plans of a node. Long streams look again into `directory` before each submission.
    pub const fn new(plans: Arc<PlanRegistry>, directory: Arc<Directory>) -> Self {
        Self { plans, directory }
    }

    /// Checks everything that needs no plan state, and finds the plan.
    fn admit(&self, caller: &Caller, request: pb::SubmitRequest) -> Result<(PlanIngest, Submission), Refused> {
        let Caller { principal, actor, trace_parent } = caller;
        let bytes = check_limits(&request)?;
        let plan = plan_of(&request.parent)?;
        tracing::Span::current().record("plan", plan.as_str());
        principal.require(Permission::Submit, Some(&plan)).map_err(|error| refusal::from_access(&error))?;
        let found = self.plans.get(&plan);
        // Asked after the plan: a node that stops forgets its plans, and must not say that they never were.
        if self.plans.is_stopping() {
            return Err(refusal::shutting_down());
        }
        // Until it is published a plan is invisible to all but the plan office.
        let visible =
            |ingest: &PlanIngest| principal.role == Role::Admin || ingest.durable_state().published().is_some();
        let ingest = found.filter(visible).ok_or_else(|| refusal::plan_not_found(plan.as_str()))?;
        check_wait(request.wait)?;
        let id = submission_id(&request.submission_id)?;
        let events = decode(request.events)?;
        let submission = Submission {
            id,
            actor: Arc::clone(actor),
            events,
            validate_only: request.validate_only,
            bytes,
            trace_parent: trace_parent.clone(),
        };
        Ok((ingest, submission))
    }
}

/// Who calls, and in which trace: for a stream both hold for all its submissions.
struct Caller {
    principal: Principal,
    actor: Arc<Actor>,
    trace_parent: Option<TraceParent>,
}

fn caller_of<T>(request: &Request<T>) -> Result<Caller, Status> {
    let found = request.extensions().get::<Principal>().cloned();
    let principal = found.ok_or_else(|| Status::from(*refusal::from_access(&AccessError::TokenMissing)))?;
    let actor = Arc::new(principal.actor());
    Ok(Caller { principal, actor, trace_parent: TraceParent::of(request.metadata()) })
}

/// Checks counts and sizes; gives the size of the request.
fn check_limits(request: &pb::SubmitRequest) -> Result<usize, Refused> {
    let count = request.events.len();
    if count == 0 {
        return Err(refusal::invalid_field("events", format!("1 to {EVENTS_MAX} events are required")));
    }
    if count > EVENTS_MAX {
        return Err(refusal::too_large(Reason::TooManyEvents, "request", count, EVENTS_MAX, "events"));
    }
    let bytes = request.encoded_len();
    if bytes > REQUEST_BYTES_MAX {
        return Err(refusal::too_large(Reason::RequestTooLarge, "request", bytes, REQUEST_BYTES_MAX, "bytes"));
    }
    if bytes <= EVENT_BYTES_MAX {
        // No event is larger than the request.
        return Ok(bytes);
    }
    let largest = request.events.iter().map(Message::encoded_len).enumerate().max_by_key(|(_, size)| *size);
    match largest {
        Some((index, size)) if size > EVENT_BYTES_MAX => {
            Err(refusal::too_large(Reason::EventTooLarge, &format!("events[{index}]"), size, EVENT_BYTES_MAX, "bytes"))
        }
        _ => Ok(bytes),
    }
}

/// A promise that is not known here is not taken for a weaker one.
fn check_wait(wait: i32) -> Result<(), Refused> {
    match pb::Wait::try_from(wait) {
        Ok(pb::Wait::Unspecified | pb::Wait::Durable) => Ok(()),
        Ok(pb::Wait::Checkpointed) => Err(refusal::not_supported(
            "this server signs no checkpoints yet: use WAIT_DURABLE",
            "本服务尚未签发检查点：请使用 WAIT_DURABLE",
        )),
        Err(_) => Err(refusal::invalid_field("wait", format!("{wait} is not a Wait that this server knows"))),
    }
}

fn plan_of(parent: &str) -> Result<songhua_domain::id::PlanId, Refused> {
    let id = parent.strip_prefix("plans/").unwrap_or_default();
    id.parse().map_err(|_| refusal::invalid_field("parent", format!("{parent:?} is not of the form plans/{{plan}}")))
}

fn submission_id(text: &str) -> Result<Uuid, Refused> {
    if text.is_empty() {
        return Ok(Uuid::now_v7());
    }
    uuid_from_text(text).map_err(|expected| refusal::invalid_field("submission_id", expected.to_owned()))
}

fn decode(events: Vec<pb::EventInput>) -> Result<Vec<Said>, Refused> {
    let mut inputs = Vec::with_capacity(events.len());
    let mut violations = Vec::new();
    for (index, event) in events.into_iter().enumerate() {
        match input_from_pb(&event) {
            Ok(input) => inputs.push(Said::sent(input, event)),
            Err(found) => violations.extend(found.under(&format!("events[{index}]")).into_vec()),
        }
    }
    if violations.is_empty() { Ok(inputs) } else { Err(refusal::invalid_fields(violations)) }
}

fn response(receipts: Vec<Receipt>) -> pb::SubmitResponse {
    let receipts = receipts.into_iter().map(|receipt| pb::Receipt {
        event_id: receipt.event_id.to_string(),
        position: receipt.position,
        recorded_time: Some(timestamp_to_pb(receipt.recorded_time)),
        leaf_hash: receipt.leaf_hash.to_vec(),
        duplicate: receipt.duplicate,
    });
    pb::SubmitResponse { receipts: receipts.collect() }
}

fn stream_response(tag: u64, answer: Answer) -> pb::SubmitStreamResponse {
    let result = match answer {
        Ok(receipts) => pb::submit_stream_response::Result::Response(response(receipts)),
        Err(refused) => {
            meter::refused_in_stream(refused.reason);
            pb::submit_stream_response::Result::Error(to_rpc_status(&Status::from(*refused)))
        }
    };
    pb::SubmitStreamResponse { tag, result: Some(result) }
}

#[tonic::async_trait]
impl pb::ingest_service_server::IngestService for IngestServer {
    async fn submit(&self, request: Request<pb::SubmitRequest>) -> Result<Response<pb::SubmitResponse>, Status> {
        let caller = caller_of(&request)?;
        let (ingest, submission) =
            self.admit(&caller, request.into_inner()).map_err(|refused| Status::from(*refused))?;
        let receipts = ingest.submit(submission).await.map_err(|refused| Status::from(*refused))?;
        Ok(Response::new(response(receipts)))
    }

    type SubmitStreamStream = Pin<Box<dyn Stream<Item = Result<pb::SubmitStreamResponse, Status>> + Send>>;

    async fn submit_stream(
        &self,
        request: Request<Streaming<pb::SubmitStreamRequest>>,
    ) -> Result<Response<Self::SubmitStreamStream>, Status> {
        let caller = caller_of(&request)?;
        let server = Self::new(Arc::clone(&self.plans), Arc::clone(&self.directory));
        let (sender, receiver) = mpsc::channel(STREAM_WINDOW);
        tokio::spawn(pump(server, caller, request.into_inner(), sender));
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

type Answered = Pin<Box<dyn Future<Output = pb::SubmitStreamResponse> + Send>>;

/// Answers a stream in order. Ends when the client has ended and everything is answered, or when it has gone away.
async fn pump(
    server: IngestServer,
    caller: Caller,
    mut requests: Streaming<pb::SubmitStreamRequest>,
    answers: mpsc::Sender<Result<pb::SubmitStreamResponse, Status>>,
) {
    let mut under_way: FuturesOrdered<Answered> = FuturesOrdered::new();
    let mut open = true;
    while open || !under_way.is_empty() {
        tokio::select! {
            biased;
            Some(answer) = under_way.next(), if !under_way.is_empty() => {
                if answers.send(Ok(answer)).await.is_err() {
                    return;
                }
            }
            message = requests.message(), if open && under_way.len() < STREAM_WINDOW => match message {
                Ok(Some(request)) => under_way.push_back(begin(&server, &caller, request).await),
                Ok(None) => open = false,
                Err(status) => {
                    // What was taken before the broken message is still answered, then the stream says what broke it.
                    while let Some(answer) = under_way.next().await {
                        if answers.send(Ok(answer)).await.is_err() {
                            return;
                        }
                    }
                    let said = unreadable(&status).map_or(status, Status::from);
                    drop(answers.send(Err(said)).await);
                    return;
                }
            },
        }
    }
}

async fn begin(server: &IngestServer, caller: &Caller, request: pb::SubmitStreamRequest) -> Answered {
    let tag = request.tag;
    let still_valid = server.directory.recheck(&caller.principal, jiff::Timestamp::now());
    let admitted = match still_valid {
        Ok(()) => server.admit(caller, request.request.unwrap_or_default()),
        Err(error) => Err(refusal::from_access(&error)),
    };
    let begun = match admitted {
        Ok((ingest, submission)) => ingest.submit_pipelined(submission).await,
        Err(refused) => Err(refused),
    };
    Box::pin(async move {
        let answer = match begun {
            Ok(receiver) => receiver.await.unwrap_or_else(|_| Err(refusal::unanswered())),
            Err(refused) => Err(refused),
        };
        stream_response(tag, answer)
    })
}
