//! Moving: `mv`, `mkdir` and `rm`, and what they say when something is in the way.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use crate::scene::{Scene, name, on_desk, snapshot};

fn text(scene: &Scene, path: &str) -> String {
    String::from_utf8(fs::read(scene.share().join(path)).unwrap()).unwrap()
}

#[test]
fn mv_gives_another_name_or_moves_into_a_folder() {
    let scene = Scene::new();
    scene.shares("a", "file");
    scene.shares("dir/inside", "x");
    fs::create_dir(scene.share().join("into")).unwrap();
    for (from, to) in
        [("a", "b"), ("b", "into"), ("into/b", "into/c"), ("dir", "into/"), ("into/dir", "dir-2"), ("into/c", ".")]
    {
        let _ =
            scene.laptop.cmd(["mv", &format!("desk:{from}"), &format!("desk:{to}")]).succeeds().stdout("").stderr("");
    }
    assert_eq!((text(&scene, "c").as_str(), text(&scene, "dir-2/inside").as_str()), ("file", "x"));
    assert_eq!(snapshot(scene.share()).len(), 4);
    let moved = scene.laptop.cmd(["mv", "--json", "desk:c", "desk:into"]).succeeds().json_line();
    assert_eq!(moved, serde_json::json!({"from": "c", "to": "into/c"}));
}

#[test]
fn mv_replaces_a_file_only_by_force_and_a_full_folder_never() {
    let scene = Scene::new();
    for path in ["a", "b", "full/x", "other/y"] {
        scene.shares(path, path);
    }
    fs::create_dir(scene.share().join("empty")).unwrap();
    let kept = scene.laptop.cmd(["mv", "desk:a", "desk:b"]).fails_with(9);
    let _ = kept.stderr_has("b: exists already").stderr_has("hint: to replace what is there: landline mv --force");
    assert_eq!(text(&scene, "b"), "b");
    let _ = scene.laptop.cmd(["mv", "--force", "desk:a", "desk:b"]).succeeds();
    assert_eq!(text(&scene, "b"), "a");
    scene.shares("full/other/z", "z");
    let _ = scene.laptop.cmd(["mv", "desk:other", "desk:full"]).fails_with(9).stderr_has("full/other: exists already");
    let _ = scene
        .laptop
        .cmd(["mv", "-f", "desk:other", "desk:full"])
        .fails_with(9)
        .stderr_has("the directory is not empty");
    scene.shares("full/b/in-the-way", "x");
    let _ = scene.laptop.cmd(["mv", "-f", "desk:b", "desk:full"]).fails_with(9).stderr_has("full/b: is a directory");
    assert_eq!((text(&scene, "other/y").as_str(), text(&scene, "full/other/z").as_str()), ("other/y", "z"));
}

#[test]
fn several_things_go_into_one_folder() {
    let scene = Scene::new();
    for path in ["a", "b", "dir/c", "into/b", "x/same", "y/same"] {
        scene.shares(path, path);
    }
    let mv = |args: &[&str]| scene.laptop.cmd(["mv", "--json"]).args(args);
    let told = mv(&["desk:a", "desk:dir", "desk:into"]).succeeds().json();
    let expected =
        [serde_json::json!({"from": "a", "to": "into/a"}), serde_json::json!({"from": "dir", "to": "into/dir"})];
    assert_eq!(told, expected);
    // What can't be moved keeps nothing else from it.
    let _ = mv(&["desk:none", "desk:into/a", "desk:."]).fails_with(3).stderr_has("none: not found");
    let _ = mv(&["desk:b", "desk:a", "desk:into"]).fails_with(3).stderr_has("into/b: exists already");
    assert_eq!((text(&scene, "b").as_str(), text(&scene, "into/b").as_str()), ("b", "into/b"));
    assert_eq!(text(&scene, "into/a"), "a");
    // Two of one name: not even by force is one lost.
    let twice = scene.laptop.cmd(["mv", "-f", "desk:x/same", "desk:y/same", "desk:into"]).fails_with(3);
    let _ = twice.stderr_has("y/same: another same goes there").stderr_has("hint: y/same stays where it is");
    assert_eq!((text(&scene, "into/same").as_str(), text(&scene, "y/same").as_str()), ("x/same", "y/same"));
    // And nothing is replaced that was named too. Flags may stand between.
    for order in [["desk:y/same", "desk:into/same"], ["desk:into/same", "desk:y/same"]] {
        let both = scene.laptop.cmd(["mv", order[0], "-f", order[1], "desk:into"]).fails();
        let _ = both.stderr_has("y/same: into/same is there, which is to be moved by the same command");
        assert_eq!((text(&scene, "into/same").as_str(), text(&scene, "y/same").as_str()), ("x/same", "y/same"));
    }
    let _ = scene.laptop.cmd(["mv", "desk:b", "-f", "desk:c"]).succeeds();
    assert_eq!(text(&scene, "c"), "b");
}

