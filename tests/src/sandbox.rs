//! Starts, stops and kills `songhua serve`; runs its command line; hands out clients.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use songhua_wire::pb::admin_service_client::AdminServiceClient;
use songhua_wire::pb::audit_service_client::AuditServiceClient;
use songhua_wire::pb::ingest_service_client::IngestServiceClient;
use songhua_wire::pb::progress_service_client::ProgressServiceClient;
use tempfile::TempDir;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

/// How long a server may take to be ready.
const START_MAX: Duration = Duration::from_secs(60);

/// Folder of the plan that tests use unless they say otherwise.
const HARBIN: &str = "seeds/harbin-2022-2026";

/// What to serve.
#[derive(Debug, Clone, Default)]
pub struct ServeOptions {
    /// Further arguments of `serve`.
    pub arguments: Vec<String>,
    /// Plan folders, relative to the repository; the Harbin plan if empty.
    pub plans: Vec<String>,
    /// Where gRPC listens; a free port of this machine if empty.
    pub grpc_address: String,
    /// A command and its arguments that the server is started by, and that becomes the server.
    pub under: Vec<String>,
    /// Serve the demo, from a directory that is not the repository; then `plans` may be empty.
    pub demo: bool,
}

impl ServeOptions {
    /// The Harbin plan, with further arguments of `serve`.
    pub fn with(arguments: &[&str]) -> Self {
        Self { arguments: arguments.iter().map(ToString::to_string).collect(), ..Self::default() }
    }
}

/// A bearer token that is added to every call.
#[derive(Clone)]
pub struct Token(Option<MetadataValue<Ascii>>);

impl Token {
    /// This token.
    pub fn bearer(token: &str) -> Self {
        Self(Some(format!("Bearer {token}").parse().expect("an ASCII token")))
    }
}

impl Interceptor for Token {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(value) = &self.0 {
            request.metadata_mut().insert("authorization", value.clone());
        }
        Ok(request)
    }
}

