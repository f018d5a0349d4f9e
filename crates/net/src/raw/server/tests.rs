//! What a connection costs.

use super::*;
use crate::raw::{
    AnyHandler, link,
    respond::{Responding, Verdict},
};

struct Mute;

impl Responder for Mute {
    fn respond(&self, _request: &[u8], _answer: &mut Vec<u8>) -> Verdict {
        Verdict::Silent
    }
}

/// Two allocations a connection, with which the memory of a silent one stands and falls (`cargo xtask bench sockets`, `idle`).
#[tokio::test]
async fn the_task_of_a_silent_connection_and_its_handler_are_small() {
    let (near, _far) = Connection::pair(1, &Talk::default()).unwrap();
    let handler = Responding::new(Mute);
    let handling = size_of_val(&handler.handle(near));
    let handler = AnyHandler::new(Responding::new(Mute));
    let options = ServerOptions::default();
    let door = Door::new(&options, false);
    let pass = door.pass().await.unwrap();
    let shared = Shared { handler, options, watcher: None, places: Places::default(), door };
    let (stream, _far) = tokio::io::duplex(1);
    let task = size_of_val(&attend(&shared, Arrived::plain(link::memory(stream), PeerName::Memory), pass));
    assert!(handling <= 768 && task <= 544, "handler {handling}, task {task}");
}
