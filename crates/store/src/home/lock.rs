//! The serve lock: one serving process per home.
//!
//! In: the home. Out: a held [`ServeLock`], or the pid of the process that holds it.
//! The lock is the kernel's (`flock`), so a process that dies frees it; the pid in the file is only for people.
//! Invariant: whoever reads a pid from a held lock reads that of a process that held it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use super::Home;
use crate::StoreError;

/// How often a held lock is tried again before its holder is believed to stay. A look by [`Home::serving`] holds it for
/// microseconds, as long as a new holder needs to write its pid; neither may be taken for a server.
const TRIES: u32 = 20;
/// The pause between two tries: 200 ms in all, which a person who started a second server does not notice.
const PAUSE: Duration = Duration::from_millis(10);

/// Holds the right to serve this home, until dropped or until the process dies.
#[derive(Debug)]
#[must_use = "dropping the lock lets another process serve"]
pub struct ServeLock {
    file: File,
}

impl Drop for ServeLock {
    fn drop(&mut self) {
        // Without a pid nobody takes it for ours. Closing the file frees the lock; a fault here harms nobody.
        let _ = self.file.set_len(0);
    }
}

impl Home {
    /// Takes the lock for the time of serving and writes our pid into it. Blocks for up to 200 ms.
    ///
    /// # Errors
    /// [`StoreError::AlreadyServing`] with the pid of the holder, [`StoreError::LockNameless`] if it names none,
    /// [`StoreError::Io`].
    pub fn lock_for_serving(&self) -> Result<ServeLock, StoreError> {
        let path = self.lock_path();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false) // it may be somebody else's, and hold his pid
            .mode(0o600)
            .open(&path)
            .map_err(StoreError::io("open the lock", &path))?;
        let doing = "take the lock";
        let mut holder = None;
        for _ in 0..TRIES {
            if try_lock(&file, FlockOperation::NonBlockingLockExclusive).map_err(StoreError::io(doing, &path))? {
                self.hand_over(&file, &path)?;
                file.set_len(0)
                    .and_then(|()| file.rewind())
                    .and_then(|()| writeln!(file, "{}", std::process::id()))
                    .map_err(StoreError::io(doing, &path))?;
                return Ok(ServeLock { file });
            }
            holder = read_pid(&mut file).map_err(StoreError::io("read the lock", &path))?;
            std::thread::sleep(PAUSE);
        }
        Err(match holder {
            Some(pid) => StoreError::AlreadyServing { path, pid },
            None => StoreError::LockNameless { path },
        })
    }

    /// The pid of the process that serves this home; `None` if none does. Blocks for up to 200 ms, and only in the
    /// moment in which a server starts.
    ///
    /// # Errors
    /// [`StoreError::LockNameless`] if the holder names no pid, [`StoreError::Io`].
    pub fn serving(&self) -> Result<Option<u32>, StoreError> {
        let path = self.lock_path();
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(fault) => return Err(StoreError::io("open the lock", &path)(fault)),
        };
        for _ in 0..TRIES {
            // Shared, so that two processes looking at once do not see each other as a server.
            let shared = FlockOperation::NonBlockingLockShared;
            if try_lock(&file, shared).map_err(StoreError::io("try the lock", &path))? {
                return Ok(None);
            }
            if let Some(pid) = read_pid(&mut file).map_err(StoreError::io("read the lock", &path))? {
                return Ok(Some(pid));
            }
            std::thread::sleep(PAUSE);
        }
        Err(StoreError::LockNameless { path })
    }

    fn lock_path(&self) -> PathBuf {
        self.path.join("lock")
    }
}

/// False if somebody else holds it.
fn try_lock(file: &File, operation: FlockOperation) -> io::Result<bool> {
    match flock(file, operation) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(fault) => Err(fault.into()),
    }
}

/// `None` while the holder has not written its pid (or only half of it: the line end is missing).
fn read_pid(file: &mut File) -> io::Result<Option<u32>> {
    let mut text = String::new();
    file.rewind()?;
    Read::by_ref(file).take(16).read_to_string(&mut text)?;
    Ok(text.strip_suffix('\n').and_then(|pid| pid.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::SecondProcess;

    fn home() -> (tempfile::TempDir, Home) {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open_or_create(dir.path()).unwrap();
        (dir, home)
    }

    #[test]
    fn a_second_holder_is_refused_and_told_the_pid() {
        let (_dir, home) = home();
        assert_eq!(home.serving().unwrap(), None);
        let lock = home.lock_for_serving().unwrap();
        assert_eq!(home.serving().unwrap(), Some(std::process::id()));
        let refusal = home.lock_for_serving().unwrap_err();
        assert!(matches!(refusal, StoreError::AlreadyServing { pid, .. } if pid == std::process::id()), "{refusal}");
        drop(lock);
        assert_eq!(home.serving().unwrap(), None);
        let _again = home.lock_for_serving().unwrap();
    }

    #[test]
    fn homes_do_not_share_a_lock() {
        let ((_a, first), (_b, second)) = (home(), home());
        let _first = first.lock_for_serving().unwrap();
        let _second = second.lock_for_serving().unwrap();
    }

    #[test]
    fn a_stale_pid_of_a_dead_server_stops_nobody() {
        let (_dir, home) = home();
        std::fs::write(home.lock_path(), "4294967295999\n").unwrap();
        assert_eq!(home.serving().unwrap(), None);
        let _lock = home.lock_for_serving().unwrap();
        assert_eq!(home.serving().unwrap(), Some(std::process::id()));
    }

    #[test]
    fn looking_whether_somebody_serves_never_stops_a_server() {
        let (_dir, home) = home();
        drop(home.lock_for_serving().unwrap());
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    home.serving().unwrap();
                }
            });
            for _ in 0..50 {
                drop(home.lock_for_serving().unwrap());
            }
            done.store(true, std::sync::atomic::Ordering::Relaxed);
        });
    }

    #[test]
    fn a_killed_process_frees_the_lock() {
        let name = "home::lock::tests::a_killed_process_frees_the_lock";
        if let Some(home) = SecondProcess::home() {
            let _lock = home.lock_for_serving().unwrap();
            SecondProcess::ready_then_wait();
        }
        let (_dir, home) = home();
        let second = SecondProcess::start(name, &home);
        assert_eq!(home.serving().unwrap(), Some(second.pid()));
        let refusal = home.lock_for_serving().unwrap_err();
        assert!(refusal.to_string().contains(&format!("process {}", second.pid())), "{refusal}");
        second.kill();
        assert_eq!(home.serving().unwrap(), None);
        let _lock = home.lock_for_serving().unwrap();
    }
}
