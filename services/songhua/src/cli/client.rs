//! How commands reach the server: address, token, certificate; and how its refusals are shown.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use songhua_domain::vocabulary::Reason;
use songhua_wire::status::{may_retry, refusal_from};
use songhua_wire::trace::{TRACE_PARENT, TraceParent};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Uri};
use tonic::{Code, Request, Status};

use super::{Connect, Failure};
use crate::node::Profile;

/// How long a connection may take, and how long a server may be silent before it counts as gone.
const SILENCE_MAX: Duration = Duration::from_secs(20);
/// What a frame may take that the server sends: at 16 KiB, which is what nobody asks for, a replay takes a fifth more of
/// both sides' processors.
const FRAME_BYTES_MAX: u32 = 256 * 1024;

/// Adds the token to every call, and the trace that the command itself belongs to.
#[derive(Clone)]
pub(crate) struct WithToken {
    authorization: MetadataValue<Ascii>,
    trace_parent: Option<MetadataValue<Ascii>>,
}

impl Interceptor for WithToken {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.authorization.clone());
        if let Some(trace_parent) = &self.trace_parent {
            request.metadata_mut().insert(TRACE_PARENT, trace_parent.clone());
        }
        Ok(request)
    }
}

/// A channel that carries the token.
pub(crate) type Authorised = InterceptedService<Channel, WithToken>;

/// Where to connect and with what.
#[derive(Debug, PartialEq, Eq)]
struct Target {
    server: String,
    token: TokenFrom,
    ca_file: Option<PathBuf>,
}

#[derive(Debug, PartialEq, Eq)]
enum TokenFrom {
    File(PathBuf),
    Environment(String),
}

impl TokenFrom {
    fn read(&self) -> Result<String, Failure> {
        match self {
            Self::File(file) => read(file),
            Self::Environment(token) => Ok(token.clone()),
        }
    }
}

/// Connects: flags and environment first, then the profile of the data directory.
pub(crate) async fn connect(connect: &Connect) -> Result<Authorised, Failure> {
    let target = resolve(connect)?;
    let token = target.token.read()?;
    let unreachable = |error: tonic::transport::Error| {
        let cause = std::error::Error::source(&error).map_or_else(String::new, |source| format!(": {source}"));
        Failure::Unreachable(format!(
            "{} does not answer ({error}{cause}): is `songhua serve` running? / 无法连接服务",
            target.server
        ))
    };
    let mut endpoint = Endpoint::from_shared(target.server.clone())
        .map_err(Failure::failed)?
        .connect_timeout(SILENCE_MAX)
        .http2_keep_alive_interval(SILENCE_MAX)
        .keep_alive_timeout(SILENCE_MAX)
        .max_frame_size(FRAME_BYTES_MAX);
    warn_if_overheard(endpoint.uri());
    if target.server.starts_with("https://") {
        let mut tls = ClientTlsConfig::new();
        if let Some(ca_file) = &target.ca_file {
            tls = tls.ca_certificate(Certificate::from_pem(read(ca_file)?));
        }
        endpoint = endpoint.tls_config(tls).map_err(unreachable)?;
    }
    let channel = endpoint.connect().await.map_err(unreachable)?;
    let value = format!("Bearer {}", token.trim());
    let authorization = value
        .parse()
        .map_err(|_| Failure::Failed("the token holds characters that cannot be sent / 令牌含非法字符".into()))?;
    Ok(InterceptedService::new(channel, WithToken { authorization, trace_parent: trace_parent() }))
}

/// The trace that `TRACEPARENT` names; a value that cannot be used is not sent on.
fn trace_parent() -> Option<MetadataValue<Ascii>> {
    let given = std::env::var(TRACE_PARENT.to_ascii_uppercase()).ok()?;
    TraceParent::parse(given.trim())?.as_str().parse().ok()
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))
}

fn warn_if_overheard(uri: &Uri) {
    if can_be_overheard(uri) {
        eprintln!(
            "警告：令牌将以明文发送到 {uri}，途中可被窃取，请改用 https://\n\
             warning: the token goes to {uri} in the clear, where others on the way can read it: use https://"
        );
    }
}

