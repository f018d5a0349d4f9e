//! Verifying: two trees are compared by content, and each difference is told with its kind.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use landline_testkit::tree::{self, Shape, make_awkward};
use landline_testkit::{Way, needs};
use serde_json::Value;

use crate::scene::{MIB, Scene, dense, random};

/// Events by path, the closing one apart.
fn by_path(events: &[Value]) -> (BTreeMap<String, String>, Value) {
    let (done, found) = events.split_last().unwrap();
    let word = |event: &Value| {
        event["how"].as_str().or(event["side"].as_str()).or(event["event"].as_str()).unwrap().to_owned()
    };
    (found.iter().map(|event| (event["path"].as_str().unwrap_or("?").to_owned(), word(event))).collect(), done.clone())
}

#[test]
fn trees_that_are_the_same_are_told_so_in_either_order() {
    let scene = Scene::new();
    tree::make(scene.laptop.work().join("tree"), &Shape { files: 80, ..Shape::small(4) });
    fs::remove_file(scene.laptop.work().join("tree/link-out")).unwrap(); // it would not be copied
    dense(scene.laptop.work().join("tree/large"), 1, 5 * MIB + 3);
    make_awkward(scene.laptop.work().join("tree/odd"));
    let _ = scene.put("tree", "desk:").run();
    let line = scene.line();
    let _ = scene.laptop.cmd(["verify", "tree", "desk:tree"]).succeeds().stdout("").stderr_has("the same, ");
    let _ = scene.laptop.cmd(["verify", "desk:tree", "tree"]).succeeds().stdout("");
    assert!(line.passed(Way::Down) < MIB as u64 / 2, "only the hashes travel");
    // Modes and times are not compared.
    fs::set_permissions(scene.share().join("tree/large"), fs::Permissions::from_mode(0o600)).unwrap();
    let (found, done) = by_path(&scene.laptop.cmd(["verify", "--json", "tree", "desk:tree"]).succeeds().json());
    assert!(found.values().all(|how| how == "same"), "{found:?}");
    assert_eq!(
        (done["differ"].as_u64(), done["unreadable"].as_u64(), &done["event"]),
        (Some(0), Some(0), &"done".into())
    );
    let _ = scene.laptop.cmd(["verify", "-v", "tree/large", "desk:tree/large"]).succeeds().stdout_has("same");
}

#[test]
fn each_kind_of_difference_has_its_word_and_the_exit_code_says_no() {
    let scene = Scene::new();
    let (here, there) = (scene.laptop.work().join("tree"), scene.share().join("tree"));
    for top in [&here, &there] {
        for path in ["same", "content", "size", "deep/content"] {
            fs::create_dir_all(top.join(path).parent().unwrap()).unwrap();
            fs::write(top.join(path), "0123456789").unwrap();
        }
        fs::write(top.join("large"), random(1, 4 * MIB)).unwrap();
        fs::create_dir(top.join("folder")).unwrap();
        symlink("same", top.join("link")).unwrap();
    }
    fs::write(there.join("content"), "012345678X").unwrap();
    fs::write(there.join("deep/content"), "X123456789").unwrap();
    fs::write(there.join("size"), "shorter").unwrap();
    let mut large = random(1, 4 * MIB);
    large[3 * MIB + 1] ^= 1;
    fs::write(there.join("large"), large).unwrap();
    fs::write(here.join("mine"), "x").unwrap();
    fs::write(there.join("theirs"), "x").unwrap();
    fs::create_dir(there.join("their-folder")).unwrap();
    fs::write(there.join("their-folder/inside"), "x").unwrap();
    fs::remove_dir(there.join("folder")).unwrap();
    fs::write(there.join("folder"), "x").unwrap();
    fs::remove_file(there.join("link")).unwrap();
    symlink("size", there.join("link")).unwrap();

    let (found, done) = by_path(&scene.laptop.cmd(["verify", "--json", "tree", "desk:tree"]).fails_with(1).json());
    for (path, how) in [
        ("same", "same"),
        ("content", "content"),
        ("deep/content", "content"),
        ("large", "content"),
        ("size", "size"),
        ("mine", "only-here"),
        ("theirs", "only-there"),
        ("their-folder", "only-there"),
        ("folder", "kind"),
        ("link", "target"),
    ] {
        assert_eq!(found.get(path).map(String::as_str), Some(how), "{path}: {found:?}");
    }
    let differ = found.values().filter(|how| *how != "same").count();
    assert_eq!(done["differ"].as_u64(), Some(differ as u64), "{done}");
    let said = scene.laptop.cmd(["verify", "tree", "desk:tree"]).fails_with(1);
    let said =
        said.stdout_has("content: other content\n").stdout_has("size: another size\n").stdout_has("mine: only here\n");
    let said = said.stdout_has("theirs: only on desk\n").stdout_has("folder: another kind of thing\n");
    let _ = said.stdout_has("link: the links point elsewhere\n").stderr_has(&format!("; {differ} differ"));
    // The other way round, here and there are still the laptop and the desk.
    let (found, _) = by_path(&scene.laptop.cmd(["verify", "--json", "desk:tree", "tree"]).fails_with(1).json());
    assert_eq!((found["mine"].as_str(), found["theirs"].as_str()), ("only-here", "only-there"));
    let excluded = ["content", "size", "large", "mine", "their*", "folder", "link"];
    let exclude = excluded.iter().flat_map(|name| ["--exclude", name]);
    let _ = scene.laptop.cmd(["verify", "tree", "desk:tree"]).args(exclude).succeeds();
}

