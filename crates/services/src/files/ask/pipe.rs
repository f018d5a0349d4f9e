//! `put` of a pipe: bytes of unknown number become a file, with no copy of them on this machine's disk.
//!
//! The last groups are kept in memory: if the line is cut, they are sent again on a new call as far as the receiver had
//! not yet written them. A pipe that breaks is told from one that ends: what is not whole is never published.

use std::{collections::VecDeque, io, io::Read as _, sync::Arc};

use landline_addr::path::SharePath;
use landline_net::{Block, CallError, CallReader, CallWriter, Received};
use landline_wire::{ErrorCode, Fault, Kind as FrameKind, decode};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep, sleep_until},
};

use super::{CopyOptions, Files, FilesError, wire};
use crate::files::{
    copy::{HEARTBEAT, LIFE},
    digest::{GROUP, GroupValue, Root},
    msg::{Ack, Item, Request, existing_msg},
    records::{Entry, Put, Say},
    streams::StreamId,
    watch::{Outcome, Phase, Summary, Watch},
};

/// Groups that are kept to be sent again, and so many may be on their way at most: whatever a cut destroys is still here.
/// A line that is reset loses all that the receiver's system holds, which can be dozens of megabytes.
const WINDOW: usize = 16;
/// Between the end of the input and saying so: Ctrl-C ends what writes into a pipe too, and when its end is read the
/// signal is there but perhaps not yet heard. What was stopped must not be published as whole.
const SETTLE: std::time::Duration = std::time::Duration::from_millis(20);
/// Permission bits of a file that came out of a pipe; its owner may write, everybody may read what the folder lets them.
const MODE: u32 = 0o644;

/// A pipe on its way.
struct Pipe {
    groups: mpsc::Receiver<io::Result<Vec<u8>>>,
    window: VecDeque<(u64, Arc<Vec<u8>>)>,
    root: Root,
    size: u64,
    /// The pipe has ended.
    ended: bool,
    mark: [u8; 16],
    mtime: (i64, u32),
    /// So that after a cut the earlier stream gives way.
    stream: Option<StreamId>,
}

impl Files {
    /// Sends what `source` gives until its end, as the file `target`. A line that is cut is dialled again for as long as
    /// the options allow.
    ///
    /// # Errors
    /// [`FilesError::Input`] if `source` fails: nothing is published then. [`FilesError`] as the line or the other
    /// machine says.
    pub async fn put_pipe(
        &mut self,
        source: impl io::Read + Send + 'static,
        target: &SharePath,
        options: &CopyOptions,
        watch: &Watch,
    ) -> Result<Summary, FilesError> {
        let (full, groups) = mpsc::channel(2);
        // Not waited for: a read that never returns must not keep the command from ending.
        std::thread::spawn(move || gather(source, &full));
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let mtime = (i64::try_from(since.as_secs()).unwrap_or(0), since.subsec_nanos());
        let mut mark = [0; 16];
        getrandom::fill(&mut mark)
            .map_err(|_| FilesError::Input(io::Error::other("the system gives no random bytes")))?;
        let (window, root) = (VecDeque::new(), Root::new());
        let mut pipe = Pipe { groups, window, root, size: 0, ended: false, mark, mtime, stream: StreamId::fresh() };
        watch.enter(Phase::Copying);
        watch.over(self.call.line());
        loop {
            match self.pipe_once(&mut pipe, target, options, watch).await {
                Ok(()) => return Ok(watch.summary()),
                Err(fault) => self.dial_again(fault, options, watch).await?,
            }
        }
    }

