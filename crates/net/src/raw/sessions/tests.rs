//! Peers of one datagram socket: who has a session, for how long, and what is dropped.

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    task::Context,
};

use socket2::{Domain, Socket, Type};

use super::*;
use crate::raw::link::Took;

fn bound(limits: SessionLimits) -> (Sessions, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    socket.set_nonblocking(true).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (Sessions::new(Packets::new(socket, false).unwrap(), limits), address)
}

fn peer(server: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.connect(server).unwrap();
    socket
}

async fn heard(link: &mut ReadLink) -> String {
    let mut room = [0; 32];
    let took = poll_fn(|cx| link.poll_take(cx, &mut room)).await.unwrap();
    let Took::Packet { kept, .. } = took else { return format!("{took:?}") };
    String::from_utf8(room[..kept].to_vec()).unwrap()
}

/// Lets the sessions sort what is there; nobody new may come.
fn sorts(sessions: &mut Sessions) {
    let mut next = Box::pin(sessions.next());
    let mut cx = Context::from_waker(std::task::Waker::noop());
    assert!(next.as_mut().poll(&mut cx).is_pending());
}

#[tokio::test]
async fn each_peer_has_its_own_and_is_answered_there() {
    let (mut sessions, address) = bound(SessionLimits::default());
    let (amy, bob) = (peer(address), peer(address));
    amy.send(b"amy").unwrap();
    let ((mut from_amy, mut to_amy), name) = sessions.next().await.unwrap();
    assert_eq!(name.address(), Some(amy.local_addr().unwrap()));
    bob.send(b"bob").unwrap();
    let ((mut from_bob, _to_bob), _) = sessions.next().await.unwrap();
    amy.send(b"again").unwrap();
    sorts(&mut sessions);
    assert_eq!((heard(&mut from_amy).await, heard(&mut from_bob).await), ("amy".to_owned(), "bob".to_owned()));
    assert_eq!(heard(&mut from_amy).await, "again");
    to_amy.put(b"to amy").await.unwrap();
    let mut room = [0; 16];
    assert_eq!(amy.recv(&mut room).unwrap(), 6);
}

#[tokio::test]
async fn more_peers_than_allowed_and_more_than_may_wait_are_dropped_and_counted() {
    let (mut sessions, address) = bound(SessionLimits { peers: 1, waiting: 2, ..SessionLimits::default() });
    let (amy, bob) = (peer(address), peer(address));
    amy.send(b"1").unwrap();
    let (mut amys, _) = sessions.next().await.unwrap();
    bob.send(b"no place").unwrap();
    for text in ["2", "3", "4"] {
        amy.send(text.as_bytes()).unwrap();
    }
    sorts(&mut sessions);
    assert_eq!(sessions.dropped(), 3);
    assert_eq!((heard(&mut amys.0).await, heard(&mut amys.0).await), ("1".to_owned(), "2".to_owned()));
    drop(amys); // her place is free
    bob.send(b"now").unwrap();
    let (mut bobs, _) = sessions.next().await.unwrap();
    assert_eq!(heard(&mut bobs.0).await, "now");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_is_silent_for_long_is_forgotten() {
    let expiry = Duration::from_secs(8);
    let (mut sessions, address) = bound(SessionLimits { expiry, ..SessionLimits::default() });
    let amy = peer(address);
    amy.send(b"hello").unwrap();
    let (mut amys, _) = sessions.next().await.unwrap();
    assert_eq!(heard(&mut amys.0).await, "hello");
    let forgetting = tokio::time::timeout(Duration::from_secs(20), sessions.next());
    assert!(forgetting.await.is_err(), "nobody else came");
    assert_eq!(heard(&mut amys.0).await, "End");
}

#[tokio::test]
async fn a_peer_that_says_too_much_is_not_heard_and_a_person_hears_all() {
    let guard = Some(GuardLimits { rate: 2, force: false });
    for (guard, dropped) in [(guard, 8), (None, 0)] {
        let (mut sessions, address) = bound(SessionLimits { guard, ..SessionLimits::default() });
        let amy = peer(address);
        for _ in 0..10 {
            amy.send(b"x").unwrap();
        }
        let _amys = sessions.next().await.unwrap();
        sorts(&mut sessions);
        assert_eq!(sessions.dropped(), dropped);
    }
}

#[tokio::test]
async fn a_peer_from_afar_never_hears_more_than_it_said() {
    let forced = Some(GuardLimits { force: true, ..GuardLimits::default() });
    let (mut sessions, _) = bound(SessionLimits { guard: forced, ..SessionLimits::default() });
    let far = SocketAddr::from(([192, 0, 2, 1], 9));
    let packet = SessionPacket { body: Bytes::from_static(b"hello"), sent: 5, held: Held::default() };
    let ((_, to_far), _) = sessions.sort(packet, Some(far.into())).unwrap();
    let WriteLink::Session(peer) = to_far else { panic!("no session") };
    let allowance = peer.allowance.as_ref().unwrap();
    assert!(!allowance.spend(6) && allowance.spend(5) && !allowance.spend(0));
    assert_eq!(sessions.dropped(), 2);
    let stranger = SessionLimits { guard: Some(GuardLimits::default()), ..SessionLimits::default() };
    sessions.guard = stranger.guard.map(|limits| Guard::new(limits, std::time::Instant::now()));
    let other = SocketAddr::from(([192, 0, 2, 2], 9));
    assert!(
        sessions
            .sort(SessionPacket { body: Bytes::new(), sent: 0, held: Held::default() }, Some(other.into()))
            .is_none()
    );
}

#[test]
fn what_waits_for_all_together_is_bounded() {
    let all = Arc::new(AtomicUsize::new(0));
    let first = Held::take(&all, 60, 100).unwrap();
    assert!(Held::take(&all, 41, 100).is_none());
    drop(first);
    assert!(Held::take(&all, 100, 100).is_some());
    assert_eq!(all.load(Relaxed), 0);
}
