//! Companions that rot: a stored key is found, or an error is given; never "it is not there".

use std::collections::BTreeSet;
use std::os::unix::fs::FileExt;

use proptest::prelude::*;

use super::super::companion::{self, Companion};
use super::super::frame::FrameHeader;
use super::super::index::{Probe, SegmentIndex};
use super::super::sealed::SealedIndex;
use super::*;
use crate::ReadError;
use crate::conformance::fresh_key;
use crate::record::Key;

/// Many keys share one fingerprint, and those come in runs.
fn colliding(key: &Key) -> u64 {
    u64::from(key[15] % 8).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn small_segments() -> SegmentOptions {
    SegmentOptions { fingerprint: colliding, ..without_marks().segment_bytes_max(900) }
}

/// A closed log of some rolled segments.
fn rolled(sizes: &[usize]) -> (TempDir, Vec<StoredRecord>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let directory = created();
    let records = runtime.block_on(async {
        let (log, _) = SegmentLog::open(directory.path(), small_segments()).unwrap();
        for size in sizes {
            append(&log, &[*size]).await;
        }
        let records = all(&log).await;
        log.close().await;
        records
    });
    (directory, records)
}

/// Flips a bit where it stands, so that files that are open see it.
fn flip(path: &Path, bit: usize) {
    let bytes = fs::read(path).unwrap();
    let at = bit / 8 % bytes.len();
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&[bytes[at] ^ 1 << (bit % 8)], at as u64).unwrap();
}

fn companions(directory: &Path) -> Vec<PathBuf> {
    let firsts = firsts(directory);
    firsts.iter().map(|first| companion(directory, *first)).filter(|path| path.exists()).collect()
}

fn find(log: &SegmentLog, key: &Key) -> Result<Option<StoredRecord>, ReadError> {
    futures::executor::block_on(log.find(key))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_key_is_found_whatever_rots_in_companions(
        sizes in proptest::collection::vec(1_usize..12, 8..40),
        flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<usize>()), 1..12),
        while_open: bool,
    ) {
        let (directory, records) = rolled(&sizes);
        let rot = || for (which, bit) in &flips {
            if let Some(path) = companions(directory.path()).get(which.index(companions(directory.path()).len().max(1))) {
                flip(path, *bit);
            }
        };
        if !while_open { rot() }
        let (log, _) = SegmentLog::open(directory.path(), small_segments()).unwrap();
        if while_open { rot() }
        for record in &records {
            prop_assert_eq!(find(&log, &record.key).unwrap(), Some(record.clone()));
        }
        for _ in 0..50 {
            prop_assert_eq!(find(&log, &fresh_key()).unwrap(), None);
        }
        drop(log);
        // What was found was mended.
        let (_log, report) = SegmentLog::open(directory.path(), small_segments()).unwrap();
        let touched: BTreeSet<_> = report.rebuilt.iter().collect();
        prop_assert!(touched.len() <= flips.len());
    }

    #[test]
    fn where_segment_and_companion_rot_nobody_says_that_a_key_is_not_there(
        sizes in proptest::collection::vec(1_usize..12, 8..40),
        flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<usize>(), any::<usize>()), 1..4),
    ) {
        let (directory, records) = rolled(&sizes);
        let (log, _) = SegmentLog::open(directory.path(), small_segments()).unwrap();
        let companions = companions(directory.path());
        for (which, bit, other) in &flips {
            let Some(path) = companions.get(which.index(companions.len().max(1))) else { continue };
            flip(path, *bit);
            flip(&path.with_extension("seg"), *other);
        }
        for record in &records {
            match find(&log, &record.key) {
                Ok(found) => prop_assert_eq!(found, Some(record.clone())),
                Err(ReadError::Damaged { .. }) => {}
                Err(error) => prop_assert!(false, "{error}"),
            }
        }
    }
}

