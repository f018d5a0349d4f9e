//! What a run that died has left: taken up where it can be trusted, made anew where it can't.

use std::os::unix::fs::MetadataExt as _;

use super::*;
use crate::files::{
    digest::GROUP,
    engine::{
        Arrival, Existing, Fate, Policy, Verdict,
        arrival::{Header, Plan},
    },
    tree::{Name, Tree},
};
use landline_addr::path::SharePath;

fn begin(stream: &mut Arrival) -> Vec<Verdict> {
    stream.dir(&path("top")).unwrap();
    let mut verdicts = vec![send(stream, 0, "a", plan(1), b"a").unwrap()];
    stream.dir(&path("inner")).unwrap();
    verdicts.push(send(stream, 1, "b", plan(1), b"b").unwrap());
    verdicts
}

fn end(stream: &mut Arrival) -> Vec<Fate> {
    stream.dir_end(0o750, time(2));
    stream.dir_end(0o755, time(3));
    stream.finish()
}

/// The one staged directory that is left.
fn left(dir: &Path) -> std::path::PathBuf {
    let names = names(dir);
    assert_eq!(names.len(), 1, "{names:?}");
    dir.join(&names[0])
}

/// As if the machine had been started anew since.
fn restart(dir: &Path) {
    let staged = Tree::open(dir).unwrap().dir(&SharePath::root()).unwrap();
    let name = Name::parse_staging(left(dir).file_name().unwrap().to_str().unwrap()).unwrap();
    let staged = staged.child(&name).unwrap();
    let mut header = Header::read(&staged).unwrap();
    header.boot ^= 1;
    header.write(&staged, &staged.open_write(&Header::file_name()).unwrap()).unwrap();
}

#[test]
fn a_tree_that_was_cut_goes_on_where_it_stopped() {
    let dir = TempDir::new().unwrap();
    for cut in [false, true] {
        let mut stream = arrival(dir.path());
        assert_eq!(begin(&mut stream), [Verdict::Want, Verdict::Want]);
        if cut {
            assert_eq!(kept(&stream.cut()), ["top/a", "top/inner/b"], "durable, so they are told");
        }
        drop(stream);
        let inode = fs::metadata(left(dir.path()).join("inner/b")).unwrap().ino();
        let mut stream = arrival(dir.path());
        assert_eq!(begin(&mut stream), [Verdict::Same, Verdict::Same]);
        send(&mut stream, 2, "c", plan(1), b"c").unwrap();
        let fates = end(&mut stream);
        assert_eq!(kept(&fates), ["top/a", "top/inner/b", "top/inner/c"]);
        assert_eq!(fs::metadata(dir.path().join("top/inner/b")).unwrap().ino(), inode);
        let top = content(&dir.path().join("top"));
        assert_eq!(top.into_keys().collect::<Vec<_>>(), ["a", "inner", "inner/b", "inner/c"]);
        assert_eq!(mode(&dir.path().join("top/inner")), 0o750);
        fs::remove_dir_all(dir.path().join("top")).unwrap();
    }
}

#[test]
fn only_its_owner_takes_a_tree_up() {
    let dir = TempDir::new().unwrap();
    begin(&mut arrival(dir.path()));
    let mut stranger = engine(dir.path()).arrive(&SharePath::root(), owner(2), Policy::default());
    assert_eq!(begin(&mut stranger), [Verdict::Want, Verdict::Want]);
    drop(stranger);
    assert_eq!(names(dir.path()).len(), 2);
}

