//! A stream of topics: made if it is missing, and asked what stands last in it.
//!
//! Place in the flow: before a relay publishes, it reads its position here; always from the stream's leader, never from
//! memory. It must not know what messages mean.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::{Config, DiscardPolicy, Info, RawMessage, RetentionPolicy, State, StorageType};
use async_nats::jetstream::{self, Context, ErrorCode, context::RequestErrorKind, message::StreamMessage};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::connection::{ANSWER_WITHIN, Connection};
use crate::message::Mark;
use crate::status::Trouble;
use crate::subject::is_covered;

/// How long a server remembers message ids. The fence keeps a message from being stored twice; the ids are a second
/// guard, against our own packets that arrive late, and those are seconds late at most. A longer memory would only keep a
/// purged stream from being filled again, and cost the server an entry for each message of that time.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(10);

/// `no message found`.
const NO_MESSAGE: ErrorCode = ErrorCode(10_037);

/// A stream as it should be.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    pub(crate) name: String,
    pub(crate) subjects: Vec<String>,
    pub(crate) description: String,
    pub(crate) metadata: HashMap<String, String>,
    pub(crate) replicas: usize,
    /// None = unlimited.
    pub(crate) max_bytes: Option<u64>,
}

impl Spec {
    fn config(&self) -> Config {
        Config {
            name: self.name.clone(),
            subjects: self.subjects.clone(),
            description: Some(self.description.clone()),
            metadata: self.metadata.clone(),
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
    /// The fence for the next message.
    pub(crate) last_sequence: u64,
    /// Whether every message that it ever took is still there.
    pub(crate) is_whole: bool,
    pub(crate) last: Last,
    /// Whether it takes atomic batches.
    pub(crate) is_atomic: bool,
    /// Most bytes of a message; none = as the server says.
    pub(crate) message_bytes_max: Option<usize>,
}

impl TopicStream {
    /// Finds the stream, or makes it, and reads what stands last in it. The sequence is read before the message: if
    /// something lands in between, the fence is too low and fails.
    pub(crate) async fn open(connection: &Connection, spec: &Spec) -> Result<Self, Trouble> {
        let context =
            jetstream::context::ContextBuilder::new().timeout(ANSWER_WITHIN).build(connection.client().clone());
        let mut stream = Self {
            context,
            connection: connection.clone(),
            name: spec.name.clone(),
            created: 0,
            last_sequence: 0,
            is_whole: true,
            last: Last::Nothing,
            is_atomic: false,
            message_bytes_max: None,
        };
        let info = match stream.info().await? {
            Some(info) => info,
            None => stream.create(spec).await?,
        };
        stream.last_sequence = info.state.last_sequence;
        stream.created = info.created.unix_timestamp_nanos();
        stream.is_whole = info.state.messages == info.state.last_sequence;
        stream.last = stream.last_of(&info.state).await?;
        let mut config = info.config;
        if !matches!(stream.last, Last::Foreign(_)) {
            config = stream.complete(spec, config).await?;
        }
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

    /// What stands last on the subjects that `filter` selects.
    pub(crate) async fn last_on(&self, filter: &str) -> Result<Last, Trouble> {
        self.get(&json!({ "last_by_subj": filter })).await
    }

    /// What stands last in the stream: at its last sequence, or before, where the last messages were deleted one by one.
    /// Asked for the last on ">", a server has nothing if that very message was deleted (2.15).
    async fn last_of(&self, state: &State) -> Result<Last, Trouble> {
        if state.messages == 0 {
            return Ok(Last::Nothing);
        }
        for sequence in (state.first_sequence..=state.last_sequence).rev() {
            let last = self.get(&json!({ "seq": sequence })).await?;
            if last != Last::Nothing {
                return Ok(last);
            }
        }
        Err(Trouble::passing(format!("stream {} is being emptied", self.name)))
    }

    async fn get(&self, which: &serde_json::Value) -> Result<Last, Trouble> {
        #[derive(Deserialize)]
        struct Got {
            message: RawMessage,
        }
        match self.ask::<Got>("MSG.GET", which).await? {
            Ok(Got { message }) => {
                let message = StreamMessage::try_from(message).map_err(|error| Trouble::passing(error.to_string()))?;
                Ok(Mark::read(&message.headers).map_or_else(|| Last::Foreign(message.subject.to_string()), Last::Ours))
            }
            Err(error) if error.error_code() == NO_MESSAGE => Ok(Last::Nothing),
            Err(error) => Err(self.refused("STREAM.MSG.GET", &error)),
        }
    }

    async fn create(&self, spec: &Spec) -> Result<Info, Trouble> {
        let made: Info =
            self.ask("CREATE", &spec.config()).await?.map_err(|error| self.refused("STREAM.CREATE", &error))?;
        tracing::info!(stream = self.name, replicas = spec.replicas, "stream of topics created");
        Ok(made)
    }

    /// Adds the subjects that an older binary, or an operator, did not know.
    async fn complete(&self, spec: &Spec, mut config: Config) -> Result<Config, Trouble> {
        let is_missing = |subject: &&String| !config.subjects.iter().any(|by| is_covered(subject, by));
        let missing: Vec<String> = spec.subjects.iter().filter(is_missing).cloned().collect();
        if missing.is_empty() {
            return Ok(config);
        }
        tracing::info!(stream = self.name, ?missing, "subjects added to the stream");
        config.subjects.extend(missing);
        let updated: Info =
            self.ask("UPDATE", &config).await?.map_err(|error| self.refused("STREAM.UPDATE", &error))?;
        Ok(updated.config)
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
