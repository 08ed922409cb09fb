//! What TLS and the relay cost ours: the same loads with each switched on, in turn with neither.

use std::fs;

use songhua_tests::{Nats, PLAN_ID, ServeOptions};
use tempfile::TempDir;

use crate::Settings;
use crate::appends::{STREAMS, UNARY, rest};
use crate::drive::Load;
use crate::ours::Ours;
use crate::table::{Side, print};

/// The relay has to come up behind each run: so many events a second are prepared, and a run ends with them.
const MOST: u64 = 150_000;

/// A second table.
pub(crate) async fn compare(settings: &Settings) {
    if !settings.wants("costs") {
        return;
    }
    let plan = [PLAN_ID.to_owned()];
    let certificates = Certificates::new();
    let nats = Nats::start();
    let tls = ["--tls-cert", &certificates.path("server.pem"), "--tls-key", &certificates.path("server.key")];
    let relay = ServeOptions::with(&["--nats-url", &nats.url()]);
    println!(
        "costs of ours, in turn; the relay to a nats-server with its defaults; there is no sealer yet to switch on"
    );
    for load in [UNARY[0], UNARY[2], UNARY[3], STREAMS[1]].map(|load| Load { most: load.most.min(MOST), ..load }) {
        let servers = [
            ("neither", Ours::start(ServeOptions::default()).await),
            ("TLS", Ours::start_with(ServeOptions::with(&tls), &plan, Some(certificates.ca.clone())).await),
            ("relay", Ours::start_with(relay.clone(), &plan, None).await),
        ];
        let mut sides: Vec<Side> = servers.iter().map(|(name, _)| Side::new(name)).collect();
        for _ in 0..settings.pairs {
            for (side, (_, server)) in sides.iter_mut().zip(&servers) {
                rest().await;
                side.runs.push(server.run(&load, settings.duration).await);
            }
        }
        print(&format!("{}: {}", load.name, load.shape()), &sides);
        let streams = nats.jetstream().await;
        for name in ["EVENTS", "PROGRESS"] {
            let stream = format!("SONGHUA_{name}_{PLAN_ID}");
            streams.delete_stream(&stream).await.unwrap_or_else(|error| panic!("{stream}: {error}"));
        }
    }
}

/// A certificate of this machine that signs itself.
struct Certificates {
    directory: TempDir,
    ca: String,
}

impl Certificates {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        let ca = made.cert.pem();
        fs::write(directory.path().join("server.pem"), &ca).expect("the certificate is written");
        fs::write(directory.path().join("server.key"), made.signing_key.serialize_pem()).expect("the key is written");
        Self { directory, ca }
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }
}
