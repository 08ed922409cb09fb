//! `deploy/nats/single.conf` on a real nats-server: it is valid, its permissions hold, and the relay can work with them.

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use songhua_tests::{Output, PLAN_ID, Sandbox, ServeOptions, many, nats_server, python, repository, submit};
use tempfile::TempDir;

use crate::relay_world::{EVENTS, PROGRESS, eventually, python_consumer};

/// How long a server may take.
const MOST: Duration = Duration::from_secs(60);
const PASSWORDS: [(&str, &str); 3] =
    [("NATS_RELAY_PASSWORD", "p1relay"), ("NATS_READER_PASSWORD", "p2reader"), ("NATS_ADMIN_PASSWORD", "p3admin")];

/// A server as `single.conf` sets it up, on free ports.
struct Server {
    directory: TempDir,
    child: Child,
    port: u64,
}

/// `nats-server` with this configuration and its environment.
fn nats(store: &Path) -> Command {
    let mut command = Command::new(nats_server());
    command.arg("--config").arg(repository().join("deploy/nats/single.conf"));
    command.envs(PASSWORDS).env("NATS_STORE_DIR", store).env("NATS_LISTEN", "127.0.0.1:4222");
    command
}

impl Server {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut command = nats(&directory.path().join("store"));
        command.args(["--port", "-1", "--http_port", "-1", "--ports_file_dir"]).arg(directory.path());
        let child = command.arg("--log").arg(directory.path().join("log")).spawn().unwrap();
        let mut server = Self { directory, child, port: 0 };
        let begun = Instant::now();
        while server.port == 0 {
            assert!(begun.elapsed() < MOST, "nats-server did not start");
            tokio::time::sleep(Duration::from_millis(10)).await;
            server.port = server.listens_on().unwrap_or(0);
        }
        server
    }

    /// The port, once the server has written it down.
    fn listens_on(&self) -> Option<u64> {
        let name = format!("nats-server_{}.ports", self.child.id());
        let text = std::fs::read_to_string(self.directory.path().join(name)).ok()?;
        let ports: serde_json::Value = serde_json::from_str(&text).ok()?;
        ports["nats"][0].as_str()?.rsplit(':').next()?.parse().ok()
    }

    fn url(&self, user: &str) -> String {
        format!("nats://{user}127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().expect("the server can be killed");
        self.child.wait().expect("the server has ended");
    }
}

#[test]
fn the_configuration_is_valid_and_refuses_to_start_without_a_password() {
    let directory = tempfile::tempdir().unwrap();
    let valid = Output::from(nats(directory.path()).arg("-t").output().unwrap());
    assert_eq!(valid.code, 0, "{valid:?}");
    for (name, _) in PASSWORDS {
        let open = Output::from(nats(directory.path()).arg("-t").env_remove(name).output().unwrap());
        assert_ne!(open.code, 0, "{name}: {open:?}");
        assert!(open.stderr.contains(name), "{open:?}");
    }
}

#[tokio::test]
async fn relay_and_reader_may_do_what_they_need_and_nothing_else() {
    let server = Server::start().await;
    let mut command = Command::new(python());
    command.arg(repository().join("tests/clients/nats_permissions.py")).arg(server.url(""));
    let tried = Output::from(command.envs(PASSWORDS).env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap());
    assert_eq!(tried.code, 0, "{tried:?}");
}

/// Waits until both relays have published everything that is durable.
async fn relays_are_up(sandbox: &Sandbox) {
    let durable = sandbox.durable().await;
    eventually("both relays are up", async || {
        let followers = sandbox.plan_status(PLAN_ID).await.followers;
        let mut relays = followers.iter().filter(|follower| follower.name.starts_with("relay"));
        relays.all(|relay| relay.state == "RUNNING" && relay.applied_position >= durable).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_relay_and_the_samples_run_with_the_permissions_of_their_users() {
    let server = Server::start().await;
    let options = ServeOptions::with(&["--nats-url", &server.url("relay:p1relay@")]);
    let sandbox = Sandbox::start_with(options).await;
    sandbox.lead_of_all("office").await.ingest.submit(submit(many(20))).await.unwrap();
    relays_are_up(&sandbox).await;
    let last = sandbox.durable().await;
    for (name, mut sample) in
        [("python", python_consumer(&sandbox)), ("rust", Command::new(env!("CARGO_BIN_EXE_nats-consumer")))]
    {
        sample.args(["--plan", PLAN_ID, "--durable", name, "--nats", &server.url("reader:p2reader@")]);
        sample.args(["--until", &last.to_string(), "--state"]).arg(sandbox.path(name));
        let output = Output::from(sample.output().unwrap());
        assert_eq!((output.code, output.stdout.lines().count() as u64), (0, last), "{name}: {}", output.stderr);
    }
}

/// The runbook's *Restore*: positions are given out again, `admin status` says so, and the operator deletes both streams.
#[tokio::test]
async fn after_an_older_copy_is_restored_both_streams_are_deleted_and_filled_again() {
    let server = Server::start().await;
    let mut sandbox = Sandbox::start_with(ServeOptions::with(&["--nats-url", &server.url("relay:p1relay@")])).await;
    sandbox.terminate().await;
    let copy =
        |from: &Path, to: &Path| assert!(Command::new("cp").arg("-r").args([from, to]).status().unwrap().success());
    copy(&sandbox.data(), &sandbox.path("backup"));
    sandbox.serve().await;
    let office = sandbox.lead_of_all("office").await;
    office.clone().ingest.submit(submit(many(20))).await.unwrap();
    relays_are_up(&sandbox).await;
    sandbox.terminate().await;
    std::fs::rename(sandbox.data(), sandbox.path("before-restore")).unwrap();
    copy(&sandbox.path("backup"), &sandbox.data());
    sandbox.serve().await;

    let said = async || Some(sandbox.run(&["admin", "status"]).stdout).filter(|said| said.contains("STOPPED"));
    let said = eventually("a relay is STOPPED", said).await;
    assert!(said.contains("relay"), "{said}");
    let login = async_nats::ConnectOptions::with_user_and_password("admin".to_owned(), "p3admin".to_owned());
    let admin = async_nats::jetstream::new(login.connect(server.url("")).await.unwrap());
    for name in [EVENTS, PROGRESS] {
        admin.delete_stream(name).await.unwrap();
    }
    relays_are_up(&sandbox).await;
    let held = admin.get_stream(EVENTS).await.unwrap().cached_info().state.messages;
    assert_eq!(held, sandbox.durable().await, "the log that was restored, and nothing else");
}
