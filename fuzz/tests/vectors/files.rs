//! Values of the files service's messages, each beside the name of its vector.

use landline_services::files::{
    msg::{Ack, Answer, EntryMsg, ExistingMsg, Item, KindMsg, LaneAck, LaneItem, LoadMsg, PressMsg, Request, SpaceMsg},
    streams::StreamId,
};
use landline_wire::{ErrorCode, Fault, WireName};

use crate::{frame, hello};

fn name(raw: &[u8]) -> WireName {
    WireName::from(raw)
}

fn stream() -> StreamId {
    "000102030405060708090a0b0c0d0e0f".parse().expect("32 digits")
}

fn entry() -> EntryMsg {
    let (name, kind, mtime) = (name(b"hello.txt"), KindMsg::File, (1_700_000_000, 0));
    EntryMsg { name, kind, size: 6, mode: 0o644, mtime, target: None }
}

pub(crate) fn values() -> Vec<(&'static str, Vec<u8>)> {
    [requests(), answers(), items(), acks(), lanes()].concat()
}

fn requests() -> Vec<(&'static str, Vec<u8>)> {
    let (hello_txt, docs, objects) = (|| name(b"docs/hello.txt"), || name(b"docs"), || vec!["*.o".to_owned()]);
    let get = |path, exclude, totals| Request::Get {
        path,
        exclude,
        totals,
        by_hash: false,
        hard_links: false,
        attributes: false,
        rate: 0,
        press: PressMsg::Auto,
        stream: None,
    };
    let get_all = Request::Get {
        path: docs(),
        exclude: objects(),
        totals: true,
        by_hash: true,
        hard_links: true,
        attributes: true,
        rate: 1_000_000,
        press: PressMsg::Always,
        stream: Some(stream()),
    };
    let put = |existing, backup, if_match| Request::Put { existing, backup, if_match, stream: None };
    let put_named =
        Request::Put { existing: ExistingMsg::Update, backup: false, if_match: None, stream: Some(stream()) };
    let put_all = put(ExistingMsg::ByHash, true, Some(hello().to_hex().to_string()));
    vec![
        ("request/list", frame(Request::List { path: name(b"") })),
        ("request/stat", frame(Request::Stat { path: hello_txt(), hash: false })),
        ("request/stat-hash", frame(Request::Stat { path: hello_txt(), hash: true })),
        ("request/get", frame(get(hello_txt(), vec![], false))),
        ("request/get-part", frame(get(docs(), objects(), true))),
        ("request/get-all", frame(get_all)),
        ("request/put", frame(put(ExistingMsg::Update, false, None))),
        ("request/put-never", frame(put(ExistingMsg::Never, false, None))),
        ("request/put-all", frame(put_all)),
        ("request/put-named", frame(put_named)),
        ("request/lane", frame(Request::Lane { of: stream() })),
        ("request/hashes", frame(Request::Hashes { path: docs(), exclude: vec![] })),
        ("request/hashes-part", frame(Request::Hashes { path: docs(), exclude: objects() })),
        ("request/make-dir", frame(Request::MakeDir { path: docs(), parents: true })),
        ("request/move", frame(Request::Move { from: hello_txt(), to: name(b"h\xff"), replace: false })),
        ("request/space", frame(Request::Space {})),
        ("request/remove", frame(Request::Remove { path: docs(), recursive: true })),
    ]
}

fn answers() -> Vec<(&'static str, Vec<u8>)> {
    let target = Some(name(b"/x"));
    let link = EntryMsg { name: name(b"l\xff"), kind: KindMsg::Link, size: 3, mode: 0o777, target, ..entry() };
    let hash = Some(hello().to_hex().to_string());
    vec![
        ("answer/error", frame(Answer::Error(not_found()))),
        ("answer/done", frame(Answer::Done {})),
        ("answer/working", frame(Answer::Working {})),
        ("answer/entries", frame(Answer::Entries { entries: vec![entry(), link], more: false })),
        ("answer/entry", frame(Answer::Entry { entry: entry(), hash: None })),
        (
            "answer/space",
            frame(Answer::Space(SpaceMsg { used: Some(4096), quota: Some(1 << 30), ..space("amy", true) })),
        ),
        ("answer/space-share", frame(Answer::Space(space("friends", false)))),
        ("answer/entry-hash", frame(Answer::Entry { entry: entry(), hash })),
    ]
}

fn space(user: &str, home: bool) -> SpaceMsg {
    SpaceMsg { user: user.to_owned(), home, used: None, quota: None, free: 1_000_000, total: 2_000_000 }
}

fn not_found() -> Fault {
    Fault::new(ErrorCode::NotFound, "docs: not found")
}

const LOAD: Option<LoadMsg> = Some(LoadMsg { disk: 12, hash: 3, sync: 40 });

fn items() -> Vec<(&'static str, Vec<u8>)> {
    let changed = Fault::new(ErrorCode::Changed, "it changed while it was read");
    let pipe = Fault::new(ErrorCode::WrongKind, "a pipe is not copied");
    vec![
        ("item/error", frame(Item::Error(not_found()))),
        ("item/totals", frame(Item::Totals { files: 1, bytes: 6 })),
        ("item/broken", frame(Item::Broken { file: 0, fault: changed })),
        ("item/skip", frame(Item::Skip { path: name(b"docs/pipe"), fault: pipe })),
        ("item/working", frame(Item::Working { load: None })),
        ("item/working-load", frame(Item::Working { load: LOAD })),
        ("item/finish", frame(Item::Finish {})),
    ]
}

fn lanes() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("lane-item/working", frame(LaneItem::Working {})),
        ("lane-item/finish", frame(LaneItem::Finish { early: false })),
        ("lane-item/early", frame(LaneItem::Finish { early: true })),
        ("lane-ack/working", frame(LaneAck::Working {})),
        ("lane-ack/enough", frame(LaneAck::Enough {})),
        ("lane-ack/done", frame(LaneAck::Done {})),
    ]
}

fn acks() -> Vec<(&'static str, Vec<u8>)> {
    let done = |load| Ack::Done { files: 1, bytes: 6, failed: 0, load };
    let out_of_turn = Fault::new(ErrorCode::BadRequest, "data came out of turn in a copy stream");
    let pipe = Fault::new(ErrorCode::WrongKind, "docs: is a pipe");
    vec![
        ("ack/error", frame(Ack::Error(out_of_turn))),
        ("ack/failed", frame(Ack::Failed { file: 0, fault: Fault::new(ErrorCode::NoSpace, "the disk is full") })),
        ("ack/dir-failed", frame(Ack::DirFailed { path: name(b"docs"), fault: pipe })),
        ("ack/tree", frame(Ack::Tree { path: name(b"docs") })),
        ("ack/working", frame(Ack::Working { load: None })),
        ("ack/working-load", frame(Ack::Working { load: LOAD })),
        ("ack/done", frame(done(None))),
        ("ack/done-load", frame(done(LOAD))),
    ]
}
