//! A real nats-server with JetStream on a directory of its own: started, stopped, killed, and started again on the same
//! port and the same store.

use std::fs::{self, File};
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use async_nats::jetstream::{self, stream::Stream};
use tempfile::TempDir;

use crate::nats_server;

/// How long a server may take to answer, and to give a port back.
const START_MAX: Duration = Duration::from_secs(60);
/// Ports to draw from: below those that the system gives to connections, so that nobody takes one while its server is
/// down, and no client that knocks there is connected to itself.
const PORTS: std::ops::Range<u16> = 12_000..32_000;

/// A directory with a stream store and, while it runs, the server on it.
pub struct Nats {
    directory: TempDir,
    binary: PathBuf,
    port: u16,
    server: Option<Child>,
}

impl Nats {
    /// The pinned version.
    pub fn start() -> Self {
        Self::start_version(nats_server())
    }

    /// The server at `binary`.
    pub fn start_version(binary: PathBuf) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut nats = Self { directory, binary, port: free_port(), server: None };
        nats.serve();
        nats
    }

    /// Where clients connect.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Where it keeps its streams.
    pub fn store(&self) -> PathBuf {
        self.directory.path().join("store")
    }

    /// Starts the server and waits until it answers.
    pub fn serve(&mut self) {
        let begun = Instant::now();
        while !self.answers() {
            assert!(begun.elapsed() < START_MAX, "nats-server is not ready:\n{}", self.log());
            let server = self.server.get_or_insert_with(|| spawn(&self.binary, self.directory.path(), self.port));
            if server.try_wait().expect("the child can be asked").is_some() {
                self.server = None;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether it greets a client; it does so once its streams are read.
    fn answers(&self) -> bool {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let Ok(mut connection) = TcpStream::connect(address) else { return false };
        let mut greeting = [0; 5];
        connection.set_read_timeout(Some(START_MAX)).expect("a timeout can be set");
        self.server.is_some() && connection.read_exact(&mut greeting).is_ok() && &greeting == b"INFO "
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().expect("the server can be killed");
            server.wait().expect("the server has ended");
        }
    }

    /// SIGTERM, and waits for the orderly end.
    pub fn terminate(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        let killed = Command::new("kill").arg(server.id().to_string()).status().expect("kill runs");
        assert!(killed.success(), "SIGTERM was not sent");
        server.wait().expect("the server ends");
    }

    /// What it logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// JetStream, as any client sees it.
    pub async fn jetstream(&self) -> jetstream::Context {
        jetstream::new(async_nats::connect(self.url()).await.expect("nats-server answers"))
    }

    /// A stream that is there.
    pub async fn stream(&self, name: &str) -> Stream {
        self.jetstream().await.get_stream(name).await.unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- nats-server log ---\n{}", self.log());
        }
    }
}

fn spawn(binary: &Path, directory: &Path, port: u16) -> Child {
    let log = File::options().create(true).append(true).open(directory.join("log")).expect("a log");
    let mut command = Command::new(binary);
    command.args(["--addr", "127.0.0.1", "--port", &port.to_string(), "--jetstream", "--store_dir"]);
    command.arg(directory.join("store")).stderr(log);
    command.spawn().unwrap_or_else(|error| panic!("{}: {error}", binary.display()))
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    loop {
        let [high, low, ..] = uuid::Uuid::new_v4().into_bytes();
        let port = PORTS.start + u16::from_be_bytes([high, low]) % (PORTS.end - PORTS.start);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