#[test]
fn what_can_not_be_read_is_neither_the_same_nor_another() {
    if !needs("setpriv") {
        return;
    }
    let scene = Scene::served_by(
        "if [ $(id -u) = 0 ]; then set -- setpriv --bounding-set -dac_override,-dac_read_search \"$@\"; fi; exec \"$@\"",
    );
    for top in [scene.laptop.work(), scene.share()] {
        for path in ["tree/a", "tree/secret", "tree/closed/inside"] {
            fs::create_dir_all(top.join(path).parent().unwrap()).unwrap();
            fs::write(top.join(path), "x").unwrap();
        }
    }
    for path in ["tree/secret", "tree/closed"] {
        fs::set_permissions(scene.share().join(path), fs::Permissions::from_mode(0o000)).unwrap();
    }
    let verify = || scene.laptop.cmd(["verify", "--json", "tree", "desk:tree"]);
    let (found, done) = by_path(&verify().fails_with(3).json());
    assert_eq!((found["tree/secret".trim_start_matches("tree/")].as_str(), found["a"].as_str()), ("there", "same"));
    assert_eq!((done["unreadable"].as_u64(), done["differ"].as_u64()), (Some(2), Some(0)), "{found:?} {done}");
    let said = scene.laptop.cmd(["verify", "tree", "desk:tree"]).fails_with(3);
    let _ = said.stderr_has("secret (there): ").stderr_has("; 2 could not be read");
    // A difference weighs more.
    scene.shares("tree/a", "y");
    let _ = verify().fails_with(1);
    fs::set_permissions(scene.share().join("tree/closed"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn files_are_compared_alone_and_what_is_missing_is_told() {
    let scene = Scene::new();
    scene.laptop.write("file", "x");
    scene.shares("file", "x");
    scene.shares("other", "y");
    let _ = scene.laptop.cmd(["verify", "file", "desk:file"]).succeeds().stderr_has("1 file the same, 1 B");
    let _ = scene.laptop.cmd(["verify", "file", "desk:other"]).fails_with(1).stdout_has("other content");
    let _ = scene.laptop.cmd(["verify", "file", "desk:none"]).fails_with(8).stderr_has("none: not found");
    let _ = scene.laptop.cmd(["verify", "none", "desk:file"]).fails_with(8).stderr_has("none");
    let _ = scene.laptop.cmd(["verify", "file", "other"]).fails_with(2);
    let _ = scene.laptop.cmd(["verify", "desk:file", "desk:other"]).fails_with(2);
    fs::create_dir(scene.laptop.work().join("folder")).unwrap();
    let _ = scene.laptop.cmd(["verify", "folder", "desk:file"]).fails_with(1).stdout_has("another kind of thing");
}

#[test]
fn what_is_still_arriving_does_not_count() {
    let scene = Scene::new();
    scene.laptop.write("tree/file", "x");
    scene.shares("tree/file", "x");
    scene.shares("tree/.landline-part-0123456789abcdef", "half");
    let _ = scene.laptop.cmd(["verify", "tree", "desk:tree"]).succeeds();
}
