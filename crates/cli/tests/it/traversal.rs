//! Traversal: nothing that a caller can say leads out of the share, or to anything in it but files, folders and names.
//!
//! Each rule is tried by the program, whose own parser says no first, and by frames of an enrolled key that no program of
//! ours would send, where only the server can.

mod devices;
mod links;
mod names;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use landline_net::tls::Identity;
use landline_services::files::msg::{Ack, Answer, Item, Request};
use landline_wire::{ErrorCode, WireName};

use crate::raw::{Raw, data, identity_of, message};
use crate::scene::{Scene, snapshot};

/// The laptop's key, in hands that keep to no rule.
struct Rogue {
    raw: Raw,
}

/// Everything that can be asked about a path.
const ASKS: [&str; 12] = [
    "list",
    "stat",
    "hash",
    "get",
    "make",
    "make with parents",
    "move from",
    "move to",
    "replace",
    "remove",
    "remove all below",
    "put a file",
];

impl Rogue {
    fn of(scene: &Scene) -> Self {
        let identity: Identity = identity_of(&scene.laptop);
        Self { raw: Raw::open(scene.desk.addr(), &identity, "files") }
    }

    /// Asks one of [`ASKS`] about `path`; `None` if it was done. `other` is where a move goes to, or comes from.
    fn ask(&mut self, ask: &str, path: &[u8], other: &[u8]) -> Option<ErrorCode> {
        let (path, other) = (WireName::from(path), WireName::from(other));
        let request = match ask {
            "list" => Request::List { path },
            "stat" => Request::Stat { path, hash: false },
            "hash" => Request::Stat { path, hash: true },
            "get" => return self.get(path),
            "make" => Request::MakeDir { path, parents: false },
            "make with parents" => Request::MakeDir { path, parents: true },
            "move from" => Request::Move { from: path, to: other, replace: false },
            "move to" => Request::Move { from: other, to: path, replace: false },
            "replace" => Request::Move { from: other, to: path, replace: true },
            "remove" => Request::Remove { path, recursive: false },
            "remove all below" => Request::Remove { path, recursive: true },
            "put a file" => return self.put(path),
            _ => unreachable!("not in ASKS"),
        };
        self.say(&request);
        match self.hear() {
            Answer::Error(fault) => Some(fault.code),
            Answer::Done {} | Answer::Entries { .. } | Answer::Entry { .. } | Answer::Working {} => None,
        }
    }

    /// Fetches; what was skipped or broken counts as refused.
    fn get(&mut self, path: WireName) -> Option<ErrorCode> {
        self.say(&Request::Get { path, exclude: Vec::new(), totals: false });
        let mut refused = None;
        loop {
            match self.hear() {
                Item::Error(fault) => return Some(fault.code),
                Item::Skip { fault, .. } | Item::Broken(fault) => refused = Some(fault.code),
                Item::Finish {} => break,
                _ => {}
            }
        }
        self.say(&Ack::Done { files: 0, bytes: 0, failed: 0 });
        refused
    }

    /// Puts a file of one byte, and a folder with the same name, and whatever a folder's end may set.
    fn put(&mut self, path: WireName) -> Option<ErrorCode> {
        let (mode, mtime) = (0o777, (0, 0));
        self.say(&Request::Put {});
        self.say(&Item::File { path: path.clone(), size: 1, mode, mtime });
        self.raw.say(data(b"x"));
        self.say(&Item::End { size: 1, hash: blake3::hash(b"x").to_hex().to_string() });
        self.say(&Item::Dir { path: path.clone() });
        self.say(&Item::DirEnd { path, mode, mtime });
        self.say(&Item::Finish {});
        let mut refused = None;
        loop {
            match self.hear() {
                Ack::Error(fault) => return Some(fault.code),
                Ack::Failed { fault, .. } => refused = Some(fault.code),
                Ack::DirFailed { .. } | Ack::Kept { .. } | Ack::Working {} => {}
                Ack::Done { .. } => return refused,
            }
        }
    }

    fn say(&mut self, what: &impl serde::Serialize) {
        self.raw.say(message(serde_json::to_string(what).unwrap()));
    }

    #[track_caller]
    fn hear<T: serde::de::DeserializeOwned>(&mut self) -> T {
        let said = self.raw.hear_message().expect("the server answers and stays on the line");
        serde_json::from_value(said.clone()).unwrap_or_else(|fault| panic!("{fault}: {said}"))
    }
}

/// Something outside the share that must stay as it is, and unseen.
struct Outside {
    folder: PathBuf,
    before: BTreeMap<PathBuf, Vec<u8>>,
}

const SECRET: &str = "what nobody may see";

impl Outside {
    fn of(scene: &Scene) -> Self {
        let folder = scene.office.root().join("outside");
        fs::create_dir_all(folder.join("sub")).unwrap();
        fs::write(folder.join("secret"), SECRET).unwrap();
        fs::write(folder.join("sub/secret"), SECRET).unwrap();
        let before = snapshot(&folder);
        Self { folder, before }
    }

    #[track_caller]
    fn is_untouched(&self) {
        assert_eq!(snapshot(&self.folder), self.before);
    }
}
