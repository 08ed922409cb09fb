//! How commands reach the server: address, token, certificate; and how its refusals are shown.

use std::path::{Path, PathBuf};

use songhua_wire::status::refusal_from;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status};

use super::{Connect, Failure};
use crate::node::Profile;

/// Adds the token to every call.
#[derive(Clone)]
pub(crate) struct WithToken(MetadataValue<Ascii>);

impl Interceptor for WithToken {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// A channel that carries the token.
pub(crate) type Authorised = InterceptedService<Channel, WithToken>;

struct Target {
    server: String,
    token: String,
    ca_file: Option<PathBuf>,
}

/// Connects: flags and environment first, then the profile of the data directory.
pub(crate) async fn connect(connect: &Connect) -> Result<Authorised, Failure> {
    let target = resolve(connect)?;
    let unreachable = |error: tonic::transport::Error| {
        let cause = std::error::Error::source(&error).map_or_else(String::new, |source| format!(": {source}"));
        Failure::Unreachable(format!(
            "{} does not answer ({error}{cause}): is `songhua serve` running? / 无法连接服务",
            target.server
        ))
    };
    let mut endpoint = Endpoint::from_shared(target.server.clone()).map_err(Failure::failed)?;
    if target.server.starts_with("https://") {
        let mut tls = ClientTlsConfig::new();
        if let Some(ca_file) = &target.ca_file {
            tls = tls.ca_certificate(Certificate::from_pem(read(ca_file)?));
        }
        endpoint = endpoint.tls_config(tls).map_err(unreachable)?;
    }
    let channel = endpoint.connect().await.map_err(unreachable)?;
    let value = format!("Bearer {}", target.token.trim());
    let value = value
        .parse()
        .map_err(|_| Failure::Failed("the token holds characters that cannot be sent / 令牌含非法字符".into()))?;
    Ok(InterceptedService::new(channel, WithToken(value)))
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))
}

fn resolve(connect: &Connect) -> Result<Target, Failure> {
    let data = connect.data.clone().unwrap_or_else(|| PathBuf::from("data"));
    let profile = Profile::read(&data)
        .map_err(|error| Failure::Failed(format!("{}: {error}", Profile::path(&data).display())))?;
    let missing = |what: &str, how: &str| {
        Failure::Failed(format!(
            "no {what}: give {how}, or run beside the data directory of a server (looked in {}) / 未找到连接信息",
            Profile::path(&data).display()
        ))
    };
    let from_profile = profile.as_ref();
    let server = connect.server.clone().or_else(|| from_profile.map(|profile| profile.server.clone()));
    let server = server.ok_or_else(|| missing("server", "--server or SONGHUA_SERVER"))?;
    let token_file = connect.token_file.clone().or_else(|| from_profile.map(|profile| profile.token_file.clone()));
    let token = match (&connect.token, token_file) {
        (Some(token), _) => token.clone(),
        (None, Some(file)) => read(&file)?,
        (None, None) => return Err(missing("token", "--token-file or SONGHUA_TOKEN")),
    };
    let ca_file = connect.ca_file.clone().or_else(|| from_profile.and_then(|profile| profile.ca_file.clone()));
    Ok(Target { server, token, ca_file })
}

/// A refusal as a person reads it: Chinese, English, reason, fields.
pub(crate) fn describe(status: &Status) -> String {
    match refusal_from(status) {
        Some(refusal) => {
            let mut text = format!("{}\n  {} [{}]", refusal.message_zh, refusal.message, refusal.reason.code());
            for violation in &refusal.violations {
                text.push_str(&format!("\n  {}: {}", violation.field, violation.description));
            }
            text
        }
        None => format!("{:?}: {}", status.code(), status.message()),
    }
}

/// A failed call as the end of a command.
pub(crate) fn failed(status: Status) -> Failure {
    match status.code() {
        tonic::Code::Unavailable if refusal_from(&status).is_none() => Failure::Unreachable(describe(&status)),
        _ => Failure::Failed(describe(&status)),
    }
}

/// The plan to ask for: the one given, else the only one the caller can see.
pub(crate) async fn plan_or_only(channel: &Authorised, plan: Option<String>) -> Result<String, Failure> {
    if let Some(plan) = plan {
        return Ok(plan);
    }
    let mut admin = songhua_wire::pb::admin_service_client::AdminServiceClient::new(channel.clone());
    let status = admin.get_status(songhua_wire::pb::GetStatusRequest::default()).await.map_err(failed)?.into_inner();
    let mut plans: Vec<_> = status.plans.into_iter().filter(|plan| plan.published).map(|plan| plan.plan).collect();
    match (plans.pop(), plans.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => {
            Err(Failure::Failed("the server has no published plan: `songhua plan load DIR` / 尚无已发布的方案".into()))
        }
        (Some(last), false) => {
            plans.push(last);
            Err(Failure::Failed(format!("name the plan with --plan: {} / 请用 --plan 指定方案", plans.join(", "))))
        }
    }
}
