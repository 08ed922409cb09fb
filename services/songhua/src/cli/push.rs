//! `push FILE`: sends events from NDJSON, one proto3-JSON `EventInput` a line, over one stream.
//!
//! Two passes: batches first; a batch with a bad row is refused whole, so its rows are then sent one by one and each
//! bad row is named. Running the same file again resumes: what is stored comes back as a duplicate.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::Serialize;
use songhua_wire::pb;
use songhua_wire::pb::ingest_service_client::IngestServiceClient;
use songhua_wire::status::from_rpc_status;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use super::client::Authorised;
use super::plan::bar;
use super::push_id::derived_id;
use super::{Connect, Failure, client, output};

/// Batches under way at once.
const WINDOW: usize = 32;
/// Most bytes of a line: an event of 60 KiB as JSON, with room for escapes.
const LINE_BYTES_MAX: usize = 512 << 10;

#[derive(Debug, clap::Args)]
pub(crate) struct PushArgs {
    /// NDJSON file, one event a line; '-' = standard input / NDJSON 文件
    file: PathBuf,
    /// The plan, if there is more than one / 方案
    #[arg(long)]
    plan: Option<String>,
    /// Your agency: lines without event_id get one made of it and what they speak of / 本单位（用于生成事件编号）
    #[arg(long)]
    agency: Option<String>,
    /// Events in one all-or-nothing batch, at most 1000 / 每批事件数
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    batch: u16,
    /// Only check, store nothing / 仅校验
    #[arg(long)]
    validate_only: bool,
}

/// A line that can be sent.
struct Row {
    line: usize,
    event: pb::EventInput,
}

/// What became of a file.
#[derive(Debug, Default, Serialize)]
struct Outcome {
    rows: usize,
    stored: usize,
    duplicates: usize,
    last_position: u64,
    refused: Vec<RefusedRow>,
}

#[derive(Debug, Serialize)]
struct RefusedRow {
    line: usize,
    event_id: String,
    reason: String,
}

impl Outcome {
    fn take(&mut self, response: &pb::SubmitResponse) {
        for receipt in &response.receipts {
            *if receipt.duplicate { &mut self.duplicates } else { &mut self.stored } += 1;
            self.last_position = self.last_position.max(receipt.position);
        }
    }
    fn refuse(&mut self, line: usize, event_id: &str, reason: String) {
        self.refused.push(RefusedRow { line, event_id: event_id.to_owned(), reason });
    }
}

pub(crate) async fn run(connect: &Connect, args: PushArgs, json: bool) -> Result<(), Failure> {
    let mut outcome = Outcome::default();
    let rows = read_rows(&args.file, args.agency.as_deref(), &mut outcome)?;
    outcome.rows = rows.len() + outcome.refused.len();
    let channel = client::connect(connect).await?;
    let parent = format!("plans/{}", client::plan_or_only(&channel, args.plan.clone()).await?);
    let bar = bar(rows.len() as u64, "事件 events");
    let mut sender = Sender { channel, parent, validate_only: args.validate_only, bar: bar.clone() };
    let batches: VecDeque<Vec<Row>> = in_batches(rows, usize::from(args.batch));
    let retry = sender.send(batches, &mut outcome, Pass::Batches).await;
    let retried = match retry {
        Ok(retry) => {
            let singles = retry.into_iter().map(|row| vec![row]).collect();
            sender.send(singles, &mut outcome, Pass::Rows).await
        }
        Err(failure) => Err(failure),
    };
    bar.finish_and_clear();
    outcome.refused.sort_unstable_by_key(|row| row.line);
    report(&outcome, json)?;
    retried?;
    match outcome.refused.len() {
        0 => Ok(()),
        refused => {
            Err(Failure::Partial(format!("{refused} of {} rows refused, see above / 部分行被拒绝", outcome.rows)))
        }
    }
}

fn report(outcome: &Outcome, json: bool) -> Result<(), Failure> {
    if json {
        return output::json(outcome);
    }
    for row in &outcome.refused {
        eprintln!("第 {0} 行 line {0} ({1}): {2}", row.line, row.event_id, row.reason);
    }
    output::text(&format!(
        "{} 行：入库 {}，重复 {}，拒绝 {}；最后位置 {}\n{} rows: {} stored, {} duplicate, {} refused; last position {}",
        outcome.rows,
        outcome.stored,
        outcome.duplicates,
        outcome.refused.len(),
        outcome.last_position,
        outcome.rows,
        outcome.stored,
        outcome.duplicates,
        outcome.refused.len(),
        outcome.last_position
    ))
}

