//! History: the lines of earlier shells, in a file of the state folder that only its owner reads.
//!
//! In: lines as they are typed. Out: those of before. It is a convenience: without it, or if it can't be kept, all else works.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Lines that are kept.
pub(super) const MOST: usize = 1000;
/// Bytes that are read: a file that is larger was not written by this.
const MOST_BYTES: u64 = 1 << 20;
/// Its name in the state folder.
const NAME: &str = "files-history";

/// The lines of before, and where new ones go.
pub(super) struct History {
    lines: Vec<String>,
    file: Option<File>,
}

impl History {
    /// That of `home`.
    pub(super) fn open(home: &Path) -> Self {
        let path = home.join(NAME);
        let lines = read(&path).unwrap_or_default();
        let file = kept(&path, &lines);
        if let Err(fault) = &file {
            tracing::debug!(%fault, "the history is not kept");
        }
        Self { lines, file: file.ok() }
    }

    /// The lines of before, oldest first; given out once.
    pub(super) fn lines(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }

    /// Keeps one more.
    pub(super) fn add(&mut self, line: &str) {
        if line.contains('\n') {
            return; // pasted: it would come back as several
        }
        if let Some(file) = &mut self.file
            && file.write_all(format!("{line}\n").as_bytes()).is_err()
        {
            self.file = None;
        }
    }
}

fn read(path: &Path) -> io::Result<Vec<String>> {
    let mut text = Vec::new();
    let file = options().read(true).open(path)?;
    file.take(MOST_BYTES).read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().filter(|line| !line.chars().any(char::is_control)).map(str::to_owned).collect())
}

/// The file, to be added to; with no more lines than are wanted.
fn kept(path: &Path, lines: &[String]) -> io::Result<File> {
    if lines.len() > MOST {
        let mut fresh: PathBuf = path.to_owned();
        fresh.as_mut_os_string().push(".new");
        let mut file = options().write(true).create(true).truncate(true).open(&fresh)?;
        let last = lines.get(lines.len() - MOST..).unwrap_or_default();
        file.write_all((last.join("\n") + "\n").as_bytes())?;
        fs::rename(&fresh, path)?;
    }
    options().append(true).create(true).open(path)
}

/// A link in its place is not followed.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    let nofollow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0);
    options.mode(0o600).custom_flags(nofollow);
    options
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn lines_come_back_in_order_and_only_the_owner_reads_them() {
        let home = tempfile::tempdir().unwrap();
        let mut history = History::open(home.path());
        ["ls", "get '报告'", "two\nlines"].iter().for_each(|line| history.add(line));
        assert_eq!(History::open(home.path()).lines(), ["ls", "get '报告'"]);
        let mode = fs::metadata(home.path().join(NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let home = tempfile::tempdir().unwrap();
        let mut history = History::open(home.path());
        (0..MOST + 5).for_each(|n| history.add(&n.to_string()));
        drop(History::open(home.path()));
        let lines = History::open(home.path()).lines();
        assert_eq!((lines.len(), lines[0].as_str()), (MOST, "5"));
    }

    #[test]
    fn a_link_in_its_place_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let other = home.path().join("other");
        fs::write(&other, "secret\n").unwrap();
        std::os::unix::fs::symlink(&other, home.path().join(NAME)).unwrap();
        let mut history = History::open(home.path());
        history.add("ls");
        assert_eq!(history.lines(), Vec::<String>::new());
        assert_eq!(fs::read(&other).unwrap(), b"secret\n");
    }
}
