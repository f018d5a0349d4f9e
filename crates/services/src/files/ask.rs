//! The asking end of the files service: what `ls`, `put`, `get` and their kin do.
//!
//! [`Files`] is one call, used for request after request. [`job`] says what `put` and `get` are to move and where it
//! shall be; the moving itself is [`super::copy`], the same at both ends.

use std::{future::Future, io};

use landline_addr::{contact::Machine, path::SharePath};
use landline_net::{Call, CallError, CallReader, CallWriter, Received};
use landline_wire::{ErrorCode, Fault, WireName, decode};
use tokio::{
    sync::mpsc,
    task::spawn_blocking,
    time::{Instant, sleep_until},
};

use super::{
    copy::{BLOCKS, HEARTBEAT},
    msg::{Ack, Answer, Item, Request, SERVICE},
    tree::{Entry, Kind, TreeError},
};
use crate::line::{Line, LineError};

pub mod job;
mod transfer;

pub use job::{GetJob, Placing, PutJob};

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
    /// The output did not take the bytes.
    #[error("writing the output failed: {0}")]
    Output(std::io::Error),
}

impl From<Fault> for FilesError {
    fn from(fault: Fault) -> Self {
        Self::Call(fault.into())
    }
}

/// One call to a machine's files.
#[derive(Debug)]
pub struct Files {
    call: Call,
}

impl Files {
    /// Calls `machine`.
    ///
    /// # Errors
    /// [`LineError`].
    pub async fn open(line: &Line, machine: &Machine) -> Result<Self, LineError> {
        Ok(Self { call: line.call(machine, SERVICE).await? })
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

    /// Writes the content of a file to `out` as it arrives, on a thread of its own since `out` may be slow; returns its
    /// bytes. The hash can be compared only at the end, when the bytes have been written: heed the error.
    ///
    /// # Errors
    /// [`FilesError::Integrity`] if what was written is not what was sent; [`FilesError::Output`].
    pub async fn cat(&mut self, path: &SharePath, out: impl io::Write + Send + 'static) -> Result<u64, FilesError> {
        let named = || path.as_bytes().to_vec();
        match self.stat(path, false).await?.entry.kind {
            Kind::File => {}
            Kind::Dir => return Err(TreeError::IsADirectory { path: named() }.into()),
            kind @ (Kind::Link | Kind::Other) => return Err(TreeError::WrongKind { path: named(), kind }.into()),
        }
        self.call.send(&Request::Get { path: wire(path), exclude: Vec::new(), totals: false }).await?;
        let (reader, writer) = self.call.halves();
        let (blocks, taken) = mpsc::channel(BLOCKS);
        let printing = spawn_blocking(move || print(taken, out));
        let said = cat_stream(reader, writer, blocks).await;
        let printed = showing_life(writer, printing).await?;
        // What the output says comes first: without it the stream was left in the middle.
        let died = |_| Err(FilesError::Output(io::Error::other("the thread that prints died")));
        let (sum, hash) = printed.unwrap_or_else(died)?;
        let whole = said?.is_some_and(|theirs| theirs == hash.to_hex().as_str());
        let (files, failed) = if whole { (1, 0) } else { (0, 1) };
        writer.queue(&Ack::Done { files, bytes: sum, failed })?;
        writer.flush().await?;
        if whole { Ok(sum) } else { Err(FilesError::Integrity { path: path.as_bytes().to_vec() }) }
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

/// Hands the bytes of one file on; the hash that the sender says they have, none if it never said.
async fn cat_stream(
    reader: &mut CallReader,
    writer: &mut CallWriter,
    blocks: mpsc::Sender<Vec<u8>>,
) -> Result<Option<String>, FilesError> {
    let mut hash_said = None;
    loop {
        let item = match showing_life(writer, reader.recv()).await??.ok_or(CallError::Cut)? {
            Received::Data(data) => {
                if showing_life(writer, blocks.send(data)).await?.is_err() {
                    return Ok(None); // the output has failed and says why itself
                }
                continue;
            }
            Received::Message(body) => decode::<Item>(&body).map_err(CallError::from)?,
            Received::Stderr(_) | Received::Records(_) => return Err(out_of_turn()),
        };
        match item {
            Item::Error(fault) | Item::Broken(fault) | Item::Skip { fault, .. } => return Err(fault.into()),
            Item::End { hash, .. } => hash_said = Some(hash),
            Item::Finish {} => return Ok(hash_said),
            Item::File { .. } | Item::Totals { .. } | Item::Working {} => {}
            Item::Dir { .. } | Item::DirEnd { .. } => return Err(out_of_turn()),
        }
    }
}

/// The printing thread of `cat`: how many bytes there were, and their hash.
fn print(mut blocks: mpsc::Receiver<Vec<u8>>, mut out: impl io::Write) -> Result<(u64, blake3::Hash), FilesError> {
    let (mut hasher, mut sum) = (blake3::Hasher::new(), 0u64);
    while let Some(data) = blocks.blocking_recv() {
        hasher.update(&data);
        out.write_all(&data).map_err(FilesError::Output)?;
        sum = sum.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX));
    }
    out.flush().map_err(FilesError::Output)?;
    Ok((sum, hasher.finalize()))
}

/// Waits for `event`, and tells the sender now and then that it is waited for: the output may be slow, or a person.
async fn showing_life<T>(writer: &mut CallWriter, event: impl Future<Output = T>) -> Result<T, CallError> {
    tokio::pin!(event);
    loop {
        tokio::select! {
            done = &mut event => return Ok(done),
            () = sleep_until(Instant::now() + HEARTBEAT) => {
                writer.queue(&Ack::Working {})?;
                writer.flush().await?;
            }
        }
    }
}

fn wire(path: &SharePath) -> WireName {
    WireName::from(path.as_bytes())
}

fn out_of_turn() -> FilesError {
    CallError::OutOfTurn { got: "another item", wanted: "the bytes of one file" }.into()
}

fn unexpected(answer: Answer) -> FilesError {
    match answer {
        Answer::Error(fault) => fault.into(),
        Answer::Done {} | Answer::Working {} | Answer::Entries { .. } | Answer::Entry { .. } => {
            CallError::OutOfTurn { got: "another answer", wanted: "the answer to the request" }.into()
        }
    }
}
