//! The node: one data directory, its system log, the plans it hosts, and the servers in front of them.
//!
//! ```text
//! DATA/  system/log/            system log; its lock guards the directory
//!        plans/<plan>/log/      the truth of a plan          snapshots/  states      views/  read models
//!        admin.token  profile.json   written at the first start, mode 0600
//! ```
//! It must not know the rules of progress; it only wires roles together.

mod admin;
mod auth;
mod backup;
mod calls;
mod check;
mod health;
mod hosting;
mod http;
mod loader;
mod metrics;
mod profile;
mod rebuild;
mod relays;
mod server;
mod sheet;
mod system_log;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use songhua_access::Token;
use songhua_audit::{HistoryRegistry, PlanHistory};
use songhua_domain::event::{AccessGranted, Actor, EventInput, PlanCreated, SystemPayload};
use songhua_domain::id::PlanId;
use songhua_domain::vocabulary::Role;
use songhua_ingest::{IngestOptions, PlanRegistry};
use songhua_log::OpenError;
use songhua_log::backup::MANIFEST;
use songhua_progress::ReaderRegistry;
use tokio::sync::Mutex;
use uuid::Uuid;

pub(crate) use hosting::{FollowerState, Hosted};
pub(crate) use loader::{LoadError, Loaded, hex};
use metrics::Metrics;
pub(crate) use profile::{Profile, write_private};
use relays::Relays;
pub(crate) use server::serve;
pub(crate) use system_log::{SystemLog, SystemLogError};

use crate::config::Config;

/// Why a node does not start, or a plan cannot be hosted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NodeError {
    /// A file or directory of the data directory.
    #[error("{path}: {detail}")]
    File {
        /// The path.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The system log.
    #[error(transparent)]
    System(#[from] SystemLogError),
    /// A plan's log.
    #[error("plan {plan}: {source}")]
    Log {
        /// The plan.
        plan: PlanId,
        /// Why it does not open.
        source: OpenError,
    },
    /// A plan's state.
    #[error("plan {plan}: {source}")]
    Ingest {
        /// The plan.
        plan: PlanId,
        /// Why it does not open.
        source: songhua_ingest::OpenError,
    },
    /// A plan's directory holds the log of another one.
    #[error("plan {plan}: its directory holds log {found}, the system log names {wanted}: restore the right directory")]
    Foreign {
        /// The plan.
        plan: PlanId,
        /// The log that is there.
        found: Uuid,
        /// The log that should be there.
        wanted: Uuid,
    },
    /// A log that the system log does not know.
    #[error("plan {plan}: its directory holds a log of {head} records that the system log does not know: move it away")]
    Unknown {
        /// The plan.
        plan: PlanId,
        /// Records in it.
        head: u64,
    },
    /// Plans without a system log.
    #[error("{path} holds plans, but {system} holds no system log: restore it; without it nobody can be let in")]
    NoSystemLog {
        /// The directory of plans.
        path: PathBuf,
        /// Where the system log should be.
        system: PathBuf,
    },
    /// What would be stored there, the next backup would overwrite.
    #[error(
        "{0} is a backup, it holds {MANIFEST}: make a data directory of it with `songhua restore` / 这是备份：请先恢复"
    )]
    Backup(String),
    /// A plan is or is not simulated, for ever.
    #[error(
        "plan {plan} was created with simulated = {there}; it stays so: give the other one a new id / 模拟标记不可更改"
    )]
    Simulated {
        /// The plan.
        plan: PlanId,
        /// What it was created with.
        there: bool,
    },
    /// A simulated plan's "now" is fixed, for ever.
    #[error(
        "plan {plan} was created {}, not with the demo's \"now\": start without --demo, or give --data another directory / \
         该方案并非由本版本的演示创建：请去掉 --demo 或换一个数据目录",
        .there.map_or_else(|| "without a fixed \"now\"".to_owned(), |now| format!("with \"now\" fixed at {now}"))
    )]
    FixedNow {
        /// The plan.
        plan: PlanId,
        /// What it was created with.
        there: Option<Timestamp>,
    },
    /// A plan's views.
    #[error("plan {plan}: views: {detail}")]
    Views {
        /// The plan.
        plan: PlanId,
        /// Why they do not open.
        detail: String,
    },
    /// Loading a plan.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// An address or certificate.
    #[error("{0}")]
    Server(String),
}

impl NodeError {
    pub(crate) fn file(path: &Path, error: impl ToString) -> Self {
        Self::File { path: path.to_owned(), detail: error.to_string() }
    }
}

/// Principal of definitions that come from a folder given to `serve`.
const OFFICE: &str = "plan-office";

