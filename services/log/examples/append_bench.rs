//! How fast the log appends on this machine, next to a bare write + fdatasync loop in the same run.
//!
//! `cargo run --release -p songhua-log --example append_bench [directory]` prints `figure <name> <value> <unit>`.
//! It asserts no time: figures differ from machine to machine; compare the ratio to the bare loop.
#![expect(clippy::print_stdout, reason = "a command that prints figures")]

use std::collections::VecDeque;
use std::error::Error;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::fs::{FallocateFlags, fallocate};
use songhua_log::{
    AppendOutcome, Batch, EventLog, HashAlgorithm, Identity, Position, Record, SegmentLog, SegmentOptions, Submission,
};
use uuid::Uuid;

type Outcome<T> = Result<T, Box<dyn Error>>;

const RECORD_BYTES: usize = 300;
/// A frame of one such record: header, length and key, bytes.
const FRAME_BYTES: usize = 40 + 18 + RECORD_BYTES;
const EACH: Duration = Duration::from_secs(1);
const PAIRS: usize = 7;
/// Batches under way, so that one is encoded while another is synced.
const AHEAD: usize = 2;

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
        pairs(directory, group).await?;
    }
    reopen(directory, 1_000_000).await
}

/// Bare loop and log by turns, each on files of its own: the median of the ratios of their rates.
async fn pairs(directory: &Path, group: usize) -> Outcome<()> {
    let (mut ratios, mut bare_times, mut log_times) = (Vec::new(), Vec::new(), Vec::new());
    let (mut bare_rates, mut log_rates) = (Vec::new(), Vec::new());
    for pair in 0..=PAIRS {
        let here = directory.join(format!("{group}-{pair}"));
        std::fs::create_dir_all(&here)?;
        let mut sides = [Vec::new(), Vec::new()];
        // Who begins changes: what one leaves behind is written by the other's syncs.
        for side in if pair % 2 == 0 { [0, 1] } else { [1, 0] } {
            sides[side] = if side == 0 { bare(&here, group)? } else { append(&here, group).await? };
        }
        std::fs::remove_dir_all(&here)?;
        File::open(directory)?.sync_all()?;
        // The first pair warms up.
        if pair > 0 {
            let [bare, log] = sides;
            ratios.push(log.len() * 1_000 / bare.len().max(1));
            bare_rates.push(bare.len() * group);
            log_rates.push(log.len() * group);
            bare_times.extend(bare);
            log_times.extend(log);
        }
    }
    let [low, ratio, high] = spread(&mut ratios);
    let shown = |thousandth: usize| format!("{}.{:03}", thousandth / 1_000, thousandth % 1_000);
    println!("figure log_{group}_limit_ratio {} ({}..{})", shown(ratio), shown(low), shown(high));
    for (name, rates, times) in [("bare", bare_rates, bare_times), ("log", log_rates, log_times)] {
        report(&format!("{name}_{group}"), rates, times);
    }
    Ok(())
}

/// The floor: as many bytes, one write, one fdatasync, into a file of the same mode: room taken in steps that double,
/// zeros written ahead of small groups.
fn bare(directory: &Path, group: usize) -> Outcome<Vec<Duration>> {
    const STEP: u64 = 1 << 20;
    const ZEROS: usize = 256 * 1024;
    let bytes = vec![7; group * FRAME_BYTES];
    let ahead = [&bytes[..], &vec![0; ZEROS]].concat();
    let (mut times, start) = (Vec::new(), Instant::now());
    let mut files = 0;
    while start.elapsed() < EACH {
        let file = File::create_new(directory.join(format!("bare-{files}")))?;
        files += 1;
        let (mut end, mut taken, mut zeros) = (0, 0, 0);
        while end + (bytes.len() as u64) < STEP * 64 && start.elapsed() < EACH {
            let begun = Instant::now();
            let behind = end + bytes.len() as u64;
            if behind > taken {
                let step = (taken * 2).clamp(STEP, STEP * 64);
                fallocate(&file, FallocateFlags::empty(), taken, step - taken)?;
                taken = step;
            }
            if behind > zeros && bytes.len() <= ZEROS / 4 {
                zeros = (behind + ZEROS as u64).min(taken);
                file.write_all_at(&ahead[..(zeros - end) as usize], end)?;
            } else {
                file.write_all_at(&bytes, end)?;
            }
            file.sync_data()?;
            end = behind;
            times.push(begun.elapsed());
        }
    }
    Ok(times)
}

/// Groups of `group` single-record submissions.
async fn append(directory: &Path, group: usize) -> Outcome<Vec<Duration>> {
    // One batch a group, so that both sides sync the same number of bytes.
    let log = create(&directory.join("log"), SegmentOptions::default().group_bytes_max(1))?;
    let mut waiting = VecDeque::new();
    let (mut times, start) = (Vec::new(), Instant::now());
    while start.elapsed() < EACH {
        while waiting.len() < AHEAD {
            let head = log.heads().written;
            let batch = batch(head, group);
            waiting.push_back((Instant::now(), log.append(head, batch)));
        }
        if let Some((begun, answer)) = waiting.pop_front() {
            stored(answer.await?)?;
            times.push(begun.elapsed());
        }
    }
    log.close().await;
    Ok(times)
}

/// Scan and reopen of many records.
async fn reopen(directory: &Path, records: u64) -> Outcome<()> {
    let directory = directory.join("reopen");
    let log = create(&directory, SegmentOptions::default())?;
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

fn create(directory: &Path, options: SegmentOptions) -> Outcome<SegmentLog> {
    let identity = Identity { log_id: Uuid::new_v4(), epoch: 1, hash: HashAlgorithm::Sha256 };
    Ok(SegmentLog::open_or_create(directory, identity, options)?.0)
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

/// Least, median, greatest.
fn spread<T: Ord + Copy>(values: &mut [T]) -> [T; 3] {
    values.sort_unstable();
    [values[0], values[values.len() / 2], values[values.len() - 1]]
}

fn report(name: &str, mut rates: Vec<usize>, mut times: Vec<Duration>) {
    let [low, rate, high] = spread(&mut rates);
    println!("figure {name}_rate {rate} records/s ({low}..{high})");
    times.sort_unstable();
    for (part, at) in [("p50", times.len() / 2), ("p99", times.len() * 99 / 100), ("p999", times.len() * 999 / 1_000)] {
        println!("figure {name}_{part} {} us", times[at].as_micros());
    }
}
