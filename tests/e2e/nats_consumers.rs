//! The samples that downstream services copy: complete and in order, whatever became of the stream.

use std::process::Command;

use songhua_tests::pb::{self, Role};
use songhua_tests::{Client, Nats, Output, Sandbox, days_ago, many, push, stock};

use crate::relay_world::{EVENTS, Published, consume, published, python_consumer, relay_is_up, served, stream_holds};

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
