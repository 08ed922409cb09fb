//! How fast the log appends on this machine, next to a bare write + fdatasync loop in the same run.
//!
//! `cargo run --release -p songhua-log --example append_bench [directory]` prints `figure <name> <value> <unit>`.
//! It asserts no time: figures differ from machine to machine; compare the ratio to the bare loop.
#![expect(clippy::print_stdout, reason = "a command that prints figures")]

use std::collections::VecDeque;
use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use songhua_log::{
    AppendOutcome, Batch, EventLog, HashAlgorithm, Identity, Position, Record, SegmentLog, SegmentOptions, Submission,
};
use uuid::Uuid;

type Outcome<T> = Result<T, Box<dyn Error>>;

const RECORD_BYTES: usize = 300;
const EACH: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> Outcome<()> {
    let base = std::env::args().nth(1).unwrap_or_else(|| std::env::temp_dir().to_string_lossy().into_owned());
    let directory = Path::new(&base).join(format!("append_bench.{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let done = run(&directory).await;
    std::fs::remove_dir_all(&directory)?;
    done
}

async fn run(directory: &Path) -> Outcome<()> {
    for group in [1, 64, 1_024] {
        bare(directory, group)?;
        append(directory, group, 1).await?;
    }
    append(directory, 64, 8).await?;
    append(directory, 1_024, 4).await?;
    reopen(directory, 1_000_000).await
}

/// The floor: one buffer, one write, one fdatasync.
fn bare(directory: &Path, group: usize) -> Outcome<()> {
    let mut file = File::create(directory.join(format!("bare-{group}")))?;
    let bytes = vec![7; group * RECORD_BYTES];
    let mut times = Vec::new();
    let start = Instant::now();
    while start.elapsed() < EACH {
        let begun = Instant::now();
        file.write_all(&bytes)?;
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    report(&format!("bare_{group}"), group, start.elapsed(), times);
    Ok(())
}

/// Groups of `group` single-record submissions, with so many `ahead` of the answer.
async fn append(directory: &Path, group: usize, ahead: usize) -> Outcome<()> {
    let log = create(&directory.join(format!("log-{group}-{ahead}")))?;
    let mut waiting = VecDeque::new();
    let mut times = Vec::new();
    let start = Instant::now();
    while start.elapsed() < EACH {
        while waiting.len() < ahead {
            let batch = batch(log.heads().written, group);
            let begun = Instant::now();
            waiting.push_back((begun, log.append(log.heads().written, batch)));
        }
        if let Some((begun, answer)) = waiting.pop_front() {
            stored(answer.await?)?;
            times.push(begun.elapsed());
        }
    }
    report(&format!("log_{group}_ahead_{ahead}"), group, start.elapsed(), times);
    log.close().await;
    Ok(())
}

/// Scan and reopen of many records.
async fn reopen(directory: &Path, records: u64) -> Outcome<()> {
    let directory = directory.join("reopen");
    let log = create(&directory)?;
    while log.heads().written < Position(records) {
        stored(log.append(log.heads().written, batch(log.heads().written, 1_000)).await?)?;
    }
    log.close().await;
    let start = Instant::now();
    let (log, _) = SegmentLog::open(&directory, SegmentOptions::default())?;
    println!("figure reopen_{records} {} ms", start.elapsed().as_millis());
    let start = Instant::now();
    let mut next = Position::FIRST;
    while let Some(last) = log.read(next, 1024 * 1024).await?.last() {
        next = last.position.next();
    }
    println!("figure scan {} records/s", per_second(records, start.elapsed()));
    let start = Instant::now();
    for position in (0..records).step_by(101) {
        log.find(&key(position)).await?.ok_or("a stored key was not found")?;
    }
    println!("figure find_hit {} keys/s", per_second(records / 101, start.elapsed()));
    let start = Instant::now();
    for position in 0..records {
        let _ = log.find(&key(position + records * 2)).await?;
    }
    println!("figure find_miss {} keys/s", per_second(records, start.elapsed()));
    Ok(())
}

fn create(directory: &Path) -> Outcome<SegmentLog> {
    let identity = Identity { log_id: Uuid::new_v4(), epoch: 1, hash: HashAlgorithm::Sha256 };
    Ok(SegmentLog::open_or_create(directory, identity, SegmentOptions::default())?.0)
}

fn key(position: u64) -> [u8; 16] {
    u128::from(position).to_be_bytes()
}

fn batch(head: Position, group: usize) -> Batch {
    let submission = |position: u64| {
        let record = Record { key: key(position), bytes: Bytes::from_static(&[7; RECORD_BYTES]) };
        Submission { recorded_time_us: 0, records: vec![record] }
    };
    Batch { submissions: (head.0..head.0 + group as u64).map(submission).collect() }
}

fn stored(outcome: AppendOutcome) -> Outcome<()> {
    if let AppendOutcome::Stored { .. } = outcome { Ok(()) } else { Err(format!("{outcome:?}").into()) }
}

fn per_second(count: u64, time: Duration) -> u128 {
    u128::from(count) * 1_000_000 / time.as_micros().max(1)
}

fn report(name: &str, group: usize, time: Duration, mut times: Vec<Duration>) {
    times.sort_unstable();
    println!("figure {name}_rate {} records/s", per_second((times.len() * group) as u64, time));
    println!("figure {name}_p50 {} us", times[times.len() / 2].as_micros());
    println!("figure {name}_p99 {} us", times[times.len() * 99 / 100].as_micros());
}
