//! Folders: trees of any depth, several sources, what is left out.

use std::fs;

use landline_testkit::tree::{self, Compare, Shape};

use crate::scene::{Scene, residue, snapshot};

#[test]
fn a_tree_arrives_with_its_names_bytes_modes_and_times_both_ways() {
    let scene = Scene::new();
    let shape = Shape { seed: 7, files: 150, largest: 60_000, odd_names: true, links: false };
    tree::make(scene.laptop.work().join("tree"), &shape);
    let _ = scene.put("tree", "desk:").succeeds().stdout("").stderr_has("sent 150 files, ");
    // The parents are compared, so that the top folder counts too.
    tree::assert_same(scene.laptop.work(), scene.share(), Compare::ALL);
    fs::create_dir(scene.laptop.work().join("back")).unwrap();
    let _ = scene.get("desk:tree", "back").succeeds().stdout("").stderr_has("got 150 files, ");
    tree::assert_same(scene.share(), scene.laptop.work().join("back"), Compare::ALL);
}

#[test]
fn the_same_tree_again_changes_nothing_but_what_differs() {
    let scene = Scene::new();
    tree::make(scene.laptop.work().join("tree"), &Shape { links: false, ..Shape::small(3) });
    let _ = scene.put("tree", "desk:").succeeds();
    scene.shares("tree/only-there", "kept");
    scene.laptop.write("tree/added", "new");
    let _ = scene.put("tree", "desk:").succeeds();
    let found = tree::differences(scene.laptop.work().join("tree"), scene.share().join("tree"), Compare::FILES);
    assert_eq!(found, ["only-there: only right"]);
}

#[test]
fn folders_inside_folders_arrive_to_any_depth_and_empty_ones_too() {
    let scene = Scene::new();
    let deep = vec!["d"; 120].join("/");
    scene.laptop.write(format!("tree/{deep}/file"), "at the bottom");
    fs::create_dir_all(scene.laptop.work().join("tree/empty/inside")).unwrap();
    let _ = scene.put("tree", "desk:").succeeds();
    assert_eq!(snapshot(scene.share()), snapshot(scene.laptop.work()));
    let _ = scene.get("desk:tree", "copy").succeeds();
    assert_eq!(snapshot(scene.share().join("tree")), snapshot(scene.laptop.work().join("copy")));
}

#[test]
fn what_lies_deeper_than_any_path_may_be_is_told_and_the_rest_arrives() {
    let scene = Scene::new();
    let deep = vec!["d"; 130].join("/");
    scene.laptop.write(format!("tree/{deep}/file"), "too deep");
    scene.laptop.write("tree/file", "not deep");
    let _ = scene.put("tree", "desk:").fails_with(3).stderr_has("skipped").stderr_has("sent 1 file, 8 B");
    assert_eq!(fs::read(scene.share().join("tree/file")).unwrap(), b"not deep");
}

#[test]
fn several_sources_go_into_the_target_at_once() {
    let scene = Scene::new();
    scene.laptop.write("one", "1");
    scene.laptop.write("two/file", "2");
    scene.laptop.write("deep/er/three", "3");
    let _ = scene.laptop.cmd(["put", "one", "two", "deep/er/three", "desk:in"]).succeeds().stderr_has("sent 3 files");
    let there = |path: &str| fs::read(scene.share().join("in").join(path)).unwrap();
    assert_eq!((there("one"), there("two/file"), there("three")), (b"1".to_vec(), b"2".to_vec(), b"3".to_vec()));
    let got = scene.laptop.cmd(["get", "desk:in/one", "desk:in/two", "desk:in/three", "back/"]).succeeds();
    let _ = got.stderr_has("got 3 files");
    assert_eq!(snapshot(scene.laptop.work().join("back")), snapshot(scene.share().join("in")));
}

