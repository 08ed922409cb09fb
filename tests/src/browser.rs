//! A real browser, without a window: Chromium, driven by the DevTools protocol over its pipe.
//!
//! `CHROMIUM_BIN` names another one than those that Debian installs. A browser that cannot be started fails the test and
//! says how to help. Only where there is none outside the gate ([`Browser::is_at_hand`]) are its tests not tried.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::at_hand;

/// How long an answer or an event may take.
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// Where Debian puts a Chromium; the first is the lightest.
const PROGRAMS: [&str; 3] = ["chromium-headless-shell", "chromium", "google-chrome"];
const HELP: &str = "the tests of the sheet need Chromium and a Chinese font: \
                    apt-get install --no-install-recommends chromium-headless-shell fonts-wqy-microhei";

/// A browser with one page.
pub struct Browser {
    process: Child,
    commands: ChildStdin,
    answers: Receiver<Value>,
    session: Option<String>,
    calls: u64,
    password: String,
    /// What the browser told since the page was opened, with `method` and `params`.
    pub events: Vec<Value>,
    _profile: TempDir,
}

impl Browser {
    /// Whether there is one. Where there is none, says so; in the gate there must be.
    pub fn is_at_hand() -> bool {
        program().is_some() || at_hand(HELP, &PROGRAMS[..1], &[])
    }

    /// A page that knows `password` for any user, should it be asked; scripts do not run in it.
    ///
    /// # Panics
    /// There is no browser, or it does not start.
    pub fn start(password: &str) -> Self {
        let profile = tempfile::tempdir().expect("a temporary directory");
        let mut process = spawn(&profile);
        let commands = process.stdin.take().expect("piped");
        let told = BufReader::new(process.stdout.take().expect("piped"));
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            for message in told.split(0).map_while(Result::ok) {
                let message = serde_json::from_slice(&message).expect("the protocol is JSON");
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self {
            process,
            commands,
            answers,
            session: None,
            calls: 0,
            password: password.to_owned(),
            events: Vec::new(),
            _profile: profile,
        };
        let page = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": page["targetId"], "flatten": true });
        let attached = browser.call("Target.attachToTarget", attach);
        browser.session = attached["sessionId"].as_str().map(ToOwned::to_owned);
        for domain in ["Page", "Network", "Runtime", "Log", "Audits"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser.call("Fetch.enable", json!({ "handleAuthRequests": true }));
        browser.call("Emulation.setScriptExecutionDisabled", json!({ "value": true }));
        browser
    }

    /// Opens an address and waits until all of it is there.
    pub fn open(&mut self, address: &str) {
        self.events.clear();
        let opened = self.call("Page.navigate", json!({ "url": address }));
        assert!(opened["errorText"].is_null(), "{address}: {opened}");
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let message = self.next();
            self.take(message);
        }
    }

    /// Makes the window so wide.
    pub fn resize(&mut self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", size);
    }

    /// The value of an expression in the page.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "returnByValue": true });
        let mut found = self.call("Runtime.evaluate", asked);
        assert!(found["exceptionDetails"].is_null(), "{expression}: {found}");
        found["result"]["value"].take()
    }

    /// The page as PDF, on the paper that it asks for.
    pub fn pdf(&mut self) -> Vec<u8> {
        let asked = json!({ "preferCSSPageSize": true, "printBackground": true });
        self.bytes("Page.printToPDF", asked)
    }

    /// A picture of the whole page, as PNG.
    pub fn picture(&mut self) -> Vec<u8> {
        self.bytes("Page.captureScreenshot", json!({ "captureBeyondViewport": true }))
    }

    fn bytes(&mut self, method: &str, parameters: Value) -> Vec<u8> {
        let answer = self.call(method, parameters);
        STANDARD.decode(answer["data"].as_str().unwrap_or_default()).expect("base64")
    }

    /// Calls a method of the protocol, see <https://chromedevtools.github.io/devtools-protocol/>.
    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        let id = self.send(method, parameters);
        loop {
            let mut message = self.next();
            if message["id"] == id {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].take();
            }
            self.take(message);
        }
    }

    fn send(&mut self, method: &str, parameters: Value) -> u64 {
        self.calls += 1;
        let mut command = json!({ "id": self.calls, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        let mut bytes = command.to_string().into_bytes();
        bytes.push(0);
        self.commands.write_all(&bytes).and_then(|()| self.commands.flush()).expect("the browser listens");
        self.calls
    }

    fn next(&mut self) -> Value {
        let message = self.answers.recv_timeout(ANSWER_MAX);
        message.unwrap_or_else(|error| panic!("the browser is silent: {error}; {HELP}"))
    }

    /// Lets requests go on, gives the password where it is asked for, and keeps everything else.
    fn take(&mut self, message: Value) {
        let request = json!({ "requestId": message["params"]["requestId"] });
        match message["method"].as_str() {
            Some("Fetch.requestPaused") => {
                self.send("Fetch.continueRequest", request);
            }
            Some("Fetch.authRequired") => {
                let answer = json!({ "response": "ProvideCredentials", "username": "市长", "password": self.password });
                let mut request = request;
                request["authChallengeResponse"] = answer;
                self.send("Fetch.continueWithAuth", request);
            }
            _ => {}
        }
        if !message["method"].is_null() {
            self.events.push(message);
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// `CHROMIUM_BIN`, else the first that is installed.
fn program() -> Option<String> {
    let found = |program: &&str| Command::new("which").arg(program).output().is_ok_and(|found| found.status.success());
    let given = std::env::var("CHROMIUM_BIN").ok();
    given.or_else(|| PROGRAMS.into_iter().find(found).map(ToOwned::to_owned))
}

/// Starts the browser; it reads commands from descriptor 3 and answers on descriptor 4.
fn spawn(profile: &TempDir) -> Child {
    let program = program().unwrap_or_else(|| panic!("no browser: {HELP}"));
    Command::new("sh")
        .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1", &program])
        .args(["--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .args(["--no-first-run", "--disable-background-networking", "--hide-scrollbars"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}; {HELP}"))
}
