//! What an idle call costs, measured in a process of its own: not the size of what it carried before.

use std::{fs, process::ExitStatus};

use landline_net::{Block, Call};
use serde_json::{Value, json};

use crate::{
    child,
    house::{ALICE, DEADLINE, House, calm, dialer, echoes, soon},
};

/// Calls that each carried a whole block and are idle now.
const CALLS: usize = 100;
/// KiB that one of them may hold, both of its ends together: a twentieth of the 2 MiB that passed through them.
const MAY_HOLD_KIB: usize = 100;

#[test]
fn an_idle_call_holds_none_of_the_memory_that_its_data_took() {
    if child::told().is_some() {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(measure());
        return;
    }
    let mut command = child::again("idle::an_idle_call_holds_none_of_the_memory_that_its_data_took", "true", "measure");
    command.env("MALLOC_MMAP_THRESHOLD_", "131072"); // what is freed goes back to the system, so that it can be seen
    let done = command.output().unwrap();
    assert!(ExitStatus::success(&done.status), "{}", String::from_utf8_lossy(&done.stdout));
}

async fn measure() {
    let house = House::open(calm()).await;
    let dialer = dialer(ALICE);
    let mut block = Block::new();
    block.set_len(Block::CAPACITY);
    let mut calls = vec![carried(&house, &dialer, &mut block).await]; // warms up what is kept once
    let before = resident_kib();
    for _ in 0..CALLS {
        calls.push(carried(&house, &dialer, &mut block).await);
    }
    // A reader lets its buffer go when it has heard nothing for a while; the first call keeps time for the others.
    let (clock, _idle) = calls.split_first_mut().unwrap();
    let settled = async {
        while resident_kib().saturating_sub(before) > CALLS * MAY_HOLD_KIB {
            echoes(clock).await;
        }
    };
    let grown = || resident_kib().saturating_sub(before);
    tokio::time::timeout(DEADLINE, settled).await.unwrap_or_else(|_| panic!("{} KiB for {CALLS} idle calls", grown()));
    assert_eq!(house.live.count(), CALLS + 1);
}

/// A call over which a block went and was acknowledged.
async fn carried(house: &House, dialer: &landline_net::Dialer, block: &mut Block) -> Call {
    let mut call = house.call_by(dialer, "echo").await.unwrap();
    soon(call.halves().1.send_block(block)).await.unwrap();
    assert_eq!(soon(call.recv::<Value>()).await.unwrap(), Some(json!({"bytes": Block::CAPACITY})));
    call
}

fn resident_kib() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
