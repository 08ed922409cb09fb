//! Compiles `proto/` into Rust: messages and services (prost, tonic), proto3-JSON (pbjson), and the descriptor set.
//!
//! Place in the flow: runs before this crate is compiled; `src/generated.rs` includes what it writes. It must not need
//! a `protoc` on the machine: protox is the compiler.

use std::error::Error;
use std::path::{Path, PathBuf};

use prost::Message;

/// Where the contract lives, seen from this crate.
const PROTO_ROOT: &str = "../../proto";
/// The package of the contract, as a folder.
const PACKAGE: &str = "songhua/v1";
/// The well-known types, with their proto3-JSON form.
const WELL_KNOWN: (&str, &str) = (".google.protobuf", "::pbjson_types");

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={PROTO_ROOT}");
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let descriptors = protox::compile(proto_files()?, [PROTO_ROOT])?;

    // Comments become documentation in Rust, but reflection has no use for them.
    let mut bare = descriptors.clone();
    for file in &mut bare.file {
        file.source_code_info = None;
    }
    let bare = bare.encode_to_vec();
    std::fs::write(out.join("descriptors.bin"), &bare)?;

    pbjson_build::Builder::new().register_descriptors(&bare)?.extern_path(WELL_KNOWN.0, WELL_KNOWN.1).build(&[
        ".songhua.v1",
        ".google.type",
        ".google.rpc",
    ])?;
    tonic_prost_build::configure()
        .compile_well_known_types(true)
        // Records are passed on as they were read, without a copy.
        .bytes(".songhua.v1.ReplayRecord.data")
        .extern_path(WELL_KNOWN.0, WELL_KNOWN.1)
        .compile_fds(descriptors)?;
    Ok(())
}

/// Every proto file of the package, relative to the root, in a stable order.
fn proto_files() -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(Path::new(PROTO_ROOT).join(PACKAGE))? {
        let name = entry?.file_name();
        if Path::new(&name).extension().is_some_and(|extension| extension == "proto") {
            files.push(Path::new(PACKAGE).join(name));
        }
    }
    files.sort();
    Ok(files)
}
