//! `push FILE`: sends events from NDJSON, one proto3-JSON `EventInput` a line, in the order of the file, over one stream.
//!
//! One batch is under way at a time, so no row can be stored ahead of an earlier one. A batch with a bad row is refused
//! whole; it is then sent in halves until the bad row stands alone and is named, before any later row is sent. Running
//! the same file again resumes: what is stored comes back as a duplicate.

mod rows;

use std::collections::VecDeque;
use std::path::PathBuf;

use indicatif::ProgressBar;
use serde::Serialize;
use songhua_wire::pb;
use songhua_wire::pb::ingest_service_client::IngestServiceClient;
use songhua_wire::pb::submit_stream_response::Result as Answer;
use songhua_wire::status::{from_rpc_status, may_retry, refusal_from};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use super::client::Authorised;
use super::plan::bar;
use super::{Connect, Failure, client, output};
use rows::Row;

const FILE_HELP: &str = "\
A line without eventId needs --agency: it gets an id made of the agency, what the line speaks of, and its \"revision\".
To report the same thing anew, as after a retraction, give the line a revision that it has not had:
  {\"revision\": 1, \"measurementReported\": {…}}
没有 eventId 的行须提供 --agency，其编号由单位、内容主题和 revision 生成；撤回后重新上报时，请给该行加 \"revision\": 1（再次则为 2，依此类推）";
/// Shown when a row with an id made here met one that is stored.
const REVISION_HINT: &str = "重复行若为重新上报，请加 \"revision\"（见 songhua push --help）\n\
                             to report anew, as after a retraction, give the row a \"revision\" (see songhua push --help)";

/// What `push` is told.
#[derive(Debug, clap::Args)]
#[command(after_help = FILE_HELP)]
pub(crate) struct PushArgs {
    /// NDJSON file, one event a line; '-' = standard input / NDJSON 文件
    file: PathBuf,
    /// The plan, if there is more than one / 方案
    #[arg(long)]
    plan: Option<String>,
    /// Your agency: lines without event_id get one made of it and what they speak of / 本单位（用于生成事件编号）
    #[arg(long)]
    agency: Option<String>,
    /// Events in one request, at most 1000; less where they are large / 每次请求的事件数
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=1000))]
    batch: u16,
    /// Only check, store nothing: each request by itself, so rows that need earlier ones may be refused / 仅校验
    #[arg(long)]
    validate_only: bool,
}

/// What became of a file.
#[derive(Debug, Default, Serialize)]
struct Outcome {
    rows: usize,
    stored: usize,
    /// With `--validate-only`: would be stored.
    valid: usize,
    duplicates: usize,
    last_position: u64,
    refused: Vec<RefusedRow>,
    /// Ids made here that were taken: the rows may have been meant as new events.
    #[serde(skip)]
    derived_taken: usize,
}

#[derive(Debug, Serialize)]
struct RefusedRow {
    line: usize,
    event_id: String,
    reason: String,
}

impl Outcome {
    fn store(&mut self, batch: &[Row], response: &pb::SubmitResponse) {
        for (row, receipt) in batch.iter().zip(&response.receipts) {
            let count = match receipt {
                pb::Receipt { duplicate: true, .. } => &mut self.duplicates,
                pb::Receipt { position: 0, .. } => &mut self.valid,
                _ => &mut self.stored,
            };
            *count += 1;
            self.derived_taken += usize::from(row.derived && receipt.duplicate);
            self.last_position = self.last_position.max(receipt.position);
        }
    }

    fn refuse(&mut self, line: usize, event_id: &str, reason: String) {
        self.refused.push(RefusedRow { line, event_id: event_id.to_owned(), reason });
    }

    fn refuse_rows(&mut self, rows: &[Row], status: &Status) {
        for row in rows {
            self.derived_taken += usize::from(row.derived && status.code() == Code::AlreadyExists);
            self.refuse(row.line, &row.event.event_id, client::describe(status));
        }
    }
}

