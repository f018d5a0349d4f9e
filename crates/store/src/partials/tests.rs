use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};

use super::*;

fn index() -> (tempfile::TempDir, Home, Partials) {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::open_or_create(dir.path()).unwrap();
    let partials = Partials::open(&home).unwrap();
    (dir, home, partials)
}

fn note(staging: &str, started: i64) -> PartialNote {
    let (dir, target, owner) = ("/share/films".into(), b"films/a.mkv".to_vec(), "ann@laptop".to_owned());
    PartialNote { dir, staging: staging.to_owned(), target, owner, started }
}

fn file_of(home: &Home, note: &PartialNote) -> PathBuf {
    home.path().join("partials").join(file_name(&note.dir, &note.staging))
}

#[test]
fn notes_are_listed_by_their_start_until_they_are_forgotten() {
    let (_dir, home, partials) = index();
    assert_eq!(partials.list().unwrap(), []);
    let (late, early) = (note("b", 20), note("a", 10));
    partials.note(&late).unwrap();
    partials.note(&early).unwrap();
    assert_eq!(Partials::open(&home).unwrap().list().unwrap(), [early.clone(), late.clone()]);
    partials.forget(&early.dir, &early.staging).unwrap();
    partials.forget(&early.dir, &early.staging).unwrap();
    assert_eq!(partials.list().unwrap(), [late]);
}

#[test]
fn a_place_has_one_note_the_last() {
    let (_dir, home, partials) = index();
    partials.note(&note("a", 10)).unwrap();
    partials.note(&PartialNote { owner: "bob".into(), ..note("a", 30) }).unwrap();
    let notes = partials.list().unwrap();
    assert_eq!((notes.len(), notes[0].owner.as_str(), notes[0].started), (1, "bob", 30));
    assert_eq!(fs::metadata(file_of(&home, &notes[0])).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn names_that_are_not_utf8_survive() {
    let (_dir, _home, partials) = index();
    let dir = PathBuf::from(OsString::from_vec(b"/share/\xff\n".to_vec()));
    let odd = PartialNote { dir, target: b"\x00\xfe\x1b[31m".to_vec(), ..note(".part \u{1f4de}", -5) };
    partials.note(&odd).unwrap();
    assert_eq!(partials.list().unwrap(), std::slice::from_ref(&odd));
    partials.forget(&odd.dir, &odd.staging).unwrap();
    assert_eq!(partials.list().unwrap(), []);
}

#[test]
fn a_place_that_is_none_and_a_note_too_large_are_refused() {
    let (_dir, _home, partials) = index();
    for staging in ["", ".", "..", "a/b", "a\0b"] {
        assert!(matches!(partials.note(&note(staging, 1)), Err(StoreError::Unfit { .. })), "{staging:?}");
    }
    let relative = PartialNote { dir: "share".into(), ..note("a", 1) };
    assert!(matches!(partials.note(&relative), Err(StoreError::Unfit { .. })));
    let large = PartialNote { owner: "x".repeat(MAX_NOTE_BYTES), ..note("a", 1) };
    assert!(matches!(partials.note(&large), Err(StoreError::TooLarge { .. })));
    assert_eq!(partials.list().unwrap(), []);
    // The longest paths that the system knows are none too long, whatever their bytes.
    let dir = PathBuf::from(format!("/{}", "\u{1}".repeat(4094)));
    partials.note(&PartialNote { dir, target: vec![1; 4096], ..note("a", 1) }).unwrap();
    assert_eq!(partials.list().unwrap().len(), 1);
}

#[test]
fn damaged_and_foreign_files_are_passed_over() {
    let (_dir, home, partials) = index();
    let (good, copied) = (note("good", 5), note("copied", 6));
    partials.note(&good).unwrap();
    let bytes = fs::read(file_of(&home, &good)).unwrap();
    let folder = home.path().join("partials");
    for (n, damaged) in [
        Vec::new(),
        bytes[..bytes.len() / 2].to_vec(),
        b"[1,2".to_vec(),
        vec![0xff; 100],
        vec![b'['; MAX_NOTE_BYTES],
        vec![b' '; MAX_NOTE_BYTES + 1],
        br#"{"dir":"relative","staging":"..","target":"","owner":"","started":1}"#.to_vec(),
        bytes.clone(),
    ]
    .into_iter()
    .enumerate()
    {
        fs::write(folder.join(format!("{n:064}")), damaged).unwrap();
    }
    // A note under another note's name would be told and could not be forgotten.
    fs::write(file_of(&home, &copied), &bytes).unwrap();
    fs::write(folder.join("README"), "not ours").unwrap();
    fs::create_dir(folder.join("e".repeat(NAME_LEN))).unwrap();
    symlink(file_of(&home, &good), folder.join("f".repeat(NAME_LEN))).unwrap();
    assert_eq!(partials.list().unwrap(), [good]);
    partials.note(&copied).unwrap();
    assert_eq!(partials.list().unwrap().len(), 2);
}

#[test]
fn the_oldest_note_goes_when_there_are_too_many() {
    let (_dir, home, partials) = index();
    let (first, last) = (note("first", 1), note("last", 2));
    partials.note(&first).unwrap();
    let long_ago = std::time::SystemTime::UNIX_EPOCH;
    let file = fs::File::options().write(true).open(file_of(&home, &first)).unwrap();
    file.set_times(fs::FileTimes::new().set_modified(long_ago)).unwrap();
    for n in 1..MAX_NOTES {
        // Only counted, so they need not be notes.
        fs::write(home.path().join("partials").join(format!("{n:064}")), "").unwrap();
    }
    partials.note(&last).unwrap();
    assert_eq!(partials.list().unwrap(), [last]);
    assert_eq!(fs::read_dir(home.path().join("partials")).unwrap().count(), MAX_NOTES);
}

#[test]
fn several_at_once_lose_nothing() {
    let (_dir, home, partials) = index();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let home = &home;
            scope.spawn(move || {
                let partials = Partials::open(home).unwrap();
                for n in 0..25 {
                    partials.note(&note(&format!("{thread}-{n}"), n)).unwrap();
                    partials.note(&note("contended", 100)).unwrap();
                    partials.list().unwrap();
                }
                partials.forget(Path::new("/share/films"), &format!("{thread}-0")).unwrap();
            });
        }
    });
    assert_eq!(partials.list().unwrap().len(), 4 * 24 + 1);
}
