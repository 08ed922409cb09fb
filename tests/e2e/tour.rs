//! The tours of the README, run as they stand there, in one go, in a folder of their own.
//!
//! Fences say what a block is: `bash env` goes before every later one, `bash serve` runs in the background in place of the server before it, `bash background`
//! runs until the end, `bash tour` runs to its end. A line `# → words` asks that the block printed these words.
//! Addresses are replaced by free ones, nothing else is.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use songhua_tests::{binary, free_port, nats_server, python, repository};

/// How long a server may take until it says that it serves, in a debug build on a busy machine.
const START_MAX: Duration = Duration::from_secs(240);

/// A block of the README.
struct Block {
    /// The line its fence is in, for messages.
    line: usize,
    kind: String,
    text: String,
}

fn blocks(readme: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    for (index, line) in readme.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(_) if open => open = false,
            Some(info) => {
                open = true;
                blocks.push(Block { line: index + 1, kind: info.to_owned(), text: String::new() });
            }
            None if open => writeln!(blocks.last_mut().unwrap().text, "{line}").unwrap(),
            None => {}
        }
    }
    blocks.retain(|block| block.kind.starts_with("bash "));
    blocks
}

/// The folder in which the tours are walked: as a checkout looks, with nothing in it yet.
struct Walk {
    folder: tempfile::TempDir,
    addresses: Vec<(&'static str, String)>,
    server: Option<Child>,
    background: Vec<Child>,
    environment: String,
}

impl Walk {
    fn begin() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["seeds", "proto", "tests", "deploy"] {
            symlink(repository().join(name), folder.path().join(name)).unwrap();
        }
        let addresses = ["7400", "7401", "4222"].map(|port| (port, free_port().to_string())).to_vec();
        Self { folder, addresses, server: None, background: Vec::new(), environment: String::new() }
    }

    fn bash(&self, text: &str) -> Command {
        let text = self.addresses.iter().fold(format!("{}{text}", self.environment), |text, (port, free)| {
            text.replace(&format!("127.0.0.1:{port}"), &format!("127.0.0.1:{free}"))
                .replace(&format!("-p {port}"), &format!("-p {free}"))
        });
        let folders = [binary().parent().unwrap(), nats_server().parent().unwrap(), python().parent().unwrap()]
            .map(|path| std::path::absolute(path).unwrap());
        let inherited = std::env::var_os("PATH").unwrap();
        let path = std::env::join_paths(folders.into_iter().chain(std::env::split_paths(&inherited)));
        let mut bash = Command::new("bash");
        bash.args(["-euo", "pipefail", "-c", &text]).current_dir(self.folder.path()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SONGHUA_")) {
            bash.env_remove(name);
        }
        let port = |index: usize| format!("127.0.0.1:{}", self.addresses[index].1);
        bash.env("PATH", path.unwrap()).env("SONGHUA_GRPC_ADDRESS", port(0)).env("SONGHUA_HTTP_ADDRESS", port(1));
        bash
    }

    /// Starts `block`; its output goes to a file, whose path is returned.
    fn start(&self, block: &Block) -> (Child, PathBuf) {
        let log = self.folder.path().join(format!("line-{}.log", block.line));
        let file = File::create(&log).unwrap();
        let errors = file.try_clone().unwrap();
        // `exec`, so that a signal reaches the server and not the shell around it.
        let text = format!("exec {}", block.text.trim());
        (self.bash(&text).stdout(file).stderr(errors).spawn().unwrap(), log)
    }

    fn serve(&mut self, block: &Block) {
        self.stop_server();
        let (mut child, log) = self.start(block);
        let started = Instant::now();
        while !fs::read_to_string(&log).unwrap().contains("serving: gRPC ") {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none() && started.elapsed() < START_MAX, "line {}: {}", block.line, shown(&log));
            std::thread::sleep(Duration::from_millis(50));
        }
        self.server = Some(child);
    }

    fn stop_server(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        assert!(Command::new("kill").arg(server.id().to_string()).status().unwrap().success());
        assert!(server.wait().unwrap().success(), "the server did not end in order");
    }

    fn run(&self, block: &Block) {
        let output = self.bash(&block.text).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "README.md line {}: {}\n{printed}", block.line, output.status);
        for words in block.text.lines().filter_map(|line| line.split_once("# → ")).map(|(_, words)| words.trim()) {
            assert!(printed.contains(words), "README.md line {}: no {words:?} in\n{printed}", block.line);
        }
    }
}

impl Drop for Walk {
    fn drop(&mut self) {
        for child in self.server.iter_mut().chain(&mut self.background) {
            // It may have ended by itself; the folder goes either way.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

fn shown(log: &Path) -> String {
    fs::read_to_string(log).unwrap_or_default()
}

#[test]
fn every_command_of_the_tours_works_as_it_stands_in_the_readme() {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let mut walk = Walk::begin();
    let mut tours = 0;
    for block in blocks(&readme) {
        match block.kind.as_str() {
            "bash env" => walk.environment.push_str(&block.text),
            "bash serve" => walk.serve(&block),
            "bash background" => walk.background.push(walk.start(&block).0),
            "bash tour" => {
                walk.run(&block);
                tours += 1;
            }
            other => panic!("README.md line {}: what is {other:?}?", block.line),
        }
        for child in &mut walk.background {
            assert!(
                child.try_wait().unwrap().is_none(),
                "what runs in the background has ended by line {}",
                block.line
            );
        }
    }
    assert!(tours >= 5, "a tour for each of the five users");
    walk.stop_server();
}
