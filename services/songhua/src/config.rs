//! The server's configuration: flag, then environment, then file, then default; and where each value came from.
//!
//! Place in the flow: the command line fills [`ServeArgs`], [`Config::resolve`] adds the file and the defaults, the node
//! takes the result. `songhua config` prints it.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, Args};
use serde::{Deserialize, Serialize};
use songhua_relay::{ConnectionError, RelayFrom, RelayPayload, Servers};

/// Settings of `serve`, each also an environment variable and a key of the configuration file.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServeArgs {
    /// Configuration file (TOML; keys as the flags, with '_') / 配置文件
    #[arg(long, env = "SONGHUA_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder of a plan to load at the start; may be given more than once / 启动时加载的方案目录
    #[arg(long, env = "SONGHUA_PLAN_DIRS", value_name = "DIR", value_delimiter = ',')]
    pub plan: Option<Vec<PathBuf>>,
    /// Serve the demo: a plan of its own with five years of simulated history / 演示：带五年模拟数据的独立方案
    #[arg(long, env = "SONGHUA_DEMO", num_args = 0..=1, default_missing_value = "true")]
    pub demo: Option<bool>,
    /// Where gRPC listens [default: 127.0.0.1:7400] / gRPC 地址
    #[arg(long, env = "SONGHUA_GRPC_ADDRESS", value_name = "ADDRESS")]
    pub grpc_address: Option<SocketAddr>,
    /// Where HTTP (/healthz, /readyz) listens [default: 127.0.0.1:7401] / HTTP 地址
    #[arg(long, env = "SONGHUA_HTTP_ADDRESS", value_name = "ADDRESS")]
    pub http_address: Option<SocketAddr>,
    /// Certificate chain (PEM); with --tls-key / TLS 证书
    #[arg(long, env = "SONGHUA_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// Private key (PEM) / TLS 私钥
    #[arg(long, env = "SONGHUA_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Listen beyond this machine without TLS: tokens travel in the clear / 允许在非本机地址上不用 TLS
    #[arg(long, env = "SONGHUA_INSECURE", num_args = 0..=1, default_missing_value = "true")]
    pub insecure: Option<bool>,
    /// How the server logs [default: text] / 日志格式
    #[arg(long, env = "SONGHUA_LOG_FORMAT", value_name = "text|json")]
    pub log_format: Option<LogFormat>,
    /// Submissions that may wait for one plan [default: 1024] / 排队上限
    #[arg(long, env = "SONGHUA_QUEUE_SUBMISSIONS_MAX", value_name = "N")]
    pub queue_submissions_max: Option<usize>,
    /// Memory for each plan's views, MiB [default: 64] / 每个方案视图缓存
    #[arg(long, env = "SONGHUA_VIEWS_CACHE_MIB", value_name = "N")]
    pub views_cache_mib: Option<u64>,
    /// Bytes a second at which sealed segments are read again and again, to find rot [default: 8388608; 0 = never] / 后台校验速率
    #[arg(long, env = "SONGHUA_SCRUB_BYTES_PER_SECOND", value_name = "N")]
    pub scrub_bytes_per_second: Option<u64>,
    /// NATS servers to publish to, comma separated [default: none, topics are off] / NATS 服务器，默认不发布
    #[arg(long, env = "SONGHUA_NATS_URL", value_name = "URL", hide_env_values = true)]
    pub nats_url: Option<String>,
    /// NATS credentials (.creds) / NATS 凭据文件
    #[arg(long, env = "SONGHUA_NATS_CREDS", value_name = "FILE")]
    pub nats_creds: Option<PathBuf>,
    /// Certificates (PEM) to trust for NATS, beside those of the system / NATS 信任的 CA 证书
    #[arg(long, env = "SONGHUA_NATS_CA_FILE", value_name = "FILE")]
    pub nats_ca_file: Option<PathBuf>,
    /// Replicas of a stream that is created [default: 1] / 新建主题流的副本数
    #[arg(long, env = "SONGHUA_NATS_REPLICAS", value_name = "N")]
    pub nats_replicas: Option<usize>,
    /// Most bytes of a stream that is created; the oldest messages go first [default: 0, unlimited] / 新建主题流的字节上限
    #[arg(long, env = "SONGHUA_NATS_MAX_BYTES", value_name = "N")]
    pub nats_max_bytes: Option<u64>,
    /// Where an empty stream begins [default: beginning] / 空主题流从何处开始发布
    #[arg(long, env = "SONGHUA_RELAY_FROM", value_name = "beginning|head|N")]
    pub relay_from: Option<RelayFrom>,
    /// How payloads are published [default: json] / 主题消息的格式
    #[arg(long, env = "SONGHUA_RELAY_PAYLOAD", value_name = "json|protobuf")]
    pub relay_payload: Option<RelayPayload>,
}

