//! Sending files with a header: size, name and MD5 as JSON, then the content (item F8 of the tutorials).
//!
//! In: paths. Out: each file on the connection, one after the other. A file that changes while it is sent can't be told to
//! the other end but by ending too early: then nothing more is sent and the command fails.

use std::io;
use std::path::{Path, PathBuf};

use bytes::BytesMut;
use landline_net::raw::{Connection, Sender};
use landline_wire::framing::FileHead;
use landline_wire::limits::FramingLimits;
use md5::{Digest as _, Md5};
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;

use super::pump::Fault;
use crate::exit::Exit;
use crate::fail::Fail;
use crate::out::Out;

/// Bytes of one read of a file.
const BLOCK: usize = 256 << 10;

/// Sends every file and waits for the other end to close.
///
/// # Errors
/// As a file can't be read, or the connection fails.
pub(crate) async fn send(paths: &[PathBuf], connection: Connection, out: &Out) -> Result<(), Fault> {
    let peer = connection.peer().clone();
    let (mut receiver, mut sender) = connection.split();
    for path in paths {
        let bytes = send_one(path, &mut sender).await?;
        out.say(format_args!(
            "sent {} to {peer}: {}",
            crate::screen::tame(&path.display().to_string()),
            crate::units::bytes(bytes)
        ));
    }
    sender.finish().await?;
    while let Some(said) = receiver.receive().await? {
        out.say(crate::screen::tame(&String::from_utf8_lossy(&said.body)));
    }
    Ok(())
}

async fn send_one(path: &Path, sender: &mut Sender) -> Result<u64, Fault> {
    let unreadable = |fault: io::Error| Fail::io(format_args!("cannot read {}", path.display()), &fault);
    let (size, md5) = digest(path).await.map_err(unreadable)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let head = FileHead { file_size: size, file_name: name, md5 };
    let mut header = BytesMut::new();
    let encoded = head.encode(&FramingLimits::default(), &mut header);
    encoded.map_err(|fault| Fail::usage(format_args!("{}: {fault}", path.display())))?;
    sender.write(&header).await?;
    let mut file = File::open(path).await.map_err(unreadable)?;
    let mut block = vec![0; BLOCK];
    let mut left = size;
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
        let room = block.get_mut(..most).unwrap_or_default();
        let len = file.read(room).await.map_err(unreadable)?;
        if len == 0 {
            return Err(Fail::new(
                Exit::Integrity,
                format_args!("{} became shorter while it was sent", path.display()),
            )
            .into());
        }
        sender.write(block.get(..len).unwrap_or_default()).await?;
        left = left.saturating_sub(u64::try_from(len).unwrap_or(u64::MAX));
    }
    Ok(size)
}

async fn digest(path: &Path) -> io::Result<(u64, [u8; 16])> {
    let mut file = File::open(path).await?;
    let mut md5 = Md5::new();
    let mut size = 0u64;
    let mut block = vec![0; BLOCK];
    loop {
        let len = file.read(&mut block).await?;
        if len == 0 {
            return Ok((size, md5.finalize().into()));
        }
        md5.update(block.get(..len).unwrap_or_default());
        size = size.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
    }
}
