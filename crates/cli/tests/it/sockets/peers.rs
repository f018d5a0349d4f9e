//! The programs of the tutorials, in Python, against landline from both sides: tests/peers holds what each says and demands.

use std::path::{Path, PathBuf};

use landline_testkit::{Cmd, Machine, Office, Running, needs};

use super::{Listening, listen, office};

mod clients;
mod odd;
mod servers;

/// Both programs, and a folder each.
pub(super) struct Stage {
    _offices: (Office, Office),
    pub(super) landline: Machine,
    python: Machine,
}

/// The key that the tutorial's challenge is about.
const KEY: &str = "Jedan has a big key!";

impl Stage {
    /// `None` where there is no Python; the test is noted as skipped.
    pub(super) fn set() -> Option<Self> {
        if !needs("python3") {
            return None;
        }
        let offices = (office(), Office::new("python3"));
        let (landline, python) = (offices.0.machine("landline"), offices.1.machine("python"));
        Some(Self { _offices: offices, landline, python })
    }

    /// `landline listen --like NAME` at a free port, with these lines to say.
    #[track_caller]
    fn serves(&self, name: &str, more: &[&str], says: &str) -> Listening {
        let like = landline_endpoint(name);
        let words = ["listen", "--like", name, like].into_iter().chain(more.iter().copied());
        let mut running = self.landline.cmd(words).env("LANDLINE_KEY", KEY).stdin_open().spawn();
        let endpoint = running.wait_for_line("listening on ");
        if !says.is_empty() {
            running.say(says);
        }
        Listening { running, endpoint }
    }

    /// `landline dial --like NAME` to a peer.
    fn dials(&self, name: &str, peer: &Peer, more: &[&str]) -> Cmd {
        let scheme = landline_endpoint(name).split_once("://").unwrap().0;
        let endpoint = format!("{scheme}://127.0.0.1:{}", peer.port);
        self.landline.cmd(["dial", "--like", name, endpoint.as_str()]).args(more).env("LANDLINE_KEY", KEY)
    }

    /// A peer that dials landline, whose conversation must be as its item says.
    #[track_caller]
    fn peer_dials(&self, file: &str, server: &Listening, more: &[&str]) {
        let port = server.address().port().to_string();
        let script = script(file);
        self.python.cmd([script.to_str().unwrap(), "dial", port.as_str()]).args(more).succeeds();
    }

    /// A peer that listens.
    #[track_caller]
    fn peer_serves(&self, file: &str, more: &[&str]) -> Peer {
        let script = script(file);
        let running = self.python.cmd([script.to_str().unwrap(), "serve"]).args(more).spawn();
        let port = running.wait_for_stdout_line("listening ").parse().unwrap();
        Peer { running, port }
    }
}

/// A program of the tutorials that listens.
struct Peer {
    running: Running,
    port: u16,
}

impl Peer {
    /// Waits for its end: it must have been satisfied.
    #[track_caller]
    fn ends_satisfied(self) {
        self.running.wait().exits_with(0);
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/peers/{name}.py"))
}

/// A free port, of the kind that the program uses.
fn landline_endpoint(name: &str) -> &'static str {
    let udp = ["u1", "u2", "c5", "c6", "w1", "w3", "w4", "r4", "m1", "s3"];
    if udp.contains(&name) { "udp://127.0.0.1:0" } else { "tcp://127.0.0.1:0" }
}
