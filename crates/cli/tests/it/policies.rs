//! Policies: what becomes of files that are there, what goes along with a file, and how it travels.

use std::fs::{self, FileTimes};
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use landline_testkit::Way;
use landline_testkit::tree::{self, Compare};

use crate::scene::{MIB, Scene, dense, random, residue};

fn set_time(path: impl AsRef<Path>, secs: u64) {
    let times = FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(secs));
    fs::File::options().write(true).open(path).unwrap().set_times(times).unwrap();
}

/// Both ways: `put` and `get` of `from` to `to`, with these flags.
fn both(scene: &Scene, from: &str, to: &str, flags: &[&str]) -> [landline_testkit::Cmd; 2] {
    [scene.put(from, format!("desk:{to}")).args(flags), scene.get(format!("desk:{from}"), to).args(flags)]
}

#[test]
fn what_is_unchanged_is_not_sent_again_unless_that_is_asked_for() {
    let scene = Scene::new();
    let line = scene.line();
    dense(scene.laptop.work().join("file"), 1, MIB);
    let _ = scene.put("file", "desk:").succeeds();
    let _ = scene.get("desk:file", "back").succeeds();
    for (way, command) in [
        (Way::Up, scene.put("file", "desk:")),
        (Way::Down, scene.get("desk:file", "back")),
        (Way::Up, scene.put("file", "desk:").arg("--checksum")),
        (Way::Down, scene.get("desk:file", "back").arg("--checksum")),
    ] {
        let before = line.passed(way);
        let said = command.arg("--json").succeeds().json();
        assert!(line.passed(way) - before < 20_000, "{said:?}");
        assert_eq!(
            (&said[0]["event"], said[1]["same"].as_u64(), said[1]["files"].as_u64()),
            (&"same".into(), Some(1), Some(0))
        );
    }
    for (way, command) in [
        (Way::Up, scene.put("file", "desk:").arg("--ignore-times")),
        (Way::Down, scene.get("desk:file", "back").arg("-I")),
    ] {
        let before = line.passed(way);
        let said = command.arg("--json").succeeds().json();
        assert!(line.passed(way) - before > MIB as u64, "{said:?}");
        assert_eq!((&said[0]["event"], said[1]["same"].as_u64()), (&"kept".into(), Some(0)));
    }
}

#[test]
fn a_file_of_the_same_size_and_time_but_other_bytes_is_found_by_its_content() {
    let scene = Scene::new();
    for (bytes, path) in [(b"one", scene.laptop.work().join("file")), (b"two", scene.share().join("file"))] {
        fs::write(&path, bytes).unwrap();
        set_time(&path, 1_700_000_000);
    }
    let _ = scene.put("file", "desk:").succeeds().stderr_has("1 unchanged");
    assert_eq!(fs::read(scene.share().join("file")).unwrap(), b"two");
    let _ = scene.put("file", "desk:").arg("--checksum").succeeds().stderr_has("sent 1 file");
    assert_eq!(fs::read(scene.share().join("file")).unwrap(), b"one");
    fs::write(scene.share().join("file"), b"two").unwrap();
    set_time(scene.share().join("file"), 1_700_000_000);
    let _ = scene.get("desk:file", "file").succeeds().stderr_has("1 unchanged");
    let _ = scene.get("desk:file", "file").arg("-c").succeeds().stderr_has("got 1 file");
    assert_eq!(scene.laptop.read("file"), b"two");
}

#[test]
fn a_file_whose_time_or_mode_alone_differs_gets_them() {
    let scene = Scene::new();
    scene.laptop.write("p/file", "content");
    scene.shares("p/file", "content");
    set_time(scene.laptop.work().join("p/file"), 1_600_000_000);
    set_time(scene.share().join("p/file"), 1_500_000_000);
    for flags in [&[][..], &["--checksum"]] {
        let _ = scene.put("p/file", "desk:p/").args(flags).succeeds();
        tree::assert_same(scene.laptop.work().join("p"), scene.share().join("p"), Compare::FILES);
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(scene.laptop.work().join("p/file"), fs::Permissions::from_mode(0o751)).unwrap();
        let _ = scene.put("p/file", "desk:p/").args(flags).succeeds();
        tree::assert_same(scene.laptop.work().join("p"), scene.share().join("p"), Compare::FILES);
        fs::set_permissions(scene.share().join("p/file"), fs::Permissions::from_mode(0o600)).unwrap();
        set_time(scene.share().join("p/file"), 1_400_000_000);
    }
}