/// Whether others than this machine can read what is sent to `uri`.
fn can_be_overheard(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let this_machine = host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
    uri.scheme_str() != Some("https") && !this_machine
}

fn resolve(connect: &Connect) -> Result<Target, Failure> {
    let data = connect.data.clone().unwrap_or_else(|| PathBuf::from("data"));
    let path = Profile::path(&data);
    let profile = Profile::read(&data).map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))?;
    choose(connect, profile.as_ref(), &path)
}

/// What is given wins over the profile. The profile's token and certificate are for the profile's server only.
fn choose(connect: &Connect, profile: Option<&Profile>, path: &Path) -> Result<Target, Failure> {
    let missing = |what: &str, how: &str| {
        Failure::Failed(format!(
            "no {what}: give {how}, or run beside the data directory of a server (looked in {}) / 未找到连接信息",
            path.display()
        ))
    };
    let server = connect.server.clone().or_else(|| profile.map(|profile| profile.server.clone()));
    let server = server.ok_or_else(|| missing("server", "--server or SONGHUA_SERVER"))?;
    let own = profile.filter(|profile| is_same_server(&profile.server, &server));
    let given = connect.token.as_ref().filter(|token| !token.trim().is_empty());
    let token = match (&connect.token_file, given, own, profile) {
        (Some(file), ..) => TokenFrom::File(file.clone()),
        (None, Some(token), ..) => TokenFrom::Environment(token.clone()),
        (None, None, Some(own), _) => TokenFrom::File(own.token_file.clone()),
        (None, None, None, Some(other)) => {
            return Err(Failure::Failed(format!(
                "the token in {} is for {}, it is not sent to {server}: give --token-file or SONGHUA_TOKEN / \
                 该令牌属于另一服务，不会发送：请用 --token-file 指定令牌",
                path.display(),
                other.server
            )));
        }
        (None, None, None, None) => return Err(missing("token", "--token-file or SONGHUA_TOKEN")),
    };
    let ca_file = connect.ca_file.clone().or_else(|| own.and_then(|own| own.ca_file.clone()));
    Ok(Target { server, token, ca_file })
}

fn is_same_server(one: &str, other: &str) -> bool {
    one.trim_end_matches('/').eq_ignore_ascii_case(other.trim_end_matches('/'))
}

/// A refusal as a person reads it: Chinese, English, reason, fields.
pub(crate) fn describe(status: &Status) -> String {
    match refusal_from(status) {
        Some(refusal) => {
            let mut text = format!("{}\n  {} [{}]", refusal.message_zh, refusal.message, refusal.reason.code());
            for violation in &refusal.violations {
                // What the message says already is not said twice.
                let [field, description] = [&violation.field, &violation.description];
                match [field, description].map(|part| refusal.message.contains(part)) {
                    [true, true] => {}
                    [false, true] => text.push_str(&format!("\n  {field}")),
                    [_, false] => text.push_str(&format!("\n  {field}: {description}")),
                }
            }
            text
        }
        None => format!("{:?}: {}", status.code(), status.message()),
    }
}

/// Whether the same call may succeed later without anybody acting: the connection broke, or the server said so.
pub(crate) fn may_try_again(status: &Status) -> bool {
    match refusal_from(status) {
        Some(refusal) => may_retry(refusal.reason),
        None => matches!(status.code(), Code::Unavailable | Code::Cancelled | Code::Unknown | Code::Internal),
    }
}

