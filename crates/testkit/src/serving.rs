//! Serving: a server that said it is ready, and what it tells on the way.
//!
//! In: a running `serve … --json`. Out: where it listens, its fingerprint, and its events (one JSON object a line).
//! An event is given out once; events that a wait passed over stay for a later one, so their order need not be known.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::Value;

use crate::running::Seen;
use crate::{Done, Machine, Running};

/// A server of one machine: killed when this is dropped.
#[derive(Debug)]
pub struct Serving {
    machine: Machine,
    running: Running,
    ready: Value,
    events: Events,
}

impl Serving {
    #[track_caller]
    pub(crate) fn from_running(running: Running, machine: Machine) -> Self {
        let mut events = Events::default();
        let ready = running.wait_until("say that it is ready", |seen| {
            events.take_in(seen);
            (!events.untold.is_empty()).then(|| events.untold.remove(0))
        });
        assert!(ready["event"] == "ready", "{} said first: {ready}\n{}", running.label(), running.report());
        Self { machine, running, ready, events }
    }

    /// The machine that serves.
    #[must_use]
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The whole ready event.
    #[must_use]
    pub fn ready(&self) -> &Value {
        &self.ready
    }

    /// The first TCP address that it listens on.
    ///
    /// # Panics
    /// If it listens on none.
    #[must_use]
    #[track_caller]
    pub fn addr(&self) -> SocketAddr {
        let listen = self.ready["listen"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let addr = listen.filter_map(|endpoint| endpoint.strip_prefix("tcp://")).find_map(|addr| addr.parse().ok());
        addr.unwrap_or_else(|| panic!("no TCP address in the ready event: {}", self.ready))
    }

    /// Its fingerprint, as it prints it.
    ///
    /// # Panics
    /// If the ready event has none.
    #[must_use]
    #[track_caller]
    pub fn fingerprint(&self) -> String {
        self.ready_text("fingerprint")
    }

    /// The UNIX socket of its owner.
    ///
    /// # Panics
    /// If the ready event has none.
    #[must_use]
    #[track_caller]
    pub fn socket(&self) -> PathBuf {
        self.ready_text("socket").into()
    }

    #[track_caller]
    fn ready_text(&self, field: &str) -> String {
        let text = self.ready[field].as_str();
        text.unwrap_or_else(|| panic!("no {field} in the ready event: {}", self.ready)).to_owned()
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// The process itself, for other signals and for what it says on standard error.
    #[must_use]
    pub fn running(&self) -> &Running {
        &self.running
    }

    /// Waits for an event that `wanted` accepts and takes it out; events passed over stay for a later wait.
    ///
    /// # Panics
    /// If the server ends or the deadline passes without it, or if it prints a line that is not JSON.
    #[track_caller]
    pub fn wait_for_event(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let events = &mut self.events;
        self.running.wait_until("tell the event that the test waits for", |seen| {
            events.take_in(seen);
            let found = events.untold.iter().position(&wanted)?;
            Some(events.untold.remove(found))
        })
    }

    /// Asks it to end (SIGTERM) and returns at once; [`Serving::wait`] waits for the end.
    #[track_caller]
    pub fn sigterm(&self) {
        self.running.sigterm();
    }

    /// Kills it, as a power cut would; [`Serving::wait`] makes sure that it is gone.
    #[track_caller]
    pub fn sigkill(&self) {
        self.running.sigkill();
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it does not end in time.
    #[must_use = "for the checks: exits_with()"]
    #[track_caller]
    pub fn wait(self) -> Done {
        self.running.wait()
    }

    /// Asks it to end, waits, and demands exit code 0.
    ///
    /// # Panics
    /// If it does not end well in time.
    #[track_caller]
    pub fn stops(self) -> Done {
        self.sigterm();
        self.wait().exits_with(0)
    }
}

/// The events of a server's standard output, each told once.
#[derive(Debug, Default)]
struct Events {
    read_bytes: usize,
    untold: Vec<Value>,
}

impl Events {
    /// Takes in each line completed since the last look.
    #[track_caller]
    fn take_in(&mut self, seen: &Seen) {
        while let Some(line_len) = seen.stdout[self.read_bytes..].iter().position(|byte| *byte == b'\n') {
            let line = &seen.stdout[self.read_bytes..self.read_bytes + line_len];
            self.read_bytes += line_len + 1;
            let event = serde_json::from_slice(line);
            self.untold.push(event.unwrap_or_else(|e| panic!("not an event ({e}): {}", line.escape_ascii())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Office;

    const FAKE: &str = r#"echo '{"event":"ready","listen":["unix:/x","tcp://127.0.0.1:4711"],"fingerprint":"ab-cd","socket":"/s"}'
        echo '{"event":"invitation","code":"7-a-b"}'; printf '{"event":'; read go; echo '"late"}'; exec cat"#;

    #[test]
    fn a_ready_line_names_where_and_who() {
        let office = Office::new("/bin/sh");
        let serving = office.machine("desk").cmd(["-c", FAKE]).stdin_open().serving();
        assert_eq!(serving.addr(), "127.0.0.1:4711".parse().unwrap());
        assert_eq!((serving.fingerprint().as_str(), serving.socket()), ("ab-cd", PathBuf::from("/s")));
        assert_eq!(serving.machine().name(), "desk");
        serving.sigterm();
        assert_eq!(serving.wait().killed_by(), Some(15));
    }

    #[test]
    fn events_are_found_in_any_order_and_told_once() {
        let office = Office::new("/bin/sh");
        let mut serving = office.machine("desk").cmd(["-c", FAKE]).stdin_open().serving();
        serving.running.say("go\n");
        assert_eq!(serving.wait_for_event(|event| event["event"] == "late")["event"], "late");
        assert_eq!(serving.wait_for_event(|event| event["event"] == "invitation")["code"], "7-a-b");
        assert!(serving.events.untold.is_empty());
    }

    #[test]
    #[should_panic(expected = "said first")]
    fn a_server_that_says_something_else_first_is_not_ready() {
        let office = Office::new("/bin/sh");
        drop(office.machine("desk").cmd(["-c", "echo '{\"event\":\"other\"}'"]).serving());
    }

    #[test]
    #[should_panic(expected = "ended, and did not say that it is ready")]
    fn a_server_that_dies_is_told_at_once() {
        let office = Office::new("/bin/sh");
        drop(office.machine("desk").cmd(["-c", "echo broken >&2; exit 70"]).serving());
    }
}
