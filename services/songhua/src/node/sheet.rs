//! `GET /` of the HTTP door: the sheet of a plan, for a browser.
//!
//! Place in the flow: query → who, which plan, when → the answers of `ProgressService`, asked in this process, all at the
//! day and position of the first → `songhua_dashboard`. It must not know what is on the page.
//!
//! A browser asks for a user and a password: any user, the token is the password. Who may read progress may see the page.

use std::sync::Arc;

use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::civil::Date;
use metrics::counter;
use songhua_access::{Permission, Principal};
use songhua_dashboard::{Asked, Lang, PlanLink, Sheet, fault, plans, render};
use songhua_domain::id::PlanId;
use songhua_domain::vocabulary::Reason;
use songhua_progress::ProgressServer;
use songhua_wire::pb;
use songhua_wire::pb::progress_service_server::ProgressService;
use songhua_wire::status::refusal_from;
use songhua_wire::time::{date_to_pb, timestamp_to_pb};
use tonic::{Code, Request, Status};

use super::Node;
use super::auth::{Refusals, admit, bearer, credential};

/// How a refused look is noted.
const METHOD: &str = "GET /";
/// Nothing from elsewhere, no script, in no frame.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
                      form-action 'self'; frame-ancestors 'none'";
/// Asks a browser for the token.
const CHALLENGE: &str = "Basic realm=\"Songhua\", charset=\"UTF-8\"";

/// Answers a request for the sheet.
pub(super) async fn answer(
    node: &Node,
    progress: &Arc<ProgressServer>,
    refusals: &Refusals,
    headers: &HeaderMap,
    query: &str,
) -> Response {
    let read = read(query);
    let asked = read.as_ref().map_or_else(|(asked, _)| asked.clone(), |(asked, _)| asked.clone());
    let caller = match admit(node.system.directory(), token(headers).as_deref()) {
        Ok(caller) => caller,
        Err((error, digest)) => {
            note(refusals, error.reason(), &digest);
            let reasons = [
                format!("{} / {error}", error.message_zh()),
                "用户名任意，密码为令牌 / any user name, the token is the password".to_owned(),
            ];
            let page = fault(&asked, ("请登录", "Sign in"), &reasons);
            let mut response = html(StatusCode::UNAUTHORIZED, page);
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
            return response;
        }
    };
    let (asked, as_of) = match read {
        Ok(read) => read,
        Err((asked, reasons)) => {
            return html(StatusCode::BAD_REQUEST, fault(&asked, ("参数有误", "Mend the address"), &reasons));
        }
    };
    let asker = Asker { progress, caller: &caller };
    match asker.page(node, asked.clone(), as_of).await {
        Ok(page) => html(StatusCode::OK, page),
        Err(status) => refuse(refusals, &caller, &asked, &status),
    }
}

/// What of an address cannot be read, and what of it can.
type Unread = (Asked, Vec<String>);

/// Reads a query: what links keep, and when to look. What is empty is not asked for: forms send empty fields.
fn read(query: &str) -> Result<(Asked, pb::AsOf), Unread> {
    let (mut asked, mut as_of, mut faults) = (Asked::default(), pb::AsOf::default(), Vec::new());
    let mut seen = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()).filter(|(_, value)| !value.is_empty()) {
        if seen.contains(&name) {
            faults.push(format!("{name}: 只能给一次 / is given twice"));
        }
        let value = value.into_owned();
        let wrong = |hint: &str| format!("{name} = {value:?}: {hint}");
        match name.as_ref() {
            "plan" => asked.plan = Some(value),
            "lang" if value == "zh" => asked.lang = Lang::Zh,
            "lang" if value == "en" => asked.lang = Lang::En,
            "lang" => faults.push(wrong("zh 或 en / zh or en")),
            "valid_date" => match value.parse::<Date>() {
                Ok(date) => (asked.valid_date, as_of.valid_date) = (Some(value), Some(date_to_pb(date))),
                Err(_) => faults.push(wrong("日期如 2026-06-30 / a day, for example 2026-06-30")),
            },
            "known_position" => match value.parse::<u64>() {
                Ok(position) if position > 0 => {
                    asked.known_position = Some(position);
                    as_of.known = Some(pb::as_of::Known::KnownPosition(position));
                }
                _ => faults.push(wrong("位置为自 1 起的整数 / a position, a whole number from 1")),
            },
            "known_time" => match value.parse::<Timestamp>() {
                Ok(time) => {
                    as_of.known = Some(pb::as_of::Known::KnownTime(timestamp_to_pb(time)));
                    asked.known_time = Some(value);
                }
                Err(_) => faults.push(wrong(
                    "时间须含时区，如 2026-07-01T00:00:00+08:00（网址中 + 写作 %2B） / a time with its zone, in an address + is written %2B",
                )),
            },
            _ => faults.push(format!(
                "{name}: 未知参数 / no such parameter: plan, valid_date, known_position, known_time, lang"
            )),
        }
        seen.push(name);
    }
    if asked.known_time.is_some() && asked.known_position.is_some() {
        faults.push("known_position, known_time: 只能给一个 / only one of the two".to_owned());
    }
    if faults.is_empty() { Ok((asked, as_of)) } else { Err((asked, faults)) }
}

