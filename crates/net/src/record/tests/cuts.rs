//! However the stream is cut into reads and writes, the same frames come out.

use landline_wire::Kind;
use proptest::prelude::*;

use super::*;
use crate::call::{Block, CallReader, CallWriter, Received};

/// What is sent: a kind of sending, a size, and whether a flush follows.
type Said = (u8, usize, bool);

fn content(n: usize, len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from((at / 7 + n) % 251).unwrap()).collect()
}

async fn say(writer: &mut CallWriter, said: &[Said]) {
    let mut block = Block::new();
    for (n, &(how, len, flush)) in said.iter().enumerate() {
        let content = content(n, len);
        match how {
            0 => writer.queue_data(&content).unwrap(),
            1 => writer.queue_records(&content).unwrap(),
            _ => {
                block.space()[..len].copy_from_slice(&content);
                block.set_len(len);
                block.set_kind(if how == 2 { Kind::Data } else { Kind::Records });
                writer.send_block(&mut block).await.unwrap();
            }
        }
        if flush {
            writer.flush().await.unwrap();
        }
    }
    writer.finish().await.unwrap();
}

async fn hear(reader: &mut CallReader, said: &[Said]) {
    for (n, &(how, len, _)) in said.iter().enumerate() {
        let got = reader.recv().await.unwrap().expect("there is more");
        let (Received::Data(body) | Received::Records(body)) = &got else { panic!("{got:?}") };
        assert_eq!(matches!(got, Received::Data(_)), how == 0 || how == 2, "frame {n}");
        assert!(*body == content(n, len), "frame {n} of {len} bytes");
        if n % 3 > 0 {
            let (Received::Data(body) | Received::Records(body)) = got else { return };
            reader.recycle(body);
        }
    }
    assert_eq!(reader.recv().await.unwrap(), None);
}

fn sizes() -> impl Strategy<Value = usize> {
    prop_oneof![
        4 => 0usize..300,
        2 => 16_360usize..16_400,
        2 => 0usize..100_000,
        1 => 1_000_000usize..=Block::CAPACITY,
    ]
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    // Many bytes for each that waits, or a megabyte takes too long.
    let size = prop_oneof![1 => 0usize..7, 2 => 1usize..2000, 4 => 16_000usize..70_000, 1 => Just(usize::MAX)];
    proptest::collection::vec(size, 1..20).prop_filter("it has to go on", |cuts| cuts.iter().any(|cut| *cut > 10_000))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_cut_of_the_stream_yields_the_same_frames_both_ways(
        said in proptest::collection::vec((0..4u8, sizes(), any::<bool>()), 0..12),
        answered in proptest::collection::vec((0..4u8, sizes(), any::<bool>()), 0..12),
        cuts in cuts(),
        records in prop_oneof![Just(1u64 << 20), 1u64..40],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let rotation = Rotation { records, bytes: 1 << 40 };
            let (mut here, mut there) = calls(rotation, |line| Chopped::new(line, &cuts)).await;
            let (rd_here, wr_here) = here.halves();
            let (rd_there, wr_there) = there.halves();
            tokio::join!(say(wr_here, &said), hear(rd_there, &said), say(wr_there, &answered), hear(rd_here, &answered));
        });
    }
}
