//! Messages that end with a mark or a line end. What was scanned is remembered: no byte is looked at twice, but for a
//! mark's worth. Source: PROTOCOL.md §10.3 and §10.4.

use bytes::{Buf as _, Bytes, BytesMut};

use super::{FramingError, Mark, mark::Place};

/// The end that is looked for.
#[derive(Debug, Clone)]
pub(super) struct Ends {
    mark: Mark,
    /// Whether a carriage return before the mark belongs to it.
    takes_return: bool,
    /// Bytes of the inbox before which no mark begins.
    scanned: usize,
}

impl Ends {
    pub(super) fn of_lines() -> Self {
        Self { mark: Mark::line_feed(), takes_return: true, scanned: 0 }
    }

    pub(super) fn with(mark: Mark) -> Self {
        Self { mark, takes_return: false, scanned: 0 }
    }

    /// Splits one body off the front of `inbox`, its end too.
    ///
    /// The limit is judged on what the body will be at least, so that one without an end is refused as soon as it is too
    /// long; no more is scanned than may still be in time.
    pub(super) fn split(&mut self, inbox: &mut BytesMut, most: usize) -> Result<Option<Bytes>, FramingError> {
        let mark_len = self.mark.as_bytes().len();
        let in_time = inbox.len().min(most.saturating_add(mark_len).saturating_add(1));
        let near = inbox.get(..in_time).unwrap_or_default();
        let place = self.mark.find(near, self.scanned.min(in_time));
        let (Place::At(at) | Place::NotBefore(at)) = place;
        let body = self.body_len(near, at);
        if body > most {
            return Err(FramingError::NoEnd { most });
        }
        if let Place::NotBefore(_) = place {
            self.scanned = at;
            return Ok(None);
        }
        self.scanned = 0;
        let mut taken = inbox.split_to(at);
        taken.truncate(body);
        inbox.advance(mark_len);
        Ok(Some(taken.freeze()))
    }

    /// The stream ended: what is left is a message without its end.
    pub(super) fn rest(&mut self, inbox: &mut BytesMut, most: usize) -> Result<Option<Bytes>, FramingError> {
        self.scanned = 0;
        match inbox.len() {
            0 => Ok(None),
            len if len > most => Err(FramingError::NoEnd { most }),
            len => Ok(Some(inbox.split_to(len).freeze())),
        }
    }

    /// Bytes of a body whose end begins at `at`.
    fn body_len(&self, bytes: &[u8], at: usize) -> usize {
        match at.checked_sub(1) {
            Some(before) if self.takes_return && bytes.get(before) == Some(&b'\r') => before,
            _ => at,
        }
    }

    /// Appends `body` and its end.
    pub(super) fn encode(&self, body: &[u8], into: &mut BytesMut) -> Result<(), FramingError> {
        if let Some(at) = self.early_end(body) {
            return Err(FramingError::HoldsEnd { at });
        }
        into.extend_from_slice(body);
        into.extend_from_slice(self.mark.as_bytes());
        Ok(())
    }

    /// Where a reader would see the end of `body` before its end, or take off more than was put on.
    fn early_end(&self, body: &[u8]) -> Option<usize> {
        match self.mark.find(body, 0) {
            Place::At(at) => return Some(at),
            Place::NotBefore(at) if at < body.len() => {
                // The body ends as the mark begins: with the mark behind it, one may stand earlier.
                let joined = [body.get(at..).unwrap_or_default(), self.mark.as_bytes()].concat();
                if let Place::At(early) = self.mark.find(&joined, 0)
                    && at + early < body.len()
                {
                    return Some(at + early);
                }
            }
            Place::NotBefore(_) => {}
        }
        if self.takes_return && body.last() == Some(&b'\r') { body.len().checked_sub(1) } else { None }
    }
}
