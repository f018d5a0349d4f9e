//! A deposit: one file that comes in order and can't be taken up again, as from peers that don't speak landline/1.
//!
//! In: a name, bytes, and a word that they are right. Out: the file under its name, durable, or nothing at all. Whoever gives the
//! bytes judges them; dropped without [`Deposit::publish`], what was written is removed.
//! Calls block: use them off the async threads. Invariant: as that of the engine.

use std::sync::{Arc, PoisonError};

use landline_addr::path::SharePath;
use rustix::io::Errno;

use super::{Existing, LocalEngine, Policy};
use crate::files::tree::{Kind, Name, PERMISSIONS, Refusal, StagingFile, TreeError, kind_of, sweep};

/// A file that arrives.
#[derive(Debug)]
pub struct Deposit {
    engine: Arc<LocalEngine>,
    staging: StagingFile,
    name: Name,
    target: SharePath,
    policy: Policy,
    len: u64,
}

impl LocalEngine {
    /// Begins a file that shall be at `target`, whose directory must be there. With `replace` unset it is refused if anything is
    /// there, now or in the end; with it set, only a file or a link gives way.
    ///
    /// # Errors
    /// As the tree says; [`TreeError::Exists`].
    pub fn deposit(self: &Arc<Self>, target: &SharePath, replace: bool) -> Result<Deposit, TreeError> {
        let failed = |errno| TreeError::at(target, errno);
        let (Some(parent), Some(name)) = (target.parent(), Name::last_of(target)) else {
            return Err(TreeError::refused(target, Refusal::Root));
        };
        let dir = Arc::new(self.tree.dir(&parent)?);
        // Known before the first byte: a file that could not be put in its place need not come.
        match dir.stat(&name).map(|stat| kind_of(&stat)) {
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(failed(errno)),
            Ok(_) if !replace => return Err(TreeError::Exists { path: target.as_bytes().to_vec() }),
            Ok(Kind::File | Kind::Link) => {}
            Ok(Kind::Dir) => return Err(TreeError::IsADirectory { path: target.as_bytes().to_vec() }),
            Ok(kind @ Kind::Other) => return Err(TreeError::WrongKind { path: target.as_bytes().to_vec(), kind }),
        }
        if self.tidied.lock().unwrap_or_else(PoisonError::into_inner).insert(dir.id()) {
            let _ = sweep(&dir); // what the dead have left here; a directory that can't be read can still be written to
        }
        let staging = StagingFile::create(&dir).map_err(failed)?;
        let existing = if replace { Existing::Always } else { Existing::Never };
        let policy = Policy { existing, ..Policy::default() };
        Ok(Deposit { engine: Arc::clone(self), staging, name, target: target.clone(), policy, len: 0 })
    }
}