/// A running node.
pub(crate) struct Node {
    pub(crate) data: PathBuf,
    pub(crate) start_time: Timestamp,
    metrics: Metrics,
    pub(crate) system: SystemLog,
    pub(crate) plans: Arc<PlanRegistry>,
    pub(crate) readers: Arc<ReaderRegistry>,
    pub(crate) histories: Arc<HistoryRegistry>,
    hosted: Mutex<BTreeMap<PlanId, Hosted>>,
    /// Plans that could not be opened, and why. The others are served all the same.
    failed: Mutex<BTreeMap<PlanId, String>>,
    /// Held while a plan is created, so that it is created once.
    creating: Mutex<()>,
    /// Held while a digest is taken: it reads all views of a plan.
    pub(crate) digesting: Mutex<()>,
    ingest_options: IngestOptions,
    views_cache_bytes: u64,
    scrub_bytes_per_second: u64,
    relays: Relays,
}

impl Node {
    /// Opens the data directory, its system log and every plan in it.
    ///
    /// # Errors
    /// See [`NodeError`]. A plan whose log is damaged opens read-only; a plan that does not open at all is said, and the
    /// others are served.
    pub(crate) async fn open(config: &Config) -> Result<Arc<Self>, NodeError> {
        let metrics = Metrics::install()?;
        let data = config.data.value.clone();
        private_directory(&data)?;
        let system = open_system(&data).await?;
        let node = Self {
            data,
            start_time: Timestamp::now(),
            metrics,
            system,
            plans: Arc::default(),
            readers: Arc::default(),
            histories: Arc::default(),
            hosted: Mutex::default(),
            failed: Mutex::default(),
            creating: Mutex::default(),
            digesting: Mutex::default(),
            ingest_options: IngestOptions {
                queue_submissions_max: config.queue_submissions_max.value,
                ..IngestOptions::default()
            },
            views_cache_bytes: config.views_cache_mib.value << 20,
            scrub_bytes_per_second: config.scrub_bytes_per_second.value,
            relays: Relays::open(config).await?,
        };
        for (plan, created) in node.system.plans().await {
            if let Err(error) = node.host(&plan, &created).await {
                tracing::error!(%plan, %error, "plan is not served");
                node.failed.lock().await.insert(plan, error.to_string());
            }
        }
        Ok(Arc::new(node))
    }

    /// Where a plan keeps its files.
    fn plan_directory(&self, plan: &PlanId) -> PathBuf {
        self.data.join("plans").join(plan.as_str())
    }

    /// Opens a plan's log, ingest and views, and lets them run.
    async fn host(&self, plan: &PlanId, created: &PlanCreated) -> Result<(), NodeError> {
        let mut hosted = self.hosted.lock().await;
        if hosted.contains_key(plan) {
            return Ok(());
        }
        let directory = self.plan_directory(plan);
        private_directory(&directory)?;
        let options = self.ingest_options.clone();
        let mut opened = Hosted::open(&directory, created, options, self.views_cache_bytes).await?;
        opened.relay = self.relays.spawn(created, &opened);
        if self.scrub_bytes_per_second > 0
            && let Err(error) = opened.log().scrub(self.scrub_bytes_per_second)
        {
            tracing::warn!(%plan, %error, "sealed segments are not read again: no thread for it");
        }
        self.plans.insert(plan.clone(), opened.ingest.clone());
        self.readers.insert(plan, &opened.reader());
        self.histories.insert(plan, &self.history(plan, &opened));
        hosted.insert(plan.clone(), opened);
        Ok(())
    }

    /// The history of a plan. It asks for the state anew each time: a handle on ingest would keep it from ending.
    fn history(&self, plan: &PlanId, opened: &Hosted) -> PlanHistory {
        let (plans, plan) = (Arc::clone(&self.plans), plan.clone());
        let state = move || plans.get(&plan).map(|ingest| ingest.durable_state());
        PlanHistory::new(Arc::clone(opened.ingest.log()), Arc::new(state)).with_postings(opened.views.clone())
    }

    /// Makes sure that the node has a plan: creates its log if need be. A simulated plan may be given a fixed "now".
    ///
    /// # Errors
    /// See [`NodeError`].
    pub(crate) async fn ensure_plan(
        &self,
        plan: &PlanId,
        simulated: bool,
        fixed_now: Option<Timestamp>,
        principal: &str,
    ) -> Result<(), NodeError> {
        let _creating = self.creating.lock().await;
        if let Some(created) = self.system.plans().await.get(plan) {
            if created.simulated != simulated {
                return Err(NodeError::Simulated { plan: plan.clone(), there: created.simulated });
            }
            if fixed_now.is_some() && created.fixed_now != fixed_now {
                return Err(NodeError::FixedNow { plan: plan.clone(), there: created.fixed_now });
            }
            return self.host(plan, created).await;
        }
        let directory = self.plan_directory(plan);
        private_directory(&directory)?;
        let log_id = Hosted::create_log(&directory, plan).await?;
        let created = PlanCreated { plan: plan.clone(), log_id, simulated, fixed_now };
        self.system.append(principal, SystemPayload::PlanCreated(created.clone())).await?;
        self.host(plan, &created).await
    }