/// The token: of a bearer, or the password of a browser.
fn token(headers: &HeaderMap) -> Option<String> {
    if let Some(token) = bearer(headers) {
        return Some(token.to_owned());
    }
    let (scheme, encoded) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let basic = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(encoded.trim()))?.ok()?;
    let (_, password) = std::str::from_utf8(&basic).ok()?.split_once(':')?;
    Some(password.to_owned())
}

/// Asks in the name of a caller.
struct Asker<'a> {
    progress: &'a Arc<ProgressServer>,
    caller: &'a Principal,
}

impl Asker<'_> {
    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.extensions_mut().insert(self.caller.clone());
        request
    }

    /// The sheet of the plan that is asked for, or of the only one; else the plans to choose from.
    async fn page(&self, node: &Node, asked: Asked, as_of: pb::AsOf) -> Result<String, Status> {
        let visible = self.visible(node).await;
        let several = visible.len() > 1;
        let plan = match (&asked.plan, &visible[..]) {
            (Some(plan), _) => plan.clone(),
            (None, [only]) => only.plan.clone(),
            (None, []) => return Err(Status::not_found("尚无可见的方案 / there is no plan that you may see")),
            (None, _) => return Ok(plans(&asked, &visible)),
        };
        self.sheet(&format!("plans/{plan}"), &asked, as_of, several).await
    }

    /// The plans that the caller may read. One whose views are catching up has no title yet.
    async fn visible(&self, node: &Node) -> Vec<PlanLink> {
        let mut visible = Vec::new();
        let allowed = |plan: &PlanId| self.caller.require(Permission::ReadProgress, Some(plan)).is_ok();
        for plan in node.hosted_plans().await.into_iter().filter(allowed) {
            let request = pb::GetPlanRequest { name: format!("plans/{plan}"), as_of: None };
            let link = |title, simulated| PlanLink { plan: plan.to_string(), title, simulated };
            match self.progress.get_plan(self.request(request)).await {
                Ok(answer) => {
                    let pb::GetPlanResponse { plan, state } = answer.into_inner();
                    visible.push(link(plan.and_then(|plan| plan.title), state.is_some_and(|state| state.simulated)));
                }
                Err(status) if status.code() == Code::Unavailable => visible.push(link(None, false)),
                // Not published yet: nothing to look at.
                Err(_) => {}
            }
        }
        visible
    }

    /// Asks for everything on the sheet, at the day and position of the first answer.
    async fn sheet(&self, plan: &str, asked: &Asked, as_of: pb::AsOf, several: bool) -> Result<String, Status> {
        let name = plan.to_owned();
        let request = self.request(pb::GetOverviewRequest { name: name.clone(), as_of: Some(as_of) });
        let overview = self.progress.get_overview(request).await?.into_inner();
        let state = overview.state.clone().unwrap_or_default();
        let known = Some(pb::as_of::Known::KnownPosition(state.known_position));
        let as_of = Some(pb::AsOf { valid_date: state.valid_date, known, min_position: 0 });
        let request = self.request(pb::GetPlanRequest { name: name.clone(), as_of });
        let plan = self.progress.get_plan(request).await?.into_inner().plan.unwrap_or_default();
        let request = self.request(pb::GetMatrixRequest { name: name.clone(), as_of, ..Default::default() });
        let matrix = self.progress.get_matrix(request).await?.into_inner();
        let indicators = self.indicators(&name, as_of).await?;
        let sheet = Sheet { asked, plan: &plan, overview: &overview, matrix: &matrix, indicators: &indicators };
        Ok(render(&sheet, several))
    }

    async fn indicators(&self, parent: &str, as_of: Option<pb::AsOf>) -> Result<Vec<pb::Indicator>, Status> {
        let (mut indicators, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = pb::ListIndicatorsRequest {
                parent: parent.to_owned(),
                page_size: 1_000,
                page_token,
                filter: String::new(),
                as_of,
            };
            let page = self.progress.list_indicators(self.request(request)).await?.into_inner();
            indicators.extend(page.indicators);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(indicators);
            }
        }
    }
}

