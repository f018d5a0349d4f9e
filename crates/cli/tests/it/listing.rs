//! Listing: `ls` and `stat`, for people, pipes and programs.

use std::fs::{self, FileTimes, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::scene::{Scene, name, on_desk};

/// Files, folders, a link, a hidden name, all with a time that is known.
fn furnished() -> Scene {
    let scene = Scene::new();
    let time = SystemTime::UNIX_EPOCH + Duration::new(1_795_230_000, 123_456_789);
    for (path, size, mode) in
        [("b.txt", 1536, 0o640), ("a.sh", 3, 0o755), (".hidden", 0, 0o600), ("dir/inside", 1, 0o644)]
    {
        let file = scene.shares(path, vec![b'x'; size]);
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        fs::File::options().write(true).open(&file).unwrap().set_times(FileTimes::new().set_modified(time)).unwrap();
    }
    let dir = scene.share().join("dir");
    fs::set_permissions(&dir, Permissions::from_mode(0o750)).unwrap();
    fs::File::open(&dir).unwrap().set_times(FileTimes::new().set_modified(time)).unwrap();
    symlink("/etc/passwd", scene.share().join("link")).unwrap();
    scene
}

#[test]
fn ls_on_a_pipe_is_one_plain_name_a_line() {
    let scene = furnished();
    let _ = scene.laptop.cmd(["ls", "desk:"]).succeeds().stdout("a.sh\nb.txt\ndir\nlink\n").stderr("");
    let _ = scene.laptop.cmd(["ls", "-a", "desk:."]).succeeds().stdout(".hidden\na.sh\nb.txt\ndir\nlink\n");
    let _ = scene.laptop.cmd(["ls", "desk:dir"]).succeeds().stdout("inside\n");
    let _ = scene.laptop.cmd(["ls", "desk:./dir//"]).succeeds().stdout("inside\n");
    fs::create_dir(scene.share().join("empty")).unwrap();
    let _ = scene.laptop.cmd(["ls", "desk:empty"]).succeeds().stdout("").stderr("");
}

#[test]
fn ls_of_a_file_names_it_and_with_a_slash_says_that_it_is_none() {
    let scene = furnished();
    let _ = scene
        .laptop
        .cmd(["ls", "desk:b.txt", "desk:.hidden"])
        .succeeds()
        .stdout("desk:b.txt:\nb.txt\n\ndesk:.hidden:\n.hidden\n");
    let _ = scene.laptop.cmd(["ls", "desk:b.txt/"]).fails_with(9).stderr_has("b.txt: is not a directory");
    let _ = scene.laptop.cmd(["ls", "desk:b.txt/c"]).fails_with(9).stderr_has("b.txt/c: is not a directory");
    let _ = scene.laptop.cmd(["ls", "desk:none"]).fails_with(8).stderr_has("none: not found");
    let _ = scene
        .laptop
        .cmd(["ls", "desk:dir", "desk:none"])
        .fails_with(3)
        .stdout_has("inside")
        .stderr_has("none: not found");
}

#[test]
fn ls_long_shows_rights_size_time_and_where_links_point() {
    let scene = furnished();
    let long = scene.laptop.cmd(["ls", "-l", "desk:"]).env("TZ", "UTC").succeeds();
    let lines: Vec<_> = std::str::from_utf8(long.stdout_bytes()).unwrap().lines().collect();
    assert_eq!(lines[0], "-rwxr-xr-x      3 B  2026-11-21 03:00  a.sh");
    assert_eq!(lines[1], "-rw-r-----  1.5 KiB  2026-11-21 03:00  b.txt");
    assert_eq!(lines[2], "drwxr-x---        -  2026-11-21 03:00  dir");
    assert!(lines[3].starts_with("lrwxrwxrwx        -  ") && lines[3].ends_with("  link -> /etc/passwd"), "{lines:?}");
    assert_eq!(lines.len(), 4);
}

#[test]
fn ls_for_programs_is_one_object_a_line() {
    let scene = furnished();
    let rows = scene.laptop.cmd(["ls", "-a", "--json", "desk:"]).succeeds().json();
    let mtime = "2026-11-21T03:00:00.123456789Z";
    assert_eq!(rows[0], json!({"name": ".hidden", "kind": "file", "size": 0, "mode": "0600", "mtime": mtime}));
    assert_eq!(rows[2], json!({"name": "b.txt", "kind": "file", "size": 1536, "mode": "0640", "mtime": mtime}));
    assert_eq!((&rows[3]["kind"], &rows[3]["mode"]), (&json!("dir"), &json!("0750")));
    assert_eq!((&rows[4]["kind"], &rows[4]["target"]), (&json!("link"), &json!("/etc/passwd")));
    assert_eq!(rows.len(), 5);
    let failed = scene.laptop.cmd(["ls", "--json", "desk:none"]).fails_with(8).json_line();
    assert_eq!((&failed["error"]["reason"], &failed["error"]["exit"]), (&json!("not-found"), &json!(8)));
}

#[test]
fn thousands_of_entries_are_listed_once_each_and_in_order() {
    let scene = Scene::new();
    // Long names, so that a message holds fewer than it would of ordinary ones.
    let names: Vec<_> = (0..1500).map(|n| format!("{n:04}-{}", "\u{1}".repeat(200))).collect();
    fs::create_dir(scene.share().join("many")).unwrap();
    for name in &names {
        fs::File::create(scene.share().join("many").join(name)).unwrap();
    }
    let rows = scene.laptop.cmd(["ls", "--json", "desk:many"]).succeeds().json();
    let listed: Vec<_> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(listed, names);
}

#[test]
fn hostile_names_and_targets_are_escaped_for_people_and_exact_for_programs() {
    let scene = Scene::new();
    let hostile: [&[u8]; 4] = [b"a\nforged", b"b\x1b]0;owned\x07", b"c\xff", b"d\xe2\x80\xaetxt"];
    for bytes in hostile {
        fs::write(scene.share().join(name(bytes)), "x").unwrap();
    }
    symlink(name(b"\x1b[2Jaway"), scene.share().join("link")).unwrap();
    let shown = "a\\nforged\nb\\u{1b}]0;owned\\u{7}\nc\\xff\nd\\u{202e}txt\nlink\n";
    let _ = scene.laptop.cmd(["ls", "desk:"]).succeeds().stdout(shown);
    let long = scene.laptop.cmd(["ls", "-l", "desk:"]).succeeds().stdout_has("link -> \\u{1b}[2Jaway\n");
    assert!(!long.stdout_bytes().contains(&0x1b));
    let rows = scene.laptop.cmd(["ls", "--json", "desk:"]).succeeds().json();
    assert_eq!((&rows[0]["name"], &rows[2]["name"]), (&json!("a\nforged"), &json!({"b64": "Y/8="})));
    let stat = scene.laptop.cmd(["stat"]).arg(on_desk(name(b"b\x1b]0;owned\x07"))).succeeds();
    assert!(!stat.stdout_bytes().contains(&0x1b), "{stat}");
    let _ = stat.stdout_has("path        desk:b\\u{1b}]0;owned\\u{7}\n");
}

#[test]
fn stat_tells_everything_about_one_thing() {
    let scene = furnished();
    let said = scene.laptop.cmd(["stat", "desk:b.txt"]).env("TZ", "UTC").succeeds();
    let _ = said.stdout(
        "path        desk:b.txt\nkind        file\nsize        1536 bytes (1.5 KiB)\nmode        0640 (-rw-r-----)\n\
         modified    2026-11-21 03:00 (2026-11-21T03:00:00.123456789Z)\n",
    );
    let link = scene.laptop.cmd(["stat", "--json", "desk:link"]).succeeds().json_line();
    assert_eq!(
        (&link["kind"], &link["target"], &link["path"]),
        (&json!("link"), &json!("/etc/passwd"), &json!("link"))
    );
    let root = scene.laptop.cmd(["stat", "--json", "desk:"]).succeeds().json_line();
    assert_eq!((&root["kind"], &root["path"]), (&json!("dir"), &json!("")));
    let _ = scene.laptop.cmd(["stat", "desk:none"]).fails_with(8).stderr_has("none: not found");
}

#[test]
fn what_is_neither_file_nor_folder_nor_link_is_listed_as_other() {
    let scene = Scene::new();
    let _socket = UnixListener::bind(scene.share().join("socket")).unwrap();
    let row = scene.laptop.cmd(["ls", "--json", "desk:"]).succeeds().json_line();
    assert_eq!((&row["name"], &row["kind"]), (&json!("socket"), &json!("other")));
}