impl Deposit {
    /// Writes what comes next.
    ///
    /// # Errors
    /// [`TreeError::NoSpace`] and what else the system says; then the deposit is good for nothing but to be dropped.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), TreeError> {
        let failed = |errno| TreeError::at(&self.target, errno);
        self.staging.dir().disk().write_at(self.staging.file(), bytes, self.len).map_err(failed)?;
        let more = u64::try_from(bytes.len()).map_err(|_| failed(Errno::FBIG))?;
        self.len = self.len.checked_add(more).ok_or_else(|| failed(Errno::FBIG))?;
        Ok(())
    }

    /// Makes it durable and gives it its name and exactly these permissions (`mode & 0o777`).
    ///
    /// # Errors
    /// As the tree says; [`TreeError::Exists`] if somebody was quicker and is not to be replaced. What had the name is then as
    /// it was, unless only the last step failed: making the name durable.
    pub fn publish(mut self, mode: u32) -> Result<(), TreeError> {
        let failed = |errno| TreeError::at(&self.target, errno);
        let dir = Arc::clone(self.staging.dir());
        dir.disk().set_mode(self.staging.file(), mode & PERMISSIONS).map_err(failed)?;
        dir.disk().sync(self.staging.file()).map_err(failed)?;
        let Self { engine, staging, name, target, policy, .. } = &mut self;
        engine.put_in_place(&dir, (name, target), None, policy, |replace| staging.rename(name, replace))?;
        dir.sync().map_err(|errno| TreeError::at(&self.target, errno))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use super::*;
    use crate::files::tree::{FailNth, Op, Tree};

    fn engine(dir: &Path) -> Arc<LocalEngine> {
        Arc::new(LocalEngine::new(Arc::new(Tree::open(dir).unwrap())))
    }

    fn at(name: &str) -> SharePath {
        SharePath::parse(name.as_bytes()).unwrap()
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_under_its_name_when_it_is_published_and_not_before() {
        let dir = tempfile::tempdir().unwrap();
        let mut deposit = engine(dir.path()).deposit(&at("a"), false).unwrap();
        deposit.write(b"hel").unwrap();
        deposit.write(b"lo").unwrap();
        assert!(!dir.path().join("a").exists());
        deposit.publish(0o4640).unwrap();
        assert_eq!(fs::read(dir.path().join("a")).unwrap(), b"hello");
        assert_eq!(fs::metadata(dir.path().join("a")).unwrap().permissions().mode() & 0o7777, 0o640);
        assert_eq!(names(dir.path()), ["a"]);
    }

    #[test]
    fn what_is_dropped_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut deposit = engine(dir.path()).deposit(&at("a"), false).unwrap();
        deposit.write(b"hello").unwrap();
        assert_eq!(names(dir.path()).len(), 1, "the staging file");
        drop(deposit);
        assert!(names(dir.path()).is_empty());
    }

    #[test]
    fn nothing_is_replaced_unless_it_is_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let engine = engine(dir.path());
        let mut late = engine.deposit(&at("a"), false).unwrap();
        late.write(b"late").unwrap();
        fs::write(dir.path().join("a"), "old").unwrap();
        assert!(matches!(late.publish(0o644), Err(TreeError::Exists { .. })));
        assert!(matches!(engine.deposit(&at("a"), false), Err(TreeError::Exists { .. })));
        assert_eq!(fs::read(dir.path().join("a")).unwrap(), b"old");

        let mut new = engine.deposit(&at("a"), true).unwrap();
        new.write(b"new").unwrap();
        new.publish(0o644).unwrap();
        assert_eq!(fs::read(dir.path().join("a")).unwrap(), b"new");
        assert_eq!(names(dir.path()), ["a"]);
    }

    #[test]
    fn a_link_is_replaced_and_not_followed_and_a_directory_stays() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let victim = other.path().join("victim");
        fs::write(&victim, "mine").unwrap();
        std::os::unix::fs::symlink(&victim, dir.path().join("link")).unwrap();
        fs::create_dir(dir.path().join("dir")).unwrap();
        let engine = engine(dir.path());
        let mut deposit = engine.deposit(&at("link"), true).unwrap();
        deposit.write(b"yours").unwrap();
        deposit.publish(0o644).unwrap();
        assert_eq!(fs::read(&victim).unwrap(), b"mine");
        assert!(matches!(engine.deposit(&at("dir"), true), Err(TreeError::IsADirectory { .. })));
        assert!(matches!(engine.deposit(&SharePath::root(), true), Err(TreeError::Refused { .. })));
    }

    #[test]
    fn whichever_step_fails_the_old_file_stays_whole_and_nothing_else_is_left() {
        for op in [Op::Create, Op::Write, Op::SetMode, Op::Sync, Op::Rename] {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join("a"), "old").unwrap();
            let faults = Arc::new(FailNth::new(Some(op), 0, Errno::NOSPC));
            let tree = Arc::new(Tree::open_with_faults(dir.path(), faults).unwrap());
            let done = Arc::new(LocalEngine::new(tree)).deposit(&at("a"), true).and_then(|mut deposit| {
                deposit.write(b"new")?;
                deposit.publish(0o644)
            });
            assert!(matches!(done, Err(TreeError::NoSpace { .. })), "{op:?}: {done:?}");
            assert_eq!(fs::read(dir.path().join("a")).unwrap(), b"old", "{op:?}");
            assert_eq!(names(dir.path()), ["a"], "{op:?}");
        }
    }
}
