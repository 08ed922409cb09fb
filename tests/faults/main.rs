//! Faults, injected into the real server from outside: after each of them it must have everything that it acknowledged.
//!
//! ```text
//! tests/faults/run [--short | --long] [--only MODULE]... [--seed N]
//! ```
//! Place in the flow: `run` and `tests/e2e/faults.rs` start it; each module injects one kind of fault and asks the oracle.
//! It prints seeds, a line of progress now and then, and at the end `figure NAME VALUE UNIT`. Exit code 1: something was lost,
//! stood twice, or was served damaged; each is named above with the seed that repeats it. README.md says what each proves.
//!
//! It must not know anything inside the server: gRPC, the command line, and the files that FORMAT.md describes.

#![expect(clippy::print_stdout, reason = "what it found on standard output is what it is for")]

mod clients;
mod clock;
mod disk;
mod flips;
mod full;
mod hostile;
mod kill;
mod oracle;
mod power;
mod report;
mod shim;
mod site;
mod slow;

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::time::Instant;

use report::{Report, Settings};

/// Tells this program that its mounts are its own.
const INSIDE: &str = "SONGHUA_FAULTS_INSIDE";

/// What can be named by `--only`, in this order.
const MODULES: [&str; 7] = ["kill", "power", "flips", "full", "slow", "clock", "hostile"];

fn settings() -> Settings {
    let mut settings = Settings { long: false, seed: 0, only: Vec::new() };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| panic!("{argument} needs a value"));
        match argument.as_str() {
            "--short" => settings.long = false,
            "--long" => settings.long = true,
            "--only" => settings.only.push(value()),
            "--seed" => settings.seed = value().parse().expect("--seed is a whole number"),
            other => panic!("unknown argument {other}: --short, --long, --only MODULE, --seed N"),
        }
    }
    for name in &settings.only {
        assert!(MODULES.contains(&name.as_str()), "no module {name}: {MODULES:?}");
    }
    if settings.seed == 0 {
        settings.seed = jiff::Timestamp::now().as_microsecond().unsigned_abs();
    }
    settings
}

/// Goes on as root in a mount namespace of its own, where that can be had: what is mounted goes with the last process.
fn take_own_mounts() {
    let works = || Command::new("unshare").args(["--mount", "true"]).output().is_ok_and(|tried| tried.status.success());
    if std::env::var_os(INSIDE).is_none() && works() {
        let program = std::env::current_exe().expect("this program has a path");
        let mut again = Command::new("unshare");
        again.arg("--mount").arg(program).args(std::env::args_os().skip(1)).env(INSIDE, "1");
        panic!("unshare does not start: {}", again.exec());
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    take_own_mounts();
    let settings = settings();
    println!("{} run; --seed {} repeats it", if settings.long { "long" } else { "short" }, settings.seed);
    let mut report = Report::default();
    for module in MODULES.iter().filter(|module| settings.wants(module)) {
        let begun = Instant::now();
        match *module {
            "kill" => Box::pin(kill::run(&settings, &mut report)).await,
            "flips" => Box::pin(flips::run(&settings, &mut report)).await,
            "power" => Box::pin(power::run(&settings, &mut report)).await,
            "full" => Box::pin(full::run(&settings, &mut report)).await,
            "slow" => Box::pin(slow::run(&settings, &mut report)).await,
            "clock" => Box::pin(clock::run(&settings, &mut report)).await,
            "hostile" => Box::pin(hostile::run(&settings, &mut report)).await,
            other => panic!("{other} is not a module"),
        }
        println!("{module}: done in {} s", begun.elapsed().as_secs());
    }
    report.end()
}
