//! What `deploy/` promises: the runbook's commands work as they stand, settings exist, the unit and the compose file are
//! sound. NATS is in `deploy_nats`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use songhua_tests::{Output, Sandbox, at_hand, binary, files_below, many, pb, python, refusal, repository, submit};

/// The stop of a server with idle streams takes at most this long; see deploy/RUNBOOK.md.
const GRACE_SECONDS: u64 = 10;

fn read(path: &str) -> String {
    std::fs::read_to_string(repository().join("deploy").join(path)).unwrap()
}

/// Flags in `deploy/` that are not songhua's: of tar, cargo, useradd, docker and its files.
const OTHERS_FLAGS: [&str; 17] = [
    "--bin",
    "--create-home",
    "--detach",
    "--from",
    "--home-dir",
    "--interval",
    "--locked",
    "--package",
    "--release",
    "--retries",
    "--shell",
    "--start-period",
    "--system",
    "--timeout",
    "--uid",
    "--volumes",
    "--wait",
];

/// A fenced block of the runbook that says in which state of the server it is tried.
struct Block {
    heading: String,
    is_running: bool,
    script: String,
}

fn blocks() -> Vec<Block> {
    let text = read("RUNBOOK.md");
    let mut found = Vec::new();
    let mut heading = "";
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        heading = line.strip_prefix("## ").unwrap_or(heading);
        if let Some(state) = line.strip_prefix("```bash tested ") {
            let is_running = match state {
                "running" => true,
                "stopped" => false,
                other => panic!("{heading}: tested {other}"),
            };
            let script = lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
            found.push(Block { heading: heading.to_owned(), is_running, script });
        }
    }
    found
}

/// A sandbox, and the shell of an operator beside it.
struct Desk {
    sandbox: Sandbox,
    is_running: bool,
    grant: String,
}

impl Desk {
    async fn open() -> (Self, String) {
        let sandbox = Sandbox::start().await;
        for name in ["backup", "bin"] {
            std::fs::create_dir(sandbox.path(name)).unwrap();
        }
        std::os::unix::fs::symlink(binary(), sandbox.path("bin/songhua")).unwrap();
        let (grant, token) = sandbox.grant(pb::Role::Reader, "", "").await;
        (Self { sandbox, is_running: true, grant }, token)
    }

    /// Brings the server into the state that the block wants, and runs it.
    async fn run(&mut self, block: &Block) -> Output {
        self.bring(block.is_running).await;
        let sandbox = &self.sandbox;
        let mut shell = Command::new("bash");
        shell.args(["-euo", "pipefail", "-c", &block.script]).current_dir(sandbox.path("")).env_clear();
        shell.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", sandbox.path("bin").display()));
        shell.env("DATA", sandbox.data()).env("SONGHUA_DATA", sandbox.data()).env("GRANT", &self.grant);
        shell.env("BACKUP", sandbox.path("backup")).env("BIN", sandbox.path("bin")).env("NEW", binary());
        let ran = Output::from(shell.output().unwrap());
        assert_eq!(ran.code, 0, "{}:\n{}{ran:?}", block.heading, block.script);
        ran
    }

    async fn bring(&mut self, to_run: bool) {
        if to_run && !self.is_running {
            self.sandbox.serve().await;
        } else if !to_run && self.is_running {
            self.sandbox.terminate().await;
        }
        self.is_running = to_run;
    }
}

