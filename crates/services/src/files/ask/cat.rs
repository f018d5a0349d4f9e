//! `cat`, and `get` into a pipe: the content of one file goes to an output as it arrives.
//!
//! The output is on a thread of its own, since it may be slow. What was handed to it can't be taken back: if the line is
//! cut, the rest is asked for on a new call, from the group that was to come next, as long as the file is still the same.

use std::{future::Future, io, time::Duration};

use landline_addr::path::SharePath;
use landline_net::{CallError, CallReader, CallWriter, Received};
use landline_wire::{ErrorCode, Fault, decode, shown};
use tokio::{
    sync::mpsc,
    task::spawn_blocking,
    time::{Instant, sleep_until},
};

use super::{CopyOptions, Files, FilesError, wire};
use crate::files::{
    copy::{BLOCKS, HEARTBEAT, LIFE},
    digest::{GROUP, GroupValue, Root, group_len},
    msg::{Ack, Item, PressMsg, Request},
    records::{Numbers, Put, Say},
    tree::{Kind, TreeError},
    watch::Watch,
};

/// What is handed to the output.
enum Piece {
    /// All of a small file.
    Whole(Vec<u8>),
    /// The next group.
    Group(Vec<u8>),
    /// So many zeros, a group at most.
    Zeros(usize),
}

/// How far the output is, over all calls it takes.
#[derive(Default)]
struct Handed {
    /// Groups that were handed over.
    groups: u64,
    /// Bytes of them.
    bytes: u64,
    /// The size of the file, once it was told.
    size: u64,
    /// Which state of the file they are of.
    mark: Option<[u8; 16]>,
    /// A small file was handed over whole.
    whole: bool,
    /// What the sender says the bytes come to.
    said: Option<blake3::Hash>,
}

impl Files {
    /// Writes the content of a file to `out` as it arrives; returns its bytes. The hash of a large file can be compared
    /// only at the end, when the bytes have been written: heed the error. A line that is cut is dialled again for
    /// `reconnect`, if the file is still what it was.
    ///
    /// # Errors
    /// [`FilesError::Integrity`] if what was written is not what was sent; [`FilesError::Output`].
    pub async fn cat(
        &mut self,
        path: &SharePath,
        out: impl io::Write + Send + 'static,
        reconnect: Duration,
        watch: &Watch,
    ) -> Result<u64, FilesError> {
        let named = || path.as_bytes().to_vec();
        match self.stat(path, false).await?.entry.kind {
            Kind::File => {}
            Kind::Dir => return Err(TreeError::IsADirectory { path: named() }.into()),
            kind @ (Kind::Link | Kind::Other) => return Err(TreeError::WrongKind { path: named(), kind }.into()),
        }
        let (pieces, taken) = mpsc::channel(BLOCKS);
        let mut printing = Some(spawn_blocking(move || print(taken, out)));
        let mut pieces = Some(pieces);
        let options = CopyOptions { reconnect, ..CopyOptions::default() };
        let mut handed = Handed::default();
        while let Some(sink) = &pieces {
            let asked = self.call.send(&get_of(path)).await;
            let (reader, writer) = self.call.halves();
            let said = match asked {
                Ok(()) => stream((reader, writer), path, sink, &mut handed, watch).await,
                Err(fault) => Err(fault.into()),
            };
            match said {
                Ok(()) => pieces = None,
                Err(fault) => {
                    if let Err(fault) = self.dial_again(fault, &options, watch).await {
                        drop(pieces.take());
                        return Err(first_of(printing.take(), fault).await);
                    }
                }
            }
        }
        let (_, writer) = self.call.halves();
        let printed = match printing.take() {
            Some(printing) => showing_life(writer, printing).await?,
            None => Ok(Err(FilesError::Output(io::Error::other("printed twice")))),
        };
        // What the output says comes first: without it the stream was left in the middle.
        let died = |_| Err(FilesError::Output(io::Error::other("the thread that prints died")));
        let (sum, hash) = printed.unwrap_or_else(died)?;
        let whole = handed.said == Some(hash);
        if whole {
            let mut frame = Vec::new();
            Say::Kept(Numbers::one(0)).write(&mut frame);
            writer.queue_records(&frame).map_err(CallError::from)?;
        } else {
            let fault = Fault::new(ErrorCode::Integrity, "the bytes that arrived are not those that were sent");
            writer.queue(&Ack::Failed { file: 0, fault })?;
        }
        let (files, failed) = if whole { (1, 0) } else { (0, 1) };
        writer.queue(&Ack::Done { files, bytes: sum, failed, load: None })?;
        writer.flush().await?;
        if whole { Ok(sum) } else { Err(FilesError::Integrity { path: named() }) }
    }
}

fn get_of(path: &SharePath) -> Request {
    Request::Get {
        path: wire(path),
        exclude: Vec::new(),
        totals: false,
        by_hash: false,
        hard_links: false,
        attributes: false,
        rate: 0,
        press: PressMsg::Never, // what comes is handed on as it is
        stream: None,
    }
}

/// If the output failed, that is what happened first.
async fn first_of(
    printing: Option<tokio::task::JoinHandle<Result<(u64, blake3::Hash), FilesError>>>,
    fault: FilesError,
) -> FilesError {
    match printing {
        Some(printing) => match printing.await {
            Ok(Err(output)) => output,
            Ok(Ok(_)) | Err(_) => fault,
        },
        None => fault,
    }
}

