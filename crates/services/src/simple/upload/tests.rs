//! Uploads over a connection in memory.

use std::fs;
use std::path::Path;

use landline_net::raw::Talk;
use landline_wire::framing::JsonHead;
use tempfile::TempDir;

use super::*;
use crate::files::tree::{Errno, FailNth, Op, Tree};

fn uploads(dir: &Path) -> Uploads {
    Uploads::new(Arc::new(LocalEngine::new(Arc::new(Tree::open(dir).unwrap()))))
}

fn head(name: &str, content: &[u8]) -> FileHead {
    FileHead { file_size: content.len().try_into().unwrap(), file_name: name.into(), md5: Md5::digest(content).into() }
}

fn frame(head: &FileHead, content: &[u8]) -> Vec<u8> {
    let mut frame = BytesMut::new();
    head.encode(&FramingLimits::default(), &mut frame).unwrap();
    frame.extend_from_slice(content);
    frame.to_vec()
}

fn file(name: &str, content: &[u8]) -> Vec<u8> {
    frame(&head(name, content), content)
}

/// Sends all of `stream`, `piece` bytes at a time, then the end. What came back, and how the service ended.
async fn sent(uploads: Uploads, stream: &[u8], piece: usize) -> (Vec<u8>, Result<(), String>) {
    let (here, there) = Connection::pair(1 << 10, &Talk::default()).unwrap();
    let serving = async { uploads.handle(there).await.map_err(|fault| fault.to_string()) };
    let sending = async {
        let (mut receiver, mut sender) = here.split();
        for piece in stream.chunks(piece) {
            if sender.write(piece).await.is_err() {
                break; // it was refused
            }
        }
        let _ = sender.finish().await;
        let mut all = Vec::new();
        while let Ok(Some(message)) = receiver.receive().await {
            all.extend_from_slice(&message.body);
        }
        all
    };
    let (ended, answer) = tokio::join!(serving, sending);
    (answer, ended)
}

fn names(dir: &TempDir) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn files_lie_under_the_last_part_of_their_names_however_the_stream_is_cut() {
    let stream = [file("/a/b/c/d/e/a.txt", b"hello\n"), file("empty", b""), file("x/你 好", b"!")].concat();
    for piece in [1, 3, stream.len()] {
        let dir = tempfile::tempdir().unwrap();
        let told = Uploads { answer: b"ok".to_vec(), ..uploads(dir.path()) };
        assert_eq!(sent(told, &stream, piece).await, (b"okokok".to_vec(), Ok(())));
        assert_eq!(names(&dir), ["a.txt", "empty", "你 好"]);
        assert_eq!(fs::read(dir.path().join("a.txt")).unwrap(), b"hello\n");
        assert_eq!(fs::read(dir.path().join("你 好")).unwrap(), b"!");
    }
}

#[tokio::test]
async fn a_file_of_several_blocks_arrives_whole_and_nothing_is_said_unless_asked_for() {
    let long: Vec<u8> = (0..=250u8).cycle().take(2 * BLOCK_BYTES + 77).collect();
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(sent(uploads(dir.path()), &file("long", &long), 60_000).await, (Vec::new(), Ok(())));
    assert!(fs::read(dir.path().join("long")).unwrap() == long);
}

#[tokio::test]
async fn a_byte_that_changed_on_the_way_leaves_nothing_but_what_came_before() {
    let dir = tempfile::tempdir().unwrap();
    let stream = [file("good", b"good"), frame(&head("bad", b"hello"), b"hellp"), file("late", b"late")].concat();
    let (_, ended) = sent(uploads(dir.path()), &stream, 1000).await;
    assert_eq!(ended.unwrap_err(), "the bytes that came don't have the MD5 that was announced");
    assert_eq!(names(&dir), ["good"]);
}

#[tokio::test]
async fn a_stream_that_ends_early_leaves_nothing_and_says_what_is_missing() {
    let whole = file("a", b"hello");
    let body_at = whole.len() - 5;
    for cut in 1..whole.len() {
        let dir = tempfile::tempdir().unwrap();
        let (_, ended) = sent(uploads(dir.path()), whole.get(..cut).unwrap(), 1000).await;
        let expected = match cut {
            1..4 => format!("stream ended {} bytes before the end of a message's head", 4 - cut),
            cut if cut < body_at => format!("stream ended {} bytes before the end of a message's head", body_at - cut),
            _ => format!("stream ended {} bytes before the end of a message", whole.len() - cut),
        };
        assert_eq!(ended.unwrap_err(), expected, "cut at {cut}");
        assert!(names(&dir).is_empty());
    }
}

