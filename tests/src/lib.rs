//! The sandbox: starts the real binary on free ports and a directory of its own, and talks to it as a client would.
//!
//! It must not know anything inside the binary: only the public contract, the command line and the files that the
//! README names.

mod browser;
mod events;
pub mod load;
mod nats;
mod random;
mod raw;
mod sandbox;
mod small_disk;
mod tools;
mod world;

pub use browser::Browser;
pub use events::*;
pub use nats::{Nats, free_port};
pub use random::Random;
pub use raw::{call_raw, http_get, send_bytes, stream_raw};
pub use sandbox::{Client, Output, Sandbox, ServeOptions, Token, binary, repository};
pub use small_disk::{SmallDisk, fill, must_mount};
pub use songhua_wire::{google, pb};
pub use tools::{at_hand, nats_server, nats_server_version, pdf_pages, python};
pub use world::*;
