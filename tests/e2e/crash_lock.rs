//! One directory, one process: the second is refused and the first does not notice.

use songhua_tests::{Sandbox, ServeOptions, submit};

#[tokio::test]
async fn a_second_server_on_the_same_directory_is_refused_and_the_first_goes_on() {
    let sandbox = Sandbox::start().await;
    let profile = std::fs::read(sandbox.data().join("profile.json")).unwrap();
    let refused = sandbox.refuse_to_serve(&ServeOptions::default());
    assert_eq!(refused.code, 1, "{refused:?}");
    let pid = sandbox.pid().to_string();
    assert!(refused.stderr.contains(&pid), "the process that has it is named ({pid}): {refused:?}");
    assert!(refused.stderr.contains(sandbox.data().to_str().unwrap()), "{refused:?}");
    assert_eq!(std::fs::read(sandbox.data().join("profile.json")).unwrap(), profile);
    let mut admin = sandbox.admin().await;
    admin.ingest.submit(submit(vec![songhua_tests::agency("drc", "发改委")])).await.unwrap();
}

#[tokio::test]
async fn a_lost_administrators_token_is_replaced_with_the_server_stopped() {
    let mut sandbox = Sandbox::start().await;
    let old = sandbox.admin_token();
    let refused = sandbox.run(&["admin", "token"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains(&sandbox.pid().to_string()), "{refused:?}");
    assert_eq!(sandbox.admin_token(), old, "nothing was written");
    assert_eq!(sandbox.run(&["admin", "status"]).code, 0);

    sandbox.terminate().await;
    std::fs::remove_file(sandbox.data().join("admin.token")).unwrap();
    let renewed = sandbox.run(&["admin", "token"]);
    assert_eq!(renewed.code, 0, "{renewed:?}");
    assert!(renewed.stdout.contains("admin.token") && !renewed.stdout.contains(&sandbox.admin_token()), "{renewed:?}");
    sandbox.serve().await;
    assert_ne!(sandbox.admin_token(), old);
    assert_eq!(sandbox.run(&["admin", "status"]).code, 0, "the new token works");
}

#[tokio::test]
async fn a_token_is_not_made_for_a_directory_that_is_none() {
    let sandbox = Sandbox::stopped(ServeOptions::default());
    let refused = sandbox.run(&["admin", "token"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(!sandbox.data().exists(), "a mistyped directory is not created");
}
