//! The invariants of services/README.md that a test can check: who depends on whom, who may name what, what a file looks
//! like.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use songhua_tests::repository;

/// Crates that a crate may depend on, as services/README.md draws them.
fn map() -> BTreeMap<&'static str, Vec<&'static str>> {
    let below_2 = vec!["domain", "log", "catalog", "wire", "views", "access"];
    let below_3 = [below_2.clone(), vec!["ingest", "projector", "progress", "audit", "relay", "dashboard"]].concat();
    BTreeMap::from([
        ("domain", vec![]),
        ("log", vec![]),
        ("catalog", vec!["domain"]),
        ("wire", vec!["domain"]),
        ("access", vec!["domain"]),
        ("views", vec!["domain", "log"]),
        ("ingest", below_2.clone()),
        ("projector", below_2.clone()),
        ("progress", below_2.clone()),
        ("audit", below_2.clone()),
        ("relay", below_2.clone()),
        ("dashboard", below_2),
        ("songhua", below_3),
    ])
}

fn section<'a>(manifest: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let body = manifest.split_once(&format!("\n[{name}]\n")).map_or("", |(_, rest)| rest);
    body.split("\n[").next().unwrap_or("").lines()
}

fn files(directory: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            found.extend(files(&path, end));
        } else if name.ends_with(end) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn crates() -> Vec<(String, PathBuf)> {
    let services = repository().join("services");
    let directories = fs::read_dir(services).unwrap().map(|entry| entry.unwrap().path());
    directories
        .filter(|path| path.join("Cargo.toml").exists())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), path))
        .collect()
}

#[test]
fn crates_depend_one_way_as_the_map_draws_them() {
    let map = map();
    for (name, path) in crates() {
        let allowed: BTreeSet<_> =
            map.get(name.as_str()).unwrap_or_else(|| panic!("{name} is not on the map")).iter().copied().collect();
        let manifest = fs::read_to_string(path.join("Cargo.toml")).unwrap();
        for line in section(&manifest, "dependencies") {
            if let Some(other) = line.strip_prefix("songhua-").and_then(|rest| rest.split(['.', ' ']).next()) {
                assert!(allowed.contains(other), "{name} depends on {other}, against services/README.md");
            }
        }
    }
}

#[test]
fn only_views_names_sled_and_only_relay_names_nats() {
    for (name, path) in crates() {
        for file in files(&path, ".rs").into_iter().chain([path.join("Cargo.toml")]) {
            let text = fs::read_to_string(&file).unwrap();
            assert!(
                name == "views" || !text.contains("sled::") && !text.contains("\nsled"),
                "{} names sled",
                file.display()
            );
            assert!(name == "relay" || !text.contains("async_nats"), "{} names async_nats", file.display());
        }
    }
}

#[test]
fn only_wire_includes_generated_code() {
    for (name, path) in crates() {
        for file in files(&path, ".rs") {
            let text = fs::read_to_string(&file).unwrap();
            let generated = text.contains("include_proto") || text.contains("OUT_DIR");
            assert!(name == "wire" || !generated, "{} includes generated code", file.display());
        }
    }
}

#[test]
fn the_domain_knows_no_io_no_clock_no_protobuf_and_no_float() {
    let banned = [
        "std::fs",
        "std::net",
        "tokio",
        "prost",
        "f64",
        "f32",
        "SystemTime",
        "Timestamp::now",
        "HashMap",
        "HashSet",
        "async fn",
    ];
    for file in files(&repository().join("services/domain/src"), ".rs") {
        if file.to_string_lossy().contains("tests") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code.take_while(|line| !line.contains("#[cfg(test)]")) {
            for word in banned {
                assert!(!line.contains(word), "{} names {word}: {line}", file.display());
            }
        }
    }
}

#[test]
fn every_module_opens_with_its_purpose_and_stays_under_500_lines() {
    let root = repository();
    for directory in ["services", "tests"] {
        for file in files(&root.join(directory), ".rs") {
            let text = fs::read_to_string(&file).unwrap();
            assert!(text.starts_with("//!"), "{} does not open with //!", file.display());
            let lines = text.lines().count();
            assert!(lines <= 500, "{} has {lines} lines", file.display());
        }
    }
}

#[test]
fn the_visible_top_level_is_the_agreed_one() {
    let agreed = ["Cargo.lock", "Cargo.toml", "LICENSE", "README.md", "deploy", "proto", "seeds", "services", "tests"];
    let tracked = std::process::Command::new("git").current_dir(repository()).args(["ls-files"]).output().unwrap();
    let listing = String::from_utf8(tracked.stdout).unwrap();
    let visible: BTreeSet<_> =
        listing.lines().filter_map(|path| path.split('/').next()).filter(|name| !name.starts_with('.')).collect();
    assert_eq!(visible.into_iter().collect::<Vec<_>>(), agreed);
}

#[test]
fn protos_live_in_proto_only() {
    let outside: Vec<_> =
        ["services", "tests", "seeds"].iter().flat_map(|name| files(&repository().join(name), ".proto")).collect();
    assert!(outside.is_empty(), "{outside:?}");
}
