use std::{fs, os::unix::fs::PermissionsExt as _};

use super::*;

/// Far more than a line in memory takes.
const PATIENCE: Duration = Duration::from_secs(60);

struct Kept {
    home: Home,
    /// Removed when dropped.
    folder: tempfile::TempDir,
}

fn kept() -> Kept {
    let folder = tempfile::tempdir().unwrap();
    Kept { home: Home::open_or_create(folder.path().join("home")).unwrap(), folder }
}

impl Kept {
    fn log(&self, bytes: u64, files: u32) -> AuditLog {
        let gap = |lost| format!("missing {lost}").into_bytes();
        AuditLog::open_with(&self.home, Rotation { bytes, files }, gap).unwrap()
    }

    fn read(&self, number: u32) -> String {
        fs::read_to_string(journal::numbered(&self.home.audit_path(), number)).unwrap_or_default()
    }
}

/// One line at a time, so that each is a write of its own.
fn put(log: &AuditLog, lines: impl IntoIterator<Item = String>) {
    for line in lines {
        log.put(line.into_bytes());
        assert!(log.flush(PATIENCE));
    }
}

#[test]
fn files_move_on_by_size_and_the_oldest_goes() {
    let kept = kept();
    let log = kept.log(10, 3);
    put(&log, (1..=9).map(|n| format!("line{n}"))); // 6 bytes with its end: one fits, two do not
    assert_eq!(
        (kept.read(0).as_str(), kept.read(1).as_str(), kept.read(2).as_str()),
        ("line9\n", "line8\n", "line7\n")
    );
    assert!(!journal::numbered(&kept.home.audit_path(), 3).exists());
    let last: Vec<Vec<u8>> = AuditReader::last(&kept.home, 2).unwrap().0;
    assert_eq!(last, [b"line8".to_vec(), b"line9".to_vec()]);
    assert_eq!(AuditReader::last(&kept.home, 100).unwrap().0.len(), 3);
}

#[test]
fn a_line_longer_than_a_file_may_be_stands_alone() {
    let kept = kept();
    let log = kept.log(10, 2);
    put(&log, ["x".repeat(50), "y".repeat(50)]);
    assert_eq!((kept.read(0), kept.read(1)), ("y".repeat(50) + "\n", "x".repeat(50) + "\n"));
}

#[test]
fn the_file_is_for_the_owner_alone_and_goes_on_after_a_restart() {
    let kept = kept();
    let path = kept.home.audit_path();
    fs::write(&path, "old\nhalf a li").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    put(&kept.log(100, 2), ["new".to_owned()]);
    assert_eq!(kept.read(0), "old\nnew\n", "half a line of a process that died is cut off");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
}

#[test]
fn what_can_not_be_written_is_counted_and_told_once_it_can() {
    let kept = kept();
    let path = kept.home.audit_path();
    fs::create_dir(&path).unwrap(); // stands for whatever keeps a file from being written
    let log = kept.log(100, 2);
    put(&log, ["a".to_owned(), "b".to_owned()]);
    fs::remove_dir(&path).unwrap();
    put(&log, ["c".to_owned()]);
    assert_eq!(kept.read(0), "missing 2\nc\n");
}

#[test]
fn no_link_is_followed() {
    let kept = kept();
    let elsewhere = kept.folder.path().join("elsewhere");
    fs::write(&elsewhere, "").unwrap();
    std::os::unix::fs::symlink(&elsewhere, kept.home.audit_path()).unwrap();
    put(&kept.log(100, 2), ["a".to_owned()]);
    assert_eq!(fs::read(&elsewhere).unwrap(), b"");
}

#[test]
fn without_a_log_there_are_no_lines() {
    assert!(AuditReader::last(&kept().home, 5).unwrap().0.is_empty());
}

fn told(reader: &mut AuditReader) -> Vec<String> {
    reader.more().unwrap().into_iter().map(|line| String::from_utf8(line).unwrap()).collect()
}

#[test]
fn who_follows_the_log_hears_each_line_once_however_the_files_move_on() {
    let kept = kept();
    let (nothing, mut reader) = AuditReader::last(&kept.home, 5).unwrap();
    assert_eq!((nothing.len(), told(&mut reader).len()), (0, 0), "there is no log yet");
    let log = kept.log(10, 5);
    let mut said = 0;
    for burst in [1, 0, 2, 1, 3, 4] {
        let lines: Vec<String> = (said..said + burst).map(|number| format!("line{number}")).collect();
        put(&log, lines.clone()); // one to a file
        assert_eq!(told(&mut reader), lines);
        said += burst;
    }
    let (last, mut late) = AuditReader::last(&kept.home, 2).unwrap();
    assert_eq!(last, [b"line9".to_vec(), b"line10".to_vec()]);
    assert_eq!(told(&mut late), [] as [&str; 0]);
    put(&log, ["after".to_owned()]);
    assert_eq!((told(&mut late), told(&mut reader)), (vec!["after".to_owned()], vec!["after".to_owned()]));
}

#[test]
fn who_looks_away_for_longer_than_the_log_reaches_back_hears_all_that_is_left() {
    let kept = kept();
    let log = kept.log(10, 5);
    put(&log, ["line0".to_owned()]);
    let (_, mut reader) = AuditReader::last(&kept.home, 0).unwrap();
    put(&log, (1..=9).map(|number| format!("line{number}")));
    assert_eq!(told(&mut reader), (5..=9).map(|number| format!("line{number}")).collect::<Vec<_>>());
    // A person took away the one that was read last: the older ones are not told again.
    let newest = fs::File::options().append(true).open(kept.home.audit_path()).unwrap();
    newest.set_modified(std::time::SystemTime::now() + PATIENCE).unwrap(); // or all are of one tick of the clock
    fs::remove_file(kept.home.audit_path()).unwrap();
    assert_eq!(told(&mut reader), [] as [&str; 0]);
}

#[test]
fn who_follows_the_log_hears_no_half_line_and_survives_a_person_who_tidies_up() {
    let kept = kept();
    let path = kept.home.audit_path();
    fs::write(&path, "one\ntw").unwrap();
    let (last, mut reader) = AuditReader::last(&kept.home, 5).unwrap();
    assert_eq!(last, [b"one".to_vec()]);
    fs::write(&path, "one\ntwo\nth").unwrap();
    assert_eq!(told(&mut reader), ["two"]);
    fs::write(&path, "one\n").unwrap();
    assert_eq!(told(&mut reader), [] as [&str; 0]);
    fs::write(&path, "one\n2\n").unwrap();
    assert_eq!(told(&mut reader), ["2"]);
    fs::write(&path, "").unwrap();
    assert_eq!(told(&mut reader), [] as [&str; 0]);
    fs::write(&path, "new\n").unwrap();
    assert_eq!(told(&mut reader), ["new"]);
    fs::remove_file(&path).unwrap();
    assert_eq!(told(&mut reader), [] as [&str; 0]);
    fs::write(&path, "again\n").unwrap();
    assert_eq!(told(&mut reader), ["again"]);
}
