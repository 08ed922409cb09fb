//! Room: taken before a group is written, prepared with zeros, given back at the end. A disk without room costs nothing
//! that was acknowledged, and nobody has to restart.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::super::disk::{Disk, RealDisk};
use super::*;
use crate::AppendError;
use crate::conformance::{of_batch, ours};

const NO_SPACE: i32 = 28;

fn length(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}

/// Small groups get so many zeros.
fn zeros(ahead: u64) -> SegmentOptions {
    without_marks().zeros_ahead(ahead)
}

#[tokio::test]
async fn room_grows_in_steps_that_double_and_never_beyond_the_segment_and_its_mark() {
    let directory = created();
    let (log, _) = SegmentLog::open(directory.path(), zeros(1_024).segment_bytes_max(12_000)).unwrap();
    let path = first_segment(directory.path());
    let mut lengths = vec![length(&path)];
    while firsts(directory.path()).len() == 1 {
        append(&log, &[1]).await;
        if firsts(directory.path()).len() == 1 && *lengths.last().unwrap() != length(&path) {
            lengths.push(length(&path));
        }
    }
    assert_eq!(lengths[..4], [64, 4_096, 8_192, 12_000]);
    // The last group may leave less room behind it than a mark takes.
    assert!(lengths.iter().all(|length| *length <= 12_040), "{lengths:?}");
    assert_eq!(frames_of(&path).len() as u64, length(&path), "a sealed segment ends with its last frame");
    assert_eq!(length(&segment(directory.path(), firsts(directory.path())[1])), 4_096);
}

#[tokio::test]
async fn a_large_group_takes_the_room_it_needs_and_gets_no_zeros() {
    struct NoZeros;
    impl Disk for NoZeros {
        fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
            assert_ne!(bytes.last(), Some(&0), "records end with a letter");
            RealDisk.write_at(file, bytes, offset)
        }
        fn sync(&self, file: &File) -> io::Result<()> {
            RealDisk.sync(file)
        }
    }
    let directory = created();
    let options = SegmentOptions { disk: Arc::new(NoZeros), ..zeros(1_024) };
    let (log, _) = SegmentLog::open(directory.path(), options).unwrap();
    append(&log, &[200]).await;
    let path = first_segment(directory.path());
    assert_eq!(length(&path), (frames_of(&path).len() as u64 + 40).max(4_096));
}

#[tokio::test]
async fn prepared_room_is_no_damage_after_a_crash_and_is_gone_after_a_close() {
    let directory = created();
    let options = zeros(1_024).segment_bytes_max(9_000);
    let mut expected = Vec::new();
    for round in 0..12 {
        let (log, report) = SegmentLog::open(directory.path(), options.clone()).unwrap();
        assert_eq!((report.cut, report.read_only), (None, None), "round {round}");
        assert_eq!(all(&log).await, expected);
        for _ in 0..9 {
            append(&log, &[1, 2]).await;
        }
        expected = all(&log).await;
        let last = segment(directory.path(), *firsts(directory.path()).last().unwrap());
        assert!(length(&last) >= 4_096, "room is prepared");
        if round % 3 == 2 {
            log.close().await;
            assert_eq!(frames_of(&last).len() as u64, length(&last));
        }
    }
    for first in firsts(directory.path()).iter().rev().skip(1) {
        let path = segment(directory.path(), *first);
        assert_eq!(frames_of(&path).len() as u64, length(&path));
    }
    let report = crate::check(directory.path(), |_, _| {}).unwrap();
    assert!(report.is_sound() && report.torn_tail.is_none() && report.companions.is_empty(), "{report:?}");
}