#[test]
fn a_companion_finds_every_fingerprint_and_all_of_equal_ones() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.idx");
    for (keys, distinct) in [(1, 1), (5, 5), (341, 341), (342, 9), (2_000, 2_000), (2_000, 3), (5_000, 700)] {
        let mut index = SegmentIndex::default();
        let header = FrameHeader { records: 1, ..FrameHeader::mark(Position(1), 0) };
        for position in 1..=keys {
            let header = FrameHeader { first: Position(position), ..header };
            let spread = (position % distinct).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            index.enter(64 + position * 100, &header, &[spread]);
        }
        fs::write(&path, companion::encode(Position(1), 12_345, &index)).unwrap();
        let companion = Companion::load(&path).unwrap();
        assert_eq!((companion.records, companion.last(), companion.segment_bytes), (keys, Position(keys), 12_345));
        assert_eq!(companion.sparse, index.sparse);
        for value in 0..distinct {
            let spread = value.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mut expected = index.keys.positions(spread);
            expected.sort_unstable();
            assert!(companion.may_contain(&Probe::of(spread)));
            assert_eq!(companion.positions(spread).unwrap(), expected);
        }
        assert!(companion.positions(1).unwrap().is_empty());
        assert!(companion.positions(u64::MAX).unwrap().is_empty());
    }
}

#[test]
fn a_block_in_the_place_of_another_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.idx");
    let mut index = SegmentIndex::default();
    let header = FrameHeader { records: 1, ..FrameHeader::mark(Position(1), 0) };
    for position in 1..=682 {
        index.enter(64 + position * 100, &FrameHeader { first: Position(position), ..header }, &[position * 7]);
    }
    let mut bytes = companion::encode(Position(1), 12_345, &index);
    let blocks = bytes.len() - 2 * 4_096;
    let first = bytes[blocks..blocks + 4_096].to_vec();
    bytes[blocks + 4_096..].copy_from_slice(&first);
    fs::write(&path, bytes).unwrap();
    let companion = Companion::load(&path).unwrap();
    assert_eq!(companion.positions(7).unwrap(), [Position(1)]);
    assert!(companion.positions(682 * 7).is_err());
}

proptest! {
    #[test]
    fn no_companion_makes_the_loader_panic(
        (sparse, records, filter) in (0_u32..4, 0_u64..1_000, 0_u32..200),
        first: u64,
        body in proptest::collection::vec(any::<u8>(), 500),
        blocks in 0_usize..13_000,
    ) {
        let fences = records.div_ceil(341) as usize * 8;
        let mut bytes = body.repeat(4);
        bytes.truncate(48 + sparse as usize * 24 + fences + filter as usize);
        bytes[..8].copy_from_slice(b"SONGIDX\0");
        bytes[8..10].copy_from_slice(&[2, 0]);
        bytes[16..24].copy_from_slice(&first.to_le_bytes());
        bytes[24..32].copy_from_slice(&records.to_le_bytes());
        bytes[40..44].copy_from_slice(&sparse.to_le_bytes());
        bytes[44..48].copy_from_slice(&filter.to_le_bytes());
        let crc = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        let right = records as usize * 12 + fences / 2;
        bytes.resize(bytes.len() + if blocks % 2 == 0 { right } else { blocks }, 0);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.idx");
        fs::write(&path, bytes).unwrap();
        let loaded = Companion::load(&path);
        let adds_up = sparse > 0 && records > 0 && filter > 0 && filter % 32 == 0;
        prop_assert!(adds_up || loaded.is_err());
        if let Ok(companion) = loaded {
            // Zeros are no blocks.
            companion.may_contain(&Probe::of(7));
            let _ = companion.positions(7);
        }
    }
}

/// Bytes for each record, at open and on disk; and what a handle keeps of a sealed segment: no index of its own.
#[tokio::test]
async fn a_sealed_segment_is_looked_up_by_its_companion_as_soon_as_that_is_written() {
    let directory = created();
    let (log, _) = SegmentLog::open(directory.path(), without_marks().segment_bytes_max(100_000)).unwrap();
    for _ in 0..30 {
        append(&log, &[1_000]).await;
    }
    let in_memory = || {
        let state = log.shared.state();
        state.sealed.iter().filter(|sealed| matches!(sealed.index, SealedIndex::Memory(_))).count()
    };
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while in_memory() > 0 {
        assert!(std::time::Instant::now() < deadline, "{} indexes stay in memory", in_memory());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    log.close().await;
    let first = companion(directory.path(), 1);
    let (records, bytes) = (Companion::load(&first).unwrap().records, fs::metadata(first).unwrap().len());
    assert!(bytes < records * 16, "{bytes} bytes for {records} records");
}
