//! Standard input and output as something that can be waited for, without a byte lost and without holding up the other direction.
//!
//! In: descriptor 0, read by a thread of its own; pieces to write. Out: pieces as they come, or lines; writing that a slow reader
//! slows and nothing else. A thread that waits for a terminal is left behind when the program ends.

use std::io::{self, Read as _};
use std::thread;

use bytes::{Bytes, BytesMut};
use tokio::sync::{mpsc, oneshot};

use crate::out::Out;

/// Bytes of one read, and of one piece on its way: what a pipe holds.
const PIECE: usize = 64 << 10;
/// Pieces that may wait in either direction.
const WAITING: usize = 4;
/// Bytes of the longest line that is typed or piped in where lines are wanted.
const LONGEST_LINE: usize = 1 << 20;

/// Standard input.
pub(crate) struct Stdin {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    /// What was read and not given out yet.
    rest: BytesMut,
    ended: bool,
}

impl Stdin {
    /// Begins to read.
    pub(crate) fn open() -> Self {
        let (give, pieces) = mpsc::channel(WAITING);
        thread::spawn(move || read(&give));
        Self { pieces, rest: BytesMut::new(), ended: false }
    }

    /// What comes next, as it comes; `None` at the end. Cancel-safe.
    ///
    /// # Errors
    /// As reading fails.
    pub(crate) async fn piece(&mut self) -> io::Result<Option<Bytes>> {
        if !self.rest.is_empty() {
            return Ok(Some(self.rest.split().freeze()));
        }
        if self.ended {
            return Ok(None);
        }
        match self.pieces.recv().await {
            Some(piece) => piece.map(Some),
            None => {
                self.ended = true;
                Ok(None)
            }
        }
    }

    /// The next line without its end; the last one may have none. Cancel-safe.
    ///
    /// # Errors
    /// As reading fails, or if a line is too long.
    pub(crate) async fn line(&mut self) -> io::Result<Option<Bytes>> {
        let mut searched = 0;
        loop {
            let unseen = self.rest.get(searched..).unwrap_or_default();
            if let Some(at) = unseen.iter().position(|byte| *byte == b'\n') {
                let mut line = self.rest.split_to(searched + at + 1);
                line.truncate(line.len() - 1);
                if line.last() == Some(&b'\r') {
                    line.truncate(line.len() - 1);
                }
                return Ok(Some(line.freeze()));
            }
            searched = self.rest.len();
            if searched > LONGEST_LINE {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a line has more than 1 MiB"));
            }
            match if self.ended { None } else { self.pieces.recv().await } {
                Some(piece) => self.rest.extend_from_slice(&piece?),
                None => {
                    self.ended = true;
                    let last = self.rest.split().freeze();
                    return Ok((!last.is_empty()).then_some(last));
                }
            }
        }
    }
}

fn read(give: &mpsc::Sender<io::Result<Bytes>>) {
    let mut stdin = io::stdin().lock();
    let mut room = vec![0; PIECE];
    loop {
        let piece = match stdin.read(&mut room) {
            Ok(0) => return,
            Ok(len) => Ok(Bytes::copy_from_slice(room.get(..len).unwrap_or_default())),
            Err(fault) if fault.kind() == io::ErrorKind::Interrupted => continue,
            Err(fault) => Err(fault),
        };
        let over = piece.is_err();
        if give.blocking_send(piece).is_err() || over {
            return;
        }
    }
}

/// Standard output, written by a thread. Cheap to clone: several may write.
#[derive(Clone)]
pub(crate) struct Stdout {
    pieces: mpsc::Sender<Piece>,
    out: Out,
}

enum Piece {
    Bytes(Bytes),
    Told(oneshot::Sender<()>),
}

impl Stdout {
    /// Writes through `out`, each piece at once.
    pub(crate) fn open(out: &Out) -> Self {
        let (pieces, mut take) = mpsc::channel(WAITING);
        let to = out.clone();
        thread::spawn(move || {
            while let Some(piece) = take.blocking_recv() {
                match piece {
                    Piece::Bytes(bytes) => {
                        to.bytes(&bytes);
                        to.flush();
                    }
                    Piece::Told(done) => drop(done.send(())),
                }
            }
        });
        Self { pieces, out: out.clone() }
    }

    /// Writes `bytes`; waits while the reader is slow. Whether somebody still reads.
    pub(crate) async fn write(&self, bytes: Bytes) -> bool {
        self.pieces.send(Piece::Bytes(bytes)).await.is_ok() && !self.out.is_gone()
    }

    /// Waits until everything is written.
    pub(crate) async fn written(&self) {
        let (done, wait) = oneshot::channel();
        if self.pieces.send(Piece::Told(done)).await.is_ok() {
            drop(wait.await); // an error: the thread is gone, and with it what it had to say
        }
    }
}
