//! What reading costs: opening, looking keys up, and taking one record in so many, of a log of many records.
//!
//! `cargo run --release -p songhua-log --example read_bench -- DIRECTORY RECORDS PER_SUBMISSION` writes the log if it is not there, opens it
//! twice, and prints figures. Memory is that of the process, so of the second open alone where the log was there.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::float_arithmetic, reason = "a bench for people")]

use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use songhua_log::{Batch, EventLog, HashAlgorithm, Identity, Position, Record, SegmentLog, SegmentOptions, Submission};
use uuid::Uuid;

const RECORD_BYTES: usize = 530;

fn key(number: u64) -> [u8; 16] {
    u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes()
}

fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

async fn write(directory: &Path, records: u64, size: u64) {
    let identity = Identity { log_id: Uuid::from_u128(1), epoch: 1, hash: HashAlgorithm::Sha256 };
    let (log, _) = SegmentLog::open_or_create(directory, identity, SegmentOptions::default()).unwrap();
    let mut next = log.heads().written.0;
    while next < records {
        let mut batch = Batch { submissions: Vec::new() };
        let head = Position(next);
        while batch.record_count() as u64 + size <= 4_096 && next < records {
            let count = size.min(records - next);
            let record = |number| Record { key: key(number), bytes: Bytes::from(vec![number as u8; RECORD_BYTES]) };
            let submission = Submission { recorded_time_us: 0, records: (next..next + count).map(record).collect() };
            batch.submissions.push(submission);
            next += count;
        }
        log.append(head, batch).await.unwrap();
    }
    log.close().await;
}

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1);
    let directory = args.next().expect("a directory");
    let directory = Path::new(&directory);
    let records: u64 = args.next().and_then(|number| number.parse().ok()).unwrap_or(1_000_000);
    let size: u64 = args.next().and_then(|number| number.parse().ok()).unwrap_or(1);
    if !directory.exists() {
        write(directory, records, size).await;
        println!("written; run again");
        return;
    }
    let before = resident_mb();
    let begun = Instant::now();
    let (log, report) = SegmentLog::open(directory, SegmentOptions::default()).unwrap();
    println!("open {:?}, {} segments, {} MB more resident", begun.elapsed(), report.segments, resident_mb() - before);
    assert_eq!(report.head.0, records);

    let begun = Instant::now();
    let looked_up = 1_000_000;
    for number in records..records + looked_up {
        assert!(log.find(&key(number)).await.unwrap().is_none());
    }
    println!("find, not there: {:?} each", begun.elapsed() / looked_up as u32);
    let begun = Instant::now();
    for number in (0..records).step_by((records / 100_000).max(1) as usize) {
        assert_eq!(log.find(&key(number)).await.unwrap().unwrap().position.0, number + 1);
    }
    println!("find, there: {:?} each", begun.elapsed() / 100_000);

    let begun = Instant::now();
    let mut from = Position::FIRST;
    while from.0 <= records {
        from = log.read(from, 768 * 1024).await.unwrap().last().unwrap().position.next();
    }
    let whole = begun.elapsed();
    println!("read all: {whole:?}, {:.0} records/s", records as f64 / whole.as_secs_f64());
    for every in [10, 72, 1_000] {
        let begun = Instant::now();
        let wanted: Vec<_> = (1..=records).step_by(every).map(Position).collect();
        for positions in wanted.chunks(512) {
            assert_eq!(log.read_selected(positions.to_vec(), usize::MAX).await.unwrap().len(), positions.len());
        }
        let took = begun.elapsed();
        println!("one in {every}: {took:?}, {:.1} times as fast as all", whole.as_secs_f64() / took.as_secs_f64());
    }
    println!("{} MB resident", resident_mb());
    log.close().await;
}
