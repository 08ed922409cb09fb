//! What readers that do not read cost whoever writes: appends alone, beside replays that stand still, and beside slow
//! followers, in turn.

use std::time::Duration;

use songhua_tests::load::Figures;
use songhua_tests::{Client, PLAN, ServeOptions};
use songhua_wire::pb;
use tokio::task::JoinSet;
use tonic::Streaming;

use crate::Settings;
use crate::appends::{STREAMS, UNARY, rest};
use crate::drive::{Load, Run};
use crate::ours::Ours;
use crate::process;
use crate::table::{Side, add, heading, print, ratios, shown};

const LOADS: [Load; 2] = [UNARY[1], STREAMS[1]];
/// Readers of a kind, each with a connection of its own.
const READERS: usize = 8;
/// Between two responses that a slow follower takes.
const PAUSE: Duration = Duration::from_millis(250);

/// A replay under way; the connection lasts as long as its client.
type Replay = (Client, Streaming<pb::ReplayResponse>);

/// Fills, then measures each load in three ways.
pub(crate) async fn run(settings: &Settings, figures: &mut Figures) {
    let ours = Ours::start(ServeOptions::default()).await;
    ours.fill(settings.records).await;
    memory(&ours, figures).await;
    heading();
    let mut worst = [0; 3];
    for load in &LOADS {
        let mut sides = [Side::new("alone"), Side::new("8 stand still"), Side::new("8 follow slowly")];
        for _ in 0..settings.pairs {
            rest().await;
            sides[0].runs.push(ours.run(load, settings.duration).await);
            rest().await;
            let standing = standing(&ours).await;
            sides[1].runs.push(ours.run(load, settings.duration).await);
            drop(standing);
            rest().await;
            let slow = slow(&ours).await;
            sides[2].runs.push(ours.run(load, settings.duration).await);
            drop(slow);
        }
        print(&format!("{}: {}, {} events before", load.name, load.shape(), settings.records), &sides);
        for side in &sides[1..] {
            let [least, median, most] = ratios(side, &sides[0], |run: &Run| run.quantile(990));
            println!("  p99, {} to alone: {} ({} to {})", side.name, shown(median), shown(least), shown(most));
            if median > worst[1] {
                worst = [least, median, most];
            }
        }
    }
    add(figures, "append_p99_beside_slow_readers_ratio", worst);
}

/// What the server holds for readers that stand still.
async fn memory(ours: &Ours, figures: &mut Figures) {
    let (before, _) = process::memory_mb(ours.sandbox.pid());
    let standing = standing(ours).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (now, _) = process::memory_mb(ours.sandbox.pid());
    println!("memory of the server: {before} MB; with {READERS} replays that stand still {now} MB");
    figures.add("standing_readers_mb", now.saturating_sub(before), "MB");
    drop(standing);
}

/// Replays of everything whose readers take one response and no more.
async fn standing(ours: &Ours) -> Vec<Replay> {
    let mut replays = Vec::new();
    for _ in 0..READERS {
        let mut replay = begin(ours, pb::ReplayRequest::default()).await;
        replay.1.message().await.expect("a replay begins").expect("there are events");
        replays.push(replay);
    }
    replays
}

/// Followers of what is new who take a response now and then, until they are dropped.
async fn slow(ours: &Ours) -> JoinSet<()> {
    let from_position = ours.position().await;
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let (client, mut answers) =
            begin(ours, pb::ReplayRequest { from_position, follow: true, ..Default::default() }).await;
        readers.spawn(async move {
            let _client = client;
            while answers.message().await.expect("the replay goes on").is_some() {
                tokio::time::sleep(PAUSE).await;
            }
        });
    }
    readers
}

async fn begin(ours: &Ours, request: pb::ReplayRequest) -> Replay {
    let client = ours.office().await;
    let request = pb::ReplayRequest { parent: PLAN.to_owned(), ..request };
    let answers = client.audit.clone().max_decoding_message_size(16 << 20).replay(request).await;
    (client, answers.expect("a replay begins").into_inner())
}
