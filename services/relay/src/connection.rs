//! The one connection to NATS that all relays of a node share.
//!
//! Place in the flow: opened at the start whether a server is there or not; connects, and connects again, by itself.
//! Relays ask whether it stands, wait until it does, and notice when it breaks under a message in flight.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use serde::Serialize;
use tokio::sync::watch;

/// Where answers to the relay come in; permissions can let it listen there and nowhere else.
const INBOX: &str = "_INBOX_songhua";
/// How often the server is asked whether it is still there; two silent ones break the connection.
const PING_EVERY: Duration = Duration::from_secs(5);
/// How long a connection attempt and a request may take.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// The longest pause between two attempts.
const PAUSE_MOST: Duration = Duration::from_secs(2);
/// The state is looked at this often as well: news of it may be dropped when there is much.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Addresses of the servers of one cluster, comma separated: `nats://host:4222`, `tls://user:password@host`. Shown
/// without what is secret in them.
#[derive(Clone, Serialize)]
#[serde(into = "String")]
pub struct Servers(Vec<ServerAddr>);

impl FromStr for Servers {
    type Err = ConnectionError;
    fn from_str(text: &str) -> Result<Self, ConnectionError> {
        let address = |text: &str| {
            // Not the text itself: it may hold a password.
            let refused = |detail: &str| ConnectionError::Address(detail.to_owned());
            let address: ServerAddr =
                text.trim().parse().map_err(|error: std::io::Error| refused(&error.to_string()))?;
            match (address.scheme(), address.host()) {
                (_, "") => Err(refused("no host")),
                ("nats" | "tls", _) => Ok(address),
                (scheme, _) => Err(refused(&format!("scheme {scheme}"))),
            }
        };
        text.split(',').map(address).collect::<Result<_, _>>().map(Self)
    }
}

impl Servers {
    /// User and password, or a token alone, of the first address that has them. They hold for every server.
    fn login(&self) -> Option<(String, Option<String>)> {
        let address = self.0.iter().find(|address| address.has_user_pass())?;
        let decoded = |text: &str| String::from_utf8_lossy(&percent_decoded(text)).into_owned();
        Some((decoded(address.username()?), address.password().map(decoded)))
    }
}

/// What the URL parser encoded, or the operator had to.
fn percent_decoded(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = tail.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                decoded.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                decoded.push(*first);
                rest = tail;
            }
        }
    }
    decoded
}

impl From<Servers> for String {
    fn from(servers: Servers) -> Self {
        servers.to_string()
    }
}

impl fmt::Display for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, address) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let secret = if address.has_user_pass() || address.password().is_some() { "***@" } else { "" };
            let host = address.host();
            let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
            write!(f, "{comma}{}://{secret}{open}{host}{close}:{}", address.scheme(), address.port())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How to connect.
#[derive(Debug, Clone)]
pub struct ConnectionOptions {
    /// Where.
    pub servers: Servers,
    /// A `.creds` file (JWT and NKey seed).
    pub credentials: Option<PathBuf>,
    /// Certificates (PEM) to trust beside those of the system.
    pub ca: Option<PathBuf>,
}

/// Why the settings cannot be used. A server that is not there is no error.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// Not the address of a NATS server.
    #[error(
        "NATS server address: {0}; nats://host:4222 or tls://host:4222, several comma separated / NATS 服务器地址无效"
    )]
    Address(String),
    /// A file that cannot be read.
    #[error("{path}: {detail} / 无法读取文件")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The client does not start.
    #[error("NATS client: {0} / NATS 客户端无法启动")]
    Client(String),
}

/// What is known of the connection beside its state.
#[derive(Debug, Clone, Default)]
struct Link {
    /// How often it broke.
    breaks: u64,
    /// The last thing that went wrong.
    problem: String,
}

/// A connection. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Connection {
    client: Client,
    link: watch::Receiver<Link>,
    servers: Arc<Servers>,
}

