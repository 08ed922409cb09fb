//! Power cuts: any part of what was not synced may be on disk, in any order. What was acknowledged survives.

use std::fs::{self, File};
use std::io;
use std::sync::{Arc, Mutex};

use super::super::disk::{Disk, RealDisk};
use super::super::frame::Encoded;
use super::*;
use crate::hostile::XorShift;

const SECTOR: usize = 64;

/// Remembers what was written since the last sync.
#[derive(Default)]
struct Recording {
    unsynced: Mutex<Vec<(u64, Vec<u8>)>>,
    /// Syncs that may still succeed; then power fails before the next.
    syncs_left: Mutex<u64>,
}

impl Disk for Recording {
    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.unsynced.lock().unwrap().push((offset, bytes.to_vec()));
        RealDisk.write_at(file, bytes, offset)
    }
    fn sync(&self, file: &File) -> io::Result<()> {
        let mut left = self.syncs_left.lock().unwrap();
        *left = left.checked_sub(1).ok_or_else(|| io::Error::other("power cut"))?;
        self.unsynced.lock().unwrap().clear();
        RealDisk.sync(file)
    }
}

/// Puts the disk back into a state that it may be in after the cut: of every unsynced sector, the old or the new bytes.
fn lose_power(path: &Path, unsynced: &[(u64, Vec<u8>)], random: &mut XorShift) {
    let mut bytes = fs::read(path).unwrap();
    for (offset, written) in unsynced {
        for at in (0..written.len()).step_by(SECTOR) {
            let end = (at + SECTOR).min(written.len());
            if random.one_in(2) {
                bytes[*offset as usize + at..*offset as usize + end].fill(0);
            }
        }
    }
    let synced = unsynced.first().map_or(bytes.len(), |(offset, _)| *offset as usize);
    let length = synced + random.below((bytes.len() - synced) as u64 + 1) as usize;
    fs::write(path, &bytes[..length]).unwrap();
}

/// A group of three batches that was being written when power failed, of which every subset of sectors is on disk: what
/// was acknowledged is there, and the group as far as its batches are whole.
#[tokio::test]
async fn any_sectors_of_an_unsynced_group_may_be_on_disk() {
    const SECTOR: usize = 512;
    for acknowledged in [1, 9, 23] {
        let directory = created();
        let (log, _) = open(directory.path());
        append(&log, &vec![1; acknowledged]).await;
        drop(log);
        let path = first_segment(directory.path());
        let before = frames_of(&path);
        let (log, _) = open(directory.path());
        // One group: none of its frames says that another was synced.
        let mut group = Vec::new();
        let (mut first, mut ends) = (log.heads().durable.next(), vec![acknowledged]);
        for sizes in [&[11][..], &[4, 7], &[9, 1]] {
            let mut encoded = Encoded::of(&some_batch(sizes), first);
            encoded.finish(log.heads().durable);
            group.extend_from_slice(&encoded.bytes);
            first = first.plus(sizes.iter().sum::<usize>() as u64);
            ends.push(first.0 as usize - 1);
        }
        drop(log);
        let whole = [&before[..], &group].concat();
        let sectors = before.len() / SECTOR..whole.len().div_ceil(SECTOR);
        assert!((4..10).contains(&sectors.len()), "{sectors:?}");
        for (subset, room) in (0..1_u32 << sectors.len()).flat_map(|subset| [(subset, 0), (subset, 2_000)]) {
            let mut bytes = [&before[..], &vec![0; group.len() + room]].concat();
            for sector in sectors.clone().filter(|sector| subset >> (sector - sectors.start) & 1 == 1) {
                let range = sector * SECTOR..((sector + 1) * SECTOR).min(whole.len());
                bytes[range.clone()].copy_from_slice(&whole[range]);
            }
            let copy = copy_of(directory.path());
            fs::write(first_segment(copy.path()), &bytes).unwrap();
            let (log, report) = open(copy.path());
            assert_eq!(report.read_only, None, "sectors {subset:b}");
            assert!(ends.contains(&(report.head.0 as usize)), "sectors {subset:b}: head {}", report.head);
            assert_eq!(all(&log).await.len() as u64, report.head.0, "sectors {subset:b}");
            append(&log, &[1]).await;
        }
    }
}

#[tokio::test]
async fn a_power_cut_loses_nothing_acknowledged_and_leaves_whole_batches() {
    for seed in 1..=200 {
        let mut random = XorShift::new(seed);
        let directory = created();
        let disk = Arc::new(Recording::default());
        *disk.syncs_left.lock().unwrap() = random.below(6);
        let ahead = [0, 200, 2_000][random.below(3) as usize];
        let options = SegmentOptions { disk: disk.clone(), ..without_marks().zeros_ahead(ahead) };
        let (log, _) = SegmentLog::open(directory.path(), options).unwrap();

        let mut ends = vec![0];
        let mut acknowledged = 0;
        while log.read_only().is_none() {
            let sizes: Vec<usize> = (0..=random.below(3)).map(|_| 1 + random.below(3) as usize).collect();
            let head = log.heads().written;
            ends.push(head.0 as usize + sizes.iter().sum::<usize>());
            if let Ok(AppendOutcome::Stored { last, .. }) = log.append(head, some_batch(&sizes)).await {
                acknowledged = last.0 as usize;
            }
        }
        let before = all(&log).await;
        drop(log);
        lose_power(&first_segment(directory.path()), &disk.unsynced.lock().unwrap(), &mut random);

        let (log, report) = open(directory.path());
        assert_eq!(report.read_only, None, "seed {seed}");
        let after = all(&log).await;
        assert!(after.len() >= acknowledged, "seed {seed}: {acknowledged} acknowledged, {} kept", after.len());
        assert_eq!(after[..acknowledged], before[..], "seed {seed}");
        assert!(ends.contains(&after.len()), "seed {seed}: {} ends inside a batch, {ends:?}", after.len());
        append(&log, &[1]).await;
    }
}

#[tokio::test]
async fn records_that_nothing_proves_durable_are_written_and_synced_again_at_open() {
    let directory = created();
    let (log, _) = open(directory.path());
    append(&log, &[1]).await;
    append(&log, &[2]).await;
    drop(log);
    let disk = Arc::new(Recording::default());
    let bytes = frames_of(&first_segment(directory.path()));
    let options = SegmentOptions { disk: disk.clone(), ..without_marks() };
    SegmentLog::open(directory.path(), options).unwrap();
    let last = frame_offsets(&bytes)[1];
    assert_eq!(*disk.unsynced.lock().unwrap(), [(last as u64, bytes[last..].to_vec())]);
    assert_eq!(frames_of(&first_segment(directory.path())), bytes);
}