/// A failed call as the end of a command.
pub(crate) fn failed(status: Status) -> Failure {
    let refusal = refusal_from(&status);
    let refused = refusal.is_some();
    match status.code() {
        Code::Unavailable if refusal.is_some_and(|refusal| refusal.reason == Reason::ShuttingDown) => {
            Failure::Unreachable(format!(
                "{}\nrun the same command again when the server is back / 服务恢复后重新执行同一命令",
                describe(&status)
            ))
        }
        Code::Unavailable if !refused => Failure::Unreachable(describe(&status)),
        // The connection broke under the call: what a server with TLS does to a client without.
        Code::Cancelled | Code::Unknown | Code::Internal if !refused => Failure::Unreachable(format!(
            "the connection broke ({}); if the server uses TLS, its address starts with https:// / 连接中断：若服务启用了 TLS，地址须以 https:// 开头",
            describe(&status)
        )),
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

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: &str = "https://songhua.example:7400";

    fn profile() -> Profile {
        Profile { server: HOME.to_owned(), token_file: "own.token".into(), ca_file: Some("own.pem".into()) }
    }

    fn given(server: Option<&str>, token_file: Option<&str>, token: Option<&str>) -> Connect {
        Connect {
            server: server.map(ToOwned::to_owned),
            token_file: token_file.map(PathBuf::from),
            token: token.map(ToOwned::to_owned),
            ca_file: None,
            data: None,
        }
    }

    fn chosen(connect: &Connect) -> Target {
        choose(connect, Some(&profile()), Path::new("data/profile.json")).unwrap()
    }

    fn refused(connect: &Connect, profile: Option<&Profile>) -> String {
        choose(connect, profile, Path::new("data/profile.json")).unwrap_err().to_string()
    }

    #[test]
    fn a_token_file_goes_before_the_token_of_the_environment_and_both_before_the_profile() {
        let file = TokenFrom::File("flag.token".into());
        let environment = TokenFrom::Environment("secret".to_owned());
        for server in [None, Some(HOME), Some("https://other.example")] {
            assert_eq!(chosen(&given(server, Some("flag.token"), Some("secret"))).token, file);
            assert_eq!(chosen(&given(server, None, Some("secret"))).token, environment);
        }
        assert_eq!(chosen(&given(None, None, None)).token, TokenFrom::File("own.token".into()));
        assert_eq!(chosen(&given(None, None, Some(" "))).token, TokenFrom::File("own.token".into()));
    }

    #[test]
    fn the_profiles_token_and_certificate_are_for_its_server_only() {
        for server in [None, Some(HOME), Some("https://songhua.example:7400/"), Some("https://Songhua.example:7400")] {
            let target = chosen(&given(server, None, None));
            assert_eq!(target.token, TokenFrom::File("own.token".into()), "{server:?}");
            assert_eq!(target.ca_file, Some("own.pem".into()), "{server:?}");
        }
        // Without TLS it is another server: the token would go there in the clear.
        let others =
            ["http://songhua.example:7400", "https://songhua.example:7401", "https://songhua.example.org:7400"];
        for server in others {
            let message = refused(&given(Some(server), None, None), Some(&profile()));
            for word in [server, HOME, "--token-file", "data/profile.json", "令牌"] {
                assert!(message.contains(word), "{word}: {message}");
            }
            assert_eq!(chosen(&given(Some(server), Some("flag.token"), None)).ca_file, None, "{server}");
        }
    }

    #[test]
    fn without_a_profile_the_message_names_what_is_missing() {
        assert!(refused(&given(None, None, None), None).contains("--server"));
        assert!(refused(&given(Some(HOME), None, None), None).contains("--token-file"));
    }

    #[test]
    fn only_plain_http_beyond_this_machine_can_be_overheard() {
        let overheard = |uri: &str| can_be_overheard(&uri.parse().unwrap());
        for uri in ["http://127.0.0.1:7400", "http://127.8.8.8:1", "http://[::1]:7400", "http://localhost:7400", HOME] {
            assert!(!overheard(uri), "{uri}");
        }
        for uri in ["http://10.0.0.7:7400", "http://songhua.example", "http://127.0.0.1.example", "http://[fe80::1]:1"]
        {
            assert!(overheard(uri), "{uri}");
        }
    }

    #[test]
    fn a_server_that_is_stopping_is_not_reachable() {
        let refusal = songhua_wire::status::Refusal::new(Reason::ShuttingDown, "stopping".into(), "停止中".into());
        let Failure::Unreachable(message) = failed(refusal.into()) else { panic!("another failure") };
        assert!(message.contains("run the same command again") && message.contains("停止中"), "{message}");
    }
}
