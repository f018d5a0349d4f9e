//! Every call that changes the disk fails once, in turn; and the machine loses its disk at every call, in turn.

use std::sync::OnceLock;

use super::*;

fn open_on(dir: &Path, faults: &Arc<FailNth>, plan: &Plan) -> io::Result<Partial> {
    let tree = Tree::open_with_faults(dir, Arc::clone(faults) as _).unwrap();
    let dir = Arc::new(tree.dir(&SharePath::root()).unwrap());
    Partial::open_tuned(&dir, &name("f"), &owner(1), plan, Turn::at_once(), |_| TUNING)
}

/// A whole transfer, as far as it gets, with every kind of step in it.
fn transfer(dir: &Path, faults: &Arc<FailNth>, plan: &Plan, content: &[u8]) -> io::Result<()> {
    let mut partial = open_on(dir, faults, plan)?;
    check(&partial);
    partial.put_group(3, &group(99, G))?; // to be replaced
    partial.put_hole(1, 1)?;
    for (index, bytes) in (0..).zip(content.chunks(GROUP)) {
        let value = GroupValue::of(index, bytes);
        if partial.value(index)? != Some(value) {
            partial.put_group(index, bytes)?;
        }
        // One after the other, so that the same call fails each time.
        partial.journal.as_ref().map_or(Ok(()), Journal::settle)?;
    }
    let size = content.len() as u64;
    assert_eq!(partial.root(size)?, blake3::hash(content));
    partial.finish(size, plan)?;
    partial.sync()?;
    partial.rename(&name("f"), true)
}

/// What is held is there.
fn check(partial: &Partial) {
    for index in partial.held().runs.into_iter().flat_map(|(first, end)| first..end) {
        let value = partial.value(index).unwrap().unwrap();
        let len = partial.journal.as_ref().unwrap().get(index).unwrap().unwrap().len;
        assert!(partial.has(index, &value, len).unwrap(), "{index}");
    }
}

fn scene() -> (TempDir, Plan, &'static [u8]) {
    let dir = room();
    fs::write(dir.path().join("f"), "old").unwrap();
    let plan = Plan { sparse: true, ..plan(9 * G / 2) };
    static CONTENT: OnceLock<Vec<u8>> = OnceLock::new();
    let content = CONTENT.get_or_init(|| {
        let mut content = content(9 * G / 2, 8);
        content[GROUP..2 * GROUP].fill(0);
        content
    });
    (dir, plan, content)
}

/// Whatever became of the first attempt, the file is the old one or the new one, and a second attempt completes.
fn recovers(dir: &Path, first: &io::Result<()>, plan: &Plan, content: &[u8]) {
    let now = fs::read(dir.join("f")).unwrap();
    assert!(now == b"old" || now == content, "{} bytes", now.len());
    assert!(first.is_err() || now == content);
    let healthy = Arc::new(FailNth::new(None, u64::MAX, Errno::IO));
    transfer(dir, &healthy, plan, content).unwrap();
    assert!(fs::read(dir.join("f")).unwrap() == content);
}

#[test]
fn a_transfer_survives_the_failure_of_any_one_call_and_resumes() {
    for op in Op::ALL {
        for n in 0.. {
            let (dir, plan, content) = scene();
            let faults = Arc::new(FailNth::new(Some(op), n, if n % 2 == 0 { Errno::NOSPC } else { Errno::IO }));
            let first = transfer(dir.path(), &faults, &plan, content);
            if !faults.struck() {
                first.unwrap();
                assert!(n > 0 || !matches!(op, Op::Create | Op::Write | Op::Sync | Op::Rename), "{op} never happens");
                break;
            }
            // Only the end of a journal that nobody needs any more may fail unnoticed.
            assert!(first.is_err() || matches!(op, Op::Unlink), "{op} {n}");
            recovers(dir.path(), &first, &plan, content);
        }
    }
}

#[test]
fn a_write_that_falls_short_is_carried_on() {
    for n in 0..20 {
        let (dir, plan, content) = scene();
        let faults = Arc::new(FailNth::short(n, 100));
        transfer(dir.path(), &faults, &plan, content).unwrap();
        assert!(fs::read(dir.path().join("f")).unwrap() == content);
        assert_eq!(names(dir.path()), ["f"]);
    }
}

#[test]
fn a_disk_that_goes_away_at_any_moment_leaves_what_was_verified() {
    for n in 0.. {
        let (dir, plan, content) = scene();
        let faults = Arc::new(FailNth::new(None, n, Errno::IO).lasting());
        let first = transfer(dir.path(), &faults, &plan, content);
        recovers(dir.path(), &first, &plan, content);
        if !faults.struck() {
            break;
        }
    }
}

#[test]
fn after_a_failed_sync_nothing_is_believed_before_it_was_read_from_the_disk() {
    let dir = room();
    let (plan, content) = (plan(6 * G), content(6 * G, 2));
    let faults = Arc::new(FailNth::new(Some(Op::Sync), 0, Errno::IO));
    let mut partial = open_on(dir.path(), &faults, &plan).unwrap();
    partial.put_group(0, &content[..GROUP]).unwrap();
    partial.put_group(1, &content[GROUP..2 * GROUP]).unwrap();
    assert_eq!(partial.journal.as_ref().unwrap().settle().unwrap_err(), Errno::IO);
    assert_eq!(partial.put_group(2, &content[2 * GROUP..3 * GROUP]).unwrap_err(), Errno::IO);
    assert_eq!(partial.sync().unwrap_err(), Errno::IO, "the disk says it once; it is remembered");
    assert_eq!(partial.finish(6 * G, &plan).unwrap_err(), Errno::IO);
    drop(partial);
    let (staging, _) = remains(dir.path());
    fs::File::options().write(true).open(staging).unwrap().write_all_at(b"lost", G).unwrap();
    let again = open(dir.path(), &plan);
    assert_eq!(again.held().runs, [(0, 1)]);
    complete(again, &plan, &content, dir.path());
}
