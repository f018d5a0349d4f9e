//! Handshakes cut into pieces, bytes that came too early, and ends in the middle.

use std::io::{Read as _, Write as _};

use rustls::{ClientConnection, ServerConnection};
use tokio::io::AsyncWriteExt as _;

use super::*;

#[tokio::test]
async fn a_handshake_works_however_its_bytes_are_cut() {
    let (mut client, mut server) = configs();
    for (sizes, fragment) in [
        (&[1][..], None),
        (&[2, 0, 1], Some(32)),
        (&[5, 1, 600], Some(57)),
        (&[0, 1000, 3], None),
        (&[usize::MAX], Some(32)),
    ] {
        (client.max_fragment_size, server.max_fragment_size) = (fragment, fragment); // bytes of each record that they send
        let (near, far) = duplex(1 << 16);
        let (mut near, mut far) = (Chopped::new(near, sizes), Chopped::new(far, sizes));
        let dialling = handshake::dial(&mut near, &client, tls::session_name(&[]));
        let answering = async {
            let hello = handshake::hello(&mut far).await?;
            handshake::answer(&mut far, hello, &server).await
        };
        let (dialled, answered) = tokio::join!(dialling, answering);
        let (dialled, answered) = (dialled.unwrap(), answered.unwrap());
        assert_eq!(dialled.exporter, answered.exporter);
        assert!(dialled.speaks_landline && answered.speaks_landline && dialled.exporter.is_some());
    }
}

/// Takes the handshake messages out of records in the clear and puts them into records of `size` bytes each.
fn fragmented(mut records: &[u8], size: usize) -> Vec<u8> {
    let mut messages = Vec::new();
    while let Some((header, rest)) = records.split_first_chunk::<HEADER>() {
        let (body, rest) = rest.split_at(usize::from(u16::from_be_bytes([header[3], header[4]])));
        assert_eq!(header[0], 22);
        messages.extend_from_slice(body);
        records = rest;
    }
    let record = |part: &[u8]| [&[22, 3, 3, 0, u8::try_from(part.len()).unwrap()], part].concat();
    messages.chunks(size).flat_map(record).collect()
}

#[tokio::test]
async fn a_hello_that_is_spread_over_many_records_is_understood() {
    let (client, server) = configs();
    for size in [1, 7, 100, 255] {
        let mut theirs = ClientConnection::new(shared(&client), tls::session_name(&[])).unwrap();
        let mut hello = Vec::new();
        theirs.write_tls(&mut hello).unwrap();
        let (mut near, mut far) = duplex(1 << 16);
        near.write_all(&fragmented(&hello, size)).await.unwrap();
        let shaking = async {
            let hello = handshake::hello(&mut far).await.unwrap();
            assert!(hello.offers_landline);
            handshake::answer(&mut far, hello, &server).await
        };
        let finishing = async {
            let mut room = vec![0; 1 << 14];
            while theirs.is_handshaking() {
                let n = near.read(&mut room).await.unwrap();
                theirs.read_tls(&mut &room[..n]).unwrap();
                theirs.process_new_packets().unwrap();
            }
            let mut finished = Vec::new();
            theirs.write_tls(&mut finished).unwrap();
            near.write_all(&finished).await.unwrap();
        };
        let (shaken, ()) = tokio::join!(shaking, finishing);
        assert!(shaken.unwrap().peer.is_some(), "{size}");
    }
}

