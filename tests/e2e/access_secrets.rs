//! What is kept of tokens and attempts: files for their owner only, digests instead of tokens, refusals in the log.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use songhua_tests::pb::{self, Role};
use songhua_tests::{PLAN, Sandbox, call_raw, days_ago, http_get, many, push, stock, submit};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn files_with_secrets_are_for_their_owner_only() {
    let sandbox = Sandbox::start().await;
    assert_eq!(mode(&sandbox.data()), 0o700);
    for name in ["admin.token", "profile.json"] {
        assert_eq!(mode(&sandbox.data().join(name)), 0o600, "{name}");
    }
    let log = sandbox.server_log();
    assert!(log.contains("admin.token"), "the first start says where the token is: {log}");
    let out = sandbox.write("reader.token", "一个旧文件");
    std::fs::set_permissions(&out, std::fs::Permissions::from_mode(0o644)).unwrap();
    let granted = sandbox.run(&["admin", "grant", "--principal", "guest", "--role", "reader", "--out", &out]);
    assert_eq!(granted.code, 0, "{granted:?}");
    assert_eq!(mode(Path::new(&out)), 0o600, "also where another file was");
    let profile = std::fs::read_to_string(sandbox.data().join("profile.json")).unwrap();
    assert!(profile.contains("admin.token") && !profile.contains(&sandbox.admin_token()), "{profile}");
    let seen = sandbox.run(&["progress", "circles", "--token-file", &out]);
    assert_eq!(seen.code, 0, "{seen:?}");
}

#[tokio::test]
async fn a_token_stands_nowhere_but_in_its_file() {
    let mut sandbox = Sandbox::start().await;
    sandbox.lead_of_all("drc").await;
    let (_, clerk_token) = sandbox.grant(Role::Agency, "drc", "").await;
    let (revoked_id, revoked) = sandbox.grant(Role::Reader, "", "").await;
    let unknown = format!("songhua_{}", "5".repeat(64));
    let mut admin = sandbox.admin().await;
    let revoke = pb::RevokeAccessRequest { grant_id: revoked_id, reason: "离岗".into() };
    admin.admin.revoke_access(revoke).await.unwrap();
    let tokens = [sandbox.admin_token(), clerk_token.clone(), revoked, unknown];
    for token in &tokens {
        let client = sandbox.client(Some(token)).await;
        // Some are refused: attempts are kept too, but not what they came with.
        drop(call_raw(&client, "/songhua.v1.AdminService/ListGrants", Vec::new()).await);
        drop(push(&client, &[], 1).await);
    }
    let clerk = sandbox.client(Some(&clerk_token)).await;
    push(&clerk, &many(100), 10).await;
    let address = sandbox.http().to_owned();
    tokio::task::spawn_blocking(move || http_get(&address, "/readyz")).await.unwrap();
    sandbox.terminate().await;
    let log = sandbox.server_log();
    for token in &tokens {
        assert!(!log.contains(token), "a token stands in the server's log");
        for file in sandbox.files().iter().filter(|file| !file.ends_with("admin.token")) {
            assert!(!holds(&std::fs::read(file).unwrap(), token), "a token stands in {}", file.display());
        }
    }
}

#[tokio::test]
async fn refused_attempts_are_in_the_system_log_after_a_stop() {
    let mut sandbox = Sandbox::start().await;
    let mut clerk = sandbox.lead("hit", "circle-hit").await;
    let anonymous = sandbox.client(None).await;
    for _ in 0..50 {
        drop(call_raw(&anonymous, "/songhua.v1.AdminService/ListGrants", Vec::new()).await.unwrap_err());
    }
    let foreign = submit(vec![stock("circle-heu", "tech-firms", days_ago(1), "1")]);
    clerk.ingest.submit(foreign).await.unwrap_err();
    sandbox.terminate().await;
    let segments: Vec<_> =
        sandbox.files().into_iter().filter(|file| file.starts_with(sandbox.data().join("system"))).collect();
    let bytes: Vec<u8> = segments.iter().flat_map(|file| std::fs::read(file).unwrap()).collect();
    for text in
        ["/songhua.v1.AdminService/ListGrants", "TOKEN_MISSING", "/songhua.v1.IngestService/Submit", "OUT_OF_SCOPE"]
    {
        assert!(holds(&bytes, text), "{text} is not in the system log");
    }
    let checked = sandbox.run(&["check", sandbox.data().to_str().unwrap()]);
    assert_eq!(checked.code, 0, "{checked:?}");
    sandbox.serve().await;
}

#[tokio::test]
async fn an_event_is_its_agencys_whoever_pushes_it() {
    let sandbox = Sandbox::start().await;
    let mut clerk = sandbox.lead("hit", "circle-hit").await;
    // Another agency named in every text a client can write changes nothing.
    let event = pb::EventInput {
        comment: "agency: heu".into(),
        source_ref: "heu".into(),
        correlation_id: "agencies/heu".into(),
        ..stock("circle-hit", "tech-firms", days_ago(1), "331")
    };
    let receipt = clerk.ingest.submit(submit(vec![event])).await.unwrap().into_inner().receipts.remove(0);
    let as_of = Some(pb::AsOf { min_position: receipt.position, ..Default::default() });
    let request =
        pb::GetIndicatorRequest { name: format!("{PLAN}/indicators/tech-firms"), as_of, ..Default::default() };
    let history = clerk.progress.get_indicator(request).await.unwrap().into_inner().history;
    assert_eq!(history.iter().map(|seen| seen.agency.as_str()).collect::<Vec<_>>(), ["hit"]);
}
