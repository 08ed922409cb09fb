//! A downstream service in Rust: every event of a plan, in order, none skipped, none handled twice.
//!
//! ```text
//! nats-consumer --plan ID --state FILE [--area ID] [--durable NAME] [--nats URL] [--server ADDRESS] [--ca-file FILE]
//!               [--token-file FILE] [--until POSITION]
//! ```
//! NATS delivers at least once, and keeps a message only as long as the stream's limits let it. So this program
//! - remembers the position of the last event it handled, and passes over what it has handled before;
//! - notices a gap by the positions that each message carries, and fills it from the log (`AuditService.Replay`);
//! - acknowledges a message when its event is handled, not before;
//! - passes over what is no event of Songhua; if an event was lost by that, it shows as a gap.
//!
//! It prints `position event-id payload origin` for each event, where origin is `stream` or `replay`. `songhua_wire` is
//! what tonic makes of `proto/`. The same in Python is `nats_consumer.py`.

#![expect(clippy::print_stdout, reason = "to print events is what it is for")]

use std::collections::HashMap;
use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;
use std::{env, fs};

use async_nats::jetstream::consumer::{PullConsumer, pull};
use async_nats::jetstream::{self, AckKind, Message};
use async_nats::{ConnectOptions, Event, ServerAddr};
use futures::StreamExt;
use prost::Message as _;
use songhua_wire::pb;
use songhua_wire::pb::audit_service_client::AuditServiceClient;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};
use uuid::Uuid;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// What a refusal of Replay says that somebody must mend. Everything else passes.
const LASTING: [Code; 6] = [
    Code::InvalidArgument,
    Code::NotFound,
    Code::OutOfRange,
    Code::PermissionDenied,
    Code::Unauthenticated,
    Code::Unimplemented,
];
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_MOST: Duration = Duration::from_secs(5);

/// What was asked for.
struct Options(HashMap<String, String>);

impl Options {
    fn read() -> Self {
        let arguments: Vec<String> = env::args().skip(1).collect();
        let pairs = arguments.chunks(2).map(|pair| (pair[0].clone(), pair.get(1).cloned().unwrap_or_default()));
        Self(pairs.collect())
    }

    fn get<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        self.0.get(name).map_or(default, String::as_str)
    }

    fn plan(&self) -> &str {
        self.get("--plan", "harbin-2022-2026")
    }

    /// `*` = all of them.
    fn area(&self) -> &str {
        self.get("--area", "*")
    }
}

/// How far this service is. Keep it where your results are, and write both in one transaction.
struct Handled {
    path: PathBuf,
    log: String,
    position: u64,
}

impl Handled {
    fn read(path: PathBuf) -> Result<Self> {
        let text = if path.exists() { fs::read_to_string(&path)? } else { " 0".to_owned() };
        let (log, position) = text.trim_end().split_once(' ').ok_or("the state cannot be read")?;
        Ok(Self { path, log: log.to_owned(), position: position.parse()? })
    }

    fn save(&mut self, position: u64) -> Result<()> {
        self.position = position;
        let new = self.path.with_extension("new");
        fs::write(&new, format!("{} {position}\n", self.log))?;
        Ok(fs::rename(new, &self.path)?)
    }
}

/// What this service is for: here it prints.
fn handle(position: u64, event: &pb::Event, origin: &str) -> Result<()> {
    let input = serde_json::to_value(event.input.as_ref().ok_or("an event without content")?)?;
    let payload = input.as_object().and_then(|fields| fields.keys().next_back()).map_or("", String::as_str);
    println!("{position} {} {payload} {origin}", input["eventId"].as_str().unwrap_or_default());
    Ok(())
}

fn header<'a>(message: &'a Message, name: &str) -> Result<&'a str> {
    let value = message.headers.as_ref().and_then(|headers| headers.get(name));
    Ok(value.ok_or_else(|| format!("a message without {name}"))?.as_str())
}

/// A message of the relay.
struct Published {
    /// `<log_id>.<epoch>`: a position means something only within it.
    log: String,
    position: u64,
    /// The position before, in the area.
    previous: u64,
    event: pb::Event,
}

/// What the relay published. An error: somebody else wrote this message, or it is damaged.
fn read(message: &Message) -> Result<Published> {
    let (log, _) = header(message, "Nats-Msg-Id")?.rsplit_once('.').ok_or("a message id of another kind")?;
    let (log_id, epoch) = log.split_once('.').ok_or("a message id of another kind")?;
    let (log_id, epoch) = (Uuid::try_parse(log_id)?, epoch.parse::<u32>()?);
    Ok(Published {
        log: format!("{log_id}.{epoch}"),
        position: header(message, "ce-sequence")?.parse()?,
        previous: header(message, "ce-previoussequence")?.parse()?,
        // In whichever of the two encodings the relay was told to use.
        event: match header(message, "ce-datacontenttype")? {
            "application/json" => serde_json::from_slice(&message.payload)?,
            _ => pb::Event::decode(message.payload.clone())?,
        },
    })
}

/// A connection that is made when it is needed, and again when it broke.
fn channel(options: &Options) -> Result<Channel> {
    let address = options.get("--server", "127.0.0.1:7400");
    let alive = |endpoint: Endpoint| endpoint.http2_keep_alive_interval(Duration::from_secs(30));
    let Some(ca) = options.0.get("--ca-file") else {
        return Ok(alive(Endpoint::from_shared(format!("http://{address}"))?).connect_lazy());
    };
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(fs::read(ca)?));
    Ok(alive(Endpoint::from_shared(format!("https://{address}"))?.tls_config(tls)?).connect_lazy())
}