    async fn pipe_once(
        &mut self,
        pipe: &mut Pipe,
        target: &SharePath,
        options: &CopyOptions,
        watch: &Watch,
    ) -> Result<(), FilesError> {
        let (existing, _) = existing_msg(options.policy.existing);
        let if_match = options.policy.if_match.map(|hash| hash.to_hex().to_string());
        let (reader, writer) = self.call.halves();
        reader.set_idle(LIFE);
        writer.queue(&Request::Put { existing, backup: options.policy.backup, if_match, stream: pipe.stream })?;
        let entry = Entry { mode: MODE, mtime: pipe.mtime, mark: Some(pipe.mark), ..Entry::default() };
        say(writer, &Put::File { path: &wire(target).0, entry })?;
        writer.flush().await?;
        let start = verdict(reader).await?;
        if pipe.window.front().is_some_and(|(first, _)| *first > start) {
            let text = "the line was cut, and more was lost than is kept to be sent again; start the pipe again";
            return Err(Fault::new(ErrorCode::Changed, text).into());
        }
        let (there, arrived) = watch::channel(start);
        tokio::select! {
            biased;
            heard = until_done(reader, target, &there, watch) => heard,
            sent = feed(writer, pipe, (start, arrived), watch) => {
                let (size, hash) = sent?;
                writer.queue(&Item::Finish {})?;
                writer.flush().await?;
                watch.enter(Phase::Publishing);
                let (reader, _) = self.call.halves();
                until_done(reader, target, &there, watch).await?;
                watch.came_to(Outcome::Kept {
                    path: target.as_bytes().to_vec(), size, hash: Some(hash.to_hex().to_string()),
                });
                watch.enter(Phase::Done);
                Ok(())
            }
        }
    }
}

/// The group that the receiver needs first.
async fn verdict(reader: &mut CallReader) -> Result<u64, FilesError> {
    loop {
        match reader.recv().await?.ok_or(CallError::HungUp)? {
            Received::Records(frame) => {
                let mut rest = frame.as_slice();
                return match Say::take(&mut rest) {
                    Ok(Some(Say::Want(_))) => Ok(0),
                    // Of another pipe, or of this one before the line was cut.
                    Ok(Some(Say::Rest { tagged: true, .. })) => Ok(0),
                    Ok(Some(Say::Rest { runs, .. })) => Ok(first_gap(&runs)),
                    _ => Err(out_of_turn().into()),
                };
            }
            Received::Message(body) => match decode::<Ack>(&body).map_err(CallError::from)? {
                Ack::Working { .. } => {}
                Ack::Failed { fault, .. } | Ack::Error(fault) => return Err(fault.into()),
                Ack::DirFailed { .. } | Ack::Tree { .. } | Ack::Done { .. } => return Err(out_of_turn().into()),
            },
            Received::Data(_) | Received::Stderr(_) => return Err(out_of_turn().into()),
        }
    }
}

/// The first group that is not there.
fn first_gap(runs: &[(u64, u64)]) -> u64 {
    runs.first().filter(|(from, _)| *from == 0).map_or(0, |(_, to)| *to)
}

/// What the receiver says until it is done; an error if it has not kept the file.
/// `there`: how many groups have arrived, as it says meanwhile.
async fn until_done(
    reader: &mut CallReader,
    target: &SharePath,
    there: &watch::Sender<u64>,
    watch: &Watch,
) -> Result<(), FilesError> {
    let mut kept = false;
    loop {
        match reader.recv().await?.ok_or(CallError::HungUp)? {
            Received::Records(frame) => {
                let mut rest = frame.as_slice();
                while let Ok(Some(record)) = Say::take(&mut rest) {
                    kept |= matches!(record, Say::Kept(_));
                    if let Say::Rest { runs, tagged: false, .. } = record {
                        there.send_replace(first_gap(&runs));
                    }
                }
            }
            Received::Message(body) => match decode::<Ack>(&body).map_err(CallError::from)? {
                Ack::Working { load } => watch.set_theirs(load),
                Ack::Failed { fault, .. } | Ack::DirFailed { fault, .. } | Ack::Error(fault) => {
                    return Err(fault.into());
                }
                Ack::Tree { .. } => {}
                Ack::Done { .. } if kept => return Ok(()),
                Ack::Done { .. } => return Err(FilesError::Integrity { path: target.as_bytes().to_vec() }),
            },
            Received::Data(_) | Received::Stderr(_) => return Err(out_of_turn().into()),
        }
    }
}

