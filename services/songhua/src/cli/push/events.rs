//! Events from NDJSON, one proto3-JSON `EventInput` a line, in the order of the file.
//!
//! Place in the flow: rows → batches → the sender. A batch with a bad row is refused whole; it is then sent in halves
//! until the bad row stands alone and is named, before any later row is sent. It must not know: what an event means.

use std::collections::VecDeque;

use indicatif::ProgressBar;
use serde::Serialize;
use songhua_wire::pb;
use tonic::{Code, Status};

use super::rows::{self, Row};
use super::sender::Sender;
use super::{PushArgs, agency, mark, status_of};
use crate::cli::plan::bar;
use crate::cli::{Connect, Failure, client, output};

/// Events in one request, where nothing is said.
const BATCH: u16 = 500;
/// Shown when a row with an id made here met one that is stored.
const REVISION_HINT: &str = "重复行若为重新上报，请加 \"revision\"（见 songhua push --help）\n\
                             to report anew, as after a retraction, give the row a \"revision\" (see songhua push --help)";

/// What became of a file.
#[derive(Debug, Default, Serialize)]
pub(super) struct Outcome {
    /// 模拟数据: the plan's data are made up.
    simulated: bool,
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

    pub(super) fn refuse(&mut self, line: usize, event_id: &str, reason: String) {
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
pub(super) async fn run(connect: &Connect, args: &PushArgs, bytes: &[u8], json: bool) -> Result<(), Failure> {
    let channel = client::connect(connect).await?;
    let plan = client::plan_or_only(&channel, args.plan.clone()).await?;
    let (caller, status) = status_of(&channel, &plan).await?;
    let agency = agency::of(caller, args.agency.as_deref())?;
    let mut outcome = Outcome { simulated: status.simulated, ..Outcome::default() };
    let rows = rows::read(bytes, agency.as_deref(), &mut outcome);
    outcome.rows = rows.len() + outcome.refused.len();
    let mut sender = Sender::open(channel, format!("plans/{plan}"), args.validate_only).await?;
    let bar = bar(rows.len() as u64, "事件 events");
    let batches = rows::in_batches(rows, usize::from(args.batch.unwrap_or(BATCH)));
    let sent = send_in_order(&mut sender, batches, &mut outcome, &bar).await;
    sender.finish().await;
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
    let Outcome { simulated, rows, stored, valid, duplicates, last_position, .. } = outcome;
    let mark = mark(*simulated);
    let refused = outcome.refused.len();
    if *valid > 0 {
        return output::text(&format!(
            "{mark}{rows} 行：可入库 {valid}，重复 {duplicates}，拒绝 {refused}；仅校验，未入库\n\
             {rows} rows: {valid} valid, {duplicates} duplicate, {refused} refused; only checked, nothing stored"
        ));
    }
    output::text(&format!(
        "{mark}{rows} 行：入库 {stored}，重复 {duplicates}，拒绝 {refused}；最后位置 {last_position}\n\
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