/// Handles what the stream does not have, behind the last handled event and up to position `last`, however often the call
/// breaks.
async fn replay(options: &Options, handled: &mut Handled, last: u64) -> Result<()> {
    let client = AuditServiceClient::new(channel(options)?).max_decoding_message_size(16 << 20);
    let mut pause = PAUSE_FIRST;
    while let Err(error) = replay_once(options, handled, last, client.clone()).await {
        let passes = error.downcast_ref::<Status>().is_some_and(|status| !LASTING.contains(&status.code()));
        if !passes {
            return Err(error);
        }
        eprintln!("Replay: {error}; trying again in {pause:?}");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MOST);
    }
    Ok(())
}

async fn replay_once(
    options: &Options,
    handled: &mut Handled,
    last: u64,
    mut client: AuditServiceClient<Channel>,
) -> Result<()> {
    let token =
        options.0.get("--token-file").ok_or("events are not in the stream; --token-file lets me replay them")?;
    let bearer = format!("Bearer {}", fs::read_to_string(token)?.trim());
    let mut request = Request::new(pb::ReplayRequest {
        parent: format!("plans/{}", options.plan()),
        from_position: handled.position + 1,
        to_position: last,
        ..Default::default()
    });
    request.metadata_mut().insert("authorization", bearer.parse()?);
    let mut responses = client.replay(request).await?.into_inner();
    while let Some(response) = responses.message().await? {
        // The first response says of which log it is.
        if !response.log_id.is_empty() {
            let log = format!("{}.{}", Uuid::from_slice(&response.log_id)?, response.epoch);
            if log != handled.log {
                return Err(format!("the server has log {log}, the stream is about {}", handled.log).into());
            }
        }
        for record in response.records {
            let event = pb::Event::decode(record.data)?;
            // Events about no area are published under `city`.
            let area = if event.area.is_empty() { "city" } else { &event.area };
            if ["*", area].contains(&options.area()) {
                handle(record.position, &event, "replay")?;
                handled.save(record.position)?;
            }
        }
    }
    Ok(())
}

/// One message, which may have been here before.
async fn receive(options: &Options, handled: &mut Handled, message: &Message) -> Result<()> {
    let Published { log, position, previous, event } = match read(message) {
        Ok(published) => published,
        Err(error) => {
            eprintln!("passed over, no event of Songhua: {}: {error}", message.subject);
            return message.ack_with(AckKind::Term).await;
        }
    };
    if !handled.log.is_empty() && handled.log != log {
        return Err(format!("this is log {log}, not {}: throw your results away and begin again", handled.log).into());
    }
    handled.log = log;
    if position > handled.position {
        // Of all areas the event before is the position before; of one area the message says which it is.
        let previous = if options.area() == "*" { position - 1 } else { previous };
        if previous > handled.position {
            replay(options, handled, previous).await?;
        }
        handle(position, &event, "stream")?;
        handled.save(position)?;
    } else {
        eprintln!("{position} was handled before");
    }
    message.ack().await
}

/// Makes the durable consumer, or finds it.
async fn consumer(options: &Options, jetstream: &jetstream::Context) -> Result<pull::Stream> {
    let stream = jetstream.get_stream(format!("SONGHUA_EVENTS_{}", options.plan())).await?;
    let durable = options.get("--durable", "nats-consumer");
    let config = pull::Config {
        durable_name: Some(durable.to_owned()),
        filter_subject: format!("songhua.v1.{}.{}.>", options.plan(), options.area()),
        ack_wait: Duration::from_secs(10),
        ..Default::default()
    };
    let consumer: PullConsumer = stream.get_or_create_consumer(durable, config).await?;
    Ok(consumer.messages().await?)
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::read();
    let mut handled = Handled::read(options.get("--state", "handled").into())?;
    let until: u64 = options.get("--until", &u64::MAX.to_string()).parse()?;
    let address: ServerAddr = options.get("--nats", "nats://127.0.0.1:4222").parse()?;
    let mut connect = ConnectOptions::new().retry_on_initial_connect().event_callback(async |event| {
        if event != Event::Connected {
            eprintln!("NATS: {event}");
        }
    });
    // The client itself takes no user and password from an address.
    if let (Some(user), Some(password)) = (address.username(), address.password()) {
        connect = connect.user_and_password(user.to_owned(), password.to_owned());
    }
    let nats = connect.connect(address).await?;
    let jetstream = jetstream::new(nats.clone());
    while handled.position < until {
        if let Err(error) = follow(&options, &mut handled, until, &jetstream).await? {
            // It may have gone with its stream, and is then made again.
            eprintln!("NATS: {error}");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    // The last acknowledgement may still be in this process.
    nats.flush().await?;
    Ok(())
}

/// Handles what comes, until it is done. The inner error is of the consumer, and passes.
async fn follow(
    options: &Options,
    handled: &mut Handled,
    until: u64,
    jetstream: &jetstream::Context,
) -> Result<Result<()>> {
    let mut messages = match consumer(options, jetstream).await {
        Ok(messages) => messages,
        Err(error) => return Ok(Err(error)),
    };
    while handled.position < until {
        match messages.next().await {
            Some(Ok(message)) => receive(options, handled, &message).await?,
            Some(Err(error)) => return Ok(Err(error.into())),
            None => return Ok(Err("the consumer's messages ended".into())),
        }
    }
    Ok(Ok(()))
}
