//! Permits are taken before accept: a caller too many waits in the kernel's queue and costs the server nothing.

use landline_net::ServerLimits;

use crate::{
    handler::Event,
    house::{ALICE, BOB, DESK, House, at, calm, dialer, echoes, key, peer, soon},
};

#[tokio::test]
async fn the_second_of_one_permitted_call_waits_unheard_and_is_served_when_the_first_ends() {
    let mut house = House::open(ServerLimits { calls: 1, ..calm() }).await;
    let mut first = house.call(ALICE, "echo").await.unwrap();
    echoes(&mut first).await;
    let endpoint = at(house.address());
    let second = tokio::spawn(async move {
        let mut call = dialer(BOB).call(&endpoint, &[key(DESK)], "echo").await.unwrap();
        echoes(&mut call).await;
    });
    for _ in 0..100 {
        echoes(&mut first).await;
    }
    let asked = house.heard().into_iter().filter(|event| *event == Event::Asked(peer(BOB), "echo".to_owned()));
    assert_eq!(asked.count(), 0);
    assert!(!second.is_finished());
    first.close().await.unwrap();
    soon(second).await.unwrap();
}

#[tokio::test]
async fn many_more_callers_than_permits_are_all_served() {
    let house = House::open(ServerLimits { calls: 3, ..calm() }).await;
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..30 {
        let endpoint = at(house.address());
        callers.spawn(async move {
            let mut call = dialer(ALICE).call(&endpoint, &[key(DESK)], "echo").await.unwrap();
            echoes(&mut call).await;
            call.close().await.unwrap();
        });
    }
    soon(callers.join_all()).await;
}

#[tokio::test]
async fn a_server_whose_permits_are_all_taken_stops_when_told() {
    let house = House::open(ServerLimits { calls: 1, ..calm() }).await;
    let mut call = house.call(ALICE, "echo").await.unwrap();
    echoes(&mut call).await;
    house.stop.cancel();
    assert_eq!(house.ended().await, 0);
}
