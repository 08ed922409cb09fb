//! An ext4 of its own, in a file behind a loop device, with a power cord: the ext4 shutdown ioctl.
//!
//! Needs root, and mounts of its own (`main` sees to that).

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The disk may be in use so long when it is to be unmounted.
const BUSY_MAX: Duration = Duration::from_secs(20);

/// Pulls the cord when it is told to: a line `FLAG MOUNT_POINT`, answered by a line. Python, since an ioctl is unsafe in Rust.
const CORD: &str = r#"
import fcntl, os, struct, sys
EXT4_IOC_SHUTDOWN = 0x8004587D
for line in sys.stdin:
    flag, point = line.rstrip("\n").split(" ", 1)
    directory = os.open(point, os.O_RDONLY)
    fcntl.ioctl(directory, EXT4_IOC_SHUTDOWN, struct.pack("I", int(flag)))
    os.close(directory)
    print("cut", flush=True)
"#;

/// What becomes of what is not on disk when the power goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cut {
    /// Everything is flushed first: as if the last writes had been in time.
    Flushed = 0,
    /// The journal is flushed, data in memory is not.
    Journalled = 1,
    /// Nothing is flushed.
    Hard = 2,
}

/// A mounted disk.
pub(crate) struct Disk {
    directory: TempDir,
    cord: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    mounted: bool,
}

impl Disk {
    /// Makes a disk of `bytes` (as `truncate` reads it) and mounts it.
    ///
    /// # Errors
    /// Why there can be none on this machine.
    pub(crate) fn new(bytes: &str) -> Result<Self, String> {
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mut cord = Command::new("python3");
        cord.args(["-c", CORD]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut cord = cord.spawn().map_err(|error| format!("python3: {error}"))?;
        let (orders, answers) = cord.stdin.take().zip(cord.stdout.take()).ok_or("python3 has no pipes")?;
        let mut disk = Self { directory, cord, orders, answers: BufReader::new(answers), mounted: false };
        fs::create_dir(disk.point()).map_err(|error| error.to_string())?;
        run(Command::new("truncate").args(["-s", bytes]).arg(disk.image()))?;
        run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(disk.image()))?;
        disk.mount()?;
        Ok(disk)
    }

    /// Where it is mounted.
    pub(crate) fn point(&self) -> PathBuf {
        self.directory.path().join("disk")
    }

    fn image(&self) -> PathBuf {
        self.directory.path().join("image")
    }

    fn mount(&mut self) -> Result<(), String> {
        run(Command::new("mount").args(["-o", "loop"]).args([self.image(), self.point()]))?;
        self.mounted = true;
        Ok(())
    }

    fn unmount(&mut self) -> Result<(), String> {
        let begun = Instant::now();
        // What a killed process held is let go of a moment later.
        while let Err(reason) = run(Command::new("umount").arg(self.point())) {
            if begun.elapsed() > BUSY_MAX {
                return Err(reason);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.mounted = false;
        Ok(())
    }

    /// Pulls the cord: from now on every write fails, and only what is on disk will be there again.
    pub(crate) fn cut(&mut self, cut: Cut) {
        let point = self.point();
        writeln!(self.orders, "{} {}", cut as u8, point.display()).expect("the cord takes orders");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the cord answers");
        assert_eq!(answer, "cut\n", "the power is off");
    }

    /// Power is back: the disk is mounted again, by the journal; `check` has fsck look at it first. Nobody may use it.
    pub(crate) fn power_on(&mut self, check: bool) {
        self.unmount().expect("nobody uses the disk");
        if check {
            let checked = Command::new("e2fsck").arg("-fp").arg(self.image()).output().expect("e2fsck runs");
            assert!(checked.status.code().is_some_and(|code| code <= 1), "the file system is broken: {checked:?}");
        }
        self.mount().expect("the disk is mounted again");
    }

    /// Everything that is in memory goes to disk.
    pub(crate) fn sync(&self) {
        run(Command::new("sync").arg("-f").arg(self.point())).expect("the disk takes it");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.mounted
            && let Err(reason) = self.unmount()
        {
            eprintln!("{} stays mounted: {reason}", self.point().display());
        }
        // Its orders end with this; it may have ended before.
        drop(self.cord.kill());
        drop(self.cord.wait());
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}
