//! Users come, are given and lose rights, and go; each change is whole and told of.

use landline_trust::grant::Grant;
use tokio::sync::broadcast::{Receiver, error::TryRecvError};

use crate::fixture::{Opened, SecondProcess, at, code, key, opened};
use crate::{Codes, Event, Keys, OpenCode, Store, StoreError, Users};
use landline_addr::user::UserName;

fn user(name: &str) -> UserName {
    name.parse().unwrap()
}

fn grants(texts: &[&str]) -> Vec<Grant> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

async fn with_amy() -> (Opened, Receiver<Event>) {
    let office = opened();
    office.store.add_user(&user("amy"), &Grant::own_home(), true, Some(1 << 20)).await.unwrap();
    office.store.enrol(&key(1), "amy", "laptop", at(1)).await.unwrap();
    office.store.enrol(&key(2), "amy", "phone", at(2)).await.unwrap();
    let events = office.store.events();
    (office, events)
}

fn told(events: &mut Receiver<Event>) -> Vec<Event> {
    let mut all = Vec::new();
    loop {
        match events.try_recv() {
            Ok(event) => all.push(event),
            Err(TryRecvError::Empty) => return all,
            Err(fault) => panic!("{fault}"),
        }
    }
}

#[tokio::test]
async fn a_new_user_is_there_with_all_that_was_said_and_the_name_is_taken() {
    let (office, mut events) = with_amy().await;
    let amy = office.store.user(&user("amy")).await.unwrap();
    assert_eq!((amy.grants.as_slice(), amy.has_home, amy.quota), (&Grant::own_home()[..], true, Some(1 << 20)));
    assert_eq!(office.store.user_of_key(&key(2)).await.unwrap().unwrap(), amy);
    let again = office.store.add_user(&user("amy"), &[], false, None).await.unwrap_err();
    assert!(matches!(again, StoreError::UserTaken { .. }), "{again}");
    assert_eq!(office.store.user(&user("amy")).await.unwrap(), amy, "as she was");
    let nobody = office.store.user(&user("bob")).await.unwrap_err();
    assert!(matches!(nobody, StoreError::UnknownUser { .. }), "{nobody}");
    assert_eq!(told(&mut events), []);
}

#[tokio::test]
async fn giving_is_told_to_nobody_and_taking_to_each_key() {
    let (office, mut events) = with_amy().await;
    let store = &office.store;
    let more = grants(&["files:read /pub", "files:read ~"]);
    assert!(store.give(&user("amy"), &more).await.unwrap());
    assert!(!store.give(&user("amy"), &more).await.unwrap(), "she has them");
    assert_eq!(told(&mut events), []);
    let both = grants(&["files:read /pub", "files:write /pub"]);
    let refusal = store.take(&user("amy"), &both).await.unwrap_err();
    assert!(refusal.to_string().contains("files:write /pub"), "{refusal}");
    assert_eq!(store.user(&user("amy")).await.unwrap().grants.len(), 3, "all or none");
    assert_eq!(told(&mut events), []);
    store.take(&user("amy"), &both[..1]).await.unwrap();
    assert_eq!(told(&mut events), [Event::RightsLost(key(1)), Event::RightsLost(key(2))]);
    assert_eq!(store.user(&user("amy")).await.unwrap().grants, Grant::own_home());
}

#[tokio::test]
async fn a_home_that_was_made_is_this_users_and_not_the_next_ones() {
    let (office, _) = with_amy().await;
    let store = &office.store;
    assert!(!store.user(&user("amy")).await.unwrap().home_made);
    store.note_home_made(&user("amy")).await.unwrap();
    assert!(store.user(&user("amy")).await.unwrap().home_made);
    store.remove_user(&user("amy")).await.unwrap();
    store.note_home_made(&user("amy")).await.unwrap(); // late, and nobody's
    store.add_user(&user("amy"), &[], true, None).await.unwrap();
    assert!(!store.user(&user("amy")).await.unwrap().home_made);
}

