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
use landline_services::files::msg::{Ack, Answer, ExistingMsg, Item, PressMsg, Request};
use landline_services::files::records::{Numbers, Put, Say};
use landline_wire::{ErrorCode, Fault, WireName};

use crate::raw::records::{dir, dir_end, file, records, said, says, told, whole};
use crate::raw::{Raw, Word, identity_of, message};
use crate::scene::{Scene, snapshot};

/// The laptop's key, in hands that keep to no rule.
struct Rogue {
    raw: Raw,
}

/// Everything that can be asked about a path.
const ASKS: [&str; 17] = [
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
    "compare",
    "put a file",
    "put a link",
    "put another name",
    "put a folder",
    "put into a folder",
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
            "compare" => return self.compare(path),
            put => return self.put(put, &path.0),
        };
        self.say(&request);
        match self.hear() {
            Answer::Error(fault) => Some(fault.code),
            Answer::Done {} | Answer::Entries { .. } | Answer::Entry { .. } | Answer::Working {} | Answer::Space(_) => {
                None
            }
        }
    }

    /// Fetches; what was skipped or broken counts as refused.
    fn get(&mut self, path: WireName) -> Option<ErrorCode> {
        self.say(&Request::Get {
            path,
            exclude: Vec::new(),
            totals: false,
            by_hash: true,
            hard_links: true,
            attributes: true,
            rate: 0,
            press: PressMsg::Auto,
            stream: None,
        });
        let (mut refused, mut next) = (None, 0);
        loop {
            match self.hear_word() {
                Word::Records(payload) => {
                    let told = told(&payload);
                    let is_entry =
                        |put: &&Put<'_>| matches!(put, Put::File { .. } | Put::Link { .. } | Put::HardLink { .. });
                    let count = u32::try_from(told.iter().filter(is_entry).count()).unwrap();
                    if count > 0 {
                        self.raw.say(says(&[Say::Want(Numbers { from: next, count })]));
                        next += u64::from(count);
                    }
                }
                Word::Message(message) => match read(message) {
                    Item::Error(fault) => return Some(fault.code),
                    Item::Skip { fault, .. } | Item::Broken { fault, .. } => refused = Some(fault.code),
                    Item::Finish {} => break,
                    Item::Totals { .. } | Item::Working { .. } => {}
                },
            }
        }
        self.say(&Ack::Done { files: 0, bytes: 0, failed: 0, load: None });
        refused
    }

    /// Asks for the hashes of all below.
    fn compare(&mut self, path: WireName) -> Option<ErrorCode> {
        self.say(&Request::Hashes { path, exclude: Vec::new() });
        match self.hear() {
            Answer::Error(fault) => Some(fault.code),
            _ => None,
        }
    }

    fn put_link(&mut self, path: &[u8], target: &[u8]) -> Option<ErrorCode> {
        self.put_all("put a link", &[Put::Link { path, target, mtime: (0, 0) }])
    }

    /// Puts one thing; what it says of it, and of the folder that it is in, is the answer.
    fn put(&mut self, what: &str, path: &[u8]) -> Option<ErrorCode> {
        let put = match what {
            "put a file" => vec![file(path, 1)],
            "put a link" => vec![Put::Link { path, target: b"file", mtime: (0, 0) }],
            "put another name" => {
                let Put::File { path: of, mut entry } = file("named-twice", 1) else { unreachable!() };
                entry.linked = true;
                vec![Put::File { path: of, entry }, Put::HardLink { path, first: 0 }]
            }
            "put a folder" => vec![dir(path), dir_end()],
            "put into a folder" => vec![dir(path), file("new", 1), dir_end()],
            _ => unreachable!("not in ASKS"),
        };
        self.put_all(what, &put)
    }

    fn put_all(&mut self, what: &str, put: &[Put<'_>]) -> Option<ErrorCode> {
        self.say(&Request::Put { existing: ExistingMsg::Always, backup: false, if_match: None, stream: None });
        self.raw.say(records(put));
        let mut verdicts = put.iter().filter(|put| !matches!(put, Put::Dir { .. } | Put::DirEnd { .. })).count();
        let mut refused = None;
        while verdicts > 0 {
            match self.hear_word() {
                Word::Records(payload) => {
                    for said in said(&payload) {
                        let (Say::Want(numbers) | Say::Same(numbers) | Say::Lost(numbers)) = said else { continue };
                        verdicts -= usize::try_from(numbers.count).unwrap();
                        if !matches!(said, Say::Want(_)) {
                            continue;
                        }
                        match what {
                            // Nothing of it is to stay: it is only there to have another name.
                            "put another name" if numbers.from == 0 => {
                                let fault = Fault::new(ErrorCode::Changed, "");
                                self.say(&Item::Broken { file: 0, fault });
                            }
                            "put a file" | "put into a folder" => {
                                self.raw.say(records(&[whole(0, b"x")]));
                            }
                            _ => {}
                        }
                    }
                }
                Word::Message(message) => match read(message) {
                    Ack::Error(fault) => return Some(fault.code),
                    Ack::Failed { fault, .. } => {
                        refused = Some(fault.code);
                        verdicts -= 1;
                    }
                    Ack::DirFailed { fault, .. } => refused = Some(fault.code),
                    Ack::Tree { .. } | Ack::Working { .. } | Ack::Done { .. } => {}
                },
            }
        }
        self.say(&Item::Finish {});
        loop {
            match self.hear() {
                Ack::Error(fault) => return Some(fault.code),
                Ack::Failed { fault, .. } | Ack::DirFailed { fault, .. } => refused = Some(fault.code),
                Ack::Tree { .. } | Ack::Working { .. } => {}
                Ack::Done { .. } => return refused,
            }
        }
    }

    fn say(&mut self, what: &impl serde::Serialize) {
        self.raw.say(message(serde_json::to_string(what).unwrap()));
    }

    #[track_caller]
    fn hear<T: serde::de::DeserializeOwned>(&mut self) -> T {
        read(self.raw.hear_message().expect("the server answers and stays on the line"))
    }

    #[track_caller]
    fn hear_word(&mut self) -> Word {
        self.raw.hear_word().expect("the server answers and stays on the line")
    }
}

#[track_caller]
fn read<T: serde::de::DeserializeOwned>(said: serde_json::Value) -> T {
    serde_json::from_value(said.clone()).unwrap_or_else(|fault| panic!("{fault}: {said}"))
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
