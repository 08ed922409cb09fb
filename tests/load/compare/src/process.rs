//! What a process took: processor time, memory, room on the disk.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A clock tick of `/proc` is a hundredth of a second on every Linux.
const TICK_NANOS: u64 = 10_000_000;

/// Processor time of a process and all below it, also of those that have ended, in nanoseconds.
pub(crate) fn cpu(pid: u32) -> u64 {
    ticks(pid, 4) * TICK_NANOS + children(pid).into_iter().map(cpu).sum::<u64>()
}

/// Processor time of this process, in nanoseconds.
pub(crate) fn own_cpu() -> u64 {
    ticks(std::process::id(), 2) * TICK_NANOS
}

/// The first of user time, system time, and both of children that have ended and were waited for.
fn ticks(pid: u32, fields: usize) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let all = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    // The state is the first behind the name; eleven further on is user time.
    all.skip(11).take(fields).filter_map(|field| field.parse::<u64>().ok()).sum()
}

fn children(pid: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

/// Memory of a process in MB: now (`VmRSS`) and the most it ever was (`VmHWM`).
pub(crate) fn memory_mb(pid: u32) -> (u64, u64) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap_or_default() / 1_024
    };
    (of("VmRSS:"), of("VmHWM:"))
}

/// Bytes that the files below a path take on the disk, whatever their length says.
pub(crate) fn on_disk(path: &Path) -> u64 {
    let Ok(metadata) = fs::symlink_metadata(path) else { return 0 };
    let own = metadata.blocks() * 512;
    if !metadata.is_dir() {
        return own;
    }
    // A file may go while it is looked at.
    let entries = fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
    own + entries.map(|entry| on_disk(&entry.path())).sum::<u64>()
}

/// Waits until everything that other work left to be written is written.
pub(crate) fn settle(path: &Path) {
    let synced = std::process::Command::new("sync").arg("-f").arg(path).status().expect("sync runs");
    assert!(synced.success(), "the file system cannot be synced");
}
