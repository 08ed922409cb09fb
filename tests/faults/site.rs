//! A server with clients and a model of what it must have: the shape of every fault.
//!
//! Place in the flow: a module begins a site, has clients send, breaks something, starts the server again and has the site
//! verified: the history is replayed against the model, and what nobody knows of is sent again.

use std::sync::{Arc, Mutex, PoisonError};

use songhua_tests::load::Events;
use songhua_tests::pb::{self, scope};
use songhua_tests::{Client, PLAN, Random, Sandbox, introduce, submit};
use tokio::task::JoinSet;
use tonic::Status;

use crate::clients::{Desk, Load, Shape};
use crate::oracle::Model;
use crate::report::Report;

/// Who reports.
const AGENCY: &str = "faults";
/// The plan office, as the model numbers clients; agencies' clients follow.
const OFFICE: usize = 0;

/// How much of the history is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// What is behind the last reading.
    New,
    /// All of it.
    Whole,
}

/// A data directory, its server, and what was sent to it.
pub(crate) struct Site {
    pub(crate) sandbox: Sandbox,
    pub(crate) model: Arc<Mutex<Model>>,
    /// Of the agency.
    pub(crate) token: String,
    pub(crate) events: Arc<Events>,
    clients: usize,
}

impl Site {
    /// Takes a server that runs: an agency is introduced that may report everything.
    pub(crate) async fn begin(sandbox: Sandbox) -> Self {
        let model = Arc::<Mutex<Model>>::default();
        let introduction = submit(introduce(AGENCY, pb::AssignmentRole::Responsible, &[scope::Kind::Plan(true)]));
        let number = with(&model, |model| model.sent(OFFICE, &introduction));
        let answer = sandbox.admin().await.ingest.submit(introduction).await;
        let receipts = answer.expect("the office may introduce").into_inner().receipts;
        with(&model, |model| model.answered(number, Ok(&receipts)));
        let (_, token) = sandbox.grant(pb::Role::Agency, AGENCY, "").await;
        Self { sandbox, model, token, events: Arc::new(Events::of_new_run()), clients: OFFICE + 1 }
    }

    /// Has a client for each shape send, each over a connection of its own.
    pub(crate) async fn load(&mut self, shapes: &[Shape]) -> Load {
        let mut load = Load { clients: JoinSet::new(), stop: Arc::default() };
        for shape in shapes {
            let desk = Desk {
                client: self.sandbox.client(Some(&self.token)).await,
                model: Arc::clone(&self.model),
                events: Arc::clone(&self.events),
                stop: Arc::clone(&load.stop),
            };
            load.clients.spawn(desk.work(self.clients, *shape));
            self.clients += 1;
        }
        load
    }

    /// Replays the history against the model.
    pub(crate) async fn verify(&self, reading: Reading, report: &mut Report) {
        let durable = self.sandbox.durable().await;
        let from = with(&self.model, |model| model.begin_reading(reading == Reading::Whole));
        let broken = self.replay(from, durable, |record| with(&self.model, |model| model.record(record, report))).await;
        if let Err(status) = broken {
            report.wrong(format!("the replay of {from} to {durable} broke: {status:?}"));
        }
        with(&self.model, |model| model.end_reading(durable, report));
    }

    /// Every record of a range.
    pub(crate) async fn replay(&self, from: u64, to: u64, each: impl FnMut(&pb::ReplayRecord)) -> Result<(), Status> {
        replay(&self.sandbox.admin().await, from, to, each).await
    }

    /// After [`Self::verify`]: sends again what nobody knows of, and some of what was acknowledged. A server that is gone
    /// again is none of its business: then it is still not known.
    pub(crate) async fn ask_again(&self, random: &mut Random) {
        let again = with(&self.model, |model| model.to_ask_again(|| random.percent(3)));
        let mut agency = self.sandbox.client(Some(&self.token)).await;
        for (number, request) in again {
            with(&self.model, |model| model.sent_again(number));
            let answer = agency.ingest.submit(request).await.map(|response| response.into_inner().receipts);
            with(&self.model, |model| model.answered(number, answer.as_deref()));
        }
        with(&self.model, Model::forget_requests);
    }

    /// The whole life after a restart: the history is right, and stays right when it is asked again.
    pub(crate) async fn verify_and_ask_again(&self, reading: Reading, random: &mut Random, report: &mut Report) {
        self.verify(reading, report).await;
        self.ask_again(random).await;
        self.verify(Reading::New, report).await;
    }

    /// `songhua check` on the stopped directory finds nothing.
    pub(crate) fn check(&self, report: &mut Report) {
        let data = self.sandbox.data();
        let checked = self.sandbox.run(&["check", &data.to_string_lossy()]);
        report.expect(checked.code == 0, || format!("check of the stopped server: {checked:?}"));
    }

    /// Frames, keys, and the views against what the log makes of them, in the running server.
    pub(crate) fn check_views(&self, report: &mut Report) {
        let checked = self.sandbox.run(&["check", "--online", "--views"]);
        report.expect(checked.code == 0, || format!("check of the running server: {checked:?}"));
    }

    /// Events acknowledged so far.
    pub(crate) fn acknowledged(&self) -> u64 {
        with(&self.model, |model| model.acknowledged())
    }
}

/// Every record of a range; none where it ends before it begins.
pub(crate) async fn replay(
    client: &Client,
    from: u64,
    to: u64,
    mut each: impl FnMut(&pb::ReplayRecord),
) -> Result<(), Status> {
    if from > to {
        return Ok(());
    }
    let request =
        pb::ReplayRequest { parent: PLAN.to_owned(), from_position: from, to_position: to, ..Default::default() };
    let mut responses = client.audit.clone().replay(request).await?.into_inner();
    while let Some(response) = responses.message().await? {
        response.records.iter().for_each(&mut each);
    }
    Ok(())
}

/// Looks into the model.
pub(crate) fn with<T>(model: &Mutex<Model>, look: impl FnOnce(&mut Model) -> T) -> T {
    look(&mut model.lock().unwrap_or_else(PoisonError::into_inner))
}
