//! Session: which machine the shell is at, where there and where here, and the call that it keeps.
//!
//! In: requests, by [`Reach`]. Out: their answers, on one call for all of them. A call that was cut is dialled again; what only
//! asks is asked again on the new one, what changes something is not done twice.
//! Invariant: a call is only kept if nothing is left to come on it. Whoever stops waiting for an answer drops the call.

use std::path::{Path, PathBuf};
use std::time::Duration;

use landline_addr::path::{FileName, SharePath};
use landline_net::CallError;
use landline_services::files::ask::{Files, FilesError, Start};
use landline_services::files::tree::Kind;
use landline_services::line::{Line, LineError};
use landline_wire::{ErrorCode, Fault, shown};
use tokio::time::{Instant, sleep};

use super::glob::{self, Named};
use super::paths::meant;
use super::verbs::Typed;
use super::words::plain;
use crate::cmd::reach::{Reach, Turn};
use crate::exit::Exit;
use crate::fail::{Fail, files_fail};
use crate::here::Here;
use crate::place::{Remote, Whose};

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// What the standard input is to the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// Nothing: the commands come from elsewhere, and may read it.
    Free,
    /// The commands.
    Commands,
    /// A person who types commands, and is there for programs too.
    Person,
}

/// The state of one shell.
pub(super) struct Session {
    pub(super) here: Here,
    pub(super) whose: Whose,
    /// What the person calls it.
    pub(super) name: String,
    /// Where the shell is there.
    pub(super) cwd: SharePath,
    /// Where it was before.
    pub(super) before: SharePath,
    /// What comes on the standard input.
    pub(super) input: Input,
    /// Whether nothing is said of new calls: a person is typing.
    pub(super) hushed: bool,
    /// Where the shell is here, once it has left where it was started.
    local: Option<PathBuf>,
    line: Line,
    /// How long a machine that was there is dialled again.
    patience: Duration,
    call: Option<Files>,
    /// Whether the last call was cut.
    lost: bool,
}

impl Session {
    /// Calls `whose` machine and makes sure that it answers. `patience`: how long it is dialled again when the line is cut.
    ///
    /// # Errors
    /// If it does not.
    pub(super) async fn open(here: &Here, whose: &Whose, patience: Duration) -> Result<Self, Fail> {
        let mut session = Self {
            here: here.clone(),
            whose: whose.clone(),
            name: if whose.start == Start::Root {
                format!("{} (share)", whose.machine)
            } else {
                whose.machine.to_string()
            },
            cwd: SharePath::root(),
            before: SharePath::root(),
            input: Input::Free,
            hushed: false,
            local: None,
            line: here.line()?,
            patience,
            call: None,
            lost: false,
        };
        session.ask(async |files| files.stat(&SharePath::root(), false).await).await?;
        Ok(session)
    }

    /// Ends the call.
    pub(super) async fn close(&mut self) {
        if let Some(files) = self.call.take() {
            files.close().await;
        }
    }

    /// Asks what changes nothing.
    ///
    /// # Errors
    /// What the other machine says.
    pub(super) async fn ask<T>(
        &mut self,
        work: impl AsyncFnMut(&mut Files) -> Result<T, FilesError>,
    ) -> Result<T, Fail> {
        let (whose, name) = (self.whose.clone(), self.name.clone());
        self.with(&whose, Turn::Question, work).await.map_err(|fault| files_fail(&name, fault))
    }

    /// What `typed` means there.
    ///
    /// # Errors
    /// If it is no path.
    pub(super) fn there(&self, typed: &[u8]) -> Result<Remote, Fail> {
        let meant = meant(&self.cwd, typed).map_err(|why| Fail::usage(format_args!("{}: {why}", shown(typed))))?;
        let Whose { machine, start } = self.whose.clone();
        Ok(Remote { machine, start, path: meant.path, as_folder: meant.as_folder })
    }

    /// What stands before a line that a person types.
    pub(super) fn prompt(&self) -> String {
        format!("{}:/{}> ", self.name, shown(self.cwd.as_bytes()))
    }

    /// Where the shell is there.
    pub(super) fn place(&self) -> Remote {
        let Whose { machine, start } = self.whose.clone();
        Remote { machine, start, path: self.cwd.clone(), as_folder: true }
    }

    /// Goes to a folder there.
    ///
    /// # Errors
    /// If it is none; the shell stays where it is.
    pub(super) async fn go(&mut self, to: SharePath) -> Result<(), Fail> {
        let kind = self.ask(async |files| files.stat(&to, false).await).await?.entry.kind;
        let named = shown(to.as_bytes()).to_string();
        let why = match kind {
            Kind::Dir => {
                self.before = std::mem::replace(&mut self.cwd, to);
                return Ok(());
            }
            Kind::Link => "a link, and links are not followed".to_owned(),
            kind @ (Kind::File | Kind::Other) => format!("{kind}, not a folder"),
        };
        Err(Fail::new(Exit::Conflict, format_args!("/{named} is {why}")))
    }

    /// What `path` means here.
    pub(super) fn local(&self, path: impl AsRef<Path>) -> PathBuf {
        match &self.local {
            Some(dir) => dir.join(path),
            None => path.as_ref().to_owned(),
        }
    }