/// Pushes a file and says what became of its rows.
pub(crate) async fn run(connect: &Connect, args: PushArgs, json: bool) -> Result<(), Failure> {
    let mut outcome = Outcome::default();
    let rows = rows::read(&args.file, args.agency.as_deref(), &mut outcome)?;
    outcome.rows = rows.len() + outcome.refused.len();
    let channel = client::connect(connect).await?;
    let parent = format!("plans/{}", client::plan_or_only(&channel, args.plan.clone()).await?);
    let mut sender = Sender::open(channel, parent, args.validate_only).await?;
    let bar = bar(rows.len() as u64, "事件 events");
    let batches = rows::in_batches(rows, usize::from(args.batch));
    let sent = send_in_order(&mut sender, batches, &mut outcome, &bar).await;
    bar.finish_and_clear();
    outcome.refused.sort_unstable_by_key(|row| row.line);
    report(&outcome, json)?;
    sent?;
    match outcome.refused.len() {
        0 => Ok(()),
        refused => {
            Err(Failure::Partial(format!("{refused} of {} rows refused, see above / 部分行被拒绝", outcome.rows)))
        }
    }
}

fn report(outcome: &Outcome, json: bool) -> Result<(), Failure> {
    if outcome.derived_taken > 0 {
        eprintln!("{REVISION_HINT}");
    }
    if json {
        return output::json(outcome);
    }
    for row in &outcome.refused {
        eprintln!("第 {0} 行 line {0} ({1}): {2}", row.line, row.event_id, row.reason);
    }
    let Outcome { rows, stored, valid, duplicates, last_position, .. } = outcome;
    let refused = outcome.refused.len();
    if *valid > 0 {
        return output::text(&format!(
            "{rows} 行：可入库 {valid}，重复 {duplicates}，拒绝 {refused}；仅校验，未入库\n\
             {rows} rows: {valid} valid, {duplicates} duplicate, {refused} refused; only checked, nothing stored"
        ));
    }
    output::text(&format!(
        "{rows} 行：入库 {stored}，重复 {duplicates}，拒绝 {refused}；最后位置 {last_position}\n\
         {rows} rows: {stored} stored, {duplicates} duplicate, {refused} refused; last position {last_position}"
    ))
}

/// Sends every batch after the answer to the one before. A refused one is sent again in halves, down to its bad rows.
async fn send_in_order(
    sender: &mut Sender,
    mut batches: VecDeque<Vec<Row>>,
    outcome: &mut Outcome,
    bar: &ProgressBar,
) -> Result<(), Failure> {
    while let Some(mut batch) = batches.pop_front() {
        match sender.submit(&batch).await? {
            Err(_) if batch.len() > 1 => {
                let later = batch.split_off(batch.len() / 2);
                batches.push_front(later);
                batches.push_front(batch);
                continue;
            }
            Err(refused) => outcome.refuse_rows(&batch, &refused),
            Ok(response) => outcome.store(&batch, &response),
        }
        bar.inc(batch.len() as u64);
    }
    Ok(())
}

/// One stream, with at most one submission under way.
struct Sender {
    requests: mpsc::Sender<pb::SubmitStreamRequest>,
    answers: Streaming<pb::SubmitStreamResponse>,
    parent: String,
    validate_only: bool,
}

impl Sender {
    async fn open(channel: Authorised, parent: String, validate_only: bool) -> Result<Self, Failure> {
        let (requests, receiver) = mpsc::channel(1);
        let mut ingest = IngestServiceClient::new(channel);
        let answers = ingest.submit_stream(ReceiverStream::new(receiver)).await.map_err(client::failed)?.into_inner();
        Ok(Self { requests, answers, parent, validate_only })
    }

    /// Sends a batch and waits for its answer: stored, or refused for a fault of its rows. Any other end is the end of
    /// the push.
    async fn submit(&mut self, batch: &[Row]) -> Result<Result<pb::SubmitResponse, Status>, Failure> {
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
    let again = match refusal_from(&status) {
        Some(refusal) => may_retry(refusal.reason),
        // The connection broke.
        None => matches!(status.code(), Code::Unavailable | Code::Cancelled | Code::Unknown | Code::Internal),
    };
    if again { interrupted(&client::describe(&status)) } else { client::failed(status) }
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
