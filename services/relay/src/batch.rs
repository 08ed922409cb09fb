//! Publishing: one atomic batch (ADR-50) or one message at a time, fenced by the stream's last sequence.
//!
//! ```text
//! first: Nats-Expected-Last-Sequence ──▶ accepted: empty answer
//! …      no answer wanted
//! last:  Nats-Batch-Commit ──────────▶ stored: {seq, count}, or nothing is: {error}
//! ```
//! Place in the flow: the last step of a relay. It must not know what a message means, nor try anything twice: after an
//! error the position is read from the stream.

use async_nats::header::{
    NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE, NATS_EXPECTED_LAST_SEQUENCE,
};
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::{self, ErrorCode};
use async_nats::{Message, PublishErrorKind, StatusCode, Subscriber};
use futures::StreamExt;

use crate::connection::{ANSWER_WITHIN, Connection};
use crate::message::Outgoing;
use crate::status::Trouble;
use crate::stream::no_responders;

/// Most messages of an atomic batch, by the server.
pub(crate) const BATCH_MESSAGES_MAX: usize = 1_000;
/// Most bytes of a batch.
pub(crate) const BATCH_BYTES_MAX: usize = 4 << 20;

/// Up to this many messages go one at a time: an atomic batch costs the server some 4 ms of its own, a message 0.3 ms (2.15.1,
/// one replica, a busy machine). Never several at once: behind a stranger's message the second one's fence would hold.
const SINGLES_MAX: usize = 4;

/// Publishes to one stream. One call at a time.
pub(crate) struct Publisher {
    connection: Connection,
    /// Answers to everything that this publisher sent.
    answers: Subscriber,
    inbox: String,
    /// Counts what was sent, so that a late answer is not taken for one that is awaited.
    sent: u64,
    is_atomic: bool,
}

impl Publisher {
    pub(crate) async fn open(connection: &Connection, is_atomic: bool) -> Result<Self, Trouble> {
        let inbox = connection.client().new_inbox();
        let answers = connection.client().subscribe(format!("{inbox}.*")).await;
        let answers = answers.map_err(|error| Trouble::passing(error.to_string()))?;
        Ok(Self { connection: connection.clone(), answers, inbox, sent: 0, is_atomic })
    }

    /// Most messages of a call.
    pub(crate) const fn messages_max(&self) -> usize {
        // One at a time takes long; the position is told after each call.
        if self.is_atomic { BATCH_MESSAGES_MAX } else { 100 }
    }

    /// Publishes `batch` behind sequence `last` of the stream. Gives the new last sequence.
    ///
    /// # Errors
    /// An atomic batch is then stored as a whole, later, or never; else a beginning of it may be.
    pub(crate) async fn publish(&mut self, mut batch: Vec<Outgoing>, last: u64) -> Result<u64, Trouble> {
        let breaks = self.connection.breaks();
        let connection = self.connection.clone();
        let publishing = async {
            if self.is_atomic && batch.len() > SINGLES_MAX {
                return self.publish_atomically(batch, last).await;
            }
            let mut last = last;
            for message in batch.drain(..) {
                last = self.publish_one(message, last).await?;
            }
            Ok(last)
        };
        tokio::select! {
            published = publishing => published,
            () = connection.broken(breaks) => Err(Trouble::Passing(connection.why_down())),
        }
    }

    async fn publish_one(&mut self, mut message: Outgoing, last: u64) -> Result<u64, Trouble> {
        message.headers.insert(NATS_EXPECTED_LAST_SEQUENCE, last.to_string());
        self.sent += 1;
        let answer = format!("{}", self.sent);
        self.send(message, Some(&answer)).await?;
        let acknowledged = self.acknowledged(&answer, None).await?;
        expect(acknowledged, last + 1)
    }

    async fn publish_atomically(&mut self, batch: Vec<Outgoing>, last: u64) -> Result<u64, Trouble> {
        self.sent += 1;
        // Unique on the server while this publisher lives: the inbox is.
        let unique = self.inbox.rsplit('.').next().unwrap_or_default();
        let id = format!("{unique}-{}", self.sent);
        let (first, final_) = (format!("{}-accept", self.sent), format!("{}", self.sent));
        let count = batch.len();
        for (message, number) in batch.into_iter().zip(1_usize..) {
            let mut message = message;
            message.headers.insert(NATS_BATCH_ID, id.as_str());
            message.headers.insert(NATS_BATCH_SEQUENCE, number.to_string());
            let mut answer = None;
            if number == 1 {
                message.headers.insert(NATS_EXPECTED_LAST_SEQUENCE, last.to_string());
                answer = Some(&first);
            }
            if number == count {
                message.headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
                answer = Some(&final_);
            }
            self.send(message, answer.map(String::as_str)).await?;
        }
        let acknowledged = self.acknowledged(&final_, Some(&first)).await?;
        expect(acknowledged, last + count as u64)
    }

