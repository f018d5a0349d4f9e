//! The receiving end: records in, plaintext out, straight to where it belongs when a whole record goes there.
//!
//! Invariant: however the stream is cut into reads, the same bytes come out. A `poll` that is dropped loses none.

use std::{
    io,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::io::AsyncRead;

use super::{
    ContentType, HEADER, RecordError, Session, TAG, TAIL, body_len,
    error::alert::{CLOSE_NOTIFY, USER_CANCELED},
    inbox::Inbox,
    open::Opener,
    post::{Gathered, Message},
};
use crate::body::Body;

/// Records in a row that carry no data: more than any handshake message or change of keys needs, few enough that a peer
/// can't keep us busy for nothing. The figure is that of BoringSSL and rustls for key updates.
const FRUITLESS: u32 = 32;

/// Where plaintext is wanted.
#[derive(Debug)]
pub(crate) enum Destination<'a> {
    /// Up to as much as fits.
    Slice(&'a mut [u8]),
    /// Until the body has so many bytes.
    Body(&'a mut Body, usize),
    /// Nowhere: it is forgotten.
    Void,
}

/// What came of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Got {
    /// So many bytes of plaintext, at least one.
    Bytes(usize),
    /// Bytes from the line that are no plaintext yet.
    Life,
    /// The clean end.
    End,
}

/// Opens what the other side says; see [`super`].
#[derive(Debug)]
pub(crate) struct RecordReader {
    opener: Opener,
    session: Arc<Session>,
    inbox: Inbox,
    /// The record at the front of the inbox, if it was opened there and not used up.
    opened: Option<Opened>,
    gathered: Gathered,
    fruitless: u32,
    ended: bool,
    failed: Option<RecordError>,
}

/// Plaintext inside the record at the front of the inbox.
#[derive(Debug, Clone, Copy)]
struct Opened {
    from: usize,
    to: usize,
    record: usize,
}

/// What a record was.
enum Was {
    /// Data that went straight to where it belongs.
    Placed(usize),
    /// Data that stands in the inbox, or nothing to hand on.
    Here,
    /// Not whole yet.
    Missing,
}

impl RecordReader {
    pub(super) fn new(opener: Opener, session: Arc<Session>, early: Vec<u8>) -> Self {
        let (inbox, gathered) = (Inbox::holding(early), Gathered::default());
        Self { opener, session, inbox, opened: None, gathered, fruitless: 0, ended: false, failed: None }
    }

    /// Hands on what has come; [`Got::Life`] if that is nothing.
    ///
    /// # Errors
    /// What is wrong with a record, from then on always the same; the alert for it is left to the writer.
    pub(crate) fn take(&mut self, to: &mut Destination<'_>) -> Result<Got, RecordError> {
        if let Some(fault) = &self.failed {
            return Err(fault.clone());
        }
        self.take_all(to).inspect_err(|fault| {
            tracing::debug!(%fault, "a record is refused");
            self.session.leave_alert(fault);
            self.failed = Some(fault.clone());
        })
    }

    /// Reads from the line once, for [`Self::take`] to look at.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] at an end without the mark of a clean one, else as the line fails.
    pub(crate) fn poll_fill<R: AsyncRead + Unpin>(&mut self, cx: &mut Context<'_>, rd: &mut R) -> Poll<io::Result<()>> {
        match ready!(self.inbox.poll_fill(cx, rd))? {
            0 => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            _ => Poll::Ready(Ok(())),
        }
    }

    fn take_all(&mut self, to: &mut Destination<'_>) -> Result<Got, RecordError> {
        let mut taken = 0;
        loop {
            taken += self.hand_out(to);
            if to.wants() == 0 {
                return Ok(Got::Bytes(taken));
            }
            match if self.ended { Was::Missing } else { self.open_next(to)? } {
                Was::Placed(len) => taken += len,
                Was::Here => {}
                Was::Missing if taken > 0 => return Ok(Got::Bytes(taken)),
                Was::Missing if self.ended => return Ok(Got::End),
                Was::Missing => return Ok(Got::Life),
            }
        }
    }

    /// Hands out of the record that stands open in the inbox.
    fn hand_out(&mut self, to: &mut Destination<'_>) -> usize {
        let Some(mut opened) = self.opened.take() else { return 0 };
        let plain = self.inbox.waiting().get(opened.from..opened.to).unwrap_or_default();
        let len = to.put(plain);
        opened.from += len;
        if opened.from < opened.to {
            self.opened = Some(opened);
        } else {
            self.inbox.consume(opened.record);
        }
        len
    }

    /// Opens the record at the front: into its destination if all of it belongs there, else where it stands.
    fn open_next(&mut self, to: &mut Destination<'_>) -> Result<Was, RecordError> {
        let is_split = self.gathered.is_within(); // then only more of the handshake message may come
        let waiting = self.inbox.waiting();
        let Some(header) = waiting.first_chunk::<HEADER>().copied() else { return Ok(Was::Missing) };
        let len = body_len(header)?;
        let Some(body) = waiting.get_mut(HEADER..HEADER + len) else { return Ok(Was::Missing) };
        let record = HEADER + len;
        let wanted = to.wants();
        match to {
            Destination::Body(place, whole) if len - TAIL <= wanted => {
                // The content type comes out behind the content, so there has to be room for it.
                let room = place.room(len - TAG, whole.saturating_add(1));
                let (kind, len) = self.opener.open_into(header, body, room)?;
                self.inbox.consume(record);
                if kind == ContentType::ApplicationData && !is_split {
                    place.advance(len);
                    return self.count(len).map(|()| Was::Placed(len));
                }
                self.control(kind, room.get(..len).unwrap_or_default())?;
            }
            Destination::Body(..) | Destination::Slice(_) | Destination::Void => {
                let (kind, len) = self.opener.open(header, body)?;
                if kind == ContentType::ApplicationData && !is_split {
                    self.opened = Some(Opened { from: HEADER, to: HEADER + len, record });
                    return self.count(len).map(|()| Was::Here);
                }
                let content = body.get(..len).unwrap_or_default().to_vec();
                self.inbox.consume(record);
                self.control(kind, &content)?;
            }
        }
        self.count(0).map(|()| Was::Here)
    }

    /// What is no data, or comes where none may.
    fn control(&mut self, kind: ContentType, content: &[u8]) -> Result<(), RecordError> {
        if kind != ContentType::Handshake && self.gathered.is_within() {
            return Err(RecordError::Interleaved);
        }
        if kind != ContentType::Handshake {
            self.ended = alert(content)?;
            return Ok(());
        }
        self.gathered.push(content)?;
        while let Some(message) = self.gathered.next()? {
            match message {
                Message::Ticket(ticket) => self.session.keep_ticket(&ticket)?,
                Message::KeyUpdate { asked } => {
                    self.opener = Opener::new(self.session.next_opening()?)?;
                    if asked {
                        self.session.ask_for_keys();
                    }
                }
            }
        }
        Ok(())
    }

    /// Counts records that carry nothing.
    fn count(&mut self, data: usize) -> Result<(), RecordError> {
        self.fruitless = if data > 0 { 0 } else { self.fruitless + 1 };
        if self.fruitless > FRUITLESS { Err(RecordError::Fruitless) } else { Ok(()) }
    }
}

/// Whether an alert is the clean end. The level says nothing (RFC 8446 §6).
fn alert(content: &[u8]) -> Result<bool, RecordError> {
    match content {
        [] => Err(RecordError::Empty),
        [_, CLOSE_NOTIFY] => Ok(true),
        [_, USER_CANCELED] => Ok(false),
        [_, other] => Err(RecordError::Alert(*other)),
        _ => Err(RecordError::AlertForm),
    }
}

impl Destination<'_> {
    /// Bytes that are still wanted.
    fn wants(&self) -> usize {
        match self {
            Self::Slice(room) => room.len(),
            Self::Body(body, whole) => whole.saturating_sub(body.len()),
            Self::Void => usize::MAX,
        }
    }

    /// Takes from the front of `plain`: how much.
    fn put(&mut self, plain: &[u8]) -> usize {
        let (now, _) = plain.split_at(plain.len().min(self.wants()));
        match self {
            Self::Slice(room) => {
                let (place, rest) = std::mem::take(room).split_at_mut(now.len());
                place.copy_from_slice(now);
                *room = rest;
            }
            Self::Body(body, whole) => {
                body.room(now.len(), whole.saturating_add(1)).copy_from_slice(now);
                body.advance(now.len());
            }
            Self::Void => {}
        }
        now.len()
    }
}
