//! One stream to the server, with at most one submission under way, and how its end is told.
//!
//! Place in the flow: events and ledgers are sent through it. It must not know: where a row came from.

use std::time::Duration;

use songhua_wire::pb;
use songhua_wire::pb::ingest_service_client::IngestServiceClient;
use songhua_wire::pb::submit_stream_response::Result as Answer;
use songhua_wire::status::{from_rpc_status, refusal_from};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use super::rows::Row;
use crate::cli::client::Authorised;
use crate::cli::{Failure, client};

/// How long the server may take to end a stream on which nothing is under way.
const END_WAIT: Duration = Duration::from_secs(5);

/// One stream, with at most one submission under way.
pub(super) struct Sender {
    requests: mpsc::Sender<pb::SubmitStreamRequest>,
    answers: Streaming<pb::SubmitStreamResponse>,
    parent: String,
    validate_only: bool,
}

impl Sender {
    /// Opens a stream for a plan.
    pub(super) async fn open(channel: Authorised, parent: String, validate_only: bool) -> Result<Self, Failure> {
        let (requests, receiver) = mpsc::channel(1);
        let mut ingest = IngestServiceClient::new(channel);
        let answers = ingest.submit_stream(ReceiverStream::new(receiver)).await.map_err(client::failed)?.into_inner();
        Ok(Self { requests, answers, parent, validate_only })
    }

    /// Sends a batch and waits for its answer: stored, or refused for a fault of its rows. Any other end is the end of
    /// the push.
    pub(super) async fn submit(&mut self, batch: &[Row]) -> Result<Result<pb::SubmitResponse, Status>, Failure> {
        // A stream that has broken says so where its answers are read.
        drop(self.requests.send(self.request(batch)).await);
        let answer = self.answers.message().await.map_err(ended)?;
        let answer = answer.ok_or_else(|| interrupted("the server ended the stream"))?;
        match answer.result {
            Some(Answer::Response(response)) => Ok(Ok(response)),
            Some(Answer::Error(error)) => {
                let refused = from_rpc_status(&error);
                if is_of_a_row(&refused) { Ok(Err(refused)) } else { Err(ended(refused)) }
            }
            None => Err(interrupted("the server sent an empty answer")),
        }
    }

    /// Ends the stream, so that the server counts a call that ended and none that was cut off. Every answer is in: how
    /// the end goes changes nothing.
    pub(super) async fn finish(self) {
        let Self { requests, mut answers, .. } = self;
        drop(requests);
        let end = async { while let Ok(Some(_)) = answers.message().await {} };
        drop(tokio::time::timeout(END_WAIT, end).await);
    }

    fn request(&self, batch: &[Row]) -> pb::SubmitStreamRequest {
        let request = pb::SubmitRequest {
            parent: self.parent.clone(),
            events: batch.iter().map(|row| row.event.clone()).collect(),
            validate_only: self.validate_only,
            wait: pb::Wait::Durable.into(),
            submission_id: String::new(),
        };
        pb::SubmitStreamRequest { tag: batch.first().map_or(0, |row| row.line as u64), request: Some(request) }
    }
}

/// Whether a refusal speaks of a row, and not of the whole push.
fn is_of_a_row(refused: &Status) -> bool {
    let of_the_plan = || {
        refusal_from(refused)
            .is_some_and(|refusal| refusal.violations.iter().any(|violation| violation.field == "parent"))
    };
    match refused.code() {
        Code::InvalidArgument | Code::FailedPrecondition | Code::PermissionDenied | Code::AlreadyExists => {
            !of_the_plan()
        }
        _ => false,
    }
}

/// The end of a push that is no row's fault.
fn ended(status: Status) -> Failure {
    if client::may_try_again(&status) { interrupted(&client::describe(&status)) } else { client::failed(status) }
}

fn interrupted(detail: &str) -> Failure {
    Failure::Unreachable(format!(
        "interrupted: {detail}\nrun the same command again: what is stored comes back as a duplicate / 传输中断：重新执行同一命令即可续传"
    ))
}

#[cfg(test)]
mod tests {
    use songhua_domain::vocabulary::Reason;
    use songhua_wire::status::Refusal;

    use super::*;

    fn refusal(reason: Reason) -> Refusal {
        Refusal::new(reason, "no".to_owned(), "否".to_owned())
    }

    #[test]
    fn a_push_that_may_be_run_again_says_so_and_another_does_not() {
        let lost = [Status::unavailable("gone"), Status::unknown("h2"), Status::cancelled("reset")];
        let refused = [Reason::ShuttingDown, Reason::OutcomeUnknown].map(|reason| Status::from(refusal(reason)));
        for status in lost.into_iter().chain(refused) {
            let text = format!("{status:?}");
            let Failure::Unreachable(message) = ended(status) else { panic!("{text}") };
            assert!(message.contains("run the same command again"), "{text}: {message}");
        }
        for reason in [Reason::LogReadOnly, Reason::TokenInvalid, Reason::PlanNotFound, Reason::RequestTooLarge] {
            assert!(matches!(ended(refusal(reason).into()), Failure::Failed(_)), "{reason:?}");
        }
    }

    #[test]
    fn a_wrong_plan_is_no_fault_of_each_row() {
        assert!(is_of_a_row(&refusal(Reason::InvalidField).with_violation("events[3].comment", "long").into()));
        assert!(is_of_a_row(&refusal(Reason::OutOfScope).into()));
        assert!(!is_of_a_row(&refusal(Reason::InvalidField).with_violation("parent", "no plan").into()));
        assert!(!is_of_a_row(&refusal(Reason::ShuttingDown).into()));
    }
}
