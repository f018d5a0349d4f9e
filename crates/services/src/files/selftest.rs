//! Self-test: a disk that fails at each call in turn, on the user's own file system, and what becomes of files then.
//!
//! In: an empty directory, how many points of each kind. Out: one [`Report`] a kind of call. Each point writes a fresh
//! directory over the engine with one call made to fail; then every file must be the old one or the new one, whole, and
//! a second run, on a disk that works, must complete everything and leave nothing behind.
//! Knows nothing of calls between machines: those are tested from outside, by killing the program. Blocks.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::tree::{Errno, FailNth, Op};

mod stream;

use stream::{Content, left_in};

/// What one kind of call came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Which calls failed.
    pub op: Op,
    /// How many of them were made to fail, each in a run of its own.
    pub points: u64,
    /// What went wrong.
    pub failures: Vec<Failure>,
}

/// A point at which a promise was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which call of its kind failed, counted from 0.
    pub point: u64,
    /// What was found.
    pub text: String,
}

/// Lets every kind of call fail on the file system of `dir`, which must be empty and is empty again afterwards.
///
/// `most`: points of one kind; if there are more calls of it, they are spread evenly. `seed`: what the files hold.
/// `is_over`: whether whoever asked has had enough. `each` is told of every kind that occurs.
///
/// # Errors
/// If the directory can't be used even without faults; [`io::ErrorKind::Interrupted`] if it was over.
pub fn disk_faults(
    dir: &Path,
    seed: u64,
    most: u64,
    is_over: impl Fn() -> bool,
    mut each: impl FnMut(Report),
) -> io::Result<()> {
    let content = Content::of(seed);
    for op in Op::ALL {
        let calls = count(dir, &content, op)?;
        if calls == 0 {
            continue;
        }
        let points = calls.min(most.max(1));
        let mut report = Report { op, points, failures: Vec::new() };
        for point in spread(calls, points) {
            if is_over() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            if let Some(text) = try_point(dir, &content, op, point)? {
                report.failures.push(Failure { point, text });
            }
        }
        each(report);
    }
    Ok(())
}

/// `points` of the numbers below `calls`: first, last, and evenly between.
fn spread(calls: u64, points: u64) -> impl Iterator<Item = u64> {
    let step = move |index: u64| if points < 2 { calls / 2 } else { index * (calls - 1) / (points - 1) };
    (0..points).map(step)
}

/// How many calls of a kind a run makes that nothing goes wrong in.
fn count(dir: &Path, content: &Content, op: Op) -> io::Result<u64> {
    let room = Room::new(dir, content)?;
    let faults = Arc::new(FailNth::new(Some(op), u64::MAX, Errno::IO));
    stream::run(&room.path, Arc::<FailNth>::clone(&faults), content).map_err(io::Error::other)?;
    match content.flaw(&room.path, true)?.or(left_in(&room.path)?) {
        Some(flaw) => Err(io::Error::other(format!("without any fault: {flaw}"))),
        None => Ok(faults.seen()),
    }
}

/// What is wrong after one call failed.
fn try_point(dir: &Path, content: &Content, op: Op, point: u64) -> io::Result<Option<String>> {
    let room = Room::new(dir, content)?;
    let faults = Arc::new(FailNth::new(Some(op), point, Errno::IO));
    // What it says of itself is another test's affair; here only the files count.
    drop(stream::run(&room.path, faults, content));
    if let Some(flaw) = content.flaw(&room.path, false)? {
        return Ok(Some(flaw));
    }
    let whole = Arc::new(FailNth::new(Some(op), u64::MAX, Errno::IO));
    if let Err(why) = stream::run(&room.path, whole, content) {
        return Ok(Some(format!("the second try failed: {why}")));
    }
    let mut flaw = content.flaw(&room.path, true)?;
    // What could not be removed, and holds nothing that anybody waits for, stays until it is swept.
    if !matches!(op, Op::Unlink | Op::RemoveDir) {
        flaw = flaw.or(left_in(&room.path)?);
    }
    Ok(flaw.map(|flaw| format!("after the second try: {flaw}")))
}

/// A directory with old files in it, gone when dropped.
struct Room {
    path: PathBuf,
}

impl Room {
    fn new(dir: &Path, content: &Content) -> io::Result<Self> {
        let room = Self { path: dir.join("disk") };
        fs::create_dir(&room.path)?;
        content.lay_out(&room.path)?;
        Ok(room)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // What is left is removed by who gave the directory.
        drop(fs::remove_dir_all(&self.path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_spread_from_the_first_to_the_last_call() {
        assert_eq!(spread(10, 10).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
        assert_eq!(spread(10, 3).collect::<Vec<_>>(), [0, 4, 9]);
        assert_eq!(spread(10, 1).collect::<Vec<_>>(), [5]);
        assert_eq!(spread(1, 1).collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn the_engine_keeps_its_promises_on_this_disk_and_nothing_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let (mut kinds, mut failed) = (Vec::new(), Vec::<String>::new());
        disk_faults(
            dir.path(),
            1,
            4,
            || false,
            |report| {
                failed.extend(report.failures.iter().map(|failure| format!("{}: {failure:?}", report.op)));
                kinds.push(report.op);
            },
        )
        .unwrap();
        assert_eq!(failed, [""; 0]);
        for op in [Op::Create, Op::MakeDir, Op::Write, Op::Sync, Op::Rename, Op::SetMode, Op::SetTime] {
            assert!(kinds.contains(&op), "{op} did not occur");
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_that_is_neither_old_nor_new_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let content = Content::of(1);
        content.lay_out(dir.path()).unwrap();
        assert_eq!(content.flaw(dir.path(), false).unwrap(), None);
        assert!(content.flaw(dir.path(), true).unwrap().unwrap().contains("is still the old one"));
        fs::write(dir.path().join("large"), "half").unwrap();
        assert!(content.flaw(dir.path(), false).unwrap().unwrap().contains("neither the old file nor the new one"));
    }
}
