//! The outermost gRPC layer: counts and times every call, and writes one line for each that was refused, failed or slow.
//!
//! ```text
//! CallsLayer ──▶ AuthLayer ──▶ service      span `call{method, trace_id, plan}` around everything that is logged meanwhile
//! ```
//! Made-up methods share one label, so that nobody can fill the memory with series. It must not know what a method does.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use http_body::{Frame, SizeHint};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use prost::Message;
use prost_types::FileDescriptorSet;
use songhua_wire::FILE_DESCRIPTOR_SET;
use songhua_wire::status::refusal_from;
use songhua_wire::trace::{TRACE_PARENT, TraceParent};
use tonic::body::Body;
use tonic::codegen::Bytes;
use tonic::codegen::http::{HeaderMap, Request, Response};
use tonic::{Code, Status};
use tower::{Layer, Service};
use tracing::{Instrument, Level, Span};

use super::auth::Caller;

/// A call whose answer took as long to begin is worth a line.
const SLOW: Duration = Duration::from_secs(1);
/// Label of methods that no service has.
const OTHER: &str = "other";
/// Most characters of a made-up method in a line.
const METHOD_CHARS_MAX: usize = 128;

/// Observes every call of a gRPC server.
#[derive(Clone)]
pub(super) struct CallsLayer(Arc<HashMap<String, Method>>);

/// The series of one method, looked up once.
#[derive(Clone)]
struct Method {
    label: Arc<str>,
    open: Gauge,
    seconds: Histogram,
    /// Of calls that went well: most do.
    ok: Arc<OnceLock<Counter>>,
}

impl CallsLayer {
    /// Knows the methods of every service of the contract, of health and of reflection.
    pub(super) fn new() -> Self {
        let sets =
            [FILE_DESCRIPTOR_SET, tonic_health::pb::FILE_DESCRIPTOR_SET, tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET];
        let paths = sets.into_iter().flat_map(paths).chain([OTHER.to_owned()]);
        Self(Arc::new(paths.map(|path| (path.clone(), Method::new(&path))).collect()))
    }

    fn method(&self, path: &str) -> Method {
        self.0.get(path).or_else(|| self.0.get(OTHER)).cloned().unwrap_or_else(|| Method::new(OTHER))
    }
}

impl Method {
    fn new(path: &str) -> Self {
        let label: Arc<str> = path.trim_start_matches('/').into();
        Self {
            open: gauge!("songhua_grpc_calls_open", "method" => Arc::clone(&label)),
            seconds: histogram!("songhua_grpc_answer_seconds", "method" => Arc::clone(&label)),
            ok: Arc::default(),
            label,
        }
    }

    fn count(&self, code: Code) {
        match code {
            Code::Ok => self.ok.get_or_init(|| self.calls(code)).increment(1),
            _ => self.calls(code).increment(1),
        }
    }

    fn calls(&self, code: Code) -> Counter {
        counter!("songhua_grpc_calls_total", "method" => Arc::clone(&self.label), "code" => name(code))
    }
}

/// `/package.Service/Method` of everything in a set.
fn paths(set: &[u8]) -> Vec<String> {
    let set = FileDescriptorSet::decode(set).unwrap_or_default();
    let mut paths = Vec::new();
    for file in &set.file {
        for service in &file.service {
            let of = |method: &str| format!("/{}.{}/{method}", file.package(), service.name());
            paths.extend(service.method.iter().map(|method| of(method.name())));
        }
    }
    paths
}

/// The name of a code as gRPC's documents write it.
const fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

impl<S> Layer<S> for CallsLayer {
    type Service = Calls<S>;
    fn layer(&self, inner: S) -> Calls<S> {
        Calls { inner, layer: self.clone() }
    }
}

/// See [`CallsLayer`].
#[derive(Clone)]
pub(super) struct Calls<S> {
    inner: S,
    layer: CallsLayer,
}

impl<S> Service<Request<Body>> for Calls<S>
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

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let path = request.uri().path();
        let call = Call::begin(self.layer.method(path), path, request.headers());
        let answer = self.inner.call(request).instrument(call.span.clone());
        Box::pin(async move { Ok(call.answered(answer.await?)) })
    }
}

/// A call under way. One that is dropped before its end was cut off: by the client, or because the server stops.
struct Call {
    method: Method,
    span: Span,
    begun: Instant,
    /// Until the answer began: all of a unary call, but not the life of a stream.
    took: Option<Duration>,
    caller: Option<Caller>,
    ended: bool,
}

impl Call {
    fn begin(method: Method, path: &str, headers: &HeaderMap) -> Self {
        let path: String = path.chars().take(METHOD_CHARS_MAX).collect();
        let none = tracing::field::Empty;
        // Of the highest level, so that no filter takes the context from a line that it lets through.
        let span = tracing::error_span!("call", method = path, trace_id = none, plan = none);
        if let Some(trace) = trace_of(headers) {
            span.record("trace_id", trace.trace_id());
        }
        method.open.increment(1);
        Self { method, span, begun: Instant::now(), took: None, caller: None, ended: false }
    }

