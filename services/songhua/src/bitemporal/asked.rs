//! Asks every RPC of ProgressService and keeps the whole answers, so that two servers can be held against each other.

use std::fmt::Debug;

use jiff::civil::Date;
use prost::Message;
use songhua_domain::vocabulary::AreaKind;
use songhua_progress::ProgressServer;
use songhua_wire::code::Code;
use songhua_wire::pb;
use songhua_wire::pb::progress_service_server::ProgressService;
use songhua_wire::time::date_to_pb;
use tonic::{Response, Status};

use super::dice::Dice;
use super::grown::request;
use super::plan::PLAN;
use super::world::World;

/// What is asked about: every name that the history ever has, whether it is known at that time or not.
pub(super) struct Names {
    areas: Vec<String>,
    indicators: Vec<String>,
    projects: Vec<String>,
    agencies: Vec<String>,
}

impl Names {
    pub(super) fn of(world: &World) -> Self {
        let state = &world.state;
        Self {
            areas: state.areas().map(|(id, _)| id.to_string()).collect(),
            indicators: state.indicators().map(|(id, _)| id.to_string()).collect(),
            projects: state.projects().map(|(id, _)| id.to_string()).collect(),
            agencies: state.agencies().map(|(id, _)| id.to_string()).collect(),
        }
    }
}

/// The choices of one read that both servers are asked with.
pub(super) struct Choice {
    page_size: i32,
    history_size: i32,
    kind: AreaKind,
    /// One of the ways to filter a list by an area.
    filter: String,
    area: String,
    indicator: String,
    another_date: Option<Date>,
}

impl Choice {
    pub(super) fn any(names: &Names, day: Date, dice: &mut Dice) -> Self {
        let area = dice.of_all(&names.areas).clone();
        let filters = [String::new(), format!("area = {area}"), format!("area != {area}")];
        Self {
            page_size: *dice.of_all(&[0, 3, 7]),
            history_size: *dice.of_all(&[0, 2, -1, 1_000]),
            kind: *dice.of_all(AreaKind::ALL),
            filter: dice.of_all(&filters).clone(),
            area: if dice.one_in(2) { area } else { String::new() },
            indicator: dice.of_all(&names.indicators).clone(),
            another_date: if dice.one_in(2) { Some(dice.day(day, -400, 0)) } else { None },
        }
    }
}

/// One answer.
pub(super) struct Answer {
    /// The method.
    pub(super) method: &'static str,
    /// The method and what it was asked about.
    what: String,
    /// The message, without its state; or the refusal.
    bytes: Vec<u8>,
    /// What the answer rests on.
    state: Option<pb::ReadState>,
    words: Box<dyn Fn() -> String>,
    /// Whether it is a refusal.
    pub(super) refused: bool,
}

impl Answer {
    fn of<T: Message + Debug + 'static>(
        method: &'static str,
        what: &str,
        answer: Result<(T, Option<pb::ReadState>), Status>,
    ) -> Self {
        let what = format!("{method} {what}");
        match answer {
            Ok((message, state)) => {
                let bytes = message.encode_to_vec();
                Self { method, what, bytes, state, words: Box::new(move || format!("{message:#?}")), refused: false }
            }
            Err(status) => {
                let said = format!("{:?}: {}", status.code(), status.message());
                let bytes = [said.as_bytes(), status.details()].concat();
                Self { method, what, bytes, state: None, words: Box::new(move || said.clone()), refused: true }
            }
        }
    }

    /// Whether it says the same, whatever it rests on.
    pub(super) fn says_as(&self, other: &Self) -> bool {
        (&self.what, &self.bytes) == (&other.what, &other.bytes)
    }

    /// Fails where the two are not the same, and shows the first lines that differ.
    #[track_caller]
    pub(super) fn assert_is(&self, other: &Self, when: &str) {
        assert_eq!((&self.what, &self.state), (&other.what, &other.state), "{when}");
        if self.bytes == other.bytes {
            return;
        }
        let (one, two) = ((self.words)(), (other.words)());
        let (one, two): (Vec<_>, Vec<_>) = (one.lines().collect(), two.lines().collect());
        let same = one.iter().zip(&two).take_while(|(one, two)| one == two).count();
        let near = |lines: &[&str]| {
            lines.iter().skip(same.saturating_sub(25)).take(32).copied().collect::<Vec<_>>().join("\n")
        };
        panic!("{when}: {} differs at line {same}\n--- whole\n{}\n--- cut\n{}", self.what, near(&one), near(&two));
    }
}