/// Clients of all services with one token.
#[derive(Clone)]
pub struct Client {
    /// `IngestService`.
    pub ingest: IngestServiceClient<InterceptedService<Channel, Token>>,
    /// `ProgressService`.
    pub progress: ProgressServiceClient<InterceptedService<Channel, Token>>,
    /// `AdminService`.
    pub admin: AdminServiceClient<InterceptedService<Channel, Token>>,
    /// AuditService.
    pub audit: AuditServiceClient<InterceptedService<Channel, Token>>,
    /// The connection, for other services.
    pub channel: InterceptedService<Channel, Token>,
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Output {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl From<std::process::Output> for Output {
    fn from(output: std::process::Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A data directory and, while it runs, the server on it.
pub struct Sandbox {
    directory: TempDir,
    options: ServeOptions,
    server: Option<Child>,
    stderr: Arc<Mutex<String>>,
    grpc: String,
    http: String,
}

/// The repository's root.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository").to_owned()
}

/// The binary under test: `SONGHUA_BIN`, or the one that cargo builds in the profile of the tests. Built once for each
/// run, so that `cargo test` alone never tests an old one.
pub fn binary() -> PathBuf {
    static BINARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    let given = || std::env::var_os("SONGHUA_BIN").map(PathBuf::from);
    BINARY.get_or_init(|| given().or_else(build)).clone().expect("the binary builds")
}

fn build() -> Option<PathBuf> {
    let mut directory = std::env::current_exe().expect("the test binary has a path");
    directory.pop();
    if directory.ends_with("deps") {
        directory.pop();
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(repository()).args(["build", "--quiet", "--locked", "--package", "songhua", "--bin", "songhua"]);
    if directory.ends_with("release") {
        cargo.arg("--release");
    }
    // What cargo tells the tests of themselves would make the build scripts of the binary run again.
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_this_package(&name.to_string_lossy())) {
        cargo.env_remove(name);
    }
    let target = directory.parent().expect("the profile lies in the target directory");
    let built = cargo.arg("--target-dir").arg(target).status().expect("cargo runs");
    built.success().then(|| directory.join("songhua"))
}

fn is_of_this_package(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"].iter().any(|prefix| name.starts_with(prefix))
}

impl Sandbox {
    /// A server on a fresh directory with the Harbin plan.
    pub async fn start() -> Self {
        Self::start_with(ServeOptions::default()).await
    }

    /// A server on a fresh directory.
    pub async fn start_with(options: ServeOptions) -> Self {
        let mut sandbox = Self::stopped(options);
        sandbox.serve().await;
        sandbox
    }

    /// A fresh directory without a server.
    pub fn stopped(options: ServeOptions) -> Self {
        Self::stopped_in(&std::env::temp_dir(), options)
    }

    /// The same, below a directory: on a disk of the test's choice.
    pub fn stopped_in(parent: &Path, options: ServeOptions) -> Self {
        Self {
            directory: tempfile::tempdir_in(parent).expect("a temporary directory"),
            options,
            server: None,
            stderr: Arc::default(),
            grpc: String::new(),
            http: String::new(),
        }
    }

    /// What the next start is to serve.
    pub fn set_options(&mut self, options: ServeOptions) {
        self.options = options;
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// A path beside the data directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The server's process.
    pub fn pid(&self) -> u32 {
        self.server.as_ref().expect("the server runs").id()
    }

    /// What the server wrote to standard error so far.
    pub fn server_log(&self) -> String {
        self.stderr.lock().expect("no thread panicked while logging").clone()
    }

    /// Where gRPC answers, as a URL.
    pub fn grpc(&self) -> &str {
        &self.grpc
    }

    /// Where gRPC answers, as `address:port`.
    pub fn grpc_address(&self) -> &str {
        self.grpc.trim_start_matches("http://")
    }

    /// Where HTTP answers, as `address:port`.
    pub fn http(&self) -> &str {
        &self.http
    }

    /// The command that serves this directory.
    pub fn serve_command(&self) -> Command {
        self.serve_with(&self.options)
    }

    fn serve_with(&self, options: &ServeOptions) -> Command {
        let mut words = options.under.iter().map(OsString::from).chain([binary().into_os_string()]);
        let mut command = Command::new(words.next().expect("the binary, if nothing else"));
        command.args(words);
        command.current_dir(repository()).arg("serve").arg("--data").arg(self.data());
        let grpc = if options.grpc_address.is_empty() { "127.0.0.1:0" } else { &options.grpc_address };
        command.args(["--grpc-address", grpc, "--http-address", "127.0.0.1:0"]);
        let harbin = [HARBIN.to_owned()];
        if options.demo {
            command.current_dir(self.directory.path()).arg("--demo");
        }
        for plan in if options.plans.is_empty() && !options.demo { &harbin[..] } else { &options.plans } {
            command.args(["--plan", plan]);
        }
        command.args(&options.arguments);
        clean_environment(&mut command);
        command
    }

    /// A command of the command line against this directory, not started yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.current_dir(repository());
        clean_environment(&mut command);
        command.env("SONGHUA_DATA", self.data()).args(arguments);
        command
    }

    /// Starts the server on the same directory with other options.
    pub async fn serve_as(&mut self, options: ServeOptions) {
        self.options = options;
        self.serve().await;
    }

    /// Starts the server and waits until it is ready.
    pub async fn serve(&mut self) {
        self.launch();
        self.ready().await.unwrap_or_else(|said| panic!("{said}"));
    }

    /// Starts the server, and does not wait.
    pub fn launch(&mut self) {
        let mut child =
            self.serve_command().stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the server starts");
        let pipe = child.stderr.take().expect("standard error is piped");
        // A log of its own: of the server before, something may still be read.
        let log = Arc::<Mutex<String>>::default();
        self.stderr = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                let mut log = log.lock().expect("no thread panicked while logging");
                log.push_str(&line);
                log.push('\n');
            }
        });
        self.server = Some(child);
    }