#[test]
fn after_a_new_start_only_what_was_made_durable_is_trusted() {
    let dir = TempDir::new().unwrap();
    let mut stream = arrival(dir.path());
    begin(&mut stream);
    stream.cut(); // makes durable and records
    drop(stream);
    let staged = left(dir.path());
    fs::write(staged.join("inner/c"), "c").unwrap(); // complete, but not recorded
    let times = fs::FileTimes::new().set_modified(fs::metadata(staged.join("a")).unwrap().modified().unwrap());
    fs::File::open(staged.join("inner/c")).unwrap().set_times(times).unwrap();
    restart(dir.path());
    for _ in 0..2 {
        let mut stream = arrival(dir.path());
        assert_eq!(begin(&mut stream), [Verdict::Same, Verdict::Same]);
        assert_eq!(stream.file(2, &path("c"), plan(1)).unwrap(), Verdict::Want);
    }
    let mut stream = arrival(dir.path());
    begin(&mut stream);
    assert_eq!(kept(&end(&mut stream)), ["top/a", "top/inner/b"]);
}

#[test]
fn what_was_not_recorded_before_a_new_start_is_sent_again() {
    let dir = TempDir::new().unwrap();
    begin(&mut arrival(dir.path()));
    restart(dir.path());
    let mut stream = arrival(dir.path());
    assert_eq!(begin(&mut stream), [Verdict::Want, Verdict::Want]);
    assert_eq!(kept(&end(&mut stream)), ["top/a", "top/inner/b"]);
    assert_eq!(names(dir.path()), ["top"]);
}

#[test]
fn a_tree_whose_header_is_damaged_or_another_s_is_made_anew() {
    let dir = TempDir::new().unwrap();
    for damage in [0, 8, 1023] {
        begin(&mut arrival(dir.path()));
        let header = left(dir.path()).join(".landline-part-journal");
        let mut bytes = fs::read(&header).unwrap();
        bytes[damage] ^= 1;
        fs::write(&header, bytes).unwrap();
        let mut stream = arrival(dir.path());
        assert_eq!(begin(&mut stream), [Verdict::Want, Verdict::Want]);
        assert_eq!(kept(&end(&mut stream)), ["top/a", "top/inner/b"]);
        fs::remove_dir_all(dir.path().join("top")).unwrap();
    }
}

#[test]
fn what_changed_at_the_source_since_is_sent_again_and_what_is_gone_there_goes() {
    let dir = TempDir::new().unwrap();
    let mut stream = arrival(dir.path());
    begin(&mut stream);
    stream.dir(&path("was-a-dir")).unwrap();
    send(&mut stream, 3, "f", plan(1), b"f").unwrap();
    stream.dir_end(0o555, time(1));
    send(&mut stream, 4, "was-a-file", plan(1), b"f").unwrap();
    send(&mut stream, 5, "deleted", plan(1), b"f").unwrap();
    send(&mut stream, 6, "broken", plan(1), b"f").unwrap();
    stream.link(7, &path("deleted-link"), b"deleted", None).unwrap();
    drop(stream);

    let mut stream = arrival(dir.path());
    stream.dir(&path("top")).unwrap();
    let changed = Plan { mtime: time(77), ..plan(1) };
    assert_eq!(send(&mut stream, 0, "a", changed, b"A").unwrap(), Verdict::Want);
    stream.dir(&path("inner")).unwrap();
    let mode = Plan { mode: 0o600, ..plan(1) };
    assert_eq!(send(&mut stream, 1, "b", mode, b"B").unwrap(), Verdict::Want);
    send(&mut stream, 2, "was-a-dir", plan(1), b"f").unwrap();
    stream.dir(&path("was-a-file")).unwrap();
    stream.dir_end(0o755, None);
    stream.file(3, &path("broken"), Plan { mtime: time(78), ..plan(1) }).unwrap();
    stream.broken(3);
    assert_eq!(kept(&end(&mut stream)), ["top/a", "top/inner/b", "top/inner/was-a-dir"]);
    let found = content(&dir.path().join("top"));
    let expected = [("a", "A"), ("inner", "/"), ("inner/b", "B"), ("inner/was-a-dir", "f"), ("inner/was-a-file", "/")];
    assert_eq!(found.iter().map(|(name, what)| (name.as_str(), what.as_str())).collect::<Vec<_>>(), expected);
}

