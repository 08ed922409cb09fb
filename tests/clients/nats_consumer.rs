//! A downstream service in Rust: every event of a plan, in order, none skipped, none handled twice.
//!
//! ```text
//! nats-consumer --plan ID --state FILE [--area ID] [--durable NAME] [--nats URL] [--server ADDRESS] [--token-file FILE]
//!               [--until POSITION]
//! ```
//! NATS delivers at least once, and keeps a message only as long as the stream's limits let it. So this program
//! - remembers the position of the last event it handled, and passes over what it has handled before;
//! - notices a gap by the positions that each message carries, and fills it from the log (`AuditService.Replay`);
//! - acknowledges a message when its event is handled, not before.
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
use async_nats::jetstream::{self, Message};
use futures::StreamExt;
use prost::Message as _;
use songhua_wire::pb;
use songhua_wire::pb::audit_service_client::AuditServiceClient;
use tonic::Request;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

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

/// An event, in whichever of the two encodings the relay was told to use.
fn decode(message: &Message) -> Result<pb::Event> {
    match header(message, "ce-datacontenttype")? {
        "application/json" => Ok(serde_json::from_slice(&message.payload)?),
        _ => Ok(pb::Event::decode(message.payload.clone())?),
    }
}

/// Handles what the stream does not have: behind the last handled event, up to position `last`.
async fn replay(options: &Options, handled: &mut Handled, last: u64) -> Result<()> {
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
    let server = format!("http://{}", options.get("--server", "127.0.0.1:7400"));
    let client = AuditServiceClient::connect(server).await?;
    let mut responses = client.max_decoding_message_size(16 << 20).replay(request).await?.into_inner();
    while let Some(response) = responses.message().await? {
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
    let position: u64 = header(message, "ce-sequence")?.parse()?;
    let (log, _) = header(message, "Nats-Msg-Id")?.rsplit_once('.').ok_or("a message id of another kind")?;
    if !handled.log.is_empty() && handled.log != log {
        return Err(format!("this is log {log}, not {}: throw your results away and begin again", handled.log).into());
    }
    log.clone_into(&mut handled.log);
    if position > handled.position {
        // Of all areas the event before is the position before; of one area the message says which it is.
        let of_area = header(message, "ce-previoussequence")?.parse()?;
        let previous = if options.area() == "*" { position - 1 } else { of_area };
        if previous > handled.position {
            replay(options, handled, previous).await?;
        }
        handle(position, &decode(message)?, "stream")?;
        handled.save(position)?;
    } else {
        eprintln!("{position} was handled before");
    }
    message.ack().await
}

/// Makes the durable consumer, or finds it.
async fn consumer(options: &Options, jetstream: &jetstream::Context) -> Result<PullConsumer> {
    let stream = jetstream.get_stream(format!("SONGHUA_EVENTS_{}", options.plan())).await?;
    let durable = options.get("--durable", "nats-consumer");
    let config = pull::Config {
        durable_name: Some(durable.to_owned()),
        filter_subject: format!("songhua.v1.{}.{}.>", options.plan(), options.area()),
        ack_wait: Duration::from_secs(10),
        ..Default::default()
    };
    Ok(stream.get_or_create_consumer(durable, config).await?)
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::read();
    let mut handled = Handled::read(options.get("--state", "handled").into())?;
    let until: u64 = options.get("--until", &u64::MAX.to_string()).parse()?;
    let connect = async_nats::ConnectOptions::new().retry_on_initial_connect();
    let nats = connect.connect(options.get("--nats", "nats://127.0.0.1:4222")).await?;
    let jetstream = jetstream::new(nats);
    while handled.position < until {
        match consumer(&options, &jetstream).await {
            Ok(consumer) => {
                let mut messages = consumer.messages().await?;
                // Ends with an error when the consumer went with its stream; it is then made again.
                while handled.position < until
                    && let Some(Ok(message)) = messages.next().await
                {
                    receive(&options, &mut handled, &message).await?;
                }
            }
            Err(error) => {
                eprintln!("NATS: {error}");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
    Ok(())
}
