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

/// Where a stream that is made begins.
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
    /// The position that a stream begins with, in which the relay of a log that ends at `head` finds nothing: if it knows
    /// how far the stream before reached, nothing between is left out.
    pub(crate) const fn first(self, known: Option<Place>, head: u64) -> u64 {
        match (self, known) {
            (Self::Beginning, _) => 1,
            (Self::Position(position), _) => position,
            (Self::Head, None) => head + 1,
            (Self::Head, Some(Place { position, index: None })) => position + 1,
            // Of this event there may be more.
            (Self::Head, Some(Place { position, index: Some(_) })) => position,
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

    /// Compares what the stream holds with what was published into it. Called behind [`resume`](Self::resume).
    fn verify(&self, stream: &TopicStream) -> impl Future<Output = Result<(), Trouble>> + Send;

    /// The next batch of what there is now, and moves on behind it; empty = nothing now.
    fn fill(&mut self, stream: &TopicStream, room: Room)
    -> impl Future<Output = Result<Vec<Outgoing>, Trouble>> + Send;

    /// Resolves once there may be something to fill. Cancelling is free.
    fn ready(&mut self) -> impl Future<Output = ()> + Send;

    /// What was filled or found last; without an index all of that position was.
    fn place(&self) -> Place;

    /// Where the source ends now.
    fn end(&self) -> u64;

    /// Where the log ends now.
    fn head(&self) -> u64;
}

/// Where stream `name` ends, if what stands last in it may be of the history `ours` that ends at `durable`, or of an
/// earlier epoch that was left at `left`; none = it is empty. The caller compares the message itself.
///
/// # Errors
/// It is of another history, or of none.
pub(crate) fn place_of(
    name: &str,
    last: &Last,
    ours: &Identity,
    durable: u64,
    left: Option<u64>,
) -> Result<Option<Place>, Trouble> {
    let mark = match last {
        Last::Nothing => return Ok(None),
        Last::Ours(mark) => mark,
        Last::Foreign(subject) => {
            return Err(refuse(name, ours, &format!("a message on {subject} that no relay wrote")));
        }
    };
    let MessageId { log_id, epoch, place } = mark.id;
    let is_earlier = log_id == ours.log_id && left.is_some();
    if !is_earlier && (log_id, epoch) != (ours.log_id, ours.epoch) {
        return Err(refuse(name, ours, &format!("log {log_id} epoch {epoch}, position {}", place.position)));
    }
    if (place.position > durable && !is_earlier) || place.position == 0 {
        let holds = format!("position {} of this log, which ends at {durable} here", place.position);
        return Err(refuse(name, ours, &holds));
    }
    Ok(Some(place))
}

/// Stream `name` is of another history.
pub(crate) fn refuse(name: &str, ours: &Identity, holds: &str) -> Trouble {
    let (log_id, epoch) = (ours.log_id, ours.epoch);
    Trouble::lasting(format!(
        "stream {name} ends with {holds}; this node serves log {log_id} epoch {epoch}: serve the log that the stream was \
         made of, or delete the stream and it is filled again / 主题流 {name} 的内容与本节点的日志不一致：请恢复对应的日志，\
         或删除该流以重新发布"
    ))
}

/// What a stream was counted to hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    /// Messages that it holds, of which `count` should be there.
    pub(crate) messages: u64,
    pub(crate) count: u64,
}

/// Whether a stream that holds something still holds all that was published into it: it began with `began`, and from its
/// first to its last message the source has `count`.
///
/// # Errors
/// Messages were removed before the last one, and not by the limits of the stream.
pub(crate) fn verify(stream: &TopicStream, began: Place, held: Held) -> Result<(), Trouble> {
    let (name, Held { messages, count }) = (&stream.name, held);
    let first = match &stream.first {
        Last::Ours(mark) => mark.id.place,
        Last::Foreign(subject) => {
            return Err(lacking(name, &format!("begins with a message on {subject} that no relay wrote")));
        }
        Last::Nothing => return Err(Trouble::passing(format!("stream {name} is being emptied / 主题流正在被清空"))),
    };
    if first != began && !stream.is_limited {
        let (there, began) = (first.position, began.position);
        return Err(lacking(
            name,
            &format!("begins with position {there}; it began with {began}, and messages were removed"),
        ));
    }
    if messages != count {
        let holds =
            format!("holds {messages} messages of the {count} from its first to its last: some were removed between");
        return Err(lacking(name, &holds));
    }
    Ok(())
}

/// Stream `name` has lost messages that cannot be published again before those that are left.
fn lacking(name: &str, what: &str) -> Trouble {
    Trouble::lasting(format!(
        "stream {name} {what}: purge all of it, or delete it, and it is filled again from the log / 主题流 {name} \
         缺少已被删除的消息：请清空或删除该流，将从日志重新发布"
    ))
}

#[cfg(test)]
mod tests {
    use async_nats::HeaderMap;
    use bytes::Bytes;
    use songhua_log::HashAlgorithm;
    use uuid::Uuid;

    use super::*;
    use crate::message::Mark;

    const OURS: Identity = Identity { log_id: Uuid::from_u128(1), epoch: 2, hash: HashAlgorithm::Sha256 };

