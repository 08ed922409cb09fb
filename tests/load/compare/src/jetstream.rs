//! NATS JetStream with `sync_interval: always`: the only setting with which its acknowledgement says that it is on disk.
//!
//! A batch is so many messages published before the first acknowledgement is awaited; nothing makes them atomic.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_nats::jetstream::{self, stream::Config};
use bytes::Bytes;
use songhua_tests::{free_port, nats_server};
use tempfile::TempDir;

use crate::drive::{Caller, Load, Run, drive};
use crate::{events, process};

const SUBJECT: &str = "compare.events";

/// A server and its directory.
pub(crate) struct JetStream {
    server: Child,
    directory: TempDir,
    url: String,
}

impl JetStream {
    /// Starts it with a stream on files.
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let port = free_port();
        let store = directory.path().join("store");
        let configuration = directory.path().join("nats.conf");
        let text = format!(
            "listen: \"127.0.0.1:{port}\"\njetstream {{ store_dir: {:?}, sync_interval: always }}\n",
            store.display().to_string()
        );
        fs::write(&configuration, text).expect("a configuration");
        let mut command = Command::new(nats_server());
        command.arg("-c").arg(&configuration).stdout(Stdio::null()).stderr(Stdio::null());
        let server = command.spawn().expect("nats-server starts");
        let nats = Self { server, directory, url: format!("nats://127.0.0.1:{port}") };
        let config = Config { name: "COMPARE".to_owned(), subjects: vec![SUBJECT.to_owned()], ..Config::default() };
        nats.context().await.create_stream(config).await.expect("a stream");
        nats
    }

    async fn context(&self) -> jetstream::Context {
        let begun = Instant::now();
        loop {
            match async_nats::connect(&self.url).await {
                Ok(client) => return jetstream::new(client),
                Err(error) => assert!(begun.elapsed() < Duration::from_secs(60), "nats-server is not ready: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Where its files are.
    pub(crate) fn store(&self) -> std::path::PathBuf {
        self.directory.path().join("store")
    }

    /// Runs a load.
    pub(crate) async fn run(&self, load: &Load, duration: Duration) -> Run {
        // It is much slower than the others: fewer are enough.
        let count = load.requests(duration).min(200_000 / load.batch);
        let request = || (0..load.batch).map(|_| events::nats(SUBJECT)).collect::<Vec<_>>();
        let requests = (0..count).map(|_| request()).collect();
        let mut contexts = Vec::new();
        for _ in 0..load.connections {
            contexts.push(self.context().await);
        }
        let callers = (0..load.clients).map(|index| Publisher(contexts[index % contexts.len()].clone())).collect();
        let before = process::cpu(self.server.id());
        let mut run = drive(callers, requests, load.batch, duration).await;
        run.server_cpu = process::cpu(self.server.id()) - before;
        run
    }
}

impl Drop for JetStream {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

struct Publisher(jetstream::Context);

impl Caller for Publisher {
    type Request = Vec<Bytes>;

    async fn call(&mut self, request: Vec<Bytes>) {
        let mut waiting = Vec::with_capacity(request.len());
        for payload in request {
            waiting.push(self.0.publish(SUBJECT, payload).await.expect("the message is sent"));
        }
        for acknowledgement in waiting {
            let acknowledged = acknowledgement.await.expect("the message is stored");
            assert!(acknowledged.sequence > 0 && !acknowledged.duplicate, "messages have sequence numbers");
        }
    }
}
