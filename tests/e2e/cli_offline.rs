//! The command line without a server: plan check, log check, configuration, completions, help.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use songhua_tests::{Output, Sandbox, ServeOptions, repository};

const SUMMARY: &str = "72 targets = 62 AT_LEAST, 4 MORE_THAN, 2 BETWEEN, 1 APPROXIMATELY, 1 FULL_COVERAGE, \
                       1 EXCEEDS_SERIES, 1 QUALITATIVE; 35 projects, 33 after merges";
const ADDRESS: &str = "SONGHUA_GRPC_ADDRESS";

fn offline() -> Sandbox {
    Sandbox::stopped(ServeOptions::default())
}

fn ok(output: Output) -> String {
    assert_eq!(output.code, 0, "{output:?}");
    output.stdout
}

#[test]
fn plan_check_prints_the_exact_summary_of_the_harbin_plan() {
    let text = ok(offline().run(&["plan", "check", "seeds/harbin-2022-2026"]));
    assert!(text.lines().any(|line| line == SUMMARY), "{text}");
    let json: Value =
        serde_json::from_str(&ok(offline().run(&["plan", "check", "seeds/harbin-2022-2026", "--json"]))).unwrap();
    assert!(json.is_object(), "{json}");
}

#[test]
fn plan_check_refuses_a_bad_folder_with_file_place_and_reason() {
    let sandbox = offline();
    let folder = sandbox.path("plan");
    fs::create_dir_all(&folder).unwrap();
    let good = repository().join("tests/fixtures/plans/qingshui-2025-2027");
    for entry in fs::read_dir(&good).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    let targets = fs::read_to_string(folder.join("targets.json")).unwrap();
    let faults = [
        ("unknown indicator", targets.replace("\"agri-talent\"", "\"agri-talents\""), "agri-talents"),
        ("number as float", targets.replace("\"value\": \"8.6\"", "\"value\": 8.6"), "value"),
        ("deadline after the plan", targets.replace("2027-06-30", "2029-06-30"), "effective_deadline"),
        ("not JSON", targets.replacen('{', "", 1), "targets.json"),
    ];
    for (what, text, word) in faults {
        assert_ne!(text, targets, "{what}");
        fs::write(folder.join("targets.json"), text).unwrap();
        let output = sandbox.run(&["plan", "check", folder.to_str().unwrap()]);
        assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{what}: {output:?}");
        assert!(output.stderr.contains("targets.json") && output.stderr.contains(word), "{what}: {}", output.stderr);
    }
    let nowhere = sandbox.run(&["plan", "check", "/nowhere"]);
    assert!(nowhere.code == 1 && nowhere.stderr.contains("/nowhere"), "{nowhere:?}");
}

#[tokio::test]
async fn check_reads_every_log_of_a_data_directory_and_finds_damage() {
    let mut sandbox = Sandbox::start().await;
    sandbox.terminate().await;
    let data = sandbox.data();
    let check = |json: bool| {
        let json: &[&str] = if json { &["--json"] } else { &[] };
        sandbox.run(&[&["check", data.to_str().unwrap()], json].concat())
    };
    let text = ok(check(false));
    assert_eq!(text.lines().filter(|line| line.contains("完好 ok")).count(), 2, "{text}");
    let logs: Value = serde_json::from_str(&ok(check(true))).unwrap();
    let records: Vec<_> = logs.as_array().unwrap().iter().map(|log| log["records"].as_u64().unwrap()).collect();
    assert!(records.first().is_some_and(|records| *records > 170), "{logs}");

    let segment = data.join("plans/harbin-2022-2026/log/00000000000000000001.seg");
    let mut bytes = fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(&segment, bytes).unwrap();
    let damaged = check(false);
    assert_eq!(damaged.code, 5, "{damaged:?}");
    assert!(damaged.stdout.contains("DAMAGED: position "), "{}", damaged.stdout);
    assert!(damaged.stderr.contains("1 of 2 logs damaged"), "{}", damaged.stderr);
    let empty = sandbox.run(&["check", "/nowhere"]);
    assert!(empty.code == 1 && empty.stderr.contains("/nowhere"), "{empty:?}");
}

