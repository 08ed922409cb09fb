//! The rows of a file: read, given an id where they have none, cut into batches that the server takes.

use std::collections::VecDeque;

use prost::Message;
use serde::Deserialize;
use songhua_ingest::EVENT_BYTES_MAX;
use songhua_wire::pb;

use super::events::Outcome;
use crate::cli::push_id::derived_id;

/// Most bytes of a line: an event of 60 KiB as JSON, with room for escapes.
const LINE_BYTES_MAX: usize = 512 << 10;
/// Most bytes of the events of a batch: the server takes requests of 1 MiB.
const BATCH_BYTES_MAX: usize = 900 << 10;
/// What a request adds to an event: its tag and its length.
const FRAME_BYTES: usize = 4;

/// A line that can be sent.
pub(super) struct Row {
    /// Its number in the file, from 1.
    pub(super) line: usize,
    /// What is sent.
    pub(super) event: pb::EventInput,
    /// The id was made of what the line speaks of.
    pub(super) derived: bool,
}

/// The rows of a file in order; lines that cannot be sent go into `outcome`.
pub(super) fn read(bytes: &[u8], agency: Option<&str>, outcome: &mut Outcome) -> Vec<Row> {
    let mut rows = Vec::new();
    for (index, text) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = index + 1;
        if text.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match parse(text, agency) {
            Ok((event, derived)) => rows.push(Row { line, event, derived }),
            Err(reason) => outcome.refuse(line, "", reason),
        }
    }
    rows
}

/// The event of a line, and whether its id was made here.
fn parse(line: &[u8], agency: Option<&str>) -> Result<(pb::EventInput, bool), String> {
    if line.len() > LINE_BYTES_MAX {
        return Err(format!("line of {} bytes, the limit is {LINE_BYTES_MAX} / 行过长", line.len()));
    }
    let (mut event, revision) =
        event_of(line).map_err(|error| format!("not an EventInput in JSON: {error} / 无法解析"))?;
    let derived = event.event_id.is_empty();
    if derived {
        let agency =
            agency.ok_or("no event_id: give --agency, so that one can be made / 缺少 event_id，请提供 --agency")?;
        event.event_id = derived_id(agency, &event, revision.unwrap_or(0))
            .ok_or("no event_id, and none can be made of this event / 缺少 event_id")?;
    } else if revision.is_some() {
        return Err("give event_id or revision, not both: a new event needs a new event_id / \
                    event_id 与 revision 不可同时提供"
            .to_owned());
    }
    let size = event.encoded_len();
    if size > EVENT_BYTES_MAX {
        return Err(format!(
            "事件过大：{size} 字节，上限 {EVENT_BYTES_MAX}\n  \
             the event has {size} bytes, the limit is {EVENT_BYTES_MAX} [EVENT_TOO_LARGE]"
        ));
    }
    Ok((event, derived))
}

/// What a line holds beside the event.
#[derive(Deserialize)]
#[serde(rename = "EventInput")]
struct Beside {
    revision: Option<u32>,
}

fn event_of(line: &[u8]) -> serde_json::Result<(pb::EventInput, Option<u32>)> {
    let Beside { revision } = serde_json::from_slice(line)?;
    if revision.is_none() {
        return Ok((serde_json::from_slice(line)?, None));
    }
    let mut row: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(line)?;
    row.remove("revision");
    Ok((serde_json::from_value(row.into())?, revision))
}

/// Cuts rows into batches of at most `count` rows, and of no more bytes than a request may have.
pub(super) fn in_batches(rows: Vec<Row>, count: usize) -> VecDeque<Vec<Row>> {
    let mut batches: VecDeque<Vec<Row>> = VecDeque::new();
    let mut bytes = 0;
    for row in rows {
        let size = row.event.encoded_len() + FRAME_BYTES;
        match batches.back_mut() {
            Some(batch) if batch.len() < count && bytes + size <= BATCH_BYTES_MAX => {
                bytes += size;
                batch.push(row);
            }
            _ => {
                bytes = size;
                batches.push_back(vec![row]);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    const REACHED: &str = r#""milestoneReached":{"project":"park","milestone":"opening"}"#;

    fn id(line: &str) -> String {
        parse(line.as_bytes(), Some("stb")).unwrap().0.event_id
    }

    fn refused(line: &str) -> String {
        parse(line.as_bytes(), Some("stb")).unwrap_err()
    }

    #[test]
    fn a_revision_makes_another_event_and_none_is_revision_0() {
        let first = id(&format!("{{{REACHED}}}"));
        assert_eq!(id(&format!("{{\"revision\": 0, {REACHED}}}")), first);
        let second = id(&format!("{{\"revision\": 1, {REACHED}}}"));
        assert_ne!(second, first);
        assert_ne!(id(&format!("{{{REACHED}, \"revision\": 2}}")), second);
    }

    #[test]
    fn a_revision_is_a_whole_number_and_only_for_rows_without_an_id() {
        for revision in ["-1", "\"1\"", "1.5", "null", "4294967296"] {
            let reason = refused(&format!("{{\"revision\": {revision}, {REACHED}}}"));
            assert!(reason.contains("EventInput"), "{revision}: {reason}");
        }
        let id = "\"eventId\": \"0198d5a0-0000-7000-8000-000000000001\"";
        assert!(refused(&format!("{{{id}, \"revision\": 1, {REACHED}}}")).contains("not both"));
        assert!(refused(&format!("{{\"revision\": 1, \"colour\": 1, {REACHED}}}")).contains("colour"));
    }

    #[test]
    fn an_event_above_the_limit_is_refused_here_with_the_limit() {
        let reason = refused(&format!("{{\"comment\": \"{}\", {REACHED}}}", "x".repeat(EVENT_BYTES_MAX)));
        assert!(reason.contains("[EVENT_TOO_LARGE]") && reason.contains("61440"), "{reason}");
    }

    fn row(line: usize, bytes: usize) -> Row {
        Row { line, event: pb::EventInput { comment: "x".repeat(bytes), ..Default::default() }, derived: false }
    }

    #[test]
    fn batches_are_cut_by_count_and_by_bytes_and_keep_the_order() {
        let sizes = |rows: Vec<Row>, count| in_batches(rows, count).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes((0..7).map(|line| row(line, 10)).collect(), 3), [3, 3, 1]);
        assert_eq!(sizes((0..45).map(|line| row(line, 45 << 10)).collect(), 1_000), [19, 19, 7]);
        assert_eq!(sizes(Vec::new(), 3), [0; 0]);
        let batches = in_batches((0..500).map(|line| row(line, line * 100)).collect(), 100);
        let lines: Vec<_> = batches.iter().flatten().map(|row| row.line).collect();
        assert_eq!(lines, (0..500).collect::<Vec<_>>());
        for batch in batches {
            let request = pb::SubmitRequest {
                parent: "plans/harbin-2022-2026".to_owned(),
                events: batch.into_iter().map(|row| row.event).collect(),
                ..Default::default()
            };
            assert!(request.encoded_len() < 901 << 10, "{}", request.encoded_len());
        }
    }
}