#[tokio::test]
async fn what_comes_behind_the_handshake_in_the_same_read_is_not_lost() {
    let (client, server) = configs();
    let mut theirs = ClientConnection::new(shared(&client), tls::session_name(&[])).unwrap();
    let (mut near, mut far) = duplex(1 << 18);
    let calling = async {
        let mut room = vec![0; 1 << 14];
        while theirs.is_handshaking() {
            while theirs.wants_write() {
                let mut bytes = Vec::new();
                theirs.write_tls(&mut bytes).unwrap();
                near.write_all(&bytes).await.unwrap();
            }
            let n = near.read(&mut room).await.unwrap();
            theirs.read_tls(&mut &room[..n]).unwrap();
            theirs.process_new_packets().unwrap();
        }
        theirs.writer().write_all(&[9; 60_000]).unwrap();
        theirs.send_close_notify();
        let mut bytes = Vec::new();
        while theirs.wants_write() {
            theirs.write_tls(&mut bytes).unwrap();
        }
        near.write_all(&bytes).await.unwrap(); // the end of the handshake and all behind it in one
    };
    let answering = async {
        let hello = handshake::hello(&mut far).await.unwrap();
        handshake::answer(&mut far, hello, &server).await.unwrap()
    };
    let (shaken, ()) = tokio::join!(answering, calling);
    assert!(!shaken.established.early.is_empty(), "some of it came with the handshake");
    let (mut reader, _) = ends(shaken.established, Rotation::default()).unwrap();
    drop(near);
    let mut rest = Vec::new();
    far.read_to_end(&mut rest).await.unwrap();
    assert_eq!(read(&mut reader, &rest), (vec![9; 60_000], Ok(Got::End)));
}

#[tokio::test]
async fn the_client_keeps_what_the_server_said_right_behind_its_handshake() {
    let (client, server) = configs();
    let mut theirs = ServerConnection::new(shared(&server)).unwrap();
    let (mut near, mut far) = duplex(1 << 18);
    let answering = async {
        let mut room = vec![0; 1 << 14];
        while theirs.is_handshaking() {
            let n = far.read(&mut room).await.unwrap();
            theirs.read_tls(&mut &room[..n]).unwrap();
            theirs.process_new_packets().unwrap();
            if !theirs.is_handshaking() {
                theirs.writer().write_all(b"welcome").unwrap();
            }
            let mut bytes = Vec::new();
            while theirs.wants_write() {
                theirs.write_tls(&mut bytes).unwrap();
            }
            far.write_all(&bytes).await.unwrap();
        }
        assert_eq!(theirs.reader().read(&mut room).map_err(|fault| fault.kind()), Err(io::ErrorKind::WouldBlock));
    };
    let (shaken, ()) = tokio::join!(handshake::dial(&mut near, &client, tls::session_name(&[])), answering);
    let (mut reader, _) = ends(shaken.unwrap().established, Rotation::default()).unwrap();
    drop(far);
    let mut rest = Vec::new();
    near.read_to_end(&mut rest).await.unwrap();
    assert_eq!(read(&mut reader, &rest), (b"welcome".to_vec(), Ok(Got::Life)));
}

#[tokio::test]
async fn an_end_in_the_middle_is_told_from_what_is_no_handshake() {
    let (client, _) = configs();
    for (answer, kind) in [
        (&b""[..], io::ErrorKind::UnexpectedEof),
        (&[22, 3, 3, 0, 9, 2], io::ErrorKind::UnexpectedEof),
        (b"SSH-2.0-OpenSSH_9.9\r\n", io::ErrorKind::InvalidData),
        (&[21, 3, 3, 0, 2, 2, 40], io::ErrorKind::InvalidData),
        (&[23, 3, 3, 0, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], io::ErrorKind::InvalidData),
    ] {
        let (mut near, mut far) = duplex(1 << 16);
        far.write_all(answer).await.unwrap();
        let reading = async {
            assert!(far.read(&mut [0; 4096]).await.unwrap() > 0);
            far.shutdown().await.unwrap();
        };
        let (dialled, ()) = tokio::join!(handshake::dial(&mut near, &client, tls::session_name(&[])), reading);
        assert_eq!(dialled.unwrap_err().kind(), kind, "{answer:?}");
    }
}

#[tokio::test]
async fn a_handshake_without_end_is_refused() {
    let (mut near, mut far) = duplex(1 << 16);
    let talking = async {
        // One handshake message that announces 60,000 bytes, in records of one byte.
        let head = [22, 3, 3, 0, 4, 1, 0, 0xea, 0x60];
        near.write_all(&head).await.unwrap();
        while near.write_all(&[22, 3, 3, 0, 1, 0].repeat(100)).await.is_ok() {}
    };
    let listening = async {
        let refused = handshake::hello(&mut far).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
        drop(far);
    };
    tokio::join!(talking, listening);
}