#[tokio::test]
async fn what_a_file_holds_behind_its_frames_is_not_taken_for_room() {
    let directory = created();
    let path = first_segment(directory.path());
    // A copy of prepared room may have holes: it is taken from the disk again.
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(1 << 20).unwrap();
    let full = Arc::new(AtomicBool::new(true));
    let (log, _) = SegmentLog::open(directory.path(), without_marks().full_while(full)).unwrap();
    let refused = log.append(Position::NONE, some_batch(&[1])).await;
    assert!(matches!(refused, Err(AppendError::NoRoom { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_full_disk_refuses_and_takes_again_without_a_restart() {
    let directory = created();
    let full = Arc::new(AtomicBool::new(false));
    let (log, _) = SegmentLog::open(directory.path(), without_marks().full_while(full.clone())).unwrap();
    append(&log, &[2]).await;
    for round in 1..=3_u64 {
        full.store(true, Ordering::SeqCst);
        let lost = some_batch(&[1, 2]);
        for _ in 0..2 {
            let refused = log.append(log.heads().written, lost.clone()).await.unwrap_err();
            let AppendError::NoRoom { reason } = refused else { panic!("{refused:?}") };
            assert!(reason.contains("os error 28") && reason.contains(directory.path().to_str().unwrap()), "{reason}");
            assert_eq!((log.refusing(), log.read_only()), (Some(reason), None));
        }
        assert_eq!((log.heads().written, log.heads().durable), (Position(5 * round - 3), Position(5 * round - 3)));
        assert_eq!(log.find(&lost.submissions[0].records[0].key).await, Ok(None));
        assert_eq!(all(&log).await.len() as u64, 5 * round - 3, "reads go on");
        full.store(false, Ordering::SeqCst);
        append(&log, &[3]).await;
        assert_eq!(log.refusing(), None);
        let stored = log.append(log.heads().written, Batch { submissions: lost.submissions[1..].to_vec() }).await;
        assert!(matches!(stored, Ok(AppendOutcome::Stored { .. })));
        let key = lost.submissions[1].records[1].key;
        assert_eq!(log.find(&key).await.unwrap().unwrap().position, log.heads().durable);
    }
    let before = all(&log).await;
    log.close().await;
    let (log, report) = open(directory.path());
    assert_eq!((report.cut, report.read_only), (None, None));
    assert_eq!(all(&log).await, before);
}

/// Answers about room only while the test does not hold the gate, and refuses while it says so.
struct Gated(Arc<Mutex<bool>>);

impl Disk for Gated {
    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        RealDisk.write_at(file, bytes, offset)
    }
    fn sync(&self, file: &File) -> io::Result<()> {
        RealDisk.sync(file)
    }
    fn reserve(&self, file: &File, from: u64, to: u64) -> io::Result<()> {
        let full = *self.0.lock().unwrap();
        if full { Err(io::Error::from_raw_os_error(NO_SPACE)) } else { RealDisk.reserve(file, from, to) }
    }
}

#[tokio::test]
async fn everything_under_way_is_lost_with_a_refused_group_and_the_fence_holds_until_it_is_known() {
    let directory = created();
    let gate = Arc::new(Mutex::new(false));
    let options = SegmentOptions { disk: Arc::new(Gated(gate.clone())), ..without_marks().group_bytes_max(1) };
    let (log, _) = SegmentLog::open(directory.path(), options).unwrap();
    append(&log, &[1]).await;
    let head = Position(1);
    let mut under_way: Vec<_> = {
        let mut full = gate.lock().unwrap();
        *full = true;
        let batches = (0..4).map(|_| log.append(log.heads().written, some_batch(&[2]))).collect();
        assert_eq!(log.heads(), crate::Heads { written: Position(9), durable: head });
        batches
    };
    while log.heads().written > head {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    *gate.lock().unwrap() = false;
    // Decided before the losses were known: whatever head it expects, it is lost too.
    while let Some(answer) = under_way.pop() {
        for expected in [head, head.next(), Position(9)] {
            let behind = log.append(expected, some_batch(&[1])).await;
            assert_eq!(behind, Ok(AppendOutcome::Conflict { head }));
        }
        // Let go of or taken: known in both cases.
        if under_way.len() != 2 {
            assert!(matches!(answer.await, Err(AppendError::NoRoom { .. })));
        }
    }
    append(&log, &[1]).await;
    assert_eq!(log.heads().durable, head.next());
}

#[tokio::test]
async fn a_mark_that_finds_no_room_waits_for_it() {
    let directory = created();
    let (log, _) = open(directory.path());
    append(&log, &[1]).await;
    drop(log);
    let full = Arc::new(AtomicBool::new(true));
    let options = SegmentOptions::default().mark_after(Duration::from_millis(2)).full_while(full.clone());
    let (log, _) = SegmentLog::open(directory.path(), options).unwrap();
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert_eq!(log.read_only(), None);
    full.store(false, Ordering::SeqCst);
    let marked = async {
        while frame_offsets(&fs::read(first_segment(directory.path())).unwrap()).len() < 3 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), marked).await.unwrap();
}

#[tokio::test]
async fn a_disk_that_becomes_read_only_refuses_writes_into_prepared_room_and_takes_them_again() {
    const READ_ONLY: i32 = 30;
    struct ReadOnly(Arc<AtomicBool>);
    impl Disk for ReadOnly {
        fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
            let read_only = self.0.load(Ordering::SeqCst);
            if read_only {
                Err(io::Error::from_raw_os_error(READ_ONLY))
            } else {
                RealDisk.write_at(file, bytes, offset)
            }
        }
        fn sync(&self, file: &File) -> io::Result<()> {
            RealDisk.sync(file)
        }
    }
    let directory = created();
    let read_only = Arc::new(AtomicBool::new(false));
    let options = SegmentOptions::default().mark_after(Duration::from_millis(2));
    let options = SegmentOptions { disk: Arc::new(ReadOnly(Arc::clone(&read_only))), ..options };
    let (log, _) = SegmentLog::open(directory.path(), options).unwrap();
    for round in 1..=3 {
        append(&log, &[1]).await;
        read_only.store(true, Ordering::SeqCst);
        // Marks are due meanwhile: they wait.
        tokio::time::sleep(Duration::from_millis(10)).await;
        let refused = log.append(log.heads().written, some_batch(&[1])).await;
        assert!(matches!(refused, Err(AppendError::NoRoom { .. })), "{refused:?}");
        assert_eq!((log.read_only(), log.heads().written), (None, Position(round)));
        read_only.store(false, Ordering::SeqCst);
    }
    append(&log, &[1]).await;
    let before = all(&log).await;
    log.close().await;
    let (log, report) = open(directory.path());
    assert_eq!((report.cut, report.read_only), (None, None));
    assert_eq!(all(&log).await, before);
}

#[tokio::test]
async fn a_log_opens_on_a_full_disk() {
    struct NoNewFiles;
    impl Disk for NoNewFiles {
        fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
            RealDisk.write_at(file, bytes, offset)
        }
        fn sync(&self, file: &File) -> io::Result<()> {
            RealDisk.sync(file)
        }
        fn create(&self, _: &Path) -> io::Result<File> {
            Err(io::Error::from_raw_os_error(NO_SPACE))
        }
    }
    let (directory, records) = four_segments().await;
    fs::remove_file(companion(directory.path(), 1)).unwrap();
    let options = SegmentOptions { disk: Arc::new(NoNewFiles), ..without_marks() };
    let (log, report) = SegmentLog::open(directory.path(), options).unwrap();
    assert_eq!((report.read_only, report.rebuilt.len()), (None, 0));
    for record in &records {
        assert_eq!(log.find(&record.key).await, Ok(Some(record.clone())));
    }
    append(&log, &[1]).await;
}

/// Counts what is asked, so that a test can refuse the n-th.
#[derive(Default)]
struct Counting {
    /// Refuse from this call on; none = never.
    from: AtomicU64,
    calls: AtomicU64,
}

impl Counting {
    fn ask(&self) -> io::Result<()> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let from = self.from.load(Ordering::SeqCst);
        if from > 0 && call >= from { Err(io::Error::from_raw_os_error(NO_SPACE)) } else { Ok(()) }
    }
}

impl Disk for Counting {
    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        RealDisk.write_at(file, bytes, offset)
    }
    fn sync(&self, file: &File) -> io::Result<()> {
        RealDisk.sync(file)
    }
    fn reserve(&self, file: &File, from: u64, to: u64) -> io::Result<()> {
        self.ask()?;
        RealDisk.reserve(file, from, to)
    }
    fn create(&self, path: &Path) -> io::Result<File> {
        self.ask()?;
        RealDisk.create(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.ask()?;
        RealDisk.rename(from, to)
    }
}

/// At every place where room is asked for, in appends and rolls, with room ahead and without.
#[tokio::test]
async fn no_space_at_any_place_costs_nothing_and_space_again_goes_on() {
    for ahead in [0, 100] {
        let mut refused_somewhere = 0;
        for from in 1.. {
            let directory = created();
            let disk = Arc::new(Counting::default());
            disk.from.store(from, Ordering::SeqCst);
            let options = SegmentOptions { disk: disk.clone(), ..zeros(ahead).segment_bytes_max(700) };
            let (log, _) = SegmentLog::open(directory.path(), options).unwrap();
            let mut expected = Vec::new();
            while expected.len() < 40 {
                let batch = some_batch(&[1, 2]);
                match log.append(log.heads().written, batch.clone()).await {
                    Ok(AppendOutcome::Stored { .. }) => expected.extend(of_batch(&batch)),
                    Err(AppendError::NoRoom { .. }) => {
                        refused_somewhere += 1;
                        disk.from.store(0, Ordering::SeqCst);
                    }
                    other => panic!("refused at {from}: {other:?}"),
                }
            }
            let done = disk.from.load(Ordering::SeqCst) > 0;
            log.close().await;
            let (log, report) = open(directory.path());
            assert_eq!((report.cut, report.read_only), (None, None), "refused at {from}");
            assert_eq!(ours(&all(&log).await), expected, "refused at {from}");
            if done && disk.calls.load(Ordering::SeqCst) < from {
                break;
            }
        }
        assert!(refused_somewhere > 10, "{refused_somewhere}");
    }
}
