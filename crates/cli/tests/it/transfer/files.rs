//! Single files: every size, every name, both ways, with what belongs to them.

use std::fs::{self, FileTimes, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::scene::{MIB, Scene, name, on_desk, random, residue, snapshot};

#[test]
fn files_of_every_size_arrive_whole_both_ways() {
    let scene = Scene::new();
    let sizes = [0, 1, MIB - 1, MIB, MIB + 1, 50 * MIB];
    for (seed, size) in sizes.into_iter().enumerate() {
        let file = format!("size-{size}");
        let sent = random(seed as u64, size);
        scene.laptop.write(&file, &sent);
        let _ = scene.put(&file, "desk:").succeeds().stdout("").stderr_has("sent 1 file, ");
        assert!(fs::read(scene.share().join(&file)).unwrap() == sent, "{size} bytes differ there");
        let _ = scene.get(on_desk(&file), "back").succeeds().stdout("").stderr_has("got 1 file, ");
        assert!(scene.laptop.read("back") == sent, "{size} bytes differ here");
    }
    assert!(residue(scene.share()).is_empty() && residue(scene.laptop.work()).is_empty());
}

#[test]
fn a_longer_a_shorter_and_an_empty_file_each_replace_the_old_one_whole() {
    let scene = Scene::new();
    for (seed, size) in [3 * MIB, 10, 0, MIB].into_iter().enumerate() {
        let sent = random(seed as u64, size);
        scene.laptop.write("new", &sent);
        let _ = scene.put("new", "desk:file").succeeds();
        let _ = scene.get("desk:file", "file").succeeds();
        assert!(fs::read(scene.share().join("file")).unwrap() == sent && scene.laptop.read("file") == sent, "{size}");
    }
}

/// Each is legal on Linux.
const NAMES: [&[u8]; 12] = [
    "报告 2026 年.txt".as_bytes(),
    b"with blank",
    b" leading and trailing ",
    b"new\nline",
    b"escape\x1b[2J\x1b]0;title\x07",
    b"turned \xe2\x80\xae round",
    b"no utf-8 \xff\xfe.bin",
    b"-rf",
    b"...",
    b"back\\slash",
    b"quote'\"`$HOME",
    &[b'n'; 255],
];

#[test]
fn every_name_that_linux_allows_is_kept_byte_for_byte() {
    let scene = Scene::new();
    for (seed, bytes) in NAMES.into_iter().enumerate() {
        let sent = random(seed as u64, 100 + seed);
        scene.laptop.write(name(bytes), &sent);
        let local = [b"./", bytes].concat();
        let put = scene.put(name(&local), "desk:").succeeds();
        assert_eq!(fs::read(scene.share().join(name(bytes))).unwrap(), sent);
        let back = [b"back/", bytes].concat();
        fs::create_dir_all(scene.laptop.work().join("back")).unwrap();
        let got = scene.get(on_desk(name(bytes)), "back").succeeds();
        assert_eq!(scene.laptop.read(name(&back)), sent);
        for said in [put, got] {
            assert!(!said.stderr_bytes().contains(&0x1b), "an escape code reached the screen\n{said}");
        }
    }
    assert_eq!(snapshot(scene.share()), snapshot(scene.laptop.work().join("back")));
}

#[test]
fn a_local_name_with_a_colon_is_sent_when_it_is_written_with_a_path() {
    let scene = Scene::new();
    scene.laptop.write("desk:notes", "mine");
    let _ = scene.put("./desk:notes", "desk:").succeeds();
    assert_eq!(fs::read(scene.share().join("desk:notes")).unwrap(), b"mine");
    let _ = scene.get("desk:desk:notes", "./again:notes").succeeds();
    assert_eq!(scene.laptop.read("again:notes"), b"mine");
}

fn meta(path: impl AsRef<Path>) -> (u32, i64, i64) {
    let meta = fs::symlink_metadata(path).unwrap();
    (meta.mode() & 0o7777, meta.mtime(), meta.mtime_nsec())
}

#[test]
fn permissions_and_times_come_along_to_the_nanosecond() {
    let scene = Scene::new();
    let times = [(0_u64, 0_u32), (1_000_000_007, 123_456_789), (4_102_444_800, 999_999_999)];
    for (mode, (secs, nanos)) in [0o600, 0o755, 0o444].into_iter().zip(times) {
        let file = scene.laptop.write("file", "x");
        let when = SystemTime::UNIX_EPOCH + Duration::new(secs, nanos);
        fs::File::options().write(true).open(&file).unwrap().set_times(FileTimes::new().set_modified(when)).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        let _ = scene.put("file", "desk:").succeeds();
        let expected = (mode, i64::try_from(secs).unwrap(), i64::from(nanos));
        assert_eq!(meta(scene.share().join("file")), expected);
        let _ = scene.get("desk:file", "back").succeeds();
        assert_eq!(meta(scene.laptop.work().join("back")), expected);
        fs::remove_file(&file).unwrap();
    }
}

#[test]
fn what_would_let_others_act_as_the_owner_is_left_behind() {
    let scene = Scene::new();
    let file = scene.laptop.write("tools/tool", "x");
    let theirs = scene.shares("theirs", "x");
    let folder = scene.laptop.work().join("tools");
    for (path, mode) in [(&file, 0o6755), (&folder, 0o3777), (&theirs, 0o4711)] {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        assert_eq!(meta(path).0, mode);
    }
    let _ = scene.put("tools", "desk:").succeeds();
    assert_eq!(meta(scene.share().join("tools/tool")).0, 0o755);
    assert_eq!(meta(scene.share().join("tools")).0, 0o777);
    let _ = scene.get("desk:theirs", ".").succeeds();
    assert_eq!(meta(scene.laptop.work().join("theirs")).0, 0o711);
}

#[test]
fn cat_gives_a_pipe_exactly_the_bytes_of_the_file() {
    let scene = Scene::new();
    for size in [0, 1, 3 * MIB + 7] {
        let bytes = random(9, size);
        scene.shares("some/file", &bytes);
        let said = scene.laptop.cmd(["cat", "desk:some/file"]).succeeds().stderr("");
        assert!(said.stdout_bytes() == bytes, "{size} bytes came out as {}", said.stdout_bytes().len());
    }
    let raw = b"\x1b[2J\xff\r\n".as_slice();
    scene.shares("hostile", raw);
    assert_eq!(scene.laptop.cmd(["cat", "desk:hostile"]).succeeds().stdout_bytes(), raw);
}

#[test]
fn cat_of_what_is_no_file_says_what_it_is() {
    let scene = Scene::new();
    scene.shares("folder/file", "x");
    let _ = scene.laptop.cmd(["cat", "desk:folder"]).fails_with(9).stdout("").stderr_has("is a directory");
    let _ = scene.laptop.cmd(["cat", "desk:"]).fails_with(9).stdout("").stderr_has("is a directory");
    let _ = scene.laptop.cmd(["cat", "desk:none"]).fails_with(8).stdout("").stderr_has("none: not found");
}

#[test]
fn stat_tells_the_hash_that_b3sum_would() {
    let scene = Scene::new();
    for (seed, size) in [0, 1, MIB, 5 * MIB + 3].into_iter().enumerate() {
        let bytes = random(seed as u64, size);
        scene.shares("file", &bytes);
        let told = scene.laptop.cmd(["stat", "--hash", "--json", "desk:file"]).succeeds().json_line();
        assert_eq!(told["hash"], blake3::hash(&bytes).to_hex().as_str());
        assert_eq!((told["size"].as_u64(), &told["path"]), (Some(size as u64), &"file".into()));
        let _ = scene.laptop.cmd(["stat", "--hash", "desk:file"]).succeeds().stdout_has(told["hash"].as_str().unwrap());
    }
    let _ = scene.laptop.cmd(["stat", "--hash", "desk:"]).fails_with(9).stderr_has("is a directory");
}

#[test]
fn the_owner_reaches_the_own_server_as_localhost() {
    let scene = Scene::new();
    let owner = scene.desk.machine();
    let sent = random(1, MIB + 1);
    owner.write("mine/file", &sent);
    let _ = owner.cmd(["put", "mine", "localhost:"]).succeeds();
    assert!(fs::read(scene.share().join("mine/file")).unwrap() == sent);
    let _ = owner.cmd(["ls", "localhost:mine"]).succeeds().stdout("file\n");
    let _ = owner.cmd(["get", "localhost:mine/file", "back"]).succeeds();
    assert!(owner.read("back") == sent && owner.cmd(["cat", "localhost:mine/file"]).succeeds().stdout_bytes() == sent);
    // The laptop has a `localhost:` of its own, and nothing serves there.
    let none = scene.laptop.cmd(["ls", "localhost:"]).fails_with(4);
    let _ = none.stderr_has("landline is not serving here").stderr_has("hint: start it");
}

#[test]
fn a_file_that_is_named_by_a_link_is_sent_under_the_name_of_the_link() {
    let scene = Scene::new();
    scene.laptop.write("real", "content");
    std::os::unix::fs::symlink("real", scene.laptop.work().join("alias")).unwrap();
    let _ = scene.put("alias", "desk:").succeeds();
    let arrived = scene.share().join("alias");
    assert!(fs::symlink_metadata(&arrived).unwrap().is_file());
    assert_eq!(fs::read(&arrived).unwrap(), b"content");
    assert_eq!(arrived.file_name().unwrap().as_bytes(), b"alias");
}
