//! Symbolic links: listed, moved, deleted and copied as themselves, never followed, neither out of the share nor inside it;
//! and what is copied leads nowhere outside of the copy.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use landline_wire::ErrorCode;

use super::{ASKS, Outside, Rogue, SECRET};
use crate::scene::{Scene, snapshot};

/// Links to folders, by where they lead: out absolutely and relatively, inside, to itself, to the system's own.
const TO_FOLDERS: [&str; 6] = ["out", "out-relative", "dir/out-deeper", "inside", "up", "proc"];
/// Links to files, to nothing, and in a circle.
const TO_FILES: [&str; 5] = ["secret", "secret-relative", "dir/file-inside", "nothing", "circle"];

/// Those of both that lead to a place in their own folder, or below it.
const TO_BESIDE: [&str; 4] = ["inside", "dir/file-inside", "nothing", "circle"];
/// A link that leads out of what is copied.
const OUTSIDE_EXIT: i32 = 5;

fn furnished() -> (Scene, Outside) {
    let scene = Scene::new();
    let outside = Outside::of(&scene);
    scene.shares("dir/file", "inside");
    scene.shares("dir/secret", "inside");
    scene.shares("dir/sub/secret", "inside");
    let absolute = outside.folder.to_str().unwrap().to_owned();
    for (link, target) in [
        ("out", absolute.as_str()),
        ("out-relative", "../../outside"),
        ("dir/out-deeper", "../../../outside"),
        ("inside", "dir"),
        ("up", ".."),
        ("proc", "/proc/self/root"),
        ("secret", &format!("{absolute}/secret")),
        ("secret-relative", "../../outside/secret"),
        ("dir/file-inside", "file"),
        ("nothing", "no/such/place"),
        ("circle", "circle"),
    ] {
        symlink(target, scene.share().join(link)).unwrap();
    }
    (scene, outside)
}

#[test]
fn nothing_is_reached_through_a_link_on_the_way() {
    let (scene, outside) = furnished();
    let before = snapshot(scene.share());
    let mut rogue = Rogue::of(&scene);
    for link in TO_FOLDERS {
        for below in ["secret", "sub", "sub/secret", "new", "new/er", "outside/secret"] {
            let path = format!("{link}/{below}");
            for ask in ASKS {
                assert_eq!(rogue.ask(ask, path.as_bytes(), b"dir/file"), Some(ErrorCode::Refused), "{ask} {path}");
            }
        }
    }
    assert_eq!(snapshot(scene.share()), before);
    outside.is_untouched();
}

#[test]
fn the_program_says_that_links_are_never_followed() {
    let (scene, outside) = furnished();
    let before = snapshot(scene.share());
    scene.laptop.write("mine", "x");
    scene.laptop.write("tree/new", "x");
    for link in TO_FOLDERS {
        let (below, folder) = (format!("desk:{link}/secret"), format!("desk:{link}/"));
        for arguments in [
            vec!["ls", &below],
            vec!["ls", &folder],
            vec!["stat", &below],
            vec!["cat", &below],
            vec!["get", &below, "got"],
            vec!["put", "mine", &below],
            vec!["put", "mine", &folder],
            vec!["put", "tree", &folder],
            vec!["mkdir", &below],
            vec!["mkdir", "-p", &below],
            vec!["rm", "-r", &below],
            vec!["mv", &below, "desk:moved"],
            vec!["mv", "desk:dir/file", &below],
            vec!["mv", "desk:dir/file", &folder],
        ] {
            let said = scene.laptop.cmd(&arguments).run();
            assert_eq!(said.code(), Some(5), "{said}");
            let _ = said.stderr_has("links are never followed").never_says(SECRET);
        }
    }
    assert_eq!(snapshot(scene.share()), before);
    assert!(!scene.laptop.work().join("got").exists());
    outside.is_untouched();
}

