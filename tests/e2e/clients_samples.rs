//! The Go and Java samples of `tests/clients`: every name of the contract that they use exists, and where the toolchain is
//! at hand (always in the gate) they are compiled and run against the real server.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use prost::Message;
use prost_types::FileDescriptorSet;
use songhua_tests::{Output, Sandbox, at_hand, introduce, pb, python, repository, submit};

const GO: &str = "tests/clients/go/main.go";
const JAVA: &str = "tests/clients/java/Sample.java";
/// Variables of both samples that hold a service's stub.
const STUBS: [&str; 3] = ["ingest", "progress", "audit"];
/// Getters of Java's own libraries, and of `RetryInfo`.
const JAVA_OTHERS: [&str; 9] = [
    "getBytes",
    "getCode",
    "getDayOfMonth",
    "getDescription",
    "getInstance",
    "getMonthValue",
    "getRetryDelay",
    "getStatus",
    "getenv",
];
/// Where Debian keeps the sources of Go packages.
const GO_PACKAGES: &str = "/usr/share/gocode";
/// Where Debian keeps jars.
const JARS: &str = "/usr/share/java";
const JAR_NAMES: &str = "geronimo-annotation-1.3-spec grpc-api grpc-context grpc-core grpc-netty grpc-protobuf \
    grpc-protobuf-lite grpc-stub guava netty-buffer netty-codec netty-codec-http netty-codec-http2 netty-codec-socks \
    netty-common netty-handler netty-handler-proxy netty-resolver netty-transport netty-transport-native-unix-common \
    perfmark-api perfmark-impl protobuf";

/// A word of a program with the character before it and the one behind it.
struct Word<'a> {
    before: char,
    text: &'a str,
    after: char,
}

fn words(program: &str) -> Vec<Word<'_>> {
    let mut found = Vec::new();
    let mut rest = program;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (text, behind) = rest.split_at(if length == 0 { first.len_utf8() } else { length });
        if length > 0 {
            found.push(Word { before, text, after: behind.chars().next().unwrap_or(' ') });
        }
        before = text.chars().next_back().unwrap_or(' ');
        rest = behind;
    }
    found
}

/// The program's text without its comments.
fn program(path: &str) -> String {
    let text = std::fs::read_to_string(repository().join(path)).unwrap();
    text.lines().filter(|line| !line.trim_start().starts_with(['/', '*'])).map(|line| format!("{line}\n")).collect()
}

/// Names of the contract as generators for Go and Java spell them.
#[derive(Default)]
struct Names {
    messages: BTreeSet<String>,
    enums: BTreeSet<String>,
    values: BTreeSet<(String, String)>,
    services: BTreeSet<String>,
    rpcs: BTreeSet<String>,
    fields: BTreeSet<String>,
    choices: BTreeSet<(String, String)>,
}

impl Names {
    fn of_the_contract() -> Self {
        let mut names = Self::default();
        for file in FileDescriptorSet::decode(songhua_wire::FILE_DESCRIPTOR_SET).unwrap().file {
            for message in file.message_type {
                for field in &message.field {
                    names.fields.insert(pascal(field.name()));
                    if field.oneof_index.is_some() {
                        names.choices.insert((message.name().to_owned(), pascal(field.name())));
                    }
                }
                names.fields.extend(message.oneof_decl.iter().map(|choice| pascal(choice.name())));
                names.messages.insert(message.name().to_owned());
            }
            for listed in file.enum_type {
                let values = listed.value.iter().map(|value| (listed.name().to_owned(), value.name().to_owned()));
                names.values.extend(values);
                names.enums.insert(listed.name().to_owned());
            }
            for service in file.service {
                names.rpcs.extend(service.method.iter().map(|method| method.name().to_owned()));
                names.services.insert(service.name().to_owned());
            }
        }
        names
    }

    fn has_go_type(&self, name: &str) -> bool {
        let client = name.strip_prefix("New").unwrap_or(name).strip_suffix("Client");
        let pair = name.split_once('_').map(|(of, name)| (of.to_owned(), name.to_owned()));
        self.messages.contains(name)
            || self.enums.contains(name)
            || client.is_some_and(|service| self.services.contains(service))
            || pair.is_some_and(|pair| self.values.contains(&pair) || self.choices.contains(&pair))
    }

    fn has_java_type(&self, name: &str) -> bool {
        let service = name.strip_suffix("Grpc").is_some_and(|service| self.services.contains(service));
        self.messages.contains(name) || self.enums.contains(name) || service
    }