impl Connection {
    /// Begins to connect, and goes on in the background for as long as it takes.
    ///
    /// # Errors
    /// See [`ConnectionError`]; the operator mends the settings.
    pub async fn open(options: ConnectionOptions) -> Result<Self, ConnectionError> {
        let (sender, link) = watch::channel(Link::default());
        let sender = Arc::new(sender);
        let mut connect = ConnectOptions::new()
            .name("songhua")
            .custom_inbox_prefix(INBOX)
            .retry_on_initial_connect()
            .ping_interval(PING_EVERY)
            .connection_timeout(ANSWER_WITHIN)
            .request_timeout(Some(ANSWER_WITHIN))
            .reconnect_delay_callback(pause)
            .event_callback(move |event| {
                note(&sender, &event);
                std::future::ready(())
            });
        // The client itself takes no credentials from an address.
        connect = match options.servers.login() {
            Some((user, Some(password))) => connect.user_and_password(user, password),
            Some((token, None)) => connect.token(token),
            None => connect,
        };
        if let Some(path) = &options.credentials {
            let read = connect.credentials_file(path).await;
            connect = read.map_err(|error| ConnectionError::File { path: path.clone(), detail: error.to_string() })?;
        }
        if let Some(path) = options.ca {
            if let Err(error) = std::fs::metadata(&path) {
                return Err(ConnectionError::File { path, detail: error.to_string() });
            }
            connect = connect.add_root_certificates(path);
        }
        let client = connect.connect(options.servers.0.as_slice()).await;
        let client = client.map_err(|error| ConnectionError::Client(error.to_string()))?;
        Ok(Self { client, link, servers: Arc::new(options.servers) })
    }

    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    /// How often the connection broke so far.
    pub(crate) fn breaks(&self) -> u64 {
        self.link.borrow().breaks
    }

    pub(crate) fn is_up(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Why the connection does not stand, for the operator.
    pub(crate) fn why_down(&self) -> String {
        let (problem, servers) = (self.problem(), &self.servers);
        format!("NATS at {servers} is not connected{problem}; trying until it is / 未连接到 NATS，将持续重试")
    }

    /// The last thing that went wrong, in brackets; empty if nothing did.
    pub(crate) fn problem(&self) -> String {
        let problem = &self.link.borrow().problem;
        if problem.is_empty() { String::new() } else { format!(" ({problem})") }
    }

    /// Resolves once the connection stands.
    pub(crate) async fn up(&self) {
        let mut link = self.link.clone();
        while !self.is_up() {
            look(&mut link).await;
        }
    }

    /// Resolves once the connection has broken since `breaks` were counted.
    pub(crate) async fn broken(&self, breaks: u64) {
        let mut link = self.link.clone();
        while self.is_up() && link.borrow_and_update().breaks == breaks {
            look(&mut link).await;
        }
    }
}

async fn look(link: &mut watch::Receiver<Link>) {
    drop(tokio::time::timeout(LOOK_EVERY, link.changed()).await);
}

fn note(link: &watch::Sender<Link>, event: &Event) {
    link.send_modify(|link| match event {
        Event::Connected => link.problem.clear(),
        Event::Disconnected | Event::Closed => link.breaks += 1,
        Event::ClientError(error) => link.problem = error.to_string(),
        Event::ServerError(error) => link.problem = error.to_string(),
        Event::LameDuckMode | Event::Draining | Event::SlowConsumer(_) => {}
    });
}

/// The pause before the attempt of this number: none, then doubled up to [`PAUSE_MOST`].
fn pause(attempt: usize) -> Duration {
    let doublings = u32::try_from(attempt).unwrap_or(u32::MAX).saturating_sub(2).min(10);
    if attempt <= 1 { Duration::ZERO } else { (Duration::from_millis(10) * 2_u32.pow(doublings)).min(PAUSE_MOST) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_in_an_address_is_never_shown() {
        let given = "nats://relay:hunter2@a:4333, tls://token99@b,c";
        let servers: Servers = given.parse().expect("addresses");
        let shown = format!("{servers} {servers:?} {}", serde_json::to_string(&servers).expect("JSON"));
        assert_eq!(servers.to_string(), "nats://***@a:4333,tls://***@b:4222,nats://c:4222");
        for secret in ["hunter2", "token99", "relay"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn the_first_login_holds_for_every_server() {
        let login = |given: &str| given.parse::<Servers>().expect("addresses").login();
        let text = |text: &str| text.to_owned();
        assert_eq!(login("a,b"), None);
        assert_eq!(login("a,nats://relay:p%40ss%2@b"), Some((text("relay"), Some(text("p@ss%2")))));
        assert_eq!(login("tls://t0ken@a,nats://u:p@b"), Some((text("t0ken"), None)));
    }

    #[test]
    fn an_address_of_something_else_is_refused() {
        for given in ["", "http://a", "ws://a", "nats://a,,nats://b", "nats://a:port"] {
            assert!(given.parse::<Servers>().is_err(), "{given}");
        }
    }

    #[test]
    fn pauses_grow_to_a_bound() {
        let pauses: Vec<u128> = [0, 1, 2, 3, 9, 10, usize::MAX].map(|attempt| pause(attempt).as_millis()).to_vec();
        assert_eq!(pauses, [0, 0, 10, 20, 1_280, 2_000, 2_000]);
    }
}
