//! The command line: what can be asked, and which exit code says how it went.

mod admin;
mod backup;
mod board;
mod check;
mod client;
mod descriptors;
mod formula;
mod history;
mod log;
mod output;
mod plan;
mod progress;
mod push;
mod push_id;
mod replay;
mod restore;
mod serve;
mod views;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::{Config, ServeArgs};

const EXIT_CODES: &str = "Exit codes: 0 done; 1 refused or failed; 2 usage; 3 server not reachable; 4 some rows refused; 5 damage found\n\
                          退出码：0 完成；1 被拒绝或失败；2 用法错误；3 无法连接服务；4 部分行被拒绝；5 发现损坏";

/// Songhua tracks how a city delivers its innovation plan / 松花：城市创新方案进展追踪
#[derive(Debug, Parser)]
#[command(name = "songhua", version, after_help = EXIT_CODES, propagate_version = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) connect: Connect,
    /// Print JSON (the proto3-JSON of the answer) / 输出 JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    command: Command,
}

/// Where the server is. Without these: the profile that `serve` writes in its data directory.
#[derive(Debug, clap::Args)]
pub(crate) struct Connect {
    /// Server, for example http://127.0.0.1:7400 / 服务地址
    #[arg(long, global = true, env = "SONGHUA_SERVER", value_name = "URL")]
    pub(crate) server: Option<String>,
    /// File with the token / 令牌文件
    #[arg(long, global = true, env = "SONGHUA_TOKEN_FILE", value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// The token itself; only from the environment, so that it is in no history / 令牌（仅环境变量）
    #[arg(long, global = true, env = "SONGHUA_TOKEN", hide = true, hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// Certificate (PEM) to trust / 信任的证书
    #[arg(long, global = true, env = "SONGHUA_CA_FILE", value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Data directory of the server, with its profile [default: data] / 数据目录
    #[arg(long, global = true, env = "SONGHUA_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server / 启动服务
    Serve(ServeArgs),
    /// Print the configuration in force and where each value came from / 显示生效的配置及来源
    Config(ServeArgs),
    /// Check or load a plan written as data / 检查或加载方案
    #[command(subcommand)]
    Plan(plan::PlanCommand),
    /// Push events (NDJSON) or a ledger (CSV); '-' = standard input / 推送事件或台账
    Push(push::PushArgs),
    /// Look at progress / 查看进展
    Progress(progress::ProgressArgs),
    /// Replay the history, record by record / 回放历史记录
    Replay(replay::ReplayArgs),
    /// Follow changes of status as they happen / 关注状态变化
    Watch(watch::WatchArgs),
    /// Views: digest, rebuild / 视图：摘要、重建
    #[command(subcommand)]
    Views(views::ViewsCommand),
    /// Back up the running server's logs into a directory on its machine; incremental / 在线增量备份
    Backup(backup::BackupArgs),
    /// Make a data directory of a backup, offline; a new epoch of every log / 从备份恢复（离线）
    Restore(restore::RestoreArgs),
    /// Check logs or a backup, offline and read-only, or with --online a running server / 检查日志或备份
    Check(check::CheckArgs),
    /// Look into a log on disk, offline / 查看磁盘上的日志（离线）
    #[command(subcommand)]
    Log(log::LogCommand),
    /// Tokens, grants, status / 令牌、授权、状态
    #[command(subcommand)]
    Admin(admin::AdminCommand),
    /// Write the compiled contract (a FileDescriptorSet) / 输出接口描述文件
    Descriptors(descriptors::DescriptorsArgs),
    /// Print completions for a shell / 生成命令补全
    Completions {
        /// The shell / 命令行类型
        shell: clap_complete::Shell,
    },
}

/// How a command ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Refused, or failed.
    #[error("{0}")]
    Failed(String),
    /// Asked for in a way that has no meaning.
    #[error("{0}")]
    Usage(String),
    /// The server did not answer.
    #[error("{0}")]
    Unreachable(String),
    /// Some rows were refused; they have been printed.
    #[error("{0}")]
    Partial(String),
    /// Damage was found.
    #[error("{0}")]
    Damage(String),
    /// A server failed whose log is for machines: the reason stands there.
    #[error("see the log / 见日志")]
    Logged,
}

impl Failure {
    pub(crate) fn failed(error: impl ToString) -> Self {
        Self::Failed(error.to_string())
    }

    const fn code(&self) -> u8 {
        match self {
            Self::Failed(_) | Self::Logged => 1,
            Self::Usage(_) => 2,
            Self::Unreachable(_) => 3,
            Self::Partial(_) => 4,
            Self::Damage(_) => 5,
        }
    }
}

/// Parses, runs, and turns the end into an exit code.
pub(crate) fn run() -> ExitCode {
    let matches = Cli::command().get_matches();
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let subcommand = matches.subcommand().map(|(_, matches)| matches.clone()).unwrap_or_default();
    match dispatch(cli, &subcommand) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !matches!(failure, Failure::Logged) {
                eprintln!("songhua: {failure}");
            }
            ExitCode::from(failure.code())
        }
    }
}

fn dispatch(cli: Cli, matches: &clap::ArgMatches) -> Result<(), Failure> {
    let Cli { connect, json, command } = cli;
    match command {
        Command::Serve(args) => serve::run(&Config::resolve(args, connect.data, matches).map_err(Failure::failed)?),
        Command::Config(args) => {
            let config = Config::resolve(args, connect.data, matches).map_err(Failure::failed)?;
            if json { output::json(&config) } else { output::text(&config) }
        }
        Command::Plan(plan::PlanCommand::Check { dir }) => plan::check(&dir, json),
        Command::Check(args) => check::run(&connect, args, json),
        Command::Log(command) => log::run(command),
        Command::Descriptors(args) => descriptors::run(&args),
        Command::Admin(admin::AdminCommand::Token) => serve::block_on(admin::offline_token(connect.data)),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "songhua", &mut std::io::stdout());
            Ok(())
        }
        Command::Plan(plan::PlanCommand::Load(args)) => serve::block_on(plan::load(&connect, args, json)),
        Command::Push(args) => serve::block_on(push::run(&connect, args, json)),
        Command::Progress(args) => serve::block_on(progress::run(&connect, args, json)),
        Command::Replay(args) => serve::block_on(replay::run(&connect, args, json)),
        Command::Watch(args) => serve::block_on(watch::run(&connect, args, json)),
        Command::Views(command) => serve::block_on(views::run(&connect, command, json)),
        Command::Restore(args) => serve::block_on(restore::run(connect.data, args, json)),
        Command::Backup(args) => serve::block_on(backup::run(&connect, args, json)),
        Command::Admin(command) => serve::block_on(admin::run(&connect, command, json)),
    }
}
