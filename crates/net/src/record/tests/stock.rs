//! The other end is the stock TLS stream, in both roles: what it takes of us, and we of it.

use rustls::HandshakeKind;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use super::*;
use crate::call::{Block, Received};

const OFTEN: Rotation = Rotation { records: 5, bytes: 1 << 40 };
const EXPORTER: &[u8] = b"EXPORTER-landline-introduction";

/// The stock stream's own exporter.
fn exporter(stream: &TlsStream<DuplexStream>) -> Exporter {
    match stream {
        TlsStream::Client(stream) => stream.get_ref().1.export_keying_material(Exporter::default(), EXPORTER, None),
        TlsStream::Server(stream) => stream.get_ref().1.export_keying_material(Exporter::default(), EXPORTER, None),
    }
    .unwrap()
}

/// A call of ours and the stock stream, with us as the server.
async fn as_server(client: &ClientConfig, server: &ServerConfig) -> (Call, TlsStream<DuplexStream>) {
    let (near, mut far) = duplex(1 << 16);
    let theirs = TlsConnector::from(shared(client)).connect(tls::session_name(&[]), near);
    let ours = async {
        let hello = handshake::hello(&mut far).await.unwrap();
        handshake::answer(&mut far, hello, server).await.unwrap()
    };
    let (theirs, ours) = tokio::join!(theirs, ours);
    let theirs = TlsStream::from(theirs.unwrap());
    assert_eq!(ours.exporter, Some(exporter(&theirs)));
    (call_over(far, ours.established, OFTEN), theirs)
}

/// A call of ours and the stock stream, with us as the client.
async fn as_client(client: &ClientConfig, server: &ServerConfig) -> (Call, TlsStream<DuplexStream>) {
    let (mut near, far) = duplex(1 << 16);
    let theirs = TlsAcceptor::from(shared(server)).accept(far);
    let ours = handshake::dial(&mut near, client, tls::session_name(&[]));
    let (theirs, ours) = tokio::join!(theirs, ours);
    let (theirs, ours) = (TlsStream::from(theirs.unwrap()), ours.unwrap());
    assert_eq!(ours.exporter, Some(exporter(&theirs)));
    (call_over(near, ours.established, OFTEN), theirs)
}

/// The frames that go one way in [`talk`].
fn said() -> Vec<u8> {
    let frame = |kind: u8, body: &[u8]| {
        let len = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[kind], &len[1..], body].concat()
    };
    let mut bytes = frame(1, br#"{"hello":{}}"#);
    for n in 1..6u8 {
        bytes.extend(frame(2, &vec![n; usize::from(n) * 200_000]));
    }
    bytes
}

/// Both sides say the same, at the same time, and end cleanly; we change our keys all the while.
async fn talk(mut call: Call, theirs: TlsStream<DuplexStream>) {
    let (mut rd, mut wr) = tokio::io::split(theirs);
    let (reader, writer) = call.halves();
    let our_words = async {
        writer.queue(&json!({"hello": {}})).unwrap();
        let mut block = Block::new();
        for n in 1..6u8 {
            block.space().fill(n);
            block.set_len(usize::from(n) * 200_000);
            writer.send_block(&mut block).await.unwrap();
        }
        writer.finish().await.unwrap();
    };
    let our_ears = async {
        let Some(Received::Message(_)) = reader.recv().await.unwrap() else { panic!("a message comes first") };
        for n in 1..6u8 {
            let got = reader.recv().await.unwrap();
            assert!(got == Some(Received::Data(vec![n; usize::from(n) * 200_000])), "{n}");
        }
        assert_eq!(reader.recv().await.unwrap(), None);
    };
    let their_words = async {
        for part in said().chunks(30_000) {
            wr.write_all(part).await.unwrap();
        }
        wr.shutdown().await.unwrap();
    };
    let their_ears = async {
        let mut heard = Vec::new();
        rd.read_to_end(&mut heard).await.unwrap();
        assert!(heard == said());
    };
    tokio::join!(our_words, our_ears, their_words, their_ears);
}