#[test]
fn no_clobber_leaves_what_is_there_and_brings_the_rest() {
    let scene = Scene::new();
    for (path, text) in [("p/both", "mine"), ("p/new", "mine")] {
        scene.laptop.write(path, text);
    }
    scene.shares("p/both", "theirs");
    scene.shares("p/theirs", "theirs");
    let _ = scene
        .put("p", "desk:")
        .arg("--no-clobber")
        .fails_with(3)
        .stderr_has("error: p/both: ")
        .stderr_has("sent 1 file");
    assert_eq!(fs::read(scene.share().join("p/both")).unwrap(), b"theirs");
    assert_eq!(fs::read(scene.share().join("p/new")).unwrap(), b"mine");
    let _ = scene
        .get("desk:p", ".")
        .arg("--no-clobber")
        .fails_with(3)
        .stderr_has("error: p/both: ")
        .stderr_has("got 1 file");
    assert_eq!((scene.laptop.read("p/both"), scene.laptop.read("p/theirs")), (b"mine".to_vec(), b"theirs".to_vec()));
    for command in both(&scene, "p/both", "p/both", &["--no-clobber"]) {
        let _ = command.fails_with(9).stderr_has("both: exists already");
    }
    let _ = scene.put("p", "desk:").args(["--no-clobber", "--backup"]).fails_with(2);
}