/// How the server logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// The configuration file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileConfig {
    data: Option<PathBuf>,
    plan: Option<Vec<PathBuf>>,
    demo: Option<bool>,
    grpc_address: Option<SocketAddr>,
    http_address: Option<SocketAddr>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    insecure: Option<bool>,
    log_format: Option<LogFormat>,
    queue_submissions_max: Option<usize>,
    views_cache_mib: Option<u64>,
    scrub_bytes_per_second: Option<u64>,
    nats_url: Option<String>,
    nats_creds: Option<PathBuf>,
    nats_ca_file: Option<PathBuf>,
    nats_replicas: Option<usize>,
    nats_max_bytes: Option<u64>,
    relay_from: Option<RelayFrom>,
    relay_payload: Option<RelayPayload>,
}

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    /// The command line.
    Flag,
    /// An environment variable.
    Environment,
    /// The configuration file.
    File,
    /// Nobody set it.
    Default,
}

/// A value and where it came from.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Setting<T> {
    /// The value in force.
    pub value: T,
    /// Where it came from.
    pub source: Source,
}

/// The configuration in force.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Config {
    /// Directory that holds everything.
    pub data: Setting<PathBuf>,
    /// Plans to load at the start.
    pub plan: Setting<Vec<PathBuf>>,
    /// Whether the demo is made, if it is not there yet, and served.
    pub demo: Setting<bool>,
    /// Where gRPC listens.
    pub grpc_address: Setting<SocketAddr>,
    /// Where HTTP listens.
    pub http_address: Setting<SocketAddr>,
    /// Certificate chain.
    pub tls_cert: Setting<Option<PathBuf>>,
    /// Private key.
    pub tls_key: Setting<Option<PathBuf>>,
    /// Whether TLS may be missing beyond this machine.
    pub insecure: Setting<bool>,
    /// How the server logs.
    pub log_format: Setting<LogFormat>,
    /// Submissions that may wait for one plan.
    pub queue_submissions_max: Setting<usize>,
    /// Memory for each plan's views, MiB.
    pub views_cache_mib: Setting<u64>,
    /// Pace at which sealed segments are read again and again; 0 = never.
    pub scrub_bytes_per_second: Setting<u64>,
    /// NATS servers; none = topics are off. Shown without what is secret.
    pub nats_url: Setting<Option<Servers>>,
    /// NATS credentials.
    pub nats_creds: Setting<Option<PathBuf>>,
    /// Certificates to trust for NATS.
    pub nats_ca_file: Setting<Option<PathBuf>>,
    /// Replicas of a stream that is created.
    pub nats_replicas: Setting<usize>,
    /// Most bytes of a stream that is created; 0 = unlimited.
    pub nats_max_bytes: Setting<u64>,
    /// Where an empty stream begins.
    pub relay_from: Setting<RelayFrom>,
    /// How payloads are published.
    pub relay_payload: Setting<RelayPayload>,
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("configuration file {path}: {detail} / 无法读取配置文件")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// Certificate and key go together.
    #[error("--tls-cert and --tls-key must be given together / 证书与私钥必须同时给出")]
    HalfTls,
    /// Tokens would travel in the clear.
    #[error(
        "{0} can be reached from other machines, and there is no TLS: give --tls-cert and --tls-key, or --insecure if the network is trusted / \
         该地址可从其他机器访问且未启用 TLS：请提供证书，或确认网络可信后使用 --insecure"
    )]
    NoTls(SocketAddr),
    /// Not the addresses of NATS servers. Says nothing of what was given: there may be a password in it.
    #[error("--nats-url: {0}")]
    Servers(#[from] ConnectionError),
    /// A limit of nothing.
    #[error("{0} must be at least 1 / 必须至少为 1")]
    Zero(&'static str),
}

/// Takes the flag or environment value, else the file's, else the default.
struct Layers<'m> {
    matches: &'m ArgMatches,
}

impl Layers<'_> {
    fn pick<T>(&self, id: &str, given: Option<T>, file: Option<T>, default: T) -> Setting<T> {
        match (given, file) {
            (Some(value), _) => Setting { value, source: self.source_of(id) },
            (None, Some(value)) => Setting { value, source: Source::File },
            (None, None) => Setting { value: default, source: Source::Default },
        }
    }

    fn source_of(&self, id: &str) -> Source {
        match self.matches.value_source(id) {
            Some(ValueSource::EnvVariable) => Source::Environment,
            _ => Source::Flag,
        }
    }
}

