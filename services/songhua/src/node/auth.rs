//! The authentication layer: turns a bearer token into a [`Principal`] in front of every gRPC method, and notes
//! refused attempts for the system log.
//!
//! It must not know what a method does: each service asks the principal for its permission.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use jiff::Timestamp;
use songhua_access::{AccessError, Directory, Principal, digest_of};
use songhua_domain::event::AttemptRefused;
use songhua_domain::vocabulary::Reason;
use songhua_ingest::from_access;
use songhua_wire::status::{refusal_from, unreadable};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, Request, Response, header};
use tower::{Layer, Service};

use super::hex;

/// Most distinct attempts remembered between two writes; further ones are counted together, for each reason: whoever
/// makes up methods and tokens fills neither memory nor the system log.
const ATTEMPTS_MAX: usize = 1_024;
/// Stands for the methods of attempts beyond that.
const OTHERS: &str = "*";

/// A kind of attempt: method, reason, credential digest.
type Attempt = (String, Reason, [u8; 32]);

/// Refused attempts since the last write, counted.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<HashMap<Attempt, u32>>);

impl Refusals {
    pub(super) fn note(&self, method: &str, reason: Reason, credential_digest: [u8; 32]) {
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = (method.chars().take(128).collect(), reason, credential_digest);
        let full = attempts.len() >= ATTEMPTS_MAX && !attempts.contains_key(&known);
        let key = if full { (OTHERS.to_owned(), reason, [0; 32]) } else { known };
        let count = attempts.entry(key).or_insert(0);
        *count = count.saturating_add(1);
    }

    /// Takes what was noted, in a fixed order.
    pub(crate) fn take(&self) -> Vec<AttemptRefused> {
        let taken = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut attempts: Vec<_> = taken
            .into_iter()
            .map(|((method, reason, credential_digest), count)| AttemptRefused {
                method,
                reason: reason.code().to_owned(),
                credential_digest,
                count,
            })
            .collect();
        attempts.sort_unstable_by(|one, other| (&one.method, &one.reason).cmp(&(&other.method, &other.reason)));
        attempts
    }
}

/// Puts authentication in front of a gRPC server.
#[derive(Clone)]
pub(crate) struct AuthLayer {
    /// Who has which token.
    pub directory: Arc<Directory>,
    /// Where refused attempts are noted.
    pub refusals: Arc<Refusals>,
}

impl<S> Layer<S> for AuthLayer {
    type Service = Auth<S>;
    fn layer(&self, inner: S) -> Auth<S> {
        Auth { inner, layer: self.clone() }
    }
}

/// See [`AuthLayer`].
#[derive(Clone)]
pub(crate) struct Auth<S> {
    inner: S,
    layer: AuthLayer,
}

/// Who made a call, as an answer carries it to the layer around this one.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    principal: Option<String>,
    credential_digest: [u8; 32],
}

impl Caller {
    /// For a line of the server's own log: the name and the [`credential`].
    pub(super) fn words(&self) -> (String, String) {
        (self.principal.clone().unwrap_or_default(), credential(&self.credential_digest))
    }
}

/// How a line of the server's own log tells credentials apart: the begin of the digest, never a token; empty = none came.
pub(super) fn credential(digest: &[u8; 32]) -> String {
    if *digest == [0; 32] { String::new() } else { hex(&digest[..4]) }
}

/// Finds who presents the bearer token in `headers`; if nobody, why, and the digest of what was presented.
pub(super) fn authenticate(directory: &Directory, headers: &HeaderMap) -> Result<Principal, (AccessError, [u8; 32])> {
    admit(directory, bearer(headers))
}

/// The bearer token in `headers`.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    text.strip_prefix("Bearer ").or_else(|| text.strip_prefix("bearer "))
}

/// Finds who presents `token`; if nobody, why, and the digest of what was presented.
pub(super) fn admit(directory: &Directory, token: Option<&str>) -> Result<Principal, (AccessError, [u8; 32])> {
    let token = token.ok_or((AccessError::TokenMissing, [0; 32]))?;
    let found = directory.authenticate(token.trim(), Timestamp::now());
    found.map_err(|error| (error, digest_of(token.trim())))
}

impl<S> Service<Request<Body>> for Auth<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let method = request.uri().path().to_owned();
        let refusals = Arc::clone(&self.layer.refusals);
        match authenticate(&self.layer.directory, request.headers()) {
            Err((error, digest)) => {
                refusals.note(&method, error.reason(), digest);
                let mut response = Status::from(*from_access(&error)).into_http();
                response.extensions_mut().insert(Caller { principal: None, credential_digest: digest });
                Box::pin(async move { Ok(response) })
            }
            Ok(principal) => {
                let digest = principal.credential_digest;
                let caller = Caller { principal: Some(principal.name.clone()), credential_digest: digest };
                request.extensions_mut().insert(principal);
                let answer = self.inner.call(request);
                Box::pin(async move {
                    let mut response = typed(answer.await?);
                    response.extensions_mut().insert(caller);
                    note_denied(&refusals, &method, digest, &response);
                    Ok(response)
                })
            }
        }
    }
}

/// What the transport refused before a method saw it gets a reason too.
fn typed(response: Response<Body>) -> Response<Body> {
    let status = Status::from_header_map(response.headers());
    match status.as_ref().and_then(unreadable) {
        Some(refusal) => Status::from(refusal).into_http(),
        None => response,
    }
}

/// A method that refused for want of a permission says so in its headers; ingest's rules do too.
fn note_denied(refusals: &Refusals, method: &str, digest: [u8; 32], response: &Response<Body>) {
    let Some(status) = Status::from_header_map(response.headers()) else { return };
    if status.code() == tonic::Code::PermissionDenied {
        let reason = refusal_from(&status).map_or(Reason::RoleNotAllowed, |refusal| refusal.reason);
        refusals.note(method, reason, digest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_methods_and_tokens_are_counted_together_beyond_a_bound() {
        let refusals = Refusals::default();
        for index in 0..5_000u32 {
            let mut digest = [0; 32];
            digest[..4].copy_from_slice(&index.to_le_bytes());
            refusals.note(&format!("/made.up/{index}"), Reason::TokenInvalid, digest);
        }
        let taken = refusals.take();
        assert_eq!(taken.len(), ATTEMPTS_MAX + 1);
        assert_eq!(taken.iter().map(|attempt| attempt.count).sum::<u32>(), 5_000);
        assert!(refusals.take().is_empty());
    }
}