/// A page that says why, with the code that a browser knows.
fn refuse(refusals: &Refusals, caller: &Principal, asked: &Asked, status: &Status) -> Response {
    let (code, title) = match status.code() {
        Code::InvalidArgument | Code::OutOfRange | Code::FailedPrecondition => {
            (StatusCode::BAD_REQUEST, ("参数有误", "Mend the address"))
        }
        Code::NotFound => (StatusCode::NOT_FOUND, ("没有内容", "Nothing to show")),
        Code::PermissionDenied => (StatusCode::FORBIDDEN, ("无权查看", "Not for this token")),
        Code::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, ("请稍候", "Wait a moment")),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, ("服务出错", "The server failed")),
    };
    let refusal = refusal_from(status);
    if code == StatusCode::FORBIDDEN {
        let reason = refusal.as_ref().map_or(Reason::RoleNotAllowed, |refusal| refusal.reason);
        note(refusals, reason, &caller.credential_digest);
    }
    if code == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!(method = METHOD, error = status.message(), "the sheet could not be made");
    }
    let reason = match refusal {
        Some(refusal) if !refusal.message_zh.is_empty() => format!("{} / {}", refusal.message_zh, refusal.message),
        _ => status.message().to_owned(),
    };
    let mut response = html(code, fault(asked, title, &[reason]));
    if code == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
    }
    response
}

fn note(refusals: &Refusals, reason: Reason, digest: &[u8; 32]) {
    refusals.note(METHOD, reason, *digest);
    counter!("songhua_refusals_total", "reason" => reason.code()).increment(1);
    tracing::info!(method = METHOD, reason = reason.code(), credential = credential(digest), "call refused");
}

fn html(code: StatusCode, page: String) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    (code, headers, page).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_whole_or_every_fault_of_it_is_told() {
        let (asked, as_of) =
            read("plan=harbin&valid_date=2026-06-30&known_time=2026-07-01T00%3A00%3A00%2B08%3A00&lang=en").unwrap();
        assert_eq!((asked.plan.as_deref(), asked.lang), (Some("harbin"), Lang::En));
        assert_eq!(as_of.valid_date, Some(date_to_pb("2026-06-30".parse().unwrap())));
        let known = timestamp_to_pb("2026-06-30T16:00:00Z".parse().unwrap());
        assert_eq!(as_of.known, Some(pb::as_of::Known::KnownTime(known)));
        assert_eq!(read("valid_date=&known_position=").unwrap(), (Asked::default(), pb::AsOf::default()));
        let bad = [
            ("valid_date=2026-02-30", "valid_date"),
            ("known_position=0", "known_position"),
            ("known_position=-1", "known_position"),
            ("known_time=2026-07-01", "known_time"),
            ("lang=fr", "lang"),
            ("date=2026-06-30", "date"),
            ("lang=zh&lang=en", "lang"),
            ("known_position=1&known_time=2026-07-01T00:00:00Z", "known_position"),
        ];
        for (query, name) in bad {
            let (_, faults) = read(query).unwrap_err();
            assert!(faults.len() == 1 && faults[0].starts_with(name), "{query}: {faults:?}");
        }
        assert_eq!(read("lang=fr&known_position=x&a=1").unwrap_err().1.len(), 3);
    }

    #[test]
    fn a_token_comes_as_a_bearer_or_as_the_password_of_a_browser() {
        let of = |value: &str| token(&HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(value).unwrap())]));
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert_eq!(of("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(of(&basic("anybody:abc")).as_deref(), Some("abc"));
        assert_eq!(of(&basic("市长:a:b").replace("Basic", "basic")).as_deref(), Some("a:b"));
        for bad in ["Basic", "Basic !!!", &basic("no colon"), "Digest abc"] {
            assert_eq!(of(bad), None, "{bad}");
        }
        assert_eq!(token(&HeaderMap::new()), None);
    }
}
