//! One step of a handshake, without a socket: bytes that came in, bytes to send out.

use rustls::{
    CommonState, Error, ExtractedSecrets,
    client::{ClientConnectionData, UnbufferedClientConnection},
    server::{ServerConnectionData, UnbufferedServerConnection},
    unbuffered::{ConnectionState, EncodeError, EncodeTlsData, InsufficientSizeError, UnbufferedStatus},
};

use crate::record::{Established, Kernel};

/// Bytes of a record's header.
const HEADER: usize = 5;
/// The longest record, with its header (RFC 8446 §5.2).
const LONGEST_RECORD: usize = HEADER + (1 << 14) + 256;
/// Content types that rustls knows.
const CONTENT_TYPES: std::ops::RangeInclusive<u8> = 20..=23;

/// Either side of a handshake.
pub(super) trait Side {
    type Data;

    fn process<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data>;
    fn state(&self) -> &CommonState;
    fn into_kernel(self) -> Result<(ExtractedSecrets, Kernel), Error>;
}

impl Side for UnbufferedClientConnection {
    type Data = ClientConnectionData;

    fn process<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(incoming)
    }

    fn state(&self) -> &CommonState {
        self
    }

    fn into_kernel(self) -> Result<(ExtractedSecrets, Kernel), Error> {
        self.dangerous_into_kernel_connection().map(|(secrets, kernel)| (secrets, Kernel::Client(kernel)))
    }
}

impl Side for UnbufferedServerConnection {
    type Data = ServerConnectionData;

    fn process<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(incoming)
    }

    fn state(&self) -> &CommonState {
        self
    }

    fn into_kernel(self) -> Result<(ExtractedSecrets, Kernel), Error> {
        self.dangerous_into_kernel_connection().map(|(secrets, kernel)| (secrets, Kernel::Server(kernel)))
    }
}

/// What a handshake waits for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// More of the peer's bytes.
    Read,
    /// Nothing: it is done.
    Done,
    /// Nothing: the peer ended it.
    Closed,
}

/// A handshake that runs.
pub(super) struct Handshake<C> {
    side: C,
    inbox: Vec<u8>,
    /// Bytes at the front of the inbox that rustls was shown.
    shown: usize,
    outbox: Vec<u8>,
}

/// What rustls wants next.
enum Wish {
    Again,
    More,
    Closed,
    Fail(Error),
}

impl<C: Side> Handshake<C> {
    pub(super) fn new(side: C, inbox: Vec<u8>) -> Self {
        Self { side, inbox, shown: 0, outbox: Vec::new() }
    }

    /// Where bytes of the peer go.
    pub(super) fn inbox(&mut self) -> &mut Vec<u8> {
        &mut self.inbox
    }

    /// What is to be sent, also after a failure.
    pub(super) fn take_outbox(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.outbox)
    }

    pub(super) fn state(&self) -> &CommonState {
        self.side.state()
    }

    /// Goes on as far as the bytes allow.
    pub(super) fn advance(&mut self) -> Result<Next, Error> {
        loop {
            match self.process() {
                Wish::Again => {}
                Wish::Closed => return Ok(Next::Closed),
                Wish::Fail(fault) => {
                    // What is left to say is the alert. Asked for more than that, it would look at the same bytes again.
                    while self.side.state().wants_write() && matches!(self.process(), Wish::Again) {}
                    return Err(fault);
                }
                Wish::More if !self.side.state().is_handshaking() => return Ok(Next::Done),
                Wish::More => match self.record_end() {
                    Some(end) => self.shown = end,
                    None => return Ok(Next::Read),
                },
            }
        }
    }

    /// The keys, and what came behind the handshake.
    pub(super) fn finish(mut self) -> Result<Established, Error> {
        let early = self.inbox.split_off(self.shown.min(self.inbox.len()));
        let (secrets, kernel) = self.side.into_kernel()?;
        Ok(Established { kernel, secrets, early })
    }

    fn process(&mut self) -> Wish {
        let shown = self.inbox.get_mut(..self.shown).unwrap_or_default();
        let UnbufferedStatus { discard, state, .. } = self.side.process(shown);
        let wish = match state {
            Ok(ConnectionState::EncodeTlsData(piece)) => encode(piece, &mut self.outbox),
            Ok(ConnectionState::TransmitTlsData(piece)) => {
                piece.done(); // it is in the outbox, which goes out before anything is read
                Wish::Again
            }
            Ok(ConnectionState::BlockedHandshake | ConnectionState::WriteTraffic(_)) => Wish::More,
            Ok(ConnectionState::PeerClosed | ConnectionState::Closed) => Wish::Closed,
            Ok(_) => Wish::Fail(Error::General("data came inside the handshake".to_owned())),
            Err(fault) => Wish::Fail(fault),
        };
        self.inbox.drain(..discard.min(self.inbox.len()));
        self.shown = self.shown.saturating_sub(discard);
        wish
    }

    /// Where the record behind what was shown ends, if all of it came. What is no record is shown whole, to be refused.
    fn record_end(&self) -> Option<usize> {
        let rest = self.inbox.get(self.shown..)?;
        let [kind, _, _, high, low] = *rest.first_chunk::<HEADER>()?;
        let len = HEADER + usize::from(u16::from_be_bytes([high, low]));
        if !CONTENT_TYPES.contains(&kind) || len > LONGEST_RECORD {
            return Some(self.inbox.len());
        }
        (rest.len() >= len).then_some(self.shown + len)
    }
}

fn encode<D>(mut piece: EncodeTlsData<'_, D>, outbox: &mut Vec<u8>) -> Wish {
    let start = outbox.len();
    if let Err(EncodeError::InsufficientSize(InsufficientSizeError { required_size })) = piece.encode(&mut []) {
        outbox.resize(start + required_size, 0);
        if piece.encode(outbox.get_mut(start..).unwrap_or_default()).is_err() {
            outbox.truncate(start);
        }
    }
    Wish::Again
}