/// An RPC, asked once.
macro_rules! once {
    ($all:ident, $server:ident, $method:ident, $what:expr, $request:expr) => {{
        let answer = $server.$method(request($request)).await.map(Response::into_inner);
        let answer = answer.map(|mut answer| {
            let state = settled(answer.state.take());
            (answer, state)
        });
        $all.push(Answer::of(stringify!($method), &format!("{}", $what), answer));
    }};
}

/// A list, page by page.
macro_rules! pages {
    ($all:ident, $server:ident, $method:ident, $request:expr) => {{
        let mut asked = $request;
        for page in 0.. {
            let answer = $server.$method(request(asked.clone())).await.map(Response::into_inner);
            asked.page_token.clear();
            let answer = answer.map(|mut answer| {
                let state = settled(answer.state.take());
                asked.page_token = std::mem::take(&mut answer.next_page_token);
                (answer, state)
            });
            $all.push(Answer::of(stringify!($method), &format!("{:?}, page {page}", asked.filter), answer));
            if asked.page_token.is_empty() {
                break;
            }
        }
    }};
}

/// Without the two things that are to differ: how far the views are, and whether the answer is for ever.
fn settled(state: Option<pb::ReadState>) -> Option<pb::ReadState> {
    state.map(|state| pb::ReadState { applied_position: 0, r#final: false, ..state })
}

/// Every answer of `server`, asked as `as_of` says.
pub(super) async fn all(server: &ProgressServer, names: &Names, choice: &Choice, as_of: pb::AsOf) -> Vec<Answer> {
    let mut all = Vec::new();
    of_the_plan(&mut all, server, choice, &as_of).await;
    of_parts(&mut all, server, names, choice, &as_of).await;
    lists(&mut all, server, choice, &as_of).await;
    lists_of_conduct(&mut all, server, choice, &as_of).await;
    all
}

async fn of_the_plan(all: &mut Vec<Answer>, server: &ProgressServer, choice: &Choice, as_of: &pb::AsOf) {
    let (name, as_of) = (format!("plans/{PLAN}"), Some(*as_of));
    once!(all, server, get_plan, "", pb::GetPlanRequest { name: name.clone(), as_of });
    once!(all, server, get_overview, "", pb::GetOverviewRequest { name: name.clone(), as_of });
    once!(all, server, get_close_out, "", pb::GetCloseOutRequest { name: name.clone(), as_of });
    let kind = choice.kind.to_wire();
    once!(all, server, get_matrix, choice.kind, pb::GetMatrixRequest { name: name.clone(), kind, as_of });
    let area = choice.area.clone();
    once!(all, server, get_calendar, &choice.area, pb::GetCalendarRequest { name: name.clone(), area, as_of });
    for indicator in [String::new(), choice.indicator.clone()] {
        let compare_date = choice.another_date.map(date_to_pb);
        let asked =
            pb::GetLeagueRequest { name: name.clone(), kind, indicator: indicator.clone(), compare_date, as_of };
        once!(all, server, get_league, format!("{} {indicator}", choice.kind), asked);
    }
}

async fn of_parts(all: &mut Vec<Answer>, server: &ProgressServer, names: &Names, choice: &Choice, as_of: &pb::AsOf) {
    let as_of = Some(*as_of);
    for area in &names.areas {
        let name = format!("plans/{PLAN}/areas/{area}");
        once!(all, server, get_circle, area, pb::GetCircleRequest { name, as_of });
    }
    for indicator in &names.indicators {
        let name = format!("plans/{PLAN}/indicators/{indicator}");
        let (area, history_size) = (choice.area.clone(), choice.history_size);
        once!(
            all,
            server,
            get_indicator,
            indicator,
            pb::GetIndicatorRequest { name, as_of, history_size, area, dimension: String::new() }
        );
    }
    for project in &names.projects {
        let name = format!("plans/{PLAN}/projects/{project}");
        once!(all, server, get_project, project, pb::GetProjectRequest { name: name.clone(), as_of });
        let area = String::new();
        once!(all, server, get_calendar, project, pb::GetCalendarRequest { name, area, as_of });
    }
    for agency in &names.agencies {
        let name = format!("plans/{PLAN}/agencies/{agency}");
        once!(all, server, get_agency, agency, pb::GetAgencyRequest { name, as_of, ..Default::default() });
    }
}

async fn lists(all: &mut Vec<Answer>, server: &ProgressServer, choice: &Choice, as_of: &pb::AsOf) {
    let (parent, page_size, page_token, as_of) =
        (format!("plans/{PLAN}"), choice.page_size, String::new(), Some(*as_of));
    let filter = format!("kind = {}", choice.kind);
    let (token, of) = (page_token.clone(), parent.clone());
    pages!(
        all,
        server,
        list_circles,
        pb::ListCirclesRequest { parent: of, page_size, page_token: token, filter, as_of }
    );
    let (token, of, filter) = (page_token.clone(), parent.clone(), choice.filter.clone());
    let asked = pb::ListIndicatorsRequest { parent: of, page_size, page_token: token, filter, as_of };
    pages!(all, server, list_indicators, asked);
    let (token, of, filter) = (page_token.clone(), parent.clone(), choice.filter.clone());
    pages!(
        all,
        server,
        list_projects,
        pb::ListProjectsRequest { parent: of, page_size, page_token: token, filter, as_of }
    );
    let (token, of, filter) = (page_token.clone(), parent.clone(), choice.filter.clone());
    let asked = pb::ListMilestonesRequest { parent: of, page_size, page_token: token, filter, as_of };
    pages!(all, server, list_milestones, asked);
    let (token, of, filter) = (page_token.clone(), parent.clone(), String::new());
    pages!(
        all,
        server,
        list_agencies,
        pb::ListAgenciesRequest { parent: of, page_size, page_token: token, filter, as_of, ..Default::default() }
    );
    let filter = String::new();
    pages!(all, server, list_revisions, pb::ListRevisionsRequest { parent, page_size, page_token, filter, as_of });
}

async fn lists_of_conduct(all: &mut Vec<Answer>, server: &ProgressServer, choice: &Choice, as_of: &pb::AsOf) {
    let (parent, page_size, page_token, as_of) =
        (format!("plans/{PLAN}"), choice.page_size, String::new(), Some(*as_of));
    let period_end = choice.another_date.map(|day| date_to_pb(day.last_of_month()));
    let (token, of, filter) = (page_token.clone(), parent.clone(), String::new());
    let asked = pb::ListStalenessRequest { parent: of, page_size, page_token: token, filter, period_end, as_of };
    pages!(all, server, list_staleness, asked);
    let (token, of, filter) = (page_token.clone(), parent.clone(), String::new());
    let asked = pb::ListVerificationsRequest { parent: of, page_size, page_token: token, filter, as_of };
    pages!(all, server, list_verifications, asked);
    let (token, of, filter) = (page_token.clone(), parent.clone(), String::new());
    let asked = pb::ListSupervisionsRequest { parent: of, page_size, page_token: token, filter, as_of };
    pages!(all, server, list_supervisions, asked);
    let (token, of, filter) = (page_token.clone(), parent.clone(), String::new());
    let asked = pb::ListReportingPeriodsRequest { parent: of, page_size, page_token: token, filter, as_of };
    pages!(all, server, list_reporting_periods, asked);
    let filter = String::new();
    let asked = pb::ListProgressNotesRequest { parent, page_size, page_token, filter, as_of };
    pages!(all, server, list_progress_notes, asked);
}