    /// Runs `with` on a hosted plan.
    pub(crate) async fn with_hosted<T>(&self, plan: &PlanId, with: impl FnOnce(&Hosted) -> T) -> Option<T> {
        self.hosted.lock().await.get(plan).map(with)
    }

    /// The plans this node hosts.
    pub(crate) async fn hosted_plans(&self) -> Vec<PlanId> {
        self.hosted.lock().await.keys().cloned().collect()
    }

    /// Gives the first administrator a token, if nobody was ever granted anything. Returns where it was written.
    ///
    /// # Errors
    /// See [`NodeError`].
    pub(crate) async fn first_token(&self) -> Result<Option<PathBuf>, NodeError> {
        if self.system.directory().state().grants().next().is_some() {
            return Ok(None);
        }
        grant_admin(&self.system, &self.data).await.map(Some)
    }

    /// Loads a plan's definitions from within, as the plan office. With a fixed "now" the plan is simulated.
    ///
    /// # Errors
    /// See [`NodeError`].
    pub(crate) async fn load(
        &self,
        plan: &PlanId,
        definitions: &[EventInput],
        fixed_now: Option<Timestamp>,
    ) -> Result<Loaded, NodeError> {
        self.ensure_plan(plan, fixed_now.is_some(), fixed_now, OFFICE).await?;
        let Some(ingest) = self.plans.get(plan) else { return Ok(Loaded::default()) };
        Ok(loader::load(plan, &ingest, definitions, &office()).await?)
    }

    /// Writes a new administrator token into the data directory of a stopped server.
    ///
    /// # Errors
    /// See [`NodeError`]; above all, that the server is running.
    pub(crate) async fn renew_admin_token(data: &Path) -> Result<PathBuf, NodeError> {
        if !data.join("system").join("log").is_dir() {
            let detail = "no data directory of a server; `songhua serve` makes one / 不是服务的数据目录";
            return Err(NodeError::file(data, detail));
        }
        let system = open_system(data).await?;
        let path = grant_admin(&system, data).await;
        system.close().await;
        path
    }

    /// Plans that could not be opened, and why.
    pub(crate) async fn failed_plans(&self) -> BTreeMap<PlanId, String> {
        self.failed.lock().await.clone()
    }

    /// What keeps the node from being ready: plans that are not open, whose ingest has ended, whose views have not caught
    /// up once or whose projector does not run.
    pub(crate) async fn hindrances(&self) -> Vec<String> {
        let failed = self.failed_plans().await;
        let mut hindrances: Vec<_> = failed.iter().map(|(plan, reason)| format!("{plan}: {reason}")).collect();
        for (plan, hosted) in &*self.hosted.lock().await {
            hindrances.extend(hosted.ingest.fault().map(|reason| format!("{plan}: {reason}")));
            match &*hosted.state.borrow() {
                FollowerState::Running => {}
                FollowerState::Rebuilding => hindrances.push(format!("{plan}: the views are catching up")),
                FollowerState::Stopped(reason) => hindrances.push(format!("{plan}: projector stopped: {reason}")),
            }
        }
        hindrances
    }

    /// Ends in order: no more submissions, everything accepted is answered, followers stop, logs are closed.
    pub(crate) async fn close(&self) {
        self.plans.clear();
        let hosted = std::mem::take(&mut *self.hosted.lock().await);
        for (plan, hosted) in hosted {
            tracing::info!(%plan, "closing");
            hosted.close().await;
        }
        self.system.close().await;
    }
}

/// Opens the system log. A new one is begun only where there are no plans yet.
async fn open_system(data: &Path) -> Result<SystemLog, NodeError> {
    if data.join(MANIFEST).exists() {
        return Err(NodeError::Backup(data.display().to_string()));
    }
    let (path, system) = (data.join("plans"), data.join("system").join("log"));
    if path.exists() && !system.exists() {
        return Err(NodeError::NoSystemLog { path, system });
    }
    Ok(SystemLog::open(&system).await?)
}

fn private_directory(path: &Path) -> Result<(), NodeError> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| NodeError::file(path, error))
}

/// Grants a new administrator token and writes it to `admin.token`. The file first: a token that nobody can read would
/// lock the door.
async fn grant_admin(system: &SystemLog, data: &Path) -> Result<PathBuf, NodeError> {
    let path = data.join("admin.token");
    let token = Token::generate().map_err(|error| NodeError::file(&path, error))?;
    write_private(&path, token.reveal()).map_err(|error| NodeError::file(&path, error))?;
    let granted = AccessGranted {
        grant_id: Uuid::new_v4(),
        principal: "admin".to_owned(),
        role: Role::Admin,
        agency: None,
        plan: None,
        token_sha256: token.digest(),
        expires: None,
    };
    system.append("system", SystemPayload::AccessGranted(granted)).await?;
    Ok(path)
}

/// The plan office on this machine: who starts the server with a plan folder.
fn office() -> Actor {
    Actor {
        principal: OFFICE.to_owned(),
        agency: None,
        role: Role::Admin,
        credential_digest: [0; 32],
        on_behalf_of: None,
    }
}
