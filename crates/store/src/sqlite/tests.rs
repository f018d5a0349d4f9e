//! The store as a whole: opening, sharing, events, damage. The traits are tested beside their implementations.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::Barrier;

use landline_trust::grant::Grant;
use tokio::sync::broadcast::error::TryRecvError;

use crate::fixture::{SecondProcess, at, code, contact, key, name, opened};
use crate::{Codes, Contacts, Event, Home, Keys, Store, StoreError, Users};

#[tokio::test]
async fn the_files_are_for_their_owner_alone() {
    let office = opened();
    office.store.add_contact(contact("desk", &[1], &[])).await.unwrap();
    let files: Vec<_> = fs::read_dir(office.home.path()).unwrap().map(Result::unwrap).collect();
    assert!(files.len() >= 3, "the database, its log and its index");
    for file in files {
        assert_eq!(file.metadata().unwrap().mode() & 0o077, 0, "{:?}", file.path());
    }
}

/// Says nothing unless run by root, as CI does: nobody else can give a folder away.
#[tokio::test]
async fn what_root_makes_in_the_home_of_another_user_belongs_to_that_user() {
    const SOMEBODY: u32 = 54_321;
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(dir.path(), Some(SOMEBODY), None).unwrap();
    let home = Home::open_or_create(dir.path()).unwrap();
    assert_eq!(home.owner_uid(), SOMEBODY);
    let store = Store::open(&home).unwrap();
    store.add_contact(contact("desk", &[1], &[])).await.unwrap();
    home.machine_key().unwrap();
    let _lock = home.lock_for_serving().unwrap();
    let files: Vec<_> = fs::read_dir(home.path()).unwrap().map(Result::unwrap).collect();
    assert!(files.len() >= 5, "key, lock, the database, its log and its index");
    for file in files {
        assert_eq!(file.metadata().unwrap().uid(), SOMEBODY, "{:?}", file.path());
    }
    drop(store);
}

#[tokio::test]
async fn reopening_keeps_everything() {
    let office = opened();
    let store = &office.store;
    store.add_contact(contact("desk", &[1, 2], &["desk:1", "desk:2"])).await.unwrap();
    store.enrol(&key(3), "friends", "ann's laptop", at(5)).await.unwrap();
    store.touch(&key(3), at(6)).await.unwrap();
    store.open_code(code(7, "crossover-clockwork")).await.unwrap();
    store.count_break(7).await.unwrap();
    let (contacts, keys) = (store.list_contacts().await.unwrap(), store.list_keys().await.unwrap());
    let (codes, users) = (store.list_codes(at(10)).await.unwrap(), store.list_users().await.unwrap());
    assert!([contacts.len(), keys.len(), codes.len(), users.len()] == [1; 4]);

    let crate::fixture::Opened { home, store, .. } = &office;
    let again = Store::open(home).unwrap();
    for store in [store, &again] {
        assert_eq!(store.list_contacts().await.unwrap(), contacts);
        assert_eq!(store.list_keys().await.unwrap(), keys);
        assert_eq!(store.list_codes(at(10)).await.unwrap(), codes);
        assert_eq!(store.list_users().await.unwrap(), users);
    }
}

#[tokio::test]
async fn a_killed_process_loses_nothing_that_it_was_told_is_done() {
    let test = "sqlite::tests::a_killed_process_loses_nothing_that_it_was_told_is_done";
    if let Some(home) = SecondProcess::home() {
        let store = Store::open(&home).unwrap();
        for n in 0..20 {
            store.enrol(&key(n), "friends", "", at(0)).await.unwrap();
        }
        SecondProcess::ready_then_wait();
    }
    let office = opened();
    SecondProcess::start(test, &office.home).kill();
    assert_eq!(office.store.list_keys().await.unwrap().len(), 20);
    assert_eq!(Store::open(&office.home).unwrap().list_keys().await.unwrap().len(), 20);
    assert_eq!(office.store.integrity().await.unwrap(), [""; 0]);
}

