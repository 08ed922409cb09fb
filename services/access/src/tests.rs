//! Tokens, grants and permissions.

use jiff::Timestamp;
use songhua_domain::event::{AccessGranted, AccessRevoked, SystemEvent, SystemPayload};
use songhua_domain::vocabulary::Role;
use uuid::Uuid;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn event(second: i64, payload: SystemPayload) -> SystemEvent {
    SystemEvent { event_id: Uuid::new_v4(), recorded_time: at(second), principal: "system".into(), payload }
}

fn grant(token: &Token, role: Role, plan: Option<&str>, expires: Option<i64>) -> AccessGranted {
    AccessGranted {
        grant_id: Uuid::new_v4(),
        principal: "clerk-7".into(),
        role,
        agency: None,
        plan: plan.map(|plan| plan.parse().unwrap()),
        token_sha256: token.digest(),
        expires: expires.map(at),
    }
}

#[test]
fn a_token_is_long_random_and_never_shown_by_debug() {
    let (one, other) = (Token::generate().unwrap(), Token::generate().unwrap());
    assert_ne!(one, other);
    assert_eq!(one.reveal().len(), 8 + 64);
    assert!(!format!("{one:?}").contains(one.reveal()));
}

#[test]
fn a_granted_token_authenticates_until_it_is_revoked_or_expires() {
    let directory = Directory::default();
    let (token, brief) = (Token::generate().unwrap(), Token::generate().unwrap());
    let granted = grant(&token, Role::Agency, None, None);
    directory.evolve(&event(1, SystemPayload::AccessGranted(granted.clone())));
    directory.evolve(&event(1, SystemPayload::AccessGranted(grant(&brief, Role::Reader, None, Some(10)))));
    assert_eq!(directory.authenticate(token.reveal(), at(2)).unwrap().name, "clerk-7");
    assert!(directory.authenticate(brief.reveal(), at(9)).is_ok());
    assert_eq!(directory.authenticate(brief.reveal(), at(10)), Err(AccessError::TokenInvalid));
    assert_eq!(directory.authenticate("songhua_00", at(2)), Err(AccessError::TokenInvalid));
    let revoked = AccessRevoked { grant_id: granted.grant_id, reason: "left".into() };
    directory.evolve(&event(3, SystemPayload::AccessRevoked(revoked)));
    assert_eq!(directory.authenticate(token.reveal(), at(4)), Err(AccessError::TokenInvalid));
}

#[test]
fn a_role_may_do_what_it_is_for_and_nothing_else() {
    let directory = Directory::default();
    let token = Token::generate().unwrap();
    directory.evolve(&event(1, SystemPayload::AccessGranted(grant(&token, Role::Reader, Some("p-one"), None))));
    let reader = directory.authenticate(token.reveal(), at(2)).unwrap();
    let (own, other) = ("p-one".parse().unwrap(), "p-two".parse().unwrap());
    assert!(reader.require(Permission::ReadProgress, Some(&own)).is_ok());
    assert!(matches!(reader.require(Permission::Submit, Some(&own)), Err(AccessError::Role { .. })));
    assert!(matches!(reader.require(Permission::ReadProgress, Some(&other)), Err(AccessError::OtherPlan { .. })));
}

#[test]
fn an_administrator_of_one_plan_does_not_administer_the_deployment() {
    let directory = Directory::default();
    let token = Token::generate().unwrap();
    directory.evolve(&event(1, SystemPayload::AccessGranted(grant(&token, Role::Admin, Some("p-one"), None))));
    let admin = directory.authenticate(token.reveal(), at(2)).unwrap();
    assert!(admin.require(Permission::Administer, Some(&"p-one".parse().unwrap())).is_ok());
    assert!(admin.require(Permission::Administer, None).is_err());
}

#[test]
fn everybody_but_a_reader_may_replay() {
    let directory = Directory::default();
    let may = |role| {
        let token = Token::generate().unwrap();
        directory.evolve(&event(1, SystemPayload::AccessGranted(grant(&token, role, None, None))));
        directory.authenticate(token.reveal(), at(2)).unwrap().require(Permission::Replay, None).is_ok()
    };
    assert_eq!([Role::Agency, Role::Auditor, Role::Admin, Role::Reader].map(may), [true, true, true, false]);
}
