//! Messages: what is published, the id that places a message in its history, and how header values are written.
//!
//! Place in the flow: events and status changes become an [`Outgoing`] each; what stands last in a stream is read back
//! as a [`Mark`]. CloudEvents 1.0, binary mode: attributes are headers `ce-…`, the payload is the data.

use std::fmt;
use std::str::FromStr;

use async_nats::header::NATS_MESSAGE_ID;
use async_nats::{HeaderMap, HeaderName};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use songhua_log::{Epoch, Identity};
use uuid::Uuid;

pub(crate) const CE_SPECVERSION: HeaderName = HeaderName::from_static("ce-specversion");
pub(crate) const CE_ID: HeaderName = HeaderName::from_static("ce-id");
pub(crate) const CE_SOURCE: HeaderName = HeaderName::from_static("ce-source");
pub(crate) const CE_TYPE: HeaderName = HeaderName::from_static("ce-type");
pub(crate) const CE_SUBJECT: HeaderName = HeaderName::from_static("ce-subject");
pub(crate) const CE_TIME: HeaderName = HeaderName::from_static("ce-time");
pub(crate) const CE_RECORDED_TIME: HeaderName = HeaderName::from_static("ce-recordedtime");
pub(crate) const CE_SEQUENCE: HeaderName = HeaderName::from_static("ce-sequence");
pub(crate) const CE_PREVIOUS_SEQUENCE: HeaderName = HeaderName::from_static("ce-previoussequence");
pub(crate) const CE_EPOCH: HeaderName = HeaderName::from_static("ce-epoch");
pub(crate) const CE_CHANGE_INDEX: HeaderName = HeaderName::from_static("ce-changeindex");
pub(crate) const CE_DATA_CONTENT_TYPE: HeaderName = HeaderName::from_static("ce-datacontenttype");
pub(crate) const CE_DATA_SCHEMA: HeaderName = HeaderName::from_static("ce-dataschema");
pub(crate) const CE_SIMULATED: HeaderName = HeaderName::from_static("ce-simulated");
pub(crate) const CE_CORRELATION_ID: HeaderName = HeaderName::from_static("ce-correlationid");
pub(crate) const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

/// Bytes that the server's own headers add to a message at most: fence, batch id, number, commit.
const OVERHEAD: usize = 256;

/// How payloads are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RelayPayload {
    /// proto3-JSON.
    #[default]
    Json,
    /// Protobuf: the stored bytes of an event.
    Protobuf,
}

impl RelayPayload {
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/protobuf",
        }
    }
}

impl fmt::Display for RelayPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "json",
            Self::Protobuf => "protobuf",
        })
    }
}

impl FromStr for RelayPayload {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "json" => Ok(Self::Json),
            "protobuf" => Ok(Self::Protobuf),
            _ => Err(format!("{text:?}: json or protobuf / 应为 json 或 protobuf")),
        }
    }
}

/// Where a message belongs in its stream: the event, and for a status change its number among those of that event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Place {
    pub(crate) position: u64,
    pub(crate) index: Option<u32>,
}

/// `Nats-Msg-Id`: `<log_id>.<epoch>.<position>`, with `.<index>` for a status change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MessageId {
    pub(crate) log_id: Uuid,
    pub(crate) epoch: Epoch,
    pub(crate) place: Place,
}

impl MessageId {
    pub(crate) const fn new(identity: &Identity, place: Place) -> Self {
        Self { log_id: identity.log_id, epoch: identity.epoch, place }
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { log_id, epoch, place: Place { position, index } } = self;
        write!(f, "{log_id}.{epoch}.{position}")?;
        index.map_or(Ok(()), |index| write!(f, ".{index}"))
    }
}

impl FromStr for MessageId {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('.');
        let mut next = || parts.next().ok_or(());
        let log_id = Uuid::try_parse(next()?).map_err(drop)?;
        let epoch = next()?.parse().map_err(drop)?;
        let position = next()?.parse().map_err(drop)?;
        let index = parts.next().map(str::parse).transpose().map_err(drop)?;
        parts.next().is_none().then_some(Self { log_id, epoch, place: Place { position, index } }).ok_or(())
    }
}