#[test]
fn several_things_need_a_folder_to_go_to() {
    let scene = Scene::new();
    for path in ["a", "b", "file"] {
        scene.shares(path, path);
    }
    let wrong = scene.laptop.cmd(["mv", "-f", "desk:a", "desk:b", "desk:file"]).fails_with(9);
    let _ = wrong.stderr_has("file: is not a directory").stderr_has("can only be moved into a folder");
    let _ = scene.laptop.cmd(["mv", "desk:a"]).fails_with(2).stderr_has("where to is missing");
    let _ = scene.laptop.cmd(["mv", "desk:a", "desk:b", "desk:none"]).fails_with(8).stderr_has("none: not found");
    let _ =
        scene.laptop.cmd(["mv", "desk:a", "localhost:b", "desk:file"]).fails_with(2).stderr_has("within one machine");
    assert_eq!(snapshot(scene.share()).len(), 3);
    assert_eq!(text(&scene, "file"), "file");
}

#[test]
fn mv_of_what_is_not_there_or_to_where_no_folder_is_says_which() {
    let scene = Scene::new();
    scene.shares("a", "x");
    let _ = scene.laptop.cmd(["mv", "desk:none", "desk:b"]).fails_with(8).stderr_has("none: not found");
    let _ = scene.laptop.cmd(["mv", "desk:a", "desk:no/such"]).fails_with(8).stderr_has("no/such: not found");
    let _ = scene.laptop.cmd(["mv", "desk:a", "desk:no/"]).fails_with(8).stderr_has("no/a: not found");
    let _ = scene.laptop.cmd(["mv", "desk:a", "desk:a/b"]).fails_with(9).stderr_has("a/b: is not a directory");
    assert_eq!(text(&scene, "a"), "x");
}

#[test]
fn a_folder_is_not_moved_into_itself_and_the_share_not_at_all() {
    let scene = Scene::new();
    scene.shares("dir/sub/x", "x");
    let _ = scene.laptop.cmd(["mv", "desk:dir", "desk:dir/sub"]).fails_with(5).stderr_has("can't be moved into itself");
    let _ = scene.laptop.cmd(["mv", "desk:dir", "desk:dir"]).fails_with(9);
    let _ = scene.laptop.cmd(["mv", "desk:", "desk:dir"]).fails_with(5).stderr_has("the share itself can't be");
    let _ =
        scene.laptop.cmd(["mv", "desk:dir", "localhost:dir"]).fails_with(2).stderr_has("mv works within one machine");
    assert_eq!(text(&scene, "dir/sub/x"), "x");
}

#[test]
fn mkdir_makes_one_folder_and_with_parents_all_of_them() {
    let scene = Scene::new();
    let _ = scene.laptop.cmd(["mkdir", "desk:a", "desk:a/b"]).succeeds().stdout("").stderr("");
    let _ = scene.laptop.cmd(["mkdir", "desk:a"]).fails_with(9).stderr_has("a: exists already");
    let _ = scene.laptop.cmd(["mkdir", "desk:x/y"]).fails_with(8).stderr_has("x/y: not found");
    let _ = scene.laptop.cmd(["mkdir", "-p", "desk:x/y/z"]).succeeds();
    let _ = scene.laptop.cmd(["mkdir", "-p", "desk:x/y/z", "desk:a"]).succeeds();
    scene.shares("file", "x");
    let _ = scene.laptop.cmd(["mkdir", "desk:file"]).fails_with(9).stderr_has("file: exists already");
    let _ = scene.laptop.cmd(["mkdir", "-p", "desk:file/sub"]).fails_with(9).stderr_has("is not a directory");
    let _ = scene.laptop.cmd(["mkdir", "-p", "desk:file"]).fails_with(9).stderr_has("file");
    let folders = ["a", "a/b", "x", "x/y", "x/y/z"];
    let there = snapshot(scene.share());
    let there: Vec<_> = there.keys().map(|path| path.to_str().unwrap()).filter(|path| *path != "file").collect();
    assert_eq!(there, folders);
    let mode = fs::metadata(scene.share().join("a")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o755);
    let made = scene.laptop.cmd(["mkdir", "--json"]).arg(on_desk(name(b"odd\xff"))).succeeds().json_line();
    assert_eq!(made, serde_json::json!({"made": {"b64": "b2Rk/w=="}}));
}

