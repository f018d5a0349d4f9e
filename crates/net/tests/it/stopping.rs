//! The graceful stop: what runs is finished within the grace period, nothing new begins, the rest is cut and counted.

use landline_net::{CallError, CallLimits, DialError, ServerLimits};
use serde_json::json;
use tokio::net::TcpStream;

use crate::{
    handler::Event,
    house::{ALICE, BOB, DEADLINE, House, MALLORY, calm, echoes, end_of, millis, peer, soon},
    raw,
};

#[tokio::test]
async fn a_running_call_is_finished_and_new_ones_are_refused_meanwhile() {
    let mut house = House::open(calm()).await;
    let mut running = house.call(ALICE, "hold").await.unwrap();
    running.send(&json!({"go": {}})).await.unwrap();
    house.hears(&Event::Busy(peer(ALICE))).await;
    house.stop.cancel();
    house.hears(&Event::Stopping).await;
    let refused = house.call(BOB, "echo").await;
    assert!(matches!(refused, Err(DialError::Connect { .. })), "{refused:?}");
    assert_eq!(house.heard(), [], "nobody was asked");
    house.book.gate.add_permits(1);
    assert_eq!(soon(running.recv()).await.unwrap(), Some(landline_wire::Reply::Done {}));
    running.close().await.unwrap();
    assert_eq!(house.ended().await, 0);
}

#[tokio::test]
async fn an_idle_call_is_closed_cleanly() {
    let house = House::open(calm()).await;
    let mut call = house.call(ALICE, "echo").await.unwrap();
    echoes(&mut call).await;
    house.stop.cancel();
    assert!(matches!(end_of(&mut call).await, Ok(None)));
    drop(call);
    assert_eq!(house.ended().await, 0);
}

#[tokio::test]
async fn calls_that_outlast_the_grace_period_are_cut_and_counted() {
    let mut house = House::open(ServerLimits { grace: millis(50), ..calm() }).await;
    let mut calls = Vec::new();
    for service in ["deaf", "pour", "hold"] {
        let mut call = house.call(ALICE, service).await.unwrap();
        call.send(&json!({"go": {}})).await.unwrap();
        house.hears(&Event::Busy(peer(ALICE))).await;
        calls.push(call);
    }
    let mut finished = house.call(BOB, "echo").await.unwrap();
    echoes(&mut finished).await;
    house.stop.cancel();
    assert!(matches!(end_of(&mut finished).await, Ok(None)));
    drop(finished);
    assert_eq!(house.ended().await, 3);
    for mut call in calls {
        let (reader, _) = call.halves();
        let ended = soon(async {
            while reader.recv().await?.is_some() {}
            Ok(())
        })
        .await;
        assert!(matches!(ended, Err(CallError::Cut)), "{ended:?}");
    }
}

#[tokio::test]
async fn last_words_that_nobody_takes_do_not_outlast_the_grace_period() {
    let call = CallLimits { write_idle: DEADLINE * 10, ..CallLimits::default() };
    let mut house = House::open(ServerLimits { grace: millis(50), call, ..calm() }).await;
    let mut call = house.call(ALICE, "stuff").await.unwrap();
    call.send(&json!({"go": {}})).await.unwrap();
    house.hears(&Event::Busy(peer(ALICE))).await;
    house.stop.cancel();
    assert_eq!(house.ended().await, 1);
}

#[tokio::test]
async fn strangers_in_the_door_do_not_hold_up_the_stop_and_are_no_calls() {
    let house = House::open(calm()).await;
    let _silent = TcpStream::connect(house.address()).await.unwrap();
    let _standing = raw::stand_in_the_door(house.address()).await;
    let _dumb = raw::tls_as(MALLORY, house.address()).await;
    house.stop.cancel();
    assert_eq!(house.ended().await, 0);
}

#[tokio::test]
async fn a_server_that_is_told_to_stop_before_it_runs_stops() {
    let house = House::open(calm()).await;
    house.stop.cancel();
    assert_eq!(house.ended().await, 0);
}
