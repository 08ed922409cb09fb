//! Reads of the whole history, every event decoded, and of one indicator of 72.

use std::time::{Duration, Instant};

use prost::Message;
use songhua_tests::load::Figures;
use songhua_tests::{PLAN, ServeOptions};
use songhua_wire::pb;

use crate::Settings;
use crate::appends::{DISK_FROM, rest};
use crate::drive::Run;
use crate::events::INDICATORS;
use crate::ours::Ours;
use crate::process;
use crate::table::{Side, add, print, ratios};
use crate::umadb::Uma;

/// Fills both, then reads them in turn.
pub(crate) async fn compare(settings: &Settings, figures: &mut Figures) {
    if !settings.wants("replay") {
        return;
    }
    let ours = Ours::start(ServeOptions::default()).await;
    let uma = Uma::start().await;
    ours.fill(settings.records).await;
    uma.fill(settings.records).await;
    let mut sides = [Side::new("songhua"), Side::new("umadb"), Side::new("songhua, 1 of 72")];
    let selected = pb::ReplayFilter { indicators: vec![ours.selected().to_owned()], ..Default::default() };
    let one = settings.records / INDICATORS;
    for _ in 0..settings.pairs {
        rest().await;
        let run = timed(ours.sandbox.pid(), replay(&ours, None)).await;
        assert!(run.events >= settings.records, "everything is read");
        sides[0].runs.push(run);
        rest().await;
        let run = timed(uma.pid(), uma.read()).await;
        assert_eq!(run.events, settings.records, "everything is read");
        sides[1].runs.push(run);
        rest().await;
        let run = timed(ours.sandbox.pid(), replay(&ours, Some(selected.clone()))).await;
        // Its definition and its target are about it too.
        assert!((one..one + 10).contains(&run.events), "{} of {one} events", run.events);
        sides[2].runs.push(run);
    }
    let each = |bytes: u64| (settings.records >= DISK_FROM).then_some(bytes / settings.records);
    sides[0].disk = each(process::on_disk(&ours.directory().join("log")));
    sides[1].disk = each(process::on_disk(&uma.file()));
    let faster = ratios(&sides[0], &sides[2], |run| micros(run.elapsed));
    print(&format!("replay: {} events, 1 call, every event decoded", settings.records), &sides[..2]);
    println!(
        "  one indicator of {INDICATORS}: {} events in {} µs; everything in {} µs",
        sides[2].median(|run| run.events),
        sides[2].median(|run| micros(run.elapsed)),
        sides[0].median(|run| micros(run.elapsed))
    );
    add(figures, "replay_ratio", ratios(&sides[0], &sides[1], Run::rate));
    add(figures, "replay_indicator_speedup", faster);
}

fn micros(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)
}

async fn timed(server: u32, read: impl Future<Output = u64>) -> Run {
    let (server_cpu, client_cpu, begun) = (process::cpu(server), process::own_cpu(), Instant::now());
    let events = read.await;
    let elapsed = begun.elapsed();
    let (server_cpu, client_cpu) = (process::cpu(server) - server_cpu, process::own_cpu() - client_cpu);
    Run { elapsed, events, acknowledged: events, server_cpu, client_cpu, ..Run::default() }
}

/// Reads what passes, decoded; how many there are.
pub(crate) async fn replay(ours: &Ours, filter: Option<pb::ReplayFilter>) -> u64 {
    let request = pb::ReplayRequest { parent: PLAN.to_owned(), filter, ..Default::default() };
    let mut audit = ours.office().await.audit.max_decoding_message_size(16 << 20);
    let mut answers = audit.replay(request).await.expect("a replay begins").into_inner();
    let mut count = 0;
    while let Some(answer) = answers.message().await.expect("the replay goes on") {
        for record in answer.records {
            let event = pb::Event::decode(&record.data[..]).expect("a record is an event");
            count += u64::from(record.position > 0 && event.schema_version > 0);
        }
    }
    count
}
