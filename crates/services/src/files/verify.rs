//! Verify: two trees are compared by the hashes of their files, with nothing transferred but those.
//!
//! Both ends walk in the same order (depth first, names by their bytes) and hash at the same time; the asking end merges
//! the two streams. In: a tree here and one there. Out: what differs. Memory is the same whatever the size.
//! Source: PROTOCOL.md §7.5.

use std::{cmp::Ordering, sync::Arc};

use landline_addr::path::SharePath;
use landline_net::{CallError, CallWriter};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    copy::{
        HEARTBEAT,
        send::{
            Root,
            walk::{Step, Walk},
        },
    },
    digest::{GROUP, GroupValue, Root as RootHash},
    filter::Filter,
    msg::Answer,
    records::RecordError,
    tree::{Found as Looked, Held, Kind, Name},
};

mod ask;
mod seen;

pub use ask::{Difference, Found};
pub use seen::{Seen, What};

/// Bytes of records that are told together.
const TELL_BYTES: usize = 16 << 10;
/// Things that may wait between the thread that hashes and whoever takes them.
const QUEUE: usize = 64;

/// Walks `root` and hands each thing in it to `each`, until that says no.
fn walk(root: &Root, filter: &Filter, gone: &CancellationToken, mut each: impl FnMut(Seen) -> bool) {
    let mut walk = Walk::new(root, filter, gone.clone(), Arc::default());
    let mut buffer = vec![0; GROUP];
    while let Some(step) = walk.next_step() {
        let seen = match step {
            Step::Dir { to, .. } => Seen { path: to.as_bytes().to_vec(), what: What::Dir },
            Step::DirEnd { .. } => continue,
            Step::Entry { to, place, name, entry, .. } => {
                let what = look(&place.held, &name, &entry, &mut buffer, gone);
                Seen { path: to.as_bytes().to_vec(), what }
            }
            Step::Skip { to, fault } => {
                Seen { path: to, what: What::Unreadable { why: fault.text.as_bytes().to_vec() } }
            }
        };
        if !each(seen) {
            return;
        }
    }
}

fn look(dir: &Held, name: &Name, entry: &Looked, buffer: &mut [u8], gone: &CancellationToken) -> What {
    if let (Kind::Link, Some(target)) = (entry.kind, &entry.link_target) {
        return What::Link { target: target.clone() };
    }
    match hash(dir, name, buffer, gone) {
        Ok((size, hash)) => What::File { size, hash: *hash.as_bytes() },
        Err(fault) => What::Unreadable { why: fault.to_string().into_bytes() },
    }
}

fn hash(dir: &Held, name: &Name, buffer: &mut [u8], gone: &CancellationToken) -> std::io::Result<(u64, blake3::Hash)> {
    use std::io::Read as _;
    let (mut file, _) = dir.open_file(name, None)?;
    let (mut root, mut size) = (RootHash::new(), 0u64);
    loop {
        let mut filled = 0;
        while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
            match file.read(room)? {
                0 => break,
                n => filled += n,
            }
        }
        let group = buffer.get(..filled).unwrap_or_default();
        if !group.is_empty() {
            root.push(&GroupValue::of(root.count(), group));
            size = size.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
        }
        if filled < buffer.len() {
            return Ok((size, root.finish()));
        }
        if gone.is_cancelled() {
            return Err(std::io::ErrorKind::Interrupted.into());
        }
    }
}

/// The answering end: tells what is in `root`, then that it is done.
pub(super) async fn tell(
    root: Root,
    filter: Filter,
    place: OwnedSemaphorePermit,
    writer: &mut CallWriter,
) -> Result<(), CallError> {
    let (tx, mut rx) = mpsc::channel::<Vec<u8>>(QUEUE);
    let gone = CancellationToken::new();
    let _nobody_waits = gone.clone().drop_guard();
    let working = tokio::task::spawn_blocking(move || {
        let _place = place;
        let mut frame = Vec::new();
        walk(&root, &filter, &gone, |seen| {
            seen.write(&mut frame);
            frame.len() < TELL_BYTES || tx.blocking_send(std::mem::take(&mut frame)).is_ok()
        });
        drop(tx.blocking_send(frame)); // if nobody takes it, nobody waits for it
    });
    loop {
        tokio::select! {
            frame = rx.recv() => match frame {
                Some(frame) => writer.queue_records(&frame)?,
                None => break,
            },
            () = sleep_until(Instant::now() + HEARTBEAT) => writer.queue(&Answer::Working {})?,
        }
        writer.flush().await?;
    }
    let end = match working.await {
        Ok(()) => Answer::Done {},
        Err(_) => {
            Answer::Error(landline_wire::Fault::new(landline_wire::ErrorCode::Internal, "the request failed inside"))
        }
    };
    writer.queue(&end)?;
    writer.flush().await
}

/// The order of the walk: by the names on the way, each by its bytes.
fn order(a: &[u8], b: &[u8]) -> Ordering {
    a.split(|byte| *byte == b'/').cmp(b.split(|byte| *byte == b'/'))
}

/// A path that a peer told: one way to write it, as anywhere.
fn checked(path: &[u8]) -> Result<(), RecordError> {
    SharePath::parse(path).map(|_| ()).map_err(|_| RecordError::Field("path"))
}
