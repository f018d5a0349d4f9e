//! What can go wrong on a raw connection.

use std::{io, time::Duration};

use landline_addr::source::SourceKey;

/// Why a raw connection ended, or a message was not sent.
///
/// ```
/// use landline_net::raw::{Connection, RawError, Talk};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let lines = Talk { incoming: "u8".parse()?, outgoing: "raw".parse()?, ..Talk::default() };
/// let (mut here, mut there) = Connection::pair(64, &lines)?;
/// here.send(b"\x05abc").await?; // five bytes are announced, three come
/// here.finish().await?;
/// assert!(matches!(there.receive().await, Err(RawError::Framing(_))));
///
/// let left = RawError::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
/// assert!(left.is_leaving(), "the other end just left");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RawError {
    /// The system said so.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What came is no message of the framing, or what was to be sent can be none.
    #[error(transparent)]
    Framing(#[from] landline_wire::framing::FramingError),
    /// Nothing came within the time that was set for it.
    #[error("nothing came for {0:?}")]
    Idle(Duration),
    /// The connection lasted longer than was allowed.
    #[error("the time limit of {0:?} was over")]
    TimedOut(Duration),
    /// The challenge was not met, or not in time.
    #[error("the other end did not prove that it has the key")]
    Unproved,
    /// Its source has as many connections already as one source may have.
    #[error("{0} has too many connections")]
    TooMany(SourceKey),
    /// Its source made too many connections in too short a time.
    #[error("{0} connects too often")]
    TooOften(SourceKey),
    /// An operation that this framing or this kind of socket can't do.
    #[error("{0}")]
    Unsuitable(&'static str),
}

impl RawError {
    /// What kind of fault of the system it is, if it is one.
    #[must_use]
    pub fn io_kind(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Io(fault) => Some(fault.kind()),
            _ => None,
        }
    }

    /// Whether the other end just left: a reset, a broken pipe. Servers go on after it and it is nobody's fault.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
        self.io_kind().is_some_and(|kind| {
            matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof)
        })
    }
}