#[tokio::test]
async fn the_stock_stream_and_we_understand_each_other_in_both_roles_while_keys_change() {
    let (client, server) = configs();
    let (call, theirs) = as_server(&client, &server).await;
    talk(call, theirs).await;
    let (call, theirs) = as_client(&client, &server).await;
    talk(call, theirs).await;
}

/// Configurations that leave no choice but ChaCha20-Poly1305.
fn chacha() -> (ClientConfig, ServerConfig) {
    let machine = |seed| Identity::new(&MachineKey::from_seed([seed; 32])).unwrap();
    let suite = rustls::CipherSuite::TLS13_CHACHA20_POLY1305_SHA256;
    (machine(1).only(suite).client_config(true).unwrap(), machine(2).only(suite).server_config().unwrap())
}

#[tokio::test]
async fn with_the_other_cipher_too() {
    let (client, server) = chacha();
    let (call, theirs) = as_server(&client, &server).await;
    talk(call, theirs).await;
    let (call, theirs) = as_client(&client, &server).await;
    talk(call, theirs).await;
}

#[tokio::test]
async fn keys_that_the_stock_stream_asks_for_are_changed() {
    let (client, server) = configs();
    for role in 0..2 {
        let (mut call, mut theirs) =
            if role == 0 { as_server(&client, &server).await } else { as_client(&client, &server).await };
        for round in 0..40u8 {
            match &mut theirs {
                TlsStream::Client(stream) => stream.get_mut().1.refresh_traffic_keys().unwrap(),
                TlsStream::Server(stream) => stream.get_mut().1.refresh_traffic_keys().unwrap(),
            }
            theirs.write_all(&[2, 0, 0, 1, round]).await.unwrap();
            theirs.flush().await.unwrap();
            let (reader, writer) = call.halves();
            assert_eq!(reader.recv().await.unwrap(), Some(Received::Data(vec![round])));
            writer.queue_data(&[round; 2]).unwrap();
            writer.flush().await.unwrap();
            let mut answer = [0; 6];
            theirs.read_exact(&mut answer).await.unwrap();
            assert_eq!(answer, [2, 0, 0, 2, round, round]);
        }
    }
}

#[tokio::test]
async fn a_ticket_that_we_kept_resumes_the_next_call_with_the_same_key_and_another_exporter() {
    let (client, server) = configs();
    let mut exporters = Vec::new();
    for expected in [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed] {
        let (mut call, mut theirs) = as_client(&client, &server).await;
        let TlsStream::Server(stream) = &theirs else { panic!("it answered") };
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(expected));
        assert!(tls::peer_key(stream.get_ref().1).is_some());
        exporters.push(exporter(&theirs));
        theirs.write_all(&[2, 0, 0, 1, 7]).await.unwrap();
        theirs.flush().await.unwrap();
        assert_eq!(call.halves().0.recv().await.unwrap(), Some(Received::Data(vec![7])));
    }
    exporters.dedup();
    assert_eq!(exporters.len(), 3);
}

#[tokio::test]
async fn the_stock_stream_hears_the_clean_end_and_why_it_was_refused() {
    let (client, server) = configs();
    let (call, mut theirs) = as_server(&client, &server).await;
    call.close().await.unwrap();
    assert_eq!(theirs.read_to_end(&mut Vec::new()).await.unwrap(), 0);

    let (mut call, theirs) = as_client(&client, &server).await;
    let (mut io, mut connection) = match theirs {
        TlsStream::Server(stream) => stream.into_inner(),
        TlsStream::Client(_) => panic!("it answered"),
    };
    io.write_all(&[23, 3, 3, 0xff, 0xff]).await.unwrap();
    assert!(call.halves().0.recv().await.is_err());
    drop(call);
    let mut rest = Vec::new();
    io.read_to_end(&mut rest).await.unwrap();
    connection.read_tls(&mut &rest[..]).unwrap();
    let told = connection.process_new_packets().unwrap_err();
    assert_eq!(told, rustls::Error::AlertReceived(rustls::AlertDescription::RecordOverflow));
}
