//! `log dump DIR`: what stands in a log on disk, record by record, also where it is damaged; changes nothing.

use std::io::{BufWriter, ErrorKind, Stdout, Write};
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use prost::Message;
use serde::Serialize;
use serde_json::{Value, json};
use songhua_log::walk::{Walked, WalkedFrame, walk};
use songhua_log::{Position, StoredRecord, leaf_hash};
use songhua_wire::pb;
use songhua_wire::record::decode_record;
use songhua_wire::system::decode_system_event;
use uuid::Uuid;

use super::Failure;
use crate::node::hex;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum LogCommand {
    /// Print a log directory as JSON, one line a record / 逐条输出日志目录
    Dump(DumpArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct DumpArgs {
    /// The log: DATA/plans/PLAN/log, DATA/system/log, or as below a backup / 日志目录
    dir: PathBuf,
    /// From this position / 起始位置
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Up to this position / 截止位置
    #[arg(long, default_value_t = u64::MAX)]
    to: u64,
    /// Also frames: where each begins, marks, durable positions / 同时输出帧
    #[arg(long)]
    frames: bool,
    /// The stored bytes as base64 instead of the event / 输出原始字节
    #[arg(long)]
    raw: bool,
    /// Go on behind damage, and say what is missing / 越过损坏处继续
    #[arg(long)]
    skip_damage: bool,
}

/// A record, for whoever looks at night.
#[derive(Serialize)]
struct Line<'a> {
    position: u64,
    submission: [u64; 2],
    recorded_time: Timestamp,
    event_id: Uuid,
    epoch: u32,
    leaf_hash: String,
    #[serde(flatten)]
    content: &'a Value,
}

pub(crate) fn run(command: LogCommand) -> Result<(), Failure> {
    let LogCommand::Dump(args) = command;
    let mut dump = Dump { out: BufWriter::new(std::io::stdout()), ended: Ok(()), damage: 0, args: &args };
    let walked = walk(&args.dir, Position(args.from), args.skip_damage, &mut |walked| dump.show(walked));
    let flushed = dump.out.flush();
    walked.map_err(Failure::failed)?;
    dump.ended.and(flushed).or_else(|error| match error.kind() {
        ErrorKind::BrokenPipe => Ok(()),
        _ => Err(Failure::failed(error)),
    })?;
    match dump.damage {
        0 => Ok(()),
        places => {
            Err(Failure::Damage(format!("damage at {places} places; --skip-damage goes on behind it / 发现损坏")))
        }
    }
}

struct Dump<'a> {
    out: BufWriter<Stdout>,
    ended: std::io::Result<()>,
    damage: u64,
    args: &'a DumpArgs,
}

impl Dump<'_> {
    /// Prints what was walked over; false = that is enough.
    fn show(&mut self, walked: Walked) -> bool {
        let goes_on = match &walked {
            Walked::Frame(frame) => frame.first.0 <= self.args.to,
            Walked::Damage { .. } => true,
        };
        if goes_on {
            self.ended = match walked {
                Walked::Frame(frame) => self.frame(&frame),
                damage @ Walked::Damage { .. } => {
                    self.damage += 1;
                    self.line(&damage_line(&damage))
                }
            };
        }
        goes_on && self.ended.is_ok()
    }

    fn frame(&mut self, frame: &WalkedFrame) -> std::io::Result<()> {
        let is_wanted = |position: Position| (self.args.from..=self.args.to).contains(&position.0);
        let last = frame.records.last().map_or(frame.first, |record| record.position);
        if self.args.frames && last.0 >= self.args.from {
            self.line(&frame_line(frame))?;
        }
        let wanted: Vec<_> = frame.records.iter().filter(|record| is_wanted(record.position)).collect();
        for record in wanted {
            let content = self.content(record);
            let line = Line {
                position: record.position.0,
                submission: [record.submission_first.0, record.submission_last.0],
                recorded_time: moment(record.recorded_time_us),
                event_id: Uuid::from_bytes(record.key),
                epoch: frame.identity.epoch,
                leaf_hash: hex(&leaf_hash(&record.bytes)),
                content: &content,
            };
            self.line(&line)?;
        }
        Ok(())
    }

    fn content(&self, record: &StoredRecord) -> Value {
        if self.args.raw { json!({ "bytes": STANDARD.encode(&record.bytes) }) } else { decoded(record) }
    }

    fn line(&mut self, line: &impl Serialize) -> std::io::Result<()> {
        serde_json::to_writer(&mut self.out, line)?;
        self.out.write_all(b"\n")
    }
}

/// The event as proto3-JSON, of a plan or of the system; else its bytes, and why they are no event.
fn decoded(record: &StoredRecord) -> Value {
    let bytes = &record.bytes;
    let refused = match (decode_record(record.position.0, bytes), decode_system_event(bytes)) {
        (Ok(_), _) => match pb::Event::decode(bytes.clone()) {
            Ok(event) => return json!({ "event": event }),
            Err(error) => error.to_string(),
        },
        (_, Ok(_)) => match pb::SystemEvent::decode(bytes.clone()) {
            Ok(event) => return json!({ "systemEvent": event }),
            Err(error) => error.to_string(),
        },
        (Err(error), _) => error.to_string(),
    };
    json!({ "unreadable": refused, "bytes": STANDARD.encode(bytes) })
}

fn moment(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or_default()
}

fn frame_line(frame: &WalkedFrame) -> Value {
    json!({ "frame": {
        "file": frame.file,
        "offset": frame.offset,
        "bytes": frame.bytes,
        "kind": if frame.is_mark { "mark" } else { "submission" },
        "batchGoesOn": frame.batch_goes_on,
        "first": frame.first,
        "records": frame.records.len(),
        "durable": frame.durable,
        "recordedTime": moment(frame.recorded_time_us),
    } })
}

fn damage_line(damage: &Walked) -> Value {
    let Walked::Damage { file, offset, position, resumes, detail } = damage else { return Value::Null };
    json!({ "damage": {
        "file": file,
        "offset": offset,
        "position": position,
        "missingUpTo": resumes.map(|(_, next)| next.0.saturating_sub(1)),
        "resumesAt": resumes.map(|(offset, _)| offset),
        "detail": detail,
    } })
}