/// One call's part of the content.
async fn stream(
    (reader, writer): (&mut CallReader, &mut CallWriter),
    path: &SharePath,
    pieces: &mpsc::Sender<Piece>,
    handed: &mut Handed,
    watch: &Watch,
) -> Result<(), FilesError> {
    reader.set_idle(LIFE);
    let mut next: Option<u64> = None;
    let mut told = Instant::now();
    loop {
        // Also while one thing comes after the other, and none has to be waited for.
        if told.elapsed() >= HEARTBEAT {
            writer.queue(&Ack::Working { load: None })?;
            writer.flush().await?;
            told = Instant::now();
        }
        let piece = match showing_life(writer, reader.recv()).await??.ok_or(CallError::Cut)? {
            Received::Message(body) => match decode::<Item>(&body).map_err(CallError::from)? {
                Item::Error(fault) => return Err(fault.into()),
                Item::Broken { fault, .. } | Item::Skip { fault, .. } => {
                    let text = format!("{}: {}", shown(path.as_bytes()), fault.text);
                    return Err(Fault::new(fault.code, text).into());
                }
                Item::Finish {} => return Ok(()),
                Item::Totals { .. } | Item::Working { .. } => continue,
            },
            Received::Records(frame) => match records(&frame, handed, writer, &mut next).await? {
                Some(piece) => piece,
                None => continue,
            },
            Received::Data(data) => {
                let index = next.take().ok_or_else(out_of_turn)?;
                if index != handed.groups || data.len() != group_len(handed.size, index) {
                    return Err(out_of_turn());
                }
                handed.groups += 1;
                Piece::Group(data)
            }
            Received::Stderr(_) => return Err(out_of_turn()),
        };
        let len = match &piece {
            Piece::Whole(bytes) | Piece::Group(bytes) => bytes.len(),
            Piece::Zeros(len) => *len,
        };
        watch.moved(len);
        handed.bytes = handed.bytes.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
        if showing_life(writer, pieces.send(piece)).await?.is_err() {
            return Err(FilesError::Output(io::Error::from(io::ErrorKind::BrokenPipe))); // it says why itself
        }
    }
}

/// A frame of records: at most one of them brings content.
async fn records(
    frame: &[u8],
    handed: &mut Handed,
    writer: &mut CallWriter,
    next: &mut Option<u64>,
) -> Result<Option<Piece>, FilesError> {
    let mut rest = frame;
    let mut piece = None;
    let bad = |fault: crate::files::records::RecordError| Fault::new(ErrorCode::BadRequest, fault.to_string());
    while let Some(record) = Put::take(&mut rest).map_err(bad)? {
        match record {
            Put::File { entry, .. } => {
                let groups = handed.groups;
                if groups > 0 && entry.mark != handed.mark {
                    let text = "it changed while it was read, and what came of it before was already handed on";
                    return Err(Fault::new(ErrorCode::Changed, text).into());
                }
                (handed.mark, handed.size) = (entry.mark, entry.size.unwrap_or(0));
                let verdict = match groups {
                    0 => Say::Want(Numbers::one(0)),
                    groups => Say::Rest { number: 0, runs: vec![(0, groups)], tagged: false },
                };
                let mut said = Vec::new();
                verdict.write(&mut said);
                writer.queue_records(&said).map_err(CallError::from)?;
                writer.flush().await?;
            }
            // A second copy, after a cut that lost only the end of the call.
            Put::Whole { .. } if handed.whole => {}
            Put::Whole { number: 0, hash, bytes } if handed.groups == 0 && piece.is_none() => {
                (handed.whole, handed.said) = (true, Some(blake3::Hash::from_bytes(hash)));
                piece = Some(Piece::Whole(bytes.to_vec()));
            }
            Put::Group { number: 0, index, inflated: None } if piece.is_none() => *next = Some(index),
            Put::Hole { number: 0, first, count: 1 } if first == handed.groups && piece.is_none() => {
                handed.groups += 1;
                piece = Some(Piece::Zeros(group_len(handed.size, first)));
            }
            Put::End { number: 0, hash, .. } => handed.said = Some(blake3::Hash::from_bytes(hash)),
            _ => return Err(out_of_turn()),
        }
    }
    Ok(piece)
}

/// The printing thread: how many bytes there were, and their hash.
fn print(mut pieces: mpsc::Receiver<Piece>, mut out: impl io::Write) -> Result<(u64, blake3::Hash), FilesError> {
    static ZEROS: [u8; GROUP] = [0; GROUP];
    let (mut root, mut whole, mut sum) = (Root::new(), None, 0u64);
    while let Some(piece) = pieces.blocking_recv() {
        let bytes = match &piece {
            Piece::Whole(bytes) => {
                whole = Some(blake3::hash(bytes));
                bytes.as_slice()
            }
            Piece::Group(bytes) => bytes.as_slice(),
            Piece::Zeros(len) => ZEROS.get(..*len).unwrap_or_default(),
        };
        if whole.is_none() {
            root.push(&GroupValue::of(root.count(), bytes));
        }
        out.write_all(bytes).map_err(FilesError::Output)?;
        sum = sum.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    }
    out.flush().map_err(FilesError::Output)?;
    Ok((sum, whole.unwrap_or_else(|| root.finish())))
}

/// Waits for `event`, and tells the sender now and then that it is waited for: the output may be slow, or a person.
async fn showing_life<T>(writer: &mut CallWriter, event: impl Future<Output = T>) -> Result<T, CallError> {
    tokio::pin!(event);
    loop {
        tokio::select! {
            done = &mut event => return Ok(done),
            () = sleep_until(Instant::now() + HEARTBEAT) => {
                writer.queue(&Ack::Working { load: None })?;
                writer.flush().await?;
            }
        }
    }
}

fn out_of_turn() -> FilesError {
    CallError::OutOfTurn { got: "another item", wanted: "the bytes of one file" }.into()
}
