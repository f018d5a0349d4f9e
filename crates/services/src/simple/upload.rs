//! The upload service: files with a header, each put into one directory once it is whole.
//!
//! In: for each file a header with size, name and MD5, then its bytes; the incoming framing is to be none. Out: the file, under the
//! last component of its name, all at once ([`files::engine`](crate::files::engine)); a text if one is wished. What is short, does
//! not have its MD5 or can't be written ends the connection and leaves nothing. MD5 shows faults of the line and no forgery.
//! Source: PROTOCOL.md §10.7, §12; items F8 and F9 of the tutorials.

use std::{io, sync::Arc};

use bytes::{Bytes, BytesMut};
use landline_addr::path::{FileName, PathError, SharePath};
use landline_net::raw::{Connection, Handler, RawError, Receiver};
use landline_wire::framing::{FileHead, FramingError, LengthPrefix};
use landline_wire::limits::FramingLimits;
use md5::{Digest as _, Md5};
use tokio::task::spawn_blocking;

use crate::files::{
    engine::{LocalEngine, deposit::Deposit},
    tree::TreeError,
};

/// Bytes collected before they are written: as in the file service.
const BLOCK_BYTES: usize = 256 << 10;

/// Permissions of what was uploaded: the umask does not know who sent it, so others may read and nobody may run it.
const UPLOADED_MODE: u32 = 0o644;

/// Takes files into a directory.
#[derive(Debug, Clone)]
pub struct Uploads {
    engine: Arc<LocalEngine>,
    /// Whether a file takes the place of one that has its name; else it is refused.
    pub replace: bool,
    /// Bytes of the largest file; `None` for what the disk holds.
    pub most: Option<u64>,
    /// What is sent when a file is durable under its name; nothing if it is empty.
    pub answer: Vec<u8>,
}

/// Why a file was not taken. In its place nothing appeared, and what was there is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UploadError {
    /// The last component of its name can be no file's.
    #[error("the file's name is refused: {0}")]
    Name(#[from] PathError),
    /// Its name would do something to terminals.
    #[error("the file's name has control characters in it")]
    Control,
    /// It is too long.
    #[error("the file has {size} bytes, {most} are allowed")]
    TooLarge {
        /// Bytes announced.
        size: u64,
        /// Bytes allowed.
        most: u64,
    },
    /// Its bytes are not those that were announced.
    #[error("the bytes that came don't have the MD5 that was announced")]
    Md5,
    /// The directory said no.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

impl From<UploadError> for RawError {
    fn from(fault: UploadError) -> Self {
        Self::Io(io::Error::other(fault))
    }
}

impl Uploads {
    /// Takes files into the directory of `engine`'s tree, replaces none, has no limit and says nothing.
    #[must_use]
    pub fn new(engine: Arc<LocalEngine>) -> Self {
        Self { engine, replace: false, most: None, answer: Vec::new() }
    }

    async fn take(&self, receiver: &mut Receiver, head: FileHead) -> Result<(), RawError> {
        let FileHead { file_size: size, file_name, md5: announced } = head;
        let target = SharePath::from(last_component(&file_name)?);
        if let Some(most) = self.most.filter(|most| size > *most) {
            return Err(UploadError::TooLarge { size, most }.into());
        }
        let (engine, replace) = (Arc::clone(&self.engine), self.replace);
        let begun = off_thread(move || engine.deposit(&target, replace)).await?;
        let (mut arriving, mut left) = ((begun, Md5::new()), size);
        while left > 0 {
            let len = usize::try_from(left).map_or(BLOCK_BYTES, |left| left.min(BLOCK_BYTES));
            left = left.saturating_sub(count(len));
            let Some(block) = receiver.read_exactly(len).await? else {
                let missing = missing(receiver, len).await?.saturating_add(left);
                return Err(FramingError::CutShort { missing }.into());
            };
            arriving = off_thread(move || put(arriving, &block)).await?;
        }
        let (deposit, md5) = arriving;
        if <[u8; 16]>::from(md5.finalize()) != announced {
            off_thread(move || {
                drop(deposit);
                Ok(())
            })
            .await?;
            return Err(UploadError::Md5.into());
        }
        off_thread(move || deposit.publish(UPLOADED_MODE)).await
    }
}

impl Handler for Uploads {
    async fn handle(&self, mut connection: Connection) -> Result<(), RawError> {
        if connection.keeps_bounds() {
            return Err(RawError::Unsuitable("files are taken from streams, not from packets"));
        }
        while let Some(head) = next_head(connection.halves().0).await? {
            self.take(connection.halves().0, head).await?;
            if !self.answer.is_empty() {
                connection.send(&self.answer).await?;
            }
        }
        connection.finish().await
    }
}

type Arriving = (Deposit, Md5);

fn put((mut deposit, mut md5): Arriving, block: &Bytes) -> Result<Arriving, TreeError> {
    md5.update(block);
    deposit.write(block)?;
    Ok((deposit, md5))
}

/// What blocks, done where it may.
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TreeError> + Send + 'static,
) -> Result<T, RawError> {
    Ok(spawn_blocking(work).await.map_err(io::Error::other)?.map_err(UploadError::from)?)
}

/// The next header; `None` at the end of the stream between two files. Its length is judged before it is waited for.
async fn next_head(receiver: &mut Receiver) -> Result<Option<FileHead>, RawError> {
    let limits = FramingLimits::default();
    let prefix = LengthPrefix::I32Le;
    let mut inbox = BytesMut::new();
    let mut wanted = prefix.width();
    loop {
        let Some(bytes) = receiver.read_exactly(wanted).await? else {
            let missing = missing(receiver, wanted).await?;
            let between = inbox.is_empty() && missing == count(wanted);
            return if between { Ok(None) } else { Err(FramingError::HeadCutShort { missing }.into()) };
        };
        inbox.extend_from_slice(&bytes);
        if let Some(head) = FileHead::decode(&mut inbox, &limits)? {
            return Ok(Some(head));
        }
        let len = prefix.decode(&inbox)?.and_then(|len| usize::try_from(len).ok()).unwrap_or(0);
        wanted = prefix.width().saturating_add(len).saturating_sub(inbox.len());
    }
}

/// How much of what was wanted never came.
async fn missing(receiver: &mut Receiver, wanted: usize) -> Result<u64, RawError> {
    let came = receiver.read_some(wanted).await?.map_or(0, |part| part.body.len());
    Ok(count(wanted.saturating_sub(came)))
}

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// The name that the file gets, whatever directories the sender had it in.
fn last_component(name: &str) -> Result<FileName, UploadError> {
    let last = name.rsplit('/').next().unwrap_or_default();
    let name = FileName::parse(last.as_bytes())?;
    if last.chars().any(char::is_control) { Err(UploadError::Control) } else { Ok(name) }
}

#[cfg(test)]
mod tests;
