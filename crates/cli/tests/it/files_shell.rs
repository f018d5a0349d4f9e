//! The files shell: every command by script, quoting and globs, how scripts end, and a person at a terminal.

use landline_testkit::Cmd;

use crate::scene::Scene;

mod ends;
mod person;
mod reconnecting;
mod words;

impl Scene {
    /// `landline files desk -c COMMANDS` on the laptop.
    fn shell(&self, commands: &str) -> Cmd {
        self.laptop.cmd(["files", "desk", "-c", commands])
    }
}

/// A share with files, folders, a name with blanks and one that is Chinese.
fn furnished() -> Scene {
    let scene = Scene::new();
    for (path, bytes) in [
        ("a.txt", "aa"),
        ("b.txt", "b"),
        (".hidden", ""),
        ("dir/x.md", "xxx"),
        ("dir/sub/报告.txt", "1234"),
        ("my file", "m"),
    ] {
        scene.shares(path, bytes);
    }
    scene
}

#[test]
fn looking_around_prints_what_the_commands_without_a_shell_print() {
    let scene = furnished();
    let _ = scene.shell("ls; quit; ls").succeeds().stdout("a.txt\nb.txt\ndir\nmy file\n").stderr("");
    let _ = scene
        .shell("pwd; cd dir/sub; pwd; ls; cd ..; pwd; cd /; pwd")
        .succeeds()
        .stdout("/\n/dir/sub\n报告.txt\n/dir\n/\n");
    let _ = scene.shell("cd dir; cd; pwd; cd -; pwd").succeeds().stdout("/\n/dir\n");
    for (inside, outside) in [
        ("ls -a", &["ls", "-a", "desk:"][..]),
        ("ll dir", &["ls", "-l", "desk:dir"]),
        ("ls dir dir/sub", &["ls", "desk:dir", "desk:dir/sub"]),
        ("--json ls dir a.txt", &["--json", "ls", "desk:dir", "desk:a.txt"]),
        ("stat --hash a.txt dir", &["stat", "--hash", "desk:a.txt", "desk:dir"]),
        ("cat a.txt", &["cat", "desk:a.txt"]),
        ("--json ls", &["--json", "ls", "desk:"]),
    ] {
        let outside = scene.laptop.cmd(outside).run();
        let inside = match inside.strip_prefix("--json ") {
            Some(inside) => scene.shell(inside).arg("--json").run(),
            None => scene.shell(inside).run(),
        };
        assert_eq!(inside.code(), outside.code(), "{inside}{outside}");
        assert_eq!(inside.stdout_bytes(), outside.stdout_bytes(), "{inside}{outside}");
    }
}

#[test]
fn files_and_folders_go_both_ways() {
    let scene = furnished();
    scene.laptop.write("up/one", "1");
    scene.laptop.write("two words", "2");
    let put = scene.shell("cd dir; put -r up; put 'two words' /; put up/one new-name; ls; ls /").succeeds();
    let _ = put.stdout("new-name\nsub\nup\nx.md\na.txt\nb.txt\ndir\nmy file\ntwo words\n").stderr_has("sent 1 file");
    let _ =
        scene.shell("get dir/x.md; get -r dir here; cd dir; reget /a.txt b.out; get x.md -").succeeds().stdout("xxx");
    assert_eq!(scene.laptop.read("x.md"), b"xxx");
    assert_eq!(scene.laptop.read("here/sub/报告.txt"), b"1234");
    assert_eq!(scene.laptop.read("b.out"), b"aa");
    let _ = scene.shell("reput up/one; get --exclude '*.md' dir less").succeeds();
    assert!(!scene.laptop.work().join("less/x.md").exists() && scene.laptop.work().join("less/new-name").exists());
    let _ = scene.laptop.cmd(["files", "desk", "-c", "put - piped"]).stdin("from a pipe").succeeds();
    assert_eq!(std::fs::read(scene.share().join("piped")).unwrap(), b"from a pipe");
    let said = scene.laptop.cmd(["files", "desk"]).stdin("put - piped\n").fails_with(2);
    let _ = said.stderr_has("which the commands come from");
}

