//! The asking end of the files service: what `ls`, `put`, `get` and their kin do.
//!
//! [`Files`] is one call, used for request after request. [`job`] says what `put` and `get` are to move and where it
//! shall be; the moving itself is [`super::copy`], the same at both ends.

use landline_addr::{contact::Machine, path::SharePath};
use landline_net::{Call, CallError};
use landline_wire::{ErrorCode, Fault, WireName};

use super::{
    engine::Owner,
    memory::{Memory, identity},
    msg::{Answer, Request, SERVICE, SERVICE_ROOT, SpaceMsg},
    tree::{Entry, TreeError},
};
use crate::line::{Line, LineError};

mod again;
mod cat;
pub mod job;
mod lanes;
mod pipe;
mod transfer;

pub use job::{CopyOptions, GetJob, Pairs, Placing, PutJob};
pub use lanes::{LaneCount, MOST as MOST_CALLS};

/// Entries of one directory, and things in a dry run, that we hold for a machine that lists and lists.
const MAX_LISTED: usize = 1 << 20;

/// What a remote path is.
#[derive(Debug, Clone)]
pub struct Stat {
    /// Kind, size, mode, time.
    pub entry: Entry,
    /// BLAKE3 of the content in hex, if it was asked for.
    pub hash: Option<String>,
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FilesError {
    /// The machine could not be called.
    #[error(transparent)]
    Line(#[from] LineError),
    /// The call failed, or the other machine said no ([`CallError::Fault`]).
    #[error(transparent)]
    Call(#[from] CallError),
    /// Something of this machine's own files.
    #[error(transparent)]
    Local(#[from] TreeError),
    /// A local path that can't be used.
    #[error("{}: {source}", landline_wire::shown(path.as_os_str().as_encoded_bytes()))]
    Path {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A name that may not be used.
    #[error("{}: {why}", landline_wire::shown(path))]
    Name {
        /// Which.
        path: Vec<u8>,
        /// Why.
        why: landline_addr::path::PathError,
    },
    /// The bytes that arrived are not those that were sent.
    #[error("{}: the bytes that arrived are not those that were sent", landline_wire::shown(path))]
    Integrity {
        /// Which file.
        path: Vec<u8>,
    },
    /// The other machine lists without end.
    #[error("the other machine listed more than {MAX_LISTED} things")]
    Endless,
    /// What was to be sent could not be read to its end.
    #[error("reading the input failed: {0}")]
    Input(std::io::Error),
    /// The output did not take the bytes.
    #[error("writing the output failed: {0}")]
    Output(std::io::Error),
}

impl FilesError {
    /// Whether it was the line that failed, and not one of its ends that said no.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        matches!(self, Self::Call(CallError::Cut | CallError::HungUp | CallError::Silent(_) | CallError::Io(_)))
    }
}

impl From<Fault> for FilesError {
    fn from(fault: Fault) -> Self {
        Self::Call(fault.into())
    }
}

/// Where the paths of a call begin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Start {
    /// In the caller's home if he has one, else in the share.
    #[default]
    Own,
    /// In the share, if anything there is granted to the caller.
    Root,
}

impl Start {
    /// The service to open.
    pub(super) fn service(self) -> &'static str {
        match self {
            Self::Own => SERVICE,
            Self::Root => SERVICE_ROOT,
        }
    }
}

/// How the calls of one copy are dialled.
#[derive(Debug, Clone)]
struct Route {
    line: Line,
    machine: Machine,
    start: Start,
}

impl Route {
    async fn call(&self) -> Result<Call, LineError> {
        self.line.call(&self.machine, self.start.service()).await
    }
}

/// One call to a machine's files, dialled again where a copy is cut.
#[derive(Debug)]
pub struct Files {
    call: Call,
    route: Route,
    memory: Memory,
    pairs: Pairs,
}

impl Files {
    /// Calls `machine`; paths begin where its owner lets them.
    ///
    /// # Errors
    /// [`LineError`].
    pub async fn open(line: &Line, machine: &Machine) -> Result<Self, LineError> {
        Self::open_at(line, machine, Start::Own).await
    }

    /// Calls `machine`; paths begin at `start`.
    ///
    /// # Errors
    /// [`LineError`].
    pub async fn open_at(line: &Line, machine: &Machine, start: Start) -> Result<Self, LineError> {
        let route = Route { line: line.clone(), machine: machine.clone(), start };
        Ok(Self { call: route.call().await?, route, memory: Memory::of(line.home()), pairs: Pairs::default() })
    }

    /// How much room there is.
    ///
    /// # Errors
    /// As the line fails.
    pub async fn space(&mut self) -> Result<SpaceMsg, FilesError> {
        match self.ask(&Request::Space {}).await? {
            Answer::Space(space) => Ok(space),
            other => Err(unexpected(other)),
        }
    }

    pub(super) fn call_mut(&mut self) -> &mut Call {
        &mut self.call
    }

    /// Which source each destination of the copies on this call came of.
    #[must_use]
    pub fn pairs(&self) -> &Pairs {
        &self.pairs
    }

    /// As [`Self::pairs`], which are forgotten: for a call that goes on to another copy.
    pub fn take_pairs(&mut self) -> Pairs {
        std::mem::take(&mut self.pairs)
    }

    /// To whom what is left of a cut `get` belongs: another machine's file of that name is another file. Whatever of it
    /// was named in the command, so that `retry` finds it too; whether it is of the same source its mark tells.
    fn owner(&self) -> Owner {
        Owner { id: identity(self.call.peer()), label: self.route.machine.to_string() }
    }

    /// What is in a directory, sorted by the bytes of the names.
    ///
    /// # Errors
    /// As the other machine says: nothing there, not a directory.
    pub async fn list(&mut self, path: &SharePath) -> Result<Vec<Entry>, FilesError> {
        let mut answer = self.ask(&Request::List { path: wire(path) }).await?;
        let mut all = Vec::new();
        loop {
            match answer {
                Answer::Entries { entries, more } => {
                    all.extend(entries.into_iter().map(Entry::from));
                    if all.len() > MAX_LISTED {
                        return Err(FilesError::Endless);
                    }
                    if !more {
                        return Ok(all);
                    }
                    answer = self.answer().await?;
                }
                other => return Err(unexpected(other)),
            }
        }
    }

    /// What something is, with the hash of its content if `hash`.
    ///
    /// # Errors
    /// As the other machine says: nothing there.
    pub async fn stat(&mut self, path: &SharePath, hash: bool) -> Result<Stat, FilesError> {
        match self.ask(&Request::Stat { path: wire(path), hash }).await? {
            Answer::Entry { entry, hash } => Ok(Stat { entry: Entry::from(entry), hash }),
            other => Err(unexpected(other)),
        }
    }

    /// As [`Self::stat`], `None` if nothing is there.
    pub(super) async fn look(&mut self, path: &SharePath) -> Result<Option<Entry>, FilesError> {
        match self.stat(path, false).await {
            Ok(stat) => Ok(Some(stat.entry)),
            Err(FilesError::Call(CallError::Fault(fault))) if fault.code == ErrorCode::NotFound => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// Makes a directory; with `parents` also what is missing above it, and one that exists is fine.
    ///
    /// # Errors
    /// As the other machine says.
    pub async fn make_dir(&mut self, path: &SharePath, parents: bool) -> Result<(), FilesError> {
        self.order(&Request::MakeDir { path: wire(path), parents }).await
    }

    /// Gives something another name.
    ///
    /// # Errors
    /// As the other machine says: nothing there, or something in the way unless `replace`.
    pub async fn rename(&mut self, from: &SharePath, to: &SharePath, replace: bool) -> Result<(), FilesError> {
        self.order(&Request::Move { from: wire(from), to: wire(to), replace }).await
    }

    /// Deletes something; a directory with content only if `recursive`.
    ///
    /// # Errors
    /// As the other machine says.
    pub async fn remove(&mut self, path: &SharePath, recursive: bool) -> Result<(), FilesError> {
        self.order(&Request::Remove { path: wire(path), recursive }).await
    }

    /// Ends the call cleanly.
    pub async fn close(self) {
        drop(self.call.close().await); // every answer has come; how the line ends changes nothing
    }

    async fn ask(&mut self, request: &Request) -> Result<Answer, FilesError> {
        self.call.send(request).await?;
        self.answer().await
    }

    async fn answer(&mut self) -> Result<Answer, FilesError> {
        loop {
            match self.call.recv().await?.ok_or(CallError::HungUp)? {
                Answer::Working {} => {}
                Answer::Error(fault) => return Err(fault.into()),
                answer => return Ok(answer),
            }
        }
    }

    async fn order(&mut self, request: &Request) -> Result<(), FilesError> {
        match self.ask(request).await? {
            Answer::Done {} => Ok(()),
            other => Err(unexpected(other)),
        }
    }
}

pub(super) fn wire(path: &SharePath) -> WireName {
    WireName::from(path.as_bytes())
}

fn unexpected(answer: Answer) -> FilesError {
    match answer {
        Answer::Error(fault) => fault.into(),
        Answer::Done {} | Answer::Working {} | Answer::Entries { .. } | Answer::Entry { .. } | Answer::Space(_) => {
            CallError::OutOfTurn { got: "another answer", wanted: "the answer to the request" }.into()
        }
    }
}
