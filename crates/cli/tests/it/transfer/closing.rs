//! Closing: what a copy says of itself, to people on a pipe and to programs.

use std::fs;

use landline_testkit::Done;

use crate::scene::{Scene, name, on_desk, random};

/// `sent 2 files, 3.0 KiB in 0.12 s (25.0 KiB/s), verified`: the words around the two figures that no test can know.
#[track_caller]
fn closes(said: &Done, counted: &str, after: &str) {
    let text = std::str::from_utf8(said.stderr_bytes()).unwrap();
    let last = text.lines().next_back().expect("something was said");
    let figures = last.strip_prefix(counted).and_then(|rest| rest.strip_suffix(after));
    let Some((seconds, rate)) = figures.and_then(|rest| rest.split_once(" s (")) else { panic!("{last}\n{said}") };
    assert!(seconds.parse::<f64>().is_ok_and(|seconds| (0.0..60.0).contains(&seconds)), "{last}");
    let (number, unit) = rate.split_once(' ').unwrap();
    assert!(number.parse::<f64>().is_ok_and(|number| number > 0.0) && unit.ends_with("B/s"), "{last}");
}

#[test]
fn a_copy_ends_with_one_line_of_files_bytes_seconds_and_rate_and_no_progress_on_a_pipe() {
    let scene = Scene::new();
    scene.laptop.write("p/one", random(1, 2048));
    scene.laptop.write("p/two", random(2, 1024));
    let put = scene.put("p", "desk:").succeeds().stdout("");
    closes(&put, "sent 2 files, 3.0 KiB in ", "), verified");
    let get = scene.get("desk:p/one", "back").succeeds().stdout("");
    closes(&get, "got 1 file, 2.0 KiB in ", "), verified");
    for said in [put, get] {
        assert_eq!(said.stderr_bytes().iter().filter(|byte| **byte == b'\n').count(), 1, "{said}");
        assert!(!said.stderr_bytes().iter().any(|byte| matches!(byte, b'\r' | 0x1b)), "{said}");
    }
    let _ = scene.put("p", "desk:").arg("--quiet").succeeds().stdout("").stderr("");
}

#[test]
fn verbose_names_each_file() {
    let scene = Scene::new();
    scene.laptop.write("p/one", "x");
    scene.laptop.write("p/two", "xy");
    let put = scene.put("p", "desk:").arg("-v").succeeds();
    let _ = put.stderr_has("sent p/one (1 B)\n").stderr_has("sent p/two (2 B)\n");
}

