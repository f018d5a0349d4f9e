//! Both directions, both ends, any mix of kinds.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
};

use super::*;
use crate::raw::{PeerName, Talk, link};

async fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dialled = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (dialled, listener.accept().await.unwrap().0)
}

fn connection(halves: link::Halves) -> Connection {
    Connection::new(halves, PeerName::Memory, &Talk::default()).unwrap()
}

async fn both_ways(
    mut left: impl AsyncReadExt + AsyncWriteExt + Unpin,
    mut right: impl AsyncReadExt + AsyncWriteExt + Unpin,
) {
    let goods: Vec<u8> = (0..3_000_000u32).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let (sent, expected) = (goods.clone(), goods.clone());
    let answering = async {
        let mut got = Vec::new();
        right.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, expected);
        right.write_all(b"and back, after the end").await.unwrap();
        right.shutdown().await.unwrap();
    };
    let asking = async {
        left.write_all(&sent).await.unwrap();
        left.shutdown().await.unwrap();
        let mut got = Vec::new();
        left.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"and back, after the end");
    };
    tokio::join!(answering, asking);
}

const LONG: Duration = Duration::from_secs(3600);
const SPLICES: RelayOptions = RelayOptions { linger: LONG, idle: None, copies: false };

#[tokio::test]
async fn a_half_close_is_carried_over_and_answered_between_tcp_and_tcp() {
    let ((left, one), (other, right)) = (tcp_pair().await, tcp_pair().await);
    let relaying = relay(connection(link::tcp(one)), connection(link::tcp(other)), SPLICES);
    let (done, ()) = tokio::join!(relaying, both_ways(left, right));
    done.unwrap();
}

#[tokio::test]
async fn a_half_close_is_carried_over_and_answered_where_copying_is_asked_for() {
    let ((left, one), (other, right)) = (tcp_pair().await, tcp_pair().await);
    let options = RelayOptions { copies: true, ..SPLICES };
    let relaying = relay(connection(link::tcp(one)), connection(link::tcp(other)), options);
    let (done, ()) = tokio::join!(relaying, both_ways(left, right));
    done.unwrap();
}

#[tokio::test]
async fn a_half_close_is_carried_over_and_answered_between_tcp_and_unix() {
    let (left, one) = tcp_pair().await;
    let (other, right) = UnixStream::pair().unwrap();
    let relaying = relay(connection(link::tcp(one)), connection(link::unix(other)), SPLICES);
    let (done, ()) = tokio::join!(relaying, both_ways(left, right));
    done.unwrap();
}

#[tokio::test]
async fn a_half_close_is_carried_over_and_answered_where_bytes_are_copied() {
    let (left, one) = tcp_pair().await;
    let (other, right) = tokio::io::duplex(1000);
    let relaying = relay(connection(link::tcp(one)), connection(link::memory(other)), SPLICES);
    let (done, ()) = tokio::join!(relaying, both_ways(left, right));
    done.unwrap();
}

#[tokio::test(start_paused = true)]
async fn silence_ends_it_only_after_one_direction_has_ended() {
    let (mut left, one) = tokio::io::duplex(100);
    let (other, mut right) = tokio::io::duplex(100);
    let begun = Instant::now();
    let options = RelayOptions { linger: Duration::from_secs(5), ..SPLICES };
    let relaying = tokio::spawn(relay(connection(link::memory(one)), connection(link::memory(other)), options));
    tokio::time::sleep(LONG).await;
    assert!(!relaying.is_finished(), "a quiet pair is left alone");
    left.shutdown().await.unwrap();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(4)).await;
        right.write_all(b"still here").await.unwrap();
    }
    relaying.await.unwrap().unwrap();
    assert_eq!(begun.elapsed(), LONG + Duration::from_secs(4 * 3 + 5));
}

#[tokio::test(start_paused = true)]
async fn idle_minds_both_directions_together() {
    let (mut left, one) = tokio::io::duplex(100);
    let (other, _right) = tokio::io::duplex(100);
    let begun = Instant::now();
    let options = RelayOptions { idle: Some(Duration::from_secs(5)), ..SPLICES };
    let relaying = tokio::spawn(relay(connection(link::memory(one)), connection(link::memory(other)), options));
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(4)).await;
        left.write_all(b"one way only").await.unwrap();
    }
    let fault = relaying.await.unwrap().unwrap_err();
    assert!(matches!(fault, RawError::Idle(idle) if idle == Duration::from_secs(5)), "{fault}");
    assert_eq!(begun.elapsed(), Duration::from_secs(4 * 3 + 5));
}
