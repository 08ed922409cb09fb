//! The samples that downstream services copy: complete and in order, whatever became of the stream, of the connection to
//! the log, and of what others write.

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use async_nats::HeaderMap;
use songhua_tests::pb::{self, Role};
use songhua_tests::{Client, Nats, Output, Sandbox, ServeOptions, days_ago, many, push, stock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::relay_world::{
    EVENTS, Published, consume, eventually, published, python_consumer, relay_is_up, served, stream_holds,
};

/// The sample in Rust.
fn rust_consumer(_: &Sandbox) -> Command {
    Command::new(env!("CARGO_BIN_EXE_nats-consumer"))
}

/// Position and origin of what a sample handled.
fn handled(output: &Output) -> Vec<(u64, &str)> {
    assert_eq!(output.code, 0, "{}", output.stderr);
    let of_line = |line| {
        let (position, rest): (&str, &str) = str::split_once(line, ' ').unwrap();
        (position.parse().unwrap(), rest.rsplit(' ').next().unwrap())
    };
    output.stdout.lines().map(of_line).collect()
}

/// A sample with leave to replay, run up to a position.
struct Consumer {
    sample: fn(&Sandbox) -> Command,
    arguments: Vec<String>,
}

impl Consumer {
    async fn new(sandbox: &Sandbox, sample: fn(&Sandbox) -> Command, arguments: &[&str]) -> Self {
        let (_, token) = sandbox.grant(Role::Auditor, "", "").await;
        let token = sandbox.write("auditor.token", &token);
        let replay = ["--server", sandbox.grpc_address(), "--token-file", &token];
        Self { sample, arguments: [&replay, arguments].concat().into_iter().map(str::to_owned).collect() }
    }

    fn until(&self, sandbox: &Sandbox, nats: &Nats, position: u64) -> Output {
        let mut command = (self.sample)(sandbox);
        command.args(&self.arguments);
        consume(command, sandbox, nats, &["--until", &position.to_string()])
    }
}

fn replayed(handled: &[(u64, &str)]) -> Vec<u64> {
    handled.iter().filter(|(_, origin)| *origin == "replay").map(|(position, _)| *position).collect()
}

/// What is not in the stream any more, at its beginning and in its middle, is replayed. The next run goes on where the
/// last one ended, even if the stream was lost with the consumer in between.
async fn a_consumer_fills_gaps_and_goes_on(sample: fn(&Sandbox) -> Command) {
    let nats = Nats::start();
    let (sandbox, clerk) = served(&nats, &[]).await;
    let consumer = Consumer::new(&sandbox, sample, &[]).await;
    let (start, events) = (sandbox.durable().await, many(300));

    assert!(push(&clerk, &events[..200], 10).await.1);
    let middle = relay_is_up(&sandbox).await;
    let missing = [start + 100, start + 101, start + 150];
    lose(&nats, start, &missing).await;
    let output = consumer.until(&sandbox, &nats, middle);
    let first = handled(&output);
    assert!(first.iter().map(|(position, _)| *position).eq(1..=middle), "complete and in order: {first:?}");
    assert_eq!(replayed(&first), (1..start).chain(missing).collect::<Vec<_>>(), "and nothing that was in the stream");
    goes_on(&sandbox, &nats, &consumer, &clerk, &events[200..]).await;
}

async fn goes_on(sandbox: &Sandbox, nats: &Nats, consumer: &Consumer, clerk: &Client, events: &[pb::EventInput]) {
    let middle = sandbox.durable().await;
    assert!(nats.jetstream().await.delete_stream(EVENTS).await.unwrap().success);
    assert!(push(clerk, events, 10).await.1);
    let last = sandbox.durable().await;
    stream_holds(nats, 1..=last).await;
    let output = consumer.until(sandbox, nats, last);
    let second = handled(&output);
    assert!(second.iter().map(|(position, _)| *position).eq(middle + 1..=last), "goes on: {second:?}");
    assert_eq!(replayed(&second), Vec::<u64>::new());
}

/// Takes everything before `first` out of the stream of events, and some of what is behind.
async fn lose(nats: &Nats, first: u64, further: &[u64]) {
    let stream = nats.stream(EVENTS).await;
    stream.purge().sequence(first).await.unwrap();
    for position in further {
        assert!(stream.delete_message(*position).await.unwrap());
    }
}

/// A consumer of one area sees by the position before in its area what is missing.
async fn a_consumer_of_one_area_fills_its_gaps(sample: fn(&Sandbox) -> Command) {
    let nats = Nats::start();
    let (sandbox, clerk) = served(&nats, &["--relay-payload", "protobuf"]).await;
    let consumer = Consumer::new(&sandbox, sample, &["--area", "circle-hit"]).await;
    let firms = |day| stock("circle-hit", "tech-firms", days_ago(day), "30");
    let events: Vec<_> = many(20).into_iter().zip(1..).flat_map(|(event, day)| [event, firms(day)]).collect();
    assert!(push(&clerk, &events, 10).await.1);
    let last = relay_is_up(&sandbox).await;
    let of_area = published(&nats, EVENTS).await;
    let of_area = of_area.iter().filter(|message| message.subject.contains(".circle-hit."));
    let of_area: Vec<u64> = of_area.map(Published::position).collect();
    // Every second event is of another area; its loss is no gap.
    lose(&nats, 1, &[last - 4, last - 5, last - 7]).await;
    let output = consumer.until(&sandbox, &nats, last);
    let handled = handled(&output);
    assert!(handled.iter().map(|(position, _)| *position).eq(of_area), "{handled:?}");
    assert_eq!(replayed(&handled), [last - 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_in_python_fills_gaps_from_the_log_and_goes_on_where_it_was() {
    a_consumer_fills_gaps_and_goes_on(python_consumer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_in_rust_fills_gaps_from_the_log_and_goes_on_where_it_was() {
    a_consumer_fills_gaps_and_goes_on(rust_consumer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_in_python_follows_one_area_without_a_gap() {
    a_consumer_of_one_area_fills_its_gaps(python_consumer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_in_rust_follows_one_area_without_a_gap() {
    a_consumer_of_one_area_fills_its_gaps(rust_consumer).await;
}

/// The durable consumer that the samples make.
const DURABLE: &str = "nats-consumer";

/// A sandbox without its relay, beside a stream of its events that anybody may write to.
async fn beside_an_open_stream(nats: &Nats) -> (Sandbox, Vec<Published>) {
    let (mut sandbox, clerk) = served(nats, &[]).await;
    assert!(push(&clerk, &many(20), 10).await.1);
    relay_is_up(&sandbox).await;
    let events = published(nats, EVENTS).await;
    sandbox.terminate().await;
    sandbox.serve_as(ServeOptions::default()).await;
    let jetstream = nats.jetstream().await;
    let config = nats.stream(EVENTS).await.cached_info().config.clone();
    jetstream.delete_stream(EVENTS).await.unwrap();
    jetstream.create_stream(config).await.unwrap();
    (sandbox, events)
}

async fn publish(nats: &Nats, message: &Published, payload: &[u8]) {
    let mut headers = HeaderMap::new();
    for (name, value) in message.headers.iter().filter(|(name, _)| name.starts_with("ce-") || *name == "Nats-Msg-Id") {
        headers.insert(name.as_str(), value.as_str());
    }
    let jetstream = nats.jetstream().await;
    let sent = jetstream.publish_with_headers(message.subject.clone(), headers, payload.to_vec().into());
    assert!(!sent.await.unwrap().await.unwrap().duplicate);
}

/// What is no event of Songhua is passed over, and not delivered for ever; an event that is damaged comes from the log.
async fn a_consumer_passes_over_what_others_wrote(sample: fn(&Sandbox) -> Command) {
    let nats = Nats::start();
    let (sandbox, events) = beside_an_open_stream(&nats).await;
    let nothing = Published { headers: [].into(), ..events[0].clone() };
    let mut strange = events[0].clone();
    strange.headers.insert("Nats-Msg-Id".to_owned(), "7".to_owned());
    let mut uncounted = events[0].clone();
    uncounted.headers.insert("Nats-Msg-Id".to_owned(), format!("{}000", events[0].header("Nats-Msg-Id")));
    uncounted.headers.remove("ce-sequence");
    for stranger in [nothing, strange, uncounted] {
        publish(&nats, &stranger, b"{}").await;
    }
    let damaged = &events[10];
    for event in &events {
        publish(&nats, event, if event.position() == damaged.position() { b"{" } else { &event.payload }).await;
    }
    let consumer = Consumer::new(&sandbox, sample, &[]).await;
    let last = events.last().unwrap().position();
    let output = consumer.until(&sandbox, &nats, last);
    let handled = handled(&output);
    assert!(handled.iter().map(|(position, _)| *position).eq(1..=last), "complete and in order: {handled:?}");
    assert_eq!(replayed(&handled), [damaged.position()]);
    assert_eq!(output.stderr.matches("passed over").count(), 4, "{}", output.stderr);
    let stream = nats.stream(EVENTS).await;
    let none_is_open = async || {
        let info = stream.consumer_info(DURABLE).await.unwrap();
        (info.num_ack_pending == 0).then_some(())
    };
    eventually("every message is done with", none_is_open).await;
}

/// An address in front of `target` that breaks the first connection at once and the second one after some bytes.
async fn breaking(target: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, target) = (listener.local_addr().unwrap().to_string(), target.to_owned());
    tokio::spawn(async move {
        for connection in 0.. {
            let (client, _) = listener.accept().await.unwrap();
            let most = [0, 20_000, u64::MAX][connection.min(2)];
            tokio::spawn(carry(client, target.clone(), most));
        }
    });
    address
}

/// Carries both ways until one side ends, or the server has sent `most` bytes.
async fn carry(client: TcpStream, target: String, most: u64) {
    let server = TcpStream::connect(target).await.unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    let mut from_server = from_server.take(most);
    tokio::select! {
        _ = tokio::io::copy(&mut from_server, &mut to_client) => {}
        _ = tokio::io::copy(&mut from_client, &mut to_server) => {}
    }
}

/// A replay that breaks is gone on with.
async fn a_consumer_tries_a_replay_again(sample: fn(&Sandbox) -> Command) {
    let nats = Nats::start();
    let (sandbox, clerk) = served(&nats, &[]).await;
    assert!(push(&clerk, &many(300), 100).await.1);
    let last = relay_is_up(&sandbox).await;
    lose(&nats, last, &[]).await;
    let server = breaking(sandbox.grpc_address()).await;
    let output = Consumer::new(&sandbox, sample, &["--server", &server]).await.until(&sandbox, &nats, last);
    let handled = handled(&output);
    assert!(handled.iter().map(|(position, _)| *position).eq(1..=last), "complete and in order: {handled:?}");
    assert!(output.stderr.matches("trying again").count() >= 2, "{}", output.stderr);
}

/// What no time mends ends the program, with a reason.
async fn a_consumer_ends_when_it_may_not_replay(sample: fn(&Sandbox) -> Command) {
    let nats = Nats::start();
    let (sandbox, _) = served(&nats, &[]).await;
    let last = relay_is_up(&sandbox).await;
    lose(&nats, last, &[]).await;
    let token = sandbox.write("no.token", "nobody");
    let output = Consumer::new(&sandbox, sample, &["--token-file", &token]).await.until(&sandbox, &nats, last);
    assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{}", output.stderr);
    assert!(
        output.stderr.to_lowercase().contains("unauthenticated") || output.stderr.contains("TOKEN"),
        "{}",
        output.stderr
    );
}

/// The log of another server is never mixed with the stream.
async fn a_consumer_takes_nothing_from_another_log(sample: fn(&Sandbox) -> Command) {
    let nats = Nats::start();
    let (sandbox, _) = served(&nats, &[]).await;
    let last = relay_is_up(&sandbox).await;
    lose(&nats, last, &[]).await;
    let other = Sandbox::start().await;
    assert!(push(&other.lead_of_all("drc").await, &many(5), 5).await.1);
    let output = Consumer::new(&other, sample, &[]).await.until(&other, &nats, last);
    assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{}", output.stderr);
    assert!(output.stderr.contains("log") && !output.stderr.contains("Traceback"), "{}", output.stderr);
    assert!(!other.path("handled").exists(), "nothing was handled");
}

/// A gap is filled over TLS too.
async fn a_consumer_replays_over_tls(sample: fn(&Sandbox) -> Command) {
    let nats = Nats::start();
    let (mut sandbox, _) = served(&nats, &[]).await;
    let last = relay_is_up(&sandbox).await;
    lose(&nats, last, &[]).await;
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let ca = sandbox.write("ca.pem", &own.cert.pem());
    let key = sandbox.write("key.pem", &own.signing_key.serialize_pem());
    let mut consumer = Consumer::new(&sandbox, sample, &["--ca-file", &ca]).await;
    sandbox.terminate().await;
    sandbox.serve_as(ServeOptions::with(&["--tls-cert", &ca, "--tls-key", &key])).await;
    let port = sandbox.grpc_address().rsplit(':').next().unwrap();
    consumer.arguments.extend(["--server".to_owned(), format!("localhost:{port}")]);
    let output = consumer.until(&sandbox, &nats, last);
    assert_eq!(replayed(&handled(&output)), (1..last).collect::<Vec<_>>());
}

/// An address in front of `target`, and what clients said there.
async fn overheard(target: &str) -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let said = Arc::new(Mutex::new(Vec::new()));
    let (address, target, heard) = (listener.local_addr().unwrap(), target.to_owned(), Arc::clone(&said));
    tokio::spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = TcpStream::connect(target).await.unwrap().into_split();
        tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = from_client.read(&mut bytes).await {
            heard.lock().unwrap().extend_from_slice(&bytes[..count]);
            to_server.write_all(&bytes[..count]).await.unwrap();
        }
    });
    (format!("nats://{address}"), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_in_python_listens_once_however_long_the_stream_is_quiet() {
    let nats = Nats::start();
    let (sandbox, clerk) = served(&nats, &[]).await;
    let last = relay_is_up(&sandbox).await;
    let (url, said) = overheard(nats.url().trim_start_matches("nats://")).await;
    let mut command = python_consumer(&sandbox);
    command.args(["--plan", songhua_tests::PLAN_ID, "--nats", &url, "--until", &(last + 1).to_string()]);
    command.arg("--state").arg(sandbox.path("handled")).stdout(Stdio::piped()).stderr(Stdio::piped());
    let consumer = command.spawn().unwrap();
    let count = |start: &str| {
        let said = String::from_utf8_lossy(&said.lock().unwrap()).into_owned();
        said.lines().filter(|line| line.starts_with(start)).count()
    };
    // It looks after its consumer at the start and after each silence.
    let quiet = async || (count("PUB $JS.API.CONSUMER.INFO.") > 3).then_some(());
    eventually("three silences", quiet).await;
    assert_eq!(count("SUB "), 2, "one for answers, one for messages");
    assert!(push(&clerk, &many(1), 1).await.1);
    let output = Output::from(consumer.wait_with_output().unwrap());
    assert_eq!(handled(&output).last(), Some(&(last + 1, "stream")), "and is awake");
    assert_eq!(output.stderr, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_in_python_passes_over_what_others_wrote() {
    a_consumer_passes_over_what_others_wrote(python_consumer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_in_rust_passes_over_what_others_wrote() {
    a_consumer_passes_over_what_others_wrote(rust_consumer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_in_python_tries_a_replay_again() {
    a_consumer_tries_a_replay_again(python_consumer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_in_rust_tries_a_replay_again() {
    a_consumer_tries_a_replay_again(rust_consumer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_in_python_ends_when_it_may_not_replay() {
    a_consumer_ends_when_it_may_not_replay(python_consumer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_in_rust_ends_when_it_may_not_replay() {
    a_consumer_ends_when_it_may_not_replay(rust_consumer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_in_python_takes_nothing_from_another_log() {
    a_consumer_takes_nothing_from_another_log(python_consumer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_in_rust_takes_nothing_from_another_log() {
    a_consumer_takes_nothing_from_another_log(rust_consumer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_in_python_replays_over_tls() {
    a_consumer_replays_over_tls(python_consumer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_in_rust_replays_over_tls() {
    a_consumer_replays_over_tls(rust_consumer).await;
}