#[tokio::test]
async fn names_that_lead_anywhere_or_do_anything_are_refused() {
    let long = "x".repeat(256);
    for (name, why) in [
        ("", "the file's name is refused: the path contains an empty name (a doubled or trailing /)"),
        ("a/", "the file's name is refused: the path contains an empty name (a doubled or trailing /)"),
        ("..", "the file's name is refused: the path contains \"..\", which could lead out of the share"),
        ("a/.", "the file's name is refused: the path contains the component \".\""),
        ("a\0b", "the file's name is refused: the path contains a NUL byte, which no file name can hold"),
        ("a\x1b[2J", "the file's name has control characters in it"),
        ("a\u{9b}", "the file's name has control characters in it"),
        (&long, "the file's name is refused: a name in the path is longer than 255 bytes"),
        (
            ".LANDLINE-part-1",
            "the file's name is refused: names beginning with \".landline-part-\" are reserved for files that are still \
             arriving",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (_, ended) = sent(uploads(dir.path()), &file(name, b"x"), 1000).await;
        assert_eq!(ended.unwrap_err(), why);
        assert!(names(&dir).is_empty());
    }
}

#[tokio::test]
async fn what_is_there_stays_unless_it_may_be_replaced() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a"), "old").unwrap();
    let (_, ended) = sent(uploads(dir.path()), &file("a", b"new"), 1000).await;
    assert_eq!(ended.unwrap_err(), "a: exists already");
    assert_eq!(fs::read(dir.path().join("a")).unwrap(), b"old");
    let replacing = Uploads { replace: true, ..uploads(dir.path()) };
    assert_eq!(sent(replacing, &file("a", b"new"), 1000).await.1, Ok(()));
    assert_eq!(fs::read(dir.path().join("a")).unwrap(), b"new");
}

#[tokio::test]
async fn a_file_that_is_too_large_is_refused_before_a_byte_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let small = || Uploads { most: Some(5), ..uploads(dir.path()) };
    assert_eq!(sent(small(), &file("five", b"12345"), 1000).await.1, Ok(()));
    let (_, ended) = sent(small(), &frame(&head("six", b"123456"), b""), 1000).await;
    assert_eq!(ended.unwrap_err(), "the file has 6 bytes, 5 are allowed");
    assert_eq!(names(&dir), ["five"]);
}

#[tokio::test]
async fn a_full_disk_ends_the_connection_and_the_old_file_stays() {
    for (op, n) in [(Op::Create, 0), (Op::Write, 0), (Op::Write, 1), (Op::Sync, 0), (Op::Rename, 0)] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a"), "old").unwrap();
        let faults = Arc::new(FailNth::new(Some(op), n, Errno::NOSPC));
        let tree = Arc::new(Tree::open_with_faults(dir.path(), faults).unwrap());
        let full = Uploads { replace: true, ..Uploads::new(Arc::new(LocalEngine::new(tree))) };
        let (_, ended) = sent(full, &file("a", &vec![b'x'; BLOCK_BYTES + 1]), 60_000).await;
        assert_eq!(ended.unwrap_err(), "a: no space left on the disk", "{op} {n}");
        assert_eq!((fs::read(dir.path().join("a")).unwrap(), names(&dir)), (b"old".to_vec(), vec!["a".to_owned()]));
    }
}

#[tokio::test]
async fn a_header_that_is_hostile_or_of_another_kind_ends_the_connection() {
    let mut other = BytesMut::new();
    JsonHead::of_body(1).encode(&FramingLimits::default(), &mut other).unwrap();
    let cases: [(&[u8], &str); 3] = [
        (b"\xff\xff\xff\x7f", "JSON header of 2147483647 bytes, 16384 are allowed"),
        (b"\xff\xff\xff\xff", "length -1 is negative"),
        (&other, "file_size of the file's header must be a whole number"),
    ];
    for (stream, why) in cases {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(sent(uploads(dir.path()), stream, 1000).await.1.unwrap_err(), why);
    }
}
