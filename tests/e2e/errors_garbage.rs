//! Bytes that are no gRPC at all: the server drops them and goes on.

use songhua_tests::{Sandbox, many, send_bytes, submit};

/// What an HTTP/2 client says first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes that look random and are the same every time.
fn noise(length: usize, mut seed: u64) -> Vec<u8> {
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}

#[tokio::test]
async fn a_server_survives_bytes_that_are_no_grpc() {
    let sandbox = Sandbox::start().await;
    let mut clerk = sandbox.lead_of_all("drc").await;
    let before = sandbox.durable().await;
    let framed = |frame: &[u8]| [PREFACE, frame].concat();
    let garbage = [
        noise(4_096, 7),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        framed(&noise(4_096, 11)),
        // A frame that says it is 16 MiB long; a DATA frame on a stream that is not open; HEADERS that cannot be unpacked.
        framed(&[0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]),
        framed(&[0, 0, 4, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4]),
        framed(&[0, 0, 4, 1, 5, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        Vec::new(),
    ];
    for address in [sandbox.grpc_address(), sandbox.http()] {
        for bytes in &garbage {
            let address = address.to_owned();
            let bytes = bytes.clone();
            tokio::task::spawn_blocking(move || send_bytes(&address, &bytes)).await.unwrap();
        }
    }
    // The connection from before and a new one both still work.
    clerk.ingest.submit(submit(many(1))).await.unwrap();
    assert_eq!(sandbox.durable().await, before + 1);
    let log = sandbox.server_log();
    assert!(!log.contains("panicked"), "{log}");
}
