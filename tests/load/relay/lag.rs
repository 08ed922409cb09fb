//! From the acknowledgement of an event to its message at a subscriber.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use futures::StreamExt;
use songhua_tests::Nats;
use songhua_tests::load::{Events, Figures, Latencies, Target};
use songhua_wire::pb;
use songhua_wire::pb::submit_stream_response::Result as Answer;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tokio_stream::wrappers::ReceiverStream;

/// Events a second.
pub(crate) const RATE: u64 = 2_000;
/// How often some of them are sent.
const TICK: Duration = Duration::from_millis(1);

/// When each position was heard of.
type Heard = HashMap<u64, Instant>;

/// Sends at [`RATE`] for `duration`, and listens to both ends.
pub(crate) async fn measure(target: &Target, nats: &Nats, events: &Events, duration: Duration, figures: &mut Figures) {
    target.catch_up().await;
    let stream = nats.stream(&crate::stream()).await;
    let new = pull::OrderedConfig { deliver_policy: DeliverPolicy::New, ..Default::default() };
    let messages = stream.create_consumer(new).await.expect("a consumer").messages().await.expect("its messages");
    let count = RATE * duration.as_secs();
    let receiving = tokio::spawn(receive(messages, count));
    let acknowledged = send(target, events, count).await;
    let received = receiving.await.expect("the subscriber ends in order");

    let mut lags = Latencies::default();
    for (position, acknowledged) in &acknowledged {
        lags.add(received[position].saturating_duration_since(*acknowledged));
    }
    let first = acknowledged.iter().filter(|(position, acknowledged)| received[*position] <= **acknowledged).count();
    assert_eq!(lags.count(), count, "every event was acknowledged and received");
    for (name, per_mille) in [("p50", 500), ("p99", 990), ("max", 1_000)] {
        figures.add_thousandths(&format!("relay_lag_{name}_ms"), u64::from(lags.quantile(per_mille)), "ms");
    }
    figures.add("relay_lag_message_first", first as u64 * 100 / count, "percent");
}

async fn receive(mut messages: pull::Ordered, count: u64) -> Heard {
    let mut received = Heard::new();
    while (received.len() as u64) < count {
        let message = messages.next().await.expect("the consumer goes on").expect("a message");
        let header = |name: &str| message.headers.as_ref()?.get(name).map(|value| value.as_str().to_owned());
        // A day may begin meanwhile: its event is nobody's submission.
        if header("ce-type").is_some_and(|kind| kind.ends_with(".day.opened")) {
            continue;
        }
        let position = header("ce-sequence").and_then(|text| text.parse().ok()).expect("a position");
        received.insert(position, Instant::now());
    }
    received
}

async fn send(target: &Target, events: &Events, count: u64) -> Heard {
    let submissions: Vec<_> = (0..count).map(|_| events.submission(1)).collect();
    let (requests, receiver) = mpsc::channel(200);
    let mut ingest = target.ingest(target.connect().await);
    let pacing = tokio::spawn(async move {
        let mut clock = tokio::time::interval(TICK);
        clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let each_tick = usize::try_from(RATE / 1_000).unwrap_or(1);
        for (tag, request) in (0..).zip(submissions) {
            if tag % each_tick == 0 {
                clock.tick().await;
            }
            let request = pb::SubmitStreamRequest { tag: tag as u64, request: Some(request) };
            requests.send(request).await.expect("the stream goes on");
        }
    });
    let mut answers = ingest.submit_stream(ReceiverStream::new(receiver)).await.expect("the stream opens").into_inner();
    let mut acknowledged = Heard::new();
    while let Some(answer) = answers.message().await.expect("the stream goes on") {
        let Some(Answer::Response(stored)) = answer.result else { panic!("refused: {answer:?}") };
        acknowledged.insert(stored.receipts[0].position, Instant::now());
    }
    pacing.await.expect("the sender ends in order");
    acknowledged
}