#[test]
fn opening_at_once_from_many_sides_works() {
    const SIDES: usize = 8;
    for _ in 0..5 {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open_or_create(dir.path()).unwrap();
        let start = Barrier::new(SIDES);
        std::thread::scope(|scope| {
            for n in 0..SIDES {
                let (home, start) = (&home, &start);
                scope.spawn(move || {
                    start.wait();
                    let store = Store::open(home).unwrap();
                    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                    let key = key(u8::try_from(n).unwrap());
                    runtime.block_on(store.enrol(&key, "friends", "", at(0))).unwrap();
                });
            }
        });
        let keys = Store::open(&home).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert_eq!(runtime.block_on(keys.list_keys()).unwrap().len(), SIDES);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_handles_write_in_turn_and_see_each_other() {
    let office = opened();
    let other = Store::open(&office.home).unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for n in 0..40 {
        let store = if n % 2 == 0 { office.store.clone() } else { other.clone() };
        writers.spawn(async move { store.enrol(&key(n), "friends", "", at(0)).await.unwrap() });
    }
    writers.join_all().await;
    assert_eq!(office.store.list_keys().await.unwrap().len(), 40);
    assert_eq!(other.list_keys().await.unwrap(), office.store.list_keys().await.unwrap());
}

#[tokio::test]
async fn refuses_a_newer_schema_with_words_and_does_not_touch_it() {
    let office = opened();
    office.sql("PRAGMA user_version = 4711");
    drop(office.store);
    let before = fs::read(office.home.database_path()).unwrap();
    let refusal = Store::open(&office.home).unwrap_err();
    assert!(matches!(refusal, StoreError::NewerSchema { found: 4711, known: 3, .. }), "{refusal}");
    let words = refusal.to_string();
    assert!(words.contains("landline.db was written by a newer landline (schema 4711"), "{words}");
    assert!(words.ends_with("upgrade landline"), "{words}");
    assert_eq!(fs::read(office.home.database_path()).unwrap(), before);
}

#[tokio::test]
async fn an_event_is_told_once_to_every_listener_of_every_handle() {
    let office = opened();
    let other = Store::open(&office.home).unwrap();
    let (mut here, mut clone) = (office.store.events(), office.store.clone().events());
    let mut there = other.events();
    office.store.enrol(&key(1), "friends", "", at(0)).await.unwrap();
    office.store.open_code(code(7, "a")).await.unwrap();
    office.store.open_code(code(8, "b")).await.unwrap();

    assert!(office.store.redeem(7, "a", &key(2), "", at(1)).await.unwrap());
    assert!(office.store.burn(8).await.unwrap());
    office.store.revoke(&key(1).fingerprint()).await.unwrap().unwrap();
    // Nothing happened: nothing is told.
    assert!(!office.store.burn(8).await.unwrap());
    assert_eq!(office.store.revoke(&key(1).fingerprint()).await.unwrap(), None);

    assert_eq!(there.try_recv(), Err(TryRecvError::Empty));
    other.pull_events().await.unwrap();
    other.pull_events().await.unwrap();
    for listener in [&mut here, &mut clone, &mut there] {
        assert_eq!(listener.try_recv().unwrap(), Event::CodeUsed { number: 7, key: key(2) });
        assert_eq!(listener.try_recv().unwrap(), Event::CodeBurned { number: 8 });
        assert_eq!(listener.try_recv().unwrap(), Event::KeyRevoked(key(1)));
        assert_eq!(listener.try_recv(), Err(TryRecvError::Empty));
    }
}

#[tokio::test]
async fn a_revocation_by_another_process_is_told_here() {
    let test = "sqlite::tests::a_revocation_by_another_process_is_told_here";
    if let Some(home) = SecondProcess::home() {
        let store = Store::open(&home).unwrap();
        store.revoke(&key(1).fingerprint()).await.unwrap().unwrap();
        SecondProcess::ready_then_wait();
    }
    let office = opened();
    office.store.enrol(&key(1), "friends", "", at(0)).await.unwrap();
    let mut events = office.store.events();
    SecondProcess::start(test, &office.home).finish();
    assert_eq!(office.store.user_of_key(&key(1)).await.unwrap(), None, "a call that asks is refused at once");
    assert_eq!(events.try_recv().unwrap(), Event::KeyRevoked(key(1)), "and that question was enough to be told");
}

#[tokio::test]
async fn events_before_the_opening_are_not_told_again() {
    let office = opened();
    office.store.enrol(&key(1), "friends", "", at(0)).await.unwrap();
    office.store.revoke(&key(1).fingerprint()).await.unwrap();
    let again = Store::open(&office.home).unwrap();
    let mut events = again.events();
    again.pull_events().await.unwrap();
    assert_eq!(events.try_recv(), Err(TryRecvError::Empty));
}

#[tokio::test]
async fn an_event_that_cannot_be_read_does_not_stop_later_ones() {
    let office = opened();
    let mut events = office.store.events();
    office.sql("INSERT INTO event (kind) VALUES ('of-the-future')");
    office.store.open_code(code(7, "a")).await.unwrap();
    assert!(office.store.burn(7).await.unwrap());
    assert_eq!(events.try_recv().unwrap(), Event::CodeBurned { number: 7 });
}

#[tokio::test]
async fn old_events_are_forgotten_and_their_numbers_never_used_again() {
    let office = opened();
    let mut events = office.store.events();
    let burn = async || {
        office.store.open_code(code(7, "a")).await.unwrap();
        assert!(office.store.burn(7).await.unwrap());
    };
    office.sql("INSERT INTO event (id, kind, number) VALUES (1, 'code-burned', 1), (20000, 'code-burned', 2)");
    burn().await;
    let kept: Vec<i64> = {
        let connection = rusqlite::Connection::open(office.home.database_path()).unwrap();
        let mut query = connection.prepare("SELECT id FROM event ORDER BY id").unwrap();
        query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    assert_eq!(kept, [20000, 20001]);
    office.sql("DELETE FROM event");
    burn().await;
    for number in [1, 2, 7, 7] {
        assert_eq!(events.try_recv().unwrap(), Event::CodeBurned { number });
    }
}

#[tokio::test]
async fn a_sound_database_has_no_problems() {
    let office = opened();
    office.store.add_contact(contact("desk", &[1], &["desk"])).await.unwrap();
    assert_eq!(office.store.integrity().await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn damage_is_found_and_told() {
    let office = opened();
    office.sql("PRAGMA foreign_keys = OFF; INSERT INTO contact_address VALUES ('nobody', 0, 'x')");
    let problems = office.store.integrity().await.unwrap();
    assert_eq!(problems, ["a row of contact_address refers to a missing contact"]);
    office.sql(
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, 'WHERE is_default = 1', 'WHERE is_default = 0')
         WHERE name = 'one_default_user'",
    );
    let again = Store::open(&office.home).unwrap();
    assert!(!again.integrity().await.unwrap().is_empty());
}

#[test]
fn a_file_that_is_no_database_is_refused_with_words() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::open_or_create(dir.path()).unwrap();
    fs::write(home.database_path(), "this is a letter to my aunt ".repeat(100)).unwrap();
    let refusal = Store::open(&home).unwrap_err();
    assert!(matches!(refusal, StoreError::Corrupt { .. }), "{refusal}");
    assert!(refusal.to_string().contains("landline.db is damaged or not a database"), "{refusal}");
}

#[tokio::test]
async fn a_grant_that_cannot_be_read_is_an_error_and_not_left_out() {
    let office = opened();
    office.store.enrol(&key(1), "friends", "", at(0)).await.unwrap();
    office.sql("INSERT INTO user_grant (user, text) VALUES ('friends', 'teleport:everywhere')");
    for outcome in [office.store.user_of_key(&key(1)).await.map(drop), office.store.default_user().await.map(drop)] {
        assert!(matches!(outcome, Err(StoreError::UnreadableRow { what: "grant", .. })), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_call_whose_future_is_dropped_leaves_the_store_usable() {
    let office = opened();
    for n in 0..20 {
        let key = key(n);
        let mut enrolling = std::pin::pin!(office.store.enrol(&key, "friends", "", at(0)));
        let _begun = std::future::poll_fn(|context| {
            std::task::Poll::Ready(std::future::Future::poll(enrolling.as_mut(), context))
        })
        .await;
    }
    assert!(office.store.list_keys().await.is_ok());
    assert_eq!(office.store.integrity().await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn a_panic_in_a_call_ends_that_call_alone_and_undoes_it() {
    let office = opened();
    let store = office.store.clone();
    let task = tokio::spawn(async move {
        store
            .write::<()>(|tx| {
                tx.execute("DELETE FROM user_grant", [])?;
                panic!("on purpose")
            })
            .await
    });
    assert!(task.await.unwrap_err().is_panic());
    assert_eq!(office.store.default_user().await.unwrap().grants.len(), 2);
}

#[tokio::test]
async fn the_first_user_is_friends_who_read_and_write_the_whole_share() {
    let office = opened();
    office.add_user("ann");
    let friends = office.store.default_user().await.unwrap();
    assert_eq!(friends.name, "friends");
    assert!(friends.default);
    let whole = ["files:read /", "files:write /"].map(|text| text.parse::<Grant>().unwrap());
    assert_eq!(friends.grants, whole);
    let users = office.store.list_users().await.unwrap();
    assert_eq!(users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), ["ann", "friends"]);
    assert_eq!(users[1], friends);
    assert!(!users[0].default && users[0].grants.is_empty());
}

#[tokio::test]
async fn a_key_calls_as_the_user_it_is_enrolled_to() {
    let office = opened();
    office.add_user("ann");
    office.store.enrol(&key(1), "ann", "", at(0)).await.unwrap();
    assert_eq!(office.store.user_of_key(&key(1)).await.unwrap().unwrap().name, "ann");
    assert_eq!(office.store.user_of_key(&key(2)).await.unwrap(), None);
    assert_eq!(office.store.contact(&name("ann")).await.unwrap(), None, "users and contacts have nothing in common");
}
