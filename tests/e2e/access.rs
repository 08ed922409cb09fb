//! Who may do what: scopes of agencies, roles, grants for one plan, calls without a valid token.

use songhua_tests::pb::{self, Role};
use songhua_tests::{
    Client, PLAN, PLAN_ID, PushStream, Sandbox, ServeOptions, agency, call_raw, days_ago, dimension, http_get, many,
    reason, repository, stock, stream_raw, submit,
};
use tonic::{Code, Status};

const SECOND: &str = "qingshui-2025-2027";

/// Every method of the contract, from the protos: none can be forgotten.
fn methods() -> Vec<String> {
    let mut methods = Vec::new();
    for entry in std::fs::read_dir(repository().join("proto/songhua/v1")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let mut service = String::new();
        for line in text.lines() {
            let mut words = line.trim().split([' ', '(']);
            match (words.next(), words.next()) {
                (Some("service"), Some(name)) => service = name.to_owned(),
                (Some("rpc"), Some(name)) => methods.push(format!("/songhua.v1.{service}/{name}")),
                _ => {}
            }
        }
    }
    methods.extend(["/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"].map(str::to_owned));
    methods.push("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo".to_owned());
    methods.push("/no.such.Service/Method".to_owned());
    methods
}

async fn role(sandbox: &Sandbox, role: Role, agency: &str, plan: &str) -> Client {
    let (_, token) = sandbox.grant(role, agency, plan).await;
    sandbox.client(Some(&token)).await
}

async fn submitted(client: &Client, event: pb::EventInput) -> Result<u64, Status> {
    let answer = client.ingest.clone().submit(submit(vec![event])).await?;
    Ok(answer.into_inner().receipts[0].position)
}

#[tokio::test]
async fn an_agency_reports_in_its_own_circle_only() {
    let sandbox = Sandbox::start().await;
    let hit = sandbox.lead("hit", "circle-hit").await;
    let heu = sandbox.lead("heu", "circle-heu").await;
    let of_hit = stock("circle-hit", "tech-firms", days_ago(1), "331");
    let before = sandbox.durable().await;
    let refused = submitted(&heu, of_hit.clone()).await.unwrap_err();
    assert_eq!(reason(&refused, Code::PermissionDenied), "OUT_OF_SCOPE");
    assert!(refused.message().contains("heu") && refused.message().contains("circle-hit"), "{refused:?}");
    assert_eq!(sandbox.durable().await, before);
    submitted(&hit, of_hit.clone()).await.unwrap();
    // Correcting what another agency reported is out of scope as well.
    let corrected = songhua_tests::event(pb::event_input::Payload::MeasurementCorrected(pb::MeasurementCorrected {
        measurement: of_hit.event_id,
        figure: Some(pb::Figure { kind: Some(pb::figure::Kind::Value("1".into())) }),
        obs_status: 0,
        reason: "看错了".into(),
    }));
    let refused = submitted(&heu, corrected).await.unwrap_err();
    assert_eq!(reason(&refused, Code::PermissionDenied), "OUT_OF_SCOPE");
    // An agency that is registered nowhere has no scope at all.
    let stranger = role(&sandbox, Role::Agency, "stranger", "").await;
    let refused = submitted(&stranger, stock("circle-hit", "carriers", days_ago(1), "3")).await.unwrap_err();
    assert_eq!(reason(&refused, Code::PermissionDenied), "OUT_OF_SCOPE");
    // A dimension needs RESPONSIBLE at least, also for the right indicator.
    let refused =
        submitted(&heu, dimension("circle-hit", "carriers", "district=x", days_ago(1), "3")).await.unwrap_err();
    assert_eq!(reason(&refused, Code::PermissionDenied), "OUT_OF_SCOPE");
}