#[test]
fn a_setting_comes_from_the_flag_then_the_environment_then_the_file_then_the_default() {
    let sandbox = offline();
    let file = sandbox.path("songhua.toml");
    fs::write(&file, "grpc_address = \"127.0.0.1:7003\"\nviews_cache_mib = 32\nlog_format = \"json\"\n").unwrap();
    let file = file.to_str().unwrap();
    let environment = (ADDRESS, "127.0.0.1:7002");
    let flag = ["--grpc-address", "127.0.0.1:7001"];
    let line = |arguments: &[&str], environment: &[(&str, &str)]| {
        let text = ok(sandbox.run_with(&[&["config"], arguments].concat(), environment));
        text.lines().find(|line| line.starts_with("grpc_address")).unwrap().to_owned()
    };
    let with_file = ["--config", file];
    let all = [&with_file[..], &flag].concat();
    assert_eq!(line(&all, &[environment]), "grpc_address = \"127.0.0.1:7001\"  # flag");
    assert_eq!(line(&with_file, &[environment]), "grpc_address = \"127.0.0.1:7002\"  # environment");
    assert_eq!(line(&with_file, &[]), "grpc_address = \"127.0.0.1:7003\"  # file");
    assert_eq!(line(&[], &[("SONGHUA_CONFIG", file)]), "grpc_address = \"127.0.0.1:7003\"  # file");
    assert_eq!(line(&[], &[]), "grpc_address = \"127.0.0.1:7400\"  # default");

    let environment = [("SONGHUA_PLAN_DIRS", "seeds/a,seeds/b"), ("SONGHUA_QUEUE_SUBMISSIONS_MAX", "9")];
    let text = ok(sandbox.run_with(&["config", "--config", file, "--data", "/srv/songhua", "--json"], &environment));
    let json: Value = serde_json::from_str(&text).unwrap();
    let shown = |key: &str| (json[key]["value"].clone(), json[key]["source"].as_str().unwrap().to_owned());
    assert_eq!(shown("data"), ("/srv/songhua".into(), "flag".to_owned()));
    assert_eq!(shown("plan"), (vec!["seeds/a", "seeds/b"].into(), "environment".to_owned()));
    assert_eq!(shown("queue_submissions_max"), (9.into(), "environment".to_owned()));
    assert_eq!(shown("views_cache_mib"), (32.into(), "file".to_owned()));
    assert_eq!(shown("log_format"), ("json".into(), "file".to_owned()));
    assert_eq!(shown("http_address"), ("127.0.0.1:7401".into(), "default".to_owned()));
    // The sandbox names its data directory in the environment.
    let text = ok(sandbox.run(&["config", "--json"]));
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["data"]["source"], "environment");
    assert_eq!(PathBuf::from(json["data"]["value"].as_str().unwrap()), sandbox.data());
}

#[test]
fn a_configuration_that_cannot_be_meant_is_refused_and_named() {
    let sandbox = offline();
    let file = sandbox.path("songhua.toml");
    let path = file.to_str().unwrap();
    for (text, word) in [
        ("grpc_adress = \"127.0.0.1:7003\"\n", "grpc_adress"),
        ("grpc_address = \"localhost\"\n", "grpc_address"),
        ("queue_submissions_max = 0\n", "queue_submissions_max"),
        ("tls_cert = \"cert.pem\"\n", "--tls-key"),
        ("grpc_address = \"0.0.0.0:7400\"\n", "--insecure"),
    ] {
        fs::write(&file, text).unwrap();
        for command in ["config", "serve"] {
            let output = sandbox.run(&[command, "--config", path]);
            assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{command} {text}: {output:?}");
            assert!(output.stderr.contains(word), "{word} in {}", output.stderr);
        }
    }
    fs::write(&file, "grpc_address = \"0.0.0.0:7400\"\ninsecure = true\n").unwrap();
    assert!(ok(sandbox.run(&["config", "--config", path])).contains("insecure = true  # file"));
    let missing = sandbox.run(&["config", "--config", "/nowhere/songhua.toml"]);
    assert!(missing.code == 1 && missing.stderr.contains("/nowhere/songhua.toml"), "{missing:?}");
    let environment = sandbox.run_with(&["config"], &[(ADDRESS, "here")]);
    assert_eq!(environment.code, 2, "{environment:?}");
    assert!(environment.stderr.contains("here") && environment.stderr.contains("--grpc-address"), "{environment:?}");
}

#[test]
fn completions_are_printed_for_each_shell() {
    let sandbox = offline();
    for (shell, begins) in [("bash", "_songhua()"), ("zsh", "#compdef songhua"), ("fish", "# Print an optspec")] {
        let text = ok(sandbox.run(&["completions", shell]));
        assert!(text.starts_with(begins), "{shell}: {}", text.lines().next().unwrap_or_default());
        for word in ["progress", "push", "views", "check", "completions"] {
            assert!(text.contains(word), "{word} in the completions of {shell}");
        }
    }
    assert_eq!(sandbox.run(&["completions", "tcsh"]).code, 2);
}

#[test]
fn help_tells_the_exit_codes_and_the_version_is_printed() {
    let sandbox = offline();
    let help = ok(sandbox.run(&["--help"]));
    for words in ["Exit codes: 0 done", "3 server not reachable", "4 some rows refused", "5 damage found", "退出码"]
    {
        assert!(help.contains(words), "{words} in {help}");
    }
    for command in ["serve", "config", "plan", "push", "progress", "views", "check", "admin", "completions"] {
        let text = ok(sandbox.run(&[command, "--help"]));
        assert!(text.contains("Usage: songhua "), "{text}");
    }
    assert!(ok(sandbox.run(&["--version"])).starts_with("songhua 0."));
    assert_eq!(sandbox.run(&[]).code, 2);
    assert_eq!(sandbox.run(&["dance"]).code, 2);
}
