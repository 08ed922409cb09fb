//! A ledger: a CSV file or a workbook as clerks keep it. Every row is compared with what is known and checked by the server before
//! anything is sent.
//!
//! Place in the flow: bytes → rows → entries → check → preview → send. It must not know: the rules of progress; the
//! server checks those.

mod book;
mod cells;
mod column;
mod entry;
mod fault;
mod figure;
mod format;
mod milestone;
mod number;
mod period;
mod preview;
mod refused;
mod sheet;
mod styles;
mod text;
mod unit;
mod word;
mod workbook;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, Write};

use indicatif::ProgressBar;
use songhua_domain::vocabulary::Reason;
use songhua_wire::status::refusal_from;

pub(super) use book::{Book, Indicator, Reader, last, zh};
pub(super) use column::Column;
pub(super) use text::LedgerEncoding;
pub(super) use workbook::is_workbook;

use super::rows::{self, Row};
use super::sender::Sender;
use super::{PushArgs, agency, status_of};
use crate::cli::plan::bar;
use crate::cli::{Connect, Failure, client};
use column::Belongs;
use entry::{Entry, Standing};
use fault::{Fault, words};
use sheet::{Line, Sheet};

/// Rows in one request, where nothing is said: the most that are stored together or not at all.
const BATCH: u16 = 1_000;
/// With so many bad rows the rest is not looked at where nothing will be sent anyway.
const BAD_MAX: usize = 200;

/// Pushes a ledger.
pub(super) async fn run(connect: &Connect, args: &PushArgs, bytes: &[u8], json: bool) -> Result<(), Failure> {
    let sheet = sheet_of(bytes, args.encoding)
        .map_err(|faults| Failure::Failed(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))?;
    let channel = client::connect(connect).await?;
    let plan = client::plan_or_only(&channel, args.plan.clone()).await?;
    let (caller, status) = status_of(&channel, &plan).await?;
    let agency = agency::of(caller, args.agency.as_deref())?.ok_or_else(|| {
        Failure::Failed(
            "a ledger needs --agency, from which event ids are made / 推送台账须提供 --agency（本单位编号）".into(),
        )
    })?;
    let reader = Reader::new(&channel, &plan, &status);
    reader.agency(&agency).await?;
    let mut entries = read(&sheet.lines, &reader, &agency).await?;
    entries.extend(sheet.faults.into_iter().map(|fault| Entry::bad(fault.line, String::new(), vec![fault])));
    entries.sort_by_key(|entry| entry.line);
    let mut checker = Sender::open(channel.clone(), reader.parent().to_owned(), true).await?;
    check(&mut checker, &mut entries, args.partial).await?;
    checker.finish().await;
    if !json {
        preview::show(&entries, reader.simulated())?;
    }
    let mut sent = Ok(());
    if may_send(&entries, args, json)? {
        let mut sender = Sender::open(channel, reader.parent().to_owned(), false).await?;
        let bar = bar(entries.iter().filter(|entry| entry.waits()).count() as u64, "行 rows");
        sent = send(&mut sender, &mut entries, args, &bar).await;
        sender.finish().await;
        bar.finish_and_clear();
        if !json {
            preview::report(&entries, reader.simulated(), false)?;
        }
    }
    if json {
        preview::report(&entries, reader.simulated(), true)?;
    }
    sent?;
    verdict(&entries, args.partial)
}

/// The rows of a file.
fn sheet_of(bytes: &[u8], encoding: LedgerEncoding) -> Result<Sheet, Vec<Fault>> {
    if is_workbook(bytes) {
        return sheet::of_rows(workbook::rows(bytes)?);
    }
    sheet::read(&text::decode(bytes, encoding).map_err(|fault| vec![fault])?)
}

fn verdict(entries: &[Entry], partial: bool) -> Result<(), Failure> {
    let counts = preview::Counts::of(entries);
    let (bad, stored, rows) = (counts.bad, counts.stored, entries.len());
    match bad {
        0 => Ok(()),
        _ if partial => Err(Failure::Partial(format!("{bad} of {rows} rows refused, see above / 部分行被拒绝"))),
        _ if stored > 0 => {
            let waiting = entries.iter().filter(|entry| entry.waits()).count();
            Err(Failure::Partial(format!(
                "{bad} of {rows} rows refused, see above; {stored} are stored, {waiting} were not sent: mend the bad ones and \
                 run the same command again\n{rows} 行中 {bad} 行被拒绝，见上；已入库 {stored} 行，未发送 {waiting} 行：\
                 请改正后重新执行同一命令"
            )))
        }
        _ => Err(Failure::Failed(format!(
            "nothing was sent: {bad} of {rows} rows are bad, see above; mend them, or send the others with --partial\n\
             未发送：{rows} 行中 {bad} 行有误，见上；请改正，或加 --partial 仅发送无误的行"
        ))),
    }
}

