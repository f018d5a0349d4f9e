//! Handshake messages after the handshake: gathered from records, bounded, and told apart (RFC 8446 §4.6, §5.1).

use super::RecordError;

/// Bytes of a message's type and length.
const HEAD: usize = 4;
/// Bytes of one message, at most: tickets of our servers have under 200, those of others that put the whole session into
/// it some thousand.
const LONGEST: usize = 16 << 10;

const NEW_SESSION_TICKET: u8 = 4;
const KEY_UPDATE: u8 = 24;

/// One whole message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// A ticket to resume with; what is behind its head.
    Ticket(Vec<u8>),
    /// The peer's next record has its next key. `asked`: and it wants ours changed too.
    KeyUpdate { asked: bool },
}

/// What has come of messages that are not whole yet.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    bytes: Vec<u8>,
}

impl Gathered {
    /// Whether a message has begun and not ended: only more of it may come then.
    pub(super) fn is_within(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// Adds the content of one record.
    pub(super) fn push(&mut self, content: &[u8]) -> Result<(), RecordError> {
        if content.is_empty() {
            return Err(RecordError::Empty);
        }
        self.bytes.extend_from_slice(content);
        self.whole().map(|_| ())
    }

    /// The next whole message. Called until there is none, before the next record is added.
    pub(super) fn next(&mut self) -> Result<Option<Message>, RecordError> {
        let Some((kind, len)) = self.whole()? else { return Ok(None) };
        let Some(body) = self.bytes.get(HEAD..HEAD + len).map(<[u8]>::to_vec) else { return Ok(None) };
        self.bytes.drain(..HEAD + len);
        if self.bytes.is_empty() {
            self.bytes = Vec::new(); // nothing is held for an idle peer
        }
        match (kind, body.as_slice()) {
            (NEW_SESSION_TICKET, _) => Ok(Some(Message::Ticket(body))),
            // What came in the same record behind it would be under the old key.
            (KEY_UPDATE, _) if self.is_within() => Err(RecordError::Interleaved),
            (KEY_UPDATE, [asked @ (0 | 1)]) => Ok(Some(Message::KeyUpdate { asked: *asked == 1 })),
            (KEY_UPDATE, _) => Err(RecordError::KeyUpdate),
            _ => Err(RecordError::Handshake(kind)),
        }
    }

    /// Type and length of the message at the front, judged as soon as they are there.
    fn whole(&self) -> Result<Option<(u8, usize)>, RecordError> {
        let Some(&[kind, a, b, c]) = self.bytes.first_chunk::<HEAD>() else { return Ok(None) };
        let len = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX);
        match kind {
            NEW_SESSION_TICKET if len <= LONGEST => Ok(Some((kind, len))),
            KEY_UPDATE if len == 1 => Ok(Some((kind, len))),
            NEW_SESSION_TICKET => Err(RecordError::HandshakeTooLong(len)),
            KEY_UPDATE => Err(RecordError::KeyUpdate),
            _ => Err(RecordError::Handshake(kind)),
        }
    }
}

/// The one message that we send.
pub(super) const fn key_update() -> [u8; HEAD + 1] {
    [KEY_UPDATE, 0, 0, 1, 0]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(gathered: &mut Gathered) -> Result<Vec<Message>, RecordError> {
        std::iter::from_fn(|| gathered.next().transpose()).collect()
    }

    #[test]
    fn messages_come_whole_however_they_are_cut_into_records() {
        let ticket = [&[4, 0, 1, 0][..], &[9; 256]].concat();
        let sent = [&ticket[..], &ticket, &[24, 0, 0, 1, 1]].concat();
        for size in [1, 2, 3, 5, 259, 260, 261, sent.len()] {
            let mut gathered = Gathered::default();
            let mut got = Vec::new();
            for record in sent.chunks(size) {
                gathered.push(record).unwrap();
                got.extend(all(&mut gathered).unwrap());
            }
            let ticket = || Message::Ticket(vec![9; 256]);
            assert_eq!(got, [ticket(), ticket(), Message::KeyUpdate { asked: true }], "{size}");
            assert!(!gathered.is_within());
        }
    }

    #[test]
    fn what_may_not_come_is_refused_at_its_head() {
        for (sent, fault) in [
            (&[][..], RecordError::Empty),
            (&[1, 0, 0, 0], RecordError::Handshake(1)),
            (&[13, 0, 0, 9], RecordError::Handshake(13)),
            (&[4, 0, 0x40, 1], RecordError::HandshakeTooLong(LONGEST + 1)),
            (&[4, 0xff, 0xff, 0xff], RecordError::HandshakeTooLong(0xff_ffff)),
            (&[24, 0, 0, 2], RecordError::KeyUpdate),
            (&[24, 0, 0, 0], RecordError::KeyUpdate),
        ] {
            assert_eq!(Gathered::default().push(sent), Err(fault));
        }
        for (sent, fault) in
            [(&[24, 0, 0, 1, 2][..], RecordError::KeyUpdate), (&[24, 0, 0, 1, 0, 4], RecordError::Interleaved)]
        {
            let mut gathered = Gathered::default();
            gathered.push(sent).unwrap();
            assert_eq!(gathered.next(), Err(fault));
        }
    }
}
