//! What is not TLS at all: closed, with nothing said but at most what TLS says of a broken handshake.

use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{
    house::{ALICE, House, calm, echoes, millis},
    raw,
};

/// A TLS record of kind alert: the only thing that a broken handshake may be answered with.
fn is_silence_or_an_alert(answer: &[u8]) -> bool {
    answer.is_empty() || (answer.len() == 7 && answer[0] == 0x15)
}

async fn answer_to(house: &House, said: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(house.address()).await.unwrap();
    drop(socket.write_all(said).await); // the server may have closed before all of it was sent
    raw::rest_of(&mut socket).await
}

#[tokio::test]
async fn plain_text_web_requests_and_noise_are_closed_and_the_next_call_is_served() {
    let house = House::open(calm()).await;
    let noise: Vec<u8> = (0..70_000u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let spoken: [&[u8]; 8] = [
        b"hello, is anybody there?\r\n",
        b"GET / HTTP/1.1\r\nHost: desk\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        &raw::opening("echo"),
        &noise,
        &vec![0; 100_000],
        &[0x16, 0x03, 0x01, 0xff, 0xff, 0x01],
    ];
    for said in spoken {
        let answer = answer_to(&house, said).await;
        assert!(is_silence_or_an_alert(&answer), "{said:.20?} was answered {answer:?}");
    }
    echoes(&mut house.call(ALICE, "echo").await.unwrap()).await;
}

#[tokio::test]
async fn a_handshake_cut_into_pieces_of_one_byte_that_never_makes_sense_is_closed() {
    let house = House::open(calm()).await;
    // Ten thousand handshake records of one byte each: as many as fit what a hello may be, and no hello.
    let records = [0x16, 0x03, 0x03, 0, 1, 0x01].repeat(10_000);
    assert!(is_silence_or_an_alert(&answer_to(&house, &records).await));
}

#[tokio::test]
async fn too_few_bytes_to_be_anything_are_closed_when_the_time_is_over() {
    let limits = landline_net::ServerLimits { handshake: millis(50), ..calm() };
    let house = House::open(limits).await;
    for said in [&b""[..], b"\x16", b"hi"] {
        assert!(is_silence_or_an_alert(&answer_to(&house, said).await));
    }
}