#[tokio::test]
async fn a_role_does_what_it_is_for_and_nothing_else() {
    let sandbox = Sandbox::start().await;
    let measurement = || stock("circle-hit", "tech-firms", days_ago(1), "331");
    for (name, agency_id) in [(Role::Reader, ""), (Role::Auditor, ""), (Role::Admin, "")] {
        let client = role(&sandbox, name, agency_id, "").await;
        let refused = submitted(&client, measurement()).await.unwrap_err();
        assert_eq!(reason(&refused, Code::PermissionDenied), "ROLE_NOT_ALLOWED", "{name:?} reported a figure");
    }
    let clerk = sandbox.lead("hit", "circle-hit").await;
    let refused = submitted(&clerk, agency("heu", "某校")).await.unwrap_err();
    assert_eq!(reason(&refused, Code::PermissionDenied), "ROLE_NOT_ALLOWED");
    for mut client in [clerk, role(&sandbox, Role::Reader, "", "").await, role(&sandbox, Role::Auditor, "", "").await] {
        let denied = |refused: Status| assert_eq!(reason(&refused, Code::PermissionDenied), "ROLE_NOT_ALLOWED");
        let grant = pb::GrantAccessRequest { principal: "me".into(), role: Role::Admin.into(), ..Default::default() };
        denied(client.admin.grant_access(grant).await.unwrap_err());
        denied(client.admin.list_grants(pb::ListGrantsRequest::default()).await.unwrap_err());
        let revoke = pb::RevokeAccessRequest { grant_id: uuid::Uuid::new_v4().to_string(), reason: "no".into() };
        denied(client.admin.revoke_access(revoke).await.unwrap_err());
        let rebuild = pb::RebuildViewsRequest { plan: PLAN_ID.into() };
        denied(client.admin.rebuild_views(rebuild).await.unwrap_err());
        let load = pb::LoadPlanRequest { plan: "mine".into(), ..Default::default() };
        denied(client.admin.load_plan(tokio_stream::iter([load])).await.unwrap_err());
        // What every role may.
        client.admin.get_status(pb::GetStatusRequest::default()).await.unwrap();
        client.progress.get_plan(pb::GetPlanRequest { name: PLAN.into(), as_of: None }).await.unwrap();
    }
}

#[tokio::test]
async fn no_method_of_any_service_answers_without_a_valid_token() {
    let sandbox = Sandbox::start().await;
    let mut admin = sandbox.admin().await;
    let (revoked_id, revoked) = sandbox.grant(Role::Admin, "", "").await;
    let revoke = pb::RevokeAccessRequest { grant_id: revoked_id, reason: "离岗".into() };
    admin.admin.revoke_access(revoke.clone()).await.unwrap();
    admin.admin.revoke_access(revoke).await.expect("revoking again is a no-op");
    let garbage = format!("songhua_{}", "0".repeat(64));
    let tokens = [
        (None, "TOKEN_MISSING"),
        (Some(""), "TOKEN_INVALID"),
        (Some("x"), "TOKEN_INVALID"),
        (Some(garbage.as_str()), "TOKEN_INVALID"),
        (Some(revoked.as_str()), "TOKEN_INVALID"),
    ];
    let methods = methods();
    assert!(methods.len() > 20, "{methods:?}");
    for (token, expected) in tokens {
        let client = sandbox.client(token).await;
        for method in &methods {
            let status = call_raw(&client, method, Vec::new()).await.unwrap_err();
            assert_eq!(reason(&status, Code::Unauthenticated), expected, "{method}");
        }
    }
}

#[tokio::test]
async fn health_and_reflection_answer_whoever_has_a_token() {
    let sandbox = Sandbox::start().await;
    let reader = role(&sandbox, Role::Reader, "", "").await;
    for service in ["songhua.v1.IngestService", "songhua.v1.ProgressService", "songhua.v1.AdminService", ""] {
        let request = [&[0x0a, service.len() as u8], service.as_bytes()].concat();
        let answer = call_raw(&reader, "/grpc.health.v1.Health/Check", request).await.unwrap();
        assert_eq!(answer, [0x08, 1], "{service:?} is SERVING");
    }
    // list_services = "*"
    let method = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    let mut answers = stream_raw(&reader, method, vec![vec![0x3a, 1, b'*']]).await.unwrap();
    let listed = String::from_utf8_lossy(&answers.message().await.unwrap().unwrap()).into_owned();
    for service in ["songhua.v1.IngestService", "songhua.v1.ProgressService", "songhua.v1.AdminService"] {
        assert!(listed.contains(service), "{listed}");
    }
}