#[test]
fn who_wants_everything_anew_or_compared_gets_that_in_a_tree_that_was_cut_too() {
    let dir = TempDir::new().unwrap();
    let with = |existing| Policy { existing, ..Policy::default() };
    let hash = |text: &[u8]| Plan { hash: Some(blake3::hash(text)), ..plan(1) };
    for (existing, hash, verdict) in [
        (Existing::Always, hash(b"a"), Verdict::Want),
        (Existing::ByHash, hash(b"a"), Verdict::Same),
        (Existing::ByHash, hash(b"b"), Verdict::Want),
        (Existing::ByHash, plan(1), Verdict::Want),
        (Existing::Never, plan(1), Verdict::Same),
    ] {
        begin(&mut arrival(dir.path()));
        let mut stream = engine(dir.path()).arrive(&SharePath::root(), owner(1), with(existing));
        stream.dir(&path("top")).unwrap();
        assert_eq!(stream.file(0, &path("a"), hash).unwrap(), verdict, "{existing:?}");
        drop(stream);
        fs::remove_dir_all(left(dir.path())).unwrap();
    }
}

#[test]
fn large_files_go_on_in_the_middle_in_a_tree_and_outside() {
    let dir = TempDir::new().unwrap();
    let bytes = big(5 * GROUP + 3, 1);
    for top in [None, Some("top")] {
        let mut stream = arrival(dir.path());
        if let Some(top) = top {
            stream.dir(&path(top)).unwrap();
        }
        stream.file(0, &path("f"), plan(bytes.len())).unwrap();
        for (index, group) in (0..).zip(bytes.chunks(GROUP)).filter(|(index, _)| [0, 1, 4].contains(index)) {
            stream.group(0, &HashedGroup::of(index, group)).unwrap();
        }
        drop(stream);
        let mut stream = arrival(dir.path());
        if let Some(top) = top {
            stream.dir(&path(top)).unwrap();
        }
        let verdict = send(&mut stream, 0, "f", plan(bytes.len()), &bytes).unwrap();
        assert!(matches!(&verdict, Verdict::Rest(held) if held.runs == [(0, 2), (4, 5)]), "{verdict:?}");
        if top.is_some() {
            stream.dir_end(0o755, None);
        }
        assert_eq!(kept(&stream.finish()).len(), 1);
        assert!(fs::read(dir.path().join(top.unwrap_or(".")).join("f")).unwrap() == bytes);
        fs::remove_file(dir.path().join(top.unwrap_or(".")).join("f")).unwrap();
    }
    assert_eq!(names(dir.path()), ["top"]);
    assert_eq!(names(&dir.path().join("top")), [""; 0]);
}

#[test]
fn more_large_files_than_may_be_open_arrive_all_the_same() {
    let dir = TempDir::new().unwrap();
    let mut stream = arrival(dir.path());
    let bytes: Vec<Vec<u8>> = (0..150).map(|seed| big(GROUP + 10, seed)).collect();
    for (number, bytes) in bytes.iter().enumerate() {
        stream.file(number as u64, &path(&format!("f{number:03}")), plan(bytes.len())).unwrap();
    }
    let handles = || fs::read_dir("/proc/self/fd").unwrap().count();
    let before = handles();
    for index in [0, 1] {
        for (number, bytes) in bytes.iter().enumerate() {
            let (index, group) = (0..).zip(bytes.chunks(GROUP)).nth(index).unwrap();
            stream.group(number as u64, &HashedGroup::of(index, group)).unwrap();
        }
    }
    assert!(handles() < before + 300, "{before} {}", handles());
    let mut told = Vec::new();
    for (number, bytes) in bytes.iter().enumerate() {
        stream.end(number as u64, bytes.len() as u64, blake3::hash(bytes)).unwrap();
        if stream.wants_flush(std::time::Instant::now()) {
            told.extend(stream.flush());
        }
    }
    told.extend(stream.finish());
    assert_eq!(kept(&told).len(), 150);
    assert!(fs::read(dir.path().join("f149")).unwrap() == bytes[149]);
}
