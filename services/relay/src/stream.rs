//! A stream of topics: made if it is missing, and asked what stands last in it.
//!
//! Place in the flow: before a relay publishes, it reads its position here; always from the stream's leader, never from
//! memory. Where the stream begins is in its metadata. It must not know what messages mean.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::{Config, DiscardPolicy, Info, RawMessage, RetentionPolicy, StorageType};
use async_nats::jetstream::{self, Context, ErrorCode, context::RequestErrorKind, message::StreamMessage};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use songhua_log::Identity;

use crate::connection::{ANSWER_WITHIN, Connection};
use crate::extent::Extent;
use crate::message::Mark;
use crate::status::Trouble;
use crate::subject::is_covered;

/// How long a server remembers message ids. The fence keeps a message from being stored twice; the ids are a second
/// guard, against our own packets that arrive late, and those are seconds late at most. A longer memory would only keep a
/// purged stream from being filled again, and cost the server an entry for each message of that time.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(10);

/// Metadata: the log, its epoch, and the position that the stream begins with.
const LOG_ID: &str = "songhua_log_id";
const EPOCH: &str = "songhua_epoch";
const FROM: &str = "songhua_from";

/// `no message found`.
const NO_MESSAGE: ErrorCode = ErrorCode(10_037);

/// A stream as it should be.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    pub(crate) name: String,
    pub(crate) subjects: Vec<String>,
    pub(crate) description: String,
    /// Of the log that is published.
    pub(crate) identity: Identity,
    pub(crate) replicas: usize,
    /// None = unlimited.
    pub(crate) max_bytes: Option<u64>,
}

impl Spec {
    /// What the stream says of itself: which history it holds, and with which position it begins.
    fn metadata(&self, from: u64) -> HashMap<String, String> {
        let Identity { log_id, epoch, .. } = self.identity;
        let said = [(LOG_ID, log_id.to_string()), (EPOCH, epoch.to_string()), (FROM, from.to_string())];
        said.map(|(key, value)| (key.to_owned(), value)).into()
    }

    /// The position that a stream of this history, or of an earlier epoch of it, says it begins with. A restore may have
    /// taken that back: an earlier epoch's lies not beyond the log, which ends at `head`.
    fn begins_by(&self, metadata: &HashMap<String, String>, head: u64) -> Option<u64> {
        let from: u64 = metadata.get(FROM)?.parse().ok().filter(|from| *from > 0)?;
        let epoch: u32 = metadata.get(EPOCH)?.parse().ok()?;
        let is_ours = metadata.get(LOG_ID)? == &self.identity.log_id.to_string() && epoch <= self.identity.epoch;
        let most = if epoch < self.identity.epoch { head.saturating_add(1) } else { u64::MAX };
        is_ours.then_some(from.min(most))
    }

    fn config(&self, from: u64) -> Config {
        Config {
            name: self.name.clone(),
            subjects: self.subjects.clone(),
            description: Some(self.description.clone()),
            metadata: self.metadata(from),
            num_replicas: self.replicas,
            max_bytes: self.max_bytes.map_or(-1, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
            max_messages: -1,
            max_messages_per_subject: -1,
            max_consumers: -1,
            discard: if self.max_bytes.is_some() { DiscardPolicy::Old } else { DiscardPolicy::New },
            retention: RetentionPolicy::Limits,
            storage: StorageType::File,
            duplicate_window: DUPLICATE_WINDOW,
            allow_direct: true,
            allow_atomic_publish: true,
            ..Config::default()
        }
    }
}

/// What stands last in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Last {
    /// Nothing: it is new, or was purged.
    Nothing,
    /// A message of a relay.
    Ours(Mark),
    /// Something else, on this subject.
    Foreign(String),
}

impl Last {
    pub(crate) const fn mark(&self) -> Option<&Mark> {
        match self {
            Self::Ours(mark) => Some(mark),
            Self::Nothing | Self::Foreign(_) => None,
        }
    }
}

