//! A link between the two machines of the self-test that stops at a byte: there a process is killed, or the line cut.
//!
//! In: where the server is; after how many bytes to stop. Out: an address to dial, a word when it has stopped.
//! Bytes of both ways count together, and not one goes on after the last that may; so a point is the same each time.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

/// Bytes that are handed on at once.
const PIECE: usize = 16 << 10;

/// Listens until dropped.
pub(super) struct Link {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    server: SocketAddr,
    passed: u64,
    /// After how many bytes nothing goes on, and who is told.
    stop: Option<(u64, mpsc::Sender<()>)>,
    open: Vec<TcpStream>,
    over: bool,
}

impl Link {
    /// # Errors
    /// As the system refuses a port.
    pub(super) fn to(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let state = State { server, passed: 0, stop: None, open: Vec::new(), over: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for near in listener.incoming() {
                if accepting.lock().over {
                    return;
                }
                // A server that is gone is met by a closed connection, as it would be without us.
                let Ok(near) = near else { continue };
                drop(accepting.connect(near));
            }
        });
        Ok(Self { address, shared })
    }

    /// What to dial.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Bytes that went over it since [`Self::begin`], both ways.
    pub(super) fn passed(&self) -> u64 {
        self.shared.lock().passed
    }

    /// Counts from zero, leads to `server`, and stops after `bytes`, if any.
    pub(super) fn begin(&self, server: SocketAddr, bytes: Option<u64>) -> mpsc::Receiver<()> {
        let (told, stopped) = mpsc::channel();
        let mut state = self.shared.lock();
        (state.server, state.passed, state.stop) = (server, 0, bytes.map(|bytes| (bytes, told)));
        stopped
    }

    /// Cuts what is connected; from now on everything goes on again.
    pub(super) fn cut(&self) {
        let mut state = self.shared.lock();
        state.stop = None;
        for end in state.open.drain(..) {
            drop(end.shutdown(Shutdown::Both)); // the other end may have closed it
        }
        drop(state);
        self.shared.changed.notify_all();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.shared.lock().over = true;
        self.cut();
        drop(TcpStream::connect(self.address)); // wakes the thread that accepts
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connect(self: &Arc<Self>, near: TcpStream) -> io::Result<()> {
        let server = self.lock().server;
        let far = TcpStream::connect(server)?;
        for end in [&near, &far] {
            end.set_nodelay(true)?;
            self.lock().open.push(end.try_clone()?);
        }
        let (from, to) = (near.try_clone()?, far.try_clone()?);
        let (up, down) = (Arc::clone(self), Arc::clone(self));
        thread::spawn(move || up.pump(from, to));
        thread::spawn(move || down.pump(far, near));
        Ok(())
    }

    fn pump(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut piece = [0; PIECE];
        while let Ok(read @ 1..) = from.read(&mut piece) {
            let mut rest = piece.get(..read).unwrap_or_default();
            while !rest.is_empty() {
                let (now, later) = rest.split_at(self.admit(rest.len()));
                if to.write_all(now).is_err() {
                    drop(from.shutdown(Shutdown::Both));
                    return;
                }
                rest = later;
                if !rest.is_empty() {
                    self.wait();
                }
            }
        }
        drop(to.shutdown(Shutdown::Write)); // gone already, if this was a cut
    }

    /// How many of `wanted` bytes may go on; they count as passed.
    fn admit(&self, wanted: usize) -> usize {
        let mut state = self.lock();
        let left = state.stop.as_ref().map_or(u64::MAX, |(stop, _)| stop.saturating_sub(state.passed));
        let admitted = wanted.min(usize::try_from(left).unwrap_or(usize::MAX));
        state.passed = state.passed.saturating_add(u64::try_from(admitted).unwrap_or(0));
        if admitted < wanted
            && let Some((_, told)) = &state.stop
        {
            told.send(()).ok(); // told before, or nobody listens any more
        }
        admitted
    }

    /// Until everything goes on again.
    fn wait(&self) {
        let mut state = self.lock();
        while state.stop.as_ref().is_some_and(|(stop, _)| state.passed >= *stop) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_so_many_bytes_go_on_and_the_rest_after_a_cut_on_a_new_connection() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let link = Link::to(server.local_addr().unwrap()).unwrap();
        let stopped = link.begin(server.local_addr().unwrap(), Some(1000));
        let mut near = TcpStream::connect(link.address()).unwrap();
        let (mut far, _) = server.accept().unwrap();
        near.write_all(&[7; 5000]).unwrap();
        stopped.recv().unwrap();
        assert_eq!(link.passed(), 1000);
        let mut got = [0; 1000];
        far.read_exact(&mut got).unwrap();
        link.cut();
        assert!(matches!(far.read(&mut got), Ok(0) | Err(_)));
        let mut near = TcpStream::connect(link.address()).unwrap();
        let (mut far, _) = server.accept().unwrap();
        near.write_all(&[8; 1000]).unwrap();
        far.read_exact(&mut got).unwrap();
        assert_eq!(got, [8; 1000]);
    }
}
