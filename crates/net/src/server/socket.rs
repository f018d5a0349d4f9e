//! A UNIX socket to listen at, and its file: the owner's alone, put in the place of a dead one only, gone at the end.
//!
//! In: a path. Out: a listener, and the file it stands for. Nobody can connect before `listen`, and on Linux the file
//! is made with its mode, so there is no moment at which others could come in.

use std::{
    fs, io,
    os::{
        fd::OwnedFd,
        unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
};

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::UnixListener;

/// Callers that may wait between connecting and being accepted; the kernel caps it at its own `somaxconn`.
const BACKLOG: i32 = 1024;
/// For the owner alone.
const MODE: u32 = 0o600;

/// Removes the file when dropped, unless something else took its place.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn is_still_ours(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok_and(|there| (there.dev(), there.ino()) == (self.device, self.inode))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if !self.is_still_ours() {
            tracing::debug!(path = %self.path.display(), "the socket file was gone already");
        } else if let Err(fault) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %fault, "can't remove the socket file");
        }
    }
}

/// Listens at `path`. Keep the file before the listener: removed first, it is never taken for a dead one's.
///
/// # Errors
/// [`io::ErrorKind::AddrInUse`] if somebody has that socket, [`io::ErrorKind::AlreadyExists`] if something else is in
/// the way, else as the system refuses it.
pub(crate) fn listen(path: &Path) -> io::Result<(SocketFile, UnixListener)> {
    let (file, socket) = bind(path, Type::STREAM)?;
    socket.listen(BACKLOG)?;
    let listener = UnixListener::from_std(OwnedFd::from(socket).into())?;
    Ok((file, listener))
}

/// A non-blocking socket of the type `kind`, bound at `path`, that does not listen yet.
///
/// # Errors
/// As [`listen`].
pub(crate) fn bind(path: &Path, kind: Type) -> io::Result<(SocketFile, Socket)> {
    let address = SockAddr::unix(path)?;
    make_room(path, &address, kind)?;
    let socket = private(Socket::new(Domain::UNIX, kind, None)?);
    socket.bind(&address)?;
    let made = fs::symlink_metadata(path)?;
    let file = SocketFile { path: path.to_owned(), device: made.dev(), inode: made.ino() };
    if made.mode() & 0o7777 != MODE {
        fs::set_permissions(path, fs::Permissions::from_mode(MODE))?;
    }
    socket.set_nonblocking(true)?;
    Ok((file, socket))
}

/// Removes the socket of a program that is gone, and nothing else.
fn make_room(path: &Path, address: &SockAddr, kind: Type) -> io::Result<()> {
    let there = match fs::symlink_metadata(path) {
        Ok(there) => there,
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(fault) => return Err(fault),
    };
    if !there.file_type().is_socket() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "a file that is no socket is in the way"));
    }
    let probe = Socket::new(Domain::UNIX, kind, None)?;
    probe.set_nonblocking(true)?; // one whose queue is full would keep us waiting
    match probe.connect(address) {
        Err(fault) if fault.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(()),
        // Also: its queue is full, it is of another type, it lets only its owner in.
        Ok(()) | Err(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another program answers there")),
    }
}

/// Linux gives the file of a socket the mode of the socket. Elsewhere this fails or does nothing, and the mode that
/// the file gets before anybody can connect is the only one.
fn private(socket: Socket) -> Socket {
    let open = fs::File::from(OwnedFd::from(socket));
    drop(open.set_permissions(fs::Permissions::from_mode(MODE)));
    Socket::from(OwnedFd::from(open))
}