    /// The answer has begun; if it says already how the call ended, that was all.
    fn answered(mut self, mut response: Response<Body>) -> Response<Body> {
        let took = self.begun.elapsed();
        self.method.seconds.record(took);
        self.took = Some(took);
        self.caller = response.extensions_mut().remove::<Caller>();
        match Status::from_header_map(response.headers()) {
            Some(status) => {
                self.end(&status);
                response
            }
            None => response.map(|body| Body::new(Watched { body, call: self })),
        }
    }

    fn end(&mut self, status: &Status) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        self.method.count(status.code());
        let reason = refusal_from(status).map(|refusal| refusal.reason.code());
        if let Some(reason) = reason {
            counter!("songhua_refusals_total", "reason" => reason).increment(1);
        }
        self.say(status, reason.unwrap_or_default());
    }

    fn say(&self, status: &Status, reason: &str) {
        let seconds = self.took.unwrap_or_else(|| self.begun.elapsed()).as_secs_f64();
        let words = || self.caller.as_ref().map_or_else(Default::default, Caller::words);
        let (code, detail) = (name(status.code()), status.message());
        let _context = self.span.enter();
        macro_rules! line {
            ($level:expr, $what:literal) => {
                // Most lines of calls are not wanted: then nothing is put into words.
                if tracing::enabled!($level) {
                    let (principal, credential) = words();
                    tracing::event!($level, code, reason, detail, principal, credential, seconds, $what)
                }
            };
        }
        match status.code() {
            Code::Ok if self.took.is_some_and(|took| took >= SLOW) => line!(Level::WARN, "slow call"),
            Code::Ok => line!(Level::DEBUG, "call"),
            Code::Cancelled => line!(Level::DEBUG, "call was cut off"),
            Code::Internal | Code::Unknown | Code::DataLoss => line!(Level::ERROR, "call failed"),
            Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded => line!(Level::WARN, "call refused"),
            _ => line!(Level::INFO, "call refused"),
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.end(&Status::cancelled(""));
        self.method.open.decrement(1);
    }
}

fn trace_of(headers: &HeaderMap) -> Option<TraceParent> {
    let mut values = headers.get_all(TRACE_PARENT).iter();
    let only = values.next().filter(|_| values.next().is_none())?;
    TraceParent::parse(only.to_str().ok()?)
}

/// A body whose end tells how the call ended.
struct Watched {
    body: Body,
    call: Call,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(status) = frame.trailers_ref().and_then(Status::from_header_map) {
                    self.call.end(&status);
                }
            }
            Some(Err(status)) => self.call.end(status),
            None => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Mutex, PoisonError};

    use super::*;

    /// What was logged while `run` ran.
    fn logged(run: impl FnOnce()) -> String {
        #[derive(Clone, Default)]
        struct Lines(Arc<Mutex<Vec<u8>>>);
        impl io::Write for Lines {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, run);
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    /// A call that began `ago` and is answered with `status`.
    fn answered(ago: Duration, status: Status) {
        let mut call = Call::begin(Method::new(OTHER), "/songhua.v1.AdminService/GetStatus", &HeaderMap::new());
        call.begun = Instant::now().checked_sub(ago).unwrap();
        drop(call.answered(status.into_http()));
    }

    #[test]
    fn a_slow_call_is_a_line_and_a_quick_one_is_not() {
        assert_eq!(logged(|| answered(Duration::ZERO, Status::new(Code::Ok, ""))), "");
        let line = logged(|| answered(SLOW, Status::new(Code::Ok, "")));
        assert_eq!(line.lines().count(), 1, "{line}");
        for part in ["WARN", "slow call", "AdminService/GetStatus", "\"seconds\":1."] {
            assert!(line.contains(part), "{part}: {line}");
        }
    }

    #[test]
    fn a_call_that_was_refused_and_slow_is_one_line() {
        let refusals = [(Code::NotFound, "INFO"), (Code::Unavailable, "WARN"), (Code::Internal, "ERROR")];
        for (code, level) in refusals {
            let line = logged(|| answered(SLOW, Status::new(code, "no")));
            assert_eq!(line.lines().count(), 1, "{line}");
            assert!(line.contains(level) && line.contains(name(code)) && line.contains("\"detail\":\"no\""), "{line}");
        }
    }

    #[test]
    fn every_method_of_the_contract_is_known_and_a_made_up_one_is_not() {
        let layer = CallsLayer::new();
        for known in ["/songhua.v1.IngestService/SubmitStream", "/grpc.health.v1.Health/Check"] {
            assert_eq!(*layer.method(known).label, known[1..]);
        }
        for made_up in ["/songhua.v1.IngestService/Steal", "", "/", "other", "/other"] {
            assert_eq!(&*layer.method(made_up).label, OTHER);
        }
    }
}