    fn last(log_id: u128, epoch: u32, position: u64) -> Last {
        let place = Place { position, index: None };
        let id = MessageId { log_id: Uuid::from_u128(log_id), epoch, place };
        Last::Ours(Mark { id, event_id: String::new(), resource: String::new() })
    }

    fn message(position: u64, bytes: usize) -> Outgoing {
        let place = Place { position, index: None };
        Outgoing { place, subject: String::new(), headers: HeaderMap::new(), payload: Bytes::from(vec![0; bytes]) }
    }

    #[test]
    fn a_stream_of_this_history_goes_on_where_it_ends() {
        assert_eq!(place_of("S", &Last::Nothing, &OURS, 9, None), Ok(None));
        for position in [1, 8, 9] {
            let place = place_of("S", &last(1, 2, position), &OURS, 9, None).expect("ours");
            assert_eq!(place, Some(Place { position, index: None }));
        }
    }

    #[test]
    fn a_stream_of_another_history_is_refused_and_both_are_named() {
        let foreign = Last::Foreign("a.b".to_owned());
        let other = last(7, 2, 3);
        for last in [&foreign, &other, &last(1, 1, 3), &last(1, 3, 3), &last(1, 2, 10), &last(1, 2, 0)] {
            let Err(Trouble::Lasting(detail)) = place_of("S", last, &OURS, 9, None) else {
                panic!("{last:?} is refused")
            };
            assert!(detail.contains(&OURS.log_id.to_string()) && detail.contains("stream S"), "{detail}");
        }
        let Err(Trouble::Lasting(detail)) = place_of("S", &other, &OURS, 9, None) else { panic!("refused") };
        assert!(detail.contains(&Uuid::from_u128(7).to_string()), "{detail}");
    }

    #[test]
    fn a_stream_of_an_earlier_epoch_that_was_left_may_end_anywhere_and_another_log_never_does() {
        for position in [1, 4, 9, 10] {
            let place = place_of("S", &last(1, 1, position), &OURS, 9, Some(4)).expect("left");
            assert_eq!(place, Some(Place { position, index: None }));
        }
        assert!(place_of("S", &last(7, 1, 3), &OURS, 9, Some(4)).is_err());
    }

    #[test]
    fn a_batch_ends_at_its_number_of_messages_or_bytes() {
        let mut batch = Vec::new();
        let mut room = Room { messages: 2, bytes: 1 << 20, message_bytes: 1 << 20 };
        let taken = [1, 2, 3].map(|position| room.take(&mut batch, message(position, 10)));
        assert_eq!(taken, [Ok(true), Ok(true), Ok(false)]);
        assert_eq!(batch.len(), 2);

        batch.clear();
        let size = message(1, 100).size();
        let mut room = Room { messages: 9, bytes: 2 * size, message_bytes: 1 << 20 };
        let taken = [1, 2, 3].map(|position| room.take(&mut batch, message(position, 100)));
        assert_eq!(taken, [Ok(true), Ok(true), Ok(false)]);
    }

    #[test]
    fn a_message_above_the_bytes_of_a_batch_goes_alone() {
        let mut batch = Vec::new();
        let mut room = Room { messages: 9, bytes: 10, message_bytes: 1 << 20 };
        assert_eq!(room.take(&mut batch, message(1, 100)), Ok(true));
        assert_eq!(room.take(&mut batch, message(2, 0)), Ok(false));
    }

    #[test]
    fn a_message_that_the_server_does_not_take_ends_the_batch_before_it_and_is_refused_by_itself() {
        let mut batch = Vec::new();
        let mut room = Room { messages: 9, bytes: 1 << 20, message_bytes: 1_000 };
        assert_eq!(room.take(&mut batch, message(1, 10)), Ok(true));
        assert_eq!(room.take(&mut batch, message(2, 1_000)), Ok(false));
        batch.clear();
        let Err(Trouble::Lasting(detail)) = room.take(&mut batch, message(2, 1_000)) else { panic!("refused") };
        assert!(detail.contains("position 2") && detail.contains("max_payload"), "{detail}");
    }

    #[test]
    fn a_stream_that_was_lost_begins_behind_what_it_held() {
        let place = |position, index| Some(Place { position, index });
        for (from, known, first) in [
            (RelayFrom::Beginning, place(5, None), 1),
            (RelayFrom::Position(3), place(5, None), 3),
            (RelayFrom::Head, None, 9),
            (RelayFrom::Head, place(5, None), 6),
            (RelayFrom::Head, place(5, Some(1)), 5),
        ] {
            assert_eq!(from.first(known, 8), first, "{from} {known:?}");
        }
    }

    #[test]
    fn a_beginning_reads_back() {
        for (text, from) in
            [("beginning", RelayFrom::Beginning), ("head", RelayFrom::Head), ("3", RelayFrom::Position(3))]
        {
            assert_eq!((text.parse(), from.to_string()), (Ok(from), text.to_owned()));
        }
        for text in ["0", "-1", "", "Head", "1.5"] {
            assert!(text.parse::<RelayFrom>().is_err(), "{text}");
        }
    }
}