#[test]
fn what_is_excluded_stays_behind_both_ways() {
    let scene = Scene::new();
    let all = ["main.rs", "main.o", "src/lib.rs", "src/lib.o", "target/debug/x", "docs/a.tmp", "docs/b/c.tmp", "a.log"];
    for path in all {
        scene.laptop.write(format!("p/{path}"), "x");
    }
    let exclude = ["--exclude", "*.o", "--exclude", "target/", "--exclude", "docs/*.tmp"];
    let kept = ["a.log", "docs", "docs/b", "docs/b/c.tmp", "main.rs", "src", "src/lib.rs"];
    let names = |folder: std::path::PathBuf| {
        snapshot(folder).into_keys().map(|path| path.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let _ = scene.put("p", "desk:").args(exclude).succeeds().stderr_has("sent 4 files");
    assert_eq!(names(scene.share().join("p")), kept);
    let _ = scene.put("p", "desk:whole").succeeds().stderr_has("sent 8 files");
    let _ = scene.get("desk:whole", "back").args(exclude).succeeds().stderr_has("got 4 files");
    assert_eq!(names(scene.laptop.work().join("back")), kept);
    let bad = scene.put("p", "desk:").args(["--exclude", "["]).fails_with(2);
    let _ = bad.stderr_has("\"[\" is not a pattern").stderr_has("hint: ");
}

#[test]
fn a_dry_run_tells_all_and_writes_nothing() {
    let scene = Scene::new();
    for path in ["p/one", "p/sub/two", "p/sub/no.o"] {
        scene.laptop.write(path, "x");
        scene.shares(path, "older");
    }
    let (here, there) = (snapshot(scene.laptop.work()), snapshot(scene.share()));
    let put = scene.put("p", "desk:new/").args(["--dry-run", "--exclude", "*.o"]).succeeds();
    let _ =
        put.stdout("would send new/p/one (1 B)\nwould send new/p/sub/two (1 B)\n").stderr("would send 2 files, 2 B\n");
    let get = scene.get("desk:p", "new/").args(["-n", "--exclude", "*.o"]).succeeds();
    let _ = get.stdout("would get p/one (5 B)\nwould get p/sub/two (5 B)\n").stderr("would get 2 files, 10 B\n");
    let json = scene.put("p", "desk:").args(["-n", "--json"]).succeeds().json();
    assert_eq!((json.len(), json[3]["event"].as_str(), json[3]["dry_run"].as_bool()), (4, Some("done"), Some(true)));
    assert_eq!((snapshot(scene.laptop.work()), snapshot(scene.share())), (here, there));
}

#[test]
fn links_in_a_tree_are_copied_as_links_and_one_that_leads_out_of_it_is_refused_and_told() {
    let scene = Scene::new();
    tree::make(scene.laptop.work().join("tree"), &Shape::small(5));
    let links_too = Compare { link_times: true, ..Compare::FILES };
    // Where it arrives, `../escape` is a place in the share, but not in the tree.
    let put = scene.put("tree", "desk:").fails_with(3).stderr_has("error: tree/link-out: ");
    let _ = put.stderr_has("sent 26 files, ").stderr_has("; 1 failed\n");
    let out = scene.laptop.work().join("tree/link-out");
    let target = fs::read_link(&out).unwrap();
    fs::remove_file(&out).unwrap();
    tree::assert_same(scene.laptop.work(), scene.share(), links_too);
    std::os::unix::fs::symlink(target, scene.share().join("tree/link-out")).unwrap();
    let get = scene.get("desk:tree", "back").fails_with(3).stderr_has("error: back/link-out: ");
    let _ = get.stderr_has("got 26 files, ").stderr_has("; 1 failed\n");
    fs::remove_file(scene.share().join("tree/link-out")).unwrap();
    let back = scene.laptop.work().join("back");
    tree::assert_same(scene.share().join("tree"), back, links_too);
    assert!(residue(scene.share()).is_empty() && residue(scene.laptop.work()).is_empty());
}
