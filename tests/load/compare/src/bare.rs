//! The floor: one writer that appends a group of events and waits for `fdatasync`, again and again, in the file mode of
//! our log (room taken in steps that double, zeros written ahead of small groups) and in a file that grows.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use rustix::fs::{FallocateFlags, fallocate};
use tempfile::TempDir;

use crate::drive::{Acknowledged, Load, Pool, Run, begin, finish};
use crate::events::BYTES;

/// As the log does: room in steps from 1 to 64 MiB, zeros 256 KiB ahead of groups of up to a quarter of that.
const STEP: u64 = 1 << 20;
const SEGMENT: u64 = 64 << 20;
const ZEROS: usize = 256 << 10;

/// A directory to write in, and how.
pub(crate) struct Bare {
    directory: TempDir,
    prepared: bool,
}

impl Bare {
    /// In files prepared as the log's, or growing.
    pub(crate) fn new(prepared: bool) -> Self {
        Self { directory: tempfile::tempdir().expect("a temporary directory"), prepared }
    }

    /// Groups as large as all clients of the load together can make them.
    pub(crate) async fn run(&self, load: &Load, duration: Duration) -> Run {
        let group = load.clients * load.batch;
        let (path, prepared) = (self.directory.path().join("bare"), self.prepared);
        let looping = tokio::task::spawn_blocking(move || {
            let pool = Pool::new(Vec::<()>::new());
            let (times, cpu) = begin(duration);
            let mut seen = Vec::new();
            while Instant::now() < times.until {
                let file = File::create(&path).expect("a file");
                fill(&file, prepared, group, times.until, &mut seen).expect("the disk takes it");
            }
            finish(&seen, times, &pool, cpu)
        });
        looping.await.expect("the loop ends in order")
    }
}

/// One segment's worth.
fn fill(file: &File, prepared: bool, group: usize, until: Instant, seen: &mut Vec<Acknowledged>) -> io::Result<()> {
    let bytes = vec![0x5a; group * BYTES];
    let ahead = [&bytes[..], &[0; ZEROS]].concat();
    let (mut end, mut taken, mut zeros) = (0, 0, 0);
    while end + (bytes.len() as u64) < SEGMENT && Instant::now() < until {
        let sent = Instant::now();
        let behind = end + bytes.len() as u64;
        if prepared && behind > taken {
            let step = (taken * 2).clamp(STEP, SEGMENT);
            fallocate(file, FallocateFlags::empty(), taken, step - taken)?;
            taken = step;
        }
        if prepared && behind > zeros && bytes.len() <= ZEROS / 4 {
            zeros = (behind + ZEROS as u64).min(taken);
            let length = usize::try_from(zeros - end).unwrap_or(bytes.len());
            file.write_all_at(&ahead[..length], end)?;
        } else {
            file.write_all_at(&bytes, end)?;
        }
        file.sync_data()?;
        end = behind;
        seen.push(Acknowledged::now(sent, group));
    }
    Ok(())
}