// Clients must be able to hear of a stop while this test waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn the_runbooks_commands_do_what_it_says() {
    let (mut desk, reader) = Desk::open().await;
    let office = desk.sandbox.lead_of_all("office").await;
    let mut tried = BTreeSet::new();
    office.clone().ingest.submit(submit(many(3))).await.unwrap();
    let kept = desk.sandbox.durable().await;
    for block in blocks() {
        let title = block.heading.split(' ').next().unwrap();
        let token = desk.sandbox.admin_token();
        if title == "Restore" {
            desk.bring(true).await;
            let lost = songhua_tests::agency("late", "迟到单位");
            desk.sandbox.admin().await.ingest.submit(submit(vec![lost])).await.unwrap();
            assert_eq!(desk.sandbox.durable().await, kept + 1);
        }
        let said = desk.run(&block).await.stdout;
        desk.bring(true).await;
        let now = desk.sandbox.durable().await;
        match (title, block.is_running) {
            ("Back", _) => assert_eq!(said.matches(" ok").count(), 4, "two logs, checked twice: {said}"),
            ("Restore", _) => {
                assert_eq!(now, kept + 1, "the log as it was backed up, and the fork");
                assert!(said.contains("lost 丢失") && said.contains("agency.registered"), "{said}");
            }
            ("Tokens", true) => {
                let mut client = desk.sandbox.client(Some(&reader)).await;
                let revoked = client.admin.get_status(pb::GetStatusRequest::default());
                assert_eq!(refusal(&revoked.await.unwrap_err()).reason.code(), "TOKEN_INVALID");
            }
            ("Tokens", false) => assert_ne!(desk.sandbox.admin_token(), token, "a new one"),
            ("Views", true) => {
                let digests: BTreeSet<_> = said.lines().map(|line| &line[..64]).collect();
                assert_eq!((said.lines().count(), digests.len()), (3, 1), "{said}");
            }
            _ => {}
        }
        let overview = desk.sandbox.run(&["progress", "overview"]);
        assert_eq!(overview.code, 0, "after {}: {overview:?}", block.heading);
        tried.insert(title.to_owned());
    }
    let all = ["Back", "Read-only", "Restore", "Start,", "Tokens", "Upgrade,", "Views"];
    assert_eq!(tried.iter().map(String::as_str).collect::<Vec<_>>(), all);
}

/// Every text below `deploy/` as one, without what other programs are told.
fn deploy_texts() -> String {
    let files = files_below(&repository().join("deploy"));
    let texts = files.iter().filter(|path| !path.starts_with(repository().join("deploy/nats")));
    texts.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

fn help(arguments: &[&str]) -> String {
    let output = Output::from(Command::new(binary()).args(arguments).arg("--help").output().unwrap());
    assert_eq!(output.code, 0, "{output:?}");
    output.stdout
}

fn words_with<'a>(text: &'a str, start: &'a str) -> impl Iterator<Item = &'a str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-');
    words.filter(move |word| word.starts_with(start) && word.len() > start.len() && !word.ends_with('_'))
}

#[test]
fn every_setting_and_flag_in_deploy_exists() {
    let commands: [&[&str]; 10] = [
        &["backup"],
        &["restore"],
        &["log", "dump"],
        &["serve"],
        &["check"],
        &["admin", "grant"],
        &["admin", "revoke"],
        &["admin", "token"],
        &["views", "rebuild"],
        &["progress", "overview"],
    ];
    let known: String = commands.into_iter().map(help).collect();
    let texts = deploy_texts();
    let settings: BTreeSet<_> = words_with(&texts, "SONGHUA_").collect();
    assert!(settings.len() > 8, "{settings:?}");
    for setting in settings {
        assert!(known.contains(&format!("[env: {setting}")), "no setting {setting}");
    }
    let flags = words_with(&texts, "--").filter(|word| word[2..].starts_with(char::is_alphabetic));
    for flag in flags.filter(|flag| !OTHERS_FLAGS.contains(flag)) {
        assert!(words_with(&known, "--").any(|word| word == flag), "no flag {flag}");
    }
}

