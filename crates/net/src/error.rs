//! What can go wrong on the line, by whose fault it is, because that decides what is done next.

use std::{io, time::Duration};

use landline_wire::{Fault, FrameError, MessageError};

use crate::{peer::Peer, record::RecordError};

/// Why a call ended or a step of it failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The peer sent what PROTOCOL.md forbids; the stream is out of step.
    #[error("the other end broke the protocol: {0}")]
    Frame(#[from] FrameError),
    /// A message that can't be read, or one of ours that can't be written.
    #[error("the other end broke the protocol: {0}")]
    Message(#[from] MessageError),
    /// A frame of a kind that makes no sense at this point.
    #[error("the other end broke the protocol: {got} came where {wanted} was due")]
    OutOfTurn {
        /// What came.
        got: &'static str,
        /// What the protocol allows here.
        wanted: &'static str,
    },
    /// The peer said no, or that it failed, in so many words.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The line ended inside a frame, or without the mark of a clean end.
    #[error("the line was cut")]
    Cut,
    /// The peer hung up where an answer was due.
    #[error("the other end hung up")]
    HungUp,
    /// Nothing came, or nothing was taken, for this long.
    #[error("no sign of life from the other end for {} s", .0.as_secs())]
    Silent(Duration),
    /// The system reported something else.
    #[error("the line failed: {0}")]
    Io(#[source] io::Error),
}

impl From<io::Error> for CallError {
    fn from(fault: io::Error) -> Self {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
        match fault.kind() {
            UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe => Self::Cut,
            _ => Self::Io(fault),
        }
    }
}

impl From<RecordError> for CallError {
    fn from(fault: RecordError) -> Self {
        Self::Io(fault.into())
    }
}

/// Why no call came about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// The name has no address.
    #[error("{name} has no address")]
    Resolve {
        /// The name that was looked up.
        name: String,
        /// What the resolver said.
        #[source]
        source: io::Error,
    },
    /// No address took the connection.
    #[error("nothing answers at {endpoint}")]
    Connect {
        /// Where we dialled.
        endpoint: String,
        /// What the system said of the last address.
        #[source]
        source: io::Error,
    },
    /// Somebody took the connection but would not shake hands.
    #[error("{endpoint} took the connection but did not complete the handshake")]
    Handshake {
        /// Where we dialled.
        endpoint: String,
        /// What TLS said.
        #[source]
        source: io::Error,
    },
    /// A machine answered, but not with a key that this contact may show.
    #[error("the machine at {endpoint} is not the one you know: it shows {shown}")]
    WrongKey {
        /// Where we dialled.
        endpoint: String,
        /// The key that it showed.
        shown: Peer,
    },
    /// The endpoint can't be dialled like this.
    #[error("{endpoint} can't be dialled for this")]
    Unusable {
        /// The endpoint.
        endpoint: String,
    },
    /// Our own TLS set-up was refused by the library.
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The call stood but its first step failed.
    #[error(transparent)]
    Call(#[from] CallError),
}