#[test]
fn a_link_itself_is_described_and_never_opened() {
    let (scene, outside) = furnished();
    let before = snapshot(scene.share());
    let mut rogue = Rogue::of(&scene);
    for link in TO_FOLDERS.into_iter().chain(TO_FILES) {
        let path = link.as_bytes();
        assert_eq!(rogue.ask("stat", path, b""), None, "{link}");
        assert_eq!(rogue.ask("list", path, b""), Some(ErrorCode::Refused), "{link}");
        assert_eq!(rogue.ask("hash", path, b""), Some(ErrorCode::WrongKind), "{link}");
        assert_eq!(rogue.ask("get", path, b""), None, "{link}");
        assert_eq!(rogue.ask("compare", path, b""), None, "{link}");
        assert_eq!(rogue.ask("make", path, b""), Some(ErrorCode::Conflict), "{link}");
        assert_eq!(rogue.ask("make with parents", path, b""), Some(ErrorCode::Refused), "{link}");
        assert_eq!(rogue.ask("move to", path, b"dir/file"), Some(ErrorCode::Conflict), "{link}");

        let remote = format!("desk:{link}");
        let listed = scene.laptop.cmd(["ls", "-l", &remote]).succeeds();
        let _ = listed.stdout_has(" -> ").never_says(SECRET);
        let _ = scene.laptop.cmd(["stat", &remote]).succeeds().stdout_has("points to   ").never_says(SECRET);
        let _ = scene.laptop.cmd(["stat", "--hash", &remote]).fails_with(9).stderr_has("is a link");
        let _ = scene.laptop.cmd(["cat", &remote]).fails_with(9).stdout("").stderr_has("a link");
        let got = scene.get(&remote, "got").run().never_says(SECRET);
        // Alone it leads somewhere only if that is beside it.
        if TO_BESIDE.contains(&link) {
            assert_eq!(got.code(), Some(0), "{got}");
            let target = fs::read_link(scene.share().join(link)).unwrap();
            assert_eq!(fs::read_link(scene.laptop.work().join("got")).unwrap(), target);
            fs::remove_file(scene.laptop.work().join("got")).unwrap();
        } else {
            assert_eq!(got.code(), Some(OUTSIDE_EXIT), "{got}");
            let _ = got.stderr_has("the link leads to a place outside the tree that is being copied");
        }
    }
    assert_eq!(snapshot(scene.share()), before);
    assert!(snapshot(scene.laptop.work()).is_empty());
    outside.is_untouched();
}

#[test]
fn a_link_is_moved_replaced_and_deleted_as_itself() {
    let (scene, outside) = furnished();
    scene.laptop.write("mine", "mine");
    for link in TO_FOLDERS.into_iter().chain(TO_FILES) {
        let here = scene.share().join(link);
        let target = fs::read_link(&here).unwrap();
        let _ = scene.laptop.cmd(["mv", &format!("desk:{link}"), "desk:moved"]).succeeds();
        assert_eq!(fs::read_link(scene.share().join("moved")).unwrap(), target);
        let _ = scene.laptop.cmd(["rm", "-r", "desk:moved"]).succeeds();
        assert!(!scene.share().join("moved").is_symlink());

        symlink(&target, &here).unwrap();
        let _ = scene.put("mine", format!("desk:{link}")).succeeds();
        assert!(fs::symlink_metadata(&here).unwrap().is_file());
        assert_eq!(fs::read(&here).unwrap(), b"mine");
    }
    assert_eq!(fs::read(scene.share().join("dir/file")).unwrap(), b"inside");
    outside.is_untouched();
}

#[test]
fn a_tree_is_fetched_with_its_links_but_those_that_lead_out_of_it() {
    let (scene, outside) = furnished();
    let said = scene.get("desk:", "all").fails_with(3).stderr_has("got 7 files").stderr_has("; 7 failed\n");
    let got = snapshot(scene.laptop.work().join("all"));
    assert!(got.values().all(|what| what != SECRET.as_bytes()), "{got:?}");
    for link in TO_FOLDERS.into_iter().chain(TO_FILES) {
        let copy = got.get(Path::new(link));
        if TO_BESIDE.contains(&link) {
            assert!(copy.is_some_and(|what| what.starts_with(b"-> ")), "{link}");
        } else {
            assert_eq!(copy, None, "{link}");
            let _ = said.clone().stderr_has(&format!("error: all/{link}: the link leads to a place outside"));
        }
    }
    assert_eq!(got.len(), 9);
    outside.is_untouched();

    let json = scene.get("desk:dir", "again").arg("--json").fails_with(3).json();
    let failed: Vec<_> = json.iter().filter(|object| object["event"] == "failed").collect();
    assert_eq!((failed.len(), &failed[0]["path"]), (1, &"again/out-deeper".into()), "{json:?}");
    assert_eq!(fs::read_link(scene.laptop.work().join("again/file-inside")).unwrap().to_str(), Some("file"));
    outside.is_untouched();
}

