//! Calls over pipes in memory.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncWriteExt as _, DuplexStream, duplex};

use super::*;

fn call_over(stream: DuplexStream, frames: Limits) -> Call {
    Call::over(stream, Peer::Uid(0), Origin::Unix, None, frames, &CallLimits::default())
}

fn pair() -> (Call, Call) {
    let (a, b) = duplex(1 << 16);
    (call_over(a, Limits::KNOWN), call_over(b, Limits::KNOWN))
}

#[tokio::test]
async fn messages_and_blocks_arrive_in_order() {
    let (mut here, mut there) = pair();
    let sending = async {
        let (_, writer) = here.halves();
        writer.queue(&json!({"first": {}})).unwrap();
        let mut block = Block::new();
        block.space().fill(7);
        block.set_len(Block::CAPACITY);
        writer.send_block(&mut block).await.unwrap();
        writer.queue_data(b"tail").unwrap();
        writer.finish().await.unwrap();
    };
    let receiving = async {
        assert_eq!(there.recv::<Value>().await.unwrap(), Some(json!({"first": {}})));
        let (reader, _) = there.halves();
        assert_eq!(reader.recv().await.unwrap(), Some(Received::Data(vec![7; 1 << 20])));
        assert_eq!(reader.recv().await.unwrap(), Some(Received::Data(b"tail".to_vec())));
        assert_eq!(reader.recv().await.unwrap(), None);
    };
    tokio::join!(sending, receiving);
}

#[tokio::test]
async fn one_buffer_serves_all_large_frames_whatever_small_ones_stand_between() {
    let (mut here, mut there) = pair();
    let sending = async {
        let (_, writer) = here.halves();
        let mut block = Block::new();
        for _ in 0..5 {
            writer.queue_records(&[1; 17]).unwrap();
            block.set_len(Block::CAPACITY);
            writer.send_block(&mut block).await.unwrap();
        }
        writer.finish().await.unwrap();
    };
    let receiving = async {
        let (reader, _) = there.halves();
        let mut buffers = std::collections::HashSet::new();
        while let Some(received) = reader.recv().await.unwrap() {
            let (Received::Data(body) | Received::Records(body)) = received else { panic!("no message was sent") };
            if body.len() == Block::CAPACITY {
                buffers.insert(body.as_ptr() as usize);
            }
            reader.recycle(body);
        }
        assert_eq!(buffers.len(), 1);
    };
    tokio::join!(sending, receiving);
}

#[tokio::test]
async fn a_wait_that_loses_a_race_loses_no_byte() {
    let (mut raw, near) = duplex(1 << 16);
    let mut call = call_over(near, Limits::KNOWN);
    for part in [&b"\x01\x00"[..], b"\x00\x0a{\"a\"", b":{} "] {
        raw.write_all(part).await.unwrap();
        let (reader, _) = call.halves();
        tokio::select! {
            biased;
            got = reader.recv() => panic!("complete too early: {got:?}"),
            () = std::future::ready(()) => {}
        }
    }
    raw.write_all(b" }").await.unwrap();
    assert_eq!(call.recv::<Value>().await.unwrap(), Some(json!({"a": {}})));
}

#[tokio::test]
async fn an_end_inside_a_frame_is_a_cut_and_between_frames_it_is_not() {
    for (bytes, clean) in [(&b""[..], true), (b"\x01", false), (b"\x01\x00\x00\x05{", false)] {
        let (mut raw, near) = duplex(64);
        raw.write_all(bytes).await.unwrap();
        drop(raw);
        let got = call_over(near, Limits::KNOWN).recv::<Value>().await;
        assert_eq!(matches!(got, Ok(None)), clean, "{got:?}");
        assert!(clean || matches!(got, Err(CallError::Cut)), "{got:?}");
    }
}

#[tokio::test]
async fn a_declared_length_above_the_limit_ends_the_call_before_any_body() {
    let (mut raw, near) = duplex(64);
    raw.write_all(&[0x01, 0xff, 0xff, 0xff]).await.unwrap();
    let got = call_over(near, Limits::STRANGER).recv::<Value>().await;
    assert!(matches!(got, Err(CallError::Frame(_))), "{got:?}");
}

#[tokio::test]
async fn memory_grows_with_what_arrives_not_with_what_is_declared() {
    let (mut raw, near) = duplex(1 << 16);
    let mut call = call_over(near, Limits::KNOWN);
    raw.write_all(&[0x02, 0x10, 0, 0, 1, 2, 3]).await.unwrap();
    let (reader, _) = call.halves();
    tokio::select! {
        biased;
        got = reader.recv() => panic!("complete too early: {got:?}"),
        () = std::future::ready(()) => {}
    }
    assert!(format!("{reader:?}").contains("1048576"));
    assert!(reader.body_capacity() <= 64 << 10, "{}", reader.body_capacity());
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_given_up() {
    let (_raw, near) = duplex(64);
    let mut call = call_over(near, Limits::KNOWN);
    call.set_read_idle(Duration::from_secs(5));
    let got = call.recv::<Value>().await;
    assert!(matches!(got, Err(CallError::Silent(_))), "{got:?}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_is_given_up() {
    let (_raw, near) = duplex(64);
    let mut call = call_over(near, Limits::KNOWN);
    let got = call.send(&json!({"long": "x".repeat(1000)})).await;
    assert!(matches!(got, Err(CallError::Silent(_))), "{got:?}");
}

#[tokio::test]
async fn an_order_that_is_refused_is_a_fault() {
    use landline_wire::{ErrorCode, Fault};
    let (mut here, mut there) = pair();
    let jump = json!({"jump": {}});
    let asking = here.order(&jump);
    let answering = async {
        there.recv::<Value>().await.unwrap();
        there.send(&Reply::Error(Fault::new(ErrorCode::Unsupported, "can't jump"))).await.unwrap();
    };
    let (asked, ()) = tokio::join!(asking, answering);
    assert!(matches!(asked, Err(CallError::Fault(Fault { code: ErrorCode::Unsupported, .. }))));
}
