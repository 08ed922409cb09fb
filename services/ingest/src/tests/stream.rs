//! The pipelined call, over a real connection.

use std::time::Duration;

use songhua_domain::event::EventInput;
use songhua_domain::vocabulary::Reason;
use songhua_wire::pb;
use songhua_wire::pb::ingest_service_client::IngestServiceClient;
use songhua_wire::pb::ingest_service_server::IngestServiceServer;
use songhua_wire::pb::submit_stream_response::Result as Outcome;
use songhua_wire::status::{from_rpc_status, refusal_from};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Streaming};

use super::fixture::{FUTURE, corrected, figure, id, numbers};
use super::limits::{Node, request};

/// Serves `node`; whoever connects is the agency `lead`, or nobody.
async fn connected(node: &Node, token: Option<&str>) -> IngestServiceClient<Channel> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let principal = token.map(|token| node.principal(token));
    let authenticate = move |mut request: Request<()>| {
        if let Some(principal) = &principal {
            request.extensions_mut().insert(principal.clone());
        }
        Ok(request)
    };
    let service = IngestServiceServer::with_interceptor(node.server(), authenticate);
    tokio::spawn(Server::builder().add_service(service).serve_with_incoming(TcpListenerStream::new(listener)));
    IngestServiceClient::connect(format!("http://{address}")).await.unwrap()
}

struct Stream {
    requests: mpsc::Sender<pb::SubmitStreamRequest>,
    answers: Streaming<pb::SubmitStreamResponse>,
}

impl Stream {
    async fn open(node: &Node) -> Self {
        let (requests, receiver) = mpsc::channel(1_000);
        let mut client = connected(node, Some("lead")).await;
        let answers = client.submit_stream(ReceiverStream::new(receiver)).await.unwrap().into_inner();
        Self { requests, answers }
    }

    async fn send(&self, tag: u64, events: &[EventInput]) {
        let request = pb::SubmitStreamRequest { tag, request: Some(request(events)) };
        self.requests.send(request).await.unwrap();
    }

    /// The tag and the receipts, or the reason.
    async fn next(&mut self) -> Option<(u64, Result<Vec<pb::Receipt>, Reason>)> {
        let answer = tokio::time::timeout(Duration::from_secs(20), self.answers.message()).await.expect("an answer");
        let answer = answer.unwrap()?;
        let outcome = match answer.result.unwrap() {
            Outcome::Response(response) => Ok(response.receipts),
            Outcome::Error(status) => Err(refusal_from(&from_rpc_status(&status)).expect("a reason").reason),
        };
        Some((answer.tag, outcome))
    }
}

#[tokio::test]
async fn a_stream_answers_in_order_and_goes_on_after_a_refusal() {
    let node = Node::new().await;
    let mut stream = Stream::open(&node).await;
    stream.send(1, &[figure(1, 10, "31")]).await;
    stream.send(7, &[figure(2, FUTURE, "31")]).await;
    stream.send(3, &[]).await;
    stream.send(3, &[corrected(3, 1, "30")]).await;
    stream.send(9, &[figure(1, 10, "31")]).await;
    stream.requests.send(pb::SubmitStreamRequest { tag: 10, request: None }).await.unwrap();
    let mut answers = Vec::new();
    for _ in 0..6 {
        answers.push(stream.next().await.unwrap());
    }
    assert_eq!(answers.iter().map(|(tag, _)| *tag).collect::<Vec<_>>(), [1, 7, 3, 3, 9, 10]);
    assert_eq!(answers[1].1, Err(Reason::FutureDate));
    assert_eq!(answers[2].1, Err(Reason::InvalidField));
    assert_eq!(answers[5].1, Err(Reason::InvalidField));
    let first = answers[0].1.clone().unwrap().remove(0);
    let duplicate = answers[4].1.clone().unwrap().remove(0);
    assert_eq!(answers[3].1.clone().unwrap()[0].position, first.position + 1);
    assert_eq!(duplicate, pb::Receipt { duplicate: true, ..first });
    drop(stream.requests);
    assert!(stream.answers.message().await.unwrap().is_none());
}

#[tokio::test]
async fn everything_that_was_sent_before_the_end_is_answered() {
    let node = Node::new().await;
    let mut stream = Stream::open(&node).await;
    for number in 0..600_u16 {
        stream.send(number.into(), &[super::fixture::nothing(2_000 + u128::from(number), 10, "")]).await;
    }
    drop(std::mem::replace(&mut stream.requests, mpsc::channel(1).0));
    let mut tags = Vec::new();
    while let Some((tag, answer)) = stream.next().await {
        answer.unwrap();
        tags.push(tag);
    }
    assert_eq!(tags, (0..600).collect::<Vec<_>>());
    assert_eq!(numbers(node.plan.log.as_ref()).await.len(), 600);
}

#[tokio::test]
async fn a_token_that_is_revoked_ends_what_comes_after() {
    let node = Node::new().await;
    let mut stream = Stream::open(&node).await;
    stream.send(1, &[figure(1, 10, "31")]).await;
    assert!(stream.next().await.unwrap().1.is_ok());
    node.revoke(1);
    stream.send(2, &[figure(2, 11, "31")]).await;
    // Not even old receipts: who cannot be authenticated is told nothing.
    stream.send(3, &[figure(1, 10, "31")]).await;
    assert_eq!(stream.next().await.unwrap(), (2, Err(Reason::TokenInvalid)));
    assert_eq!(stream.next().await.unwrap(), (3, Err(Reason::TokenInvalid)));
    assert_eq!(numbers(node.plan.log.as_ref()).await, [1]);
    assert!(node.plan.log.find(id(2).as_bytes()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_stream_without_a_principal_is_not_opened() {
    let node = Node::new().await;
    let mut client = connected(&node, None).await;
    let status = client.submit_stream(tokio_stream::empty()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(refusal_from(&status).unwrap().reason, Reason::TokenMissing);
}

#[tokio::test]
async fn the_unary_call_carries_its_reason_over_the_wire() {
    let node = Node::new().await;
    let mut client = connected(&node, Some("lead")).await;
    let receipts = client.submit(request(&[figure(1, 10, "31")])).await.unwrap().into_inner().receipts;
    assert!(!receipts[0].duplicate);
    let status = client.submit(request(&[figure(1, 10, "32")])).await.unwrap_err();
    assert_eq!(status.code(), Code::AlreadyExists);
    assert_eq!(refusal_from(&status).unwrap().reason, Reason::EventIdReused);
}
