//! Cases of definitions and revisions.

use jiff::civil::{Date, date};

use super::super::agencies::{ended, renamed, succeeded};
use super::super::revisions::{
    adopted, baseline, closed_out, decomposed, plan_revised, redefined, restated, retired, share, target_revised,
};
use super::super::support::*;
use super::{Case, accepted, refused};
use crate::event::*;
use crate::score::LightRule;
use crate::state::PlanState;
use crate::vocabulary::*;

const EVE: Date = date(2021, 12, 31);

pub(super) fn cases() -> Vec<Case> {
    let families = [server(), plans(), closing(), areas(), indicators(), targets(), paths(), agencies(), assignments()];
    families.into_iter().flatten().collect()
}

/// A published plan after these events of the plan office.
fn after<const N: usize>(payloads: [Payload; N]) -> World {
    let mut world = World::published();
    for payload in payloads {
        world.ok(&office(), payload);
    }
    world
}

/// A published plan after its last day.
fn over() -> World {
    let mut world = World::published();
    world.today = Some(date(2027, 4, 1));
    world
}

fn closed() -> World {
    let mut world = over();
    world.ok(&office(), closed_out(date(2027, 3, 17)));
    world
}

/// The log of `world` goes on in this epoch.
fn forked(world: &World, epoch: u32) -> HistoryForked {
    let new_size = world.state.head();
    let reason = "磁盘损坏，从备份恢复".to_owned();
    let (old_leaf_hash, old_root) = ([1; 32], [2; 32]);
    HistoryForked { old_epoch: 1, epoch, old_size: new_size + 9, old_leaf_hash, old_root, new_size, reason }
}

fn server() -> Vec<Case> {
    use super::super::support::server;
    let (nothing, loading, world) = (World::default(), World::loading(), World::published());
    vec![
        accepted(&nothing, &server(), genesis(), |state| state.genesis().is_some()),
        refused(&nothing, &office(), genesis(), Reason::ServerOnly),
        refused(&world, &server(), genesis(), Reason::AlreadyDefined),
        accepted(&loading, &server(), forked(&loading, 2), |state| state.genesis().unwrap().epoch == 2),
        accepted(&world, &server(), forked(&world, 7), |state| state.genesis().unwrap().epoch == 7),
        accepted(&closed(), &server(), forked(&closed(), 2), |state| state.genesis().unwrap().epoch == 2),
        refused(&world, &office(), forked(&world, 2), Reason::ServerOnly),
        refused(&world, &server(), forked(&world, 1), Reason::InvalidField),
        refused(&world, &server(), forked(&loading, 2), Reason::InvalidField),
        refused(&world, &server(), HistoryForked { reason: String::new(), ..forked(&world, 2) }, Reason::InvalidField),
        accepted(&loading, &server(), DayOpened { date: TODAY }, |state| state.last_day() == Some(TODAY)),
        accepted(&world, &server(), DayOpened { date: TODAY }, |state| state.last_day() == Some(TODAY)),
        refused(&world, &office(), DayOpened { date: TODAY }, Reason::ServerOnly),
    ]
}

fn plans() -> Vec<Case> {
    let (office, empty, defined) = (office(), World::empty(), World::defined());
    let (loading, world) = (World::loading(), World::published());
    let published = |digest| PlanPublished { event_count: loading.state.definition_count(), digest };
    let shorter = PlanRevised { end: Some(date(2026, 6, 30)), ..plan_revised() };
    let known = PlanRevised { documents: plan().documents, ..plan_revised() };
    vec![
        accepted(&empty, &office, plan(), |state| state.plan().is_some() && state.calc_version() == 1),
        refused(&empty, &office, PlanDefined { calc_version: 3, ..plan() }, Reason::InvalidField),
        refused(&defined, &office, plan(), Reason::AlreadyDefined),
        refused(&world, &office, plan(), Reason::PlanAlreadyPublished),
        accepted(&loading, &office, published([7; 32]), |state| state.published().is_some()),
        refused(&loading, &office, PlanPublished { event_count: 1, digest: [7; 32] }, Reason::InvalidField),
        refused(&world, &office, published([7; 32]), Reason::PlanAlreadyPublished),
        refused(&world, &office, published([8; 32]), Reason::PlanDigestMismatch),
        accepted(&world, &office, plan_revised(), |state| state.plan().is_some_and(|plan| plan.documents.len() == 2)),
        refused(&world, &office, known, Reason::AlreadyDefined),
        refused(&world, &office, shorter, Reason::TargetRule),
    ]
}

