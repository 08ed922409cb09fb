//! A clerk's desk: an agency that leads the whole plan, its token in a file, ledgers beside the data directory.

use serde_json::Value;
use songhua_tests::{Client, Output, PLAN, Sandbox, pb};

/// The agency whose ledgers are pushed.
pub(crate) const AGENCY: &str = "drc";

/// A server and a clerk.
pub(crate) struct Desk {
    pub(crate) sandbox: Sandbox,
    pub(crate) clerk: Client,
    /// File with the clerk's token.
    pub(crate) token: String,
}

impl Desk {
    /// A desk at the Harbin plan.
    pub(crate) async fn open() -> Self {
        let sandbox = Sandbox::start().await;
        sandbox.lead_of_all(AGENCY).await;
        let (_, token) = sandbox.grant(pb::Role::Agency, AGENCY, "").await;
        let clerk = sandbox.client(Some(&token)).await;
        let token = sandbox.write("drc.token", &token);
        Self { sandbox, clerk, token }
    }

    /// The arguments that push a file.
    pub(crate) fn arguments<'a>(&'a self, file: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        [&["push", file, "--agency", AGENCY, "--token-file", &self.token], more].concat()
    }

    /// Pushes a file, with JSON as the answer.
    pub(crate) fn push_file(&self, file: &str, more: &[&str]) -> Pushed {
        Pushed(self.sandbox.run(&self.arguments(file, &[&["--json"], more].concat())))
    }

    /// Pushes a ledger, with JSON as the answer.
    pub(crate) fn push(&self, rows: &[&str], more: &[&str]) -> Pushed {
        let file = self.sandbox.write("ledger.csv", &rows.join("\n"));
        self.push_file(&file, more)
    }

    /// Pushes a ledger and gives back what a person sees.
    pub(crate) fn push_text(&self, rows: &[&str], more: &[&str]) -> Output {
        let file = self.sandbox.write("ledger.csv", &rows.join("\n"));
        self.sandbox.run(&self.arguments(&file, more))
    }

    /// The figures of an indicator, oldest first, once all that is durable is applied.
    pub(crate) async fn history(&self, indicator: &str) -> Vec<pb::Observation> {
        let as_of = Some(pb::AsOf { min_position: self.sandbox.durable().await, ..Default::default() });
        let request =
            pb::GetIndicatorRequest { name: format!("{PLAN}/indicators/{indicator}"), as_of, ..Default::default() };
        self.clerk.progress.clone().get_indicator(request).await.unwrap().into_inner().history
    }

    /// The live figures of an indicator, as `area dimension basis period figure status`.
    pub(crate) async fn live(&self, indicator: &str) -> Vec<String> {
        self.history(indicator).await.iter().filter(|one| one.live).map(shown).collect()
    }
}

/// An observation in one line.
pub(crate) fn shown(one: &pb::Observation) -> String {
    let day = |day: Option<songhua_tests::google::type_::Date>| {
        day.map_or_else(String::new, |day| format!("{:04}-{:02}-{:02}", day.year, day.month, day.day))
    };
    let period = one.period.unwrap_or_default();
    let figure = match one.figure.as_ref().and_then(|figure| figure.kind.clone()) {
        Some(pb::figure::Kind::Value(value)) => value,
        Some(pb::figure::Kind::Fraction(fraction)) => format!("{}/{}", fraction.numerator, fraction.denominator),
        None => String::new(),
    };
    let basis = one.basis().as_str_name().trim_start_matches("BASIS_");
    let status = one.obs_status().as_str_name().trim_start_matches("OBS_STATUS_");
    let (area, dimension) = (&one.area, &one.dimension);
    format!("{area} {dimension} {basis} {}..{} {figure} {status}", day(period.start), day(period.end))
}

/// What a push with `--json` said.
#[derive(Debug)]
pub(crate) struct Pushed(pub(crate) Output);

impl Pushed {
    /// The outcome.
    pub(crate) fn outcome(&self) -> Value {
        serde_json::from_str(&self.0.stdout).unwrap_or_else(|_| panic!("{self:?}"))
    }

    /// One of its counts, for example `new`.
    pub(crate) fn count(&self, name: &str) -> u64 {
        self.outcome()[name].as_u64().unwrap_or_else(|| panic!("no {name}: {self:?}"))
    }

    /// Exit code, then rows that are new, changed, unchanged, not filled in, bad; then how many are stored.
    pub(crate) fn counts(&self) -> (i32, [u64; 5], u64) {
        let rows = ["new", "changed", "unchanged", "not_filled_in", "bad"].map(|name| self.count(name));
        assert_eq!(rows.iter().sum::<u64>(), self.count("rows"), "{self:?}");
        (self.0.code, rows, self.count("stored"))
    }

    /// Line and column of every fault.
    pub(crate) fn faults(&self) -> Vec<(u64, String)> {
        self.each_fault().iter().map(place).collect()
    }

    /// Every fault.
    pub(crate) fn each_fault(&self) -> Vec<Value> {
        let outcome = self.outcome();
        let results = outcome["results"].as_array().expect("a list").clone();
        results.iter().flat_map(|row| row["faults"].as_array().cloned().unwrap_or_default()).collect()
    }
}

fn place(fault: &Value) -> (u64, String) {
    (fault["line"].as_u64().expect("a line"), fault["column"].as_str().unwrap_or_default().to_owned())
}
