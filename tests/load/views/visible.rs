//! How soon a figure that was acknowledged is visible to readers.

use std::time::{Duration, Instant};

use songhua_tests::load::Events;
use songhua_tests::{Client, PLAN, PushStream, Sandbox};
use songhua_wire::pb;
use songhua_wire::pb::event_input::Payload;

use crate::reads::{Timed, micros};

/// Events a second.
const RATE: u32 = 2_000;
/// One receipt in so many is followed.
const EVERY: u64 = 20;

/// Sends events at [`RATE`] and asks for some of them as soon as their receipt is there.
pub(crate) async fn measure(sandbox: &Sandbox, clients: &[Client], duration: Duration) -> Timed {
    let (_, token) = sandbox.grant(pb::Role::Agency, crate::server::AGENCY, "").await;
    let agency = sandbox.client(Some(&token)).await;
    let events = Events::of_new_run();
    let mut stream = PushStream::open(&agency).await.expect("a stream opens");
    let total = u64::from(RATE) * duration.as_secs();
    let (begin, every) = (Instant::now(), Duration::from_secs(1) / RATE);
    let (mut sent, mut answered) = (0_u64, 0_u64);
    let (mut asked, mut about) = (Vec::new(), std::collections::VecDeque::new());
    while answered < total {
        let due = begin + every * u32::try_from(sent).expect("a short run");
        if sent < total && due <= Instant::now() {
            let request = events.submission(1);
            about.push_back(series(&request));
            stream.send(request).await;
            sent += 1;
            continue;
        }
        let wait = if sent < total { due.saturating_duration_since(Instant::now()) } else { Duration::from_secs(30) };
        let Ok(answer) = tokio::time::timeout(wait, stream.answer()).await else { continue };
        let (_, receipts) = answer.expect("the stream goes on").expect("an answer");
        let receipt = receipts.expect("stored").remove(0);
        let series = about.pop_front().expect("sent");
        answered += 1;
        if answered.is_multiple_of(EVERY) {
            let client = clients[usize::try_from(answered).unwrap_or(0) % clients.len()].clone();
            asked.push(tokio::spawn(ask(client, series, receipt.position, Instant::now())));
        }
    }
    let mut all = Vec::new();
    for one in asked {
        all.push(one.await.expect("a read ends"));
    }
    all.into()
}

/// Microseconds until the indicator is answered with the figure in it.
async fn ask(mut client: Client, (indicator, dimension): (String, String), position: u64, begun: Instant) -> u64 {
    let request = pb::GetIndicatorRequest {
        name: format!("{PLAN}/indicators/{indicator}"),
        as_of: Some(pb::AsOf { min_position: position, ..Default::default() }),
        history_size: 1,
        area: "city".to_owned(),
        dimension,
    };
    let answer = client.progress.get_indicator(request).await.expect("an answer").into_inner();
    let newest = answer.history.last().map_or(0, |figure| figure.position);
    assert!(newest >= position, "the figure at {position} is not visible, only that at {newest}");
    micros(begun.elapsed())
}

/// Indicator and dimension of the figure in a submission.
fn series(request: &pb::SubmitRequest) -> (String, String) {
    match request.events.first().and_then(|event| event.payload.as_ref()) {
        Some(Payload::MeasurementReported(reported)) => (reported.indicator.clone(), reported.dimension.clone()),
        _ => panic!("not a figure: {request:?}"),
    }
}
