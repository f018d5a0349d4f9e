//! Codes against a real database: once only, also when many try at once.

use std::time::Duration;

use tokio::task::JoinSet;

use crate::fixture::{Opened, at, code, key, opened};
use crate::{Codes, Event, Keys, OpenCode, Store, StoreError, Users};

/// Second 100, at which the fixture's codes expire.
const LAST_SECOND: u64 = 99;
const EXPIRED: u64 = 100;

async fn with_code(number: u16, secret: &str) -> Opened {
    let office = opened();
    office.store.open_code(code(number, secret)).await.unwrap();
    office
}

#[tokio::test]
async fn a_code_comes_back_until_it_expires_and_never_after() {
    let office = with_code(7, "crossover-clockwork").await;
    let found = office.store.code(7, at(LAST_SECOND)).await.unwrap();
    assert_eq!(found, Some(code(7, "crossover-clockwork")));
    assert_eq!(office.store.code(8, at(0)).await.unwrap(), None);
    assert_eq!(office.store.code(7, at(EXPIRED)).await.unwrap(), None);
    assert_eq!(office.store.code(7, at(0)).await.unwrap(), None, "deleted: a clock set back does not revive it");
}

#[tokio::test]
async fn a_life_of_milliseconds_is_kept() {
    let office = opened();
    let expires_at = at(0) + Duration::from_millis(20);
    office.store.open_code(OpenCode { expires_at, ..code(1, "a") }).await.unwrap();
    assert!(office.store.code(1, expires_at - Duration::from_millis(1)).await.unwrap().is_some());
    assert!(office.store.code(1, expires_at).await.unwrap().is_none());
}

#[tokio::test]
async fn expired_codes_are_neither_listed_nor_redeemed_nor_in_the_way() {
    let office = with_code(1, "a").await;
    assert!(!office.store.redeem(1, "a", &key(1), "", at(EXPIRED)).await.unwrap());
    assert_eq!(office.store.list_keys().await.unwrap(), []);

    office.store.open_code(code(1, "a")).await.unwrap();
    assert_eq!(office.store.list_codes(at(EXPIRED)).await.unwrap(), []);

    office.store.open_code(code(1, "a")).await.unwrap();
    assert_eq!(office.store.free_number(at(LAST_SECOND)).await.unwrap(), 2);
    assert_eq!(office.store.free_number(at(EXPIRED)).await.unwrap(), 1);
}

#[tokio::test]
async fn open_codes_are_listed_by_number() {
    let office = opened();
    for number in [30, 2, 999] {
        office.store.open_code(code(number, "a")).await.unwrap();
    }
    let listed: Vec<_> = office.store.list_codes(at(0)).await.unwrap().iter().map(|code| code.number).collect();
    assert_eq!(listed, [2, 30, 999]);
}

#[tokio::test]
async fn that_a_code_was_ever_opened_is_remembered_however_it_ended() {
    let office = opened();
    assert!(!office.store.ever_opened().await.unwrap());
    office.store.open_code(code(1, "a")).await.unwrap();
    assert!(office.store.burn(1).await.unwrap());
    assert!(office.store.ever_opened().await.unwrap());
}

#[tokio::test]
async fn the_lowest_free_number_is_given() {
    let office = opened();
    for expected in 1..=5 {
        assert_eq!(office.store.free_number(at(0)).await.unwrap(), expected);
        office.store.open_code(code(expected, "a")).await.unwrap();
    }
    office.store.burn(3).await.unwrap();
    assert_eq!(office.store.free_number(at(0)).await.unwrap(), 3);
}

#[tokio::test]
async fn when_all_numbers_are_in_use_none_is_given() {
    let office = opened();
    office.sql(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
         INSERT INTO code (number, secret, user, expires_at_ms) SELECT i, 'a', 'friends', 9e15 FROM n",
    );
    let refusal = office.store.free_number(at(0)).await.unwrap_err();
    assert!(matches!(refusal, StoreError::NoFreeNumber), "{refusal}");
    office.store.burn(999).await.unwrap();
    assert_eq!(office.store.free_number(at(0)).await.unwrap(), 999);
}

#[tokio::test]
async fn refuses_a_taken_number_an_unknown_user_and_numbers_that_no_code_has() {
    let office = with_code(7, "first").await;
    let taken = office.store.open_code(code(7, "second")).await.unwrap_err();
    assert!(matches!(taken, StoreError::NumberTaken { number: 7 }), "{taken}");
    assert_eq!(office.store.code(7, at(0)).await.unwrap().unwrap().secret.as_str(), "first");

    let unknown = office.store.open_code(OpenCode { user: "bob".to_owned(), ..code(8, "a") }).await.unwrap_err();
    assert!(matches!(unknown, StoreError::UnknownUser { .. }), "{unknown}");
    for number in [0, 1000, u16::MAX] {
        assert!(office.store.open_code(code(number, "a")).await.is_err());
    }
}