/// A stream, as found.
#[derive(Debug)]
pub(crate) struct TopicStream {
    context: Context,
    connection: Connection,
    pub(crate) name: String,
    /// Tells a stream from one of the same name that was deleted; microseconds.
    pub(crate) created: i128,
    /// Its last sequence is the fence for the next message.
    pub(crate) extent: Extent,
    pub(crate) first: Last,
    pub(crate) last: Last,
    /// The position that it begins with, whatever was removed from it since.
    pub(crate) from: u64,
    /// Whether its own limits remove the oldest messages.
    pub(crate) is_limited: bool,
    /// Whether it takes atomic batches.
    pub(crate) is_atomic: bool,
    /// Why settings that it lacks could not be added; publishing goes on without them.
    pub(crate) incomplete: Option<String>,
    /// Most bytes of a message; none = as the server says.
    pub(crate) message_bytes_max: Option<usize>,
}

impl TopicStream {
    /// Finds the stream, or makes it, and reads what stands first and last in it. The sequence is read before the message:
    /// if something lands in between, the fence is too low and fails. An empty stream that does not say where it begins
    /// begins with position `from`. The log ends at `head`.
    pub(crate) async fn open(connection: &Connection, spec: &Spec, from: u64, head: u64) -> Result<Self, Trouble> {
        let context =
            jetstream::context::ContextBuilder::new().timeout(ANSWER_WITHIN).build(connection.client().clone());
        let mut stream = Self {
            context,
            connection: connection.clone(),
            name: spec.name.clone(),
            created: 0,
            extent: Extent::default(),
            first: Last::Nothing,
            last: Last::Nothing,
            from,
            is_limited: false,
            is_atomic: false,
            incomplete: None,
            message_bytes_max: None,
        };
        let info = match stream.info().await? {
            Some(info) => info,
            None => stream.create(spec).await?,
        };
        stream.usable(&info.config)?;
        stream.created = info.created.unix_timestamp_nanos();
        stream.extent = Extent::of(&info.state);
        if stream.extent.messages > 0 {
            stream.first = stream.get(&json!({ "seq": stream.extent.first })).await?;
            stream.last = stream.last_there().await?;
        }
        let head = if stream.last == Last::Nothing { head } else { u64::MAX };
        stream.from = spec.begins_by(&info.config.metadata, head).unwrap_or(match &stream.first {
            Last::Ours(mark) => mark.id.place.position,
            Last::Nothing | Last::Foreign(_) => from,
        });
        let mut config = info.config;
        let is_of_this_history =
            |mark: &Mark| (mark.id.log_id, mark.id.epoch) == (spec.identity.log_id, spec.identity.epoch);
        if stream.last == Last::Nothing || stream.last.mark().is_some_and(is_of_this_history) {
            config = stream.complete(spec, config).await?;
        }
        stream.is_limited = is_limited(&config);
        stream.is_atomic = config.allow_atomic_publish;
        stream.message_bytes_max = usize::try_from(config.max_message_size).ok().filter(|most| *most > 0);
        Ok(stream)
    }

