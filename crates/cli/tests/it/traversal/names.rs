//! Names that climb, begin at the root, are written in two ways, or are reserved.

use std::fs;

use landline_wire::ErrorCode;

use super::{ASKS, Outside, Rogue, SECRET};
use crate::scene::{Scene, name, on_desk, snapshot};

/// Never a path of a share, whoever asks and for what.
fn bad_paths() -> Vec<Vec<u8>> {
    let texts: [&[u8]; 26] = [
        b"..",
        b"../outside/secret",
        b"dir/..",
        b"dir/../../../outside/secret",
        b"dir/../file",
        b"/",
        b"/etc/passwd",
        b"//etc/passwd",
        b"/proc/self/root/etc/passwd",
        b".",
        b"./file",
        b"dir/./file",
        b"dir//file",
        b"dir/",
        b"\0",
        b"file\0.txt",
        b"dir\0/../..",
        b".landline-part-0123456789abcdef",
        b".landline-part-",
        b".landline-part-x",
        b".Landline-PART-x",
        b"dir/.landline-part-0123456789abcdef",
        b".landline-part-x/file",
        b"dir/.landline-part-x/file",
        b"../.landline-part-x",
        b"file/..",
    ];
    let long = [vec![b'n'; 256], [b"dir/".as_slice(), &[b'n'; 256]].concat(), [b'n'; 100].repeat(50)];
    let deep = vec!["d"; 129].join("/").into_bytes();
    let longest = vec!["n".repeat(199); 21].join("/").into_bytes();
    texts.map(<[u8]>::to_vec).into_iter().chain(long).chain([deep, longest]).collect()
}

fn furnished() -> Scene {
    let scene = Scene::new();
    for path in ["file", "dir/file", ".landline-part-0123456789abcdef", "dir/.landline-part-x/file"] {
        scene.shares(path, path);
    }
    scene
}

#[test]
fn no_bad_path_does_anything_when_a_known_key_says_it_in_frames_of_its_own() {
    let scene = furnished();
    let outside = Outside::of(&scene);
    let before = snapshot(scene.share());
    let mut rogue = Rogue::of(&scene);
    for path in bad_paths() {
        for ask in ASKS {
            let answer = rogue.ask(ask, &path, b"file");
            assert_eq!(answer, Some(ErrorCode::BadName), "{ask} {}", path.escape_ascii());
        }
        for ask in ["move from", "move to", "replace"] {
            assert_eq!(rogue.ask(ask, b"file", &path), Some(ErrorCode::BadName), "{ask} {}", path.escape_ascii());
        }
    }
    assert_eq!(rogue.ask("stat", b"file", b""), None);
    assert_eq!(snapshot(scene.share()), before);
    outside.is_untouched();
}

#[test]
fn no_bad_path_gets_as_far_as_the_line_when_the_program_is_told_it() {
    let scene = furnished();
    let before = snapshot(scene.share());
    let line = scene.line();
    scene.laptop.write("mine", "x");
    let climbing =
        ["desk:..", "desk:../outside/secret", "desk:dir/../file", "desk:a/../../b", "desk:/..", "desk:/../etc"];
    let absolute = ["desk://", "desk://etc/passwd", "desk:///x"];
    let reserved = ["desk:.landline-part-0123456789abcdef", "desk:dir/.landline-part-x/file"];
    let each = climbing.map(|path| (path, "\"..\"")).into_iter();
    let each = each.chain(absolute.map(|path| (path, "relative to the share")));
    for (path, why) in each.chain(reserved.map(|path| (path, "reserved"))) {
        for arguments in [
            ["ls", path, ""],
            ["stat", path, ""],
            ["cat", path, ""],
            ["get", path, "here"],
            ["put", "mine", path],
            ["mkdir", path, ""],
            ["rm", path, ""],
            ["mv", path, "desk:new"],
            ["mv", "desk:file", path],
        ] {
            let given = arguments.iter().filter(|argument| !argument.is_empty());
            let _ = scene.laptop.cmd(given).fails_with(2).stdout("").stderr_has(why);
        }
    }
    assert_eq!(line.calls(), 0, "somebody was called");
    let long = "n".repeat(256);
    let _ = scene.laptop.cmd(["mkdir"]).arg(on_desk(&long)).fails_with(2).stderr_has("255 bytes");
    assert_eq!(snapshot(scene.share()), before);
}

#[test]
fn a_local_name_that_is_reserved_is_not_sent() {
    let scene = Scene::new();
    let reserved = ".landline-part-0123456789abcdef";
    scene.laptop.write(format!("p/{reserved}"), "x");
    scene.laptop.write("p/file", "x");
    let _ = scene.put(format!("p/{reserved}"), "desk:").fails_with(2).stderr_has("reserved");
    let _ = scene.put(format!("p/{reserved}"), "desk:other").fails_with(2).stderr_has("reserved");
    let _ = scene.put("p", "desk:").succeeds().stderr_has("sent 1 file");
    assert_eq!(snapshot(scene.share()).len(), 2);
    let _ = scene.get("desk:p/file", reserved).fails_with(2).stderr_has("reserved");
}

#[test]
fn names_that_only_look_dangerous_are_names_like_any_other() {
    let scene = Scene::new();
    let names: [&[u8]; 7] = [b"...", b"..a", b"a..", b".landline-partial", b"landline-part-x", b"~", b"\\..\\x"];
    let mut rogue = Rogue::of(&scene);
    for bytes in names {
        fs::write(scene.share().join(name(bytes)), SECRET).unwrap();
        assert_eq!(rogue.ask("get", bytes, b""), None, "{}", bytes.escape_ascii());
        let _ = scene.laptop.cmd(["cat"]).arg(on_desk(name(bytes))).succeeds().stdout(SECRET);
    }
}
