//! What the two relays of a plan have in common: a source of messages that are published in order.
//!
//! Place in the flow: `events` and `changes` implement it, `relay` drives it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use songhua_log::Identity;

use crate::message::{MessageId, Outgoing, Place};
use crate::status::Trouble;
use crate::stream::{Last, TopicStream};

/// Where a relay begins in an empty stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum RelayFrom {
    /// With the first event.
    #[default]
    Beginning,
    /// With the next event that comes.
    Head,
    /// With this position.
    Position(u64),
}

impl RelayFrom {
    /// The last position that is left out; `head` is where the log ends.
    pub(crate) const fn after(self, head: u64) -> u64 {
        match self {
            Self::Beginning => 0,
            Self::Head => head,
            Self::Position(position) => position.saturating_sub(1),
        }
    }
}

impl TryFrom<String> for RelayFrom {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<RelayFrom> for String {
    fn from(from: RelayFrom) -> Self {
        from.to_string()
    }
}

impl fmt::Display for RelayFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Beginning => f.write_str("beginning"),
            Self::Head => f.write_str("head"),
            Self::Position(position) => position.fmt(f),
        }
    }
}

impl FromStr for RelayFrom {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "beginning" => Ok(Self::Beginning),
            "head" => Ok(Self::Head),
            position => match position.parse() {
                Ok(position) if position > 0 => Ok(Self::Position(position)),
                _ => Err(format!(
                    "{text:?}: beginning, head, or a position from 1 / 应为 beginning、head 或不小于 1 的位置"
                )),
            },
        }
    }
}

/// How much still goes into a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
    /// Most bytes of one message.
    pub(crate) message_bytes: usize,
}

impl Room {
    /// Takes `message` into `batch`; false = it is full.
    ///
    /// # Errors
    /// The message is the first, and never fits.
    pub(crate) fn take(&mut self, batch: &mut Vec<Outgoing>, message: Outgoing) -> Result<bool, Trouble> {
        let size = message.size();
        let is_too_large = size > self.message_bytes;
        if is_too_large && batch.is_empty() {
            return Err(self.too_large(message.place, size));
        }
        let is_full = self.messages == 0 || (size > self.bytes && !batch.is_empty());
        if is_too_large || is_full {
            return Ok(false);
        }
        self.messages -= 1;
        self.bytes = self.bytes.saturating_sub(size);
        batch.push(message);
        Ok(true)
    }

    fn too_large(&self, place: Place, size: usize) -> Trouble {
        let (position, most) = (place.position, self.message_bytes);
        Trouble::lasting(format!(
            "the message of position {position} has up to {size} bytes, the NATS server takes {most}: raise max_payload in its \
             configuration (or max_msg_size of the stream), or use --relay-payload protobuf / 位置 {position} 的消息最多有 {size} \
             字节，超过 NATS 服务器上限 {most}：请调高 max_payload 或改用 protobuf"
        ))
    }
}

/// Messages in the order in which they are to stand in the stream.
pub(crate) trait Source: Send + 'static {
    /// Compares what stands last in the stream with what should, and goes on behind it. Called before anything is
    /// filled, and again after every trouble.
    fn resume(&mut self, stream: &TopicStream) -> impl Future<Output = Result<(), Trouble>> + Send;

    /// The next batch of what there is now, and moves on behind it; empty = nothing now.
    fn fill(&mut self, stream: &TopicStream, room: Room)
    -> impl Future<Output = Result<Vec<Outgoing>, Trouble>> + Send;

    /// Resolves once there may be something to fill. Cancelling is free.
    fn ready(&mut self) -> impl Future<Output = ()> + Send;

    /// The last position that was filled or found.
    fn position(&self) -> u64;

    /// Where the source ends now.
    fn end(&self) -> u64;
}

/// Where the stream ends, if its last message may be of the history `ours` that ends at `durable`. The caller compares
/// the message itself.
pub(crate) fn place_of(stream: &TopicStream, ours: &Identity, durable: u64) -> Result<Option<Place>, Trouble> {
    let mark = match &stream.last {
        Last::Nothing => return Ok(None),
        Last::Ours(mark) => mark,
        Last::Foreign(subject) => {
            return Err(refuse(stream, ours, &format!("a message on {subject} that no relay wrote")));
        }
    };
    let MessageId { log_id, epoch, place } = mark.id;
    if (log_id, epoch) != (ours.log_id, ours.epoch) {
        return Err(refuse(stream, ours, &format!("log {log_id} epoch {epoch}, position {}", place.position)));
    }
    if place.position > durable || place.position == 0 {
        let detail = format!("this log at position {}, which ends at {durable} here", place.position);
        return Err(refuse(stream, ours, &detail));
    }
    Ok(Some(place))
}

/// The stream is of another history.
pub(crate) fn refuse(stream: &TopicStream, ours: &Identity, holds: &str) -> Trouble {
    let (name, log_id, epoch) = (&stream.name, ours.log_id, ours.epoch);
    Trouble::lasting(format!(
        "stream {name} ends with {holds}; this node serves log {log_id} epoch {epoch}: serve the log that the stream was \
         made of, or delete the stream and it is filled again / 主题流 {name} 的内容与本节点的日志不一致：请恢复对应的日志，\
         或删除该流以重新发布"
    ))
}

/// Where an empty stream begins. What was decided stays as long as the stream is the same and stays empty, so that
/// nothing is left out when a first publish fails.
#[derive(Debug, Default)]
pub(crate) struct Beginning {
    decided: Option<(i128, u64)>,
}

impl Beginning {
    /// The last position that is left out.
    pub(crate) fn after(&mut self, stream: &TopicStream, from: RelayFrom, head: u64) -> u64 {
        match self.decided {
            Some((created, after)) if created == stream.created => after,
            _ => {
                let after = from.after(head);
                self.decided = Some((stream.created, after));
                after
            }
        }
    }

    /// The stream holds something.
    pub(crate) const fn forget(&mut self) {
        self.decided = None;
    }
}