#[tokio::test]
async fn every_metric_to_alert_on_is_measured() {
    let sandbox = Sandbox::start().await;
    let refused = sandbox.client(None).await.admin.get_status(pb::GetStatusRequest::default()).await;
    assert!(refused.is_err(), "a refusal to be counted");
    sandbox.lead_of_all("office").await.ingest.submit(submit(many(1))).await.unwrap();
    let request = format!(
        "GET /metrics HTTP/1.1\r\nHost: songhua\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
        sandbox.admin_token()
    );
    let scraped = songhua_tests::send_bytes(sandbox.http(), request.as_bytes());
    let scraped = String::from_utf8(scraped).unwrap();
    assert!(scraped.starts_with("HTTP/1.1 200"), "{scraped}");
    let text = read("RUNBOOK.md");
    let metrics: BTreeSet<_> = words_with(&text, "songhua_").collect();
    assert!(metrics.len() >= 7, "{metrics:?}");
    for metric in metrics {
        assert!(scraped.contains(&format!("# TYPE {metric} ")), "{metric} is not measured");
    }
    for label in ["state=\"STOPPED\"", "reason=\""] {
        assert!(scraped.contains(label) && text.contains(label), "{label}");
    }
}

/// `key=value` of the unit.
fn unit_value(key: &str) -> String {
    let unit = read("systemd/songhua.service");
    let line = unit.lines().find_map(|line| line.strip_prefix(&format!("{key}=")));
    line.unwrap_or_else(|| panic!("no {key}")).to_owned()
}

#[test]
fn the_unit_starts_again_after_a_crash_and_gives_a_stop_enough_time() {
    assert_eq!(unit_value("Restart"), "on-failure");
    assert_eq!(unit_value("ExecStart"), "/usr/local/bin/songhua serve");
    assert!(unit_value("TimeoutStopSec").parse::<u64>().unwrap() > GRACE_SECONDS);
    let data = unit_value("Environment").replace("SONGHUA_DATA=", "");
    assert!(data.starts_with(&format!("/var/lib/{}/", unit_value("StateDirectory"))), "{data} can be written");
    let sysusers = read("systemd/songhua.sysusers");
    assert!(sysusers.starts_with(&format!("u {} ", unit_value("User"))), "{sysusers}");
}

#[test]
fn the_unit_is_sound_and_hardened() {
    if !at_hand("the unit", &["systemd-analyze"], &[]) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let unit = directory.path().join("songhua.service");
    let text = read("systemd/songhua.service").replace("/usr/local/bin/songhua", binary().to_str().unwrap());
    std::fs::write(&unit, text).unwrap();
    for arguments in [&["verify", "--man=no"][..], &["security", "--offline=true", "--threshold=20"]] {
        let output = Output::from(Command::new("systemd-analyze").args(arguments).arg(&unit).output().unwrap());
        assert_eq!(output.code, 0, "{arguments:?}: {output:?}");
        assert!(arguments[0] != "verify" || output.stderr.is_empty(), "{output:?}");
    }
}

