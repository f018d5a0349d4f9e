//! How a line is read: quotations, patterns, and paths that lead nowhere.

use std::fs;
use std::os::unix::fs::symlink;

use super::furnished;
use crate::scene::{Scene, name};

#[test]
fn quotations_keep_blanks_and_stars() {
    let scene = furnished();
    scene.shares("odd*name", "o");
    scene.shares("it's \"quoted\"", "q");
    let all = r#"cat 'my file' "my file" my\ file; cat 'odd*name' odd\*name; cat "it's \"quoted\"""#;
    let _ = scene.shell(all).succeeds().stdout("mmmooq");
    let _ = scene.shell("cat dir/sub/报告.txt # and nothing more").succeeds().stdout("1234");
    let _ = scene.shell("cat 'a.txt").fails_with(2).stderr_has("-c:1: a ' has no other one");
    let _ = scene.shell("-nothing; pwd").succeeds().stderr_has("there is no command nothing").stdout("/\n");
}

#[test]
fn patterns_fit_names_there_and_here() {
    let scene = furnished();
    let _ = scene.shell("ls *.txt").succeeds().stdout("a.txt\nb.txt\n");
    let _ = scene.shell("ls dir b* dir/x*").succeeds().stdout("b.txt\ndir/x.md\n\ndesk:dir:\nsub\nx.md\n");
    let _ = scene.shell("ls a.txt none").fails_with(3).stdout("a.txt\n").stderr_has("none: not found");
    let _ = scene.shell("cat dir/*/*.txt; cat [ab].txt; cat ?y*").succeeds().stdout("1234aabm");
    let _ = scene.shell("cat *.zip").fails_with(8).stderr_has("-c:1: nothing fits *.zip");
    scene.laptop.write("one.c", "1");
    scene.laptop.write("two.c", "2");
    let _ = scene.shell("mkdir src; put *.c src; ls src; rm src/*.c; ls src").succeeds().stdout("one.c\ntwo.c\n");
    let _ = scene.shell("get *.txt; !cat [ab].txt").succeeds().stdout("aab");
    let _ = scene.shell("put *.zip").fails_with(8).stderr_has("nothing fits *.zip");
}

#[test]
fn names_of_any_bytes_are_reached_by_patterns_and_shown_escaped() {
    let scene = Scene::new();
    scene.shares(name(b"c\xff"), "bytes");
    scene.shares("x\u{1b}[2J", "escape");
    scene.shares("line\nbreak", "break");
    let seen = scene.shell("ls; find; tree; du -s c?; cat c*; hash x*").succeeds();
    assert!(!seen.stdout_bytes().contains(&0x1b), "{seen}");
    let _ = seen.stdout_has("c\\xff\n").stdout_has("line\\nbreak\n").stdout_has("bytes");
    // Bytes in a script are bytes of names.
    let script = scene.laptop.write("script", b"cat c\xff\n");
    let _ = scene.laptop.cmd(["files", "desk", "--script"]).arg(script).succeeds().stdout("bytes");
}

#[test]
fn nobody_leaves_the_share() {
    let scene = furnished();
    fs::write(scene.share().parent().unwrap().join("secret"), "s").unwrap();
    symlink("..", scene.share().join("out")).unwrap();
    symlink("dir", scene.share().join("in")).unwrap();
    let _ = scene.shell("cd ..").fails_with(5).stderr_has("above / there is nothing");
    let _ = scene.shell("cd dir; -cd ../../..; pwd").succeeds().stdout("/dir\n");
    let _ = scene.shell("cat ../secret").fails_with(8);
    let _ = scene.shell("cat /../../a.txt").succeeds().stdout("aa");
    for (link, code) in [("out", 9), ("in", 9), ("out/x", 5)] {
        let said = scene.shell(&format!("-cd {link}; pwd")).succeeds().stdout("/\n");
        let _ = scene.shell(&format!("cd {link}")).fails_with(code);
        assert!(String::from_utf8_lossy(said.stderr_bytes()).contains("link") || link == "out/x", "{said}");
    }
    let _ = scene.shell("get out/secret").run().never_says("got 1 file");
    assert!(!scene.laptop.work().join("secret").exists());
}

#[test]
fn a_folder_that_is_none_leaves_the_shell_where_it_is() {
    let scene = furnished();
    let said = scene.shell("cd dir; -cd none; -cd x.md; -cd sub/; pwd").succeeds().stdout("/dir/sub\n");
    let _ = said.stderr_has("dir/none: not found").stderr_has("/dir/x.md is a file, not a folder");
    let _ = scene.laptop.cmd(["files", "desk:dir/sub", "-c", "pwd"]).succeeds().stdout("/dir/sub\n");
    let own = scene.desk.machine().cmd(["files", "localhost", "-c", "cd dir/sub; pwd"]).succeeds();
    let _ = own.stdout("/dir/sub\n");
    let _ = scene.laptop.cmd(["files", "desk:none", "-c", "pwd"]).fails_with(8);
    let _ = scene.laptop.cmd(["files", "nobody", "-c", "pwd"]).fails_with(8).stderr_has("no contact called nobody");
}
