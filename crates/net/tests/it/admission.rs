//! Calls that end out of turn: cut by key, or by a handler that panics. Each alone.

use landline_net::{CallError, CallLimits, ServerLimits};
use serde_json::json;

use crate::{
    handler::Event,
    house::{ALICE, BOB, DEADLINE, House, calm, echoes, end_of, key, millis, peer, soon},
};

#[tokio::test]
async fn cutting_a_key_ends_its_running_calls_at_once_and_no_others() {
    let mut house = House::open(calm()).await;
    let mut bobs = house.call(BOB, "echo").await.unwrap();
    echoes(&mut bobs).await;
    let mut alices = Vec::new();
    for service in ["deaf", "pour", "hold"] {
        let mut call = house.call(ALICE, service).await.unwrap();
        call.send(&json!({"go": {}})).await.unwrap();
        house.hears(&Event::Busy(peer(ALICE))).await;
        alices.push(call);
    }
    assert_eq!(house.live.count(), 4);
    assert_eq!(house.live.cut(&key(ALICE)), 3);
    for mut call in alices {
        let (reader, _) = call.halves();
        let ended = soon(async {
            while reader.recv().await?.is_some() {}
            Ok(())
        })
        .await;
        assert!(matches!(ended, Err(CallError::Cut)), "{ended:?}");
    }
    echoes(&mut bobs).await;
    assert_eq!(house.live.count(), 1);
}

#[tokio::test]
async fn a_key_that_is_cut_while_its_admission_is_asked_is_not_served() {
    let mut house = House::open(calm()).await;
    let mut call = house.call(ALICE, "slow-door").await.unwrap();
    call.send(&json!({"go": {}})).await.unwrap();
    house.hears(&Event::Asked(peer(ALICE), "slow-door".to_owned())).await;
    assert_eq!(house.live.cut(&key(ALICE)), 1);
    house.book.gate.add_permits(1);
    let ended = end_of(&mut call).await;
    assert!(matches!(ended, Err(CallError::Cut)), "{ended:?}");
}

#[tokio::test]
async fn a_call_that_only_has_its_last_words_left_is_cut_at_once_too() {
    let limits = CallLimits { write_idle: DEADLINE * 10, ..CallLimits::default() };
    let mut house = House::open(ServerLimits { call: limits, ..calm() }).await;
    let mut call = house.call(ALICE, "stuff").await.unwrap();
    call.send(&json!({"go": {}})).await.unwrap();
    house.hears(&Event::Busy(peer(ALICE))).await;
    let mut bobs = house.call(BOB, "echo").await.unwrap();
    echoes(&mut bobs).await;
    house.live.cut(&key(ALICE));
    let (reader, _) = call.halves();
    let ended = soon(async {
        while reader.recv().await?.is_some() {}
        Ok(())
    })
    .await;
    assert!(matches!(ended, Err(CallError::Cut)), "{ended:?}");
}

#[tokio::test]
async fn cutting_all_but_some_spares_those_and_callers_without_a_key() {
    let mut house = House::open(calm()).await;
    let mut alices = house.call(ALICE, "deaf").await.unwrap();
    alices.send(&json!({"go": {}})).await.unwrap();
    house.hears(&Event::Busy(peer(ALICE))).await;
    let mut bobs = house.call(BOB, "echo").await.unwrap();
    echoes(&mut bobs).await;
    house.live.cut_all_but(|shown| *shown == key(BOB));
    assert!(matches!(end_of(&mut alices).await, Err(CallError::Cut)));
    echoes(&mut bobs).await;
}

#[tokio::test]
async fn a_call_that_panics_ends_alone_and_gives_back_all_it_held() {
    let limits = ServerLimits { calls: 2, strangers_start: 1, strangers_full: 1, ..calm() };
    let house = House::open(limits).await;
    let mut bystander = house.call(BOB, "echo").await.unwrap();
    echoes(&mut bystander).await;
    for service in ["panic", "panic-at-the-door", "panic", "panic-at-the-door"] {
        let mut call = house.call(ALICE, service).await.unwrap();
        call.send(&json!({"go": {}})).await.unwrap();
        let ended = end_of(&mut call).await;
        assert!(matches!(ended, Err(CallError::Cut)), "{service}: {ended:?}");
    }
    echoes(&mut house.call(ALICE, "echo").await.unwrap()).await;
    echoes(&mut bystander).await;
    house.stop.cancel();
    assert_eq!(house.ended().await, 0);
}

#[tokio::test]
async fn a_panic_is_counted_while_the_server_runs() {
    let house = House::open(ServerLimits { linger: millis(1), ..calm() }).await;
    assert_eq!(house.live.panics(), 0);
    let mut call = house.call(ALICE, "panic").await.unwrap();
    call.send(&json!({"go": {}})).await.unwrap();
    assert!(matches!(end_of(&mut call).await, Err(CallError::Cut)));
    soon(async {
        while house.live.panics() == 0 {
            tokio::task::yield_now().await
        }
    })
    .await;
    assert_eq!((house.live.panics(), house.live.count()), (1, 0));
}
