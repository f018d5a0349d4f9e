//! Keys that change: by use, by bytes, and because the peer asked; in both directions at once.

use landline_wire::Kind;

use super::*;
use crate::call::{Block, Received};

const OFTEN: Rotation = Rotation { records: 3, bytes: 1 << 40 };

/// Opens `bytes` at `reader`.
fn plain(reader: &mut RecordReader, bytes: &[u8]) -> Vec<u8> {
    let (got, end) = read(reader, bytes);
    assert_eq!(end, Ok(Got::Life));
    got
}

/// What `writer` makes of `content`, as it goes over the line.
fn sealed(writer: &mut RecordWriter, content: &[u8]) -> Vec<u8> {
    let (mut data, mut train) = (content.to_vec(), Train::default());
    writer.seal(&mut data, &mut train).unwrap();
    wire(&train, &data)
}

fn records(mut bytes: &[u8]) -> usize {
    let mut count = 0;
    while let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() {
        bytes = &rest[body_len(*header).unwrap()..];
        count += 1;
    }
    count
}

#[tokio::test]
async fn keys_change_after_so_many_records_and_after_so_many_bytes() {
    for (rotation, content, expected) in [
        (Rotation { records: 2, bytes: u64::MAX }, 5 * MAX_PLAINTEXT, 5 + 2),
        (Rotation { records: u64::MAX, bytes: 1 << 15 }, 5 * MAX_PLAINTEXT, 5 + 2),
        (Rotation::default(), 5 * MAX_PLAINTEXT, 5),
        (Rotation { records: 1, bytes: 1 }, 0, 0),
    ] {
        let (client, server) = established().await;
        let (_, mut writer) = ends(client, rotation).unwrap();
        let (mut reader, _) = ends(server, rotation).unwrap();
        let content = vec![5; content];
        let bytes = sealed(&mut writer, &content);
        assert_eq!(records(&bytes), expected, "{rotation:?}");
        assert_eq!(plain(&mut reader, &bytes), content);
    }
}

#[tokio::test]
async fn a_peer_that_asks_for_new_keys_gets_them_before_the_next_data_and_once_however_often_it_asks() {
    let (client, server) = established().await;
    let mut peer = Sealer::new(server.secrets.tx).unwrap();
    let mut theirs = open::Opener::new(server.secrets.rx).unwrap();
    let Kernel::Server(mut kernel) = server.kernel else { panic!("it answered") };
    let (mut reader, mut writer) = ends(client, Rotation::default()).unwrap();
    for asked in [true, true, false, true] {
        let bytes = record(&mut peer, ContentType::Handshake, &[24, 0, 0, 1, asked.into()]);
        peer = Sealer::new(kernel.update_tx_secret().unwrap()).unwrap();
        plain(&mut reader, &bytes);
    }
    let mut bytes = sealed(&mut writer, b"data");
    assert_eq!(records(&bytes), 2);
    let mut open = |opener: &mut open::Opener| {
        let (header, rest) = bytes.split_first_chunk_mut::<HEADER>().unwrap();
        let (body, _) = rest.split_at_mut(body_len(*header).unwrap());
        let (kind, len) = opener.open(*header, body).unwrap();
        let content = body[..len].to_vec();
        let whole = HEADER + body.len();
        bytes.drain(..whole);
        (kind, content)
    };
    assert_eq!(open(&mut theirs), (ContentType::Handshake, vec![24, 0, 0, 1, 0]), "and it does not ask back");
    theirs = open::Opener::new(kernel.update_rx_secret().unwrap()).unwrap();
    assert_eq!(open(&mut theirs), (ContentType::ApplicationData, b"data".to_vec()));
    assert_eq!(records(&sealed(&mut writer, b"more")), 1);
}

/// Blocks and messages one way.
async fn send(writer: &mut crate::call::CallWriter, rounds: u8) {
    let mut block = Block::new();
    for round in 0..rounds {
        writer.queue_records(&[round; 77]).unwrap();
        block.space().fill(round);
        block.set_len(usize::from(round) * 40_000 + 1);
        block.set_kind(Kind::Data);
        writer.send_block(&mut block).await.unwrap();
        writer.queue_data(&[round; 3]).unwrap();
        writer.flush().await.unwrap();
    }
    writer.finish().await.unwrap();
}

async fn receive(reader: &mut crate::call::CallReader, rounds: u8) {
    for round in 0..rounds {
        let expected = [
            Received::Records(vec![round; 77]),
            Received::Data(vec![round; usize::from(round) * 40_000 + 1]),
            Received::Data(vec![round; 3]),
        ];
        for expected in expected {
            let Some(got) = reader.recv().await.unwrap() else { panic!("it ended in round {round}") };
            assert!(got == expected, "round {round}");
            let (Received::Message(body) | Received::Data(body) | Received::Stderr(body) | Received::Records(body)) =
                got;
            reader.recycle(body);
        }
    }
    assert_eq!(reader.recv().await.unwrap(), None);
}

#[tokio::test]
async fn both_directions_change_keys_all_the_time_under_load_and_lose_nothing() {
    let (mut here, mut there) = calls(OFTEN, |line| line).await;
    let (rd_here, wr_here) = here.halves();
    let (rd_there, wr_there) = there.halves();
    tokio::join!(send(wr_here, 26), send(wr_there, 26), receive(rd_here, 26), receive(rd_there, 26));
}
