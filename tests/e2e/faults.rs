//! The short run of the fault suite (`tests/faults`): nothing is lost, nothing stands twice, nothing damaged is served.

use std::process::Command;

use songhua_tests::{Output, binary, must_mount};

#[test]
fn the_short_fault_suite_finds_nothing() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_songhua-faults"));
    let ran = Output::from(command.arg("--short").env("SONGHUA_BIN", binary()).output().unwrap());
    eprintln!("{}", ran.stdout);
    assert_eq!(ran.code, 0, "{ran:?}");
    let figure = |name: &str| {
        let value = ran.stdout.lines().find_map(|line| line.strip_prefix(&format!("figure {name} ")));
        value
            .and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok())
            .unwrap_or_else(|| panic!("no {name}: {ran:?}"))
    };
    for none in ["lost_events", "duplicated_events", "corruptions_served", "other_faults"] {
        assert_eq!(figure(none), 0, "{none}");
    }
    assert!(figure("kill_cycles") >= 30 && figure("flipped_bits") >= 60);
    assert!(figure("hostile_inputs") >= 30_000);
    let left_out = |what: &str| ran.stdout.contains(&format!("{what} LEFT OUT"));
    assert!(!left_out("the slow disk is") && !left_out("wrong clocks are"), "they need only a C compiler");
    let full = !must_mount("tmpfs") && left_out("full disks are");
    assert!(full || figure("disk_full_refusals") >= 5);
    let power = !must_mount("loop") && left_out("power cuts are");
    assert!(power || figure("power_cuts") >= 15);
}