    /// Where the shell is here.
    pub(super) fn local_dir(&self) -> PathBuf {
        self.local(".")
    }

    /// Goes to `dir` here.
    pub(super) fn go_local(&mut self, dir: PathBuf) {
        self.local = Some(dir);
    }

    /// What the words mean there, with patterns looked up; the shell's folder if there are none.
    ///
    /// # Errors
    /// If one is no path, or a pattern fits nothing.
    pub(super) async fn places(&mut self, typed: &[Typed]) -> Result<Vec<Remote>, Fail> {
        if typed.is_empty() {
            return Ok(vec![self.place()]);
        }
        let mut places = Vec::with_capacity(typed.len());
        for Typed(word) in typed {
            for path in glob::expand(word, async |dir| self.names(dir).await).await? {
                places.push(self.there(&path)?);
            }
        }
        Ok(places)
    }

    /// What one word means there: a pattern has to fit one name.
    ///
    /// # Errors
    /// As [`Self::places`].
    pub(super) async fn one_place(&mut self, Typed(word): &Typed) -> Result<Remote, Fail> {
        let paths = glob::expand(word, async |dir| self.names(dir).await).await?;
        match paths.as_slice() {
            [path] => self.there(path),
            _ => {
                Err(Fail::usage(format_args!("{} fits {} names, but one is wanted", shown(&plain(word)), paths.len())))
            }
        }
    }

    /// What is in a folder there, named as it was typed.
    ///
    /// # Errors
    /// If it can't be listed.
    pub(super) async fn names(&mut self, dir: &[u8]) -> Result<Vec<Named>, Fail> {
        let path = self.there(dir)?.path;
        let entries = self.ask(async |files| files.list(&path).await).await?;
        // A name that could not be a file's would lead elsewhere when it is put into a path.
        let entries = entries.into_iter().filter(|entry| FileName::parse(&entry.name).is_ok());
        let named = entries.map(|entry| Named { is_dir: entry.kind == Kind::Dir, name: entry.name });
        Ok(named.collect())
    }

    /// A call: the one that is kept, or a new one.
    async fn take(&mut self) -> Result<Files, FilesError> {
        if let Some(files) = self.call.take() {
            return Ok(files);
        }
        let until = Instant::now() + self.patience;
        loop {
            match Files::open_at(&self.line, &self.whose.machine, self.whose.start).await {
                Ok(files) => {
                    if std::mem::take(&mut self.lost) && !self.hushed {
                        self.here.out.say(format_args!("the line to {} was cut; reconnected", self.name));
                    }
                    return Ok(files);
                }
                Err(LineError::Unreachable { .. } | LineError::Dial(_) | LineError::NotServing { .. })
                    if self.lost && Instant::now() + PAUSE < until =>
                {
                    sleep(PAUSE).await;
                }
                Err(fault) => return Err(fault.into()),
            }
        }
    }

    /// Keeps the call if the answer to the last request was the last thing on it.
    fn keep<T>(&mut self, files: Files, outcome: &Result<T, FilesError>) {
        match outcome {
            Ok(_) => self.call = Some(files),
            // Said to strangers, and then hung up.
            Err(FilesError::Call(CallError::Fault(fault)))
                if *fault != Fault::stranger() && fault.code != ErrorCode::Stopping =>
            {
                self.call = Some(files);
            }
            Err(fault) => self.lost |= is_over(fault),
        }
    }

    /// Finds out whether the call that is kept is still one; if not, the next one is dialled.
    async fn wake(&mut self) -> Result<(), FilesError> {
        if self.call.is_some() {
            let whose = self.whose.clone();
            self.with(&whose, Turn::Question, async |files| files.stat(&SharePath::root(), false).await).await?;
        }
        Ok(())
    }
}

impl Reach for Session {
    fn lead(&self) -> &'static str {
        ""
    }

    async fn with<T>(
        &mut self,
        _whose: &Whose,
        turn: Turn,
        mut work: impl AsyncFnMut(&mut Files) -> Result<T, FilesError>,
    ) -> Result<T, FilesError> {
        if turn != Turn::Question {
            Box::pin(self.wake()).await?;
        }
        let mut files = self.take().await?;
        let outcome = work(&mut files).await;
        match (&outcome, turn) {
            (Err(fault), Turn::Question) if is_over(fault) => {
                self.lost = true;
                let mut files = self.take().await?;
                let outcome = work(&mut files).await;
                self.keep(files, &outcome);
                outcome
            }
            (Err(fault), Turn::Change) if is_over(fault) => {
                self.lost = true;
                self.here.out.warn("the line was cut before the answer came: look whether it was done");
                outcome
            }
            (Err(fault), Turn::Stream) => {
                self.lost |= is_over(fault);
                outcome
            }
            _ => {
                self.keep(files, &outcome);
                outcome
            }
        }
    }
}

/// Whether the call is at its end, and another one may do better.
fn is_over(fault: &FilesError) -> bool {
    let stops = matches!(fault, FilesError::Call(CallError::Fault(fault)) if fault.code == ErrorCode::Stopping);
    stops || fault.is_cut()
}