#[test]
fn a_link_that_a_caller_tells_never_leads_out_of_what_is_copied() {
    let scene = Scene::new();
    let outside = Outside::of(&scene);
    scene.shares("dir/file", "inside");
    let before = snapshot(scene.share());
    let targets: [&[u8]; 9] =
        [b"/etc/passwd", b"..", b"../outside", b"a/../../outside", b"./../x", b"a/b/../../../x", b"", b"a\0b", b"//x"];
    let mut rogue = Rogue::of(&scene);
    for target in targets {
        for path in [b"new".as_slice(), b"new-too"] {
            assert!(rogue.put_link(path, target).is_some(), "{} was taken", target.escape_ascii());
        }
    }
    // One that comes alone may not leave its own folder, although that is a folder of the share.
    for target in [b"../file".as_slice(), b"../..", b"../../outside", b"../a/../../x", b"./.././../x"] {
        assert!(rogue.put_link(b"dir/new", target).is_some(), "{} was taken", target.escape_ascii());
    }
    assert_eq!(snapshot(scene.share()), before);
    outside.is_untouched();
}

#[test]
fn a_folder_that_is_swapped_for_a_link_while_requests_run_never_leads_out() {
    let (scene, outside) = furnished();
    let (real, link) = (scene.share().join("real"), scene.share().join("link"));
    fs::create_dir(&real).unwrap();
    fs::write(real.join("secret"), "inside").unwrap();
    symlink(&outside.folder, &link).unwrap();
    let over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            use rustix::fs::{CWD, RenameFlags, renameat_with};
            while !over.load(Ordering::Relaxed) {
                renameat_with(CWD, &real, CWD, &link, RenameFlags::EXCHANGE).unwrap();
            }
        });
        let mut rogue = Rogue::of(&scene);
        let (mut done, mut refused) = (0, 0);
        for n in 0..400 {
            let ask = ["put a file", "make", "remove", "stat", "hash", "list"][n % 6];
            let path: &[u8] = if ask == "list" { b"real" } else { b"real/new" };
            match rogue.ask(ask, path, b"") {
                None => done += 1,
                Some(_) => refused += 1,
            }
        }
        over.store(true, Ordering::Relaxed);
        assert!(done > 0 && refused > 0, "the swap and the requests never met: {done} done, {refused} refused");
    });
    outside.is_untouched();
}

#[test]
fn a_local_link_below_what_is_sent_is_not_followed_and_one_as_a_target_is_replaced() {
    let scene = Scene::new();
    let outside = Outside::of(&scene);
    scene.laptop.write("tree/file", "x");
    symlink(&outside.folder, scene.laptop.work().join("tree/out")).unwrap();
    symlink(outside.folder.join("secret"), scene.laptop.work().join("target")).unwrap();
    symlink("file", scene.laptop.work().join("tree/in")).unwrap();
    let put = scene.put("tree", "desk:").fails_with(3).stderr_has("sent 2 files");
    let _ = put.stderr_has("error: tree/out: the link leads to a place outside the tree that is being copied\n");
    let there = snapshot(scene.share());
    assert_eq!((there.len(), there[Path::new("tree/in")].as_slice()), (3, b"-> file".as_slice()));
    let _ = scene.get("desk:tree/file", "target").succeeds();
    assert_eq!(scene.laptop.read("target"), b"x");
    // A folder that a fetched tree goes through must be a folder, not a link to one.
    symlink(&outside.folder, scene.laptop.work().join("in-the-way")).unwrap();
    scene.shares("in-the-way/secret", "theirs");
    let _ = scene.get("desk:", ".").fails_with(3).stderr_has("in-the-way: is a link or leads through one");
    outside.is_untouched();
}