    async fn send(&self, message: Outgoing, answer: Option<&str>) -> Result<(), Trouble> {
        let client = self.connection.client();
        let Outgoing { subject, headers, payload, .. } = message;
        let sending = async {
            match answer {
                Some(answer) => {
                    let reply = format!("{}.{answer}", self.inbox);
                    client.publish_with_reply_and_headers(subject, reply, headers, payload).await
                }
                None => client.publish_with_headers(subject, headers, payload).await,
            }
        };
        match tokio::time::timeout(ANSWER_WITHIN, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                Err(Trouble::lasting(format!("{error}")))
            }
            Ok(Err(error)) => Err(Trouble::passing(error.to_string())),
            Err(_) => Err(Trouble::Passing(self.connection.why_down())),
        }
    }

    /// Waits for the answer named `answer`; `accept` may come before and may refuse as well.
    async fn acknowledged(&mut self, answer: &str, accept: Option<&str>) -> Result<PublishAck, Trouble> {
        let inbox = self.inbox.len() + 1;
        let waiting = async {
            while let Some(message) = self.answers.next().await {
                let name = message.subject.get(inbox..).unwrap_or_default();
                if accept == Some(name) {
                    if !message.payload.is_empty() || message.status.is_some() {
                        read(&message)?;
                    }
                } else if name == answer {
                    return read(&message);
                }
            }
            Err(Trouble::passing("the NATS client has ended"))
        };
        match tokio::time::timeout(ANSWER_WITHIN, waiting).await {
            Ok(acknowledged) => acknowledged,
            Err(_) => Err(Trouble::passing(format!(
                "no acknowledgement within {} s{}; reading the position again / 未收到确认，正在重新读取位置",
                ANSWER_WITHIN.as_secs(),
                self.connection.problem()
            ))),
        }
    }
}

/// The stream must end where we think it does.
fn expect(acknowledged: PublishAck, last: u64) -> Result<u64, Trouble> {
    if acknowledged.duplicate {
        return Err(Trouble::Passing(duplicate()));
    }
    if acknowledged.sequence != last {
        let PublishAck { stream, sequence, .. } = acknowledged;
        return Err(Trouble::passing(format!("stream {stream} ends at {sequence}, not at {last}")));
    }
    Ok(last)
}

fn read(message: &Message) -> Result<PublishAck, Trouble> {
    if message.status == Some(StatusCode::NO_RESPONDERS) {
        return Err(Trouble::Passing(no_responders()));
    }
    match serde_json::from_slice(&message.payload) {
        Ok(Response::Ok(acknowledged)) => Ok(acknowledged),
        Ok(Response::Err { error }) => Err(refused(&error)),
        Err(error) => Err(Trouble::passing(format!("an acknowledgement that cannot be read: {error}"))),
    }
}

fn refused(error: &jetstream::Error) -> Trouble {
    match error.error_code() {
        ErrorCode::STREAM_WRONG_LAST_SEQUENCE | ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT => Trouble::passing(
            format!("the stream has moved: {error}; reading the position again / 主题流已被改动，正在重新读取位置"),
        ),
        ErrorCode::ATOMIC_PUBLISH_CONTAINS_DUPLICATE_MESSAGE => Trouble::Passing(duplicate()),
        ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM => {
            Trouble::lasting(format!("{error}: raise max_msg_size of the stream / 请调高该流的 max_msg_size"))
        }
        _ => Trouble::passing(error.to_string()),
    }
}

fn duplicate() -> String {
    "messages were removed from the stream, and its server still remembers their ids: publishing them again when its \
     duplicate window is over / 主题流中的消息已被删除，去重窗口过后将重新发布"
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(payload: &'static str, status: Option<StatusCode>) -> Message {
        let (subject, payload) = ("_INBOX.x.1".into(), payload.as_bytes().into());
        Message { subject, reply: None, payload, headers: None, status, description: None, length: 0 }
    }

    #[test]
    fn an_acknowledgement_counts_only_where_the_batch_was_to_end() {
        let ours = read(&answer(r#"{"stream":"S","seq":7,"batch":"b","count":3}"#, None)).expect("an acknowledgement");
        assert_eq!(expect(ours.clone(), 7), Ok(7));
        assert!(matches!(expect(ours, 8), Err(Trouble::Passing(_))), "elsewhere");
        let known = read(&answer(r#"{"stream":"S","seq":7,"duplicate":true}"#, None)).expect("an acknowledgement");
        assert_eq!(
            expect(known, 7),
            Err(Trouble::Passing(duplicate())),
            "it was stored before, who knows what with it"
        );
    }

    #[test]
    fn what_a_refusal_says_decides_whether_somebody_must_act() {
        let refused = |code: u64| {
            let json = format!(r#"{{"code":400,"err_code":{code},"description":"d"}}"#);
            refused(&serde_json::from_str(&json).expect("an error"))
        };
        for code in [10_071, 10_164, 10_201, 10_174, 10_176, 10_077] {
            assert!(matches!(refused(code), Trouble::Passing(_)), "{code}");
        }
        assert!(matches!(refused(10_054), Trouble::Lasting(_)), "a message that is too large stays too large");
    }

    #[test]
    fn no_responders_and_garbage_pass() {
        for message in [answer("", Some(StatusCode::NO_RESPONDERS)), answer("?", None), answer("", None)] {
            assert!(matches!(read(&message), Err(Trouble::Passing(_))), "{message:?}");
        }
    }
}