/// The rows against what is known.
async fn read(lines: &[Line], reader: &Reader, agency: &str) -> Result<Vec<Entry>, Failure> {
    let book = Book::read(reader).await?;
    let read: Vec<_> = lines.iter().map(|line| Read::of(line, &book)).collect();
    let (mut indicators, mut projects) = (BTreeSet::new(), BTreeSet::new());
    for row in &read {
        match row {
            Read::Figure(report) => drop(indicators.insert(report.indicator_id().to_owned())),
            Read::Milestone(line) => {
                projects.extend(book.project(line.cell(Column::Project)).map(|project| last(&project.name).to_owned()));
            }
            Read::Done(_) => {}
        }
    }
    let known = book::Known::read(reader, indicators, projects).await?;
    let mut seen = Seen::default();
    Ok(read.into_iter().map(|row| seen.entry(row, &book, &known, agency)).collect())
}

/// A row, as far as it can be read without its history.
enum Read<'a> {
    Figure(figure::Report<'a>),
    Milestone(&'a Line),
    Done(Entry),
}

impl<'a> Read<'a> {
    fn of(line: &'a Line, book: &'a Book) -> Self {
        let blank = match kind(line) {
            Ok(Belongs::Figure) => figure::is_blank(line),
            Ok(_) => milestone::is_blank(line),
            Err(fault) => return Self::Done(bad(line, vec![fault])),
        };
        if blank {
            return Self::Done(Entry::still(line.number, Standing::NotFilledIn, as_written(line)));
        }
        match line.first(Belongs::Figure) {
            Some(_) => figure::read(line, book).map_or_else(|faults| Self::Done(bad(line, faults)), Self::Figure),
            None => Self::Milestone(line),
        }
    }
}

/// What a row is of: a figure or a milestone, by the columns that are filled.
fn kind(line: &Line) -> Result<Belongs, Fault> {
    match (line.first(Belongs::Figure), line.first(Belongs::Milestone)) {
        (Some(_), None) => Ok(Belongs::Figure),
        (None, Some(_)) => Ok(Belongs::Milestone),
        (Some(one), Some(other)) => {
            let (zh, en) = ([one.zh(), other.zh()], [one.en(), other.en()]);
            let said = words(
                format!("同一行既有“{}”又有“{}”；数据和节点请分行填写", zh[0], zh[1]),
                format!("the row fills both {} and {}; figures and milestones have rows of their own", en[0], en[1]),
            );
            Err(Fault::new(line.number, Some(other), said))
        }
        (None, None) => {
            let said = words("既非数据行也非节点行", "the row is neither of a figure nor of a milestone");
            Err(Fault::new(line.number, None, said))
        }
    }
}

fn bad(line: &Line, faults: Vec<Fault>) -> Entry {
    Entry::bad(line.number, as_written(line), faults)
}

/// What a row speaks of, as it is written.
fn as_written(line: &Line) -> String {
    let named = [Column::Area, Column::Indicator, Column::Project, Column::Milestone].map(|column| line.cell(column));
    named.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// What earlier rows of the file speak of, by line: two rows on one thing contradict each other.
#[derive(Default)]
struct Seen {
    figures: BTreeMap<book::Slot, usize>,
    milestones: BTreeMap<milestone::Once, usize>,
    /// Of what and when there is a figure, and of what and when there is none.
    told: [BTreeMap<figure::Told, usize>; 2],
}

impl Seen {
    fn entry(&mut self, row: Read<'_>, book: &Book, known: &book::Known, agency: &str) -> Entry {
        let (mut entry, earlier, column) = match row {
            Read::Done(entry) => return entry,
            Read::Figure(report) => {
                let mut entry = report.entry(known, agency);
                if let Some(earlier) = self.opposite(&report) {
                    let said = words(
                        format!("与第 {earlier} 行矛盾：同一指标、同一期间既有数值又填“无变化”"),
                        format!(
                            "contradicts line {earlier}: the same period has a figure and nothing to report (无变化)"
                        ),
                    );
                    entry.refuse(vec![Fault::new(entry.line, Some(Column::ObsStatus), said)]);
                }
                let earlier = *self.figures.entry(report.slot()).or_insert(entry.line);
                (entry, earlier, Column::Period)
            }
            Read::Milestone(line) => match milestone::entry(line, book, known, agency) {
                Err(faults) => return bad(line, faults),
                Ok((entry, once)) => {
                    let earlier = *self.milestones.entry(once).or_insert(entry.line);
                    (entry, earlier, Column::Milestone)
                }
            },
        };
        if earlier != entry.line {
            let said = words(format!("与第 {earlier} 行重复"), format!("says again what line {earlier} speaks of"));
            entry.refuse(vec![Fault::new(entry.line, Some(column), said)]);
        }
        entry
    }

    /// The earlier row that says 无变化 where this one has a figure, or the other way round.
    fn opposite(&mut self, report: &figure::Report<'_>) -> Option<usize> {
        let [figures, nothing] = &mut self.told;
        let (same, other) = if report.is_nothing() { (nothing, figures) } else { (figures, nothing) };
        let told = report.told();
        let earlier = told.iter().find_map(|told| other.get(told)).copied();
        for told in told {
            same.entry(told).or_insert(report.line.number);
        }
        earlier
    }
}

/// Asks the server about every row. What it has already is not sent again.
async fn check(checker: &mut Sender, entries: &mut [Entry], all: bool) -> Result<(), Failure> {
    for mut batch in batches(entries, BATCH) {
        while !batch.is_empty() {
            if !all && preview::Counts::of(entries).bad >= BAD_MAX {
                eprintln!("已有 {BAD_MAX} 行有误，其余未再校验 / {BAD_MAX} rows are bad, the rest was not checked");
                return Ok(());
            }
            match checker.submit(&batch).await? {
                Ok(response) => {
                    let there = batch.iter().zip(&response.receipts).filter(|(_, receipt)| receipt.duplicate);
                    for (row, _) in there {
                        if let Some(entry) = entry_of(entries, row.line) {
                            entry.standing = Standing::Unchanged;
                        }
                    }
                    break;
                }
                Err(status) => drop(refuse(entries, &mut batch, &status)?),
            }
        }
    }
    Ok(())
}

/// Sends what waits, in the order of the file. Without `--partial` it ends with the first refusal, which only a change
/// since the check can bring.
async fn send(sender: &mut Sender, entries: &mut [Entry], args: &PushArgs, bar: &ProgressBar) -> Result<(), Failure> {
    for mut batch in batches(entries, args.batch.unwrap_or(BATCH)) {
        while !batch.is_empty() {
            match sender.submit(&batch).await? {
                Ok(response) => {
                    for (row, receipt) in batch.iter().zip(&response.receipts) {
                        if let Some(entry) = entry_of(entries, row.line) {
                            entry.position = receipt.position;
                        }
                    }
                    bar.inc(batch.len() as u64);
                    break;
                }
                Err(status) => {
                    refuse(entries, &mut batch, &status)?.iter().for_each(|fault| eprintln!("{fault}"));
                    if !args.partial {
                        return Ok(());
                    }
                }
            }
        }
    }
    Ok(())
}

fn batches(entries: &[Entry], count: u16) -> impl Iterator<Item = Vec<Row>> + use<> {
    let waiting = entries.iter().filter(|entry| entry.waits());
    let row = |entry: &Entry| Some(Row { line: entry.line, event: *entry.event.clone()?, derived: true });
    rows::in_batches(waiting.filter_map(row).collect(), usize::from(count)).into_iter()
}

/// The entry of a line; entries are in the order of the file.
fn entry_of(entries: &mut [Entry], line: usize) -> Option<&mut Entry> {
    let place = entries.binary_search_by_key(&line, |entry| entry.line).ok()?;
    entries.get_mut(place)
}

/// Marks the rows that a refusal names and takes them out of the batch; gives back what was said of them.
///
/// That nothing changed is said once: no history shows it, but its id is made of all that it says beside a comment.
fn refuse(entries: &mut [Entry], batch: &mut Vec<Row>, status: &tonic::Status) -> Result<Vec<Fault>, Failure> {
    let refusal = refusal_from(status);
    let found = refusal.as_ref().map(|refusal| refused::faults(refusal, batch)).unwrap_or_default();
    if found.is_empty() {
        return Err(client::failed(status.clone()));
    }
    let taken = refusal.is_some_and(|refusal| refusal.reason == Reason::EventIdReused);
    for fault in &found {
        match entry_of(entries, fault.line) {
            Some(entry) if taken && entry.says_nothing() => entry.standing = Standing::Unchanged,
            Some(entry) => entry.refuse(vec![fault.clone()]),
            None => {}
        }
    }
    batch.retain(|row| found.iter().all(|fault| fault.line != row.line));
    Ok(found)
}

/// What a long ledger must say before it is sent, since the server checks and stores one request at a time.
fn in_parts(parts: usize) -> String {
    format!(
        "本台账分 {parts} 批入库，每批整体入库或整体不入库。与前面各批是否矛盾，到发送该批时才能校验；若某批被拒绝，\
         此前各批已入库：改正后重新执行同一命令即可续传\n\
         the ledger is stored in {parts} parts, each whole or not at all. Whether a part contradicts the parts before it is \
         checked only when it is sent; if it is refused, those stay: mend the rows and run the same command again"
    )
}

/// Whether to go on behind the preview: there is something to send, nothing speaks against it, and a person agrees.
fn may_send(entries: &[Entry], args: &PushArgs, json: bool) -> Result<bool, Failure> {
    let waits = entries.iter().any(Entry::waits);
    let bad = preview::Counts::of(entries).bad > 0;
    if !waits || (bad && !args.partial) {
        return Ok(false);
    }
    let parts = batches(entries, args.batch.unwrap_or(BATCH)).count();
    if parts > 1 && !args.partial {
        eprintln!("{}", in_parts(parts));
    }
    if args.validate_only {
        return Ok(false);
    }
    if args.yes || json || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(true);
    }
    eprint!("发送？ send? [y/N] ");
    std::io::stderr().flush().map_err(Failure::failed)?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(Failure::failed)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes" | "是" | "好"))
}