#[tokio::test]
async fn a_home_can_be_given_later_and_once() {
    let (office, mut events) = with_amy().await;
    let store = &office.store;
    assert!(!store.give_home(&user("amy")).await.unwrap(), "she has one");
    assert_eq!(told(&mut events), []);
    store.add_user(&user("bob"), &grants(&["files:read /pub"]), false, None).await.unwrap();
    store.enrol(&key(3), "bob", "laptop", at(3)).await.unwrap();
    assert!(store.give_home(&user("bob")).await.unwrap());
    let bob = store.user(&user("bob")).await.unwrap();
    assert_eq!((bob.has_home, bob.home_made, bob.quota), (true, false, None));
    assert_eq!(bob.grants, grants(&["files:read /pub", "files:read ~", "files:write ~"]));
    assert_eq!(told(&mut events), [Event::RightsLost(key(3))]);
    let nobody = store.give_home(&user("eve")).await.unwrap_err();
    assert!(matches!(nobody, StoreError::UnknownUser { .. }), "{nobody}");
}

#[tokio::test]
async fn a_quota_can_be_changed_and_lifted() {
    let (office, mut events) = with_amy().await;
    for quota in [Some(0), Some(u64::MAX >> 1), None] {
        office.store.set_quota(&user("amy"), quota).await.unwrap();
        assert_eq!(office.store.user(&user("amy")).await.unwrap().quota, quota);
        assert_eq!(told(&mut events).len(), 2);
    }
}

#[tokio::test]
async fn a_user_goes_with_keys_codes_and_grants_and_the_default_user_stays() {
    let (office, mut events) = with_amy().await;
    let store = &office.store;
    store.open_code(OpenCode { user: "amy".to_owned(), ..code(7, "crossover-clockwork") }).await.unwrap();
    assert_eq!(store.remove_user(&user("amy")).await.unwrap(), [key(1), key(2)]);
    assert_eq!(told(&mut events), [Event::KeyRevoked(key(1)), Event::KeyRevoked(key(2))]);
    assert_eq!(store.list_codes(at(0)).await.unwrap(), []);
    assert_eq!(store.user_of_key(&key(1)).await.unwrap(), None);
    assert_eq!(store.list_users().await.unwrap().len(), 1);
    let friends = store.remove_user(&user("friends")).await.unwrap_err();
    assert!(matches!(friends, StoreError::DefaultUser { .. }), "{friends}");
    assert_eq!(store.integrity().await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn a_database_of_the_first_schema_keeps_its_users_who_have_no_home() {
    let office = opened();
    office.sql("DROP TABLE secret; ALTER TABLE user DROP COLUMN password; ALTER TABLE user DROP COLUMN quota; ALTER TABLE user DROP COLUMN home_made; ALTER TABLE user DROP COLUMN has_home; PRAGMA user_version = 1");
    office.sql("INSERT INTO user (name) VALUES ('ann')");
    let again = Store::open(&office.home).unwrap();
    let ann = again.user(&user("ann")).await.unwrap();
    assert_eq!((ann.has_home, ann.quota), (false, None));
    assert!(again.default_user().await.unwrap().default);
}

/// An acknowledged change is there after the process that made it was killed.
#[tokio::test]
async fn what_was_acknowledged_outlives_a_kill() {
    if let Some(home) = SecondProcess::home() {
        let store = Store::open(&home).unwrap();
        store.add_user(&user("amy"), &Grant::own_home(), true, None).await.unwrap();
        store.give(&user("amy"), &grants(&["admin"])).await.unwrap();
        store.take(&user("amy"), &grants(&["files:read ~"])).await.unwrap();
        store.set_quota(&user("amy"), Some(5)).await.unwrap();
        store.add_user(&user("bob"), &[], false, None).await.unwrap();
        store.remove_user(&user("bob")).await.unwrap();
        SecondProcess::ready_then_wait();
    }
    let office = opened();
    SecondProcess::start("sqlite::users::tests::what_was_acknowledged_outlives_a_kill", &office.home).kill();
    let amy = office.store.user(&user("amy")).await.unwrap();
    assert_eq!(amy.grants, grants(&["admin", "files:write ~"]));
    assert_eq!(amy.quota, Some(5));
    assert!(office.store.user(&user("bob")).await.is_err());
}
