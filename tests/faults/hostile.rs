//! Hostile inputs: for every field that a message of `IngestService` can have, some that are wrong in every way we know of, in
//! requests that are otherwise plausible. Each is refused by a reason of the contract and leaves nothing, or is accepted and comes
//! back as it was sent.

mod fields;
mod values;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use futures::StreamExt;
use prost::Message;
use songhua_tests::pb::{self, scope, submit_stream_response::Result as Answer};
use songhua_tests::{Client, PLAN_ID, Random, Sandbox, call_raw, introduce, stream_raw, submit};
use songhua_wire::status::{code_of, from_rpc_status, refusal_from};
use tonic::Status;

use crate::report::{Progress, Report, Settings};
use crate::site::replay;
use fields::{Contract, Field};

/// Inputs of one `SubmitStream`.
const CHUNK: u64 = 250;
/// Streams at once.
const STREAMS: usize = 6;

/// An event that was accepted: its content, and where it is.
struct Kept {
    input: pb::EventInput,
    position: u64,
}

/// What was found out so far.
#[derive(Default)]
struct Found {
    inputs: u64,
    /// Requests that were accepted.
    accepted: u64,
    /// By the id as the server writes it.
    kept: HashMap<String, Kept>,
    /// How often each reason was given.
    reasons: BTreeMap<&'static str, u64>,
    /// What must not be.
    wrong: Vec<String>,
}

/// Runs it.
pub(crate) async fn run(settings: &Settings, report: &mut Report) {
    let each = settings.count(100, 10_000);
    report.at(format_args!("--only hostile --seed {}", settings.seed));
    let sandbox = Sandbox::start().await;
    let admin = sandbox.admin().await;
    let introduction = introduce("drc", pb::AssignmentRole::Responsible, &[scope::Kind::Plan(true)]);
    admin.ingest.clone().submit(submit(introduction)).await.expect("the office may introduce");
    let (_, token) = sandbox.grant(pb::Role::Agency, "drc", "").await;
    let agency = sandbox.client(Some(&token)).await;
    let before = sandbox.durable().await;

    let (contract, found) = (Contract::new(), Mutex::<Found>::default());
    let fields = contract.fields();
    let (all, begun) = (fields.len() as u64, Instant::now());
    let mut progress = Progress::new("hostile fields", all);
    let mut done = futures::stream::iter(fields.iter().map(|field| {
        let random = settings.random(&field.name());
        let clients = [agency.clone(), admin.clone()];
        one(&contract, field, clients, each, random, &found)
    }))
    .buffer_unordered(STREAMS);
    let mut count = 0;
    while done.next().await.is_some() {
        count += 1;
        progress.done(count, "");
    }
    drop(done);
    let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    let Found { inputs, accepted, kept, reasons, wrong } = found;
    wrong.into_iter().for_each(|what| report.wrong(what));
    stored(&sandbox, before, kept, report).await;
    let log = sandbox.server_log();
    let panicked = log.lines().find(|line| line.contains("panicked"));
    report.expect(panicked.is_none(), || format!("the server panicked: {panicked:?}"));
    println!("hostile: refused by {reasons:?}");
    println!(
        "hostile: {all} fields, {inputs} inputs in {} s, {accepted} were valid after all",
        begun.elapsed().as_secs()
    );
    report.expect(accepted * 2 < inputs, || format!("{accepted} of {inputs} are accepted: not hostile"));
    report.figure("hostile_inputs", inputs, "inputs");
}

fn note(found: &Mutex<Found>, what: impl FnOnce(&mut Found)) {
    what(&mut found.lock().unwrap_or_else(PoisonError::into_inner));
}

/// All inputs of one field: those that are messages in streams, the others one by one.
async fn one(
    contract: &Contract,
    field: &Field,
    clients: [Client; 2],
    each: u64,
    mut random: Random,
    found: &Mutex<Found>,
) {
    let mut left = each;
    while left > 0 {
        let client = &clients[random.below(2) as usize];
        let (mut messages, mut requests) = (Vec::new(), Vec::new());
        for _ in 0..left.min(CHUNK) {
            let bytes = contract.hostile(field, &mut random);
            match pb::SubmitRequest::decode(bytes.as_slice()) {
                Ok(request) => {
                    messages.push(in_stream(requests.len() as u64, &bytes));
                    requests.push(request);
                }
                Err(_) => {
                    let answer = call_raw(client, "/songhua.v1.IngestService/Submit", bytes).await;
                    let answer = answer.map(|bytes| pb::SubmitResponse::decode(bytes.as_slice()).unwrap_or_default());
                    note(found, |found| found.heard(field, &pb::SubmitRequest::default(), answer));
                }
            }
        }
        left -= left.min(CHUNK);
        if let Err(status) = streamed(client, field, messages, &requests, found).await {
            note(found, |found| found.wrong.push(format!("{}: the stream broke: {status:?}", field.name())));
        }
    }
}

