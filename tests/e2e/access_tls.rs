//! TLS: the command line through the profile, clients without TLS, and configurations that are refused at start.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use songhua_tests::{Client, Sandbox, ServeOptions, many, submit};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

/// PEM files of a server that signed its own certificate.
struct OwnSigned {
    cert: String,
    key: String,
    pem: String,
}

fn own_signed(sandbox: &Sandbox, name: &str) -> OwnSigned {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let pem = made.cert.pem();
    let cert = sandbox.write(&format!("{name}.pem"), &pem);
    let key = sandbox.write(&format!("{name}.key"), &made.signing_key.serialize_pem());
    OwnSigned { cert, key, pem }
}

fn tls(cert: &str, key: &str) -> ServeOptions {
    ServeOptions::with(&["--tls-cert", cert, "--tls-key", key])
}

/// A client that trusts one certificate.
async fn trusting(sandbox: &Sandbox, pem: &str, token: &str) -> Result<Client, tonic::transport::Error> {
    let port = sandbox.grpc_address().rsplit(':').next().unwrap();
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem));
    let endpoint = Endpoint::from_shared(format!("https://localhost:{port}")).unwrap().tls_config(tls).unwrap();
    Ok(Client::over(endpoint.connect().await?, Some(token)))
}

#[tokio::test]
async fn with_a_certificate_only_those_who_trust_it_are_served() {
    let files = Sandbox::stopped(ServeOptions::default());
    let own = own_signed(&files, "server");
    let sandbox = Sandbox::start_with(tls(&own.cert, &own.key)).await;
    let circles = sandbox.run(&["progress", "circles"]);
    assert_eq!(circles.code, 0, "the profile names the certificate: {circles:?}");
    let profile = std::fs::read_to_string(sandbox.data().join("profile.json")).unwrap();
    assert!(profile.contains("https://") && profile.contains(&own.cert), "{profile}");

    let mut admin = trusting(&sandbox, &own.pem, &sandbox.admin_token()).await.unwrap();
    let agency = songhua_tests::agency("drc", "发改委");
    admin.ingest.submit(submit(vec![agency])).await.unwrap();
    let stranger = own_signed(&files, "stranger");
    assert!(trusting(&sandbox, &stranger.pem, &sandbox.admin_token()).await.is_err(), "another certificate");
    let plain = Endpoint::from_shared(sandbox.grpc().to_owned()).unwrap().connect().await;
    if let Ok(channel) = plain {
        let mut client = Client::over(channel, Some(&sandbox.admin_token()));
        assert!(client.ingest.submit(submit(many(1))).await.is_err(), "a client without TLS is not served");
    }
    let token = sandbox.data().join("admin.token");
    let plain = ["--server", sandbox.grpc(), "--token-file", token.to_str().unwrap(), "progress", "circles"];
    let plain = sandbox.run(&plain);
    assert_eq!(plain.code, 3, "{plain:?}");
    assert!(plain.stderr.contains("https://"), "says what to try: {plain:?}");
    let other = sandbox.run(&["--ca-file", &stranger.cert, "progress", "circles"]);
    assert_eq!(other.code, 3, "{other:?}");
}

#[tokio::test]
async fn a_chain_up_to_the_citys_own_authority_works_through_the_profile() {
    let files = Sandbox::stopped(ServeOptions::default());
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let chain = files.write("chain.pem", &format!("{}{}", server.pem(), authority.pem()));
    let key = files.write("server.key", &key.serialize_pem());
    let sandbox = Sandbox::start_with(tls(&chain, &key)).await;
    let circles = sandbox.run(&["progress", "circles"]);
    assert_eq!(circles.code, 0, "{circles:?}");
    let root = files.write("root.pem", &authority.pem());
    let circles = sandbox.run(&["--ca-file", &root, "progress", "circles"]);
    assert_eq!(circles.code, 0, "{circles:?}");
}

#[tokio::test]
async fn tls_that_cannot_work_is_refused_at_start_by_name() {
    let sandbox = Sandbox::stopped(ServeOptions::default());
    let (own, other) = (own_signed(&sandbox, "server"), own_signed(&sandbox, "other"));
    let refused = sandbox.refuse_to_serve(&tls(&own.cert, &other.key));
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains(&own.cert) && refused.stderr.contains(&other.key), "{refused:?}");
    let garbage = sandbox.write("garbage.pem", "not a certificate");
    for (cert, key) in [(&garbage, &own.key), (&own.cert, &garbage)] {
        let refused = sandbox.refuse_to_serve(&tls(cert, key));
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.stderr.contains(&garbage), "{refused:?}");
    }
    let missing = sandbox.path("no-such.pem").to_str().unwrap().to_owned();
    let refused = sandbox.refuse_to_serve(&tls(&missing, &own.key));
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains(&missing), "{refused:?}");
    for half in [["--tls-cert", &own.cert], ["--tls-key", &own.key]] {
        let refused = sandbox.refuse_to_serve(&ServeOptions::with(&half));
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.stderr.contains("--tls-cert") && refused.stderr.contains("--tls-key"), "{refused:?}");
    }
    assert!(!refused.stderr.contains("panicked"), "{refused:?}");
}

#[tokio::test]
async fn an_address_beyond_this_machine_needs_tls_or_a_clear_word() {
    let everywhere =
        |arguments: &[&str]| ServeOptions { grpc_address: "0.0.0.0:0".to_owned(), ..ServeOptions::with(arguments) };
    let stopped = Sandbox::stopped(ServeOptions::default());
    let refused = stopped.refuse_to_serve(&everywhere(&[]));
    assert_eq!(refused.code, 1, "{refused:?}");
    for word in ["0.0.0.0", "--tls-cert", "--insecure"] {
        assert!(refused.stderr.contains(word), "{word}: {refused:?}");
    }
    assert!(!stopped.data().exists(), "nothing was created");
    let sandbox = Sandbox::start_with(everywhere(&["--insecure"])).await;
    let circles = sandbox.run(&["progress", "circles"]);
    assert_eq!(circles.code, 0, "the profile names an address that answers: {circles:?}");
    let own = own_signed(&stopped, "server");
    let sandbox = Sandbox::start_with(everywhere(&["--tls-cert", &own.cert, "--tls-key", &own.key])).await;
    let circles = sandbox.run(&["progress", "circles"]);
    assert_eq!(circles.code, 0, "{circles:?}");
}
