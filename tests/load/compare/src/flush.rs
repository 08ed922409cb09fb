//! Whether each group commit reaches the disk: a loop device with an ext4 of its own, whose FLUSH requests the kernel counts.
//!
//! Needs root. The server runs below a second process of this program, in a mount namespace of its own: mount and device go
//! with its last process, however that ends.

use std::fs;
use std::path::Path;
use std::process::Command;

use songhua_tests::load::Figures;
use songhua_tests::{ServeOptions, send_bytes};

use crate::Settings;
use crate::appends::{STREAMS, UNARY, rest};
use crate::ours::Ours;
use crate::table::shown;

/// Tells the second process that it is the second one.
const INSIDE: &str = "SONGHUA_COMPARE_INSIDE";
/// Of the image: a sparse file.
const BYTES: &str = "8G";
/// Of a file system in the image $1, mounted at $2: runs what follows.
const MOUNT: &str = r#"mkfs.ext4 -q -F "$1" && mount -o loop "$1" "$2" && shift 2 && exec "$@""#;

/// Counts, or says why it cannot.
pub(crate) async fn run(settings: &Settings, figures: &mut Figures) {
    if std::env::var_os(INSIDE).is_some() {
        return count(settings, figures).await;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (image, point) = (directory.path().join("image"), directory.path().join("disk"));
    fs::create_dir(&point).expect("a mount point");
    if let Err(reason) = try_it(&image, &point) {
        println!("flush_per_commit is left out, no loop device can be had here: {reason}");
        return;
    }
    let mut second = mounted(&image, &point);
    second.arg(std::env::current_exe().expect("this program has a path")).args(std::env::args_os().skip(1));
    let ended = second.env("TMPDIR", &point).env(INSIDE, "1").status().expect("the second process starts");
    assert!(ended.success(), "the second process ended with {ended}");
}

fn try_it(image: &Path, point: &Path) -> Result<(), String> {
    output(Command::new("truncate").args(["-s", BYTES]).arg(image))?;
    output(mounted(image, point).arg("true"))
}

/// A command in a namespace where the image is mounted.
fn mounted(image: &Path, point: &Path) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", MOUNT, "sh"]).args([image, point]);
    command
}

fn output(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()) }
}

/// The device below the temporary directory.
fn device() -> String {
    let point = std::env::temp_dir().display().to_string();
    let mounts = fs::read_to_string("/proc/self/mounts").expect("the kernel tells");
    let of_point = |line: &&str| line.split(' ').nth(1) == Some(&point);
    let line = mounts.lines().find(of_point).expect("the image is mounted");
    line.split(' ').next().unwrap_or_default().trim_start_matches("/dev/").to_owned()
}

async fn count(settings: &Settings, figures: &mut Figures) {
    let device = device();
    let ours = Ours::start(ServeOptions::default()).await;
    println!("the server's data is on {device}, ext4 of its own, on a sparse file");
    println!(
        "{:<18} {:>9} {:>9} {:>9} {:>9} {:>9}  flushes a commit",
        "", "events", "groups", "commits", "flushes", "needed"
    );
    let mut least = u64::MAX;
    for load in UNARY.iter().chain(&STREAMS) {
        rest().await;
        let before = (counted(&ours), flushes(&device));
        let run = ours.load(load, settings.duration).await;
        let after = (counted(&ours), flushes(&device));
        let [groups, commits] = [0, 1].map(|which| after.0[which] - before.0[which]);
        let flushed = after.1 - before.1;
        // No client sends before its last request is acknowledged, so one flush stands for one request of each at most.
        let needed = run.acknowledged / (load.clients * load.batch) as u64;
        let ratio = flushed * 1_000 / commits.max(1);
        least = least.min(ratio);
        let (name, events) = (load.name, run.acknowledged);
        println!("{name:<18} {events:>9} {groups:>9} {commits:>9} {flushed:>9} {needed:>9}  {}", shown(ratio));
        assert!(commits > 0, "the server counts its commits");
        assert!(flushed >= needed, "acknowledged without a FLUSH");
        ours.catch_up().await;
    }
    println!("groups: decided together; one commit, an fdatasync, takes all that were written while the last one ran");
    println!("needed: whatever the server says it did; the views flush too, some twice a second");
    figures.add_thousandths("flush_per_commit", least, "ratio");
}

/// Groups of the plan, and calls of fdatasync: its commits.
fn counted(ours: &Ours) -> [u64; 2] {
    let address = ours.sandbox.http();
    let token = ours.sandbox.admin_token();
    let headers = format!("Host: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close");
    let answer = send_bytes(address, format!("GET /metrics HTTP/1.1\r\n{headers}\r\n\r\n").as_bytes());
    let metrics = String::from_utf8_lossy(&answer);
    ["songhua_group_submissions_count{plan=\"harbin-2022-2026\"}", "songhua_log_sync_seconds_count"].map(|series| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(series));
        line.and_then(|rest| rest.trim().parse().ok()).unwrap_or_else(|| panic!("no {series} in:\n{metrics}"))
    })
}

/// FLUSH requests that the device has completed.
fn flushes(device: &str) -> u64 {
    let stat = fs::read_to_string(format!("/sys/block/{device}/stat")).expect("the kernel counts");
    stat.split_whitespace()
        .nth(15)
        .and_then(|field| field.parse().ok())
        .expect("a kernel that counts FLUSH, from 5.5 on")
}
