//! How fast views are rebuilt, and what they cost: `rebuild write DIR EVENTS` writes a log of a realistic mix,
//! `rebuild grow DIR [CACHE_MIB]` grows views from it and prints events a second, CPU time, peak memory and bytes on disk.
//!
//! Place in the flow: by hand, in a release build. It must not know how views are kept.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a bench run by hand: it prints, and stops at any error")]

mod mix;
mod plan;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use songhua_log::{
    Applied, Batch, EventLog, Follower, HashAlgorithm, Identity, Position, Record, SegmentLog, SegmentOptions,
    Submission, follow,
};
use songhua_views::Options;
use songhua_wire::record::{Envelope, encode_event};
use tokio::sync::watch;
use uuid::Uuid;

use mix::{Filed, Mix};

/// As in the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["write", dir, events] => write(Path::new(dir), events.parse().unwrap()).await,
        ["grow", dir] => grow(Path::new(dir), Options::default()).await,
        ["grow", dir, mib] => {
            let cache_bytes = mib.parse::<u64>().unwrap() << 20;
            grow(Path::new(dir), Options { cache_bytes, ..Options::default() }).await;
        }
        _ => println!("rebuild write DIR EVENTS | rebuild grow DIR [CACHE_MIB]"),
    }
}

async fn write(dir: &Path, events: usize) {
    let identity = Identity { log_id: Uuid::from_u128(1), epoch: 1, hash: HashAlgorithm::Sha256 };
    let (log, _) = SegmentLog::open_or_create(&dir.join("log"), identity, SegmentOptions::default()).unwrap();
    let (mut head, mut bytes, mut submissions) = (0, 0, Vec::new());
    let plan = "plan".parse().unwrap();
    for submission in Mix::new(events) {
        let records: Vec<Record> = submission.iter().map(|filed| record(&plan, filed)).collect();
        bytes += records.iter().map(|record| record.bytes.len()).sum::<usize>();
        submissions.push(Submission { recorded_time_us: submission[0].event.recorded_time.as_microsecond(), records });
        if submissions.iter().map(|one| one.records.len()).sum::<usize>() > 2_000 {
            head = append(&log, head, std::mem::take(&mut submissions)).await;
        }
    }
    if !submissions.is_empty() {
        head = append(&log, head, submissions).await;
    }
    println!("{head} events, {} bytes a record", bytes / head as usize);
    log.close().await;
}

fn record(plan: &songhua_domain::id::PlanId, filed: &Filed) -> Record {
    let Filed { event, area, subject } = filed;
    let bytes = encode_event(&Envelope {
        plan,
        area: area.as_ref(),
        subject,
        recorded_time: event.recorded_time,
        actor: &event.actor,
        submission: event.submission,
        back_dated: event.back_dated,
        trace_parent: "",
        input: &event.input,
    });
    Record { key: event.input.event_id.into_bytes(), bytes }
}

async fn append(log: &SegmentLog, head: u64, submissions: Vec<Submission>) -> u64 {
    let batch = Batch { submissions };
    let count = batch.record_count() as u64;
    log.append(Position(head), batch).await.unwrap();
    head + count
}

async fn grow(dir: &Path, options: Options) {
    let (log, _) = SegmentLog::open(&dir.join("log"), SegmentOptions::default()).unwrap();
    let log: Arc<dyn EventLog> = Arc::new(log);
    let head = log.heads().durable;
    let views = dir.join("views");
    let _ = std::fs::remove_dir_all(&views);
    let before = (rss("VmRSS"), cpu());
    let began = Instant::now();
    let mut projector = songhua_projector::open(&views, options).unwrap();
    let (applied, mut reached) = watch::channel(Applied::default());
    let until = async {
        drop(reached.wait_for(|applied| applied.position >= head).await);
    };
    follow(log, &mut projector, &applied, until).await.unwrap();
    let (took, used) = (began.elapsed(), cpu() - before.1);
    let rate = |took: Duration| (head.0 as u128 * 1_000_000_000) / took.as_nanos();
    println!("{head} events in {took:?}: {} events/s; CPU {used:?}: {} events/s a core", rate(took), rate(used));
    println!("memory before {} kB, now {} kB, at most {} kB", before.0, rss("VmRSS"), rss("VmHWM"));
    let began = Instant::now();
    let digest = projector.views().digest().unwrap();
    println!("digest {:02x?} in {:?}", &digest[..4], began.elapsed());
    assert!(projector.checkpoint().unwrap().is_some());
    let began = Instant::now();
    drop(projector);
    println!("closed in {:?}; {} kB on disk; at most {} kB", began.elapsed(), disk(&views) / 1_000, rss("VmHWM"));
}

/// A line of `/proc/self/status`, kB.
fn rss(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// User and system time of this process; ticks are 10 ms.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    Duration::from_millis((fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()) * 10)
}

fn disk(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    entries.map(|one| if one.path().is_dir() { disk(&one.path()) } else { one.metadata().unwrap().len() }).sum()
}
