//! What is told of a call's line while it runs.

use std::time::Duration;

use landline_net::{Block, LineStats};
use serde_json::{Value, json};

use crate::house::{ALICE, House, calm, echoes, soon};

/// Sends a block over a call and waits for its acknowledgement.
async fn carry(call: &mut landline_net::Call) {
    let mut block = Block::new();
    block.set_len(Block::CAPACITY);
    soon(call.halves().1.send_block(&mut block)).await.unwrap();
    assert_eq!(soon(call.recv::<Value>()).await.unwrap(), Some(json!({"bytes": Block::CAPACITY})));
}

#[tokio::test]
async fn bytes_are_counted_as_they_go_over_the_line_and_seen_from_any_task() {
    let house = House::open(calm()).await;
    let mut call = house.call(ALICE, "echo").await.unwrap();
    let line = call.line();
    assert_eq!((line.sent(), line.sealing()), (0, Duration::ZERO), "nothing was said yet");
    carry(&mut call).await;
    let elsewhere = line.clone();
    let seen = tokio::spawn(async move { (elsewhere.sent(), elsewhere.received()) }).await.unwrap();
    // A frame, 65 records around it, and the opening message before it.
    let whole = u64::try_from(Block::CAPACITY + 4 + 65 * 22).unwrap();
    assert!(seen.0 > whole && seen.0 < whole + 200, "{seen:?}");
    assert!(seen.1 > 22 && seen.1 < 1000, "{seen:?}");
    assert!(line.sealing() > Duration::ZERO && line.opening() > Duration::ZERO, "{line:?}");
    assert!(line.receive_wait() > Duration::ZERO, "{line:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_system_tells_of_a_tcp_connection_while_it_lasts_and_of_nothing_else() {
    let house = House::open(calm()).await;
    let mut call = house.call(ALICE, "echo").await.unwrap();
    carry(&mut call).await;
    let line: LineStats = call.line();
    let info = line.tcp().expect("it is TCP, and stands");
    assert!(info.rtt.unwrap() > Duration::ZERO && info.cwnd.unwrap() > 0, "{info:?}");
    echoes(&mut call).await;
    drop(call);
    assert_eq!(line.tcp(), None, "a view holds no connection open");
    assert!(line.sent() > 0, "the last figures stay");
}