/// What tells whose a stored message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) id: MessageId,
    /// Its `ce-id`.
    pub(crate) event_id: String,
    /// Its `ce-subject`.
    pub(crate) resource: String,
}

impl Mark {
    /// Reads the headers of a stored message; none if no relay wrote it.
    pub(crate) fn read(headers: &HeaderMap) -> Option<Self> {
        let text = |name: HeaderName| headers.get(name).map(|value| value.as_str().to_owned());
        let id = headers.get(NATS_MESSAGE_ID)?.as_str().parse().ok()?;
        Some(Self { id, event_id: text(CE_ID)?, resource: text(CE_SUBJECT)? })
    }
}

/// A message to publish.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) place: Place,
    pub(crate) subject: String,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Bytes,
}

impl Outgoing {
    /// Its size on the wire, not below what the server counts against `max_payload`.
    pub(crate) fn size(&self) -> usize {
        let header = |(name, values): (&HeaderName, &Vec<async_nats::HeaderValue>)| {
            values.iter().map(|value| AsRef::<str>::as_ref(name).len() + value.as_str().len() + 4).sum::<usize>()
        };
        OVERHEAD + self.headers.iter().map(header).sum::<usize>() + self.payload.len()
    }
}

/// A position as a header value: 20 digits, so that it sorts as text.
pub(crate) fn sequence(position: u64) -> String {
    format!("{position:020}")
}

/// A header value as the CloudEvents NATS binding writes it: everything but printable ASCII, and `"`, `%` and the space,
/// percent-encoded as UTF-8.
pub(crate) fn header_value(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'!'..=b'~' if byte != b'"' && byte != b'%' => value.push(char::from(byte)),
            _ => {
                const HEX: [char; 16] =
                    ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
                value.push('%');
                value.push(HEX[usize::from(byte >> 4)]);
                value.push(HEX[usize::from(byte & 15)]);
            }
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_reads_back_and_nothing_else_is_one() {
        let log_id = Uuid::from_u128(7);
        for index in [None, Some(0), Some(41)] {
            let id = MessageId { log_id, epoch: 3, place: Place { position: 12_345, index } };
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        for text in ["", "x", "1.2.3", &format!("{log_id}.1"), &format!("{log_id}.1.2.3.4"), &format!("{log_id}.1.-2")]
        {
            assert_eq!(text.parse::<MessageId>(), Err(()), "{text}");
        }
    }

    #[test]
    fn places_sort_by_position_then_index() {
        let place = |position, index| Place { position, index };
        assert!(place(3, Some(1)) < place(3, Some(2)) && place(3, Some(9)) < place(4, Some(0)));
    }

    #[test]
    fn a_header_value_is_printable_ascii_without_quote_percent_and_space() {
        assert_eq!(header_value("plans/p/areas/c"), "plans/p/areas/c");
        assert_eq!(header_value("50% \"x\"\r\n"), "50%25%20%22x%22%0D%0A");
        assert_eq!(header_value("松花"), "%E6%9D%BE%E8%8A%B1");
        assert_eq!(header_value("\u{7f}~!"), "%7F~!");
    }

    #[test]
    fn a_sequence_has_twenty_digits() {
        assert_eq!(sequence(42), "00000000000000000042");
        assert_eq!(sequence(u64::MAX).len(), 20);
    }

    #[test]
    fn the_headers_of_somebody_else_are_no_mark() {
        let mut headers = HeaderMap::new();
        assert_eq!(Mark::read(&headers), None);
        headers.insert(NATS_MESSAGE_ID, "something");
        headers.insert(CE_ID, "e");
        headers.insert(CE_SUBJECT, "plans/p");
        assert_eq!(Mark::read(&headers), None);
        headers.insert(NATS_MESSAGE_ID, format!("{}.1.5", Uuid::nil()));
        assert_eq!(Mark::read(&headers).expect("a mark").id.place, Place { position: 5, index: None });
    }
}
