//! Where replayed records go: standard output, as lines for people, as JSON lines, or as they stand.

use std::io::{BufWriter, ErrorKind, Stdout, Write};

use prost::Message;
use serde::Serialize;
use songhua_wire::pb;
use songhua_wire::record::decode_header;

use super::super::Failure;
use super::text;

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A line for people.
    Text,
    /// A line of proto3-JSON.
    Json,
    /// A `ReplayRecord` behind its length.
    Raw,
}

/// Why nothing more is written.
pub(super) enum Unwritten {
    /// Nobody reads any more: the end, and no fault.
    Closed,
    /// A fault.
    Failed(Failure),
}

impl From<std::io::Error> for Unwritten {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == ErrorKind::BrokenPipe { Self::Closed } else { Self::Failed(Failure::failed(error)) }
    }
}

/// Standard output.
pub(super) struct Sink {
    form: Form,
    out: BufWriter<Stdout>,
}

/// A line of JSON; the position is a text, as in proto3-JSON.
#[derive(Serialize)]
struct Line<'a> {
    position: String,
    event: &'a pb::Event,
}

impl Sink {
    pub(super) fn new(form: Form) -> Self {
        Self { form, out: BufWriter::with_capacity(256 * 1024, std::io::stdout()) }
    }

    /// Writes the records of a response. They are on their way when this returns: no half of a response is kept back.
    pub(super) fn put(&mut self, records: &[pb::ReplayRecord]) -> Result<(), Unwritten> {
        for record in records {
            match self.form {
                Form::Raw => self.out.write_all(&record.encode_length_delimited_to_vec())?,
                Form::Text | Form::Json => {
                    let line = line(record, self.form).map_err(Unwritten::Failed)?;
                    writeln!(self.out, "{line}")?;
                }
            }
        }
        Ok(self.out.flush()?)
    }
}

/// A record of a newer binary is not shown with half of what it says.
fn line(record: &pb::ReplayRecord, form: Form) -> Result<String, Failure> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::Failed(format!("record {0} / 第 {0} 条记录：{error}", record.position))
    };
    let header = decode_header(&record.data).map_err(|error| unreadable(&error))?;
    let event = pb::Event::decode(record.data.clone()).map_err(|error| unreadable(&error))?;
    if form == Form::Text {
        return Ok(text::line(record.position, header.event_type, &event));
    }
    serde_json::to_string(&Line { position: record.position.to_string(), event: &event }).map_err(Failure::failed)
}
