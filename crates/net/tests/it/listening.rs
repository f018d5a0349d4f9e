//! Where a server listens.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use landline_addr::endpoint::{Endpoint, Host};
use landline_net::{Server, dial::call_local};

use crate::{
    handler::{Book, Desk},
    house::{ALICE, DESK, House, at, calm, dialer, echoes, identity, key, loopback, patient, soon},
};

#[tokio::test]
async fn one_endpoint_takes_calls_over_ipv4_and_ipv6() {
    let house = House::listening(calm(), &[Endpoint::Tcp { host: Host::Any, port: 0 }]).await;
    let port = house.address().port();
    let mut addresses = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))];
    if house.address().is_ipv6() {
        addresses.push((Ipv6Addr::LOCALHOST, port).into());
    }
    for address in addresses {
        let mut call = soon(dialer(ALICE).call(&at(address), &[key(DESK)], "echo")).await.unwrap();
        assert_eq!(call.origin(), landline_net::peer::Origin::Tcp(address));
        echoes(&mut call).await;
    }
}

#[tokio::test]
async fn several_endpoints_lead_to_one_server() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("desk.sock");
    let house = House::listening(calm(), &[loopback(), loopback(), Endpoint::Unix(socket.clone())]).await;
    crate::unix::let_everybody_in(&house);
    let mut calls = vec![call_local(&socket, "echo", &patient()).await.unwrap()];
    for address in &house.addresses {
        calls.push(soon(dialer(ALICE).call(&at(*address), &[key(DESK)], "echo")).await.unwrap());
    }
    for call in &mut calls {
        echoes(call).await;
    }
    assert_eq!(house.live.count(), 3);
}

#[tokio::test]
async fn a_port_that_is_taken_is_refused_and_the_one_who_has_it_keeps_it() {
    let house = House::open(calm()).await;
    let (report, _events) = tokio::sync::mpsc::unbounded_channel();
    let mut second = Server::new(Desk(Book::new(report)), &identity(DESK), calm()).unwrap();
    let refused = second.listen(&at(house.address())).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::AddrInUse);
    echoes(&mut house.call(ALICE, "echo").await.unwrap()).await;
}

#[tokio::test]
async fn a_port_can_be_listened_at_again_right_after_its_server_stopped() {
    let house = House::open(calm()).await;
    let address = house.address();
    let mut call = house.call(ALICE, "echo").await.unwrap();
    echoes(&mut call).await;
    house.stop.cancel();
    assert_eq!(house.ended().await, 0); // the server closed first, so the connection is in TIME_WAIT now
    let again = House::listening(calm(), &[at(address)]).await;
    echoes(&mut again.call(ALICE, "echo").await.unwrap()).await;
}