    /// What the leader says now; none = there is no such stream.
    pub(crate) async fn info(&self) -> Result<Option<Info>, Trouble> {
        match self.ask("INFO", &()).await? {
            Ok(info) => Ok(Some(info)),
            Err(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => Ok(None),
            Err(error) => Err(self.refused("STREAM.INFO", &error)),
        }
    }

    /// Which sequences it holds now.
    pub(crate) async fn extent_now(&self) -> Result<Extent, Trouble> {
        let info = self.info().await?.filter(|info| info.created.unix_timestamp_nanos() == self.created);
        info.map(|info| Extent::of(&info.state)).ok_or_else(|| self.gone())
    }

    /// It is not the stream any more that was opened.
    pub(crate) fn gone(&self) -> Trouble {
        Trouble::passing(format!("stream {} was deleted; making it again / 主题流已被删除，正在重建", self.name))
    }

    /// What stands last on the subjects that `filter` selects.
    pub(crate) async fn last_on(&self, filter: &str) -> Result<Last, Trouble> {
        self.get(&json!({ "last_by_subj": filter })).await
    }

    /// The last message on the subject of forks: its sequence, and its position.
    pub(crate) async fn last_fork(&self, subject: &str) -> Result<Option<(u64, u64)>, Trouble> {
        let Some(message) = self.raw(&json!({ "last_by_subj": subject })).await? else { return Ok(None) };
        let sequence = message.sequence;
        let message = StreamMessage::try_from(message).map_err(|error| Trouble::passing(error.to_string()))?;
        Ok(Mark::read(&message.headers).map(|mark| (sequence, mark.id.place.position)))
    }

    /// What stands last in a stream that is not empty: at its last sequence, or before, where the last messages were
    /// deleted one by one. Asked for the last on ">", a server has nothing if that very message was deleted (2.15); so
    /// the place is halved in with the next message behind a sequence, one question for each doubling of what is gone.
    async fn last_there(&self) -> Result<Last, Trouble> {
        let last = self.get(&json!({ "seq": self.extent.last })).await?;
        if last != Last::Nothing {
            return Ok(last);
        }
        // A message stands at `there`; none stands at `gone` or behind.
        let (mut there, mut gone) = (self.extent.first, self.extent.last);
        while gone > there + 1 {
            let middle = there + (gone - there) / 2;
            match self.raw(&json!({ "seq": middle, "next_by_subj": ">" })).await? {
                Some(next) if next.sequence < gone => there = next.sequence,
                Some(_) => return Err(self.moving()),
                None => gone = middle,
            }
        }
        match self.get(&json!({ "seq": there })).await? {
            Last::Nothing => Err(self.moving()),
            last => Ok(last),
        }
    }

    fn moving(&self) -> Trouble {
        Trouble::passing(format!("stream {} is being changed; looking again / 主题流正在被改动", self.name))
    }

    async fn get(&self, which: &serde_json::Value) -> Result<Last, Trouble> {
        let Some(message) = self.raw(which).await? else { return Ok(Last::Nothing) };
        let message = StreamMessage::try_from(message).map_err(|error| Trouble::passing(error.to_string()))?;
        Ok(Mark::read(&message.headers).map_or_else(|| Last::Foreign(message.subject.to_string()), Last::Ours))
    }

    async fn raw(&self, which: &serde_json::Value) -> Result<Option<RawMessage>, Trouble> {
        #[derive(Deserialize)]
        struct Got {
            message: RawMessage,
        }
        match self.ask::<Got>("MSG.GET", which).await? {
            Ok(Got { message }) => Ok(Some(message)),
            Err(error) if error.error_code() == NO_MESSAGE => Ok(None),
            Err(error) => Err(self.refused("STREAM.MSG.GET", &error)),
        }
    }

    async fn create(&self, spec: &Spec) -> Result<Info, Trouble> {
        let made: Info = self
            .ask("CREATE", &spec.config(self.from))
            .await?
            .map_err(|error| self.refused("STREAM.CREATE", &error))?;
        tracing::info!(stream = self.name, replicas = spec.replicas, "stream of topics created");
        Ok(made)
    }

    /// Adds what an older server or binary, or an operator, did not know: subjects, atomic batches, where it begins.
    /// Without its subjects a stream is of no use; without the rest it is.
    async fn complete(&mut self, spec: &Spec, found: Config) -> Result<Config, Trouble> {
        let is_missing = |subject: &&String| !found.subjects.iter().any(|by| is_covered(subject, by));
        let missing: Vec<String> = spec.subjects.iter().filter(is_missing).cloned().collect();
        let says = spec.metadata(self.from).iter().all(|(key, value)| found.metadata.get(key) == Some(value));
        let takes_batches = found.allow_atomic_publish || self.connection.client().is_server_compatible(2, 12, 0);
        if missing.is_empty() && says && takes_batches == found.allow_atomic_publish {
            return Ok(found);
        }
        let is_needed = !missing.is_empty();
        let mut config = found.clone();
        config.subjects.extend(missing);
        config.metadata.extend(spec.metadata(self.from));
        config.allow_atomic_publish = takes_batches;
        let updated = match self.ask::<Info>("UPDATE", &config).await {
            Ok(answer) => answer.map_err(|error| self.refused("STREAM.UPDATE", &error)),
            Err(trouble) => Err(trouble),
        };
        match updated {
            Ok(updated) => {
                tracing::info!(stream = self.name, "settings added to the stream: subjects, atomic batches, metadata");
                Ok(updated.config)
            }
            Err(trouble) if is_needed => Err(trouble),
            Err(Trouble::Passing(detail) | Trouble::Lasting(detail)) => {
                self.incomplete = Some(detail);
                Ok(found)
            }
        }
    }

    /// Whether a relay can keep the stream a copy of the log with these settings.
    ///
    /// # Errors
    /// It cannot; the setting is named.
    pub(crate) fn usable(&self, config: &Config) -> Result<(), Trouble> {
        let Some((setting, why)) = unusable(config) else { return Ok(()) };
        let name = &self.name;
        Err(Trouble::lasting(format!(
            "stream {name} has {setting}: {why}; take the setting back, or delete the stream and it is made again / 主题流 \
             {name} 的设置 {setting} 与发布不兼容：请改回该设置，或删除该流以重建"
        )))
    }

    /// Asks the stream's leader, or the one who makes streams.
    async fn ask<T: DeserializeOwned>(
        &self,
        verb: &str,
        payload: &(impl Serialize + Sync + ?Sized),
    ) -> Result<Result<T, jetstream::Error>, Trouble> {
        let asked = self.context.request(format!("STREAM.{verb}.{}", self.name), payload).await;
        match asked {
            Ok(Response::Ok(answer)) => Ok(Ok(answer)),
            Ok(Response::Err { error }) => Ok(Err(error)),
            Err(error) => {
                let problem = self.connection.problem();
                Err(Trouble::passing(match error.kind() {
                    RequestErrorKind::NoResponders => no_responders(),
                    RequestErrorKind::TimedOut => {
                        format!("STREAM.{verb}: no answer from JetStream{problem} / JetStream 无应答")
                    }
                    _ => format!("STREAM.{verb}: {error}{problem}"),
                }))
            }
        }
    }

    fn refused(&self, what: &str, error: &jetstream::Error) -> Trouble {
        let detail = format!("{what} {}: {error}", self.name);
        // 5xx: not now. The rest is about settings or permissions.
        if error.code() >= 500 { Trouble::Passing(detail) } else { Trouble::Lasting(detail) }
    }
}

/// Nobody answers for JetStream.
pub(crate) fn no_responders() -> String {
    "no answer from JetStream: it is not enabled, the stream is gone, or it has no leader now / JetStream 未启用或暂无主节点"
        .to_owned()
}

/// A setting with which a stream does not keep, or does not take, what is published; and why.
fn unusable(config: &Config) -> Option<(&'static str, &'static str)> {
    let has_sources = config.sources.as_ref().is_some_and(|sources| !sources.is_empty());
    [
        (config.mirror.is_some(), "mirror", "nobody can publish to it"),
        (has_sources, "sources", "others' messages come into it"),
        (config.retention != RetentionPolicy::Limits, "a retention other than limits", "reading removes messages"),
        (config.sealed, "sealed", "nobody can publish to it"),
        (config.no_ack, "no_ack", "nobody is told what was stored"),
        (config.discard_new_per_subject, "discard_new_per_subject", "messages would be refused for ever"),
        (config.max_messages_per_subject > 0, "max_msgs_per_subject", "messages would be removed from its middle"),
        (!config.max_age.is_zero(), "max_age", "messages would age out and be published again"),
        (config.subject_transform.is_some(), "subject_transform", "messages would be stored under other subjects"),
        (config.allow_message_counter, "allow_msg_counter", "it takes counters only"),
    ]
    .into_iter()
    .find_map(|(is_so, setting, why)| is_so.then_some((setting, why)))
}

/// Whether the settings of a stream let it remove its oldest messages.
pub(crate) fn is_limited(config: &Config) -> bool {
    config.discard == DiscardPolicy::Old && (config.max_bytes > 0 || config.max_messages > 0)
}

#[cfg(test)]
mod tests {
    use songhua_log::HashAlgorithm;
    use uuid::Uuid;

    use super::*;

    fn spec(epoch: u32) -> Spec {
        Spec {
            name: "S".to_owned(),
            description: String::new(),
            subjects: Vec::new(),
            identity: Identity { log_id: Uuid::from_u128(1), epoch, hash: HashAlgorithm::Sha256 },
            replicas: 1,
            max_bytes: None,
        }
    }

    #[test]
    fn an_empty_stream_of_an_earlier_epoch_begins_not_beyond_the_restored_log() {
        let of_before = spec(1).metadata(900);
        assert_eq!(spec(1).begins_by(&of_before, 40), Some(900), "asked for, and to be waited for");
        assert_eq!(spec(2).begins_by(&of_before, 40), Some(41));
        assert_eq!(spec(2).begins_by(&of_before, u64::MAX), Some(900));
        assert_eq!(spec(2).begins_by(&spec(1).metadata(7), 40), Some(7));
    }
}