/// Sends groups from `start` on: those that are kept, then what the pipe still gives.
async fn feed(
    writer: &mut CallWriter,
    pipe: &mut Pipe,
    (start, mut arrived): (u64, watch::Receiver<u64>),
    watch: &Watch,
) -> Result<(u64, blake3::Hash), FilesError> {
    let mut block = Block::new();
    for (index, group) in pipe.window.clone() {
        if index >= start {
            send(writer, &mut block, index, &group).await?;
        }
    }
    while !pipe.ended {
        let most = u64::try_from(WINDOW).unwrap_or(u64::MAX);
        let has_room = pipe.root.count() < arrived.borrow_and_update().saturating_add(most);
        let group = tokio::select! {
            group = pipe.groups.recv(), if has_room => group,
            changed = arrived.changed(), if !has_room => {
                changed.map_err(|_gone| CallError::Cut)?;
                continue;
            }
            () = sleep_until(Instant::now() + HEARTBEAT) => {
                writer.queue(&Item::Working { load: None })?;
                writer.flush().await?;
                continue;
            }
        };
        let group = match group {
            None => {
                sleep(SETTLE).await;
                pipe.ended = true;
                break;
            }
            Some(Err(fault)) => {
                let said = Fault::new(ErrorCode::Internal, format!("the pipe broke: {fault}"));
                writer.queue(&Item::Broken { file: 0, fault: said })?;
                writer.queue(&Item::Finish {})?;
                writer.flush().await?;
                return Err(FilesError::Input(fault));
            }
            Some(Ok(group)) => Arc::new(group),
        };
        let index = pipe.root.count();
        pipe.root.push(&GroupValue::of(index, &group));
        pipe.size = pipe.size.saturating_add(u64::try_from(group.len()).unwrap_or(u64::MAX));
        if pipe.window.len() >= WINDOW {
            pipe.window.pop_front();
        }
        pipe.window.push_back((index, Arc::clone(&group)));
        watch.moved(group.len());
        send(writer, &mut block, index, &group).await?;
    }
    let hash = pipe.root.finish();
    say(writer, &Put::End { number: 0, size: pipe.size, hash: *hash.as_bytes() })?;
    Ok((pipe.size, hash))
}

async fn send(writer: &mut CallWriter, block: &mut Block, index: u64, group: &[u8]) -> Result<(), FilesError> {
    say(writer, &Put::Group { number: 0, index, inflated: None })?;
    block.set_kind(FrameKind::Data);
    if let Some(room) = block.space().get_mut(..group.len()) {
        room.copy_from_slice(group);
    }
    block.set_len(group.len());
    Ok(writer.send_block(block).await?)
}

fn say(writer: &mut CallWriter, record: &Put<'_>) -> Result<(), CallError> {
    let mut frame = Vec::with_capacity(64);
    record.write(&mut frame);
    Ok(writer.queue_records(&frame)?)
}

/// The thread that reads the pipe: whole groups, and at its end what is left.
fn gather(mut source: impl io::Read, full: &mpsc::Sender<io::Result<Vec<u8>>>) {
    loop {
        let mut group = Vec::with_capacity(GROUP);
        let read = source.by_ref().take(u64::try_from(GROUP).unwrap_or(u64::MAX)).read_to_end(&mut group);
        let next = match read {
            Ok(0) => return,
            Ok(_) => Ok(group),
            Err(fault) => Err(fault),
        };
        let last = next.as_ref().map_or(true, |group: &Vec<u8>| group.len() < GROUP);
        if full.blocking_send(next).is_err() || last {
            return;
        }
    }
}

fn out_of_turn() -> CallError {
    CallError::OutOfTurn { got: "something else", wanted: "what becomes of the file" }
}