#[test]
fn folders_are_made_and_things_are_moved_and_deleted() {
    let scene = furnished();
    let _ = scene
        .shell("mkdir new; mkdir -p p/q; mv a.txt new; cd new; mv a.txt 'b c'; rename 'b c' ../p/; rm -r /dir")
        .succeeds();
    assert_eq!(scene.laptop.cmd(["ls", "desk:p"]).succeeds().stdout_bytes(), b"b c\nq\n");
    assert!(!scene.share().join("dir").exists());
    let _ = scene.shell("rm p").fails_with(9).stderr_has("hint: to delete a folder with all that is in it: rm -r");
    let _ = scene.shell("mkdir all; mv *.txt 'my file' all; ls all; mv all/* /").succeeds().stdout("b.txt\nmy file\n");
    let _ = scene.shell("mv b.txt 'my file'").fails_with(9).stderr_has("hint: to replace what is there: mv --force");
    let _ = scene.shell("mv -f b.txt 'my file'; cat 'my file'").succeeds().stdout("b");
}

#[test]
fn whole_trees_are_told_of() {
    let scene = furnished();
    let tree = "desk:\n├── a.txt\n├── b.txt\n├── dir/\n│   ├── sub/\n│   │   └── 报告.txt\n│   └── x.md\n└── my file\n";
    let _ = scene.shell("tree").succeeds().stdout(tree).stderr("2 folders, 5 files\n");
    let _ = scene.shell("tree -L 1 dir").succeeds().stdout("desk:dir\n├── sub/\n└── x.md\n");
    let _ = scene.shell("find dir").succeeds().stdout("dir\ndir/sub\ndir/sub/报告.txt\ndir/x.md\n");
    let _ = scene.shell("cd dir; find -name *.txt; find / -type d").succeeds().stdout("sub/报告.txt\n/\n.\nsub\n");
    let _ = scene
        .shell("du; du -s dir; du a.txt")
        .succeeds()
        .stdout("      4 B  dir/sub\n      7 B  dir\n     11 B  .\n      7 B  dir\n      2 B  a.txt\n");
    let rows = scene.shell("du -s dir; find dir -type f; tree -L 1 dir").arg("--json").succeeds().json();
    assert_eq!(rows[0], serde_json::json!({"path": "dir", "total": 7, "files": 2, "folders": 1}));
    assert_eq!(rows[1], serde_json::json!({"path": "dir/sub/报告.txt", "kind": "file", "size": 4}));
    assert_eq!(rows.len(), 6);
}

#[test]
fn hashes_and_comparisons_are_told() {
    let scene = furnished();
    let hash = blake3::hash(b"aa").to_hex();
    let _ = scene.shell("hash a.txt").succeeds().stdout(&format!("{hash}  a.txt\n"));
    let _ = scene.shell("hash dir").fails_with(9);
    scene.laptop.write("dir/x.md", "xxx");
    let _ = scene.shell("verify dir/x.md dir/x.md").succeeds().stderr_has("1 file the same");
    let _ = scene.shell("verify dir dir").fails_with(1).stdout_has("sub/报告.txt: only on desk");
    let _ = scene.shell("df").succeeds().stdout_has("share  desk as friends\nfree   ");
}

#[test]
fn this_machine_has_its_own_commands() {
    let scene = furnished();
    scene.laptop.write("here/mine", "m");
    let here = scene.laptop.work().join("here");
    let said = scene.shell("lls; lcd here; lpwd; lls; put mine; get a.txt; !cat a.txt mine; pwd").succeeds();
    let _ = said.stdout(&format!("here\n{0}\nmine\naam{0}\n", here.display()));
    assert!(here.join("a.txt").exists() && scene.share().join("mine").exists());
    let _ = scene.shell("!exit 3").fails_with(1).stderr_has("-c:1: the command ended with exit status: 3");
    let _ = scene.shell("lcd nowhere").fails_with(8).stderr_has("nowhere: no such file or directory");
    let _ = scene.laptop.cmd(["files", "desk"]).stdin("!cat\npwd\n").succeeds().stdout("/\n");
    let _ = scene.shell("lls -l here").succeeds().stdout_has("-rw-");
}

#[test]
fn help_tells_of_every_command_and_of_each() {
    let scene = Scene::new();
    let all = scene.shell("help").succeeds();
    for verb in ["cd", "reget", "du", "!CMD", "lcd", "quit"] {
        let _ = all.clone().stdout_has(&format!("\n  {verb} "));
    }
    let _ = scene.shell("help get").succeeds().stdout_has("--exclude").stdout_has("taken up by the next one");
    let _ = scene.shell("help nothing").fails_with(2).stderr_has("there is no command nothing");
}
