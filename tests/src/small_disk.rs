//! A small disk: a file system in memory, in a mount namespace that ends with the test. Root is not needed where the kernel
//! gives ordinary users namespaces of their own.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Mounts a file system of `$1` MiB in the directory `$2`, says so, and holds it until standard input ends.
const HOLD: &str = r#"mount -t tmpfs -o "size=$1m,mode=0755" small "$2" && echo mounted && exec cat"#;
/// A ballast file grows by pieces of these sizes.
const PIECES: [usize; 2] = [1 << 20, 4096];

/// See the module. It goes when it is dropped.
pub struct SmallDisk {
    holder: Child,
    point: PathBuf,
}

impl SmallDisk {
    /// A disk of `mib` MiB; none, said on standard error, where nobody may mount anything.
    ///
    /// # Panics
    /// Where the gate has seen that it can be had ([`must_mount`]).
    pub fn new(mib: u32) -> Option<Self> {
        let ways: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
        let disk = ways.iter().find_map(|way| Self::mounted(way, mib));
        if disk.is_none() {
            assert!(!must_mount("tmpfs"), "a file system in memory could be mounted a moment ago");
            eprintln!("left out: no mount namespace can be had here");
        }
        disk
    }

    fn mounted(way: &[&str], mib: u32) -> Option<Self> {
        let mut holder = Command::new("unshare");
        // Any directory will do: nobody else sees what is mounted there.
        holder.args(way).args(["sh", "-c", HOLD, "sh"]).arg(mib.to_string()).arg(std::env::temp_dir());
        let piped = holder.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut holder = piped.ok()?;
        let mut said = String::new();
        BufReader::new(holder.stdout.take()?).read_line(&mut said).ok()?;
        if said.trim() != "mounted" {
            holder.wait().ok()?;
            return None;
        }
        let inside = std::env::temp_dir().strip_prefix("/").ok()?.to_owned();
        let point = Path::new("/proc").join(holder.id().to_string()).join("root").join(inside);
        Some(Self { holder, point })
    }

    /// Where it is, for every process.
    pub fn path(&self) -> &Path {
        &self.point
    }

    /// Fills it to the last block with `ballast`.
    pub fn fill(&self) {
        fill(&self.ballast());
    }

    /// Gives back what [`Self::fill`] took.
    pub fn free(&self) {
        fs::remove_file(self.ballast()).expect("the ballast is there");
    }

    fn ballast(&self) -> PathBuf {
        self.point.join("ballast")
    }
}

/// Whether the gate has found that this can be mounted here, so that nothing may be left out for want of it.
pub fn must_mount(what: &str) -> bool {
    std::env::var("SONGHUA_MOUNTS").is_ok_and(|mounts| mounts.split(' ').any(|one| one == what))
}

/// Lets a file grow until the disk is full.
pub fn fill(ballast: &Path) {
    let mut file = File::options().create(true).append(true).open(ballast).expect("the ballast can be opened");
    take_most(ballast);
    for piece in PIECES.map(|size| vec![1; size]) {
        loop {
            match file.write_all(&piece) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => panic!("{}: {error}", ballast.display()),
            }
        }
    }
    file.sync_data().expect("what was written has its room");
}

/// Takes most of what is free without writing it; where that cannot be done, it is written.
fn take_most(ballast: &Path) {
    let free = Command::new("df").args(["-B1", "--output=avail"]).arg(ballast).output();
    let free = free.ok().and_then(|told| String::from_utf8_lossy(&told.stdout).lines().nth(1)?.trim().parse().ok());
    let most: u64 = free.unwrap_or(0) / 100 * 95;
    drop(Command::new("fallocate").args(["-l", &most.to_string()]).arg(ballast).output());
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        drop(self.holder.wait());
    }
}
