//! What the tests of this crate stand on: a home in a temporary folder, its store, and a real second process.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use landline_addr::contact::ContactName;
use landline_trust::key::PublicKey;
use rusqlite::Connection;
use zeroize::Zeroizing;

use crate::{Contact, Home, OpenCode, Store};

/// A home and its store; the folder lives as long as this.
pub(crate) struct Opened {
    _dir: tempfile::TempDir,
    pub(crate) home: Home,
    pub(crate) store: Store,
}

pub(crate) fn opened() -> Opened {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::open_or_create(dir.path()).unwrap();
    let store = Store::open(&home).unwrap();
    Opened { _dir: dir, home, store }
}

impl Opened {
    /// A connection of its own for what no trait does.
    pub(crate) fn sql(&self, statement: &str) {
        Connection::open(self.home.database_path()).unwrap().execute_batch(statement).unwrap();
    }

    /// A user beside the default one, without rights.
    pub(crate) fn add_user(&self, name: &str) {
        self.sql(&format!("INSERT INTO user (name) VALUES ('{name}')"));
    }
}

/// A key that differs for every `n`.
pub(crate) fn key(n: u8) -> PublicKey {
    PublicKey::from_bytes([n; 32])
}

/// A time of day in a day long ago, in seconds.
pub(crate) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_000_000_000 + seconds)
}

pub(crate) fn name(text: &str) -> ContactName {
    text.parse().unwrap()
}

pub(crate) fn contact(text: &str, keys: &[u8], addresses: &[&str]) -> Contact {
    Contact {
        name: name(text),
        keys: keys.iter().copied().map(key).collect(),
        addresses: addresses.iter().map(|&address| address.to_owned()).collect(),
        added_at: at(0),
    }
}

/// A code of the default user that expires at second 100.
pub(crate) fn code(number: u16, secret: &str) -> OpenCode {
    OpenCode {
        number,
        secret: Zeroizing::new(secret.to_owned()),
        user: "friends".to_owned(),
        expires_at: at(100),
        breaks: 0,
    }
}

/// This test binary once more, running one test, which finds itself there by [`SecondProcess::home`].
pub(crate) struct SecondProcess {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl SecondProcess {
    const HOME: &str = "LANDLINE_TEST_SECOND_PROCESS_HOME";
    const READY: &str = "the second process is ready";

    /// In the second process: the home that both work on.
    pub(crate) fn home() -> Option<Home> {
        std::env::var_os(Self::HOME).map(|path| Home::open_or_create(path).unwrap())
    }

    /// In the second process: says that its part is done and stays until it is let go or killed.
    pub(crate) fn ready_then_wait() -> ! {
        println!("{}", Self::READY);
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        std::process::exit(0)
    }

    /// Returns once the other process is ready. `test`: the path of the calling test in this crate.
    pub(crate) fn start(test: &str, home: &Home) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture"])
            .env(Self::HOME, home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains(Self::READY) {
            line.clear();
            assert_ne!(stdout.read_line(&mut line).unwrap(), 0, "the second process ended before it was ready");
        }
        Self { child, stdout }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it as a power cut would: nothing of it runs any more.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Lets it end by itself.
    pub(crate) fn finish(mut self) {
        drop(self.child.stdin.take());
        self.stdout.read_to_end(&mut Vec::new()).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}
