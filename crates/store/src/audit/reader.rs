//! Reading the audit log: its last lines, and what is noted after them.
//!
//! In: the home. Out: whole lines, each once and in order, also while files move on. Knows nothing of the writer but the
//! names of the files, so it needs no server. Looks when it is asked; how often is the caller's.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::{FILES, journal::numbered};
use crate::{Home, StoreError};

/// Where somebody who reads the audit log is in it.
#[derive(Debug)]
pub struct AuditReader {
    path: PathBuf,
    /// What was read last, with how much of it: whole lines. None while there is no log.
    open: Option<(File, u64)>,
}

impl AuditReader {
    /// The last `count` lines of the audit log of `home`, the oldest first, without their ends; none if there is no log. And
    /// a reader for what is noted after them. Blocks, and reads up to the whole log.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn last(home: &Home, count: usize) -> Result<(Vec<Vec<u8>>, Self), StoreError> {
        let mut reader = Self { path: home.audit_path(), open: None };
        let mut newest_first = reader.more()?;
        newest_first.reverse();
        newest_first.truncate(count);
        // If they move on meanwhile, the next one is again the one before.
        let mut before = reader.open.as_ref().map(|(file, _)| id(file)).transpose().map_err(fault(&reader.path))?;
        for number in 1..FILES {
            let wanted = count.saturating_sub(newest_first.len());
            if wanted == 0 {
                break;
            }
            let path = numbered(&reader.path, number);
            let Some(mut file) = if_there(File::open(&path)).map_err(fault(&path))? else { continue };
            let this = id(&file).map_err(fault(&path))?;
            if before.replace(this) == Some(this) {
                continue;
            }
            let (older, _) = lines(&mut file, 0).map_err(fault(&path))?;
            newest_first.extend(older.into_iter().rev().take(wanted));
        }
        newest_first.reverse();
        Ok((newest_first, reader))
    }

    /// The lines that were noted since, the oldest first, without their ends. Blocks. What is gone by then, because a person
    /// took it away or the log moved on by more than all its files, is not told; nothing is told twice.
    ///
    /// # Errors
    /// [`StoreError::Io`]; asked again, it goes on where it was.
    pub fn more(&mut self) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut all = Vec::new();
        loop {
            match self.step(&mut all) {
                Ok(true) => {}
                // What was read can't be read again; whatever failed will fail the next time.
                Err(why) if all.is_empty() => return Err(fault(&self.path)(why)),
                Ok(false) | Err(_) => return Ok(all),
            }
        }
    }

    /// Reads one file as far as it goes; whether there was another one after it.
    fn step(&mut self, all: &mut Vec<Vec<u8>>) -> io::Result<bool> {
        let next = self.next()?;
        // After the look: what a file got before it moved on is in it by now.
        if let Some((file, read)) = &mut self.open {
            let (more, upto) = lines(file, *read)?;
            all.extend(more);
            *read = upto;
        }
        let Some(file) = next else { return Ok(false) };
        self.open = Some((file, 0));
        Ok(true)
    }

    /// The file after the one that was read last, if there is one already.
    fn next(&self) -> io::Result<Option<File>> {
        let Some((file, _)) = &self.open else { return if_there(File::open(&self.path)) };
        let this = id(file)?;
        let is_it = |number: u32| {
            let there = if_there(fs::metadata(numbered(&self.path, number)))?;
            Ok::<bool, io::Error>(there.is_some_and(|there| (there.dev(), there.ino()) == this))
        };
        for number in 0..FILES {
            if is_it(number)? {
                let Some(younger) = number.checked_sub(1) else { return Ok(None) };
                let next = if_there(File::open(numbered(&self.path, younger)))?;
                // If they moved on between the two looks that may be any; the next time tells.
                return Ok(if is_it(number)? { next } else { None });
            }
        }
        // It is gone: the oldest of those that were written after it, and not the older ones if a person took it away.
        let written = file.metadata()?.modified()?;
        for number in (0..FILES).rev() {
            if let Some(file) = if_there(File::open(numbered(&self.path, number)))?
                && file.metadata()?.modified()? >= written
            {
                return Ok(Some(file));
            }
        }
        Ok(None)
    }
}

/// Which file that is, whatever it is called by now.
fn id(file: &File) -> io::Result<(u64, u64)> {
    let meta = file.metadata()?;
    Ok((meta.dev(), meta.ino()))
}

/// The whole lines of `file` from byte `from` on, without their ends, and where the last one ends.
fn lines(file: &mut File, from: u64) -> io::Result<(Vec<Vec<u8>>, u64)> {
    // A person, or a full disk, may have taken away its end.
    let from = from.min(file.metadata()?.len());
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let whole = bytes.split_inclusive(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"));
    let (mut all, mut upto) = (Vec::new(), from);
    for line in whole {
        all.push(line.to_vec());
        upto = upto.saturating_add(u64::try_from(line.len()).unwrap_or(u64::MAX)).saturating_add(1);
    }
    Ok((all, upto))
}

fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(thing) => Ok(Some(thing)),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}

fn fault(path: &Path) -> impl FnOnce(io::Error) -> StoreError + use<> {
    StoreError::io("read the audit log", path.to_owned())
}