#[test]
fn a_backup_keeps_what_was_replaced_and_nothing_else() {
    let scene = Scene::new();
    for (path, text) in [("p/both", "new"), ("p/same", "same"), ("p/new", "new")] {
        scene.laptop.write(path, text);
        set_time(scene.laptop.work().join(path), 1_600_000_000);
    }
    let _ = scene.put("p", "desk:").succeeds();
    for round in ["first", "second"] {
        scene.shares("p/both", round);
        let _ = scene.put("p", "desk:").arg("--backup").succeeds().stderr_has("sent 1 file");
        let names = |folder: std::path::PathBuf| {
            let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(names(scene.share().join("p")), ["both", "both~", "new", "same"]);
        assert_eq!(fs::read(scene.share().join("p/both~")).unwrap(), round.as_bytes());
        assert_eq!(fs::read(scene.share().join("p/both")).unwrap(), b"new");
    }
    scene.laptop.write("p/both", "here");
    let _ = scene.get("desk:p/both", "p/both").arg("--backup").succeeds();
    assert_eq!((scene.laptop.read("p/both"), scene.laptop.read("p/both~")), (b"new".to_vec(), b"here".to_vec()));
}

#[test]
fn if_match_replaces_only_the_content_that_was_named() {
    let scene = Scene::new();
    let (old, new) = (random(1, 2 * MIB), random(2, 2 * MIB + 1));
    let right = blake3::hash(&old).to_hex().to_string();
    for size in [10, 2 * MIB] {
        let (old, new) = (&old[..size], &new[..=size]);
        let right = if size == 10 { blake3::hash(old).to_hex().to_string() } else { right.clone() };
        scene.laptop.write("new", new);
        scene.shares("new", new);
        for command in both(&scene, "new", "file", &["--if-match", &"0".repeat(64)]) {
            scene.shares("file", old);
            scene.laptop.write("file", old);
            let _ = command.fails_with(9).stderr_has("file: ");
        }
        assert!(scene.laptop.read("file") == old && fs::read(scene.share().join("file")).unwrap() == old);
        for command in both(&scene, "new", "file", &["--if-match", &right]) {
            let _ = command.succeeds();
        }
        assert!(scene.laptop.read("file") == new && fs::read(scene.share().join("file")).unwrap() == new);
        for command in both(&scene, "new", "none", &["--if-match", &right]) {
            let _ = command.fails_with(9).stderr_has("none: ");
        }
        assert!(!scene.share().join("none").exists() && !scene.laptop.work().join("none").exists());
    }
    let _ = scene.put("new", "desk:file").args(["--if-match", "xyz"]).fails_with(2).stderr_has("64 hexadecimal digits");
    assert!(residue(scene.laptop.work()).is_empty());
}

#[test]
fn a_file_that_became_another_one_while_its_replacement_was_on_its_way_is_not_replaced() {
    let scene = Scene::new();
    dense(scene.laptop.work().join("new"), 1, 4 * MIB);
    scene.shares("file", "the one that was meant");
    let right = blake3::hash(b"the one that was meant").to_hex().to_string();
    let line = scene.line();
    line.stall_after(Way::Up, 2 * MIB as u64);
    let put = scene.put("new", "desk:file").args(["--if-match", &right]).spawn();
    line.wait_until_passed(Way::Up, 2 * MIB as u64);
    scene.shares("file", "somebody was quicker");
    line.resume(Way::Up);
    let _ = put.wait().exits_with(9).stderr_has("file: ");
    assert_eq!(fs::read(scene.share().join("file")).unwrap(), b"somebody was quicker");
}

#[test]
fn several_names_of_one_file_stay_that_if_it_is_asked_for() {
    let scene = Scene::new();
    let line = scene.line();
    let tree = scene.laptop.work().join("tree");
    fs::create_dir_all(tree.join("deep/er")).unwrap();
    dense(tree.join("large"), 1, 2 * MIB + 3);
    fs::write(tree.join("small"), "x").unwrap();
    for (file, name) in [("large", "again"), ("large", "deep/er/once-more"), ("small", "deep/small-too")] {
        fs::hard_link(tree.join(file), tree.join(name)).unwrap();
    }
    let before = line.passed(Way::Up);
    let _ = scene.put("tree", "desk:linked").arg("--hard-links").succeeds().stderr_has("sent 5 files");
    assert!(line.passed(Way::Up) - before < 3 * MIB as u64, "its content goes once");
    let _ = scene.get("desk:linked", "linked").arg("-H").succeeds();
    let _ = scene.put("tree", "desk:apart").succeeds();
    for (folder, linked) in [
        (scene.share().join("linked"), true),
        (scene.laptop.work().join("linked"), true),
        (scene.share().join("apart"), false),
    ] {
        tree::assert_same(&tree, &folder, Compare::ALL);
        let inode = |name: &str| fs::metadata(folder.join(name)).unwrap().ino();
        assert_eq!(inode("large") == inode("again") && inode("large") == inode("deep/er/once-more"), linked);
        assert_eq!(inode("small") == inode("deep/small-too"), linked);
    }
    let _ =
        scene.put("tree/.", "desk:linked").arg("-H").succeeds().stderr_has("sent 0 files").stderr_has("5 unchanged");
}

#[test]
fn extended_attributes_go_along_if_it_is_asked_for() {
    let scene = Scene::new();
    let file = scene.laptop.write("tree/file", "x");
    dense(scene.laptop.work().join("tree/large"), 1, MIB + 1);
    for (path, name, value) in
        [(&file, "user.colour", &b"blue\0\xff"[..]), (&scene.laptop.work().join("tree/large"), "user.empty", b"")]
    {
        let set = rustix::fs::setxattr(path, name, value, rustix::fs::XattrFlags::empty());
        set.expect("the temporary folder's file system has attributes");
    }
    let _ = scene.put("tree", "desk:with").arg("--xattrs").succeeds();
    let _ = scene.get("desk:with", "with").arg("-X").succeeds();
    let _ = scene.put("tree", "desk:without").succeeds();
    let only_files = Compare { folder_times: false, ..Compare::ALL };
    tree::assert_same(scene.laptop.work().join("tree"), scene.share().join("with"), only_files);
    tree::assert_same(scene.laptop.work().join("tree"), scene.laptop.work().join("with"), only_files);
    let found = tree::differences(scene.laptop.work().join("tree"), scene.share().join("without"), only_files);
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn a_limit_is_kept_both_ways() {
    let scene = Scene::new();
    let line = scene.line();
    let bytes = random(3, 3 * MIB);
    scene.laptop.write("file", &bytes);
    scene.shares("file", &bytes);
    for (way, command) in [Way::Up, Way::Down].into_iter().zip(both(&scene, "file", "copy", &["--limit", "2MiB"])) {
        let (before, began) = (line.passed(way), Instant::now());
        let _ = command.succeeds();
        let (took, crossed) = (began.elapsed(), line.passed(way) - before);
        // The last block goes at once when its turn has come, and a sender may be a little ahead of its rate.
        let paced = crossed - MIB as u64;
        let least =
            Duration::from_secs_f64(paced as f64 / (2.0 * MIB as f64)).saturating_sub(Duration::from_millis(250));
        assert!(took >= least, "{way:?}: {crossed} bytes in {took:?}, at least {least:?} were due");
    }
    assert!(scene.laptop.read("copy") == bytes && fs::read(scene.share().join("copy")).unwrap() == bytes);
}

#[test]
fn compression_saves_bytes_on_the_line_and_can_be_refused() {
    let scene = Scene::new();
    let line = scene.line();
    let text: String = (0..200_000).map(|n| format!("line {} of a text that says little\n", n % 1000)).collect();
    let small: Vec<_> = (0..50).map(|n| format!("p/small-{n}")).collect();
    for machine in [scene.laptop.work(), scene.share()] {
        fs::create_dir_all(machine.join("p")).unwrap();
        fs::write(machine.join("p/large"), &text).unwrap();
        for path in &small {
            fs::write(machine.join(path), &text[..20_000]).unwrap();
        }
    }
    let total = text.len() as u64 + 50 * 20_000;
    for (way, when, to) in
        [(Way::Up, "always", "a"), (Way::Up, "never", "b"), (Way::Down, "always", "a"), (Way::Down, "never", "b")]
    {
        let [put, get] = both(&scene, "p", to, &["--compress", when]);
        let before = line.passed(way);
        let _ = if way == Way::Up { put } else { get }.succeeds();
        let crossed = line.passed(way) - before;
        if when == "always" {
            assert!(crossed < total / 5, "{way:?}: {crossed} of {total}");
        } else {
            assert!(crossed > total, "{way:?}: {crossed} of {total}");
        }
        let copy = if way == Way::Up { scene.share() } else { scene.laptop.work() }.join(to);
        let source = if way == Way::Up { scene.laptop.work() } else { scene.share() }.join("p");
        tree::assert_same(source, copy, Compare::FILES);
    }
    // What does not get smaller is sent as it is.
    dense(scene.laptop.work().join("random"), 9, 3 * MIB);
    let before = line.passed(Way::Up);
    let _ = scene.put("random", "desk:").args(["--compress", "always"]).succeeds();
    assert!(line.passed(Way::Up) - before < 3 * MIB as u64 + 100_000);
    assert!(fs::read(scene.share().join("random")).unwrap() == scene.laptop.read("random"));
}

#[test]
fn holes_stay_holes_and_cost_nothing_on_the_line() {
    use std::os::unix::fs::FileExt as _;
    let scene = Scene::new();
    let line = scene.line();
    let file = fs::File::create(scene.laptop.work().join("hollow")).unwrap();
    file.set_len(64 * MIB as u64 + 77).unwrap();
    for place in [0, 5 * MIB + 4096, 31 * MIB - 100, 64 * MIB] {
        file.write_all_at(&random(place as u64, 77), place as u64).unwrap();
    }
    let blocks = |path: &Path| fs::metadata(path).unwrap().blocks() * 512;
    let source = scene.laptop.work().join("hollow");
    if blocks(&source) > MIB as u64 {
        return; // a file system without holes
    }
    let before = (line.passed(Way::Up), line.passed(Way::Down));
    let _ = scene.put("hollow", "desk:").succeeds().stderr_has("64.0 MiB");
    let _ = scene.get("desk:hollow", "back").succeeds();
    assert!(line.passed(Way::Up) - before.0 < 6 * MIB as u64 && line.passed(Way::Down) - before.1 < 6 * MIB as u64);
    for copy in [scene.share().join("hollow"), scene.laptop.work().join("back")] {
        assert!(fs::read(&copy).unwrap() == fs::read(&source).unwrap());
        assert!(blocks(&copy) <= 6 * MIB as u64, "{} bytes are set aside for {}", blocks(&copy), copy.display());
    }
}

#[test]
fn links_stay_links_and_those_that_lead_out_are_refused_and_told() {
    let scene = Scene::new();
    let inside = [
        ("a-file", "file"),
        ("deep/up", "../file"),
        ("deep/folder", "../other"),
        ("dangling", "no/such"),
        ("round", "deep/../file"),
        ("self", "self"),
    ];
    // Out of the tree, whether or not the share has something there.
    let outside = [
        ("absolute", "/etc/passwd"),
        ("above", "../../up"),
        ("deep/two-up", "../../../up"),
        ("sly", "deep/../../../up"),
        ("near", "../beside"),
        ("deep/near", "../../beside"),
        ("top", ".."),
    ];
    for machine in [scene.laptop.work(), scene.share()] {
        fs::create_dir_all(machine.join("tree/deep")).unwrap();
        fs::create_dir_all(machine.join("tree/other")).unwrap();
        fs::write(machine.join("beside"), "not copied").unwrap();
        fs::write(machine.join("tree/file"), "x").unwrap();
        set_time(machine.join("tree/file"), 1_600_000_000);
        for (name, target) in inside.iter().chain(&outside) {
            symlink(target, machine.join("tree").join(name)).unwrap();
        }
    }
    let [put, get] = both(&scene, "tree", "copy", &[]);
    for (command, copy) in [(put, scene.share()), (get, scene.laptop.work())] {
        let said = command.fails_with(3);
        for (name, _) in outside {
            let _ = said.clone().stderr_has(&format!("error: copy/{name}: "));
            assert!(fs::symlink_metadata(copy.join("copy").join(name)).is_err(), "{name} is there");
        }
        for (name, target) in inside {
            assert_eq!(fs::read_link(copy.join("copy").join(name)).unwrap(), Path::new(target), "{name}");
        }
    }
}

#[test]
fn of_several_folders_that_are_sent_together_none_may_lead_into_another() {
    let scene = Scene::new();
    for folder in ["docs", "photos"] {
        scene.laptop.write(format!("{folder}/file"), folder);
        for (name, target) in [("to-photos", "../photos"), ("to-docs", "../docs/file"), ("inside", "file")] {
            symlink(target, scene.laptop.work().join(folder).join(name)).unwrap();
        }
    }
    fs::create_dir(scene.share().join("inbox")).unwrap();
    let said = scene.laptop.cmd(["put", "docs", "photos", "desk:inbox/"]).fails_with(3);
    for folder in ["docs", "photos"] {
        let there = scene.share().join("inbox").join(folder);
        for name in ["to-photos", "to-docs"] {
            let line = format!("error: inbox/{folder}/{name}: the link leads to a place outside the tree");
            let _ = said.clone().stderr_has(&line);
            assert!(fs::symlink_metadata(there.join(name)).is_err(), "{folder}/{name} is there");
        }
        assert_eq!(fs::read_link(there.join("inside")).unwrap(), Path::new("file"));
        assert_eq!(fs::read(there.join("file")).unwrap(), folder.as_bytes());
    }
}

#[test]
fn a_link_gives_way_to_a_file_and_a_file_to_a_link() {
    let scene = Scene::new();
    scene.laptop.write("p/was-link", "content");
    symlink("was-link", scene.laptop.work().join("p/was-file")).unwrap();
    fs::create_dir(scene.share().join("p")).unwrap();
    scene.shares("precious", "precious");
    symlink("../precious", scene.share().join("p/was-link")).unwrap();
    scene.shares("p/was-file", "old");
    let _ = scene.put("p", "desk:").succeeds();
    assert_eq!(fs::read(scene.share().join("precious")).unwrap(), b"precious", "a link is replaced, never followed");
    tree::assert_same(scene.laptop.work().join("p"), scene.share().join("p"), Compare::FILES);
    let said = scene.put("p", "desk:").arg("--json").succeeds().json();
    assert_eq!(said.last().unwrap()["same"], 2, "{said:?}");
}