#[test]
fn programs_get_an_object_for_each_file_and_one_to_close() {
    let scene = Scene::new();
    let (one, two) = (random(1, 5000), random(2, 100));
    scene.laptop.write("p/one", &one);
    scene.laptop.write(name(b"p/two\xff"), &two);
    std::os::unix::fs::symlink("one", scene.laptop.work().join("p/link")).unwrap();
    let pipe = scene.laptop.work().join("p/pipe");
    rustix::fs::mknodat(rustix::fs::CWD, pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    let put = scene.put("p", "desk:").arg("--json").fails_with(3).json();
    let events: Vec<_> = put.iter().map(|object| object["event"].as_str().unwrap()).collect();
    assert_eq!(events.iter().filter(|event| **event == "kept").count(), 3, "{put:?}");
    assert_eq!(put.iter().find(|object| object["event"] == "tree").unwrap()["path"], "p");
    let kept = |path: serde_json::Value| put.iter().find(|object| object["path"] == path).unwrap();
    assert_eq!(kept("p/one".into())["hash"], blake3::hash(&one).to_hex().as_str());
    assert_eq!((kept("p/link".into()).get("hash"), &kept("p/link".into())["size"]), (None, &0.into()));
    let odd = kept(serde_json::json!({"b64": "cC90d2//"}));
    assert_eq!((odd["size"].as_u64(), odd["hash"].as_str()), (Some(100), Some(blake3::hash(&two).to_hex().as_str())));
    let skipped = put.iter().find(|object| object["event"] == "skipped").unwrap();
    assert_eq!(
        (&skipped["path"], &skipped["why"]),
        (&"p/pipe".into(), &"a pipe, socket or device is not copied".into())
    );
    let done = put.last().unwrap();
    assert_eq!(done["event"], "done");
    let count = |field: &str| done[field].as_u64().unwrap();
    assert_eq!((count("files"), count("bytes"), count("failed"), count("skipped")), (3, 5100, 0, 1));
    assert!(done["seconds"].as_f64().unwrap() > 0.0 && done["rate"].as_f64().unwrap() > 0.0, "{done}");
    let get = scene.get("desk:p/one", "back").arg("--json").succeeds().json();
    assert_eq!((get.len(), &get[0]["event"], &get[0]["path"]), (2, &"kept".into(), &"back".into()));
    assert_eq!(get[0]["hash"], blake3::hash(&one).to_hex().as_str());
    assert_eq!(get[1]["event"], "done");
}

#[test]
fn a_failure_is_an_object_too() {
    let scene = Scene::new();
    let none = scene.put("none", "desk:").arg("--json").fails_with(8).json_line();
    assert_eq!((&none["error"]["code"], &none["error"]["exit"]), (&"not-found".into(), &8.into()));
    let none = scene.get("desk:none", ".").arg("--json").fails_with(8).json();
    assert_eq!((&none[0]["event"], &none[0]["code"]), (&"failed".into(), &"not-found".into()));
    assert_eq!(none[1]["failed"], 1);
}

#[test]
fn of_a_partial_copy_every_failure_is_told_and_the_rest_is_kept() {
    let scene = Scene::new();
    for path in ["p/a", "p/b", "p/c", "p/d/e"] {
        scene.laptop.write(path, "new");
    }
    fs::create_dir_all(scene.share().join("p/b")).unwrap();
    scene.shares("p/d", "a file where a folder should be");
    let put = scene.put("p", "desk:").fails_with(3).stdout("");
    let _ = put.clone().stderr_has("error: p/b: is a directory\n").stderr_has("error: p/d: is not a directory");
    let _ = put.stderr_has("sent 2 files, 6 B in ").stderr_has(", verified; 3 failed\n");
    assert_eq!(fs::read(scene.share().join("p/a")).unwrap(), b"new");
    assert_eq!(fs::read(scene.share().join("p/c")).unwrap(), b"new");
    assert_eq!(fs::read(scene.share().join("p/d")).unwrap(), b"a file where a folder should be");
    let json = scene.put("p", "desk:").arg("--json").fails_with(3).json();
    let failed: Vec<_> = json.iter().filter(|object| object["event"] == "failed").collect();
    assert_eq!(
        (failed.len(), &json.last().unwrap()["failed"]),
        (2, &3.into()),
        "what lies in p/d is counted: {json:?}"
    );
    assert!(failed.iter().all(|object| object["code"] == "wrong-kind"), "{failed:?}");
}

#[test]
fn of_several_sources_one_that_is_missing_stops_put_before_anything_is_sent() {
    let scene = Scene::new();
    scene.laptop.write("here", "x");
    let put = scene.laptop.cmd(["put", "here", "gone", "desk:"]).fails_with(8);
    let _ = put.stderr_has("gone: No such file or directory");
    assert!(!scene.share().join("here").exists());
}

#[test]
fn of_several_sources_one_that_is_missing_does_not_keep_get_from_the_others() {
    let scene = Scene::new();
    scene.shares("one", "1");
    scene.shares("two", "2");
    let get = scene.laptop.cmd(["get", "desk:one", "desk:gone", "desk:two", "."]).fails_with(3);
    let _ = get.stderr_has("error: gone: not found\n").stderr_has("got 2 files").stderr_has("; 1 failed\n");
    assert_eq!((scene.laptop.read("one"), scene.laptop.read("two")), (b"1".to_vec(), b"2".to_vec()));
    let _ = scene.get("desk:gone", ".").fails_with(8).stderr_has("gone: not found");
}

#[test]
fn hostile_names_in_complaints_cannot_act_on_the_screen() {
    let scene = Scene::new();
    let hostile = name(b"x\x1b[31m\ny\xff");
    let shown = "x\\u{1b}[31m\\ny\\xff";
    scene.laptop.write(hostile, "x");
    fs::create_dir(scene.share().join(hostile)).unwrap();
    let said = [
        scene.put(hostile, "desk:").fails_with(9),
        scene.get(on_desk(name(b"none x\x1b[31m\ny\xff")), ".").fails_with(8),
        scene.laptop.cmd(["stat"]).arg(on_desk(name(b"none x\x1b[31m\ny\xff"))).fails_with(8),
        scene.laptop.cmd(["cat"]).arg(on_desk(hostile)).fails_with(9),
        scene.laptop.cmd(["rm"]).arg(on_desk(name(b"none x\x1b[31m\ny\xff"))).fails_with(8),
        scene.laptop.cmd(["mkdir"]).arg(on_desk(hostile)).fails_with(9),
        scene.laptop.cmd(["put"]).arg(name(b"gone x\x1b[31m\ny\xff")).arg("desk:").fails_with(8),
        scene.laptop.cmd(["ls"]).arg(name(b"x\x1b[31m\ny\xff:a")).fails_with(2),
    ];
    for said in said {
        assert!(!said.stderr_bytes().contains(&0x1b), "{said}");
        assert!(said.to_string().contains(shown), "the name is not told as {shown}\n{said}");
    }
}

#[test]
fn what_is_in_the_way_of_a_single_file_is_named_as_what_it_is() {
    let scene = Scene::new();
    scene.laptop.write("file", "x");
    fs::create_dir_all(scene.share().join("folder/file")).unwrap();
    fs::create_dir_all(scene.share().join("free")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(scene.share().join("socket")).unwrap();
    let _ = scene.put("file", "desk:socket").fails_with(9).stderr_has("error: socket: ").never_says("not a directory");
    let _ = scene.put("file", "desk:folder").fails_with(9).stderr_has("error: folder/file: is a directory");
    let _ = scene.put("file", "desk:free").succeeds().stderr_has("sent 1 file");
    assert_eq!(fs::read(scene.share().join("free/file")).unwrap(), b"x");
}
