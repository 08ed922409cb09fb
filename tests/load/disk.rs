//! What the disk gives: one writer that appends 300 bytes and waits for `fdatasync`, again and again.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use songhua_tests::load::{Latencies, Measured};

/// Bytes of a write.
const BYTES: usize = 300;

/// A directory on the file system in question.
pub(crate) struct Disk(PathBuf);

impl Disk {
    /// The file system of `directory`.
    pub(crate) const fn at(directory: PathBuf) -> Self {
        Self(directory)
    }

    /// Its type and device.
    pub(crate) fn file_system(&self) -> String {
        let shown = Command::new("df").args(["--output=fstype,source,avail", "-h"]).arg(&self.0).output();
        let text = shown.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        let words: Vec<&str> = text.lines().nth(1).unwrap_or("unknown").split_whitespace().collect();
        words.join(" ")
    }

    /// Writes for `duration`, once everything else that waits for this file system is on it.
    pub(crate) fn measure(&self, duration: Duration) -> Measured {
        let settled = Command::new("sync").arg("-f").arg(&self.0).status().expect("sync runs");
        assert!(settled.success(), "the file system cannot be synced");
        let path = self.0.join("songhua-load.probe");
        let mut file = File::create(&path).expect("the probe can be created");
        let bytes = [0x5a; BYTES];
        let mut latencies = Latencies::default();
        let begun = Instant::now();
        while begun.elapsed() < duration {
            let before = Instant::now();
            file.write_all(&bytes).expect("the probe can be written");
            file.sync_data().expect("the probe can be synced");
            latencies.add(before.elapsed());
        }
        let elapsed = begun.elapsed();
        fs::remove_file(&path).expect("the probe can be removed");
        let writes = latencies.count();
        Measured { elapsed, measured_events: writes, acknowledged_events: writes, latencies, refused: 0, cpu: None }
    }
}
