use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::PathBuf;

use serde_json::json;

use super::*;
use crate::fixture::SecondProcess;

fn opened() -> (tempfile::TempDir, Home, Jobs) {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::open_or_create(dir.path()).unwrap();
    let jobs = Jobs::open(&home).unwrap();
    (dir, home, jobs)
}

fn job(machine: &str) -> Job {
    let pairs = vec![(b"a".to_vec(), b"b".to_vec()), (b"\xff\n\0".to_vec(), Vec::new())];
    Job { id: 0, at: 7, kind: JobKind::Put, machine: machine.to_owned(), pairs, options: json!({"lanes": 4}) }
}

fn file(home: &Home, name: impl AsRef<std::path::Path>) -> PathBuf {
    home.path().join("jobs").join(name)
}

fn numbers(jobs: &Jobs) -> Vec<u32> {
    jobs.list().unwrap().into_iter().map(|job| job.id).collect()
}

#[test]
fn a_job_comes_back_as_it_was_by_its_number() {
    let (_dir, home, jobs) = opened();
    assert_eq!((jobs.save(&job("desk")).unwrap(), jobs.save(&job("lab")).unwrap()), (1, 2));
    let jobs = Jobs::open(&home).unwrap();
    assert_eq!(jobs.load(1).unwrap().unwrap(), Job { id: 1, ..job("desk") });
    assert_eq!((jobs.load(0).unwrap(), jobs.load(3).unwrap()), (None, None));
    let listed = jobs.list().unwrap();
    assert_eq!(numbers(&jobs), [1, 2]);
    let Job { at, kind, machine, options, .. } = job("lab");
    assert_eq!(listed[1], JobSummary { id: 2, at, kind, machine, pairs: 2, options });
    assert_eq!(fs::metadata(file(&home, "1")).unwrap().mode() & 0o777, 0o600);
    assert_eq!((jobs.remove(1).unwrap(), jobs.remove(1).unwrap()), (true, false));
    assert_eq!(numbers(&jobs), [2]);
}

#[test]
fn a_number_that_became_free_is_not_given_at_once() {
    let (_dir, home, jobs) = opened();
    jobs.save(&job("a")).unwrap();
    jobs.save(&job("b")).unwrap();
    jobs.remove(2).unwrap();
    assert_eq!(jobs.save(&job("c")).unwrap(), 3);
    for damaged in ["", "x", "0", "10000", "99999999999999999999"] {
        fs::write(file(&home, LAST), damaged).unwrap();
        assert_eq!(jobs.last().unwrap(), 3, "{damaged:?}");
    }
    fs::remove_file(file(&home, LAST)).unwrap();
    assert_eq!(jobs.save(&job("d")).unwrap(), 4);
}

#[test]
fn after_the_largest_number_they_begin_again_and_pass_over_what_is_taken() {
    let (_dir, home, jobs) = opened();
    jobs.save(&job("old")).unwrap();
    fs::write(file(&home, LAST), "9998").unwrap();
    assert_eq!(jobs.save(&job("a")).unwrap(), 9999);
    assert_eq!(jobs.save(&job("b")).unwrap(), 2);
    assert_eq!(jobs.save(&job("c")).unwrap(), 3);
    assert_eq!(numbers(&jobs), [1, 2, 3, 9999]);
}

#[test]
fn the_oldest_job_goes_when_there_are_too_many() {
    let (_dir, home, jobs) = opened();
    for n in 0..MAX_JOBS {
        let id = jobs.save(&job("desk")).unwrap();
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1000 + n as u64);
        let file = fs::File::options().write(true).open(file(&home, id.to_string())).unwrap();
        file.set_times(fs::FileTimes::new().set_modified(at)).unwrap();
    }
    assert_eq!(jobs.save(&job("desk")).unwrap(), 101);
    assert_eq!(numbers(&jobs), (2..=101).collect::<Vec<_>>());
}

