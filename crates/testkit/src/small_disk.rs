//! Small disk: a file system of few bytes over a folder, for tests of what happens when there is no room.
//!
//! In: a folder and a size. Out: a tmpfs that only commands see which were started [`crate::Cmd::on`] it, and the test itself
//! through another path; it can be filled, enlarged and made read-only while they run.
//! A process kept for it holds the mount namespace, so that content outlives the commands: a killed one can be started
//! again. When it is dropped and the last command has ended, the kernel takes all away: nothing is left to unmount.
//! Needs what [`crate::needs()`] calls `small disk`.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::running::Input;
use crate::{PATIENCE, Running};

/// The file that [`SmallDisk::fill`] makes.
const FILLER: &str = "filler";

/// A small file system over a folder. Keep it alive as long as commands on it are to be started.
#[derive(Debug)]
pub struct SmallDisk {
    folder: PathBuf,
    keeper: Running,
}

impl SmallDisk {
    /// Mounts an empty disk of `bytes` (rounded up to pages of 4 KiB) over `folder`, which must exist.
    ///
    /// # Panics
    /// If the system refuses.
    #[must_use]
    #[track_caller]
    pub fn over(folder: impl AsRef<Path>, bytes: u64) -> Self {
        let folder = folder.as_ref();
        let folder = folder.canonicalize().unwrap_or_else(|e| panic!("cannot find {}: {e}", folder.display()));
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c"]);
        command.arg("mount -t tmpfs -o size=\"$1\",mode=755 tmpfs \"$2\" && echo mounted && exec cat");
        command.arg("sh").arg(bytes.to_string()).arg(&folder);
        let keeper = Running::start(command, format!("a small disk over {}", folder.display()), Input::Open, PATIENCE);
        keeper.wait_for_stdout("mounted\n");
        Self { folder, keeper }
    }

    /// The disk as this test can see it, for reading, comparing and writing.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        let mut path = PathBuf::from(format!("/proc/{}/root", self.keeper.pid()));
        path.extend(self.folder.components().skip(1));
        path
    }

    /// Bytes that still fit.
    ///
    /// # Panics
    /// If the system does not tell.
    #[must_use]
    #[track_caller]
    pub fn free(&self) -> u64 {
        let stat = rustix::fs::statvfs(self.path()).unwrap_or_else(|e| panic!("cannot look at {}: {e}", self.label()));
        stat.f_bavail * stat.f_frsize
    }

    /// Fills the disk by a file `filler` until at most `left` bytes fit; a filler made before counts as gone.
    ///
    /// # Panics
    /// If it cannot be written.
    #[track_caller]
    pub fn fill(&self, left: u64) {
        self.make_room();
        let fill = || -> io::Result<()> {
            let mut file = File::create(self.path().join(FILLER))?;
            let page = [0x5a; 4096];
            while self.free() > left {
                match file.write_all(&page) {
                    Err(e) if e.kind() == io::ErrorKind::StorageFull => break,
                    done => done?,
                }
            }
            Ok(())
        };
        fill().unwrap_or_else(|e| panic!("cannot fill {}: {e}", self.label()));
    }

    /// Takes the filler away, if there is one.
    ///
    /// # Panics
    /// If it cannot be removed.
    #[track_caller]
    pub fn make_room(&self) {
        match fs::remove_file(self.path().join(FILLER)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => panic!("cannot make room on {}: {e}", self.label()),
            Ok(()) | Err(_) => {}
        }
    }

    /// Gives it another size, in bytes.
    ///
    /// # Panics
    /// If the system refuses, for instance since more lies on it.
    #[track_caller]
    pub fn resize(&self, bytes: u64) {
        self.remount(&format!("size={bytes}"));
    }

    /// Makes it read-only, or writable again.
    ///
    /// # Panics
    /// If the system refuses, for instance to take writing away while a file is open for it.
    #[track_caller]
    pub fn read_only(&self, read_only: bool) {
        self.remount(if read_only { "ro" } else { "rw" });
    }

    #[track_caller]
    fn remount(&self, options: &str) {
        let mut command = Self::enter(self.keeper.pid());
        let done = command.args(["mount", "-o", &format!("remount,{options}")]).arg(&self.folder).output();
        let done = done.unwrap_or_else(|e| panic!("cannot start nsenter: {e}"));
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "cannot set {options} of {}: {said}", self.label());
    }

    fn label(&self) -> String {
        format!("the small disk over {}", self.folder.display())
    }

    /// The process that sees it.
    pub(crate) fn keeper(&self) -> u32 {
        self.keeper.pid()
    }

    /// The beginning of a command that sees the mounts of a process.
    pub(crate) fn enter(keeper: u32) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--mount=/proc/{keeper}/ns/mnt")).arg("--");
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Machine, Office, needs};

    const MIB: u64 = 1 << 20;

    fn office() -> Option<(Office, Machine, SmallDisk)> {
        if !needs("small disk") {
            return None;
        }
        let office = Office::new("/bin/sh");
        let desk = office.machine("desk");
        let disk = SmallDisk::over(desk.share(), MIB);
        Some((office, desk, disk))
    }

    #[test]
    fn only_commands_on_the_disk_see_it_and_it_outlives_them() {
        let Some((_office, desk, disk)) = office() else { return };
        let running =
            desk.cmd(["-c", "echo kept >../share/file; echo $$; pwd; read line"]).on(&disk).stdin_open().spawn();
        let said = format!("{}\n{}\n", running.pid(), desk.work().display());
        running.wait_for_stdout(&said); // so a signal reaches the program itself
        running.sigkill();
        assert_eq!(running.wait().killed_by(), Some(9));
        desk.cmd(["-c", "cat ../share/file"]).on(&disk).succeeds().stdout("kept\n");
        desk.cmd(["-c", "ls ../share"]).succeeds().stdout("");
        assert_eq!(fs::read(disk.path().join("file")).unwrap(), b"kept\n");
        drop(disk);
        assert_eq!(fs::read_dir(desk.share()).unwrap().count(), 0);
    }

    #[test]
    fn it_fills_up_and_has_room_again() {
        let Some((_office, desk, disk)) = office() else { return };
        let write = |kib: u32| desk.cmd(["-c", &format!("head -c {kib}k /dev/zero >../share/file")]).on(&disk).run();
        assert!(disk.free() <= MIB);
        disk.fill(64 * 1024);
        assert!((60 * 1024..=64 * 1024).contains(&disk.free()));
        write(32).exits_with(0);
        assert_ne!(write(100).code(), Some(0));
        disk.make_room();
        write(100).exits_with(0);
        disk.fill(0);
        assert_eq!(disk.free(), 0);
        disk.resize(2 * MIB);
        assert!(disk.free() >= MIB);
        write(1000).exits_with(0);
    }

    #[test]
    fn it_can_be_read_only_for_a_while() {
        let Some((_office, desk, disk)) = office() else { return };
        let touch = || desk.cmd(["-c", "echo x >../share/file"]).on(&disk).run();
        disk.read_only(true);
        let _ = touch().stderr_has("Read-only");
        disk.read_only(false);
        touch().exits_with(0);
    }
}
