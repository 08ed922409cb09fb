//! UmaDB 0.7.8: the server of its PyPI wheel with its defaults, its published client.
//!
//! The server reads `UMADB_…` of the environment, so `UMADB_PIPELINED_WRITER=true ./run` compares with its other writer.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use songhua_tests::free_port;
use tempfile::TempDir;
use umadb_client::{AsyncUmaDbClient, UmaDbClient};
use umadb_dcb::{DcbEvent, DcbEventStoreAsync};

use crate::drive::{Caller, Load, Run, drive};
use crate::{events, process};

/// Events of a message when all are read.
const READ_BATCH: u32 = 1_000;

/// A server and its directory.
pub(crate) struct Uma {
    server: Child,
    directory: TempDir,
    url: String,
}

impl Uma {
    /// Starts it; `UMADB_BIN` is its console script.
    pub(crate) async fn start() -> Self {
        let binary = std::env::var_os("UMADB_BIN").map(PathBuf::from).expect("UMADB_BIN is set; ./run does so");
        let directory = tempfile::tempdir().expect("a temporary directory");
        let address = format!("127.0.0.1:{}", free_port());
        let log = File::create(directory.path().join("log")).expect("a log");
        let server = Command::new(binary)
            .args(["--listen", &address, "--db-path"])
            .arg(directory.path().join("uma.db"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("umadb starts");
        let uma = Self { server, directory, url: format!("http://{address}") };
        let begun = Instant::now();
        while UmaDbClient::new(uma.url.clone()).connect_async().await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(60), "umadb is not ready");
        }
        uma
    }

    async fn client(&self) -> AsyncUmaDbClient {
        UmaDbClient::new(self.url.clone()).batch_size(READ_BATCH).connect_async().await.expect("umadb answers")
    }

    /// The process.
    pub(crate) fn pid(&self) -> u32 {
        self.server.id()
    }

    /// Where its file is.
    pub(crate) fn file(&self) -> PathBuf {
        self.directory.path().join("uma.db")
    }

    /// Runs a load: a client a connection, tasks share it.
    pub(crate) async fn run(&self, load: &Load, duration: Duration) -> Run {
        let request = || (0..load.batch).map(|_| events::umadb()).collect::<Vec<_>>();
        let requests = (0..load.requests(duration)).map(|_| request()).collect();
        let mut clients = Vec::new();
        for _ in 0..load.connections {
            clients.push(Arc::new(self.client().await));
        }
        let callers = (0..load.clients).map(|index| Appender(Arc::clone(&clients[index % clients.len()]))).collect();
        let before = process::cpu(self.pid());
        let mut run = drive(callers, requests, load.batch, duration).await;
        run.server_cpu = process::cpu(self.pid()) - before;
        run
    }

    /// Stores `count` events.
    pub(crate) async fn fill(&self, count: u64) {
        let client = self.client().await;
        let mut left = count;
        while left > 0 {
            let now = left.min(2_000);
            let batch = (0..now).map(|_| events::umadb()).collect();
            client.append(batch, None, None).await.expect("the events are stored");
            left -= now;
        }
    }

    /// Reads everything, decoded; how many there are.
    pub(crate) async fn read(&self) -> u64 {
        let client = self.client().await;
        let mut events = client.read(None, None, false, None).await.expect("a read begins");
        let mut count = 0;
        loop {
            let batch = events.next_batch().await.expect("the read goes on");
            if batch.is_empty() {
                return count;
            }
            count += batch.iter().filter(|event| event.position > 0 && !event.event.data.is_empty()).count() as u64;
        }
    }
}

impl Drop for Uma {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

struct Appender(Arc<AsyncUmaDbClient>);

impl Caller for Appender {
    type Request = Vec<DcbEvent>;

    async fn call(&mut self, request: Vec<DcbEvent>) {
        let position = self.0.append(request, None, None).await.expect("the events are stored");
        assert!(position > 0, "events have positions");
    }
}
