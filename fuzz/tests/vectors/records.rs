//! Values of the records, each beside the name of its vector.

use landline_services::files::{
    records::{Entry, Numbers, Put, Say},
    verify::{Seen, What},
};

use crate::hello;

/// 2023-11-14, on the second.
const TIME: (i64, u32) = (1_700_000_000, 0);
const MARK: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
/// Bytes of the file that is mostly a hole.
const BIG: u64 = (1 << 20) + 6;

fn frame<T>(records: &[T], write: impl Fn(&T, &mut Vec<u8>)) -> Vec<u8> {
    let mut frame = Vec::new();
    records.iter().for_each(|record| write(record, &mut frame));
    frame
}

fn put(records: &[Put<'_>]) -> Vec<u8> {
    frame(records, Put::write)
}

pub(crate) fn values() -> Vec<(&'static str, Vec<u8>)> {
    [entries(), content(), said(), seen()].concat()
}

fn plain() -> Entry {
    Entry { size: Some(6), mode: 0o644, mtime: TIME, ..Entry::default() }
}

fn docs() -> Vec<u8> {
    let entry = plain();
    put(&[
        Put::Dir { path: b"docs" },
        Put::File { path: b"hello.txt", entry },
        Put::DirEnd { mode: 0o755, mtime: TIME },
    ])
}

fn entries() -> Vec<(&'static str, Vec<u8>)> {
    let file = |path, entry| put(&[Put::File { path, entry }]);
    let bare = Entry { size: Some(0), ..Entry::default() };
    let old = Entry { size: Some(u64::MAX), mode: 0o600, mtime: (-1, 999_999_999), ..Entry::default() };
    let big = Entry { size: Some(BIG), sparse: true, mark: Some(MARK), ..plain() };
    let attributes = vec![(b"user.a".to_vec(), b"1".to_vec()), (b"user.empty".to_vec(), vec![])];
    let hash = Some(*hello().as_bytes());
    let all = Entry { sparse: true, linked: true, mark: Some(MARK), hash, attributes, ..plain() };
    let endless = Entry { size: None, mode: 0o644, ..Entry::default() };
    vec![
        ("put/dir", put(&[Put::Dir { path: b"docs" }])),
        ("put/dir-bytes", put(&[Put::Dir { path: b"\xff\n" }])),
        ("put/dir-end", put(&[Put::DirEnd { mode: 0o755, mtime: TIME }])),
        ("put/file", file(b"hello.txt", plain())),
        ("put/file-bare", file(b"", bare)),
        ("put/file-old", file(b"old", old)),
        ("put/file-mark", file(b"big", big)),
        ("put/file-all", file(b"hello.txt", all)),
        ("put/file-endless", file(b"log", endless)),
        ("put/link", put(&[Put::Link { path: b"l", target: b"../a", mtime: TIME }])),
        ("put/hard-link", put(&[Put::HardLink { path: b"h", first: 3 }])),
        ("put/three", docs()),
    ]
}

fn content() -> Vec<(&'static str, Vec<u8>)> {
    let whole = |bytes| Put::Whole { number: 0, hash: *blake3::hash(bytes).as_bytes(), bytes };
    let mut big = vec![0; 1 << 20];
    big.extend_from_slice(b"hello\n");
    let end = Put::End { number: 1, size: BIG, hash: *blake3::hash(&big).as_bytes() };
    let records = docs();
    let stored = stored(&records);
    let inflated = u32::try_from(records.len()).expect("it is short");
    vec![
        ("put/whole", put(&[whole(b"hello\n")])),
        ("put/whole-empty", put(&[whole(b"")])),
        ("put/group", put(&[Put::Group { number: 1, index: 2, inflated: None }])),
        ("put/group-pressed", put(&[Put::Group { number: 1, index: 2, inflated: Some(1 << 20) }])),
        ("put/hole", put(&[Put::Hole { number: 1, first: 2, count: 3 }])),
        ("put/end", put(&[end])),
        ("put/packed", put(&[Put::Packed { inflated, bytes: &stored }])),
    ]
}

/// A zstd frame with all of `bytes` in one raw block: RFC 8878 §3.1.1.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let len = u8::try_from(bytes.len()).expect("fewer than 256 bytes");
    let [a, b, c, _] = (u32::from(len) << 3 | 1).to_le_bytes();
    [&[0x28, 0xb5, 0x2f, 0xfd, 0x20, len, a, b, c], bytes].concat()
}

fn said() -> Vec<(&'static str, Vec<u8>)> {
    let say = |records: &[Say]| frame(records, Say::write);
    let numbers = |from, count| Numbers { from, count };
    let rest = |tagged| say(&[Say::Rest { number: 4, runs: vec![(0, 3), (5, 6)], tagged }]);
    vec![
        ("say/same", say(&[Say::Same(numbers(5, 2))])),
        ("say/want", say(&[Say::Want(numbers(0, u32::MAX))])),
        ("say/rest", rest(false)),
        ("say/rest-tagged", rest(true)),
        ("say/rest-none", say(&[Say::Rest { number: 4, runs: vec![], tagged: false }])),
        ("say/tags", say(&[Say::Tags { number: 4, first: 0, tags: vec![[1; 8], [2; 8]] }])),
        ("say/kept", say(&[Say::Kept(Numbers::one(0))])),
        ("say/lost", say(&[Say::Lost(numbers(7, 3))])),
        ("say/two", say(&[Say::Want(Numbers::one(0)), Say::Kept(Numbers::one(1))])),
    ]
}

fn seen() -> Vec<(&'static str, Vec<u8>)> {
    let seen = |path: &[u8], what| Seen { path: path.to_vec(), what };
    let file = |size, content: &[u8]| What::File { size, hash: *blake3::hash(content).as_bytes() };
    let unreadable = |why: &[u8]| What::Unreadable { why: why.to_vec() };
    let one = |seen: Seen| frame(&[seen], Seen::write);
    vec![
        ("seen/root", one(seen(b"", What::Dir))),
        ("seen/dir", one(seen(b"a/b", What::Dir))),
        ("seen/file", one(seen(b"hello.txt", file(6, b"hello\n")))),
        ("seen/file-bytes", one(seen(b"d/\xff", file(0, b"")))),
        ("seen/link", one(seen(b"l", What::Link { target: b"../a".to_vec() }))),
        ("seen/unreadable", one(seen(b"b", unreadable(b"no permission")))),
        ("seen/unreadable-name", one(seen(b".landline-part-x", unreadable(b"reserved")))),
        ("seen/two", frame(&[seen(b"", What::Dir), seen(b"a", file(6, b"hello\n"))], Seen::write)),
    ]
}