fn read_rows(file: &Path, agency: Option<&str>, outcome: &mut Outcome) -> Result<Vec<Row>, Failure> {
    let fault = |error: std::io::Error| Failure::Failed(format!("{}: {error}", file.display()));
    let reader: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(BufReader::new(std::io::stdin()))
    } else {
        Box::new(BufReader::new(File::open(file).map_err(fault)?))
    };
    let mut rows = Vec::new();
    for (index, line) in reader.split(b'\n').enumerate() {
        let line = line.map_err(fault)?;
        let number = index + 1;
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match parse(&line, agency) {
            Ok(event) => rows.push(Row { line: number, event }),
            Err(reason) => outcome.refuse(number, "", reason),
        }
    }
    Ok(rows)
}

fn parse(line: &[u8], agency: Option<&str>) -> Result<pb::EventInput, String> {
    if line.len() > LINE_BYTES_MAX {
        return Err(format!("line of {} bytes, the limit is {LINE_BYTES_MAX} / 行过长", line.len()));
    }
    let mut event: pb::EventInput =
        serde_json::from_slice(line).map_err(|error| format!("not an EventInput in JSON: {error} / 无法解析"))?;
    if event.event_id.is_empty() {
        let agency =
            agency.ok_or("no event_id: give --agency, so that one can be made / 缺少 event_id，请提供 --agency")?;
        event.event_id =
            derived_id(agency, &event).ok_or("no event_id, and none can be made of this event / 缺少 event_id")?;
    }
    Ok(event)
}

fn in_batches(rows: Vec<Row>, size: usize) -> VecDeque<Vec<Row>> {
    let mut batches = VecDeque::new();
    for row in rows {
        match batches.back_mut() {
            Some(batch) if Vec::len(batch) < size => batch.push(row),
            _ => batches.push_back(vec![row]),
        }
    }
    batches
}

/// What a refusal means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// Try the rows of the batch one by one later.
    Batches,
    /// The row is bad.
    Rows,
}

struct Sender {
    channel: Authorised,
    parent: String,
    validate_only: bool,
    bar: indicatif::ProgressBar,
}

impl Sender {
    /// Sends batches over one stream; returns the rows of refused ones, in order.
    async fn send(
        &mut self,
        batches: VecDeque<Vec<Row>>,
        outcome: &mut Outcome,
        pass: Pass,
    ) -> Result<Vec<Row>, Failure> {
        if batches.is_empty() {
            return Ok(Vec::new());
        }
        let (requests, receiver) = mpsc::channel(WINDOW);
        let mut ingest = IngestServiceClient::new(self.channel.clone());
        let answers = ingest.submit_stream(ReceiverStream::new(receiver)).await.map_err(client::failed)?;
        let mut answers = answers.into_inner();
        let mut waiting = batches;
        let mut under_way: VecDeque<Vec<Row>> = VecDeque::new();
        let mut retry = Vec::new();
        while !waiting.is_empty() || !under_way.is_empty() {
            while under_way.len() < WINDOW
                && let Some(batch) = waiting.pop_front()
            {
                let sent = requests.send(self.request(&batch)).await;
                under_way.push_back(batch);
                if sent.is_err() {
                    break;
                }
            }
            let answer = answers.next().await.ok_or_else(|| interrupted("the server ended the stream"))?;
            let answer = answer.map_err(|status| interrupted(&client::describe(&status)))?;
            let batch = under_way.pop_front().unwrap_or_default();
            self.settle(batch, answer, outcome, pass, &mut retry);
        }
        Ok(retry)
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

    fn settle(
        &self,
        batch: Vec<Row>,
        answer: pb::SubmitStreamResponse,
        outcome: &mut Outcome,
        pass: Pass,
        retry: &mut Vec<Row>,
    ) {
        match answer.result {
            Some(pb::submit_stream_response::Result::Response(response)) => {
                outcome.take(&response);
                self.bar.inc(batch.len() as u64);
            }
            Some(pb::submit_stream_response::Result::Error(_)) if pass == Pass::Batches => retry.extend(batch),
            Some(pb::submit_stream_response::Result::Error(error)) => {
                let reason = client::describe(&from_rpc_status(&error));
                self.bar.inc(batch.len() as u64);
                batch.iter().for_each(|row| outcome.refuse(row.line, &row.event.event_id, reason.clone()));
            }
            None => {
                batch.iter().for_each(|row| outcome.refuse(row.line, &row.event.event_id, "empty answer".to_owned()))
            }
        }
    }
}

fn interrupted(detail: &str) -> Failure {
    Failure::Unreachable(format!(
        "interrupted: {detail}\nrun the same command again: what is stored comes back as a duplicate / 传输中断：重新执行同一命令即可续传"
    ))
}
