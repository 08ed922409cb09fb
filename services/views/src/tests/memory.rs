//! What reading large views takes of memory.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};

use crate::store::Store;
use crate::{Options, Views};

const ROW_BYTES: usize = 4_000;
const ROWS: u32 = 40_000;

/// Memory of this process, in bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1_024
}

fn options() -> Options {
    Options { cache_bytes: 4 << 20, ..Options::default() }
}

/// Where the other process is to write.
const DIRECTORY: &str = "SONGHUA_TEST_VIEWS";

#[test]
#[ignore = "run by the test below in a process of its own: what it frees would hide what the scan takes"]
fn many_rows() {
    let views = Views::open(std::env::var_os(DIRECTORY).unwrap().as_ref(), options()).unwrap();
    for first in (0..ROWS).step_by(2_000) {
        let row = |n: u32| ([&[8][..], &n.to_be_bytes()].concat(), vec![n.to_le_bytes()[0]; ROW_BYTES].into());
        let rows: BTreeMap<_, _> = (first..first + 2_000).map(row).collect();
        views.put_rows(rows);
    }
}

#[test]
fn a_scan_of_all_rows_keeps_few_of_them_beside_the_cache() {
    let dir = tempfile::tempdir().unwrap();
    let mut other = Command::new(std::env::current_exe().unwrap());
    other.args(["--ignored", "--exact", "tests::memory::many_rows"]).env(DIRECTORY, dir.path());
    assert!(other.stdout(Stdio::null()).status().unwrap().success());

    let views = Views::open(dir.path(), options()).unwrap();
    let before = resident();
    let rows =
        views.read(|store| store.scan(&[8]).map(|row| row.map(|(_, value)| value.len())).sum::<Result<usize, _>>());
    assert_eq!(rows.unwrap(), ROWS as usize * ROW_BYTES);
    let kept = resident().saturating_sub(before);
    // Other tests run beside this one.
    assert!(kept < 96 << 20, "{} MB of {} MB are kept", kept >> 20, (ROWS as usize * ROW_BYTES) >> 20);
}

#[test]
fn stores_that_together_hold_too_much_write_before_one_of_them_would_alone() {
    let dir = tempfile::tempdir().unwrap();
    let stores = 40;
    let open = |n: u32| Store::open(&dir.path().join(n.to_string()), 1 << 16).unwrap();
    let rows = |bytes: usize| [(vec![8, 1], vec![5; bytes].into())].into();
    let mut small = open(stores);
    small.put(rows(100), &[]);
    let mut held: Vec<Store> = (0..stores).map(open).collect();
    for store in &mut held {
        // 52 MB in all.
        store.put(rows(1_300_000), &[]);
    }
    assert!(held.iter().all(Store::is_due) && !small.is_due());
    for store in held.iter_mut().skip(1) {
        store.leave();
        store.write().unwrap();
        store.left();
    }
    assert!(!held[0].is_due());
    held[0].put(rows(30_000_000), &[]);
    assert!(held[0].is_due());
}
