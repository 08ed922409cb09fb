//! What reading large views takes of memory.

use std::collections::BTreeMap;
use std::fs;

use crate::{Options, Views};

const ROW_BYTES: usize = 4_000;
const ROWS: u32 = 40_000;

/// Memory of this process, in bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1_024
}

#[test]
fn a_scan_of_all_rows_keeps_few_of_them_beside_the_cache() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { cache_bytes: 4 << 20, ..Options::default() };
    let views = Views::open(dir.path(), options).unwrap();
    for first in (0..ROWS).step_by(2_000) {
        let row = |n: u32| ([&[8][..], &n.to_be_bytes()].concat(), vec![n.to_le_bytes()[0]; ROW_BYTES].into());
        let rows: BTreeMap<_, _> = (first..first + 2_000).map(row).collect();
        views.put_rows(rows);
    }
    drop(views);

    let views = Views::open(dir.path(), options).unwrap();
    let before = resident();
    let rows =
        views.read(|store| store.scan(&[8]).map(|row| row.map(|(_, value)| value.len())).sum::<Result<usize, _>>());
    assert_eq!(rows.unwrap(), ROWS as usize * ROW_BYTES);
    let kept = resident().saturating_sub(before);
    // Other tests run beside this one.
    assert!(kept < 96 << 20, "{} MB of {} MB are kept", kept >> 20, (ROWS as usize * ROW_BYTES) >> 20);
}