    /// Waits until the server that was started is ready.
    ///
    /// # Errors
    /// It ended; what it said.
    pub async fn ready(&mut self) -> Result<(), String> {
        let started = Instant::now();
        loop {
            if let Some((grpc, http)) = addresses(&self.server_log()) {
                self.grpc = grpc;
                self.http = http;
                return Ok(());
            }
            if let Some(ended) = self.server.as_mut().and_then(|server| server.try_wait().ok().flatten()) {
                return Err(format!("the server ended with {ended}:\n{}", self.server_log()));
            }
            assert!(started.elapsed() < START_MAX, "the server is not ready:\n{}", self.server_log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Runs `serve` with other options where it must refuse to start, and gives what it said.
    pub fn refuse_to_serve(&self, options: &ServeOptions) -> Output {
        let mut command = self.serve_with(options);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the server starts");
        let started = Instant::now();
        while child.try_wait().expect("the child can be asked").is_none() {
            if started.elapsed() > START_MAX {
                child.kill().expect("the server can be killed");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let output = Output::from(child.wait_with_output().expect("the server has ended"));
        assert!(started.elapsed() < START_MAX, "the server did not refuse to start: {output:?}");
        output
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().expect("the server can be killed");
            server.wait().expect("the server has ended");
        }
    }

    /// SIGTERM, and waits for the orderly end. Leaves the thread to the clients: they must hear that the server stops.
    pub async fn terminate(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        let killed = Command::new("kill").arg(server.id().to_string()).status().expect("kill runs");
        assert!(killed.success(), "SIGTERM was not sent");
        let ended = tokio::task::spawn_blocking(move || server.wait());
        let status = ended.await.expect("waiting does not panic").expect("the server ends");
        assert!(status.success(), "the server ended with {status}:\n{}", self.server_log());
    }

    /// Runs the command line against this directory.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, &[])
    }

    /// Runs the command line against this directory with environment variables.
    pub fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
        let mut command = self.command(arguments);
        Output::from(command.envs(environment.iter().copied()).output().expect("the command runs"))
    }

    /// The administrator's token.
    pub fn admin_token(&self) -> String {
        std::fs::read_to_string(self.data().join("admin.token"))
            .expect("the first start wrote a token")
            .trim()
            .to_owned()
    }

    /// Clients with the administrator's token.
    pub async fn admin(&self) -> Client {
        self.client(Some(&self.admin_token())).await
    }

    /// Clients with `token`, or without any.
    pub async fn client(&self, token: Option<&str>) -> Client {
        Client::over(self.channel().await, token)
    }

    /// A connection to the server.
    pub async fn channel(&self) -> Channel {
        Endpoint::from_shared(self.grpc.clone()).expect("a URL").connect().await.expect("the server answers")
    }
}

impl Client {
    /// Clients with `token`, or without any, over one connection.
    pub fn over(channel: Channel, token: Option<&str>) -> Self {
        let token = token.map_or(Token(None), Token::bearer);
        let channel = InterceptedService::new(channel, token);
        Self {
            ingest: IngestServiceClient::new(channel.clone()),
            progress: ProgressServiceClient::new(channel.clone()).max_decoding_message_size(64 << 20),
            admin: AdminServiceClient::new(channel.clone()),
            audit: AuditServiceClient::new(channel.clone()),
            channel,
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- server log ---\n{}", self.server_log());
        }
    }
}

/// A developer's own settings must not reach the tests.
fn clean_environment(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SONGHUA_") {
            command.env_remove(name);
        }
    }
}

/// Finds `serving: gRPC ADDRESS, HTTP ADDRESS` in the log.
fn addresses(log: &str) -> Option<(String, String)> {
    let line = log.lines().find(|line| line.contains("serving: gRPC "))?;
    let (_, rest) = line.split_once("gRPC ")?;
    let (grpc, http) = rest.split_once(", HTTP ")?;
    // As JSON something stands behind it.
    let http = http.trim().split('"').next()?;
    Some((format!("http://{grpc}"), http.to_owned()))
}