    fn has_java_accessor(&self, name: &str) -> bool {
        let field = &name[3..];
        let list = ["List", "Count"].iter().find_map(|end| field.strip_suffix(end)).unwrap_or(field);
        self.fields.contains(field) || self.fields.contains(list)
    }
}

fn pascal(name: &str) -> String {
    let mut upper = true;
    let mut out = String::new();
    for c in name.chars() {
        match (c, upper) {
            ('_', _) => upper = true,
            (_, true) => {
                out.push(c.to_ascii_uppercase());
                upper = false;
            }
            _ => out.push(c),
        }
    }
    out
}

#[test]
fn every_name_in_the_go_sample_is_in_the_contract() {
    let (names, text) = (Names::of_the_contract(), program(GO));
    let words = words(&text);
    let mut checked = 0;
    for pair in words.windows(2) {
        let (first, word) = (&pair[0], &pair[1]);
        let upper = word.text.starts_with(|c: char| c.is_ascii_uppercase());
        let right = match (first.text, word.before) {
            ("pb", '.') => names.has_go_type(word.text),
            (stub, '.') if STUBS.contains(&stub) => names.rpcs.contains(word.text),
            (_, '.') if word.text.starts_with("Get") && word.text != "Getenv" && word.after == '(' => {
                names.fields.contains(&word.text[3..]) || word.text == "GetRetryDelay"
            }
            (_, before) if before != '.' && upper && word.after == ':' => names.fields.contains(word.text),
            _ => continue,
        };
        assert!(right, "{GO}: {}.{} is not in the contract", first.text, word.text);
        checked += 1;
    }
    assert!(checked > 50, "{checked} names were found");
}

#[test]
fn every_name_in_the_java_sample_is_in_the_contract() {
    let (names, text) = (Names::of_the_contract(), program(JAVA));
    let mut checked = 0;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("import dev.songhua.v1.") {
            assert!(names.has_java_type(name.trim_end_matches(';')), "{JAVA}: {line}");
            checked += 1;
        }
    }
    let words = words(&text);
    for (at, word) in words.iter().enumerate().filter(|(_, word)| word.before == '.') {
        let first = words[at - 1].text;
        let accessor = ["get", "set", "add"].iter().any(|start| word.text.starts_with(start)) && word.after == '(';
        // `ingest.withDeadlineAfter(30, TimeUnit.SECONDS).submit(request)`
        let call = words[at.saturating_sub(5)..at].iter().any(|word| word.text == "withDeadlineAfter");
        let stub = STUBS.contains(&first) && word.after == '(' && word.text != "withDeadlineAfter";
        let value = word.text.chars().all(|c| !c.is_ascii_lowercase());
        let right = if names.enums.contains(first) && value {
            names.values.contains(&(first.to_owned(), word.text.to_owned()))
        } else if stub || call && word.after == '(' && word.text != "withDeadlineAfter" {
            names.rpcs.contains(&pascal(word.text))
        } else if accessor {
            names.has_java_accessor(word.text) || JAVA_OTHERS.contains(&word.text)
        } else {
            continue;
        };
        assert!(right, "{JAVA}: {first}.{} is not in the contract", word.text);
        checked += 1;
    }
    assert!(checked > 50, "{checked} names were found");
}

#[test]
fn the_check_of_names_finds_a_wrong_one() {
    let names = Names::of_the_contract();
    assert!(names.has_go_type("EventInput_MeasurementReported") && names.has_go_type("NewAuditServiceClient"));
    assert!(!names.has_go_type("EventInput_EventId") && !names.has_go_type("Basis_STOCK_AT"), "not spelt like that");
    assert!(names.has_java_accessor("getTargetsList") && !names.has_java_accessor("getTarget_"));
    assert!(names.has_java_type("IngestServiceGrpc") && !names.has_java_type("Submission"));
    assert!(!names.rpcs.contains("Push") && names.rpcs.contains("Replay"));
}

fn run(command: &mut Command) {
    let ran = Output::from(command.output().unwrap());
    assert_eq!(ran.code, 0, "{command:?}:\n{}{}", ran.stdout, ran.stderr);
}

/// `protoc` on the contract, and on what of Google's messages a sample needs.
fn protoc(arguments: &[String], googles: &[&str]) {
    let proto = repository().join("proto");
    let site = "import sysconfig; print(sysconfig.get_paths()['purelib'], end='')";
    let site = Output::from(Command::new(python()).args(["-c", site]).output().unwrap());
    let mut command = Command::new("protoc");
    command.arg("-I").arg(&proto).arg("-I").arg(site.stdout).args(arguments).args(googles);
    let protos = std::fs::read_dir(proto.join("songhua/v1")).unwrap();
    run(command.args(protos.map(|entry| entry.unwrap().path())));
}