impl Config {
    /// Resolves the layers. `matches` are those of the subcommand that `args` and the global `--data` were parsed from.
    ///
    /// # Errors
    /// See [`ConfigError`]; the operator mends the configuration.
    pub(crate) fn resolve(args: ServeArgs, data: Option<PathBuf>, matches: &ArgMatches) -> Result<Self, ConfigError> {
        let file = args.config.as_deref().map_or_else(|| Ok(FileConfig::default()), read_file)?;
        let layers = Layers { matches };
        let some = Some;
        let config = Self {
            data: layers.pick("data", data, file.data, PathBuf::from("data")),
            plan: layers.pick("plan", args.plan, file.plan, Vec::new()),
            demo: layers.pick("demo", args.demo, file.demo, false),
            grpc_address: layers.pick(
                "grpc_address",
                args.grpc_address,
                file.grpc_address,
                ([127, 0, 0, 1], 7400).into(),
            ),
            http_address: layers.pick(
                "http_address",
                args.http_address,
                file.http_address,
                ([127, 0, 0, 1], 7401).into(),
            ),
            tls_cert: layers.pick("tls_cert", args.tls_cert.map(some), file.tls_cert.map(some), None),
            tls_key: layers.pick("tls_key", args.tls_key.map(some), file.tls_key.map(some), None),
            insecure: layers.pick("insecure", args.insecure, file.insecure, false),
            log_format: layers.pick("log_format", args.log_format, file.log_format, LogFormat::Text),
            queue_submissions_max: layers.pick(
                "queue_submissions_max",
                args.queue_submissions_max,
                file.queue_submissions_max,
                1024,
            ),
            views_cache_mib: layers.pick("views_cache_mib", args.views_cache_mib, file.views_cache_mib, 64),
            scrub_bytes_per_second: layers.pick(
                "scrub_bytes_per_second",
                args.scrub_bytes_per_second,
                file.scrub_bytes_per_second,
                8 << 20,
            ),
            nats_url: layers.pick("nats_url", servers(args.nats_url)?, servers(file.nats_url)?, None),
            nats_creds: layers.pick("nats_creds", args.nats_creds.map(some), file.nats_creds.map(some), None),
            nats_ca_file: layers.pick("nats_ca_file", args.nats_ca_file.map(some), file.nats_ca_file.map(some), None),
            nats_replicas: layers.pick("nats_replicas", args.nats_replicas, file.nats_replicas, 1),
            nats_max_bytes: layers.pick("nats_max_bytes", args.nats_max_bytes, file.nats_max_bytes, 0),
            relay_from: layers.pick("relay_from", args.relay_from, file.relay_from, RelayFrom::default()),
            relay_payload: layers.pick("relay_payload", args.relay_payload, file.relay_payload, RelayPayload::Json),
        };
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let tls = match (&self.tls_cert.value, &self.tls_key.value) {
            (Some(_), Some(_)) => true,
            (None, None) => false,
            _ => return Err(ConfigError::HalfTls),
        };
        if self.queue_submissions_max.value == 0 {
            return Err(ConfigError::Zero("queue_submissions_max"));
        }
        if self.views_cache_mib.value == 0 {
            return Err(ConfigError::Zero("views_cache_mib"));
        }
        if self.nats_replicas.value == 0 {
            return Err(ConfigError::Zero("nats_replicas"));
        }
        // Health answers carry no secret; the gRPC port carries tokens.
        let open = !self.grpc_address.value.ip().is_loopback();
        if open && !tls && !self.insecure.value { Err(ConfigError::NoTls(self.grpc_address.value)) } else { Ok(()) }
    }
}

/// The layers of an address that may hold a password: read here, so that no parser quotes it.
fn servers(given: Option<String>) -> Result<Option<Option<Servers>>, ConfigError> {
    Ok(given.map(|text| text.parse()).transpose()?.map(Some))
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_value(self).map_err(|_| fmt::Error)?;
        for (key, setting) in json.as_object().into_iter().flatten() {
            let source = setting["source"].as_str().unwrap_or_default();
            writeln!(f, "{key} = {}  # {source}", setting["value"])?;
        }
        Ok(())
    }
}

fn read_file(path: &Path) -> Result<FileConfig, ConfigError> {
    let fault = |detail: String| ConfigError::File { path: path.to_owned(), detail };
    let text = std::fs::read_to_string(path).map_err(|error| fault(error.to_string()))?;
    toml::from_str(&text).map_err(|error| fault(error.to_string()))
}