fn closing() -> Vec<Case> {
    let (office, world, over, closed) = (office(), World::published(), over(), closed());
    let (early, late) = (date(2026, 12, 31), date(2027, 3, 17));
    vec![
        accepted(&over, &office, closed_out(late), |state| state.closed_out().is_some()),
        refused(&over, &office, closed_out(early), Reason::InvalidField),
        refused(&over, &office, closed_out(date(2027, 3, 16)), Reason::TargetRule),
        refused(&world, &office, closed_out(late), Reason::FutureDate),
        refused(&closed, &office, closed_out(late), Reason::PlanClosed),
        accepted(&world, &office, adopted(2), |state| state.calc_version() == 2),
        refused(&world, &office, adopted(1), Reason::InvalidField),
        refused(&closed, &office, adopted(2), Reason::PlanClosed),
    ]
}

fn areas() -> Vec<Case> {
    let (office, loading, world) = (office(), World::loading(), World::published());
    let change = AreaStageChanged { area: id("circle"), stage: AreaStage::Building, reason: "开工".into() };
    let has_stage = |state: &PlanState| !state.area(&id("circle")).unwrap().stages.is_empty();
    let rule = |version| LightRuleAdopted {
        rule: LightRule { version, ..LightRule::default() },
        schedules: Vec::new(),
        reason: "会议决定".into(),
    };
    vec![
        accepted(&loading, &office, area("new", AreaKind::Zone), |state| state.area(&id("new")).is_some()),
        accepted(&world, &office, area("new", AreaKind::Circle), |state| state.area(&id("new")).is_some()),
        refused(&world, &office, area("circle", AreaKind::Circle), Reason::AlreadyDefined),
        refused(&world, &office, area("new", AreaKind::City), Reason::AlreadyDefined),
        accepted(&loading, &office, change.clone(), has_stage).with(|input| input.effective_date = Some(TODAY)),
        accepted(&world, &office, change.clone(), has_stage).with(|input| input.effective_date = Some(TODAY)),
        refused(&world, &office, change, Reason::InvalidField),
        accepted(&loading, &office, rule(2), |state| state.light_rule().is_some_and(|rule| rule.version == 2)),
        accepted(&world, &office, rule(2), |state| state.light_rule().is_some_and(|rule| rule.version == 2)),
        refused(&world, &office, rule(3), Reason::InvalidField),
    ]
}

fn indicators() -> Vec<Case> {
    let (office, loading, world) = (office(), World::loading(), World::published());
    let revised = after([plan_revised().into()]);
    let new = || indicator("new", Accumulation::Stock);
    let known = |state: &PlanState| state.indicator(&id("new")).is_some();
    let gone = after([retired("labs", TODAY).into()]);
    vec![
        accepted(&loading, &office, new(), known),
        accepted(&revised, &office, new(), known),
        refused(&world, &office, new(), Reason::PlanAlreadyPublished),
        refused(&loading, &office, indicator("labs", Accumulation::Stock), Reason::AlreadyDefined),
        refused(&loading, &office, IndicatorDefined { basis: None, ..new() }, Reason::TargetRule),
        accepted(&world, &office, redefined("labs"), |state| {
            state.indicator(&id("labs")).is_some_and(|labs| labs.name == name("新名称"))
        }),
        refused(&world, &office, redefined("none"), Reason::UnknownResource),
        accepted(&world, &office, retired("labs", TODAY), |state| {
            state.indicator(&id("labs")).is_some_and(|labs| labs.retired_from == Some(TODAY))
        }),
        refused(&gone, &office, retired("labs", TODAY), Reason::AlreadyDefined),
        refused(&world, &office, retired("labs", date(2025, 6, 29)), Reason::InvalidField),
        refused(&world, &office, retired("labs", date(2027, 1, 1)), Reason::TargetRule),
    ]
}