/// Runs a sample twice for an agency: what it stored comes back as a duplicate, and the replay has what the receipt says.
async fn pushes_reads_and_replays(sample: impl Fn() -> Command) {
    let sandbox = Sandbox::start().await;
    let events = introduce("hit", pb::AssignmentRole::Lead, &[pb::scope::Kind::Area("circle-hit".to_owned())]);
    sandbox.admin().await.ingest.submit(submit(events)).await.unwrap();
    let (_, token) = sandbox.grant(pb::Role::Agency, "hit", "").await;
    let head = sandbox.durable().await;
    let ask = |token: &str| {
        let mut command = sample();
        command.env("SONGHUA_SERVER", sandbox.grpc_address()).env("SONGHUA_TOKEN", token).env_remove("SONGHUA_CA_FILE");
        Output::from(command.output().unwrap())
    };
    let mut stored = None;
    for duplicate in [false, true] {
        let said = ask(&token);
        assert_eq!(said.code, 0, "{said:?}");
        let at = said.stdout.split_once("stored at ").and_then(|(_, rest)| rest.split_once(", duplicate: "));
        let (position, rest) = at.unwrap_or_else(|| panic!("{said:?}"));
        let position: u64 = position.parse().unwrap();
        // A day may begin in front of it.
        assert!((head + 1..=head + 2).contains(&position) && rest.starts_with(&duplicate.to_string()), "{said:?}");
        assert_eq!(*stored.get_or_insert(position), position, "{said:?}");
        assert!(said.stdout.contains("哈尔滨工业大学") && said.stdout.contains("集聚科技型企业"), "{said:?}");
        assert!(said.stdout.contains("receipt found: true"), "{said:?}");
    }
    let refused = ask("nobody");
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("TOKEN_INVALID") && refused.stderr.contains("令牌"), "{refused:?}");
}

#[tokio::test]
async fn the_java_sample_compiles_and_works() {
    let jars: Vec<PathBuf> =
        JAR_NAMES.split_whitespace().map(|name| Path::new(JARS).join(format!("{name}.jar"))).collect();
    if !at_hand("the Java sample", &["javac", "java", "protoc", "grpc_java_plugin"], &jars) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (sources, classes) = (directory.path().join("sources"), directory.path().join("classes"));
    std::fs::create_dir(&sources).unwrap();
    let out = sources.display();
    let plugin = "--plugin=protoc-gen-grpc-java=/usr/bin/grpc_java_plugin".to_owned();
    let googles = ["google/type/date.proto", "google/rpc/status.proto", "google/rpc/error_details.proto"];
    protoc(&[format!("--java_out={out}"), plugin, format!("--grpc-java_out={out}")], &googles);
    let class_path = jars.iter().map(|jar| jar.display().to_string()).collect::<Vec<_>>().join(":");
    let mut javac = Command::new("javac");
    javac
        .args(["-nowarn", "-encoding", "UTF-8", "-cp", &class_path, "-d"])
        .arg(&classes)
        .arg("-sourcepath")
        .arg(&sources);
    run(javac.arg(repository().join(JAVA)));
    pushes_reads_and_replays(|| {
        let mut java = Command::new("java");
        java.args(["-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8", "-cp"]);
        java.arg(format!("{class_path}:{}", classes.display())).arg("Sample");
        java
    })
    .await;
}

#[tokio::test]
async fn the_go_sample_compiles_and_works() {
    // The second is of golang-github-golang-protobuf-1-5-dev: what is generated does not run with 1-3.
    let packages = ["google.golang.org/grpc", "github.com/golang/protobuf/proto/wire.go"];
    let packages = packages.map(|package| Path::new(GO_PACKAGES).join("src").join(package));
    if !at_hand("the Go sample", &["go", "protoc", "protoc-gen-go", "protoc-gen-go-grpc"], &packages) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (packages, sample) = (directory.path().join("src"), directory.path().join("sample"));
    std::fs::create_dir(&packages).unwrap();
    let out = packages.display();
    protoc(&[format!("--go_out={out}"), format!("--go-grpc_out={out}")], &[]);
    let path = format!("{}:{GO_PACKAGES}", directory.path().display());
    let mut go = Command::new("go");
    go.env("GO111MODULE", "off").env("GOPATH", path).env("GOFLAGS", "");
    run(go.args(["build", "-o"]).arg(&sample).arg(repository().join(GO)));
    pushes_reads_and_replays(|| Command::new(&sample)).await;
}
