//! Raw sockets by hand: `listen`, `dial`, `relay`, through the real binary.

use std::ffi::OsStr;
use std::net::SocketAddr;

use landline_testkit::{Machine, Office, Running};

use super::scene::BIN;

mod datagrams;
mod endpoints;
mod ends;
mod peers;
mod refused;
mod rivals;
mod running;
mod screen;
mod slow;

/// A server that listens.
pub(crate) struct Listening {
    pub(crate) running: Running,
    /// As it announced it.
    pub(crate) endpoint: String,
}

/// Machines whose program is landline.
pub(crate) fn office() -> Office {
    Office::new(BIN)
}

/// Starts `landline listen ARGUMENTS` with its input open, and waits until it listens.
#[track_caller]
pub(crate) fn listen<A: AsRef<OsStr>>(machine: &Machine, arguments: impl IntoIterator<Item = A>) -> Listening {
    let running = machine.cmd(["listen"]).args(arguments).stdin_open().spawn();
    let endpoint = running.wait_for_line("listening on ");
    Listening { running, endpoint }
}

impl Listening {
    /// Where it listens, of an endpoint with an address.
    #[track_caller]
    pub(crate) fn address(&self) -> SocketAddr {
        let (_, address) = self.endpoint.split_once("://").unwrap();
        address.replace('*', "127.0.0.1").parse().unwrap()
    }
}
