//! Targets: where things land, by the rules that people know from scp.

use std::fs;

use crate::scene::{Scene, snapshot};

fn paths(folder: impl AsRef<std::path::Path>) -> Vec<String> {
    let files = snapshot(folder).into_iter().filter(|(_, what)| what != b"a folder");
    files.map(|(path, _)| path.to_str().unwrap().to_owned()).collect()
}

#[test]
fn put_goes_into_a_folder_that_is_there_and_else_takes_the_new_name() {
    let scene = Scene::new();
    scene.laptop.write("file", "x");
    scene.laptop.write("tree/inside", "x");
    fs::create_dir(scene.share().join("there")).unwrap();
    for target in ["desk:", "desk:.", "desk:there", "desk:there/.", "desk:new", "desk:made/", "desk:a/b/new"] {
        let _ = scene.put("file", target).succeeds();
    }
    assert_eq!(paths(scene.share()), ["a/b/new", "file", "made/file", "new", "there/file"]);
    for target in ["desk:", "desk:there", "desk:renamed", "desk:made/"] {
        let _ = scene.put("tree", target).succeeds();
    }
    let _ = scene.put("tree/.", "desk:contents").succeeds();
    let _ = scene.put(".", "desk:all").cwd("tree").succeeds();
    let trees =
        ["all/inside", "contents/inside", "made/tree/inside", "renamed/inside", "there/tree/inside", "tree/inside"];
    let found = paths(scene.share()).into_iter().filter(|path| path.ends_with("inside")).collect::<Vec<_>>();
    assert_eq!(found, trees);
}

#[test]
fn get_goes_into_a_folder_that_is_there_and_else_takes_the_new_name() {
    let scene = Scene::new();
    scene.shares("file", "x");
    scene.shares("tree/inside", "x");
    fs::create_dir(scene.laptop.work().join("there")).unwrap();
    for target in [".", "there", "new", "made/", "there/other"] {
        let _ = scene.get("desk:file", target).succeeds();
    }
    assert_eq!(paths(scene.laptop.work()), ["file", "made/file", "new", "there/file", "there/other"]);
    for target in [".", "there", "renamed", "made/"] {
        let _ = scene.get("desk:tree", target).succeeds();
    }
    let _ = scene.laptop.cmd(["get", "desk:tree/inside"]).succeeds();
    let trees = ["inside", "made/tree/inside", "renamed/inside", "there/tree/inside", "tree/inside"];
    let found = paths(scene.laptop.work()).into_iter().filter(|path| path.ends_with("inside")).collect::<Vec<_>>();
    assert_eq!(found, trees);
}

#[test]
fn get_of_the_share_itself_brings_what_is_in_it() {
    let scene = Scene::new();
    scene.shares("file", "x");
    scene.shares("tree/inside", "x");
    let _ = scene.get("desk:", "all").succeeds();
    assert_eq!(snapshot(scene.laptop.work().join("all")), snapshot(scene.share()));
    fs::create_dir(scene.laptop.work().join("there")).unwrap();
    let _ = scene.get("desk:", "there").succeeds();
    assert_eq!(snapshot(scene.laptop.work().join("there")), snapshot(scene.share()));
}

#[test]
fn a_local_folder_that_is_missing_above_the_target_is_told() {
    let scene = Scene::new();
    scene.shares("file", "x");
    let _ = scene.get("desk:file", "no/such/name").fails_with(8).stderr_has("the directory no/such does not exist");
    assert!(paths(scene.laptop.work()).is_empty());
}

#[test]
fn a_file_does_not_replace_a_folder_nor_a_folder_a_file() {
    let scene = Scene::new();
    scene.laptop.write("name", "a file");
    scene.laptop.write("tree/other/inside", "x");
    scene.shares("in/name/inside", "x");
    scene.shares("tree/other", "a file");
    let _ = scene.put("name", "desk:in/").fails_with(9).stderr_has("in/name: is a directory");
    let _ = scene.put("tree", "desk:").fails_with(9).stderr_has("tree/other");
    assert_eq!(paths(scene.share()), ["in/name/inside", "tree/other"]);
    let _ = scene.get("desk:in/name", "name").fails_with(9).stderr_has("name: ");
    assert_eq!(scene.laptop.read("name"), b"a file");
}

#[test]
fn the_wrong_direction_is_told_the_right_command() {
    let scene = Scene::new();
    scene.laptop.write("file", "x");
    let _ = scene.put("desk:file", ".").fails_with(2).stderr_has("landline get");
    let _ = scene.put("file", "other").fails_with(2).stderr_has("the target names no machine");
    let _ = scene.get("file", "desk:file").fails_with(2).stderr_has("landline put");
    let _ = scene.laptop.cmd(["put", "desk:a", "desk:b"]).fails_with(2).stderr_has("not on this machine");
    let _ = scene.laptop.cmd(["put", "file"]).fails_with(2);
}
