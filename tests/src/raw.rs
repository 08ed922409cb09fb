//! Messages as plain bytes: for what no generated client would send.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use prost::bytes::{Buf, BufMut};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Request, Response, Status, Streaming};

use crate::Client;

/// Sends and receives messages as they are.
#[derive(Debug, Default, Clone, Copy)]
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;
    fn encoder(&mut self) -> Self {
        *self
    }
    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;
    fn encode(&mut self, item: Vec<u8>, target: &mut EncodeBuf<'_>) -> Result<(), Status> {
        target.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;
    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(source.copy_to_bytes(source.remaining()).to_vec()))
    }
}

fn path_of(path: &str) -> PathAndQuery {
    path.parse().expect("a path")
}

/// Calls `path`, for example `/songhua.v1.IngestService/Submit`, with `message` as its bytes.
///
/// # Errors
/// What the server answered.
pub async fn call_raw(client: &Client, path: &str, message: Vec<u8>) -> Result<Vec<u8>, Status> {
    let mut grpc = tonic::client::Grpc::new(client.channel.clone());
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let called = grpc.unary(Request::new(message), path_of(path), Bytes).await;
    called.map(Response::into_inner)
}

/// The same for a stream of messages in both directions.
///
/// # Errors
/// What the server answered before its stream began.
pub async fn stream_raw(client: &Client, path: &str, messages: Vec<Vec<u8>>) -> Result<Streaming<Vec<u8>>, Status> {
    let mut grpc = tonic::client::Grpc::new(client.channel.clone());
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let messages = Request::new(tokio_stream::iter(messages));
    grpc.streaming(messages, path_of(path), Bytes).await.map(Response::into_inner)
}

/// Writes bytes to a port and gives back what came, at most for a second.
pub fn send_bytes(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("the port is open");
    stream.set_read_timeout(Some(Duration::from_secs(1))).expect("a timeout can be set");
    let mut answer = Vec::new();
    // The server may close as soon as it sees what this is.
    if stream.write_all(bytes).is_ok() {
        drop(stream.read_to_end(&mut answer));
    }
    answer
}

/// `GET path` without any header: status and body.
pub fn http_get(address: &str, path: &str) -> (u16, String) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let answer = String::from_utf8_lossy(&send_bytes(address, request.as_bytes())).into_owned();
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("an HTTP status");
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned();
    (status, body)
}
