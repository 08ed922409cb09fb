//! The Python client of `tests/clients/python` against the real server, with stubs made from `proto/` as a user makes
//! them; and the descriptor set of `songhua descriptors`.

use std::path::{Path, PathBuf};
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use songhua_tests::{Output, Sandbox, ServeOptions, introduce, pb, python, repository, submit};

/// Makes Python stubs in `out`.
pub(crate) fn stubs(out: &Path) {
    let proto = repository().join("proto");
    std::fs::create_dir(out).unwrap();
    let mut protos: Vec<PathBuf> =
        std::fs::read_dir(proto.join("songhua/v1")).unwrap().map(|entry| entry.unwrap().path()).collect();
    protos.sort_unstable();
    let mut command = Command::new(python());
    command.args(["-m", "grpc_tools.protoc", "-I"]).arg(&proto).args(protos);
    let made =
        command.arg(format!("--python_out={}", out.display())).arg(format!("--grpc_python_out={}", out.display()));
    let made = Output::from(made.output().unwrap());
    assert_eq!(made.code, 0, "{made:?}");
}

/// Runs a scenario of `scenario.py` and wants it to end well.
fn scenario(sandbox: &Sandbox, name: &str, environment: &[(&str, &str)]) {
    let out = sandbox.path("stubs");
    stubs(&out);
    let mut command = Command::new(python());
    command.arg(repository().join("tests/clients/python/scenario.py")).arg(name);
    command.env("PYTHONPATH", out).env("PYTHONDONTWRITEBYTECODE", "1");
    let ran = command.env("SONGHUA_SERVER", sandbox.grpc_address()).envs(environment.iter().copied());
    let ran = Output::from(ran.output().unwrap());
    assert_eq!(ran.code, 0, "{name}:\n{}{}", ran.stdout, ran.stderr);
}

/// The same for an agency that answers for `circle-hit`, and an auditor.
async fn agency_scenario(name: &str) {
    let sandbox = Sandbox::start().await;
    let events = introduce("hit", pb::AssignmentRole::Lead, &[pb::scope::Kind::Area("circle-hit".to_owned())]);
    sandbox.admin().await.ingest.submit(submit(events)).await.unwrap();
    let (_, agency) = sandbox.grant(pb::Role::Agency, "hit", "").await;
    let (_, auditor) = sandbox.grant(pb::Role::Auditor, "", "").await;
    scenario(&sandbox, name, &[("SONGHUA_TOKEN", &agency), ("SONGHUA_AUDITOR_TOKEN", &auditor)]);
}

#[tokio::test]
async fn a_python_client_pushes_and_reads_what_it_pushed() {
    agency_scenario("push_and_read").await;
}

#[tokio::test]
async fn a_python_client_pipelines_submissions_and_sends_them_again() {
    agency_scenario("stream").await;
}

#[tokio::test]
async fn a_python_client_sees_why_it_is_refused_in_both_languages() {
    agency_scenario("refused").await;
}

#[tokio::test]
async fn a_python_client_replays_the_bytes_that_its_receipts_speak_of() {
    agency_scenario("replay").await;
}

#[tokio::test]
async fn a_python_client_follows_the_history_as_it_grows() {
    agency_scenario("follow").await;
}

#[tokio::test]
async fn a_python_client_is_told_of_a_change_of_status() {
    agency_scenario("watch").await;
}

#[tokio::test]
async fn a_python_client_trusts_the_citys_own_authority_and_no_other() {
    let files = Sandbox::stopped(ServeOptions::default());
    let authority = |name: &str| {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.distinguished_name.push(DnType::CommonName, name);
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap()
    };
    let (city, stranger) = (authority("city"), authority("stranger"));
    let key = KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let server = CertificateParams::new(names).unwrap().signed_by(&key, &city).unwrap();
    let chain = files.write("chain.pem", &format!("{}{}", server.pem(), city.pem()));
    let key = files.write("server.key", &key.serialize_pem());
    let (city, stranger) = (files.write("city.pem", &city.pem()), files.write("stranger.pem", &stranger.pem()));
    let sandbox = Sandbox::start_with(ServeOptions::with(&["--tls-cert", &chain, "--tls-key", &key])).await;
    let token = sandbox.admin_token();
    let settings = [("SONGHUA_TOKEN", &*token), ("SONGHUA_CA_FILE", &city), ("STRANGER_CA_FILE", &stranger)];
    scenario(&sandbox, "tls", &settings);
}

#[tokio::test]
async fn the_descriptor_set_is_whole_and_a_tool_needs_nothing_else() {
    let sandbox = Sandbox::start().await;
    let file = sandbox.path("songhua.binpb");
    let file = file.to_str().unwrap();
    let written = sandbox.run(&["descriptors", "--out", file]);
    assert_eq!(written.code, 0, "{written:?}");
    let piped = sandbox.command(&["descriptors"]).output().unwrap();
    assert_eq!(piped.stdout, std::fs::read(file).unwrap(), "the same through a pipe");
    assert_eq!(piped.stdout, songhua_wire::FILE_DESCRIPTOR_SET, "what reflection serves");
    let nowhere = sandbox.run(&["descriptors", "--out", &format!("{file}/no")]);
    assert_eq!(nowhere.code, 1, "{nowhere:?}");
    scenario(&sandbox, "descriptors", &[("SONGHUA_TOKEN", &sandbox.admin_token()), ("DESCRIPTORS", file)]);
}
