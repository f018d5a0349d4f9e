//! The end of one call by its owner, and what a handler hears of every connection that is over, once each.

use landline_net::{CallError, End, ServerLimits, server::ENDED_BY_OWNER};
use landline_wire::{ErrorCode, Fault, Reply};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    handler::Event,
    house::{ALICE, House, MALLORY, calm, echoes, end_of, key, millis, peer, soon},
};

#[tokio::test]
async fn a_call_whose_service_does_not_heed_its_end_is_told_and_dropped() {
    let mut house = House::open(ServerLimits { ending: millis(10), ..calm() }).await;
    let mut other = house.call(ALICE, "echo").await.unwrap();
    echoes(&mut other).await;
    let mut call = house.call(ALICE, "deaf").await.unwrap();
    call.send(&json!({"go": {}})).await.unwrap();
    house.hears(&Event::Busy(peer(ALICE))).await;
    let number = house.live.list().into_iter().find(|call| call.service == "deaf").unwrap().number;
    assert!(house.live.end(number));
    let told = soon(call.recv::<Reply>()).await.unwrap();
    assert_eq!(told, Some(Reply::Error(Fault::new(ErrorCode::Refused, ENDED_BY_OWNER))));
    drop(call);
    let partings = soon(house.book.partings(1)).await;
    assert_eq!((partings[0].number, &partings[0].end), (number, &End::ByOwner));
    assert!(!house.live.end(number), "it is over");
    echoes(&mut other).await;
}

#[tokio::test]
async fn a_call_in_the_middle_of_a_block_ends_without_a_word() {
    let mut house = House::open(ServerLimits { ending: millis(10), ..calm() }).await;
    let mut call = house.call(ALICE, "pour").await.unwrap();
    call.send(&json!({"go": {}})).await.unwrap();
    house.hears(&Event::Busy(peer(ALICE))).await;
    assert!(house.live.end(1));
    soon(house.book.partings(1)).await;
    let (reader, _) = call.halves();
    let ended = soon(async {
        while reader.recv().await?.is_some() {}
        Ok(())
    })
    .await;
    assert!(matches!(ended, Err(CallError::Cut)), "{ended:?}");
}

#[tokio::test]
async fn every_connection_that_is_over_is_told_of_once_with_how_it_ended() {
    let house = House::open(calm()).await;
    let mut call = house.call(ALICE, "echo").await.unwrap();
    echoes(&mut call).await;
    let said = call.line().sent();
    call.close().await.unwrap();
    let first = soon(house.book.partings(1)).await.remove(0);
    assert_eq!(
        (first.number, first.peer, first.service.as_str(), &first.end),
        (1, Some(peer(ALICE)), "echo", &End::Well)
    );
    assert!(first.received >= said && first.sent > 0, "{first:?}");

    let mut cut = house.call(ALICE, "echo").await.unwrap();
    echoes(&mut cut).await;
    house.live.cut(&key(ALICE));
    assert_eq!(soon(house.book.partings(2)).await[1].end, End::Cut);
    let mut panics = house.call(ALICE, "panic").await.unwrap();
    panics.send(&json!({"go": {}})).await.unwrap();
    assert_eq!(soon(house.book.partings(3)).await[2].end, End::Panicked);
    let mut stranger = house.call(MALLORY, "echo").await.unwrap();
    stranger.send(&json!({"go": {}})).await.unwrap();
    drop(end_of(&mut stranger).await);
    drop(stranger);
    let refused = soon(house.book.partings(4)).await.remove(3);
    assert!(refused.end.was_refused() && refused.peer == Some(peer(MALLORY)), "{refused:?}");
    let mut mute = TcpStream::connect(house.address()).await.unwrap();
    mute.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    drop(soon(mute.read_to_end(&mut Vec::new())).await);
    let mute = soon(house.book.partings(5)).await.remove(4);
    assert!(mute.end.was_refused() && mute.peer.is_none() && mute.number == 0, "{mute:?}");
    assert_eq!(house.live.count(), 0);
}