/// A message of `SubmitStream` around the bytes of a request.
fn in_stream(tag: u64, request: &[u8]) -> Vec<u8> {
    let mut message = pb::SubmitStreamRequest { tag, request: None }.encode_to_vec();
    values::delimited(&mut message, 2, request);
    message
}

async fn streamed(
    client: &Client,
    field: &Field,
    messages: Vec<Vec<u8>>,
    requests: &[pb::SubmitRequest],
    found: &Mutex<Found>,
) -> Result<(), Status> {
    let mut answers = stream_raw(client, "/songhua.v1.IngestService/SubmitStream", messages).await?;
    let mut waiting = (0..).zip(requests);
    while let Some(bytes) = answers.message().await? {
        let response = pb::SubmitStreamResponse::decode(bytes.as_slice()).unwrap_or_default();
        let Some((tag, request)) = waiting.next() else { return Err(Status::internal("too many answers")) };
        let answer = match response.result {
            Some(Answer::Response(response)) => Ok(response),
            Some(Answer::Error(error)) => Err(from_rpc_status(&error)),
            None => Err(Status::internal("an answer without a result")),
        };
        note(found, |found| {
            if response.tag != tag {
                found.wrong.push(format!("{}: tag {} for {tag}", field.name(), response.tag));
            }
            found.heard(field, request, answer);
        });
    }
    let left = waiting.count();
    if left == 0 { Ok(()) } else { Err(Status::internal(format!("{left} requests were not answered"))) }
}

impl Found {
    /// What the server said to a request.
    fn heard(&mut self, field: &Field, request: &pb::SubmitRequest, answer: Result<pb::SubmitResponse, Status>) {
        self.inputs += 1;
        let name = field.name();
        match answer {
            Ok(response) => {
                self.accepted += 1;
                self.accept(&name, request, &response.receipts);
            }
            Err(status) => {
                let refusal = refusal_from(&status);
                let right = refusal.as_ref().is_some_and(|it| {
                    let by_the_request = !matches!(it.reason.code(), "INTERNAL" | "OUTCOME_UNKNOWN" | "LOG_READ_ONLY");
                    by_the_request && status.code() == code_of(it.reason) && !it.message_zh.is_ascii()
                });
                let reason = refusal.as_ref().map_or("none", |it| it.reason.code());
                *self.reasons.entry(reason).or_default() += 1;
                if !right {
                    self.wrong.push(format!("{name}: {status:?} for {request:?}").chars().take(2_000).collect());
                }
            }
        }
    }

    fn accept(&mut self, name: &str, request: &pb::SubmitRequest, receipts: &[pb::Receipt]) {
        if request.validate_only {
            return;
        }
        if receipts.len() != request.events.len() || receipts.is_empty() {
            let (count, events) = (receipts.len(), request.events.len());
            return self.wrong.push(format!("{name}: {count} receipts for {events} events"));
        }
        for (event, receipt) in request.events.iter().zip(receipts) {
            let input = pb::EventInput { event_id: receipt.event_id.clone(), ..event.clone() };
            let position = receipt.position;
            let kept = self.kept.entry(receipt.event_id.clone()).or_insert(Kept { input, position });
            if kept.position != position {
                self.wrong.push(format!("{name}: {} at {} and at {position}", receipt.event_id, kept.position));
            }
        }
    }
}

/// The words of an input; the contract says what an empty weight, dimension and status stand for,
/// and staff whom nobody names.
fn content(input: &pb::EventInput) -> String {
    let staff = input.staff.clone().filter(|staff| *staff != pb::StaffCodes::default());
    let words = format!("{:?}", pb::EventInput { staff, ..input.clone() });
    let words = words.replace("obs_status: Unspecified", "obs_status: Unvalidated");
    words.replace("weight: \"\"", "weight: \"1\"").replace("dimension: \"\"", "dimension: \"_T\"")
}

/// What was accepted is there once, with equal content; and nothing else is.
async fn stored(sandbox: &Sandbox, before: u64, mut kept: HashMap<String, Kept>, report: &mut Report) {
    let durable = sandbox.plan_status(PLAN_ID).await.durable_position;
    let client = sandbox.admin().await;
    let replayed = replay(&client, before + 1, durable, |record| {
        let position = record.position;
        let Ok(pb::Event { input: Some(input), actor, .. }) = pb::Event::decode(record.data.as_ref()) else {
            return report.served_damaged(format!("the record at {position} is no event"));
        };
        match kept.remove(&input.event_id) {
            Some(sent) if sent.position != position => report.lost(format!("{} is at {position}", input.event_id)),
            Some(sent) if content(&sent.input) != content(&input) => {
                report.served_damaged(format!("at {position}: {input:?}, but {:?} was sent", sent.input));
            }
            Some(_) => {}
            None => {
                let by_server = actor.is_some_and(|actor| actor.principal == "system");
                report.expect(by_server, || format!("{position} was stored though it was refused: {input:?}"));
            }
        }
    })
    .await;
    report.expect(replayed.is_ok(), || format!("the replay broke: {replayed:?}"));
    kept.into_iter().for_each(|(id, kept)| report.lost(format!("{id} at {} is not there", kept.position)));
}