#[tokio::test]
async fn redeeming_enrols_the_key_to_the_codes_user() {
    let office = opened();
    office.add_user("ann");
    office.store.open_code(OpenCode { user: "ann".to_owned(), ..code(7, "a") }).await.unwrap();
    assert!(office.store.redeem(7, "a", &key(1), "laptop", at(5)).await.unwrap());
    assert_eq!(office.store.user_of_key(&key(1)).await.unwrap().unwrap().name, "ann");
    let keys = office.store.list_keys().await.unwrap();
    assert_eq!((keys[0].label.as_str(), keys[0].enrolled_at), ("laptop", at(5)));
    assert_eq!(office.store.code(7, at(0)).await.unwrap(), None);
    assert!(!office.store.redeem(7, "a", &key(2), "", at(5)).await.unwrap(), "once only");
}

#[tokio::test]
async fn another_secret_redeems_nothing_and_leaves_the_code_open() {
    let office = with_code(7, "right").await;
    for wrong in ["wrong", "", "righ", "right "] {
        assert!(!office.store.redeem(7, wrong, &key(1), "", at(0)).await.unwrap());
    }
    assert_eq!(office.store.list_keys().await.unwrap(), []);
    assert!(office.store.redeem(7, "right", &key(1), "", at(0)).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_redeem_at_once_one_succeeds_and_is_enrolled() {
    let office = with_code(7, "a").await;
    let mut events = office.store.events();
    // Two handles: locks within a process must not be what decides.
    let other = Store::open(&office.home).unwrap();
    let mut attempts = JoinSet::new();
    for n in 0..32 {
        let store = if n % 2 == 0 { office.store.clone() } else { other.clone() };
        attempts.spawn(async move { store.redeem(7, "a", &key(n), "", at(0)).await.unwrap().then(|| key(n)) });
    }
    let winners: Vec<_> = attempts.join_all().await.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1);
    let enrolled = office.store.list_keys().await.unwrap();
    assert_eq!(enrolled.iter().map(|enrolled| enrolled.key).collect::<Vec<_>>(), winners);
    assert_eq!(events.try_recv().unwrap(), Event::CodeUsed { number: 7, key: winners[0] });
    assert!(events.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_burned_once_and_never_both_burned_and_redeemed() {
    let office = opened();
    let other = Store::open(&office.home).unwrap();
    for round in 0..10 {
        office.store.open_code(code(7, "a")).await.unwrap();
        let mut attempts = JoinSet::new();
        for n in 0..8 {
            let store = if n % 2 == 0 { office.store.clone() } else { other.clone() };
            attempts.spawn(async move {
                if n % 4 < 2 {
                    store.burn(7).await.unwrap()
                } else {
                    store.redeem(7, "a", &key(round), "", at(0)).await.unwrap()
                }
            });
        }
        let successes = attempts.join_all().await.into_iter().filter(|success| *success).count();
        assert_eq!(successes, 1);
    }
}

#[tokio::test]
async fn a_redemption_that_cannot_be_finished_leaves_the_code_open() {
    let office = with_code(7, "a").await;
    office.sql("CREATE TRIGGER refuse BEFORE INSERT ON enrolled_key BEGIN SELECT raise(ABORT, 'on purpose'); END");
    assert!(office.store.redeem(7, "a", &key(1), "", at(0)).await.is_err());
    assert!(office.store.code(7, at(0)).await.unwrap().is_some());
    office.sql("DROP TRIGGER refuse");
    assert!(office.store.redeem(7, "a", &key(1), "", at(0)).await.unwrap());
}

#[tokio::test]
async fn breaks_are_counted_and_burn_nothing() {
    let office = with_code(7, "a").await;
    for count in 1..=3 {
        assert_eq!(office.store.count_break(7).await.unwrap(), Some(count));
    }
    assert_eq!(office.store.code(7, at(0)).await.unwrap().unwrap().breaks, 3);
    assert_eq!(office.store.count_break(8).await.unwrap(), None);
    office.sql("UPDATE code SET breaks = 4294967295");
    assert_eq!(office.store.count_break(7).await.unwrap(), Some(u32::MAX), "the count does not overflow");
}

#[test]
fn debug_output_hides_the_secret() {
    let shown = format!("{:?}", code(7, "crossover-clockwork"));
    assert!(shown.contains("number: 7") && !shown.contains("clockwork"), "{shown}");
}

/// The futures can be used in spawned tasks, by code that knows only the trait.
#[tokio::test]
async fn the_traits_serve_spawned_tasks() {
    fn opens<S: Codes + Clone + Send + Sync + 'static>(store: &S) -> tokio::task::JoinHandle<bool> {
        let store = store.clone();
        tokio::spawn(async move { store.code(7, at(0)).await.unwrap().is_some() })
    }
    assert!(opens(&with_code(7, "a").await.store).await.unwrap());
}