fn compose_json() -> serde_json::Value {
    let script = "import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)";
    let path = repository().join("deploy/compose/compose.yaml");
    let output = Output::from(Command::new(python()).args(["-c", script]).arg(path).output().unwrap());
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn a_server_may_write_where_the_runbook_backs_up_to() {
    assert!(read("RUNBOOK.md").contains("songhua backup /backup/songhua"));
    assert!(read("systemd/songhua.service").lines().any(|line| line == "ReadWritePaths=-/backup"));
    let volumes = compose_json()["services"]["songhua"]["volumes"].clone();
    assert!(volumes.as_array().unwrap().iter().any(|volume| volume == "backup:/backup"), "{volumes}");
}

#[test]
fn the_compose_file_follows_the_specification_and_names_what_is_there() {
    let path = repository().join("deploy/compose/compose.yaml");
    let mut check = Command::new(python().with_file_name("check-jsonschema"));
    let checked = Output::from(check.args(["--builtin-schema", "vendor.compose-spec"]).arg(&path).output().unwrap());
    assert_eq!(checked.code, 0, "{checked:?}");
    let compose = compose_json();
    let folder = repository().join("deploy/compose");
    let build = &compose["services"]["songhua"]["build"];
    let context = folder.join(build["context"].as_str().unwrap());
    assert!(context.join(build["dockerfile"].as_str().unwrap()).exists(), "{build}");
    for (name, service) in compose["services"].as_object().unwrap() {
        assert_eq!(service["restart"], "unless-stopped", "{name}");
        assert_eq!(service["cap_drop"][0], "ALL", "{name}");
        let grace: u64 = service["stop_grace_period"].as_str().unwrap().trim_end_matches('s').parse().unwrap();
        assert!(grace > GRACE_SECONDS, "{name}: {grace} s");
        for volume in service["volumes"].as_array().unwrap() {
            let source = volume.as_str().unwrap().split(':').next().unwrap();
            // `./tls` is the operator's own.
            let is_there =
                source == "./tls" || compose["volumes"].get(source).is_some() || folder.join(source).exists();
            assert!(is_there, "{name}: {source}");
        }
    }
    let text = read("compose/compose.yaml");
    let example = read("compose/env.example");
    for variable in text.split("${").skip(1).map(|rest| rest.split([':', '}']).next().unwrap()) {
        assert!(example.contains(&format!("\n{variable}=")), "env.example does not name {variable}");
    }
    let nats = compose["services"]["nats"]["environment"].as_object().unwrap();
    for variable in read("nats/single.conf").split(": $").skip(1).map(|rest| rest.split_whitespace().next().unwrap()) {
        assert!(nats.contains_key(variable), "single.conf reads {variable}");
    }
}

fn image_lines(keyword: &str) -> Vec<String> {
    let text = read("compose/Dockerfile").replace("\\\n", " ");
    text.lines().filter_map(|line| line.strip_prefix(&format!("{keyword} "))).map(str::to_owned).collect()
}

#[test]
fn the_image_is_made_of_what_the_repository_has() {
    let root = repository();
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let from = image_lines("FROM");
    let version =
        manifest.lines().find_map(|line| line.strip_prefix("rust-version = \"")).unwrap().trim_end_matches('"');
    assert!(from[0].starts_with(&format!("rust:{version}-")), "{from:?}");
    assert_eq!(image_lines("USER"), ["7400:7400"]);
    let ignored = read("compose/Dockerfile.dockerignore");
    let taken: Vec<_> = ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
    for name in &taken {
        assert!(root.join(name).exists(), "{name}");
    }
    // Cargo reads every member's manifest, and `wire` the protos.
    for needed in ["Cargo.toml", "Cargo.lock", "proto", "seeds", "services", "tests"] {
        assert!(taken.contains(&needed), "{needed}");
    }
    let seeds: Vec<_> = words_in(&read("compose/compose.yaml"), "/usr/share/songhua/");
    for path in seeds {
        assert!(root.join(&path).join("plan.json").exists(), "{}", path.display());
    }
}

fn words_in(text: &str, prefix: &str) -> Vec<PathBuf> {
    text.split(prefix).skip(1).map(|rest| Path::new(rest.split_whitespace().next().unwrap()).to_owned()).collect()
}

#[tokio::test]
async fn the_images_health_check_tells_a_ready_server_from_none() {
    let mut sandbox = Sandbox::start().await;
    let line = image_lines("HEALTHCHECK").remove(0);
    let (_, command) = line.split_once("CMD ").unwrap();
    let command: Vec<String> = serde_json::from_str(command).unwrap();
    assert_eq!(image_lines("EXPOSE"), ["7400 7401"]);
    let port = sandbox.http().rsplit(':').next().unwrap().to_owned();
    let check = || {
        let arguments = command[1..].iter().map(|argument| argument.replace("7401", &port));
        Output::from(Command::new(&command[0]).args(arguments).output().unwrap()).code
    };
    assert_eq!(check(), 0);
    sandbox.terminate().await;
    assert_ne!(check(), 0, "nobody answers");
}