#[test]
fn more_than_the_limits_is_refused_and_as_much_is_kept() {
    let (_dir, _home, jobs) = opened();
    let small = (Vec::new(), Vec::new());
    let refused = |job: &Job| assert!(matches!(jobs.save(job), Err(StoreError::TooLarge { .. })));
    refused(&Job { pairs: vec![small.clone(); MAX_PAIRS + 1], ..job("desk") });
    refused(&Job { pairs: vec![(vec![b'x'; MAX_JOB_BYTES], Vec::new())], ..job("desk") });
    refused(&Job { options: json!("x".repeat(MAX_HEAD_BYTES)), ..job("desk") });
    let deep = (0..200).fold(json!(0), |inner, _| json!([inner]));
    assert!(matches!(jobs.save(&Job { options: deep, ..job("desk") }), Err(StoreError::Unfit { .. })));
    assert_eq!(numbers(&jobs), [0; 0]);
    let id = jobs.save(&Job { pairs: vec![small; MAX_PAIRS], ..job("desk") }).unwrap();
    assert_eq!(jobs.load(id).unwrap().unwrap().pairs.len(), MAX_PAIRS);
}

#[test]
fn damaged_and_foreign_files_are_passed_over() {
    let (_dir, home, jobs) = opened();
    assert_eq!(jobs.save(&job("desk")).unwrap(), 1);
    let whole = fs::read(file(&home, "1")).unwrap();
    let changed = |from: &str, to: &str| String::from_utf8(whole.clone()).unwrap().replace(from, to).into_bytes();
    let damaged = [
        Vec::new(),
        b"\n\n\n".to_vec(),
        vec![0xff; 1000],
        vec![b'['; 2 * MAX_HEAD_BYTES],
        [&whole[..], b"[\"more\",\"x\"]\n"].concat(),
        changed("\"pairs\":2", "\"pairs\":1"),
        changed("\"pairs\":2", "\"pairs\":3"),
        changed("\"pairs\":2", "\"pairs\":-1"),
        changed("\"pairs\":2", "\"pairs\":99999999"),
        changed("\"put\"", "\"rub\""),
        changed("[\"a\",\"b\"]", "[\"a\",300]"),
        changed("[\"a\",\"b\"]", "[\"abcdef\"]"),
    ];
    for (n, bytes) in damaged.iter().enumerate() {
        fs::write(file(&home, (n + 2).to_string()), bytes).unwrap();
        assert_eq!(jobs.load(u32::try_from(n + 2).unwrap()).unwrap(), None, "damage {n}");
    }
    for foreign in ["0", "01", "+1", "10000", "-1", "README", "1.json"] {
        fs::write(file(&home, foreign), &whole).unwrap();
    }
    fs::create_dir(file(&home, "500")).unwrap();
    symlink(file(&home, "1"), file(&home, "501")).unwrap();
    assert_eq!((jobs.load(500).unwrap(), jobs.load(501).unwrap()), (None, None));
    // A summary does not look at the pairs, so it tells of those whose first line and length are in order.
    assert_eq!(numbers(&jobs), [1, 7, 8, 12]);
    // What is taken is passed over, whatever it is.
    fs::write(file(&home, LAST), "499").unwrap();
    assert_eq!(jobs.save(&job("lab")).unwrap(), 502);
}

#[test]
fn a_file_cut_short_anywhere_is_no_job() {
    let (_dir, home, jobs) = opened();
    jobs.save(&job("desk")).unwrap();
    let whole = fs::read(file(&home, "1")).unwrap();
    for len in 0..whole.len() {
        fs::write(file(&home, "1"), &whole[..len]).unwrap();
        assert_eq!((jobs.load(1).unwrap(), numbers(&jobs)), (None, vec![]), "{len} bytes");
    }
}

#[test]
fn two_processes_get_different_numbers() {
    if let Some(home) = SecondProcess::home() {
        let jobs = Jobs::open(&home).unwrap();
        for _ in 0..20 {
            jobs.save(&job("second")).unwrap();
        }
        SecondProcess::ready_then_wait();
    }
    let (_dir, home, jobs) = opened();
    let saving = std::thread::spawn({
        let jobs = jobs.clone();
        move || (0..20).map(|_| jobs.save(&job("first")).unwrap()).collect::<Vec<_>>()
    });
    let second = SecondProcess::start("jobs::tests::two_processes_get_different_numbers", &home);
    let first = saving.join().unwrap();
    second.finish();
    let all = jobs.list().unwrap();
    let of = |machine: &str| all.iter().filter(|job| job.machine == machine).map(|job| job.id).collect::<Vec<_>>();
    assert_eq!((of("first"), of("second").len(), all.len()), (first, 20, 40));
}
