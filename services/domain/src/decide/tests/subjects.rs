//! What an event is filed under: events that name another one are filed where that one is.

use jiff::civil::date;
use uuid::Uuid;

use super::support::*;
use crate::event::*;
use crate::vocabulary::*;

/// Sends what must be accepted; gives back the event and where it is filed.
#[track_caller]
fn filed(world: &mut World, actor: &Actor, payload: impl Into<Payload>) -> (Uuid, String) {
    let input = world.input(payload);
    let (event, decision) = world.send(actor, input).unwrap();
    let area = decision.area.map(|area| area.to_string()).unwrap_or_default();
    (event, format!("{area} {}", decision.subject))
}

const LABS: &str = "city plans/p/areas/city/targets/labs";
const LEVEL: &str = "city plans/p/areas/city/targets/level";
const MILESTONE: &str = "circle plans/p/projects/park/milestones/m";

fn labs() -> MeasurementReported {
    figure("labs", Basis::StockAt, ReferencePeriod::AsOf(date(2025, 6, 1)), "3")
}

#[test]
fn what_is_said_of_a_figure_is_filed_under_its_target() {
    let mut world = World::published();
    let (bureau, inspectors) = (agency("bureau"), agency("inspectors"));
    let (first, subject) = filed(&mut world, &bureau, labs());
    assert_eq!(subject, LABS);
    let mut say = |actor: &Actor, payload: Payload| {
        let (event, subject) = filed(&mut world, actor, payload);
        assert_eq!(subject, LABS);
        event
    };
    let second = say(&bureau, corrected(first, "4").into());
    let third = say(&bureau, revised(second, "5").into());
    let asked = say(&bureau, requested(third).into());
    let accepted = say(&inspectors, accepted(third).into());
    let taken_back = say(&inspectors, unverified(third).into());
    let refused = say(&auditor(), rejected(third).into());
    // The period is free now: all that follows speaks of what is no longer live.
    for (actor, event) in [
        (&bureau, first),
        (&bureau, second),
        (&bureau, third),
        (&bureau, asked),
        (&inspectors, accepted),
        (&inspectors, taken_back),
        (&auditor(), refused),
    ] {
        let carrier = say(actor, attached(event, 1).into());
        let withdrawal = say(actor, withdrawn(carrier, 1).into());
        assert_ne!(carrier, withdrawal);
    }
}

#[test]
fn what_is_said_of_a_retraction_is_filed_under_its_target() {
    let mut world = World::published();
    let bureau = agency("bureau");
    let (first, _) = filed(&mut world, &bureau, labs());
    let (second, _) = filed(&mut world, &bureau, revised(first, "4"));
    let (retraction, subject) = filed(&mut world, &bureau, retracted(second));
    assert_eq!(subject, LABS);
    let (carrier, subject) = filed(&mut world, &bureau, attached(retraction, 1));
    assert_eq!(subject, LABS);
    assert_eq!(filed(&mut world, &bureau, withdrawn(carrier, 1)).1, LABS);
}

#[test]
fn what_is_said_of_a_report_is_filed_under_its_milestone() {
    let mut world = World::published();
    let (district, inspectors) = (agency("district"), agency("inspectors"));
    assert_eq!(filed(&mut world, &office(), milestone("park", "m")).1, MILESTONE);
    let (report, _) = filed(&mut world, &district, reached("park", "m", date(2025, 4, 1)));
    assert_eq!(filed(&mut world, &district, requested(report)).1, MILESTONE);
    assert_eq!(filed(&mut world, &inspectors, accepted(report)).1, MILESTONE);
    assert_eq!(filed(&mut world, &inspectors, unverified(report)).1, MILESTONE);
    let (refused, subject) = filed(&mut world, &inspectors, rejected(report));
    assert_eq!(subject, MILESTONE);
    for (actor, event) in [(&inspectors, refused), (&district, report)] {
        let (carrier, subject) = filed(&mut world, actor, attached(event, 1));
        assert_eq!(subject, MILESTONE);
        assert_eq!(filed(&mut world, actor, withdrawn(carrier, 1)).1, MILESTONE);
    }
    filed(&mut world, &district, reached("park", "m", date(2025, 4, 1)));
    assert_eq!(filed(&mut world, &office(), reopened("park", "m")).1, MILESTONE);
}

#[test]
fn what_is_said_of_an_assessment_is_filed_under_its_target() {
    let mut world = World::published();
    let inspectors = agency("inspectors");
    let (event, subject) = filed(&mut world, &inspectors, assessed("国内领先"));
    assert_eq!(subject, LEVEL);
    assert_eq!(filed(&mut world, &auditor(), accepted(event)).1, LEVEL);
    assert_eq!(filed(&mut world, &auditor(), unverified(event)).1, LEVEL);
    let (refused, subject) = filed(&mut world, &auditor(), rejected(event));
    assert_eq!(subject, LEVEL);
    assert_eq!(filed(&mut world, &auditor(), attached(refused, 1)).1, LEVEL);
}

#[test]
fn evidence_of_what_is_no_report_is_filed_where_that_is() {
    let mut world = World::published();
    let (definition, subject) = filed(&mut world, &office(), registered("new"));
    assert_eq!(subject, " plans/p/agencies/new");
    let (carrier, subject) = filed(&mut world, &office(), attached(definition, 1));
    assert_eq!(subject, " plans/p/agencies/new");
    assert_eq!(filed(&mut world, &office(), withdrawn(carrier, 1)).1, " plans/p/agencies/new");
    let nothing = NothingToReport { area: id("city"), indicator: id("labs"), period: labs().period };
    let (nothing, _) = filed(&mut world, &agency("district"), nothing);
    assert_eq!(filed(&mut world, &agency("district"), attached(nothing, 1)).1, LABS);
}

#[test]
fn what_is_conducted_is_filed_by_name_with_the_area_of_its_scope() {
    let mut world = World::published();
    let quarter = " plans/p/reportingPeriods/q2-2025";
    assert_eq!(filed(&mut world, &office(), second_quarter()).1, quarter);
    assert_eq!(filed(&mut world, &office(), closed("q2-2025")).1, quarter);
    let park = || Scope::Project(id("park"));
    assert_eq!(filed(&mut world, &office(), reminder("bureau", park())).1, "circle plans/p/agencies/bureau");
    let bureau = agency("bureau");
    assert_eq!(filed(&mut world, &bureau, note(park())).1, "circle plans/p/projects/park");
    assert_eq!(filed(&mut world, &bureau, note(Scope::Plan)).1, " plans/p");
    assert_eq!(filed(&mut world, &bureau, note(Scope::Area(id("city")))).1, "city plans/p/areas/city");
    assert_eq!(filed(&mut world, &bureau, note(Scope::Indicator(id("labs")))).1, " plans/p/indicators/labs");
    assert_eq!(filed(&mut world, &bureau, note(Scope::Target(id("city"), id("labs")))).1, LABS);
    let matter = "city plans/p/supervisions/s-1";
    assert_eq!(filed(&mut world, &office(), supervision("s-1", "bureau")).1, matter);
    assert_eq!(filed(&mut world, &bureau, answer("s-1")).1, matter);
    assert_eq!(filed(&mut world, &office(), settled("s-1", SupervisionOutcome::Rectified)).1, matter);
    let mut input = world.input(status("park", ProjectStatus::Suspended));
    input.effective_date = Some(TODAY);
    let (_, decision) = world.send(&office(), input).unwrap();
    assert_eq!((decision.area, decision.subject.as_str()), (Some(id("circle")), "plans/p/projects/park"));
}