fn targets() -> Vec<Case> {
    let (office, world) = (office(), World::published());
    let mut loading = World::loading();
    loading.ok(&office, indicator("new", Accumulation::Stock));
    let revised = after([plan_revised().into(), indicator("new", Accumulation::Stock).into()]);
    let new = || target(11, "new", Operator::AtLeast, Some("5"));
    let second = SourceSpan { document: id("second"), line_first: 1, line_last: 1, text: "…".into() };
    let known = |state: &PlanState| state.target(&id("city"), &id("new")).is_some();
    let due = date(2025, 12, 31);
    let shared = after([decomposed("labs", &[share("bureau", due, "4")]).into()]);
    let sooner = TargetRevised { effective_deadline: date(2025, 12, 30), ..target_revised("labs", Some("8")) };
    let tasks = |state: &PlanState| state.target(&id("city"), &id("labs")).is_some_and(|labs| labs.tasks.len() == 1);
    let eight = |state: &PlanState| {
        state.target(&id("city"), &id("labs")).is_some_and(|labs| labs.definition.value == Some(dec("8")))
    };
    let in_second = TargetRevised { source: Some(second.clone()), ..target_revised("labs", Some("8")) };
    vec![
        accepted(&loading, &office, new(), known),
        accepted(&revised, &office, TargetSet { source: Some(second), ..new() }, known),
        refused(&revised, &office, new(), Reason::TargetRule),
        refused(&world, &office, target(11, "labs", Operator::AtLeast, Some("5")), Reason::PlanAlreadyPublished),
        refused(&loading, &office, target(11, "labs", Operator::AtLeast, Some("5")), Reason::AlreadyDefined),
        accepted(&world, &office, target_revised("labs", Some("8")), eight),
        accepted(&revised, &office, in_second, eight),
        refused(&revised, &office, target_revised("labs", Some("8")), Reason::TargetRule),
        refused(&shared, &office, sooner, Reason::TargetRule),
        refused(&world, &office, target_revised("labs", None), Reason::TargetRule),
        accepted(&world, &office, decomposed("labs", &[share("bureau", due, "4")]), tasks),
        refused(&world, &office, decomposed("level", &[share("bureau", due, "4")]), Reason::TargetRule),
        refused(
            &world,
            &office,
            decomposed("labs", &[share("bureau", due, "4"), share("bureau", due, "5")]),
            Reason::AlreadyDefined,
        ),
        refused(
            &after([succeeded("bureau", "stranger").into()]),
            &office,
            decomposed("labs", &[share("bureau", due, "4")]),
            Reason::AgencySucceeded,
        ),
    ]
}

