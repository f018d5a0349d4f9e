//! The protocol in plain Python: `examples/python/landline_wire.py` against the real server, and short enough to read.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use landline_testkit::{Office, Random, Serving, needs};

/// Fewer than 80 lines were promised.
const MOST_LINES: usize = 79;

fn program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/python/landline_wire.py")
}

/// Runs the program against the owner's socket of `desk`.
fn python(desk: &Serving, args: &[&OsStr]) -> Output {
    Command::new("python3").arg(program()).arg(desk.socket()).args(args).output().unwrap()
}

#[track_caller]
fn succeeds(desk: &Serving, args: &[&OsStr]) -> String {
    let done = python(desk, args);
    assert!(done.status.success(), "{args:?}: {done:?}");
    String::from_utf8(done.stdout).unwrap()
}

#[track_caller]
fn fails(desk: &Serving, args: &[&OsStr], why: &str) {
    let done = python(desk, args);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.code() == Some(1) && said.contains(why) && !said.contains("Traceback"), "{args:?}: {done:?}");
}

#[test]
fn the_program_is_short_and_needs_nothing_but_python() {
    let text = fs::read_to_string(program()).unwrap();
    assert!(text.lines().count() <= MOST_LINES, "{} lines", text.lines().count());
    let imports: Vec<_> = text.lines().filter(|line| line.starts_with("import") || line.starts_with("from")).collect();
    assert_eq!(imports, ["import json, os, socket, struct, sys"]);
}

#[test]
fn python_lists_puts_and_gets_through_the_owners_socket() {
    if !needs("python3") {
        return;
    }
    let office = Office::new(env!("CARGO_BIN_EXE_landline"));
    let desk = office.machine("desk").serve();
    let share = desk.machine().share();
    let mut random = Random::new(80);
    // Nothing, one block of the hash, several chunks, and more than travels in one record.
    let files = [("empty", 0), ("报告.txt", 6), ("some", 20_000), ("large", (1 << 20) + 4321)];
    for (name, len) in files {
        let content = random.bytes(len);
        let (own, back) = (desk.machine().write(name, &content), desk.machine().work().join("back"));
        let place = format!("copied-{name}");
        let place = OsStr::new(&place);
        succeeds(&desk, &["put".as_ref(), own.as_ref(), place]);
        assert!(fs::read(share.join(place)).unwrap() == content, "{name} was put");
        let modified = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
        assert_eq!(modified(&share.join(place)), modified(&own), "{name}");
        succeeds(&desk, &["get".as_ref(), place, back.as_ref()]);
        assert!(fs::read(back).unwrap() == content, "{name} came back");
    }
    // A file that landline reads from the disk itself, with a hole in it.
    let sparse = fs::File::create(share.join("sparse")).unwrap();
    sparse.set_len(3 << 19).unwrap();
    let back = desk.machine().work().join("sparse");
    succeeds(&desk, &["get".as_ref(), "sparse".as_ref(), back.as_ref()]);
    assert!(fs::read(back).unwrap() == vec![0; 3 << 19]);

    let listing = succeeds(&desk, &["ls".as_ref(), "".as_ref()]);
    let names: Vec<&str> = listing.lines().filter_map(|line| line.split('\'').nth(1)).collect();
    assert_eq!(names, ["copied-empty", "copied-large", "copied-some", "copied-报告.txt", "sparse"]);
    assert!(listing.contains("file         20000 'copied-some'"), "{listing}");
    desk.stops();
}

#[test]
fn python_lists_more_than_one_message_holds_and_tells_what_was_refused() {
    if !needs("python3") {
        return;
    }
    let office = Office::new(env!("CARGO_BIN_EXE_landline"));
    let desk = office.machine("desk").serve();
    let folder = desk.machine().share().join("many");
    fs::create_dir(&folder).unwrap();
    for number in 0..200 {
        fs::write(folder.join(format!("{number:03}")), "x").unwrap();
    }
    let listing = succeeds(&desk, &["ls".as_ref(), "many".as_ref()]);
    assert!(listing.lines().count() == 200 && listing.ends_with("'199'\n"), "{listing}");

    let own = desk.machine().write("own", "words");
    fails(&desk, &["ls".as_ref(), "nothing".as_ref()], "not-found");
    fails(&desk, &["put".as_ref(), own.as_ref(), "../up".as_ref()], "bad-name");
    fails(&desk, &["get".as_ref(), "many".as_ref(), own.as_ref()], "only files are fetched");
    assert_eq!(fs::read_to_string(own).unwrap(), "words");
    desk.stops();
}