#[tokio::test]
async fn http_answers_health_without_a_token_and_nothing_else() {
    let sandbox = Sandbox::start().await;
    let get = |path: &'static str| {
        let address = sandbox.http().to_owned();
        async move { tokio::task::spawn_blocking(move || http_get(&address, path)).await.unwrap() }
    };
    assert_eq!(get("/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(get("/readyz").await, (200, "ready\n".to_owned()));
    for path in ["/plans", "/admin.token", "/../admin.token", "/profile.json", "/healthz/x"] {
        let (status, body) = get(path).await;
        assert_eq!((status, body.as_str()), (404, ""), "{path}");
    }
    assert_eq!((get("/metrics").await.0, get("/").await.0), (401, 401));
}

#[tokio::test]
async fn a_token_that_expires_stops_at_its_time() {
    let sandbox = Sandbox::start().await;
    let expires = jiff::Timestamp::now() + jiff::SignedDuration::from_millis(2_500);
    let out = sandbox.path("brief.token");
    let arguments = ["admin", "grant", "--principal", "guest", "--role", "reader", "--expires", &expires.to_string()];
    let granted = sandbox.run(&[&arguments[..], &["--out", out.to_str().unwrap()]].concat());
    assert_eq!(granted.code, 0, "{granted:?}");
    let token = std::fs::read_to_string(out).unwrap();
    let mut guest = sandbox.client(Some(token.trim())).await;
    let request = || pb::GetPlanRequest { name: PLAN.into(), as_of: None };
    guest.progress.get_plan(request()).await.unwrap();
    // Nothing but time can make it expire.
    tokio::time::sleep(expires.duration_since(jiff::Timestamp::now()).try_into().unwrap_or_default()).await;
    let refused = guest.progress.get_plan(request()).await.unwrap_err();
    assert_eq!(reason(&refused, Code::Unauthenticated), "TOKEN_INVALID");
}

#[tokio::test]
async fn a_grant_that_is_revoked_ends_a_stream_at_its_next_submission() {
    let sandbox = Sandbox::start().await;
    sandbox.lead_of_all("drc").await;
    let (grant_id, token) = sandbox.grant(Role::Agency, "drc", "").await;
    let clerk = sandbox.client(Some(&token)).await;
    let mut stream = PushStream::open(&clerk).await.unwrap();
    let mut events = many(3).into_iter();
    stream.send(submit(vec![events.next().unwrap()])).await;
    let (_, first) = stream.answer().await.unwrap().unwrap();
    let position = first.unwrap()[0].position;
    let revoked = sandbox.run(&["admin", "revoke", &grant_id, "--reason", "令牌泄露"]);
    assert_eq!(revoked.code, 0, "{revoked:?}");
    for event in events {
        stream.send(submit(vec![event])).await;
        let (_, answer) = stream.answer().await.unwrap().unwrap();
        assert_eq!(reason(&answer.unwrap_err(), Code::Unauthenticated), "TOKEN_INVALID");
    }
    assert_eq!(sandbox.durable().await, position);
    let listed = sandbox.run(&["--json", "admin", "grants"]);
    assert!(listed.stdout.contains(&grant_id) && listed.stdout.contains("revokeTime"), "{listed:?}");
    assert!(!listed.stdout.contains(&token), "a token is shown once");
}

#[tokio::test]
async fn a_grant_for_one_plan_knows_of_no_other() {
    let plans = vec!["seeds/harbin-2022-2026".into(), format!("tests/fixtures/plans/{SECOND}")];
    let sandbox = Sandbox::start_with(ServeOptions { plans, ..Default::default() }).await;
    for name in [Role::Reader, Role::Admin] {
        let mut client = role(&sandbox, name, "", SECOND).await;
        let plan = |id: &str| pb::GetPlanRequest { name: format!("plans/{id}"), as_of: None };
        client.progress.get_plan(plan(SECOND)).await.unwrap();
        let missing = client.progress.get_plan(plan("atlantis")).await.unwrap_err();
        let hidden = client.progress.get_plan(plan(PLAN_ID)).await.unwrap_err();
        assert_eq!(reason(&hidden, Code::NotFound), "PLAN_NOT_FOUND");
        assert_eq!(
            hidden.message().replace(PLAN_ID, "*"),
            missing.message().replace("atlantis", "*"),
            "a hidden plan is answered like one that does not exist"
        );
        let status = client.admin.get_status(pb::GetStatusRequest::default()).await.unwrap().into_inner();
        assert_eq!(status.plans.iter().map(|plan| plan.plan.as_str()).collect::<Vec<_>>(), [SECOND]);
        let request = pb::GetStatusRequest { plan: PLAN_ID.into(), views_digest: false };
        let hidden = client.admin.get_status(request).await.unwrap_err();
        assert_eq!(reason(&hidden, Code::NotFound), "PLAN_NOT_FOUND");
    }
    let mut office = role(&sandbox, Role::Admin, "", SECOND).await;
    let refused = submitted(&office, agency("heu", "某校")).await.unwrap_err();
    assert_eq!(reason(&refused, Code::NotFound), "PLAN_NOT_FOUND");
    let own = pb::SubmitRequest { parent: format!("plans/{SECOND}"), ..submit(vec![agency("heu", "某校")]) };
    office.ingest.submit(own).await.unwrap();
    let grant = pb::GrantAccessRequest { principal: "me".into(), role: Role::Admin.into(), ..Default::default() };
    assert!(office.admin.grant_access(grant).await.is_err(), "it does not administer the deployment");
}