fn paths() -> Vec<Case> {
    let (office, loading, world) = (office(), World::loading(), World::published());
    let based = after([baseline("labs", EVE, "3").into()]);
    let starts = |value: &'static str| {
        move |state: &PlanState| {
            state.target(&id("city"), &id("labs")).and_then(|labs| labs.baseline) == Some(at(EVE, value))
        }
    };
    let has_interim =
        |state: &PlanState| state.target(&id("city"), &id("labs")).is_some_and(|labs| labs.interim.len() == 1);
    let interim = |value| InterimTargetsSet {
        area: id("city"),
        indicator: id("labs"),
        interim: vec![at(date(2024, 12, 31), value)],
        reason: String::new(),
    };
    let set = after([interim("5").into()]);
    let replaced = InterimTargetsSet { reason: "年度调整".into(), ..interim("6") };
    let is_six = |state: &PlanState| {
        state.target(&id("city"), &id("labs")).is_some_and(|labs| labs.interim[..] == [at(date(2024, 12, 31), "6")])
    };
    vec![
        accepted(&loading, &office, baseline("labs", EVE, "3"), starts("3")),
        accepted(&world, &office, baseline("labs", EVE, "3"), starts("3")),
        refused(&based, &office, baseline("labs", EVE, "4"), Reason::AlreadyDefined),
        refused(&world, &office, baseline("level", EVE, "4"), Reason::TargetRule),
        accepted(&based, &office, restated("labs", EVE, "4"), starts("4")),
        refused(&world, &office, restated("labs", EVE, "4"), Reason::UnknownResource),
        refused(&based, &office, restated("labs", date(2026, 12, 31), "4"), Reason::TargetRule),
        accepted(&loading, &office, interim("5"), has_interim),
        accepted(&world, &office, interim("5"), has_interim),
        refused(&world, &office, interim("99"), Reason::TargetRule),
        refused(&set, &office, interim("6"), Reason::AlreadyDefined),
        accepted(&set, &office, replaced, is_six),
    ]
}

fn agencies() -> Vec<Case> {
    let (office, loading, world) = (office(), World::loading(), World::published());
    let gone = after([succeeded("bureau", "stranger").into()]);
    let code = "91350100M000100Y43";
    let coded = after([AgencyRegistered { uscc: code.into(), ..registered("coded") }.into()]);
    let taken = AgencyRenamed { uscc: code.into(), ..renamed("bureau", "新局") };
    vec![
        accepted(&loading, &office, registered("new"), |state| state.agency(&id("new")).is_some()),
        accepted(&world, &office, registered("new"), |state| state.agency(&id("new")).is_some()),
        refused(&world, &office, registered("bureau"), Reason::AlreadyDefined),
        accepted(&world, &office, renamed("bureau", "新局"), |state| {
            state.agency(&id("bureau")).is_some_and(|bureau| bureau.name == name("新局"))
        }),
        refused(&coded, &office, taken, Reason::AlreadyDefined),
        refused(&gone, &office, renamed("bureau", "新局"), Reason::AgencySucceeded),
        accepted(&world, &office, succeeded("bureau", "stranger"), |state| {
            state.lead_of(&id("city"), &id("labs")) == Some(&id("stranger"))
        }),
        refused(&gone, &office, succeeded("bureau", "district"), Reason::AgencySucceeded),
        refused(&gone, &office, succeeded("stranger", "bureau"), Reason::AgencySucceeded),
        refused(&world, &office, succeeded("bureau", "bureau"), Reason::InvalidField),
    ]
}

fn assignments() -> Vec<Case> {
    let (office, loading, world) = (office(), World::loading(), World::published());
    let gone = after([succeeded("bureau", "stranger").into()]);
    let lead = |agency: &str, scope| assignment(agency, AssignmentRole::Lead, scope);
    let circle = || Scope::Area(id("circle"));
    let leads = move |state: &PlanState| state.assignments().lead_of_scope(&circle()) == Some(&id("district"));
    vec![
        accepted(&loading, &office, lead("district", circle()), leads),
        accepted(&world, &office, lead("district", circle()), leads),
        refused(&world, &office, lead("district", Scope::Plan), Reason::AlreadyDefined),
        refused(&gone, &office, lead("bureau", circle()), Reason::AgencySucceeded),
        accepted(&world, &office, ended("bureau", AssignmentRole::Lead, Scope::Plan), |state| {
            state.published().is_some() && state.assignments().lead_of_scope(&Scope::Plan).is_none()
        }),
        refused(&world, &office, ended("stranger", AssignmentRole::Lead, Scope::Plan), Reason::UnknownResource),
    ]
}
