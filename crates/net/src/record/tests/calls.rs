//! Calls over records: the same promises as in the clear, and what TLS adds.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use super::*;
use crate::{
    call::{Block, Received},
    error::CallError,
};

/// A call at the server, the line to it, and the client's key.
async fn call_and_peer() -> (Call, DuplexStream, Sealer) {
    let (near, far) = duplex(1 << 16);
    let (client, server) = established().await;
    (call_over(far, server, Rotation::default()), near, Sealer::new(client.secrets.tx).unwrap())
}

#[tokio::test]
async fn an_end_without_its_mark_is_a_cut_and_so_is_one_inside_a_frame() {
    let data = ContentType::ApplicationData;
    for (frames, close, clean) in [
        (&b""[..], true, true),
        (b"\x02\0\0\x01x", true, true),
        (b"", false, false),
        (b"\x02\0\0\x01x", false, false),
        (b"\x02\0", true, false),
        (b"\x02\0\0\x09x", true, false),
    ] {
        let (mut call, mut near, mut peer) = call_and_peer().await;
        let mut bytes = record(&mut peer, data, frames);
        if close {
            bytes.extend(record(&mut peer, ContentType::Alert, &[1, 0]));
        }
        near.write_all(&bytes).await.unwrap();
        drop(near);
        let (reader, _) = call.halves();
        let mut end = reader.recv().await;
        if matches!(end, Ok(Some(_))) {
            end = reader.recv().await;
        }
        assert_eq!(matches!(end, Ok(None)), clean, "{frames:?} {close}: {end:?}");
        assert!(clean || matches!(end, Err(CallError::Cut)), "{end:?}");
    }
}

#[tokio::test]
async fn a_refused_record_is_answered_by_its_alert_when_the_call_is_dropped_or_written_to_next() {
    for drops in [true, false] {
        let (near, far) = duplex(1 << 16);
        let (client, server) = established().await;
        let (mut near, mut call) = (near, call_over(far, server, Rotation::default()));
        let (mut reader, _) = ends(client, Rotation::default()).unwrap();
        near.write_all(&[23, 3, 3, 0, 17, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]).await.unwrap();
        let refused = call.recv::<Value>().await;
        assert!(matches!(&refused, Err(CallError::Io(why)) if why.to_string().contains("changed")), "{refused:?}");
        if drops {
            drop(call);
        } else {
            let said = call.send(&json!({"too": "late"})).await;
            assert!(matches!(said, Err(CallError::Cut)), "{said:?}");
            drop(call);
        }
        let mut rest = Vec::new();
        near.read_to_end(&mut rest).await.unwrap();
        assert_eq!(read(&mut reader, &rest), (Vec::new(), Err(RecordError::Alert(20))));
    }
}

#[tokio::test]
async fn memory_follows_what_arrived_and_not_what_was_announced() {
    let (mut call, mut near, mut peer) = call_and_peer().await;
    near.write_all(&record(&mut peer, ContentType::ApplicationData, &[2, 0x10, 0, 0, 1, 2, 3])).await.unwrap();
    let (reader, _) = call.halves();
    assert!(polled_once(Box::pin(reader.recv())).await.is_none());
    assert!(reader.body_capacity() < 100, "{}", reader.body_capacity());
}

/// A line that counts its writes and takes all of each.
struct Counting(DuplexStream, Arc<AtomicUsize>);

impl AsyncRead for Counting {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, to)
    }
}

impl AsyncWrite for Counting {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.0).poll_write(cx, from)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        let all: Vec<u8> = from.iter().flat_map(|piece| piece.iter().copied()).collect();
        Pin::new(&mut self.0).poll_write(cx, &all)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn what_was_queued_and_the_block_behind_it_go_out_in_one_write() {
    let (near, far) = duplex(4 << 20);
    let (client, server) = established().await;
    let writes = Arc::new(AtomicUsize::new(0));
    let mut here = call_over(Counting(near, Arc::clone(&writes)), client, Rotation::default());
    let mut there = call_over(far, server, Rotation::default());
    let (_, writer) = here.halves();
    for n in 0..20 {
        writer.queue(&json!({"number": n, "padding": "x".repeat(3000)})).unwrap();
    }
    let mut block = Block::new();
    block.space().fill(5);
    block.set_len(Block::CAPACITY);
    writer.send_block(&mut block).await.unwrap();
    assert_eq!(writes.load(Ordering::Relaxed), 1);
    for n in 0..20 {
        assert_eq!(there.recv::<Value>().await.unwrap().unwrap()["number"], n);
    }
    assert_eq!(there.halves().0.recv().await.unwrap(), Some(Received::Data(vec![5; Block::CAPACITY])));
    for _ in 0..3 {
        here.send(&json!({"small": {}})).await.unwrap();
    }
    assert_eq!(writes.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn a_flush_that_is_dropped_again_and_again_loses_nothing_and_sends_nothing_twice() {
    let (mut here, mut there) =
        calls(Rotation { records: 2, bytes: 1 << 40 }, |line| Chopped::new(line, &[0, 50])).await;
    let sending = async {
        let (_, writer) = here.halves();
        for n in 0..50u32 {
            writer.queue(&json!({"number": n, "padding": "x".repeat(700)})).unwrap();
            drop(polled_once(Box::pin(writer.flush())).await);
            assert!(writer.has_queued(), "it can't have gone in one go");
        }
        writer.finish().await.unwrap();
    };
    let receiving = async {
        for n in 0..50 {
            assert_eq!(there.recv::<Value>().await.unwrap().unwrap()["number"], n);
        }
        assert_eq!(there.recv::<Value>().await.unwrap(), None);
    };
    tokio::join!(sending, receiving);
}

#[tokio::test]
async fn a_recv_that_is_dropped_again_and_again_loses_nothing() {
    let (mut here, mut there) = calls(Rotation::default(), |line| Chopped::new(line, &[0, 900, 7, 0])).await;
    let sending = async {
        let (_, writer) = here.halves();
        let mut block = Block::new();
        block.space().fill(3);
        block.set_len(40_000);
        writer.send_block(&mut block).await.unwrap();
        writer.queue(&json!({"last": {}})).unwrap();
        writer.finish().await.unwrap();
    };
    let receiving = async {
        let (reader, _) = there.halves();
        let mut dropped = 0;
        let mut next = async || loop {
            match polled_once(Box::pin(reader.recv())).await {
                Some(got) => return got.unwrap(),
                None => dropped += 1,
            }
            tokio::task::yield_now().await;
        };
        assert!(next().await == Some(Received::Data(vec![3; 40_000])));
        assert!(matches!(next().await, Some(Received::Message(_))));
        assert_eq!(next().await, None);
        assert!(dropped > 20, "{dropped}");
    };
    tokio::join!(sending, receiving);
}

#[tokio::test]
async fn a_block_that_is_dropped_in_the_middle_ends_the_call() {
    let (mut here, _there) = calls(Rotation::default(), |line| line).await;
    let (_, writer) = here.halves();
    let mut block = Block::new();
    block.set_len(Block::CAPACITY);
    assert!(polled_once(Box::pin(writer.send_block(&mut block))).await.is_none(), "the line is shorter");
    assert!(matches!(writer.send_block(&mut block).await, Err(CallError::Cut)));
    assert!(matches!(writer.flush().await, Err(CallError::Cut)));
    assert!(matches!(writer.finish().await, Err(CallError::Cut)));
}
