//! Devices, pipes and sockets: listed, moved and deleted as names, never opened. A pipe that is opened would wait for
//! ever, so that every answer here is also a proof that it was not.

use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;

use landline_testkit::needs;
use landline_wire::ErrorCode;
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};

use super::Rogue;
use crate::scene::{Scene, snapshot};

fn pipe(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o666), 0).unwrap();
}

/// `/dev/null`, `/dev/zero` and a disk, under other names.
fn devices(folder: &Path) {
    let mode = Mode::from_raw_mode(0o666);
    mknodat(CWD, folder.join("null"), FileType::CharacterDevice, mode, makedev(1, 3)).unwrap();
    mknodat(CWD, folder.join("zero"), FileType::CharacterDevice, mode, makedev(1, 5)).unwrap();
    mknodat(CWD, folder.join("disk"), FileType::BlockDevice, mode, makedev(7, 0)).unwrap();
}

/// What holds for each of them.
fn is_only_a_name(scene: &Scene, special: &str) {
    scene.laptop.write("mine", "mine");
    scene.shares("file", "x");
    let mut rogue = Rogue::of(scene);
    let path = special.as_bytes();
    let below = format!("{special}/below");
    let kind = fs::symlink_metadata(scene.share().join(special)).unwrap().file_type();
    for (ask, answer) in [
        ("stat", None),
        ("list", Some(ErrorCode::WrongKind)),
        ("hash", Some(ErrorCode::WrongKind)),
        ("get", Some(ErrorCode::WrongKind)),
        ("make", Some(ErrorCode::Conflict)),
        ("make with parents", Some(ErrorCode::WrongKind)),
        ("move to", Some(ErrorCode::Conflict)),
    ] {
        assert_eq!(rogue.ask(ask, path, b"file"), answer, "{ask} {special}");
    }
    for ask in super::ASKS {
        let answer = rogue.ask(ask, below.as_bytes(), b"file");
        assert_eq!(answer, Some(ErrorCode::WrongKind), "{ask} {below}");
    }
    let remote = format!("desk:{special}");
    let _ = scene.laptop.cmd(["ls", "--json", &remote]).succeeds().stdout_has(r#""kind":"other""#);
    let _ = scene.laptop.cmd(["cat", &remote]).fails_with(9).stdout("").stderr_has(special);
    let _ = scene.laptop.cmd(["stat", "--hash", &remote]).fails_with(9).stderr_has(special);
    let _ = scene.get(&remote, "got").fails_with(3).stderr_has("is not copied").stderr_has("1 skipped");
    let _ = scene.put("mine", format!("desk:{below}")).fails_with(9).stderr_has("is not a directory");
    assert_eq!(fs::symlink_metadata(scene.share().join(special)).unwrap().file_type(), kind);

    let _ = scene.laptop.cmd(["mv", &remote, "desk:moved"]).succeeds();
    assert_eq!(fs::symlink_metadata(scene.share().join("moved")).unwrap().file_type(), kind);
    // No file takes its name: some program waits there for something else.
    let _ = scene.put("mine", "desk:moved").fails_with(9).stderr_has("moved");
    assert_eq!(fs::symlink_metadata(scene.share().join("moved")).unwrap().file_type(), kind);
    let _ = scene.laptop.cmd(["rm", "desk:moved"]).succeeds();
    assert!(!scene.laptop.work().join("got").exists());
}

#[test]
fn a_pipe_is_only_a_name_and_nobody_waits_for_it() {
    let scene = Scene::new();
    pipe(&scene.share().join("pipe"));
    is_only_a_name(&scene, "pipe");
}

#[test]
fn a_socket_is_only_a_name() {
    let scene = Scene::new();
    let listener = UnixListener::bind(scene.share().join("socket")).unwrap();
    listener.set_nonblocking(true).unwrap();
    is_only_a_name(&scene, "socket");
    assert!(listener.accept().is_err(), "somebody connected to it");
}

#[test]
fn devices_are_only_names() {
    if !needs("root") {
        return;
    }
    let scene = Scene::new();
    devices(&scene.share());
    for device in ["null", "zero", "disk"] {
        is_only_a_name(&scene, device);
    }
}

#[test]
fn a_tree_with_pipes_and_sockets_is_copied_without_them_both_ways() {
    let scene = Scene::new();
    for folder in [scene.share(), scene.laptop.work()] {
        fs::create_dir(folder.join("tree")).unwrap();
        fs::write(folder.join("tree/file"), "x").unwrap();
        pipe(&folder.join("tree/pipe"));
        drop(UnixListener::bind(folder.join("tree/socket")).unwrap());
        if rustix::process::geteuid().is_root() {
            devices(&folder.join("tree"));
        }
    }
    let put = scene.put("tree", "desk:new").fails_with(3).stderr_has("sent 1 file");
    let get = scene.get("desk:tree", "new").fails_with(3).stderr_has("got 1 file");
    for said in [put, get] {
        // By the place that it would have had.
        let _ = said.stderr_has("skipped new/pipe: ").stderr_has("skipped new/socket: ");
    }
    for folder in [scene.share(), scene.laptop.work()] {
        assert_eq!(snapshot(folder.join("new")).len(), 1);
    }
    let _ = scene.put("tree/pipe", "desk:").fails_with(3).stderr_has("is not copied");
    let pipe = scene.laptop.work().join("tree/pipe");
    assert!(fs::symlink_metadata(pipe).unwrap().file_type().is_fifo());
}

#[test]
fn a_local_pipe_as_a_target_is_neither_replaced_nor_waited_for() {
    let scene = Scene::new();
    scene.shares("file", "x");
    pipe(&scene.laptop.work().join("pipe"));
    let _ = scene.get("desk:file", "pipe").fails_with(9).stderr_has("pipe");
    assert!(fs::symlink_metadata(scene.laptop.work().join("pipe")).unwrap().file_type().is_fifo());
}
