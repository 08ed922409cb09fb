//! A server whose events go to a real nats-server, and what a subscriber finds there.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::pull;
use futures::StreamExt;
use songhua_tests::{Client, Nats, Output, PLAN_ID, Sandbox, ServeOptions, python, repository};
use songhua_wire::pb;

/// The stream of events of the Harbin plan.
pub(crate) const EVENTS: &str = "SONGHUA_EVENTS_harbin-2022-2026";
/// The stream of changes of status of the Harbin plan.
pub(crate) const PROGRESS: &str = "SONGHUA_PROGRESS_harbin-2022-2026";

/// How long anything may take to come about.
const EVENTUALLY: Duration = Duration::from_secs(90);

/// A message as a subscriber has it.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    /// Where it was published.
    pub(crate) subject: String,
    /// Its headers; each stands once.
    pub(crate) headers: BTreeMap<String, String>,
    /// Its content.
    pub(crate) payload: Vec<u8>,
}

impl Published {
    /// A header that must be there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    /// `ce-sequence`, which has 20 digits.
    pub(crate) fn position(&self) -> u64 {
        position(self.header("ce-sequence"))
    }
}

/// A position as headers write it.
pub(crate) fn position(text: &str) -> u64 {
    assert_eq!(text.len(), 20, "{text} has 20 digits");
    text.parse().unwrap()
}

/// The Harbin plan, relayed to `nats`, with further arguments of `serve`.
pub(crate) fn relayed_to(nats: &Nats, arguments: &[&str]) -> ServeOptions {
    ServeOptions::with(&[&["--nats-url", &nats.url()], arguments].concat())
}

/// A server that relays to `nats`, and a clerk who may report everything.
pub(crate) async fn served(nats: &Nats, arguments: &[&str]) -> (Sandbox, Client) {
    let sandbox = Sandbox::start_with(relayed_to(nats, arguments)).await;
    let clerk = sandbox.lead_of_all("drc").await;
    (sandbox, clerk)
}

/// Asks again and again until there is an answer.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(begun.elapsed() < EVENTUALLY, "{what}: not in {EVENTUALLY:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What the server says of its relay.
pub(crate) async fn relay(sandbox: &Sandbox) -> pb::FollowerStatus {
    let followers = sandbox.plan_status(PLAN_ID).await.followers;
    followers.into_iter().find(|follower| follower.name == "relay").expect("the relay is listed")
}

/// Waits until the relay is in a state; returns what it says of it.
pub(crate) async fn relay_is(sandbox: &Sandbox, state: &str) -> pb::FollowerStatus {
    let ask = async || Some(relay(sandbox).await).filter(|relay| relay.state == state);
    eventually(&format!("the relay is {state}"), ask).await
}

/// Waits until the relay has published everything that is durable; returns that position.
pub(crate) async fn relay_is_up(sandbox: &Sandbox) -> u64 {
    let durable = sandbox.durable().await;
    let up = async || {
        let relay = relay(sandbox).await;
        (relay.state == "RUNNING" && relay.applied_position >= durable).then_some(durable)
    };
    eventually("the relay is up", up).await
}

/// Everything in a stream, in order.
pub(crate) async fn published(nats: &Nats, stream: &str) -> Vec<Published> {
    let mut stream = nats.stream(stream).await;
    let count = stream.info().await.unwrap().state.messages;
    let consumer = stream.create_consumer(pull::OrderedConfig::default()).await.unwrap();
    let messages = consumer.messages().await.unwrap().take(usize::try_from(count).unwrap());
    messages.map(|message| received(&message.unwrap().message)).collect().await
}

/// The positions in the stream of events, in its order.
pub(crate) async fn positions(nats: &Nats) -> Vec<u64> {
    published(nats, EVENTS).await.iter().map(Published::position).collect()
}

/// Waits until the stream of events holds exactly these positions, in order.
pub(crate) async fn stream_holds(nats: &Nats, expected: std::ops::RangeInclusive<u64>) {
    let jetstream = nats.jetstream().await;
    let count = expected.clone().count() as u64;
    let there = async || {
        let mut stream = jetstream.get_stream(EVENTS).await.ok()?;
        (stream.info().await.ok()?.state.messages >= count).then_some(())
    };
    eventually(&format!("{count} messages are in the stream"), there).await;
    assert!(positions(nats).await.into_iter().eq(expected), "the stream is the log from there on, without a gap");
}

fn received(message: &async_nats::Message) -> Published {
    let headers = message.headers.iter().flat_map(|headers| headers.iter());
    let only = |(name, values): (&async_nats::HeaderName, &Vec<async_nats::HeaderValue>)| {
        assert_eq!(values.len(), 1, "{name:?} stands once");
        (name.to_string(), values[0].to_string())
    };
    Published {
        subject: message.subject.to_string(),
        headers: headers.map(only).collect(),
        payload: message.payload.to_vec(),
    }
}

/// A sample consumer as a user would start it, up to a position. With `token` it may replay what the stream lacks.
pub(crate) fn consume(mut sample: Command, sandbox: &Sandbox, nats: &Nats, arguments: &[&str]) -> Output {
    sample.args(["--plan", PLAN_ID, "--nats", &nats.url(), "--state"]).arg(sandbox.path("handled"));
    Output::from(sample.args(arguments).output().expect("the consumer runs"))
}

/// The sample in Python, with clients made from the contract.
pub(crate) fn python_consumer(sandbox: &Sandbox) -> Command {
    let stubs = sandbox.path("stubs");
    if !stubs.exists() {
        crate::clients::stubs(&stubs);
    }
    let mut command = Command::new(python());
    command.arg(repository().join("tests/clients/nats_consumer.py"));
    command.env("PYTHONPATH", stubs).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Another client than ours counts: a durable consumer of nats-py finds every position up to `last`, in order, once.
pub(crate) fn counted_by_nats_py(sandbox: &Sandbox, nats: &Nats, last: u64) {
    let output = consume(python_consumer(sandbox), sandbox, nats, &["--until", &last.to_string()]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert_eq!(output.stderr, "", "nothing stands twice");
    let lines: Vec<Vec<&str>> = output.stdout.lines().map(|line| line.split(' ').collect()).collect();
    assert!(lines.iter().all(|line| line[3] == "stream"), "nothing had to be replayed");
    assert!(lines.iter().map(|line| line[0].parse::<u64>().unwrap()).eq(1..=last), "no gap, in order");
    let ids: std::collections::BTreeSet<_> = lines.iter().map(|line| line[1]).collect();
    assert_eq!(ids.len() as u64, last, "every event is another one");
}