#[test]
fn of_several_folders_one_that_fails_does_not_keep_the_others() {
    let scene = Scene::new();
    scene.shares("taken", "x");
    let partial = scene.laptop.cmd(["mkdir", "desk:one", "desk:taken", "desk:two"]).fails_with(3);
    let _ = partial.stderr_has("taken: exists already");
    assert!(scene.share().join("one").is_dir() && scene.share().join("two").is_dir());
    let _ = scene.laptop.cmd(["mkdir", "desk:one", "desk:taken"]).fails_with(9);
}

#[test]
fn rm_deletes_files_and_empty_folders_and_full_ones_only_when_told_to() {
    let scene = Scene::new();
    for path in ["a", "b", "full/sub/x", "full/y", "stays"] {
        scene.shares(path, "x");
    }
    fs::create_dir(scene.share().join("empty")).unwrap();
    let _ = scene.laptop.cmd(["rm", "desk:a", "desk:b", "desk:empty/"]).succeeds().stdout("").stderr("");
    let full = scene.laptop.cmd(["rm", "desk:full"]).fails_with(9).stderr_has("full: the directory is not empty");
    let _ = full.stderr_has("hint: to delete a folder with all that is in it: landline rm -r");
    let _ = scene.laptop.cmd(["rm", "-r", "desk:full", "desk:none"]).fails_with(3).stderr_has("none: not found");
    let _ = scene.laptop.cmd(["rm", "desk:none"]).fails_with(8).stderr_has("none: not found");
    let _ = scene.laptop.cmd(["rm", "-r", "desk:"]).fails_with(5).stderr_has("the share itself can't be");
    let _ = scene.laptop.cmd(["rm", "desk:stays/x"]).fails_with(9).stderr_has("is not a directory");
    assert_eq!(snapshot(scene.share()).len(), 1);
    let removed = scene.laptop.cmd(["rm", "--json", "desk:stays"]).succeeds().json_line();
    assert_eq!(removed, serde_json::json!({"removed": "stays"}));
}

#[test]
fn rm_of_a_folder_deletes_links_in_it_and_nothing_that_they_point_to() {
    let scene = Scene::new();
    let outside = scene.office.root().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("precious"), "x").unwrap();
    scene.shares("dir/file", "x");
    scene.shares("kept/file", "x");
    for (target, link) in [(outside.to_str().unwrap(), "dir/out"), ("../kept", "dir/in"), (".", "dir/loop")] {
        symlink(target, scene.share().join(link)).unwrap();
    }
    let _ = scene.laptop.cmd(["rm", "-r", "desk:dir"]).succeeds();
    assert_eq!(fs::read(outside.join("precious")).unwrap(), b"x");
    assert_eq!(text(&scene, "kept/file"), "x");
    assert!(!scene.share().join("dir").exists());
}

#[test]
fn names_of_any_bytes_can_be_made_moved_and_deleted() {
    let scene = Scene::new();
    for bytes in [b"new\nline".as_slice(), b"\x1b[2J", b"no utf-8 \xff", "报告".as_bytes(), b" ", b"a:b", b"-r"] {
        let (first, second) = (on_desk(name(bytes)), on_desk(name(&[bytes, b"2"].concat())));
        let _ = scene.laptop.cmd(["mkdir"]).arg(&first).succeeds();
        let _ = scene.laptop.cmd(["mv"]).arg(&first).arg(&second).succeeds();
        assert!(scene.share().join(name(&[bytes, b"2"].concat())).is_dir());
        let _ = scene.laptop.cmd(["rm"]).arg(&second).succeeds();
    }
    assert!(snapshot(scene.share()).is_empty());
}
