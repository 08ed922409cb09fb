//! How fast the log is read: by an auditor, and by the relay into an empty stream.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prost::Message;
use songhua_tests::load::{Events, Figures, Load, Target, measure};
use songhua_tests::{Nats, PLAN};
use songhua_wire::pb;
use songhua_wire::pb::audit_service_client::AuditServiceClient;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Endpoint;

/// HTTP/2 windows of the auditor.
const WINDOW: u32 = 16 << 20;
/// Ingest that fills a log.
const FILL: Load = Load { name: "fill", clients: 4, connections: 4, window: 4, batch: 100, stream: true };

/// Sends events until the log has `count`.
pub(crate) async fn fill(target: &Target, events: &Arc<Events>, count: u64) {
    while target.durable_position().await < count {
        measure(target, events, &FILL, Duration::from_secs(1)).await;
    }
}

/// Events a second over `AuditService.Replay`.
pub(crate) async fn replay(target: &Target, runs: usize, figures: &mut Figures) {
    let mut rates = Vec::new();
    for _ in 0..runs {
        rates.push(replay_once(target).await);
    }
    rates.sort_unstable();
    figures.add("replay_rate", rates[rates.len() / 2], "events/s");
    figures.add("replay_rate_least", rates[0], "events/s");
    figures.add("replay_rate_most", rates[rates.len() - 1], "events/s");
}

async fn replay_once(target: &Target) -> u64 {
    let endpoint = Endpoint::from_shared(target.url().to_owned()).expect("a URL");
    let endpoint = endpoint.initial_stream_window_size(WINDOW).initial_connection_window_size(WINDOW);
    let channel = endpoint.connect().await.expect("the server answers");
    let client = AuditServiceClient::new(InterceptedService::new(channel, target.office().clone()));
    let mut client = client.max_decoding_message_size(WINDOW as usize);
    let begun = Instant::now();
    let request = pb::ReplayRequest { parent: PLAN.to_owned(), ..Default::default() };
    let mut responses = client.replay(request).await.expect("an administrator may replay").into_inner();
    let mut position = 0;
    while let Some(response) = responses.message().await.expect("the stream goes on") {
        for record in response.records {
            position += 1;
            assert_eq!(record.position, position, "every record, in order");
            black_box(pb::Event::decode(record.data).expect("an event"));
        }
    }
    let took = begun.elapsed();
    assert_eq!(position, target.durable_position().await);
    per_second(position, took)
}

/// Events a second of the relay into an empty stream.
pub(crate) async fn relay(target: &Target, nats: &Nats, figures: &mut Figures) {
    let all = target.durable_position().await;
    let jetstream = nats.jetstream().await;
    jetstream.delete_stream(crate::stream()).await.expect("the stream can be deleted");
    let mut begun = None;
    loop {
        let stream = jetstream.get_stream(crate::stream()).await;
        let messages = stream.map_or(0, |stream| stream.cached_info().state.messages);
        match begun {
            None if messages > 0 => begun = Some((Instant::now(), messages)),
            Some((begun, before)) if messages >= all => {
                figures.add("relay_rate", per_second(messages - before, begun.elapsed()), "events/s");
                return;
            }
            _ => {}
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn per_second(count: u64, took: Duration) -> u64 {
    count.saturating_mul(1_000_000) / u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1)
}
