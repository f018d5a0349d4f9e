//! This machine: where the shell is here, what is here, and commands for another shell.

use std::fs::{self, DirEntry, Metadata};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use landline_services::files::tree::{Entry, Kind, Mtime};
use landline_wire::{WireName, shown};
use serde::Serialize;
use tokio::process::Command;

use super::glob::{self, Named};
use super::session::{Input, Session};
use super::verbs::Typed;
use crate::cmd::ls;
use crate::exit::Exit;
use crate::fail::Fail;
use crate::listing::{self, Layout};

#[derive(Debug, Serialize)]
struct Local {
    lpwd: WireName,
}

/// Prints where the shell is here.
pub(super) fn lpwd(session: &Session) -> Result<Exit, Fail> {
    let dir = fs::canonicalize(session.local_dir()).map_err(|fault| Fail::io("this folder is gone", &fault))?;
    let bytes = dir.as_os_str().as_bytes();
    if session.here.out.is_json() {
        session.here.out.row(&Local { lpwd: WireName::from(bytes) });
    } else {
        session.here.out.line(shown(bytes));
    }
    Ok(Exit::Done)
}

/// Goes to another folder here.
pub(super) fn lcd(session: &mut Session, folder: Option<&Typed>) -> Result<Exit, Fail> {
    let dir = match folder {
        Some(typed) => one_path(session, typed)?,
        None => std::env::home_dir().ok_or_else(|| Fail::new(Exit::NotFound, "no home folder is known"))?,
    };
    let failed = |fault| Fail::io(shown(dir.as_os_str().as_bytes()), &fault);
    let there = fs::canonicalize(session.local(&dir)).map_err(failed)?;
    fs::read_dir(&there).map_err(failed)?; // a folder, and one that may be read
    session.go_local(there);
    Ok(Exit::Done)
}

/// Lists folders here.
pub(super) fn lls(session: &Session, typed: &[Typed], flags: ls::Flags, layout: Layout) -> Result<Exit, Fail> {
    let mut paths = paths(session, typed)?;
    if paths.is_empty() {
        paths.push(PathBuf::from("."));
    }
    let (several, out) = (paths.len() > 1, &session.here.out);
    for (at, path) in paths.iter().enumerate() {
        let failed = |fault| Fail::io(shown(path.as_os_str().as_bytes()), &fault);
        let entries = listed(&session.local(path), flags.all).map_err(failed)?;
        if several && !out.is_json() {
            let gap = if at > 0 { "\n" } else { "" };
            out.line(format_args!("{gap}{}:", shown(path.as_os_str().as_bytes())));
        }
        listing::print(out, &entries, layout);
    }
    Ok(Exit::Done)
}

fn listed(path: &Path, all: bool) -> std::io::Result<Vec<Entry>> {
    let found = fs::symlink_metadata(path)?;
    if !fs::metadata(path).is_ok_and(|found| found.is_dir()) {
        let name = path.file_name().unwrap_or(path.as_os_str()).as_bytes().to_vec();
        return Ok(vec![entry(name, &found, path)]);
    }
    let of = |found: std::io::Result<DirEntry>| {
        let found = found?;
        Ok(entry(found.file_name().into_vec(), &found.metadata()?, &found.path()))
    };
    let mut entries = fs::read_dir(path)?.map(of).collect::<std::io::Result<Vec<_>>>()?;
    entries.retain(|entry| all || !entry.name.starts_with(b"."));
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(entries)
}

fn entry(name: Vec<u8>, found: &Metadata, path: &Path) -> Entry {
    let kind = match found.file_type() {
        kind if kind.is_file() => Kind::File,
        kind if kind.is_dir() => Kind::Dir,
        kind if kind.is_symlink() => Kind::Link,
        _ => Kind::Other,
    };
    let target = (kind == Kind::Link).then(|| fs::read_link(path).ok()).flatten();
    Entry {
        name,
        kind,
        size: found.len(),
        mode: found.mode() & 0o777,
        mtime: Mtime::new(found.mtime(), u32::try_from(found.mtime_nsec()).unwrap_or(0)).unwrap_or(Mtime::EPOCH),
        link_target: target.map(|target| target.into_os_string().into_vec()),
        inode: found.ino(),
        dev: found.dev(),
    }
}

/// What the words mean here, with patterns looked up, as they were typed.
///
/// # Errors
/// If a pattern fits nothing.
pub(super) fn paths(session: &Session, typed: &[Typed]) -> Result<Vec<PathBuf>, Fail> {
    let mut paths = Vec::with_capacity(typed.len());
    for Typed(word) in typed {
        // Nothing in it waits for anything, so it is ready at once.
        let found = now(glob::expand(word, async |dir| names(session, dir)))?;
        paths.extend(found.into_iter().map(|path| PathBuf::from(std::ffi::OsString::from_vec(path))));
    }
    Ok(paths)
}

fn one_path(session: &Session, typed: &Typed) -> Result<PathBuf, Fail> {
    let mut found = paths(session, std::slice::from_ref(typed))?;
    match (found.pop(), found.is_empty()) {
        (Some(path), true) => Ok(path),
        _ => Err(Fail::usage("the pattern fits several names, but one is wanted")),
    }
}

/// What is in a folder here, named as it was typed.
///
/// # Errors
/// If it can't be listed.
pub(super) fn names(session: &Session, dir: &[u8]) -> Result<Vec<Named>, Fail> {
    let typed = PathBuf::from(std::ffi::OsString::from_vec(dir.to_vec()));
    let failed = |fault| Fail::io(shown(dir), &fault);
    let found = fs::read_dir(session.local_dir().join(typed)).map_err(failed)?;
    let named = found.flatten().map(|found| {
        let is_dir = fs::metadata(found.path()).is_ok_and(|found| found.is_dir());
        Named { name: found.file_name().into_vec(), is_dir }
    });
    let mut named: Vec<Named> = named.collect();
    named.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(named)
}

fn now<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut future = std::pin::pin!(future);
    loop {
        if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}

/// Runs a line in the user's shell, or the shell itself if the line is empty.
///
/// # Errors
/// If it can't be started.
pub(super) async fn run(session: &Session, line: &[u8]) -> Result<ExitStatus, Fail> {
    let shell = std::env::var_os("SHELL").filter(|shell| !shell.is_empty()).unwrap_or_else(|| "/bin/sh".into());
    let mut command = Command::new(&shell);
    if !line.is_empty() {
        command.arg("-c").arg(std::ffi::OsStr::from_bytes(line));
    }
    if session.input == Input::Commands {
        command.stdin(Stdio::null()); // its own input would be the rest of the script
    }
    session.here.out.flush();
    let started = command.current_dir(session.local_dir()).status().await;
    started.map_err(|fault| Fail::io(format_args!("cannot run {}", shown(shell.as_bytes())), &fault))
}

/// What a line that ran has come to.
pub(super) fn ended(status: ExitStatus) -> Result<Exit, Fail> {
    if status.success() {
        return Ok(Exit::Done);
    }
    Err(Fail::new(Exit::No, format_args!("the command ended with {status}")))
}
