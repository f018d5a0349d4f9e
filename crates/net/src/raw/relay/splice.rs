//! One direction of a relay moved by the kernel: `splice` from a socket into a pipe and from there into the other socket,
//! so that no byte comes into this process. Source: splice(2).
//!
//! A pipe is taken only while there is something to move and given back when there is nothing: an idle relay holds none.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{Mutex, PoisonError},
};

use rustix::pipe::{PipeFlags, SpliceFlags, pipe_with, splice};
use tokio::{
    io::Interest,
    net::{TcpStream, UnixStream},
};

use crate::raw::link::Plain;

/// Bytes of one move: what the pipe is asked to hold. CPU seconds a GB (`cargo xtask bench sockets --series relay --size 512M`, medians
/// of 10 in turns): 16 KiB 0.24, 64 KiB 0.18, 128 KiB 0.14, 256 KiB 0.11, 512 KiB 0.13, 1 MiB 0.12; bytes copied in pieces of
/// 64 KiB 0.36. More than this is also more of the memory of pipes that one user may have.
const MOVE: usize = 256 << 10;
/// Pipes that are kept for the next; as many relays can be busy at once without making one.
const SPARE: usize = 16;

static SPARES: Mutex<Vec<Pipe>> = Mutex::new(Vec::new());

/// An empty pipe.
struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
}

/// Moves what comes at `from` to `to` until `from` ends; tells `moved` of each piece.
pub(super) async fn carry(from: Plain<'_>, to: Plain<'_>, moved: &impl Fn(usize)) -> io::Result<()> {
    loop {
        from.ready(Interest::READABLE).await?;
        let pipe = Pipe::take()?;
        loop {
            let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
            // The pipe is empty here, so only the socket can have made it wait.
            let came = from.try_io(Interest::READABLE, |fd| Ok(splice(fd, None, &pipe.write, None, MOVE, flags)?));
            let len = match came {
                Ok(0) => {
                    pipe.give_back();
                    return Ok(());
                }
                Ok(len) => len,
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {
                    pipe.give_back();
                    break;
                }
                Err(fault) => return Err(fault),
            };
            drain(&pipe, to, len).await?;
            moved(len);
        }
    }
}

/// Empties the pipe, which holds `left` bytes. If this fails the pipe is not empty and goes with what it holds.
async fn drain(pipe: &Pipe, to: Plain<'_>, mut left: usize) -> io::Result<()> {
    let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
    while left > 0 {
        match to.try_io(Interest::WRITABLE, |fd| Ok(splice(&pipe.read, None, fd, None, left, flags)?)) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(len) => left = left.saturating_sub(len),
            Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => to.ready(Interest::WRITABLE).await?,
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}

impl Pipe {
    fn take() -> io::Result<Self> {
        if let Some(spare) = SPARES.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(spare);
        }
        let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        // Refused above the user's share of pipe memory: then it holds what it holds.
        let _ = rustix::pipe::fcntl_setpipe_size(&write, MOVE);
        Ok(Self { read, write })
    }

    fn give_back(self) {
        let mut spares = SPARES.lock().unwrap_or_else(PoisonError::into_inner);
        if spares.len() < SPARE {
            spares.push(self);
        }
    }
}

impl Plain<'_> {
    async fn ready(self, interest: Interest) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.ready(interest).await.map(drop),
            Self::Unix(stream) => stream.ready(interest).await.map(drop),
        }
    }

    fn try_io<T>(self, interest: Interest, work: impl FnOnce(BorrowedFd<'_>) -> io::Result<T>) -> io::Result<T> {
        match self {
            Self::Tcp(stream) => TcpStream::try_io(stream, interest, || work(stream.as_fd())),
            Self::Unix(stream) => UnixStream::try_io(stream, interest, || work(stream.as_fd())),
        }
    }
}
